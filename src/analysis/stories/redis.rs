//! Redis servers.

use super::super::fixture::{redis_client, redis_sample};
use super::*;
use crate::model::pool::DeclaredRedisPool;
use crate::model::redis::{RedisClient, RedisCounters};
use crate::model::target::TargetError;

const CEILING: RedisCounters = RedisCounters {
    connected: None,
    replicas: Some(0),
    cluster: Some(0),
    max_clients: Some(100),
    blocked: None,
    pubsub: None,
    rejected: Some(0),
    received: Some(0),
    evicted: Some(0),
    uptime_s: Some(1000),
};

/// Tells a story for so many seconds and returns every moment of it.
fn redis_told(
    settings: Settings,
    seconds: u32,
    scene: impl Fn(u32) -> (Vec<RedisClient>, RedisCounters),
) -> Vec<Moment> {
    let mut stage = Stage::new(settings, vec![status("cache-1", TargetKind::Redis)]);
    (1..=seconds)
        .map(|second| {
            let (clients, counters) = scene(second);
            stage.show(redis_sample("cache-1", f64::from(second), clients, counters))
        })
        .collect()
}

fn clients(ids: std::ops::Range<u64>, name: &str, idle_s: u64) -> Vec<RedisClient> {
    ids.map(|id| redis_client(id, name, idle_s)).collect()
}

#[test]
fn clients_are_pools_by_name_without_what_tells_instances_apart() {
    let moments = redis_told(fast(), 1, |_| {
        let mut all = clients(1..4, "web-1", 0);
        all.extend(clients(4..6, "web-2", 9));
        all.extend(clients(6..8, "", 9));
        all[6].library = Some("redis-py 5.0.1".into());
        all.push(RedisClient { flags: "S".into(), ..redis_client(9, "", 0) });
        (all, CEILING)
    });
    let last = &moments[0];
    let mut pools: Vec<(&str, u32, Option<u32>, Option<u32>)> = last
        .pools
        .iter()
        .map(|row| (&*row.pool.name, row.pool.total, row.pool.used, row.pool.idle))
        .collect();
    pools.sort_unstable();
    assert_eq!(
        pools,
        [
            ("(no name) on cache-1 10.0.4.1", 1, Some(0), Some(1)),
            ("(redis-py) on cache-1 10.0.4.1", 1, Some(0), Some(1)),
            ("replica on cache-1 10.0.4.1", 1, Some(1), Some(0)),
            ("web-# on cache-1 10.0.4.1", 5, Some(3), Some(2)),
        ]
    );
    assert_eq!(last.redis[0].as_ref().unwrap().nameless, 2);
    assert_eq!(last.clients.len(), 8);
    for row in &last.clients {
        assert!(last.pools[row.pool.unwrap()].pool.total > 0);
    }
    assert_eq!(last.verdict.kind, VerdictKind::Healthy, "{:?}", last.verdict);
    assert_eq!(&*last.verdict.sentence, "No alarm: cache-1 9 of 100 slots");
}

#[test]
fn who_waits_is_in_use_however_long_it_is_silent() {
    let moments = redis_told(fast(), 1, |_| {
        let with = |id, flags: &str| RedisClient { flags: flags.into(), ..redis_client(id, "jobs", 99) };
        (vec![with(1, "b"), with(2, "P"), with(3, "x"), with(4, "N")], CEILING)
    });
    let pool = &moments[0].pools[0].pool;
    assert_eq!((pool.used, pool.idle, pool.active, pool.pending), (Some(3), Some(1), None, None));
}

#[test]
fn a_declared_pool_stands_with_its_bound_beside_maxclients() {
    let declared = DeclaredRedisPool {
        name: Some("cache*".to_owned()),
        max: Some(5),
        instances: 3,
        ..DeclaredRedisPool::default()
    };
    let empty = DeclaredRedisPool {
        library: Some("jedis*".to_owned()),
        max: Some(9),
        instances: 1,
        ..declared.clone()
    };
    let empty = DeclaredRedisPool { name: None, ..empty };
    let settings = Settings { redis_pools: vec![declared, empty], ..fast() };
    let moments = redis_told(settings, 2, |_| (clients(1..16, "cache-7", 3), CEILING));
    let limits: Vec<(LimitScope, &str, u32, Option<u32>)> =
        moments[1].limits.iter().map(|limit| (limit.scope, &*limit.name, limit.used, limit.limit)).collect();
    assert_eq!(
        limits,
        [
            (LimitScope::Pool, "cache*", 15, Some(15)),
            (LimitScope::Redis, "cache-1", 16, Some(100)),
            (LimitScope::Pool, "jedis*", 0, Some(9)),
        ]
    );
    assert_eq!(moments[1].verdict.kind, VerdictKind::Healthy, "a filled but idle pool is not full");
}

#[test]
fn near_maxclients_is_a_warning_then_critical_and_a_full_server_exhausted() {
    for (count, severity, kind) in [
        (78, None, VerdictKind::Healthy),
        (79, Some(Severity::Warning), VerdictKind::Saturated),
        (89, Some(Severity::Critical), VerdictKind::Saturated),
        (99, Some(Severity::Critical), VerdictKind::Exhausted),
    ] {
        let moments = redis_told(fast(), 1, |_| (clients(1..count + 1, "web", 0), CEILING));
        let found = of(&moments[0], Rule::RedisClients);
        assert_eq!(found.map(|finding| finding.severity), severity, "{count}");
        assert_eq!(moments[0].verdict.kind, kind, "{count}: {:?}", moments[0].verdict);
    }
}

#[test]
fn rejections_are_critical_while_they_happen_and_a_warning_for_a_minute() {
    let moments = redis_told(fast(), 90, |second| {
        let rejected = if second < 10 { 5 } else { 5 + u64::from(second.min(12)) - 9 };
        (clients(1..5, "web", 0), RedisCounters { rejected: Some(rejected), ..CEILING })
    });
    let severities: Vec<Option<Severity>> = [9, 13, 40, 85]
        .iter()
        .map(|second| of(&moments[*second - 1], Rule::RedisClients).map(|finding| finding.severity))
        .collect();
    assert_eq!(severities, [None, Some(Severity::Critical), Some(Severity::Warning), None]);
    let title = &of(&moments[12], Rule::RedisClients).unwrap().title;
    assert_eq!(&**title, "cache-1: 3 connections rejected at maxclients in the last minute");
}

#[test]
fn a_restart_is_no_rejection_and_no_churn() {
    let moments = redis_told(fast(), 20, |second| {
        let counters = if second < 10 {
            RedisCounters { rejected: Some(10), received: Some(5000), ..CEILING }
        } else {
            RedisCounters { rejected: Some(900), received: Some(9000), uptime_s: Some(3), ..CEILING }
        };
        (clients(1..5, "web", 0), counters)
    });
    for moment in &moments {
        assert_eq!(moment.findings, []);
    }
}

#[test]
fn idle_clients_that_only_become_more_are_a_finding_and_a_steady_pool_is_none() {
    let growing =
        redis_told(fast(), 80, |second| (clients(1..u64::from(second / 6) + 3, "report", 300), CEILING));
    let found = of(growing.last().unwrap(), Rule::RedisClients).unwrap();
    assert!(found.title.contains("report: ") && found.title.contains("the number only grows"), "{found:?}");
    assert!(found.pool.is_some());
    let steady = redis_told(fast(), 80, |_| (clients(1..16, "report", 300), CEILING));
    assert_eq!(steady.last().unwrap().findings, []);
}

#[test]
fn buffers_that_nobody_reads_name_the_pool() {
    let moments = redis_told(fast(), 1, |_| {
        let slow = RedisClient { flags: "P".into(), output_bytes: 9 << 20, ..redis_client(1, "feed", 0) };
        (vec![slow], CEILING)
    });
    let found = of(&moments[0], Rule::RedisClients).unwrap();
    assert_eq!(&*found.title, "feed: the output buffer of a subscriber holds 9 MiB");
}

#[test]
fn connections_too_short_to_be_seen_are_churn() {
    let moments = redis_told(fast(), 60, |second| {
        (clients(1..3, "web", 0), RedisCounters { received: Some(u64::from(second) * 10), ..CEILING })
    });
    let found = of(moments.last().unwrap(), Rule::ConnectionChurn).unwrap();
    assert!(found.title.contains("cache-1: 590 connections opened in the last minute"), "{found:?}");
}

#[test]
fn idle_clients_near_the_ceiling_are_answered_with_the_timeout() {
    let moments = redis_told(Settings::default(), 1, |_| (clients(1..86, "web", 400), CEILING));
    let advice = &moments[0].recommendations;
    assert_eq!(advice.len(), 1);
    assert!(advice[0].suggestion.starts_with("CONFIG SET timeout 300"), "{advice:?}");
    assert_eq!(advice[0].formula.as_deref(), Some("5 × 1m00s = 5m00s"));
}

#[test]
fn a_server_that_turns_us_away_is_full_and_what_cannot_be_seen_is_told() {
    let mut stage = Stage::new(fast(), vec![status("cache-1", TargetKind::Redis)]);
    stage.show(redis_sample("cache-1", 1.0, clients(1..5, "web", 0), CEILING));
    if let Some(status) = stage.status("cache-1") {
        status.state = TargetState::Refused;
        status.error = Some(TargetError {
            code: Some("ERR".into()),
            message: "cannot connect to cache-1:6379/0: ERR max number of clients reached".into(),
            hint: None,
            refused: true,
            authentication: false,
        });
    }
    let moment = stage.look();
    assert_eq!(moment.verdict.kind, VerdictKind::Exhausted, "{:?}", moment.verdict);
    let mut blind = redis_sample("cache-1", 2.0, Vec::new(), CEILING);
    if let Body::Redis(body) = &mut blind.body {
        body.clients = Part::Missing(Missing::new("clients and pools", "NOPERM"));
    }
    let mut stage = Stage::new(fast(), vec![status("cache-1", TargetKind::Redis)]);
    let moment = stage.show(blind);
    assert_eq!(moment.verdict.kind, VerdictKind::Unknown, "{:?}", moment.verdict);
    assert!(moment.pools.is_empty() && moment.clients.is_empty());
}

#[test]
fn births_and_deaths_are_told_by_id() {
    let moments = redis_told(fast(), 3, |second| {
        let ids = [1..4, 2..6, 5..6][second as usize - 1].clone();
        (clients(ids, "web", 0), CEILING)
    });
    let pool = &moments[2].pools[0].pool;
    assert_eq!((pool.opened, pool.closed, pool.peak, pool.total), (Some(2), Some(4), 4, 1));
}
