//! R19: a pool in which every connection waits for another one of the same pool.

use super::Advice;
use super::given::{Given, Placed};
use crate::analysis::moment::BackendRow;
use crate::analysis::sizing::queue;
use crate::model::backend::State;
use crate::model::finding::AdviceSeverity;
use crate::model::pool::Layer;
use crate::text::span::span;

/// Pools at their bound, as a server sees them, none of whose sessions goes on.
pub(super) fn nested(given: &Given<'_>) -> Vec<Advice> {
    given.pools().filter_map(|placed| locked(given, placed)).collect()
}

/// Idle in its transaction, or waiting for a lock.
fn is_stuck(row: &BackendRow) -> bool {
    row.backend.state.is_idle_in_transaction()
        || row.backend.state == State::Active && !row.blocked_by.is_empty()
}

fn locked(given: &Given<'_>, (place, pool): Placed<'_>) -> Option<Advice> {
    let seen = &pool.track.pool;
    let max = seen.max.filter(|max| *max > 1 && seen.key.layer == Layer::Server)?;
    let thresholds = &given.scene.settings.thresholds;
    let mut rows = given.scene.members(pool);
    if seen.total < max || !rows.all(is_stuck) {
        return None;
    }
    let ages: Option<Vec<_>> = given.scene.members(pool).map(|row| pool.state_age(&row.backend)).collect();
    let ages = ages?;
    let (oldest, youngest) = (ages.iter().max()?, ages.iter().min()?);
    // Leaks come one by one; who locks each other out stops at much the same time.
    if *youngest < thresholds.lock_wait || oldest.saturating_sub(*youngest) > thresholds.settled {
        return None;
    }
    let instances = pool.track.bounds.as_ref().map_or(1, |bounds| bounds.instances).max(1);
    let tasks = u64::from(max / instances);
    let least = queue::locking(tasks, 2);
    let first = "Take no second connection while one is held (pass the first one on)";
    let leaks = given.leak_of(place).is_some();
    let larger = if leaks {
        String::new()
    } else {
        format!("; where that must be, pool size: {tasks} -> {least} at least")
    };
    let mut advice = Advice::on(pool, AdviceSeverity::High, format!("{first}{larger}"));
    advice.share = 1.0;
    advice.evidence.push(format!(
        "all {} of {max} are idle in transaction or blocked, none went on for {}",
        seen.total,
        span(*youngest)
    ));
    advice
        .evidence
        .push(format!("they stopped within {} of each other", span(oldest.saturating_sub(*youngest))));
    advice.formula = Some(format!("{tasks} tasks × (2 connections each − 1) + 1 = {least}"));
    Some(advice)
}
