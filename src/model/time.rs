//! Moments and spans: microseconds, as PostgreSQL keeps them.

use std::fmt;
use std::num::NonZeroI64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment in UTC, in microseconds since 1970.
///
/// Eight bytes, also inside an `Option`, because a history holds millions of them. The epoch itself cannot
/// be represented; it is stored as one microsecond later, which no server's clock will ever notice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(NonZeroI64);

impl Timestamp {
    /// From microseconds since 1970 in UTC.
    pub const fn from_micros(micros: i64) -> Self {
        match NonZeroI64::new(micros) {
            Some(micros) => Self(micros),
            None => Self(const { NonZeroI64::new(1).unwrap() }),
        }
    }

    /// Microseconds since 1970 in UTC.
    pub fn as_micros(self) -> i64 {
        self.0.get()
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is in fact later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.as_micros().saturating_sub(earlier.as_micros())) as f64 / 1e6
    }

    /// The age of something that began at `earlier`, zero when it seems to begin in the future.
    ///
    /// Both come from the same server's clock; a start after "now" happens when a row changes while the
    /// statement that reads it runs.
    pub fn age_of(self, earlier: Self) -> Duration {
        Duration::from_micros(
            u64::try_from(self.as_micros().saturating_sub(earlier.as_micros())).unwrap_or(0),
        )
    }

    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_micros(
            self.as_micros().saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment `span` earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_micros(
            self.as_micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// As the time library's type, for formatting and time zones.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(value: jiff::Timestamp) -> Self {
        Self::from_micros(value.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with exactly six digits: `2026-11-21T09:00:00.000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        serializer.serialize_i64(self.as_micros())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self::from_micros);
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse::<jiff::Timestamp>().map(Self::from).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_its_text_form() {
        let at = Timestamp::from_micros(1_795_252_800_123_456);
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(json, "\"2026-11-21T09:20:00.123456Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), at);
    }

    #[test]
    fn the_epoch_is_one_microsecond_late_and_an_option_costs_nothing() {
        assert_eq!(Timestamp::from_micros(0).as_micros(), 1);
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn an_age_never_goes_below_zero() {
        let (early, late) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(3_500_000));
        assert_eq!(late.age_of(early), Duration::from_millis(2500));
        assert_eq!(early.age_of(late), Duration::ZERO);
        assert!((early.seconds_since(late) + 2.5).abs() < 1e-9);
    }
}
