//! A time as people type it.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::time::Timestamp;
use crate::text::span;

/// Against what a typed time is read.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// Where `-5m` and `+30s` count from.
    pub from: Timestamp,
    /// The newest time that can be meant: a time of day is the last one up to here.
    pub newest: Timestamp,
    /// Whose times of day.
    pub zone: &'a TimeZone,
}

/// What was typed is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no time; write 14:02, 14:02:30, -5m, +30s or 2026-11-21T14:02:00Z")]
pub struct NoTime(String);

/// The time that was typed: a time of day (`14:02`, `14:02:30`), a span before or after (`-5m`, `+30s`), RFC 3339
/// (`2026-11-21T14:02:00Z`), or day and time of the zone (`2026-11-21 14:02`).
pub fn parse(typed: &str, around: Around<'_>) -> Result<Timestamp, NoTime> {
    let typed = typed.trim();
    let found = match (typed.strip_prefix('-'), typed.strip_prefix('+')) {
        (Some(back), _) => span::parse(back).map(|back| around.from.minus(back)),
        (_, Some(on)) => span::parse(on).map(|on| around.from.plus(on)),
        _ => typed.parse().ok().map(|at: jiff::Timestamp| at.into()).or_else(|| local(typed, around)),
    };
    found.ok_or_else(|| NoTime(typed.to_owned()))
}

/// Day and time, or a time of day alone, by the clocks of the zone.
fn local(typed: &str, around: Around<'_>) -> Option<Timestamp> {
    let of_zone = |at: DateTime| Some(at.to_zoned(around.zone.clone()).ok()?.timestamp().into());
    match typed.find(':') {
        Some(hours @ (1 | 2)) => {
            // `9:05` is as good as `09:05`.
            let time: Time = format!("{}{typed}", if hours == 1 { "0" } else { "" }).parse().ok()?;
            let today = around.newest.to_jiff().to_zoned(around.zone.clone()).date();
            let at: Timestamp = of_zone(today.to_datetime(time))?;
            if at <= around.newest { Some(at) } else { of_zone(today.yesterday().ok()?.to_datetime(time)) }
        }
        _ => of_zone(typed.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn times_of_day_spans_and_full_times_are_understood() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let around =
            Around { from: at("2026-11-21T13:00:00Z"), newest: at("2026-11-21T13:30:00Z"), zone: &zone };
        for (typed, expected) in [
            ("14:02", "2026-11-21T13:02:00Z"),
            (" 9:05:30 ", "2026-11-21T08:05:30Z"),
            ("14:30", "2026-11-21T13:30:00Z"),
            ("14:31", "2026-11-20T13:31:00Z"),
            ("-5m", "2026-11-21T12:55:00Z"),
            ("+1m30s", "2026-11-21T13:01:30Z"),
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
            ("2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00Z"),
            ("2026-11-20 10:00", "2026-11-20T09:00:00Z"),
        ] {
            assert_eq!(parse(typed, around), Ok(at(expected)), "{typed}");
        }
    }

    #[test]
    fn what_is_no_time_is_said_with_what_would_be_one() {
        let (zone, now) = (TimeZone::UTC, at("2026-11-21T13:00:00Z"));
        for typed in ["", "25:00", "14", "-5", "-", "+-5m", "yesterday", "14:02:61:1", "five:00", "--5m"] {
            let error = parse(typed, Around { from: now, newest: now, zone: &zone }).unwrap_err().to_string();
            assert!(error.contains(&format!("'{typed}' is no time")) && error.contains("-5m"), "{error}");
        }
    }
}
