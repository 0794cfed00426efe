//! `pool.timeouts`, `pool.errors`, `pool.overflow`: what applications report about their own pools.

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::model::pool::Layer;
use crate::model::target::{TargetError, TargetKind, TargetName, TargetState, TargetStatus};
use crate::text::span::{count, span_s};

/// Failures in a minute from which on it is more than one unlucky request.
pub(super) const SEVERAL: u64 = 3;

/// Looks at what applications counted in the last minute.
pub(super) struct Reported;

impl Check for Reported {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let pools = scene.pools.iter().filter(|pool| pool.track.pool.key.layer == Layer::Application);
        let of_pools = pools.flat_map(|pool| [timeouts(pool), errors(pool), overflow(pool, scene)]).flatten();
        of_pools.chain(scene.statuses.iter().filter_map(|status| silent(status, scene))).collect()
    }
}

fn timeouts(pool: &PoolScene<'_>) -> Option<Draft> {
    let gains = &pool.track.gains;
    let gave_up = gains.timeouts.filter(|timeouts| *timeouts > 0)?;
    let requests = count(gave_up, "request");
    let title = format!("{}: {requests} gave up waiting for a connection", pool.track.label);
    let severity = if gave_up >= SEVERAL { Severity::Critical } else { Severity::Warning };
    let mut draft = Draft::on_pool(Rule::PoolTimeouts, severity, pool, title);
    let seen = &pool.track.pool;
    draft.evidence.push(format!("{requests} in the last {}", span_s(gains.span_s)));
    if let (Some(used), Some(max)) = (seen.used, seen.max) {
        draft.evidence.push(format!("{used} of {max} connections in use now"));
    }
    draft.alternative = Some("a short outage of the database that is over");
    draft.suggestion = Some(
        "See what holds the connections: transactions that lie idle, long statements, or a queue at the pooler. Only \
         then make the pool larger."
            .to_owned(),
    );
    Some(draft)
}

fn errors(pool: &PoolScene<'_>) -> Option<Draft> {
    let gains = &pool.track.gains;
    let failed = gains.errors.filter(|errors| *errors > 0)?;
    let severity = if failed >= SEVERAL { Severity::Warning } else { Severity::Notice };
    let failures = count(failed, "failure");
    let title =
        format!("{}: {failures} of connections in the last {}", pool.track.label, span_s(gains.span_s));
    let mut draft = Draft::on_pool(Rule::PoolErrors, severity, pool, title);
    draft.evidence.push(format!("the application counted {failures} in the last {}", span_s(gains.span_s)));
    draft.alternative = Some("connections that the server or a firewall closed while they were idle");
    draft.suggestion = Some(
        "See the application's log for the server's words; check connections before use (pre-ping) and recycle them \
         before anything in between closes them."
            .to_owned(),
    );
    Some(draft)
}

/// Overflow is for bursts: in constant use each request opens a connection and closes it again.
fn overflow(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let over = seen.overflow.filter(|overflow| *overflow > 0)?;
    let size = seen.size?;
    let most = seen.max_overflow.filter(|most| *most >= 0);
    let allowed = most.map(|most| format!(" of {most} allowed")).unwrap_or_default();
    let title = format!("{}: {over}{allowed} connections beyond its size of {size}", pool.track.label);
    let severity = if most.is_some_and(|most| over >= most) { Severity::Warning } else { Severity::Notice };
    let mut draft = Draft::on_pool(Rule::PoolOverflow, severity, pool, title);
    draft.sustained = scene.settings.thresholds.sustained;
    draft
        .evidence
        .push(format!("{over} of its connections are beyond its size of {size} and closed after each use"));
    draft.alternative = Some("a burst that lasts");
    draft.suggestion =
        Some("If this is its ordinary load, make pool_size larger and max_overflow smaller.".to_owned());
    Some(draft)
}

/// An endpoint that takes a connection of the pool which it reports cannot answer when there is none.
fn silent(status: &TargetStatus, scene: &Scene<'_>) -> Option<Draft> {
    // Who does not answer in time may be busy, and who answers that it is not well is there. Who cannot be reached, or
    // answers something else altogether, says nothing about a pool.
    let is_there = |error: &&TargetError| error.is_silence() || !error.refused && error.code.is_some();
    let error = status.error.as_ref().filter(is_there)?;
    if status.kind != TargetKind::App || status.state == TargetState::Live {
        return None;
    }
    let line = scene.layers.iter().find(|line| {
        let pools = line.application.iter().flat_map(|stage| &stage.pools);
        let reported = pools.filter_map(|pool| scene.pools.get(*pool));
        *line.name == *status.name
            || reported.into_iter().any(|pool| pool.track.pool.key.target == status.name)
    })?;
    let server = line.server.as_ref()?;
    let (holding, used) = (server.holding.filter(|holding| *holding > 0)?, server.used?);
    if holding * 2 < used {
        return None;
    }
    let title = format!(
        "{} does not answer while {holding} of its {} in use lie idle in transaction: its pool is used up",
        status.name,
        count(used, "connection")
    );
    let mut draft =
        Draft::new(Rule::PoolTimeouts, Severity::Critical, TargetName::clone(&status.name), title);
    draft.evidence.push(error.message.to_string());
    draft.evidence.push(format!("the server sees {holding} of {} idle in transaction", line.name));
    draft.alternative = Some("the application is stopped or unreachable, and its sessions are left over");
    draft.suggestion = Some(
        "Find the code that leaves transactions open (their last statements); ending those sessions frees the pool \
         for the moment."
            .to_owned(),
    );
    Some(draft)
}
