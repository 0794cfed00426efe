//! What is learned about one pool: how its releases end, which statements it runs, how long its transactions lie
//! idle, how busy it is. It fades, and it is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::endings::{Ending, Shape};
use super::library::Recognition;
use super::mix::Mix;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// Fewer observed releases than this say nothing about a pool's habits.
const ENOUGH: u32 = 5;
/// More than this, and the older half makes room, so that a pool may change its driver.
const FULL: u32 = 1000;
/// Returns remembered at most.
const RETURNS: usize = 64;

/// The habits of one pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Habits {
    /// Statements seen to leave a connection idle.
    pub(crate) endings: u32,
    /// Of these, releases.
    pub(crate) releases: u32,
    pub(super) mix: Mix,
    /// Which client library it comes from, as far as its sessions gave it away.
    pub(super) recognition: Recognition,
    /// The longest spell idle in transaction that came to an end by itself, and when.
    longest_return: Option<(Duration, Timestamp)>,
    /// When stranded connections came back to life, newest last.
    returns: VecDeque<Timestamp>,
    /// How much of the connections that are not frozen was busy lately, 0–1.
    pub(super) busy: f64,
    /// How many of the last samples saw the pool do something, 0–1.
    lively: f64,
    /// The same when it last did something.
    pub(super) lively_before: f64,
    /// When it last did something.
    pub(super) last_active: Option<Timestamp>,
    /// Since when more connections are open than declared.
    pub(super) exceeded_since: Option<Timestamp>,
    /// When it was last looked at.
    seen: Option<Timestamp>,
}

impl Habits {
    /// Learns from a statement that left a connection idle.
    pub(in crate::analysis) fn learn_ending(&mut self, shape: Shape, in_transaction: bool) {
        self.mix.add(shape.hash);
        if in_transaction {
            return;
        }
        if self.endings >= FULL {
            (self.endings, self.releases) = (self.endings / 2, self.releases / 2);
        }
        self.endings += 1;
        self.releases += u32::from(shape.ending == Ending::Release);
    }

    /// At least half of its releases leave a mark: a connection without it was not given back.
    pub(crate) fn marks_releases(&self) -> bool {
        self.endings >= ENOUGH && self.releases * 2 >= self.endings
    }

    /// It was seen to finish what it began.
    pub(super) fn is_known(&self) -> bool {
        self.endings >= ENOUGH
    }

    /// How long its sessions lie idle in their transactions in its ordinary work, as far as that was seen. What was
    /// learned fades: after an hour it counts half, so that one odd evening does not excuse a leak for ever.
    pub(crate) fn usual_idle_in_transaction(&self, at: Timestamp) -> Option<Duration> {
        let (longest, seen) = self.longest_return?;
        let hours = at.age_of(seen).as_secs_f64() / 3600.0;
        Some(longest.mul_f64(0.5_f64.powf(hours)))
    }

    /// Learns from a session that went on after lying idle in its transaction.
    pub(in crate::analysis) fn learn_return(&mut self, spell: Duration, at: Timestamp) {
        if self.usual_idle_in_transaction(at).is_none_or(|usual| spell > usual) {
            self.longest_return = Some((spell, at));
        }
    }

    /// A stranded connection came back to life.
    pub(in crate::analysis) fn note_return(&mut self, at: Timestamp) {
        self.returns.push_back(at);
        if self.returns.len() > RETURNS {
            self.returns.pop_front();
        }
    }

    /// Stranded connections that came back within the last `span`.
    pub(super) fn returned_within(&self, span: Duration, at: Timestamp) -> usize {
        self.returns.iter().filter(|returned| at.age_of(**returned) <= span).count()
    }

    /// Takes over what one sample says. `active` when the pool did something since the one before, `busy` the share of
    /// its connections that are busy, those aside that are frozen. A gap between samples is not silence: what was not
    /// seen is not averaged in.
    pub(super) fn observe(&mut self, active: bool, busy: f64, at: Timestamp, thresholds: &Thresholds) {
        let since = self.seen.replace(at).map_or(Duration::ZERO, |seen| at.age_of(seen));
        self.mix.fade(0.5_f64.powf(ratio(since, thresholds.half_life)));
        let step = since.min(thresholds.frozen / 8);
        self.busy += weight(step, thresholds.frozen) * (busy - self.busy);
        self.lively += weight(step, thresholds.frozen / 2) * (f64::from(u8::from(active)) - self.lively);
        if active {
            self.last_active = Some(at);
            self.lively_before = self.lively;
        }
    }

    /// The clock jumped, or the server is another one: what was learned about times does not hold any more.
    pub(in crate::analysis) fn restart(&mut self) {
        self.longest_return = None;
        self.returns.clear();
        (self.busy, self.lively, self.lively_before) = (0.0, 0.0, 0.0);
        (self.last_active, self.exceeded_since, self.seen) = (None, None, None);
    }
}

/// How much a step of this length moves an average over `over`.
fn weight(step: Duration, over: Duration) -> f64 {
    1.0 - (-ratio(step, over)).exp()
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    fn shape(ending: Ending) -> Shape {
        Shape { ending, hash: 1 }
    }

    #[test]
    fn what_was_learned_about_a_pool_counts_half_after_an_hour() {
        let mut habits = Habits::default();
        assert_eq!(habits.usual_idle_in_transaction(at(0.0)), None);
        habits.learn_return(Duration::from_secs(80), at(0.0));
        habits.learn_return(Duration::from_secs(50), at(1.0));
        assert_eq!(habits.usual_idle_in_transaction(at(3600.0)), Some(Duration::from_secs(40)));
        habits.learn_return(Duration::from_secs(50), at(3600.0));
        assert_eq!(habits.usual_idle_in_transaction(at(3600.0)), Some(Duration::from_secs(50)));
    }

    #[test]
    fn a_pool_marks_its_releases_when_half_of_enough_endings_do() {
        let mut habits = Habits::default();
        for ending in [Ending::Release, Ending::Release, Ending::Work, Ending::Release] {
            habits.learn_ending(shape(ending), false);
        }
        assert!(!habits.marks_releases(), "four are not enough");
        habits.learn_ending(shape(Ending::Work), true);
        assert!(!habits.marks_releases(), "a statement inside a transaction ends nothing");
        habits.learn_ending(shape(Ending::Work), false);
        assert!(habits.marks_releases());
        for _ in 0..10 * FULL {
            habits.learn_ending(shape(Ending::Work), false);
        }
        assert!(!habits.marks_releases(), "its driver is another one now");
    }

    #[test]
    fn a_gap_is_not_silence() {
        let thresholds = Thresholds::default();
        let mut habits = Habits::default();
        for second in 0..600 {
            habits.observe(true, 1.0, at(f64::from(second)), &thresholds);
        }
        habits.observe(false, 0.0, at(6000.0), &thresholds);
        assert!(habits.busy > 0.8 && habits.lively > 0.7, "{habits:?}");
        assert!((habits.lively_before - 1.0).abs() < 0.01);
    }
}
