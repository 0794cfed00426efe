//! `server.exhaustion`: the slots of a server, or what a database or role may use of them, run out.

use super::{Check, Draft};
use crate::analysis::scene::Scene;
use crate::model::finding::{Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::text::span::{count, roughly};

/// So few free slots that the next deploy or burst meets the ceiling.
pub(super) const FEW: u32 = 3;
/// Share of the ceiling above which it is critical however slowly it grows.
pub const NEARLY_FULL: f64 = 0.95;
/// A ceiling this near in time is worth a warning, s.
pub const SOON_S: f64 = 300.0;
/// A ceiling this near in time is worth a notice, s.
pub(super) const IN_SIGHT_S: f64 = 1800.0;
/// Below this share, growth is a start-up.
pub const EMPTY: f64 = 0.5;

/// Judges each limit of a server, database or role.
pub(super) struct Exhaustion;

impl Check for Exhaustion {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for limit in scene.limits {
            if !matches!(limit.scope, LimitScope::Server | LimitScope::Database | LimitScope::Role) {
                continue;
            }
            let Some(severity) = severity(limit, scene.settings.thresholds.utilization) else { continue };
            let draft = draft(limit, severity, scene);
            // Limits come fullest first; a target's further ones are further sentences of the first.
            match drafts.iter_mut().find(|first| first.target == draft.target) {
                Some(first) => {
                    first.severity = first.severity.max(draft.severity);
                    first.evidence.extend(draft.evidence);
                }
                None => drafts.push(draft),
            }
        }
        drafts
    }
}

fn severity(limit: &Limit, threshold: f64) -> Option<Severity> {
    let utilization = limit.utilization()?;
    let free = limit.usable()?.saturating_sub(limit.used);
    let within = |seconds: f64| limit.exhausted_in_s.is_some_and(|left| left <= seconds);
    match utilization {
        share if share >= NEARLY_FULL || free <= FEW && share >= threshold => Some(Severity::Critical),
        share if share >= threshold && within(SOON_S) => Some(Severity::Critical),
        share if share >= threshold || share >= EMPTY && within(SOON_S) => Some(Severity::Warning),
        share if share >= EMPTY && within(IN_SIGHT_S) => Some(Severity::Notice),
        _ => None,
    }
}

fn draft(limit: &Limit, severity: Severity, scene: &Scene<'_>) -> Draft {
    let usable = limit.usable().unwrap_or_default();
    let free = usable.saturating_sub(limit.used);
    let what = subject(limit);
    let title = if free == 0 {
        format!("{what} is full: {} of {usable} slots used", limit.used)
    } else {
        format!("{what}: {} of {usable} slots used, {} free", limit.used, free)
    };
    let mut draft = Draft::new(
        Rule::ServerExhaustion,
        severity,
        crate::model::target::TargetName::clone(&limit.target),
        title,
    );
    draft.evidence.push(arithmetic(limit, &what, usable));
    if let (Some(growth), Some(left)) = (limit.growth_per_min, limit.exhausted_in_s) {
        draft
            .evidence
            .push(format!("{what} grows by {growth:.1} per minute; full in about {}", roughly(left)));
    }
    draft.evidence.extend(largest(limit, scene));
    draft.suggestion = Some(
        "Find out who holds the slots (pools table), end what is stuck there; raise the ceiling last."
            .to_owned(),
    );
    draft
}

fn subject(limit: &Limit) -> String {
    match limit.scope {
        LimitScope::Server => limit.name.to_string(),
        scope => format!("{} {}", scope.as_str(), limit.name),
    }
}

fn arithmetic(limit: &Limit, what: &str, usable: u32) -> String {
    let raw = limit.limit.unwrap_or_default();
    match limit.reserved {
        0 => format!("{what}: {} of {raw} used", limit.used),
        reserved => format!("{what}: {} used of {usable} = {raw} − {reserved} reserved", limit.used),
    }
}

/// Who holds the most of it.
fn largest(limit: &Limit, scene: &Scene<'_>) -> Option<String> {
    let mut pools: Vec<_> = scene
        .pools
        .iter()
        .filter(|pool| pool.track.pool.key.target == limit.target && pool.track.pool.total > 0)
        .collect();
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.track.pool.total));
    let names: Vec<String> =
        pools.iter().take(3).map(|pool| format!("{} {}", pool.track.label, pool.track.pool.total)).collect();
    if limit.scope != LimitScope::Server || names.is_empty() {
        return None;
    }
    Some(format!("the largest of {}: {}", count(pools.len() as u64, "pool"), names.join(", ")))
}
