//! Where numbers and times stand beside the curves.

use std::ops::Range;
use std::time::Duration;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::model::time::Timestamp;

/// How many numbers stand at an axis at most.
const NUMBERS: f64 = 5.0;
const TIMES: f64 = 9.0;
/// Spans between two times that people count in, s.
const SPANS: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0,
    86_400.0,
];
/// Marks that are nearer to each other than this share a number, in units of the drawing.
const TOGETHER: i32 = 24;

/// A linear axis on which only our own choice of values is told.
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    pub(super) told: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        limit.0 + rounded(f64::from(limit.1 - limit.0) * share)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.told.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place on a drawing of a thousand units")]
fn rounded(place: f64) -> i32 {
    place.round() as i32
}

/// The neighbouring places where something is known.
pub(super) fn runs<T>(values: &[Option<T>]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, _) in values.iter().enumerate().filter(|(_, value)| value.is_some()) {
        match runs.last_mut().filter(|run| run.end == place) {
            Some(run) => run.end = place + 1,
            None => runs.push(place..place + 1),
        }
    }
    runs
}

/// Round numbers from zero up to `top`.
pub(super) fn heights(top: f64) -> Vec<f64> {
    let rough = top / NUMBERS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough);
    // Connections are whole.
    let step = step.unwrap_or(rough).max(1.0);
    multiples(0.0, top, step)
}

/// Round times between `from` and zero, in seconds after `end`.
pub(super) fn times(end: Timestamp, from: f64) -> Vec<f64> {
    let rough = -from / TIMES;
    let step =
        SPANS.into_iter().find(|span| *span >= rough).unwrap_or_else(|| (rough / 86_400.0).ceil() * 86_400.0);
    let past_step = (end.as_micros() as f64 / 1e6).rem_euclid(step);
    multiples(0.0, -from - past_step, step).into_iter().map(|before| -before - past_step).collect()
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    std::iter::successors(Some(from), |at| Some(at + step)).take_while(|at| *at <= to).collect()
}

/// The time so many seconds after `end` (negative: before), with seconds where the drawing shows few minutes.
pub(super) fn clock(end: Timestamp, after: f64, width: f64) -> String {
    // Half a millisecond makes up for what a float loses.
    let before = Duration::try_from_secs_f64(-after - 0.0005).unwrap_or_default();
    let format = if width > 540.0 { "%H:%M" } else { "%H:%M:%S" };
    end.minus(before).to_jiff().strftime(format).to_string()
}

/// Marks from left to right, those that are near each other as one: where, and `3` or `3–5`.
pub(super) fn numbered(places: Vec<(usize, i32)>) -> Vec<(i32, String)> {
    let mut groups: Vec<(i32, usize, usize)> = Vec::new();
    for (number, x) in places {
        match groups.last_mut().filter(|(left, ..)| x - *left < TOGETHER) {
            Some((_, _, last)) => *last = number,
            None => groups.push((x, number, number)),
        }
    }
    let told = |(x, first, last): (i32, usize, usize)| {
        (x, if first == last { first.to_string() } else { format!("{first}–{last}") })
    };
    groups.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_few_round_numbers() {
        for (top, expected) in [
            (1.08, vec![0.0, 1.0]),
            (69.0, vec![0.0, 20.0, 40.0, 60.0]),
            (108.0, vec![0.0, 50.0, 100.0]),
            (1100.0, vec![0.0, 500.0, 1000.0]),
        ] {
            assert_eq!(heights(top), expected, "{top}");
        }
    }

    #[test]
    fn times_are_round_by_the_clock_and_inside() {
        let end = Timestamp::from_micros(1_000_000_000_000_000 + 7_000_000);
        let shown: Vec<String> =
            times(end, -420.0).into_iter().map(|after| clock(end, after, 420.0)).collect();
        assert_eq!(
            shown,
            ["01:46:00", "01:45:00", "01:44:00", "01:43:00", "01:42:00", "01:41:00", "01:40:00"]
        );
    }

    #[test]
    fn what_is_not_known_parts_a_curve() {
        assert_eq!(runs(&[None, Some(1), Some(2), None, Some(3)]), [1..3, 4..5]);
        assert!(runs::<u8>(&[None]).is_empty());
    }

    #[test]
    fn marks_near_each_other_share_a_number() {
        let places = vec![(1, 50), (2, 60), (3, 70), (4, 200)];
        assert_eq!(numbered(places), [(50, "1–3".to_owned()), (200, "4".to_owned())]);
    }
}
