//! Which statements a pool runs how often, with what is old counting less; at most 64 are told apart.

use serde::{Deserialize, Serialize};

/// Statements told apart.
const MOST: usize = 64;
/// Statements seen less often than this have been forgotten.
const FORGOTTEN: f64 = 0.05;

/// Decayed counts by fingerprint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mix {
    counts: Vec<(u64, f64)>,
    /// Of all statements, those that were let go included.
    total: f64,
}

impl Mix {
    pub(super) fn add(&mut self, statement: u64) {
        self.total += 1.0;
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == statement) {
            *count += 1.0;
            return;
        }
        if self.counts.len() >= MOST {
            let rarest = (0..MOST).min_by(|a, b| self.counts[*a].1.total_cmp(&self.counts[*b].1));
            self.counts.swap_remove(rarest.unwrap_or(0));
        }
        self.counts.push((statement, 1.0));
    }

    /// Lets everything count less by this factor.
    pub(super) fn fade(&mut self, factor: f64) {
        self.total *= factor;
        self.counts.retain_mut(|(_, count)| {
            *count *= factor;
            *count >= FORGOTTEN
        });
    }

    pub(super) fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn count(&self, statement: u64) -> f64 {
        self.counts.iter().find(|(known, _)| *known == statement).map_or(0.0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frequent_stays_however_many_rare_ones_pass_by() {
        let mut mix = Mix::default();
        for round in 0..1000 {
            mix.add(7);
            mix.add(1000 + round);
        }
        assert!((mix.count(7) - 1000.0).abs() < 1e-9);
        assert!((mix.total() - 2000.0).abs() < 1e-9);
        assert_eq!(mix.counts.len(), MOST);
    }

    #[test]
    fn what_is_old_fades_and_is_forgotten() {
        let mut mix = Mix::default();
        mix.add(1);
        mix.fade(0.5);
        mix.add(2);
        assert!(mix.count(1) < mix.count(2));
        mix.fade(0.09);
        assert_eq!(mix.counts.len(), 1);
    }
}
