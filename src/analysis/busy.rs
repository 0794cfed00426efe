//! How busy a pool or a server was, second by second, and what was usual: for advice, which needs a past.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use crate::model::backend::{Backend, State};
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// Counts that are kept: one a second for half an hour.
const KEPT: usize = 1800;
/// Shortest step between two of them; of several readings in one step the highest is kept.
const STEP: Duration = Duration::from_secs(1);
/// Percentiles are worked out again after so long.
const STALE: Duration = Duration::from_secs(10);
/// Fewer readings than this say nothing about what is usual.
const ENOUGH: usize = 20;
/// Share of the steps of a span that must have been read for a statement about all of it.
const COVERED: f64 = 0.8;
/// Stands for a step in which nothing was read.
const GAP: u16 = u16::MAX;
/// Deaths remembered at most, and for how long.
const DEATHS: usize = 64;
const DEATHS_KEPT: Duration = Duration::from_secs(1800);

/// What was usual in a span. At least half of the readings were no more than the median, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usual {
    pub(crate) median: u32,
    pub(crate) p95: u32,
    pub(crate) p99: u32,
}

/// Counts of connections in use, bounded to [`KEPT`] steps of two bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Busy {
    /// Oldest first; [`GAP`] where nothing was read.
    counts: VecDeque<u16>,
    /// The number of the newest step.
    newest: i64,
    computed: Option<Timestamp>,
    recent: Option<Usual>,
    long: Option<Usual>,
}

impl Busy {
    /// Adds a reading. `at` is this machine's clock.
    pub(super) fn add(&mut self, at: Timestamp, count: u32, interval: Duration, thresholds: &Thresholds) {
        let step = step(interval, thresholds);
        let number = at.as_micros().div_euclid(micros(step).max(1));
        if number < self.newest || self.counts.is_empty() {
            // The clock was set back, or this is the first: what is there does not lead here.
            *self = Self { newest: number - 1, ..Self::default() };
        }
        let missed = usize::try_from(number - self.newest).unwrap_or(KEPT).min(KEPT);
        self.counts.extend(std::iter::repeat_n(GAP, missed));
        self.newest = number;
        let count = u16::try_from(count).unwrap_or(GAP).min(GAP - 1);
        if let Some(last) = self.counts.back_mut() {
            *last = if *last == GAP { count } else { count.max(*last) };
        }
        self.counts.drain(..self.counts.len().saturating_sub(KEPT));
        if self.computed.is_none_or(|computed| at < computed || at.age_of(computed) >= STALE) {
            self.computed = Some(at);
            let steps = |span: Duration| steps(span, step);
            (self.recent, _) = self.usual(steps(thresholds.load_window));
            let whole = steps(thresholds.under_use_for);
            let (long, read) = self.usual(whole);
            self.long = long.filter(|_| read as f64 >= COVERED * whole as f64);
        }
    }

    /// In the last `load_window`, or since it is watched.
    pub(crate) fn recent(&self) -> Option<Usual> {
        self.recent
    }

    /// In the last `under_use_for`, once it has been watched for so long.
    pub(crate) fn long(&self) -> Option<Usual> {
        self.long
    }

    /// What was usual in the newest steps, and how many of them were read.
    fn usual(&self, steps: usize) -> (Option<Usual>, usize) {
        let mut read: Vec<u16> =
            self.counts.iter().rev().take(steps).copied().filter(|count| *count != GAP).collect();
        read.sort_unstable();
        let at = |percent: usize| {
            let rank = (read.len() * percent).div_ceil(100).max(1);
            read.get(rank - 1).copied().unwrap_or_default().into()
        };
        let usual = Usual { median: at(50), p95: at(95), p99: at(99) };
        ((read.len() >= ENOUGH).then_some(usual), read.len())
    }
}

/// Long spans are kept in longer steps, so that they fit.
fn step(interval: Duration, thresholds: &Thresholds) -> Duration {
    let fits = thresholds.under_use_for.max(thresholds.load_window) / u32::try_from(KEPT).unwrap_or(1);
    STEP.max(interval).max(fits)
}

fn steps(span: Duration, step: Duration) -> usize {
    usize::try_from(micros(span) / micros(step).max(1)).unwrap_or(KEPT).min(KEPT)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// How long idle connections had been idle when they were last seen, newest last; bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Deaths(VecDeque<(Timestamp, f32)>);

impl Deaths {
    /// A connection is gone that had been idle for so long.
    pub(super) fn add(&mut self, at: Timestamp, idle: Duration) {
        self.0.push_back((at, idle.as_secs_f32()));
        while self.0.len() > DEATHS || self.0.front().is_some_and(|(died, _)| at.age_of(*died) > DEATHS_KEPT)
        {
            self.0.pop_front();
        }
    }

    /// How many had been idle for between `from` and `to` seconds, and how many there were.
    pub(crate) fn between(&self, from: f64, to: f64) -> (usize, usize) {
        let fits = |(_, idle): &&(Timestamp, f32)| (from..=to).contains(&f64::from(*idle));
        (self.0.iter().filter(fits).count(), self.0.len())
    }
}

/// What advice needs to know of a server's last minutes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Past {
    /// Statements that ran: on a processor, or waiting for the disk or inside the server; not for locks or clients.
    pub(crate) running: Busy,
    /// `sessions_lost` of all databases together.
    pub(super) lost: Recent<u64>,
    /// When the facts with the newest of these were read.
    pub(super) lost_at: Option<Timestamp>,
}

impl Past {
    /// Sessions that were killed, broke off or were abandoned, and over how many seconds.
    pub(crate) fn lost(&self) -> Option<(u64, f64)> {
        let (old, new, span_s) = self.lost.ends()?;
        Some((new.checked_sub(*old)?, span_s))
    }
}

/// Whether a backend uses what the server has only so much of: processors, disks, its own structures.
pub(crate) fn runs(backend: &Backend) -> bool {
    let inside = |class: &str| matches!(class, "LWLock" | "IO" | "BufferPin");
    backend.state == State::Active && backend.wait.as_ref().is_none_or(|wait| inside(&wait.class))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::fixture::at;

    const SECOND: Duration = Duration::from_secs(1);

    fn fed(counts: impl IntoIterator<Item = (f64, u32)>) -> Busy {
        let mut busy = Busy::default();
        for (second, count) in counts {
            busy.add(at(second), count, SECOND, &Thresholds::default());
        }
        busy
    }

    #[test]
    fn percentiles_are_those_of_the_counts_that_were_read() {
        let busy = fed((0..=100).map(|second| (f64::from(second), second)));
        assert_eq!(busy.recent(), Some(Usual { median: 50, p95: 95, p99: 99 }));
        assert_eq!(busy.long(), None, "it was not watched for half an hour");
    }

    #[test]
    fn half_an_hour_is_half_an_hour_and_gaps_are_not_idleness() {
        let whole = fed((0..1800).map(|second| (f64::from(second), 7)));
        assert_eq!(whole.long().map(|usual| usual.median), Some(7));
        let holes = fed((0..1800).filter(|second| second % 3 == 0).map(|second| (f64::from(second), 7)));
        assert_eq!(holes.long(), None);
        assert_eq!(holes.recent().map(|usual| usual.p99), Some(7));
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let busy = fed((0..60).map(|second| (f64::from(second), 9)).chain([(5.0, 1)]));
        assert_eq!((busy.counts.len(), busy.recent()), (1, None));
    }

    #[test]
    fn deaths_are_counted_by_how_long_they_had_been_idle_and_bounded() {
        let mut deaths = Deaths::default();
        (0..200).for_each(|second| deaths.add(at(f64::from(second)), Duration::from_secs(240)));
        deaths.add(at(200.0), SECOND);
        assert_eq!((deaths.between(216.0, 264.0), deaths.between(0.0, 2.0).0), ((63, 64), 1));
        deaths.add(at(9000.0), SECOND);
        assert_eq!(deaths.between(0.0, 1000.0), (1, 1));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_bounded_and_percentiles_are_in_order(
            steps in proptest::collection::vec((0.0_f64..5000.0, any::<u32>()), 0..200),
            interval_ms in 1_u64..100_000,
            scale in 0.001_f64..1000.0,
        ) {
            let mut busy = Busy::default();
            let thresholds = Thresholds::default().scaled(scale);
            let mut second = 0.0;
            for (step, count) in steps {
                second += step - 100.0;
                busy.add(at(second), count, Duration::from_millis(interval_ms), &thresholds);
                prop_assert!(!busy.counts.is_empty() && busy.counts.len() <= KEPT);
                for usual in [busy.recent(), busy.long()].into_iter().flatten() {
                    prop_assert!(usual.median <= usual.p95 && usual.p95 <= usual.p99);
                }
            }
        }
    }
}
