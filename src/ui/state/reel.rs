//! The moments that can be looked at: the present, a frozen one, the recent past.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::analysis::Moment;
use crate::model::time::Timestamp;
use crate::model::track::Travel;

/// How many bytes of moments are kept for stepping back. Rows are shared with the history, lists are not.
const BUDGET: usize = 8 << 20;

/// Whether the screen follows the present, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It does.
    Following,
    /// Frozen by hand: everything stands still, ages included.
    Frozen,
    /// It shows a moment of the past.
    Past,
}

/// Where a way through the past ends, as far as the kept moments tell.
#[derive(Clone, Debug)]
pub enum Way {
    /// At a moment that is kept.
    Kept(Arc<Moment>),
    /// At the newest.
    Newest,
    /// Before what is kept.
    Beyond,
}

/// The newest moments, for steps that take no time, and which moment is shown.
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

    /// The first of the kept moments that is as asked for.
    pub fn first(&self, is: impl Fn(&Moment) -> bool) -> Option<&Arc<Moment>> {
        self.kept.iter().find(|moment| is(moment))
    }

    /// The oldest that is kept.
    pub fn oldest(&self) -> Option<&Arc<Moment>> {
        self.kept.front()
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

    /// Shows a moment of the past; the newest is the present, which is followed.
    pub fn show(&mut self, moment: Arc<Moment>) {
        let newest = self.newest().is_some_and(|newest| newest.at == moment.at);
        self.held = (!newest).then_some((Hold::Past, moment));
    }

    /// Where `travel` leads from the moment of `from`.
    pub fn way(&self, from: Timestamp, travel: Travel) -> Way {
        let Some(last) = self.kept.len().checked_sub(1) else { return Way::Beyond };
        let to = match travel {
            Travel::Oldest => None,
            Travel::Newest => Some(last),
            Travel::To(at) => self.place(at),
            Travel::Step(by) => self.place(from).and_then(|place| place.checked_add_signed(by)),
        };
        match to.map(|to| self.kept.get(to).filter(|_| to < last)) {
            None => Way::Beyond,
            Some(None) => Way::Newest,
            Some(Some(moment)) => Way::Kept(Arc::clone(moment)),
        }
    }

    /// The last kept moment at or before `at`.
    fn place(&self, at: Timestamp) -> Option<usize> {
        self.kept.iter().rposition(|kept| kept.at <= at)
    }

    /// Forgets everything: another profile runs, or a replay jumped.
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
