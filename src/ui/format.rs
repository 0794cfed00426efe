//! Numbers, ages and times as people read them on the screen: short, with their unit, never wider than announced.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::time::Timestamp;

/// An age in at most two units and six cells: `850ms`, `4.2s`, `42s`, `4m12s`, `3h07m`, `12d04h`, `999d+`.
pub fn age(age: Duration) -> String {
    let (ms, s) = (age.as_millis(), age.as_secs());
    match s {
        0 => format!("{ms}ms"),
        1..=9 => format!("{}.{}s", s, (ms % 1000) / 100),
        10..=59 => format!("{s}s"),
        60..=3_599 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..=86_399 => format!("{}h{:02}m", s / 3_600, s % 3_600 / 60),
        86_400..=8_639_999 => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3_600),
        _ => format!("{}d", s / 86_400),
    }
}

/// [`age`] of seconds as a float; negative counts as none.
pub fn seconds(seconds: f64) -> String {
    age(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// [`age`] of milliseconds; what is shorter than ten keeps a decimal: `0.3ms`.
pub fn milliseconds(ms: f64) -> String {
    if (0.0..10.0).contains(&ms) { format!("{ms:.1}ms") } else { seconds(ms / 1e3) }
}

/// A coarse span for a forecast: `45s`, `~3min`, `~2h`. Forecasts are not that exact.
pub fn forecast(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("~{:.0}s", seconds.max(0.0))
    } else if seconds < 5_400.0 {
        format!("~{:.0}min", seconds / 60.0)
    } else {
        format!("~{:.0}h", seconds / 3_600.0)
    }
}

/// A count in at most five cells: exact below 10,000, then `12k`.
pub fn count(count: u64) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=9_999_999 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// `used/max`, with `?` for an unknown maximum.
pub fn of(used: u32, max: Option<u32>, unknown: &str) -> String {
    match max {
        Some(max) => format!("{}/{}", count(used.into()), count(max.into())),
        None => format!("{}/{unknown}", count(used.into())),
    }
}

/// The clock of the header: `14:07:31 CET`.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned(zone.clone()).strftime("%H:%M:%S %Z").to_string()
}

/// Day and time: `2026-11-21 14:07:31 CET`.
pub fn full(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A time of day, with the day before it where that is not the day of `today`: `14:07:31`, `11-20 14:07:31`.
pub fn time_on(at: Timestamp, today: Timestamp, zone: &TimeZone) -> String {
    let [at, today] = [at, today].map(|time| time.to_jiff().to_zoned(zone.clone()));
    at.strftime(if at.date() == today.date() { "%H:%M:%S" } else { "%m-%d %H:%M:%S" }).to_string()
}

/// A time of day: `14:07:31`.
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_use_two_units_at_most_and_fit_their_column() {
        for (ms, text) in [
            (0, "0ms"),
            (850, "850ms"),
            (4_250, "4.2s"),
            (42_000, "42s"),
            (252_000, "4m12s"),
            (11_220_000, "3h07m"),
            (100 * 3_600_000, "4d04h"),
            (20_000 * 3_600_000, "833d"),
        ] {
            assert_eq!(age(Duration::from_millis(ms)), text);
            assert!(text.len() <= 6);
        }
    }

    #[test]
    fn counts_stay_short_and_an_unknown_maximum_is_said() {
        assert_eq!(count(9_999), "9999");
        assert_eq!(count(12_345), "12k");
        assert_eq!(of(20, Some(20), "–"), "20/20");
        assert_eq!(of(20, None, "–"), "20/–");
        assert_eq!(forecast(180.0), "~3min");
    }
}
