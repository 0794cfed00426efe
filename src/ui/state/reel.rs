//! The moments that can be looked at: the present, a frozen one, the recent past.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::analysis::Moment;
use crate::model::time::Timestamp;

/// How many bytes of moments are kept for stepping back. Rows are shared with the history, lists are not.
const BUDGET: usize = 8 << 20;

/// Whether the screen follows the present, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It does.
    Following,
    /// Frozen by hand: everything stands still, ages included.
    Frozen,
    /// Stepped back this many samples.
    Past(usize),
}

/// The newest moments, and which of them is shown.
#[derive(Debug, Default)]
pub struct Reel {
    kept: VecDeque<Arc<Moment>>,
    bytes: usize,
    held: Option<(Hold, Arc<Moment>)>,
}

impl Reel {
    /// Adds the present; says whether it is what is shown.
    pub fn push(&mut self, moment: Arc<Moment>) -> bool {
        self.bytes += cost(&moment);
        self.kept.push_back(moment);
        while self.bytes > BUDGET && self.kept.len() > 1 {
            if let Some(dropped) = self.kept.pop_front() {
                self.bytes -= cost(&dropped);
            }
        }
        if let Some((Hold::Past(back), _)) = &mut self.held {
            *back += 1;
        }
        self.held.is_none()
    }

    /// What is shown.
    pub fn shown(&self) -> Option<&Arc<Moment>> {
        self.held.as_ref().map(|(_, moment)| moment).or_else(|| self.kept.back())
    }

    /// The newest, shown or not.
    pub fn newest(&self) -> Option<&Arc<Moment>> {
        self.kept.back()
    }

    /// Whether the screen follows the present.
    pub fn hold(&self) -> Hold {
        self.held.as_ref().map_or(Hold::Following, |(hold, _)| *hold)
    }

    /// The time that counts on the screen: now, or the held moment's.
    pub fn now(&self, now: Timestamp) -> Timestamp {
        self.held.as_ref().map_or(now, |(_, moment)| moment.at)
    }

    /// Freezes, or follows the present again.
    pub fn toggle_freeze(&mut self) {
        self.held = match self.held.take() {
            None => self.kept.back().map(|moment| (Hold::Frozen, Arc::clone(moment))),
            Some(_) => None,
        };
    }

    /// Follows the present again.
    pub fn follow(&mut self) {
        self.held = None;
    }

    /// Steps by samples, negative into the past. Reaching the newest follows the present again.
    pub fn step(&mut self, by: isize) {
        let Some(last) = self.kept.len().checked_sub(1) else { return };
        let to = self.place().saturating_add_signed(by).min(last);
        self.held = match self.kept.get(to) {
            Some(moment) if to < last => Some((Hold::Past(last - to), Arc::clone(moment))),
            _ => None,
        };
    }

    /// To the oldest sample kept.
    pub fn oldest(&mut self) {
        self.step(isize::MIN);
    }

    /// Where the shown moment stands among the kept ones; the oldest if it is no longer kept.
    fn place(&self) -> usize {
        let shown = self.shown();
        let found = shown.and_then(|shown| self.kept.iter().rposition(|kept| Arc::ptr_eq(kept, shown)));
        found.unwrap_or(0)
    }

    /// Forgets everything: another profile runs.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What keeping a moment costs beyond the rows that the history keeps anyway.
fn cost(moment: &Moment) -> usize {
    let rows = moment.backends.len() * size_of::<crate::analysis::moment::BackendRow>();
    let trends: usize = moment
        .pools
        .iter()
        .map(|pool| 8 * (pool.trend.len() + pool.idle_in_transaction_trend.len()) + size_of_val(pool))
        .sum();
    let series = moment.series.counts.len() * 40;
    rows + trends + series + 4096
}
