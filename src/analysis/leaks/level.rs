//! How far the suspicion against a pool goes: entered after three samples in a row, left slowly.
//!
//! What needs no history (a transaction that has been idle for five thresholds says so by its own clock) is believed at
//! the first sample: a look of a second has to name it, too.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::leak::LeakState;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// Samples in a row that must agree. Not a time: one odd sample is no state, however slow the sampling.
pub(super) const AGREE: u8 = 3;
/// Windows for which the score must have been low before a state is left.
pub(super) const LEAVE_AFTER: u32 = 2;

const LEVELS: [LeakState; 3] = [LeakState::Watch, LeakState::Suspect, LeakState::Leak];

/// The state of one pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) state: Option<LeakState>,
    /// In this state since.
    pub(crate) since: Option<Timestamp>,
    /// Samples in a row that reached each level.
    above: [u8; 3],
    low_since: Option<Timestamp>,
}

impl Level {
    /// Takes the next score, and the part of it that is certain without any history. Where nothing at all speaks against
    /// the pool any more (`None`), the state ends at once.
    pub(super) fn step(&mut self, score: Option<(f64, f64)>, at: Timestamp, thresholds: &Thresholds) {
        let bars = [thresholds.watch, thresholds.suspect, thresholds.leak];
        let (points, certain) = score.unwrap_or_default();
        for (above, bar) in self.above.iter_mut().zip(bars) {
            *above = match points >= bar {
                true if certain >= bar => AGREE,
                true => above.saturating_add(1),
                false => 0,
            };
        }
        let reached = LEVELS.iter().zip(self.above).rev().find(|(_, above)| *above >= AGREE);
        let reached = reached.map(|(level, _)| *level);
        if score.is_none() || reached > self.state {
            self.enter(reached, at);
            return;
        }
        // A leak is left below suspect, the others below watch, so that a score on the edge does not flicker.
        let bar = if self.state == Some(LeakState::Leak) { thresholds.suspect } else { thresholds.watch };
        if points >= bar {
            self.low_since = None;
            return;
        }
        let low = at.age_of(*self.low_since.get_or_insert(at));
        if low >= leave_after(thresholds) {
            self.enter(reached, at);
        }
    }

    fn enter(&mut self, state: Option<LeakState>, at: Timestamp) {
        self.low_since = None;
        if state != self.state {
            self.since = state.map(|_| at);
            self.state = state;
        }
    }
}

fn leave_after(thresholds: &Thresholds) -> Duration {
    thresholds.window * LEAVE_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    /// States after each of these scores, one second apart, with windows of five seconds.
    fn told(scores: &[f64]) -> Vec<Option<LeakState>> {
        let thresholds = Thresholds { window: Duration::from_secs(5), ..Thresholds::default() };
        let mut level = Level::default();
        let seconds = (0..).map(f64::from);
        let step = |(score, second): (&f64, f64)| {
            let score = Some((*score, 0.0)).filter(|(score, _)| *score > 0.0);
            level.step(score, at(second), &thresholds);
            level.state
        };
        scores.iter().zip(seconds).map(step).collect()
    }

    #[test]
    fn a_state_is_entered_after_three_samples_in_a_row() {
        use LeakState::{Leak, Suspect, Watch};
        assert_eq!(told(&[60.0, 60.0, 20.0, 60.0, 60.0]).last(), Some(&None));
        assert_eq!(told(&[60.0, 60.0, 60.0]).last(), Some(&Some(Suspect)));
        assert_eq!(told(&[40.0, 60.0, 60.0]).last(), Some(&Some(Watch)));
        assert_eq!(told(&[90.0, 90.0, 90.0]).last(), Some(&Some(Leak)));
        let mut level = Level::default();
        level.step(Some((80.0, 60.0)), at(0.0), &Thresholds::default());
        assert_eq!(level.state, Some(Suspect), "as far as it needs no history");
    }

    #[test]
    fn a_state_is_left_after_two_windows_of_low_scores_or_at_once_without_evidence() {
        use LeakState::{Leak, Suspect};
        let low = |score: f64, many: usize| [vec![90.0; 3], vec![score; many]].concat();
        assert_eq!(told(&low(60.0, 60)).last(), Some(&Some(Leak)), "not low enough");
        assert_eq!(told(&low(40.0, 10)).last(), Some(&Some(Leak)), "not long enough");
        assert_eq!(told(&low(40.0, 11)).last(), Some(&Some(LeakState::Watch)));
        assert_eq!(told(&low(10.0, 11)).last(), Some(&None));
        assert_eq!(told(&low(0.0, 1)).last(), Some(&None));
        let flickers = [vec![60.0; 3], vec![20.0; 8], vec![40.0], vec![20.0; 8]].concat();
        assert_eq!(told(&flickers).last(), Some(&Some(Suspect)), "low twice, never for two windows");
    }
}
