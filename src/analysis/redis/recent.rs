//! What a counter gained in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// How far back it is counted.
const SPAN: Duration = Duration::from_secs(60);

/// Gains by their moment, the newest last; bounded by the samples of a minute.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Recent(VecDeque<(Timestamp, u64)>);

impl Recent {
    pub(super) fn add(&mut self, at: Timestamp, more: u64) {
        if more > 0 {
            self.0.push_back((at, more));
        }
        let ago = at.minus(SPAN);
        while self.0.front().is_some_and(|(then, _)| *then < ago) {
            self.0.pop_front();
        }
    }

    /// The sum.
    pub(in super::super) fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, more)| sum.saturating_add(*more))
    }

    /// When it last grew.
    pub(in super::super) fn last(&self) -> Option<Timestamp> {
        self.0.back().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    #[test]
    fn a_minute_is_remembered() {
        let mut recent = Recent::default();
        recent.add(at(0.0), 5);
        recent.add(at(59.0), 2);
        assert_eq!((recent.sum(), recent.last()), (7, Some(at(59.0))));
        recent.add(at(61.0), 0);
        assert_eq!((recent.sum(), recent.last()), (2, Some(at(59.0))));
    }
}
