//! What a doctor finds on a console.

use crate::connect::Console;
use crate::model::pooler::{ConsoleRight, PoolerFacts, PoolerSample, PoolerState};
use crate::model::sample::Sample;
use crate::model::target::TargetKind;
use crate::source::probe::Check;
use crate::text::span;

/// What one sample and the session that it came over tell.
pub(super) fn all(sample: &Sample, console: &Console, user: &str) -> Vec<Check> {
    let Some(pooler) = sample.pooler() else { return Vec::new() };
    let protected = if console.is_encrypted() { "TLS" } else { "no TLS" };
    let recognised = format!("{} at {}, {protected}", pooler.version, console.endpoint());
    let mut checks = vec![Check::good("console", &recognised)];
    if let Some(pools) = pooler.pools.known() {
        checks.push(Check::good("pools", &span::count(pools.len() as u64, "pool")));
    }
    checks.extend(links(pooler));
    if let Some(facts) = pooler.facts.known() {
        checks.extend(right(facts, pooler.kind, user));
        checks.extend(whole(facts));
    }
    checks.extend(pooler.missing.iter().map(Check::missing));
    checks
}

/// Whether a client's backend can be named.
fn links(pooler: &PoolerSample) -> Option<Check> {
    let sockets = pooler.sockets.known()?;
    let seen = format!(
        "{}, {}",
        span::count(sockets.clients.len() as u64, "client"),
        span::count(sockets.servers.len() as u64, "server connection")
    );
    Some(if sockets.linked {
        Check::good("clients", &seen)
    } else {
        let found = format!("{seen}; {} does not tell which serves which", pooler.kind);
        Check { health: crate::source::probe::Health::Limited, ..Check::good("clients", &found) }
    })
}

fn right(facts: &PoolerFacts, kind: TargetKind, user: &str) -> Option<Check> {
    match facts.right {
        _ if kind != TargetKind::Pgbouncer => None,
        ConsoleRight::Admin => Some(Check::good("operations", &format!("user {user} may do everything"))),
        ConsoleRight::Stats => {
            let found = format!("user {user} may look, not act: PAUSE, RECONNECT and KILL are refused");
            let fix = format!("add {user} to admin_users in pgbouncer.ini, then RELOAD");
            Some(Check::limited("operations", &found, &fix))
        }
        ConsoleRight::Unknown => {
            Some(Check::good("operations", &format!("whether user {user} may act is not known")))
        }
    }
}

/// What concerns the pooler as a whole.
fn whole(facts: &PoolerFacts) -> Vec<Check> {
    let state = match facts.state {
        Some(PoolerState::Paused) => {
            Some(Check::limited("state", "paused as a whole: all clients wait", "RESUME"))
        }
        Some(PoolerState::Suspended) => {
            Some(Check::limited("state", "suspended: all clients wait", "RESUME"))
        }
        Some(PoolerState::Active) | None => None,
    };
    let several = facts.one_of_several.as_ref().map(|why| {
        let fix = "give every process a target of its own, by an address or port that leads to it alone";
        Check::limited("processes", why, fix)
    });
    state.into_iter().chain(several).collect()
}
