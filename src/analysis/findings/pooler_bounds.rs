//! `pool.utilization` of a pooler as a whole: the clients it takes, and the server connections of a database or user
//! over all its pools. And `server.logins`: many of its connections log in at once.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::target::TargetName;
use crate::text::span::{count, roughly};

/// Share of the bound above which the next burst meets it.
pub(super) const NEARLY_FULL: f64 = 0.95;
/// Fewer logins at once are ordinary.
pub(super) const FEW: u32 = 3;
/// A login takes milliseconds; many that last this long are a storm.
pub(super) const LASTING: Duration = Duration::from_secs(3);

/// Judges the bounds of poolers that are not a pool's.
pub(super) struct PoolerBounds;

impl Check for PoolerBounds {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for limit in scene.limits.iter().filter(|limit| limit.scope == LimitScope::Pooler) {
            let Some(draft) = nearly_full(limit, scene) else { continue };
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

fn nearly_full(limit: &Limit, scene: &Scene<'_>) -> Option<Draft> {
    let share = limit.utilization().filter(|share| *share >= scene.settings.thresholds.utilization)?;
    let ceiling = limit.limit.unwrap_or_default();
    // Of a bound on clients the next one is refused; of one on server connections it waits.
    let of_all_clients = *limit.name == *limit.target;
    let severity = match share {
        share if share >= NEARLY_FULL && of_all_clients => Severity::Critical,
        share if share >= NEARLY_FULL || of_all_clients => Severity::Warning,
        _ => Severity::Notice,
    };
    let what = if of_all_clients { "clients (max_client_conn)".to_owned() } else { limit.name.to_string() };
    let title = format!("{}: {} of {ceiling} {what}", limit.target, limit.used);
    let target = TargetName::clone(&limit.target);
    let mut draft = Draft::new(Rule::PoolUtilization, severity, target, title.clone());
    draft.evidence.push(title);
    if let (Some(growth), Some(left)) = (limit.growth_per_min, limit.exhausted_in_s) {
        draft.evidence.push(format!("grows by {growth:.1} per minute; full in about {}", roughly(left)));
    }
    draft.alternative = Some("a bound that is meant to hold traffic back");
    draft.suggestion = Some(if of_all_clients {
        "Find who opens so many (clients by application); raise max_client_conn, for which the pooler needs file \
         descriptors: ulimit -n above max_client_conn plus all pool sizes."
            .to_owned()
    } else {
        "Pools of the same database or user take connections from each other: lower their sizes or raise the bound, \
         within what the server has."
            .to_owned()
    });
    Some(draft)
}

/// Looks for connections of poolers that log in all at once.
pub(super) struct LoginStorm;

impl Check for LoginStorm {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(storm).collect()
    }
}

fn storm(pool: &PoolScene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let logging_in = pool.track.logging_in.filter(|logins| *logins >= FEW && *logins * 2 >= seen.total)?;
    let waiting = seen.pending.filter(|pending| *pending > 0);
    let severity = if waiting.is_some() { Severity::Warning } else { Severity::Notice };
    let connections = count(logging_in, "server connection");
    let title = format!("{}: {connections} logging in at once", pool.track.label);
    let mut draft = Draft::on_pool(Rule::ServerLogins, severity, pool, title);
    draft.sustained = LASTING;
    draft
        .evidence
        .push(format!("{logging_in} of {} log in (sv_login)", count(seen.total, "server connection")));
    draft.evidence.extend(waiting.map(|waiting| format!("{} wait meanwhile", count(waiting, "client"))));
    draft.alternative = Some("a pooler or server that has just been started");
    draft.suggestion = Some(
        "Slow logins are slow DNS, LDAP or a full server; many of them are connections that do not live long: see \
         server_lifetime, server_idle_timeout and min_pool_size."
            .to_owned(),
    );
    Some(draft)
}
