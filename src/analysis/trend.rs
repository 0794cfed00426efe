//! Trends that survive bursts: minima of windows, their staircase, and a median slope.
//!
//! Raw counts of connections go up and down with the load and are strongly correlated with themselves, so tests
//! on them cry wolf. The smallest value of each window does not: what it gains is what never went away.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// How many closed windows are remembered.
const WINDOWS: usize = 10;
/// Fewer closed windows than this say nothing about growth.
const ENOUGH: usize = 5;

/// The smallest value of each of the last windows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Minima {
    window: i64,
    closed: VecDeque<(i64, u32)>,
    open: Option<(i64, u32)>,
}

/// What the minima did from window to window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Staircase {
    /// Windows whose minimum lies above the one before.
    pub(crate) rises: u32,
    /// Windows whose minimum lies below the one before.
    pub(crate) falls: u32,
    /// Newest minimum less the oldest, zero when it fell.
    pub(crate) gain: u32,
}

impl Minima {
    /// Minima of windows as long as `window`.
    pub(crate) fn new(window: Duration) -> Self {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(1);
        Self { window, closed: VecDeque::new(), open: None }
    }

    /// Adds a value. Windows without any value are missing, not zero.
    pub(crate) fn add(&mut self, at: Timestamp, value: u32) {
        let index = at.as_micros().div_euclid(self.window);
        match &mut self.open {
            Some((open, low)) if *open == index => *low = value.min(*low),
            // A clock that went back: what was learned does not hold any more.
            Some((open, _)) if *open > index => self.restart(index, value),
            open => {
                if let Some(done) = open.replace((index, value)) {
                    self.closed.push_back(done);
                }
                while self.closed.len() > WINDOWS {
                    self.closed.pop_front();
                }
            }
        }
    }

    /// Forgets everything: after a restart of the server nothing of it holds.
    pub(crate) fn clear(&mut self) {
        self.closed.clear();
        self.open = None;
    }

    /// The median slope of the minima (Theil–Sen), per minute; `None` before there are five closed windows.
    pub(crate) fn growth_per_min(&self) -> Option<f64> {
        if self.closed.len() < ENOUGH {
            return None;
        }
        let per_window = median_slope(&self.closed)?;
        Some(per_window * 60e6 / self.window as f64)
    }

    /// Rises and falls over the closed windows.
    pub(crate) fn staircase(&self) -> Staircase {
        let mut stairs = Staircase::default();
        for (earlier, later) in self.closed.iter().zip(self.closed.iter().skip(1)) {
            stairs.rises += u32::from(later.1 > earlier.1);
            stairs.falls += u32::from(later.1 < earlier.1);
        }
        if let (Some(first), Some(last)) = (self.closed.front(), self.closed.back()) {
            stairs.gain = last.1.saturating_sub(first.1);
        }
        stairs
    }

    /// How long the closed windows span, s.
    pub(crate) fn span_s(&self) -> f64 {
        match (self.closed.front(), self.closed.back()) {
            (Some(first), Some(last)) => (last.0 - first.0 + 1) as f64 * self.window as f64 / 1e6,
            _ => 0.0,
        }
    }

    fn restart(&mut self, index: i64, value: u32) {
        self.closed.clear();
        self.open = Some((index, value));
    }
}

/// The median of the slopes between all pairs; at most 45 pairs.
fn median_slope(points: &VecDeque<(i64, u32)>) -> Option<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, (x1, y1)) in points.iter().enumerate() {
        for (x2, y2) in points.iter().skip(index + 1) {
            slopes.push((f64::from(*y2) - f64::from(*y1)) / (x2 - x1) as f64);
        }
    }
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    match slopes.len() {
        0 => None,
        len if len % 2 == 0 => Some(f64::midpoint(slopes[middle - 1], slopes[middle])),
        _ => Some(slopes[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(window_s: u64, values: impl IntoIterator<Item = (i64, u32)>) -> Minima {
        let mut minima = Minima::new(Duration::from_secs(window_s));
        for (second, value) in values {
            minima.add(Timestamp::from_micros(second * 1_000_000), value);
        }
        minima
    }

    #[test]
    fn growth_is_the_median_slope_per_minute_and_needs_five_windows() {
        let leak = fed(10, (0_i64..).zip(0..61_u32).map(|(second, value)| (second, value / 10)));
        assert_eq!(leak.growth_per_min(), Some(6.0));
        let too_short = fed(10, (0_i64..).zip(0..50_u32).map(|(second, value)| (second, value / 10)));
        assert_eq!(too_short.growth_per_min(), None);
    }

    #[test]
    fn bursts_leave_the_minima_alone() {
        let bursts = fed(10, (0..100).map(|second| (second, if second % 10 < 8 { 40 } else { 3 })));
        assert_eq!(bursts.staircase(), Staircase { rises: 0, falls: 0, gain: 0 });
        assert_eq!(bursts.growth_per_min(), Some(0.0));
    }

    #[test]
    fn a_missed_window_is_missing_and_not_zero() {
        let gap = fed(10, [0, 10, 20, 50, 60, 70].map(|second| (second, 7)));
        assert_eq!(gap.staircase().falls, 0);
        assert_eq!(gap.growth_per_min(), Some(0.0));
    }

    #[test]
    fn one_outlier_does_not_tilt_the_slope() {
        let outlier = fed(10, [(0, 5), (10, 5), (20, 90), (30, 5), (40, 5), (50, 5), (60, 5)]);
        assert_eq!(outlier.growth_per_min(), Some(0.0));
        assert_eq!(outlier.staircase(), Staircase { rises: 1, falls: 1, gain: 0 });
    }

    #[test]
    fn a_clock_that_goes_back_starts_anew() {
        let mut minima = fed(10, (0..100).map(|second| (second, 5)));
        minima.add(Timestamp::from_micros(1), 5);
        assert_eq!(minima.growth_per_min(), None);
    }
}
