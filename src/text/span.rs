//! Spans and counts as people read and write them: two units at most, always with a unit.

use std::time::Duration;

use jiff::SpanRelativeTo;

/// The longest span that anybody may mean.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A span in at most two units, without spaces: `850ms`, `9s`, `4m12s`, `3h07m`, `2d04h`.
///
/// Below ten milliseconds it is given in microseconds or tenths of milliseconds, because such spans are costs,
/// not ages. Cut, not rounded: an age of `59.9s` is not yet a minute.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => below_a_second(span),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// The span that a person wrote, with units: `500ms`, `60s`, `5m`, `1h30m`, `1h 30m`, `2d`. A day has 24 hours. Not
/// negative; at most a hundred years, so that no time plus a span is out of reach.
pub fn parse(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.trim().parse().ok()?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(span).ok().filter(|span| *span <= LONGEST)
}

/// [`parse`], where a bare number is seconds.
pub fn parse_or_seconds(text: &str) -> Option<Duration> {
    match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok().filter(|span| *span <= LONGEST),
        Err(_) => parse(text),
    }
}

/// [`span`] of seconds as a float; negative and absurd values are zero and the longest span.
pub fn span_s(seconds: f64) -> String {
    span(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// A span in one unit, rounded, for estimates: `40s`, `3 min`, `2 h`, `5 d`.
pub fn roughly(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 90.0 => format!("{s:.0}s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// A count with its noun, in the plural unless it is one: `1 session`, `3 sessions`, `2 queries`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{number} {noun}"),
        Some(stem) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

fn below_a_second(span: Duration) -> String {
    match span.as_micros() {
        0 => "0ms".to_owned(),
        micros @ 1..1000 => format!("{micros}µs"),
        micros @ 1000..10_000 => format!("{}.{}ms", micros / 1000, micros % 1000 / 100),
        micros => format!("{}ms", micros / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_at_most_two_units() {
        for (micros, text) in [
            (0, "0ms"),
            (120, "120µs"),
            (1_250, "1.2ms"),
            (850_000, "850ms"),
            (9_999_999, "9s"),
            (59_900_000, "59s"),
            (60_000_000, "1m00s"),
            (252_000_000, "4m12s"),
            (11_220_000_000, "3h07m"),
            (187_200_000_000, "2d04h"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
        assert_eq!(span_s(-1.0), "0ms");
        assert_eq!(span_s(f64::INFINITY), span(Duration::MAX));
        assert_eq!(span_s(f64::NAN), "0ms");
    }

    #[test]
    fn an_estimate_has_one_unit() {
        for (seconds, text) in
            [(12.4, "12s"), (89.0, "89s"), (170.0, "3 min"), (7_300.0, "2 h"), (400_000.0, "5 d")]
        {
            assert_eq!(roughly(seconds), text);
        }
    }

    #[test]
    fn a_count_agrees_with_its_noun() {
        for (number, noun, text) in [
            (1_u32, "session", "1 session"),
            (0, "session", "0 sessions"),
            (2, "query", "2 queries"),
            (3, "day", "3 days"),
        ] {
            assert_eq!(count(number, noun), text);
        }
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("60s", Some(60_000)),
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("2d", Some(172_800_000)),
            ("0s", Some(0)),
            ("-5s", None),
            ("5", None),
            ("soon", None),
            ("", None),
            ("9999999999h", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text:?}");
        }
        assert_eq!(parse_or_seconds("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_or_seconds("5m"), Some(Duration::from_secs(300)));
        for text in ["-1", "inf", "NaN", "1e18", "soon"] {
            assert_eq!(parse_or_seconds(text), None, "{text:?}");
        }
    }
}
