//! Recordings of real servers under pools that leak and pools that only look like it, through the real analysis.
//! `tests/recordings/README.md` says what they are.

use crate::analysis::fixture::labelled::{Outcome, play};
use crate::model::leak::LeakState;
use crate::model::thresholds::Thresholds;

const RECORDINGS: [(&str, &[u8]); 2] = [
    ("ext15_s41", include_bytes!("../../../tests/recordings/ext15_s41.jsonl.zst")),
    ("hard15_s21", include_bytes!("../../../tests/recordings/hard15_s21.jsonl.zst")),
];

/// The recordings' time is compressed ten times.
fn played(packed: &[u8], every: usize) -> Vec<Outcome> {
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    play(text.lines(), Thresholds::default().scaled(0.1), every).unwrap()
}

#[test]
fn each_recorded_pool_is_called_what_it_is() {
    for (name, packed) in RECORDINGS {
        let outcomes = played(packed, 1);
        assert!(
            outcomes.iter().any(|outcome| outcome.leaks) && outcomes.iter().any(|outcome| !outcome.leaks)
        );
        for outcome in outcomes {
            assert_eq!(outcome.is_suspect(), outcome.leaks, "{name}: {outcome:?}");
        }
    }
}

#[test]
fn two_of_three_samples_that_are_missed_are_no_silence() {
    let (name, packed) = RECORDINGS[1];
    for outcome in played(packed, 3) {
        assert_eq!(outcome.is_suspect(), outcome.leaks, "{name}: {outcome:?}");
    }
}

#[test]
fn healthy_pools_keep_a_distance_from_being_suspects() {
    for outcome in
        RECORDINGS.iter().flat_map(|(_, packed)| played(packed, 1)).filter(|outcome| !outcome.leaks)
    {
        assert!(outcome.score <= 40 && outcome.state < Some(LeakState::Suspect), "{outcome:?}");
    }
}
