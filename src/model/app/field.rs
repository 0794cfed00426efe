//! The numbers of an application's pool by their names.

use super::AppPool;

/// One number of an [`AppPool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AppField {
    /// [`AppPool::used`]
    Used,
    /// [`AppPool::idle`]
    Idle,
    /// [`AppPool::total`]
    Total,
    /// [`AppPool::pending`]
    Pending,
    /// [`AppPool::min`]
    Min,
    /// [`AppPool::max`]
    Max,
    /// [`AppPool::size`]
    Size,
    /// [`AppPool::overflow`]
    Overflow,
    /// [`AppPool::max_overflow`]
    MaxOverflow,
    /// [`AppPool::peak`]
    Peak,
    /// [`AppPool::opened`]
    Opened,
    /// [`AppPool::closed`]
    Closed,
    /// [`AppPool::recycled`]
    Recycled,
    /// [`AppPool::timeouts`]
    Timeouts,
    /// [`AppPool::errors`]
    Errors,
    /// [`AppPool::waits`]
    Waits,
    /// [`AppPool::wait_s`]
    Wait,
    /// [`AppPool::max_wait_s`]
    MaxWait,
    /// [`AppPool::uses`]
    Uses,
    /// [`AppPool::use_s`]
    Use,
    /// [`AppPool::wait_avg_s`]
    WaitAvg,
    /// [`AppPool::use_avg_s`]
    UseAvg,
}

/// Where a number is kept.
enum Slot<'p> {
    Gauge(&'p mut Option<u32>),
    Counter(&'p mut Option<u64>),
    Signed(&'p mut Option<i64>),
    Seconds(&'p mut Option<f64>),
}

impl AppField {
    /// Our words for the numbers, as a `mapping` in the configuration has them, each with what its unit is in ours.
    pub const WORDS: &'static [(&'static str, Self, f64)] = &[
        ("used", Self::Used, 1.0),
        ("idle", Self::Idle, 1.0),
        ("total", Self::Total, 1.0),
        ("pending", Self::Pending, 1.0),
        ("min", Self::Min, 1.0),
        ("max", Self::Max, 1.0),
        ("size", Self::Size, 1.0),
        ("overflow", Self::Overflow, 1.0),
        ("max_overflow", Self::MaxOverflow, 1.0),
        ("peak", Self::Peak, 1.0),
        ("opened", Self::Opened, 1.0),
        ("closed", Self::Closed, 1.0),
        ("recycled", Self::Recycled, 1.0),
        ("timeouts", Self::Timeouts, 1.0),
        ("errors", Self::Errors, 1.0),
        ("waits", Self::Waits, 1.0),
        ("wait_s", Self::Wait, 1.0),
        ("wait_ms", Self::Wait, 1e-3),
        ("max_wait_s", Self::MaxWait, 1.0),
        ("max_wait_ms", Self::MaxWait, 1e-3),
        ("uses", Self::Uses, 1.0),
        ("use_s", Self::Use, 1.0),
        ("use_ms", Self::Use, 1e-3),
        ("wait_avg_s", Self::WaitAvg, 1.0),
        ("wait_avg_ms", Self::WaitAvg, 1e-3),
        ("use_avg_s", Self::UseAvg, 1.0),
        ("use_avg_ms", Self::UseAvg, 1e-3),
    ];

    /// Which number a word means, and what its unit is in ours.
    pub fn of(word: &str) -> Option<(Self, f64)> {
        Self::WORDS.iter().find(|(known, ..)| *known == word).map(|(_, field, unit)| (*field, *unit))
    }
}

impl AppPool {
    /// Takes a number over. What cannot be one of that kind (not a number, infinite, negative where there is nothing
    /// below zero) leaves it unknown, and so does a ceiling of 0, with which libraries say that there is none.
    pub fn set(&mut self, field: AppField, value: f64) {
        match self.slot(field) {
            Slot::Gauge(slot) => *slot = whole(value).and_then(|value| u32::try_from(value).ok()),
            Slot::Counter(slot) => *slot = whole(value),
            Slot::Signed(slot) => *slot = signed(value),
            Slot::Seconds(slot) => *slot = (value.is_finite() && value >= 0.0).then_some(value),
        }
        if field == AppField::Max {
            self.max = self.max.filter(|max| *max > 0);
        }
    }

    /// Adds a part of a number to what is there of it.
    pub fn add(&mut self, field: AppField, value: f64) {
        let before = self.get(field).unwrap_or(0.0);
        self.set(field, before + value);
    }

    /// The number, if it is known.
    pub fn get(&self, field: AppField) -> Option<f64> {
        // One list of the fields, for reading and writing; a pool is small and this is not for the hot path.
        match self.clone().slot(field) {
            Slot::Gauge(slot) => slot.map(f64::from),
            Slot::Counter(slot) => slot.map(|value| value as f64),
            Slot::Signed(slot) => slot.map(|value| value as f64),
            Slot::Seconds(slot) => *slot,
        }
    }

    fn slot(&mut self, field: AppField) -> Slot<'_> {
        match field {
            AppField::Used => Slot::Gauge(&mut self.used),
            AppField::Idle => Slot::Gauge(&mut self.idle),
            AppField::Total => Slot::Gauge(&mut self.total),
            AppField::Pending => Slot::Gauge(&mut self.pending),
            AppField::Min => Slot::Gauge(&mut self.min),
            AppField::Max => Slot::Gauge(&mut self.max),
            AppField::Size => Slot::Gauge(&mut self.size),
            AppField::Peak => Slot::Gauge(&mut self.peak),
            AppField::Overflow => Slot::Signed(&mut self.overflow),
            AppField::MaxOverflow => Slot::Signed(&mut self.max_overflow),
            AppField::Opened => Slot::Counter(&mut self.opened),
            AppField::Closed => Slot::Counter(&mut self.closed),
            AppField::Recycled => Slot::Counter(&mut self.recycled),
            AppField::Timeouts => Slot::Counter(&mut self.timeouts),
            AppField::Errors => Slot::Counter(&mut self.errors),
            AppField::Waits => Slot::Counter(&mut self.waits),
            AppField::Uses => Slot::Counter(&mut self.uses),
            AppField::Wait => Slot::Seconds(&mut self.wait_s),
            AppField::MaxWait => Slot::Seconds(&mut self.max_wait_s),
            AppField::Use => Slot::Seconds(&mut self.use_s),
            AppField::WaitAvg => Slot::Seconds(&mut self.wait_avg_s),
            AppField::UseAvg => Slot::Seconds(&mut self.use_avg_s),
        }
    }
}

/// The whole number nearest to `value`, where there is one that counts something.
fn whole(value: f64) -> Option<u64> {
    signed(value).and_then(|value| u64::try_from(value).ok())
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked, and counts have no fractions")]
fn signed(value: f64) -> Option<i64> {
    (value.abs() < 1e15).then(|| value.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_cannot_be_is_unknown_and_not_zero() {
        for (field, value, kept) in [
            (AppField::Used, 3.0, Some(3.0)),
            (AppField::Used, 2.6, Some(3.0)),
            (AppField::Used, -1.0, None),
            (AppField::Used, f64::NAN, None),
            (AppField::Used, 5e9, None),
            (AppField::Max, 0.0, None),
            (AppField::Max, f64::INFINITY, None),
            (AppField::Overflow, -3.0, Some(-3.0)),
            (AppField::Opened, 5e9, Some(5e9)),
            (AppField::Wait, 0.25, Some(0.25)),
            (AppField::Wait, f64::NAN, None),
        ] {
            let mut pool = AppPool::default();
            pool.set(field, value);
            assert_eq!(pool.get(field), kept, "{field:?} {value}");
        }
    }

    #[test]
    fn every_word_of_a_mapping_is_a_number_of_its_own() {
        for (word, field, unit) in AppField::WORDS {
            assert_eq!(AppField::of(word), Some((*field, *unit)));
            let mut pool = AppPool::default();
            pool.set(*field, 7.0);
            assert_eq!(pool.get(*field), Some(7.0), "{word}");
        }
    }
}
