//! Spans and counts as people read them: two units at most, always with a unit.

use std::time::Duration;

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
}
