//! Values over time in buckets, for sparklines. A missed sample is a gap, never zero and never the value before.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::time::Timestamp;

/// How many buckets a series has at most.
const MOST: u8 = 75;
const BUCKETS: usize = MOST as usize;
/// No bucket has a higher number: a century of microseconds, far from where sums overflow.
const FAR: usize = 1 << 52;
/// From a millisecond to a century, µs.
const SPANS: std::ops::RangeInclusive<i64> = 1000..=100 * 366 * 86_400 * 1_000_000;

/// What all series of one profile share: when they begin and how long one bucket is.
///
/// Buckets start as short as the sampling interval, so that a screen that has just been opened already shows a
/// curve, and double until the series spans the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "SavedTimeline")]
pub struct Timeline {
    start: Option<Timestamp>,
    bucket: i64,
    interval: i64,
    window: i64,
}

/// A timeline as it is saved.
#[derive(Deserialize)]
struct SavedTimeline {
    start: Option<Timestamp>,
    bucket: i64,
    interval: i64,
    window: i64,
}

impl TryFrom<SavedTimeline> for Timeline {
    type Error = &'static str;

    fn try_from(saved: SavedTimeline) -> Result<Self, Self::Error> {
        let SavedTimeline { start, bucket, interval, window } = saved;
        if [bucket, interval, window].iter().any(|span| !SPANS.contains(span)) {
            return Err("a curve's buckets have no length");
        }
        Ok(Self { start, bucket, interval, window })
    }
}

impl Timeline {
    /// A timeline for samples every `interval` that spans `window`.
    pub fn new(interval: Duration, window: Duration) -> Self {
        let micros = |span: Duration| {
            i64::try_from(span.as_micros()).unwrap_or(i64::MAX).clamp(*SPANS.start(), *SPANS.end())
        };
        let interval = micros(interval);
        Self { start: None, bucket: interval, interval, window: micros(window) }
    }

    /// Seconds per bucket.
    pub fn bucket_s(&self) -> f64 {
        self.bucket as f64 / 1e6
    }

    /// Makes room for `at`. Says how often buckets doubled: every series must then [`Series::halve`] as often.
    pub fn reach(&mut self, at: Timestamp) -> u32 {
        self.start.get_or_insert(at);
        let mut doubled = 0;
        while self.index(at) >= BUCKETS && self.bucket < self.window / i64::from(MOST) {
            self.bucket *= 2;
            doubled += 1;
        }
        doubled
    }

    /// The bucket of a moment; what lies before the start falls into the first.
    fn index(&self, at: Timestamp) -> usize {
        let start = self.start.unwrap_or(at);
        let since = at.as_micros().saturating_sub(start.as_micros());
        usize::try_from(since / self.bucket).unwrap_or(0).min(FAR)
    }

    /// Whether the time between two samples is what the interval's jitter makes of one step.
    fn is_one_step(&self, earlier: Timestamp, later: Timestamp) -> bool {
        later.as_micros().saturating_sub(earlier.as_micros()).saturating_mul(4) <= self.interval * 7
    }
}

/// One value over time.
///
/// It is read back by a function that knows how its values are merged ([`Series::read`], [`highest`], [`sum`]): that is
/// code, and is not saved.
#[derive(Clone, Debug, Serialize)]
pub struct Series<T> {
    /// Bucket of the first value.
    first: usize,
    values: VecDeque<Option<T>>,
    last_at: Option<Timestamp>,
    #[serde(skip)]
    merge: fn(T, T) -> T,
}

/// A series as it is saved.
#[derive(Deserialize)]
struct Saved<T> {
    first: usize,
    values: VecDeque<Option<T>>,
    last_at: Option<Timestamp>,
}

/// Reads a series of which the highest value of a bucket counts.
pub fn highest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Series<u32>, D::Error> {
    Series::read(deserializer, u32::max)
}

/// Reads several of them, by what they are of.
pub fn highest_each<'de, K, D>(deserializer: D) -> Result<HashMap<K, Series<u32>>, D::Error>
where
    K: Deserialize<'de> + Eq + Hash,
    D: Deserializer<'de>,
{
    /// One of which the highest value counts.
    #[derive(Deserialize)]
    struct Highest(#[serde(deserialize_with = "highest")] Series<u32>);

    let each = HashMap::<K, Highest>::deserialize(deserializer)?;
    Ok(each.into_iter().map(|(key, Highest(series))| (key, series)).collect())
}

/// Reads a series of which the values of a bucket are added up.
pub fn sum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Series<u32>, D::Error> {
    Series::read(deserializer, u32::saturating_add)
}

impl<T> Series<T> {
    /// Reads a saved series; `merge` as in [`Series::new`].
    pub fn read<'de, D>(deserializer: D, merge: fn(T, T) -> T) -> Result<Self, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de>,
    {
        let Saved { first, values, last_at } = Saved::deserialize(deserializer)?;
        if values.len() > BUCKETS || first > FAR {
            return Err(D::Error::custom("a curve is longer than a curve can be"));
        }
        Ok(Self { first, values, last_at, merge })
    }
}

impl<T: Copy> Series<T> {
    /// An empty series. `merge` makes one value of two, the earlier first, that fall into one bucket.
    pub fn new(merge: fn(T, T) -> T) -> Self {
        Self { first: 0, values: VecDeque::new(), last_at: None, merge }
    }

    /// Adds the value of a sample taken at `at`. Times that go back are ignored.
    pub fn set(&mut self, line: &Timeline, at: Timestamp, value: T) {
        let index = line.index(at);
        match self.last_at {
            Some(last_at) if at < last_at => return,
            Some(last_at) => {
                let before = self.values.back().copied().flatten();
                self.reach(index, before.filter(|_| line.is_one_step(last_at, at)));
            }
            None => {
                self.first = index;
                self.values.push_back(None);
            }
        }
        self.last_at = Some(at);
        let merge = self.merge;
        if let Some(newest) = self.values.back_mut() {
            *newest = Some(newest.map_or(value, |old| merge(old, value)));
        }
    }

    /// Adds empty buckets up to and with `index`, those in between filled with `between`.
    fn reach(&mut self, index: usize, between: Option<T>) {
        if index > self.end() + BUCKETS {
            self.values.clear();
            self.first = index;
        }
        while self.end() < index {
            self.values.push_back(between);
        }
        if self.end() == index {
            self.values.push_back(None);
        }
        while self.values.len() > BUCKETS {
            self.values.pop_front();
            self.first += 1;
        }
    }

    /// The bucket after the newest one.
    fn end(&self) -> usize {
        self.first + self.values.len()
    }

    /// Makes one bucket of two, after the timeline's buckets doubled.
    pub fn halve(&mut self) {
        let mut halved: VecDeque<Option<T>> = VecDeque::with_capacity(BUCKETS);
        for (index, value) in (self.first..).zip(&self.values) {
            match halved.back_mut().filter(|_| index % 2 == 1) {
                Some(first) => {
                    *first = match (*first, *value) {
                        (Some(old), Some(new)) => Some((self.merge)(old, new)),
                        (old, new) => new.or(old),
                    }
                }
                None => halved.push_back(*value),
            }
        }
        self.first /= 2;
        self.values = halved;
    }

    /// The values up to `now`, oldest first; as many for every series of the timeline. Buckets without a sample
    /// are `None`, except that the newest value stands until its next one is overdue.
    pub fn values(&self, line: &Timeline, now: Timestamp) -> Vec<Option<T>> {
        let end = line.index(now) + 1;
        let fresh = self.last_at.is_some_and(|last| line.is_one_step(last, now));
        (end.saturating_sub(BUCKETS)..end)
            .map(|index| {
                let slot = if index >= self.end() && fresh { self.end().checked_sub(1)? } else { index };
                self.values.get(slot.checked_sub(self.first)?).copied().flatten()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000 + millis * 1000)
    }

    /// A series fed with its own index at these milliseconds, once a second, over ten minutes.
    fn fed(millis: impl IntoIterator<Item = i64>) -> (Timeline, Series<u32>) {
        let mut line = Timeline::new(Duration::from_secs(1), Duration::from_secs(600));
        let mut series = Series::new(u32::max);
        for (value, millis) in (0_u32..).zip(millis) {
            for _ in 0..line.reach(at(millis)) {
                series.halve();
            }
            series.set(&line, at(millis), value);
        }
        (line, series)
    }

    #[test]
    fn a_missed_sample_is_a_gap_and_jitter_is_not() {
        for (millis, now, expected) in [
            (vec![0, 1000, 2000], 2000, vec![Some(0), Some(1), Some(2)]),
            (vec![0, 1999, 2001], 2001, vec![Some(0), Some(1), Some(2)]),
            // The second falls a little late, into the bucket after its own.
            (vec![0, 999, 2001], 2001, vec![Some(1), Some(1), Some(2)]),
            (vec![0, 3000], 3000, vec![Some(0), None, None, Some(1)]),
            // Waiting for the next sample, and then not any more.
            (vec![0, 1000], 2500, vec![Some(0), Some(1), Some(1)]),
            (vec![0, 1000], 3500, vec![Some(0), Some(1), None, None]),
        ] {
            let (line, series) = fed(millis.clone());
            assert_eq!(series.values(&line, at(now)), expected, "{millis:?} at {now}");
        }
    }

    #[test]
    fn buckets_double_until_the_window_is_spanned_and_gaps_stay() {
        let (line, series) = fed((0..1200).filter(|second| !(400..500).contains(second)).map(|s| s * 1000));
        assert!((line.bucket_s() - 8.0).abs() < 1e-9);
        let values = series.values(&line, at(1_199_000));
        assert_eq!(values.len(), BUCKETS);
        assert_eq!(values.last().copied().flatten(), Some(1099));
        // 1,199 s falls into bucket 149; the curve shows 75 to 149, which is 600 s to the end.
        assert!(values.iter().all(Option::is_some));
        let (line, series) = fed((0..700).filter(|second| !(400..500).contains(second)).map(|s| s * 1000));
        let values = series.values(&line, at(699_000));
        let gaps: Vec<usize> =
            values.iter().enumerate().filter(|(_, v)| v.is_none()).map(|(i, _)| i).collect();
        // Buckets 50 to 61 of 13 to 87 hold nothing but missed samples.
        assert_eq!(gaps, (37..=48).collect::<Vec<_>>());
    }

    #[test]
    fn after_a_long_silence_nothing_of_the_past_is_left() {
        let (line, series) = fed([0, 1000, 2000, 10_000_000]);
        let values = series.values(&line, at(10_000_000));
        assert_eq!(values.iter().flatten().count(), 1);
    }
}
