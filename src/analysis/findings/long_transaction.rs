//! `transaction.long`: a transaction has been open for long and still works. Those that do nothing are leaks.

use super::{Check, Draft};
use crate::analysis::moment::BackendRow;
use crate::analysis::names;
use crate::analysis::scene::{PoolScene, Scene, ids};
use crate::model::finding::{Rule, Severity};
use crate::text::span::{count, span};

/// Looks at open transactions, pool by pool.
pub(super) struct LongTransaction;

impl Check for LongTransaction {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| long(pool, scene)).collect()
    }
}

fn long(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let threshold = scene.settings.thresholds.long_transaction;
    let mut long: Vec<&BackendRow> = scene
        .members(pool)
        .filter(|row| row.backend.xact_start.is_some_and(|start| pool.at.age_of(start) >= threshold))
        .filter(|row| !row.stranded)
        .filter(|row| !names::is_backup(&row.backend.session.application_name))
        // One statement that runs long is its own finding.
        .filter(|row| row.backend.query_start != row.backend.xact_start)
        .collect();
    long.sort_by_key(|row| (row.backend.xact_start, row.backend.pid()));
    let oldest = long.first()?.backend.xact_start?;
    let age = span(pool.at.age_of(oldest));
    let transactions = count(long.len() as u64, "transaction");
    let title = format!("{}: {transactions} open for up to {age}, still working", pool.track.label);
    let mut draft = Draft::on_pool(Rule::TransactionLong, Severity::Notice, pool, title);
    draft.backends = ids(long.iter().copied());
    draft.since = Some(oldest);
    draft.evidence.push(format!("{transactions} open for at least {}, oldest {age}", span(threshold)));
    let vacuum = long.iter().filter(|row| row.backend.has_xmin).count() as u64;
    if vacuum > 0 {
        draft.evidence.push(format!("{vacuum} of them hold back vacuum"));
    }
    draft.alternative = Some("a batch job at its work");
    draft.suggestion = Some("Commit in smaller steps.".to_owned());
    Some(draft)
}
