//! Whether answers come from one process or, behind a load balancer or from several workers, now from one and now from
//! another.

use std::collections::{HashMap, VecDeque};

use crate::model::app::{AppField, AppPool};
use crate::text::Text;

/// Answers that are remembered: a minute and more at the usual interval.
const REMEMBERED: usize = 16;
/// Answers for which the conclusion stands after it was last drawn.
const STANDS: u32 = 60;
/// How often a counter must have fallen and come back. Once it does so too where a process restarts and catches up.
const RETURNS: usize = 2;

/// What only ever grows in one process.
const COUNTERS: [AppField; 6] =
    [AppField::Opened, AppField::Closed, AppField::Timeouts, AppField::Waits, AppField::Uses, AppField::Wait];

/// The past answers of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Several {
    identities: VecDeque<u64>,
    counters: HashMap<(Text, AppField), VecDeque<f64>>,
    /// Answers for which the conclusion still stands.
    stands: u32,
}

impl Several {
    /// Takes an answer in. Returns whether answers come from several processes.
    pub(super) fn observe(&mut self, identity: Option<u64>, pools: &[AppPool]) -> bool {
        self.counters.retain(|(name, _), _| pools.iter().any(|pool| pool.name == *name));
        if let Some(identity) = identity {
            push(&mut self.identities, identity);
        }
        for pool in pools {
            for field in COUNTERS {
                if let Some(value) = pool.get(field) {
                    push(self.counters.entry((pool.name.clone(), field)).or_default(), value);
                }
            }
        }
        let to_and_fro = has_returned(&self.identities) || self.counters.values().any(goes_to_and_fro);
        self.stands = if to_and_fro { STANDS } else { self.stands.saturating_sub(1) };
        self.stands > 0
    }
}

fn push<T>(past: &mut VecDeque<T>, value: T) {
    if past.len() == REMEMBERED {
        past.pop_front();
    }
    past.push_back(value);
}

/// Whether one that had been followed by another answered again: a restart does not bring the old one back.
fn has_returned(identities: &VecDeque<u64>) -> bool {
    let mut left: Vec<u64> = Vec::new();
    let pairs = identities.iter().zip(identities.iter().skip(1));
    for (before, now) in pairs.filter(|(before, now)| before != now) {
        left.push(*before);
        if left.contains(now) {
            return true;
        }
    }
    false
}

/// Whether a counter fell and then stood where it had been, more than once, and did not begin anew with each fall.
fn goes_to_and_fro(values: &VecDeque<f64>) -> bool {
    let (mut returns, mut lowest, mut fallen_from) = (0, f64::NEG_INFINITY, None);
    for (before, now) in values.iter().zip(values.iter().skip(1)) {
        if now < before {
            if *now < lowest {
                return false;
            }
            lowest = *now;
            fallen_from.get_or_insert(*before);
        }
        if fallen_from.is_some_and(|peak| *now >= peak) {
            returns += 1;
            fallen_from = None;
        }
    }
    returns >= RETURNS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(values: &[u64]) -> bool {
        let mut several = Several::default();
        let pool = |value: u64| AppPool { opened: Some(value), ..AppPool::default() };
        values.iter().map(|value| several.observe(None, &[pool(*value)])).last().unwrap()
    }

    #[test]
    fn counters_that_jump_to_and_fro_are_several_processes_and_a_reset_is_not() {
        for (values, expected) in [
            (&[5, 6, 7, 8, 9][..], false),
            (&[100, 3, 4, 5, 6, 7], false),
            (&[100, 3, 60, 100, 120], false),
            (&[100, 3, 100, 3, 100, 4, 101], true),
            (&[100, 40, 41, 100, 101, 42, 102], true),
            (&[100, 40, 70, 100, 40, 71, 101, 41, 70, 102], true),
            // Restarted twice, each time from nothing.
            (&[100, 5, 60, 110, 2, 70, 130], false),
            (&[7, 7, 7, 7], false),
        ] {
            assert_eq!(counters(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_process_that_comes_back_is_one_of_several_and_a_new_one_is_a_restart() {
        for (identities, expected) in [
            (&[1, 1, 1][..], false),
            (&[1, 1, 2, 2], false),
            (&[1, 2, 3, 4], false),
            (&[1, 2, 1], true),
            (&[1, 2, 3, 1], true),
        ] {
            let mut several = Several::default();
            let last = identities.iter().map(|identity| several.observe(Some(*identity), &[])).last();
            assert_eq!(last, Some(expected), "{identities:?}");
        }
    }

    #[test]
    fn the_conclusion_stands_for_a_while_and_not_for_ever() {
        let mut several = Several::default();
        for identity in [1, 2, 1] {
            several.observe(Some(identity), &[]);
        }
        let stood = (0..200).take_while(|_| several.observe(Some(1), &[])).count();
        assert!((60..120).contains(&stood), "{stood}");
    }
}
