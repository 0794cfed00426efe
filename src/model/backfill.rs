//! What a metrics system kept of a profile: numbers of its pools and limits at regular steps, long after the samples
//! themselves are gone.

use std::time::Duration;

use super::limit::LimitScope;
use super::pool::Layer;
use super::target::{TargetKind, TargetName};
use super::time::Timestamp;
use crate::text::Text;

/// A stretch of the past as it was kept. What was not kept at a step is `None` there.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// The time of the first step.
    pub from: Timestamp,
    /// Between two steps.
    pub step: Duration,
    /// How many steps there are; every series has a value, or none, for each.
    pub steps: usize,
    /// What was kept.
    pub series: Vec<Kept>,
    /// What is odd about the answer, in words: partial, warnings, series left out.
    pub notes: Vec<Text>,
}

/// One kept series.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Of which target.
    pub target: TargetName,
    /// What it says.
    pub what: What,
    /// A value per step.
    pub values: Vec<Option<u32>>,
}

/// What a series says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A number of a pool.
    Pool(PoolName, PoolNumber),
    /// Whose a pool is.
    Traits(PoolName, Traits),
    /// A number of a limit.
    Limit(LimitScope, Text, LimitNumber),
    /// Client backends of a server.
    Backends(BackendNumber),
    /// Clients or requests that are queued at the target.
    Queued,
    /// Whether the target was live: 1 or 0.
    Up,
    /// What the target is.
    Is(TargetKind),
}

/// A pool within its target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolName {
    /// In which layer it is seen.
    pub layer: Layer,
    /// Its name, without the client's address.
    pub name: Text,
}

/// Whose a pool is, where it is one owner's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Application.
    pub application: Option<Text>,
    /// User.
    pub user: Option<Text>,
    /// Database.
    pub database: Option<Text>,
}

/// Which number of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolNumber {
    /// In use.
    Used,
    /// Idle.
    Idle,
    /// Running a statement.
    Active,
    /// Idle in transaction.
    IdleInTransaction,
    /// Idle in an aborted transaction.
    Aborted,
    /// Queued for a connection.
    Pending,
    /// Open.
    Open,
    /// The most that may be open.
    Max,
}

/// Which number of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitNumber {
    /// What counts against it.
    Used,
    /// The limit itself.
    Max,
    /// Of it, what is reserved.
    Reserved,
}

/// Which backends of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendNumber {
    /// Running a statement.
    Active,
    /// Idle.
    Idle,
    /// Idle in transaction.
    IdleInTransaction,
    /// Idle in an aborted transaction.
    Aborted,
    /// In a state that was not visible.
    Unknown,
    /// Waiting for a lock.
    Blocked,
}

/// How far back a profile was kept, hour by hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Between two kept values, where they were kept most densely.
    pub interval: Duration,
    /// The ends of the hours in which anything was kept, oldest first.
    pub hours: Vec<Timestamp>,
}

/// An hour.
pub const HOUR: Duration = Duration::from_secs(3600);

impl Coverage {
    /// The beginning of what was kept, to the hour.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.hours.first().map(|end| end.minus(HOUR))
    }

    /// The hours between the first and `until` in which nothing was kept, joined to gaps.
    pub fn gaps(&self, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let ends = self.hours.iter().copied();
        let starts = self.hours.iter().skip(1).map(|end| end.minus(HOUR)).chain([until]);
        ends.zip(starts).filter(|(end, start)| end < start).collect()
    }

    /// The last time up to `at` at which something may have been kept.
    pub fn last_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.iter().rev().find(|end| end.minus(HOUR) < at).map(|end| at.min(*end))
    }

    /// The first time from `at` on at which something may have been kept.
    pub fn first_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.iter().find(|end| **end > at).map(|end| at.max(end.minus(HOUR)))
    }
}

impl Backfill {
    /// The time of a step.
    pub fn at(&self, step: usize) -> Timestamp {
        self.from.plus(self.step.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)))
    }

    /// The last step up to `at`; `None` before the first.
    pub fn step_at(&self, at: Timestamp) -> Option<usize> {
        (0..self.steps).rev().find(|step| self.at(*step) <= at)
    }

    /// Whether anything was kept at a step.
    pub fn is_known(&self, step: usize) -> bool {
        self.series.iter().any(|kept| kept.values.get(step).copied().flatten().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn hours_without_anything_are_gaps_and_are_jumped_over() {
        let hours = [2, 3, 7, 8].map(|hour| at(hour * 3600)).to_vec();
        let coverage = Coverage { interval: Duration::from_secs(15), hours };
        assert_eq!(coverage.oldest(), Some(at(3600)));
        let gaps = [(at(3 * 3600), at(6 * 3600)), (at(8 * 3600), at(9 * 3600))];
        assert_eq!(coverage.gaps(at(9 * 3600)), gaps);
        for (second, before, after) in [
            (9_000, Some(9_000), Some(9_000)),
            (5 * 3600, Some(3 * 3600), Some(6 * 3600)),
            (1800, None, Some(3600)),
            (20 * 3600, Some(8 * 3600), None),
        ] {
            assert_eq!(coverage.last_before(at(second)), before.map(at), "{second}");
            assert_eq!(coverage.first_after(at(second)), after.map(at), "{second}");
        }
        let none = Coverage { interval: Duration::from_secs(15), hours: Vec::new() };
        assert_eq!((none.oldest(), none.gaps(at(1))), (None, Vec::new()));
    }

    #[test]
    fn a_time_has_the_step_before_it() {
        let kept = Backfill {
            from: at(100),
            step: Duration::from_secs(15),
            steps: 3,
            series: Vec::new(),
            notes: Vec::new(),
        };
        for (second, step) in [(99, None), (100, Some(0)), (114, Some(0)), (115, Some(1)), (900, Some(2))] {
            assert_eq!(kept.step_at(at(second)), step, "{second}");
        }
    }
}
