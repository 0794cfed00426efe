//! A server's clock that jumped: whatever it stamped before looks older than it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// The two clocks may drift apart by this much between two samples: a slow answer, a stopped process.
const TOLERATED: Duration = Duration::from_secs(5);

/// The last jump of a server's clock, if it ever jumped forward.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Skew {
    /// The last moment before the jump by the server's clock, and how far it jumped.
    jump: Option<(Timestamp, Duration)>,
}

impl Skew {
    /// Compares what passed between two samples, taken `at` by the server's clock and `received` by ours. `true` when
    /// the server's clock jumped. After a jump back nothing seems old, which accuses nobody.
    pub(super) fn compare(
        &mut self,
        (at, received): (Timestamp, Timestamp),
        (next_at, next_received): (Timestamp, Timestamp),
    ) -> bool {
        let ours = next_received.age_of(received);
        let by = next_at.seconds_since(at) - ours.as_secs_f64();
        let jumped = by.abs() >= TOLERATED.as_secs_f64();
        if jumped {
            self.jump = Duration::try_from_secs_f64(by).ok().map(|by| (at.plus(ours), by));
        }
        jumped
    }

    /// How long it was from one of the server's stamps to a later one, without what a jump in between added.
    pub(super) fn span(self, from: Timestamp, to: Timestamp) -> Duration {
        let span = to.age_of(from);
        match self.jump {
            Some((before, by)) if from <= before && to > before => span.saturating_sub(by),
            _ => span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    #[test]
    fn only_spans_across_the_jump_are_shortened() {
        let mut skew = Skew::default();
        assert!(!skew.compare((at(10.0), at(10.0)), (at(13.0), at(11.0))), "a slow answer");
        assert!(skew.compare((at(20.0), at(20.0)), (at(121.0), at(21.0))));
        for (from, to, seconds) in [(5.0, 15.0, 10), (5.0, 125.0, 20), (121.0, 125.0, 4)] {
            assert_eq!(skew.span(at(from), at(to)), Duration::from_secs(seconds), "{from} to {to}");
        }
        assert!(skew.compare((at(130.0), at(30.0)), (at(31.0), at(31.0))), "back");
        assert_eq!(skew.span(at(121.0), at(31.0)), Duration::ZERO);
    }
}
