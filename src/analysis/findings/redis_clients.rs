//! `redis.clients`: the clients of a Redis server near its ceiling, turned away, thrown out, piling up or not reading.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::redis::RedisTracker;
use crate::analysis::scene::{PoolScene, Scene, is_current};
use crate::model::finding::{Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::target::{TargetName, TargetStatus};
use crate::text::span::{count, roughly, span_s};

/// Share of `maxclients` above which the next deploy or burst meets it.
pub(super) const NEARLY_FULL: f64 = 0.9;
/// A rejection so long ago goes on.
const JUST_NOW: Duration = Duration::from_secs(10);
/// Steps of the staircase of long idle clients that are worth a word, and those that worry.
const STEPS: (u32, u32) = (2, 4);
/// An output buffer of a subscriber as large as the default soft limit of `client-output-buffer-limit pubsub`, which ends the
/// client after a minute; of another client, for which there is no limit by default. Bytes.
const BUFFERS: (u64, u64) = (8 << 20, 32 << 20);

/// Looks at each Redis server, and at each of its pools.
pub(super) struct RedisClients;

impl Check for RedisClients {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let current = scene.redis().filter(|(_, status, _)| is_current(status));
        current
            .flat_map(|(index, status, tracker)| {
                let pools = scene.pools.iter().filter(move |pool| pool.target == index);
                let pools: Vec<Draft> = pools.filter_map(|pool| piling_up(pool, tracker)).collect();
                ceiling(status, tracker, scene).into_iter().chain(pools).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// One finding on the server as a whole, named by the worst that happens.
fn ceiling(status: &TargetStatus, tracker: &RedisTracker, scene: &Scene<'_>) -> Option<Draft> {
    let is_server = |limit: &&Limit| limit.scope == LimitScope::Redis && limit.target == status.name;
    let limit = scene.limits.iter().find(is_server);
    let claims: Vec<(Severity, String)> = [
        rejected(status, tracker, scene),
        limit.and_then(|limit| near(limit, scene.settings.thresholds.utilization)),
        evicted(status, tracker),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (severity, title) = claims.iter().max_by_key(|(severity, _)| *severity)?.clone();
    let mut draft = Draft::new(Rule::RedisClients, severity, TargetName::clone(&status.name), title);
    let others = claims.into_iter().map(|(_, sentence)| sentence);
    draft.evidence = others.filter(|sentence| *sentence != draft.title).collect();
    if let Some(limit) = limit {
        draft.evidence.extend(growth(limit));
    }
    draft.evidence.extend(holders(status, tracker, scene));
    draft.alternative = Some("a deployment in which old and new processes overlap");
    draft.suggestion = Some(
        "Find out who holds the connections (pools table) and give each pool a bound; raise maxclients last."
            .to_owned(),
    );
    Some(draft)
}

fn near(limit: &Limit, threshold: f64) -> Option<(Severity, String)> {
    let (share, ceiling) = (limit.utilization()?, limit.usable()?);
    let severity = match share {
        share if share >= NEARLY_FULL.max(threshold) => Severity::Critical,
        share if share >= threshold => Severity::Warning,
        _ => return None,
    };
    Some((severity, format!("{}: {} of {ceiling} client connections used", limit.name, limit.used)))
}

fn rejected(status: &TargetStatus, tracker: &RedisTracker, scene: &Scene<'_>) -> Option<(Severity, String)> {
    let at = scene.redis.get(scene.statuses.iter().position(|other| other.name == status.name)?)?.as_ref()?.0;
    let last = tracker.rejected.last()?;
    let goes_on = at.age_of(last) <= JUST_NOW.max(scene.settings.interval * 2);
    let severity = if goes_on { Severity::Critical } else { Severity::Warning };
    let connections = count(tracker.rejected.sum(), "connection");
    Some((severity, format!("{}: {connections} rejected at maxclients in the last minute", status.name)))
}

fn evicted(status: &TargetStatus, tracker: &RedisTracker) -> Option<(Severity, String)> {
    tracker.evicted.last()?;
    let clients = count(tracker.evicted.sum(), "client");
    Some((
        Severity::Warning,
        format!("{}: {clients} evicted in the last minute (maxmemory-clients)", status.name),
    ))
}

fn growth(limit: &Limit) -> Option<String> {
    let (growth, left) = (limit.growth_per_min?, limit.exhausted_in_s?);
    Some(format!("{} grows by {growth:.1} per minute; full in about {}", limit.name, roughly(left)))
}

/// Who holds the most, how many only wait, and how many nobody can tell apart.
fn holders(status: &TargetStatus, tracker: &RedisTracker, scene: &Scene<'_>) -> Vec<String> {
    let of_target = |pool: &&PoolScene<'_>| pool.track.pool.key.target == status.name;
    let mut pools: Vec<_> = scene.pools.iter().filter(of_target).map(|pool| pool.track).collect();
    pools.sort_by_key(|track| std::cmp::Reverse(track.pool.total));
    let names: Vec<String> =
        pools.iter().take(3).map(|track| format!("{} {}", track.label, track.pool.total)).collect();
    let mut sentences = Vec::new();
    if !names.is_empty() {
        sentences.push(format!("the largest of {}: {}", count(pools.len() as u64, "pool"), names.join(", ")));
    }
    if tracker.long_idle() > 0 {
        let threshold = span_s(scene.settings.thresholds.idle_in_transaction.as_secs_f64());
        sentences.push(format!("{} idle for more than {threshold}", count(tracker.long_idle(), "client")));
    }
    if tracker.nameless > 0 {
        let clients = count(tracker.nameless, "client");
        sentences.push(format!("{clients} without a name cannot be told apart: CLIENT SETNAME"));
    }
    sentences
}

/// Idle clients that only become more, and buffers that nobody reads.
fn piling_up(pool: &PoolScene<'_>, tracker: &RedisTracker) -> Option<Draft> {
    let (label, crowd) = (&pool.track.label, tracker.crowd(pool.track));
    let stairs = pool.track.stranded_floor.staircase();
    let mut claims: Vec<(Severity, String, &str)> = Vec::new();
    if stairs.rises >= STEPS.0 && stairs.falls == 0 && stairs.gain >= STEPS.0 {
        let severity = if stairs.rises >= STEPS.1 { Severity::Warning } else { Severity::Notice };
        let longest = span_s(crowd.longest_idle_s as f64);
        let idle = count(crowd.long_idle, "client");
        claims.push((
            severity,
            format!("{label}: {idle} idle, the longest for {longest}, and the number only grows"),
            "Look for connections that are opened and not given back; `timeout` ends what is idle for longer.",
        ));
    }
    for (bytes, threshold, whose) in
        [(crowd.largest_output.0, BUFFERS.0, "subscriber"), (crowd.largest_output.1, BUFFERS.1, "client")]
    {
        if bytes >= threshold {
            let buffer = format!("{label}: the output buffer of a {whose} holds {} MiB", bytes >> 20);
            claims.push((
                Severity::Warning,
                buffer,
                "It does not read what it is sent: look at that client (CLIENT LIST, omem) and at client-output-buffer-limit.",
            ));
        }
    }
    let (severity, title, suggestion) = claims.iter().max_by_key(|(severity, ..)| *severity)?.clone();
    let mut draft = Draft::on_pool(Rule::RedisClients, severity, pool, title);
    draft.evidence = claims.into_iter().map(|(_, sentence, _)| sentence).collect();
    if stairs.rises > 0 {
        let over = span_s(pool.track.stranded_floor.span_s());
        draft.evidence.push(format!(
            "the floor of long idle clients rose {} times in {over} and fell {} times (+{})",
            stairs.rises, stairs.falls, stairs.gain
        ));
    }
    if crowd.blocked + crowd.pubsub > 0 {
        draft.evidence.push(format!("{} in blocking commands, {} subscribed", crowd.blocked, crowd.pubsub));
    }
    draft.alternative = Some("a pool that keeps its connections open for the next burst");
    draft.suggestion = Some(suggestion.to_owned());
    Some(draft)
}
