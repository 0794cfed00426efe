//! R8: connections that lie idle for longer than something on the way keeps them.

use super::Advice;
use super::given::Given;
use crate::analysis::scene::PoolScene;
use crate::analysis::sizing::provider;
use crate::model::backend::{Client, State};
use crate::model::finding::AdviceSeverity;
use crate::text::span::{count, span_s};

/// Deaths that make a cluster.
const SEVERAL: usize = 3;
/// How far from the time-out is still "at" it: samples and timers are not exact.
const NEAR: f64 = 0.1;

pub(super) fn stale(given: &Given<'_>) -> Vec<Advice> {
    let servers = given.scene.servers();
    servers
        .flat_map(|(target, ..)| {
            let dropped_after = dropped_after_s(given, target);
            let pools = given.pools_of(target);
            pools.filter_map(move |(_, pool)| going_stale(given, pool, dropped_after?))
        })
        .collect()
}

/// After how many seconds an idle connection to a server is dropped on the way. `None` where nobody knows, or where the
/// server's own keepalives come before it.
fn dropped_after_s(given: &Given<'_>, target: usize) -> Option<f64> {
    let said = given.machine(target).and_then(|machine| machine.path_idle_timeout);
    let known = said.map(|span| span.as_secs_f64());
    let dropped_after = known.or_else(|| provider::path_idle_s(given.provider(target)))?;
    let keepalive = f64::from(given.facts(target)?.settings.tcp_keepalives_idle_s);
    (dropped_after > 0.0 && (keepalive <= 0.0 || keepalive >= dropped_after)).then_some(dropped_after)
}

fn going_stale(given: &Given<'_>, pool: &PoolScene<'_>, dropped_after: f64) -> Option<Advice> {
    let track = pool.track;
    let remote = |client: &Client| matches!(client, Client::Tcp { .. });
    let idle = given
        .scene
        .members(pool)
        .filter(|row| row.backend.state == State::Idle && remote(&row.backend.session.client));
    let ages: Vec<f64> =
        idle.filter_map(|row| pool.state_age(&row.backend)).map(|age| age.as_secs_f64()).collect();
    let (from, to) = (dropped_after * (1.0 - NEAR), dropped_after * (1.0 + NEAR));
    let old = ages.iter().filter(|age| **age > from).count();
    // A pool that closes idle connections at that age by itself is no victim.
    let own = track.bounds.as_ref().and_then(|bounds| bounds.idle_timeout_s);
    let (died, deaths) = track.deaths.between(from, to);
    let died = if own.is_some_and(|own| own <= to) { 0 } else { died };
    let clustered = died >= SEVERAL && died * 2 >= deaths;
    if track.human || old == 0 && !clustered {
        return None;
    }
    let (keepalive, recycle) = (dropped_after / 4.0, dropped_after / 2.0);
    let suggestion = format!(
        "TCP keepalives after {} on the client (keepalives_idle), or pool_recycle of at most {} with pre-ping: recycle \
         alone is looked at only when a connection is taken",
        span_s(keepalive),
        span_s(recycle)
    );
    let mut advice = Advice::on(pool, AdviceSeverity::Medium, suggestion);
    let open = track.pool.total;
    advice.share = old as f64 / f64::from(open.max(1));
    if old > 0 {
        let longest = ages.iter().copied().fold(0.0, f64::max);
        advice.evidence.push(format!(
            "{} idle for up to {}",
            count(old as u64, "connection"),
            span_s(longest)
        ));
    }
    if clustered {
        advice.evidence.push(format!(
            "{died} of {deaths} that are gone had been idle for about {}",
            span_s(dropped_after)
        ));
    }
    advice.evidence.push(format!("the way to the server drops what is idle for {}", span_s(dropped_after)));
    advice.formula = Some(format!(
        "recycling {open} every {}: {:.1} reconnects a minute",
        span_s(recycle),
        f64::from(open) / recycle * 60.0
    ));
    Some(advice)
}
