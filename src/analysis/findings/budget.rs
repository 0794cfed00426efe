//! `server.budget`: what the pools of a server may open together is more than the server has, even while little is open.

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::model::limit::LimitScope;
use crate::model::pool::Layer;
use crate::model::target::TargetName;

/// pooltop's own two connections are part of the demand.
pub(in crate::analysis) const OWN: u32 = 2;
/// Terms named in the evidence.
const NAMED: usize = 6;

/// Adds up the bounds of the pools of each server.
pub(super) struct Budget;

impl Check for Budget {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.servers().filter_map(|(index, status, _)| overcommitted(index, &status.name, scene)).collect()
    }
}

/// What a pool may open: its bound where it has one, else what it has open now.
pub(in crate::analysis) fn demand(pool: &PoolScene<'_>) -> u32 {
    let seen = &pool.track.pool;
    seen.max.unwrap_or(seen.total).max(seen.total)
}

fn overcommitted(target: usize, name: &TargetName, scene: &Scene<'_>) -> Option<Draft> {
    let limit =
        scene.limits.iter().find(|limit| limit.scope == LimitScope::Server && limit.target == *name)?;
    let usable = limit.usable()?;
    let mut pools: Vec<&PoolScene<'_>> = scene
        .pools
        .iter()
        .filter(|pool| {
            pool.target == target && pool.track.pool.key.layer == Layer::Server && demand(pool) > 0
        })
        .collect();
    let bounded: u32 =
        pools.iter().filter(|pool| pool.track.pool.max.is_some()).map(|pool| demand(pool)).sum();
    let total = pools.iter().map(|pool| demand(pool)).fold(OWN, u32::saturating_add);
    // What is open now without a bound is judged by `server.exhaustion`.
    if bounded == 0 || total <= usable {
        return None;
    }
    pools.sort_by_key(|pool| std::cmp::Reverse(demand(pool)));
    let title = format!("{name}: its pools may open {total} connections, {usable} can be used");
    let mut draft = Draft::new(Rule::ServerBudget, Severity::Warning, TargetName::clone(name), title);
    draft.evidence.push(format!("demand {total} = {}", terms(&pools)));
    draft.evidence.push(format!(
        "usable {usable} = {} − {} reserved; open now {}",
        limit.limit.unwrap_or_default(),
        limit.reserved,
        limit.used
    ));
    draft.alternative = Some("pools that never grow to their bounds at the same time");
    let over = total - usable;
    draft.suggestion = Some(format!(
        "Lower the largest bounds by {over} together, or put a pooler in front; `pooltop size` computes it."
    ));
    Some(draft)
}

/// `40 (checkout, bound) + 12 (worker, open now) + 2 (pooltop)`.
fn terms(pools: &[&PoolScene<'_>]) -> String {
    let term = |pool: &&PoolScene<'_>| {
        let why = if pool.track.pool.max.is_some() { "bound" } else { "open now" };
        format!("{} ({}, {why})", demand(pool), pool.track.label)
    };
    let mut terms: Vec<String> = pools.iter().take(NAMED).map(term).collect();
    let rest: u32 = pools.iter().skip(NAMED).map(|pool| demand(pool)).sum();
    if rest > 0 {
        terms.push(format!("{rest} (others)"));
    }
    terms.push(format!("{OWN} (pooltop)"));
    terms.join(" + ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::analysis::Settings;
    use crate::analysis::fixture::{Stage, facts, row, sample};
    use crate::model::finding::{Finding, Rule};
    use crate::model::pool::DeclaredPool;

    /// One connection of a pool that may open so many, on a server of 100 slots, 3 of them reserved.
    fn seen(max: Option<u32>, instances: u32) -> Option<Finding> {
        let declared = DeclaredPool {
            name: "api".into(),
            application_name: Some("api*".into()),
            max,
            instances,
            ..DeclaredPool::default()
        };
        let mut stage = Stage::single(Settings { pools: vec![declared], ..Settings::default() });
        let rows = vec![row(1, "api-1").build(), row(2, "psql").build()];
        let moment = stage.show(sample("db1", 1.0, rows, &Arc::new(facts(100))));
        moment.findings.into_iter().find(|finding| finding.rule == Rule::ServerBudget)
    }

    #[test]
    fn bounds_that_together_exceed_the_server_are_told_with_the_arithmetic() {
        let finding = seen(Some(20), 5).unwrap();
        assert_eq!(&*finding.title, "db1: its pools may open 103 connections, 97 can be used");
        assert!(
            finding.evidence[0].starts_with("demand 103 = 100 (api, bound) + 1 ("),
            "{}",
            finding.evidence[0]
        );
        assert!(finding.suggestion.unwrap().contains("by 6 together"));
    }

    #[test]
    fn bounds_that_fit_and_pools_without_bounds_are_not() {
        assert_eq!(seen(Some(94), 1), None);
        assert_eq!(seen(None, 1), None);
    }
}
