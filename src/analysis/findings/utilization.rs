//! `pool.utilization`: a declared pool is nearly used up, for a while.

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};

/// Share of the bound above which the next request is likely to wait.
pub(super) const NEARLY_FULL: f64 = 0.95;

/// Compares connections in use with what is declared.
pub(super) struct Utilization;

impl Check for Utilization {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| used_up(pool, scene)).collect()
    }
}

fn used_up(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let max = seen.max.filter(|max| *max > 0)?;
    let used = seen.used?;
    let share = f64::from(used) / f64::from(max);
    // Above its bound it is another finding.
    if share < scene.settings.thresholds.pool_utilization || seen.total > max {
        return None;
    }
    let severity = if share >= NEARLY_FULL { Severity::Warning } else { Severity::Notice };
    let title = format!("{}: {used} of {max} connections in use", pool.track.label);
    let mut draft = Draft::on_pool(Rule::PoolUtilization, severity, pool, title);
    draft.sustained = scene.settings.thresholds.sustained;
    let states: Vec<String> = [
        ("active", seen.active),
        ("idle in transaction", seen.idle_in_transaction),
        ("aborted", seen.aborted),
    ]
    .iter()
    .filter_map(|(state, count)| Some(format!("{} {state}", (*count)?)))
    .collect();
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    draft.evidence.push(format!("{used} in use of at most {max}{states}"));
    draft.alternative = Some("a pool sized exactly to its load");
    draft.suggestion = Some(
        "Shorten what holds the connections (see its longest statements), then make it larger.".to_owned(),
    );
    Some(draft)
}
