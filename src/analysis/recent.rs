//! Counters of another process over the last minute: only differences mean something, and a counter that shrinks
//! began anew.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// Over how long differences are taken.
const SPAN: Duration = Duration::from_secs(60);
/// Readings closer together than this replace each other, so that few are kept.
const APART: Duration = Duration::from_secs(1);

/// Readings of the last minute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recent<T> {
    readings: VecDeque<(Timestamp, T)>,
    newest: Option<(Timestamp, T)>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { readings: VecDeque::new(), newest: None }
    }
}

impl<T: Clone> Recent<T> {
    /// Adds a reading. `began_anew` says of the one before and this one whether a counter shrank in between.
    pub(super) fn add(&mut self, at: Timestamp, value: T, began_anew: impl Fn(&T, &T) -> bool) {
        let anew = self.newest.as_ref().is_some_and(|(last, old)| at < *last || began_anew(old, &value));
        if anew {
            self.readings.clear();
        }
        let keep = self.readings.back().is_none_or(|(last, _)| at.age_of(*last) >= APART);
        if keep {
            self.readings.push_back((at, value.clone()));
        }
        self.newest = Some((at, value));
        // One reading from before the span stays, so that the differences cover all of it.
        while self.readings.get(1).is_some_and(|(second, _)| at.age_of(*second) >= SPAN) {
            self.readings.pop_front();
        }
    }

    /// The newest reading.
    pub(super) fn newest(&self) -> Option<&T> {
        self.newest.as_ref().map(|(_, value)| value)
    }

    /// The oldest and the newest reading, and the seconds between them.
    pub(super) fn ends(&self) -> Option<(&T, &T, f64)> {
        let ((first, old), (last, new)) = (self.readings.front()?, self.newest.as_ref()?);
        let span = last.seconds_since(*first);
        (span > 0.0).then_some((old, new, span))
    }
}

/// What a counter gained.
pub(super) fn gain(old: Option<u64>, new: Option<u64>) -> Option<u64> {
    new?.checked_sub(old?)
}

/// Whether a counter shrank.
pub(super) fn shrank(old: Option<u64>, new: Option<u64>) -> bool {
    old.zip(new).is_some_and(|(old, new)| new < old)
}

/// One quantity per other; `None` where there was none of the other.
pub(super) fn per(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = (part?, whole.filter(|whole| *whole > 0)?);
    Some(part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    fn read(recent: &mut Recent<u64>, second: f64, value: u64) {
        recent.add(at(second), value, |old, new| new < old);
    }

    #[test]
    fn differences_cover_a_minute_and_begin_anew_when_a_counter_shrinks() {
        let mut recent = Recent::default();
        for second in 0..=90_u32 {
            read(&mut recent, f64::from(second), u64::from(second) * 2);
        }
        assert_eq!(recent.ends(), Some((&60, &180, 60.0)));
        read(&mut recent, 91.0, 5);
        assert_eq!(recent.ends(), None, "one reading is no difference");
        read(&mut recent, 93.0, 9);
        assert_eq!(recent.ends(), Some((&5, &9, 2.0)));
    }

    #[test]
    fn many_readings_per_second_are_not_all_kept() {
        let mut recent = Recent::default();
        for tenth in 0..=1200_u32 {
            read(&mut recent, f64::from(tenth) / 10.0, u64::from(tenth));
        }
        assert!(recent.readings.len() <= 62, "{}", recent.readings.len());
        assert_eq!(recent.ends().map(|(_, new, _)| *new), Some(1200));
    }

    #[test]
    fn nothing_per_nothing_is_unknown() {
        assert_eq!(per(Some(6), Some(3)), Some(2.0));
        assert_eq!((per(Some(6), Some(0)), per(None, Some(3))), (None, None));
        assert_eq!(
            (gain(Some(3), Some(9)), gain(Some(9), Some(3)), gain(None, Some(1))),
            (Some(6), None, None)
        );
    }
}
