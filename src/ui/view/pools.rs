//! The pools as a list, rolled up as far as asked: a thousand pools are a few lines when each is not the point.

mod columns;
mod rollup;

use std::collections::HashMap;

use crate::analysis::Moment;
use crate::analysis::moment::PoolRow;
use crate::model::finding::Severity;
use crate::model::pool::{Layer, Pool, PoolKey};
use crate::text::Text;
pub use columns::{COLUMNS, Field, NARROW, ROLLED, SORTS, cell, sort};
pub use rollup::RollUp;

/// One line: a pool, or several that share a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What the pools share; stays the same from sample to sample.
    pub key: PoolKey,
    /// How many pools it is.
    pub pools: usize,
    /// Indices into [`Moment::pools`].
    pub members: Vec<usize>,
    /// The declared name, for a single pool.
    pub name: Option<Text>,
    /// In use.
    pub used: Option<u32>,
    /// Idle, outside a transaction.
    pub idle: Option<u32>,
    /// Idle in transaction.
    pub in_transaction: Option<u32>,
    /// Idle in an aborted transaction.
    pub aborted: Option<u32>,
    /// Queued for a connection.
    pub pending: Option<u32>,
    /// The most that were open at once.
    pub peak: u32,
    /// Ceiling; `None` as soon as one member's is not known.
    pub max: Option<u32>,
    /// Age of the oldest idle transaction, s.
    pub oldest_s: Option<f64>,
    /// Connections over time.
    pub trend: Vec<Option<u32>>,
    /// The worst finding.
    pub finding: Option<Severity>,
}

impl Line {
    fn new(key: PoolKey, index: usize, row: &PoolRow) -> Self {
        let pool = &row.pool;
        Self {
            key,
            pools: 1,
            members: vec![index],
            name: pool.key.declared.clone().or_else(|| behind_pooler(pool)),
            used: pool.used,
            idle: pool.idle,
            in_transaction: pool.idle_in_transaction,
            aborted: pool.aborted,
            pending: pool.pending,
            peak: pool.peak,
            max: pool.max,
            oldest_s: pool.oldest_idle_in_transaction_s,
            trend: row.trend.clone(),
            finding: row.finding,
        }
    }

    fn add(&mut self, index: usize, row: &PoolRow) {
        let pool = &row.pool;
        self.pools += 1;
        self.members.push(index);
        self.name = None;
        self.used = sum(self.used, pool.used);
        self.idle = sum(self.idle, pool.idle);
        self.in_transaction = sum(self.in_transaction, pool.idle_in_transaction);
        self.aborted = sum(self.aborted, pool.aborted);
        self.pending = sum(self.pending, pool.pending);
        self.peak += pool.peak;
        self.max = self.max.zip(pool.max).map(|(left, right)| left + right);
        self.oldest_s = larger(self.oldest_s, pool.oldest_idle_in_transaction_s);
        add_series(&mut self.trend, &row.trend);
        self.finding = self.finding.max(row.finding);
    }
}

/// The name of a server's pool that a pooler owns: no application name says whose it is, user and database stand beside it.
fn behind_pooler(pool: &Pool) -> Option<Text> {
    (pool.via_pooler && pool.key.layer == Layer::Server).then(|| "via pooler".into())
}

/// The sum of what is known.
fn sum(left: Option<u32>, right: Option<u32>) -> Option<u32> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (known, None) | (None, known) => known,
    }
}

fn larger(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (known, None) | (None, known) => known,
    }
}

/// Adds two series that end at the same time.
fn add_series(into: &mut Vec<Option<u32>>, other: &[Option<u32>]) {
    if into.len() < other.len() {
        let mut longer = vec![None; other.len() - into.len()];
        longer.append(into);
        *into = longer;
    }
    let start = into.len() - other.len();
    for (left, right) in into.iter_mut().skip(start).zip(other) {
        *left = sum(*left, *right);
    }
}

/// Every line, not sorted, in the order of the moment.
pub fn lines(moment: &Moment, level: RollUp) -> Vec<Line> {
    let mut places: HashMap<PoolKey, usize> = HashMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for (index, row) in moment.pools.iter().enumerate() {
        let key = level.key(&row.pool.key);
        if let Some(line) = places.get(&key).and_then(|place| lines.get_mut(*place)) {
            line.add(index, row);
        } else {
            places.insert(key.clone(), lines.len());
            lines.push(Line::new(key, index, row));
        }
    }
    lines
}

impl Line {
    /// Its name: the declared one, or the part of the key that says most.
    pub fn label(&self) -> &str {
        let key = &self.key;
        let parts = [&self.name, &key.application_name, &key.client, &key.database, &key.user];
        let known = parts.into_iter().flatten().find(|part| !part.is_empty());
        known.map_or("(empty)", Text::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_end_together_add_up_and_gaps_stay() {
        let mut into = vec![Some(1), None];
        add_series(&mut into, &[Some(5), None, None]);
        assert_eq!(into, [Some(5), Some(1), None]);
    }

    #[test]
    fn what_is_not_known_does_not_count_as_zero() {
        assert_eq!(sum(None, Some(3)), Some(3));
        assert_eq!(sum(None, None), None);
    }
}
