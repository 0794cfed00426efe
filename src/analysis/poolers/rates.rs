//! A pooler's own rates, worked out of its totals. Its averages are not used: what they mean changed between
//! versions, and they are renewed once a minute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::moment::PoolerRates;
use crate::analysis::recent::{Recent, gain, per, shrank};
use crate::model::pooler::{PoolerPool, PoolerTotals};
use crate::model::time::Timestamp;
use crate::text::Text;

/// Totals of the last minute, per database and where the pooler counts so, per user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rates {
    recent: BTreeMap<(Text, Option<Text>), Recent<PoolerTotals>>,
    now: BTreeMap<(Text, Option<Text>), PoolerRates>,
}

impl Rates {
    pub(super) fn read(&mut self, at: Timestamp, totals: &[PoolerTotals]) {
        let mut recent = std::mem::take(&mut self.recent);
        self.now.clear();
        for total in totals.iter().filter(|total| &*total.database != "pgbouncer") {
            let key = (total.database.clone(), total.user.clone());
            let mut seen = recent.remove(&key).unwrap_or_default();
            seen.add(at, total.clone(), began_anew);
            if let Some((old, new, span)) = seen.ends() {
                self.now.insert(key.clone(), between(old, new, span));
            }
            self.recent.insert(key, seen);
        }
    }

    pub(super) fn all(&self) -> Vec<PoolerRates> {
        self.now.values().cloned().collect()
    }

    /// The rates of one pool. Those of a database are a pool's only where it is the database's only one.
    pub(super) fn of(&self, row: &PoolerPool, pools: &[PoolerPool]) -> Option<&PoolerRates> {
        self.now.get(&self.key(row, pools)?)
    }

    /// Errors of one pool since the pooler started.
    pub(super) fn errors(&self, row: &PoolerPool, pools: &[PoolerPool]) -> Option<u64> {
        self.recent.get(&self.key(row, pools)?)?.newest()?.errors
    }

    fn key(&self, row: &PoolerPool, pools: &[PoolerPool]) -> Option<(Text, Option<Text>)> {
        let own = (row.database.clone(), Some(row.user.clone()));
        if self.recent.contains_key(&own) {
            return Some(own);
        }
        let alone = pools.iter().filter(|other| other.database == row.database).count() == 1;
        alone.then(|| (row.database.clone(), None))
    }
}

/// A pooler that was started again, or a pool that was dropped and made anew.
fn began_anew(old: &PoolerTotals, new: &PoolerTotals) -> bool {
    let parts: [fn(&PoolerTotals) -> Option<u64>; 7] = [
        |totals| totals.transactions,
        |totals| totals.queries,
        |totals| totals.assignments,
        |totals| totals.transaction_us,
        |totals| totals.query_us,
        |totals| totals.wait_us,
        |totals| totals.errors,
    ];
    parts.iter().any(|part| shrank(part(old), part(new)))
}

fn between(old: &PoolerTotals, new: &PoolerTotals, span: f64) -> PoolerRates {
    let gained = |part: fn(&PoolerTotals) -> Option<u64>| gain(part(old), part(new));
    let rate = |gained: Option<u64>| gained.map(|gained| gained as f64 / span);
    let seconds = |micros: Option<f64>| micros.map(|micros| micros / 1e6);
    let (transactions, queries) = (gained(|totals| totals.transactions), gained(|totals| totals.queries));
    let waited = gained(|totals| totals.wait_us);
    PoolerRates {
        database: new.database.clone(),
        user: new.user.clone(),
        transactions_per_s: rate(transactions),
        queries_per_s: rate(queries),
        errors_per_s: rate(gained(|totals| totals.errors)),
        wait_avg_s: seconds(per(waited, gained(|totals| totals.assignments))),
        wait_per_s: seconds(rate(waited)),
        transaction_avg_s: seconds(per(gained(|totals| totals.transaction_us), transactions)),
        query_avg_s: seconds(per(gained(|totals| totals.query_us), queries)),
    }
}
