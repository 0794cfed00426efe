//! Pools of real client libraries, read from the endpoints of an application: every number is the library's own.

use std::time::Duration;

use pooltop::model::app::{AppPool, AppPoolKind, AppSample};
use pooltop::model::target::TargetError;
use pooltop::source::Opener as _;
use pooltop::source::app::{AppOpener, Endpoint, INTERVAL};
use serde_json::Value;

use crate::support::{Postgres, PythonApp, PythonOptions, Redis, RedisOptions, wait_until};

fn app(env: &[(&'static str, &'static str)]) -> Option<PythonApp> {
    PythonApp::start(Postgres::shared(), &PythonOptions { env: env.to_vec(), ..PythonOptions::default() })
}

fn endpoint(app: &PythonApp, path: &str) -> Endpoint {
    Endpoint::new(&app.url(path)).unwrap()
}

/// One reading, or why there is none.
async fn try_read(endpoint: Endpoint) -> Result<AppSample, TargetError> {
    let opener = AppOpener::new("api".into(), endpoint, INTERVAL);
    let sample = opener.open(None).await?.sample().await?;
    Ok(sample.app().unwrap().clone())
}

async fn read(app: &PythonApp, path: &str) -> AppSample {
    try_read(endpoint(app, path)).await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", app.log()))
}

fn pool<'a>(sample: &'a AppSample, name: &str) -> &'a AppPool {
    sample.pools.iter().find(|pool| *pool.name == *name).unwrap_or_else(|| panic!("{name}: {sample:#?}"))
}

/// A number of the truth.
fn number(truth: &Value, name: &str) -> Option<u32> {
    truth[name].as_u64().map(|value| value.try_into().unwrap())
}

/// What `psycopg_pool` leaves out is 0.
fn counter(truth: &Value, name: &str) -> u64 {
    truth[name].as_u64().unwrap_or(0)
}

/// Used, idle, size and overflow of SQLAlchemy's pool by itself.
fn check_sqlalchemy(pool: &AppPool, truth: &Value) {
    let orders = &truth["orders"];
    assert_eq!(
        (pool.used, pool.idle, pool.size, pool.overflow),
        (
            number(orders, "checkedout"),
            number(orders, "checkedin"),
            number(orders, "size"),
            orders["overflow"].as_i64()
        ),
        "{truth:#}"
    );
    assert_eq!(pool.total, Some(pool.used.unwrap() + pool.idle.unwrap()), "what is open is in use or free");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlalchemys_gauges_are_its_pool_fresh_half_used_and_in_overflow() {
    let Some(app) = app(&[]) else { return };
    for (more, used, overflow) in [(0, 0, -3), (2, 2, -1), (3, 5, 2)] {
        app.tell(&format!("checkout?pool=orders&n={more}"));
        let sample = read(&app, "/metrics").await;
        assert_eq!(sample.pools.len(), 1, "{sample:#?}");
        check_sqlalchemy(&sample.pools[0], &app.truth());
        assert_eq!((sample.pools[0].used, sample.pools[0].overflow), (Some(used), Some(overflow)));
    }
    app.tell("release?pool=orders");
    let sample = read(&app, "/metrics").await;
    check_sqlalchemy(&sample.pools[0], &app.truth());
    assert_eq!((sample.pools[0].used, sample.pools[0].idle), (Some(0), Some(3)), "the overflow was closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_of_a_health_endpoint_is_taken_off_where_the_profile_says_so() {
    let Some(app) = app(&[]) else { return };
    for more in [0, 2] {
        app.tell(&format!("checkout?pool=orders&n={more}"));
        let counted = read(&app, "/health/database").await;
        assert_eq!(counted.pools[0].used, Some(more + 1), "the handler's own is among them");
        assert!(!counted.pools[0].own_probe);
        let own = endpoint(&app, "/health/database").with_own_probe(true);
        let sample = try_read(own).await.unwrap();
        assert!(sample.pools[0].own_probe);
        check_sqlalchemy(&sample.pools[0], &app.truth());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_is_told_in_the_librarys_words_or_by_silence() {
    let cases = [("0.5", "QueuePool limit of size 3 overflow 2 reached"), ("30", "no answer within 2 s")];
    for (patience, expected) in cases {
        let Some(app) = app(&[("POOL_TIMEOUT", patience)]) else { return };
        app.tell("checkout?pool=orders&n=5");
        let error = try_read(endpoint(&app, "/health/database")).await.unwrap_err();
        assert!(error.message.contains(expected), "{error:?}");
        check_sqlalchemy(&read(&app, "/metrics").await.pools[0], &app.truth());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_without_its_database_says_so() {
    let Some(app) = app(&[]) else { return };
    let error = try_read(endpoint(&app, "/unhealthy")).await.unwrap_err();
    assert!(
        error.message.contains("unhealthy: ") && error.message.contains("Connection refused"),
        "{error:?}"
    );
    assert_eq!(error.code.as_deref(), Some("503"));
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncpgs_two_pools_are_seen_from_three_to_ten_and_with_those_who_wait() {
    let Some(app) = app(&[]) else { return };
    for (held, waiting) in [(0, 0), (2, 0), (5, 0), (10, 3)] {
        app.tell("release?pool=frontend");
        app.tell(&format!("checkout?pool=frontend&n={held}&how=silent"));
        app.tell(&format!("queue?pool=frontend&n={waiting}"));
        wait_until("so many wait", async || app.truth()["frontend"]["waiting"] == waiting).await;
        let sample = read(&app, "/health/asyncpg").await;
        let truth = app.truth();
        for name in ["frontend", "background"] {
            let (pool, own) = (pool(&sample, name), &truth[name]);
            assert_eq!(
                (pool.total, pool.idle, pool.pending),
                (number(own, "size"), number(own, "idle"), number(own, "waiting")),
                "{truth:#}"
            );
        }
        assert_eq!(pool(&sample, "frontend").used, Some(held));
        assert_eq!(pool(&sample, "background").used, Some(0));
    }
    let one = read(&app, "/health/asyncpg?pool=background").await;
    assert_eq!((one.pools.len(), one.pools[0].total), (1, Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_pools_statistics_are_its_pool_with_those_who_wait() {
    let Some(app) = app(&[]) else { return };
    for (more, waiting) in [(0, 0), (1, 0), (3, 3)] {
        app.tell(&format!("checkout?pool=jobs&n={more}"));
        app.tell(&format!("queue?pool=jobs&n={waiting}"));
        let queued = async || counter(&app.truth()["jobs"], "requests_waiting") == waiting;
        wait_until("so many wait", queued).await;
        check_psycopg(&read(&app, "/psycopg").await.pools[0], &app.truth()["jobs"]);
    }
    app.tell("release?pool=jobs");
    wait_until("nobody waits", async || app.truth()["jobs"]["pool_available"] == 4).await;
    let pool = read(&app, "/psycopg").await.pools[0].clone();
    check_psycopg(&pool, &app.truth()["jobs"]);
    assert_eq!((pool.used, pool.pending, pool.waits), (Some(0), Some(0), Some(7)));
    assert!(pool.wait_s > Some(0.0), "{pool:#?}");
}

fn check_psycopg(pool: &AppPool, truth: &Value) {
    let own = ["pool_min", "pool_max", "pool_size", "pool_available"].map(|name| number(truth, name));
    assert_eq!([pool.min, pool.max, pool.total, pool.idle], own, "{truth:#}");
    assert_eq!(pool.used, Some(own[2].unwrap() - own[3].unwrap()));
    assert_eq!(pool.pending.map(u64::from), Some(counter(truth, "requests_waiting")));
    assert_eq!(
        [pool.waits, pool.opened, pool.timeouts],
        ["requests_num", "connections_num", "requests_errors"].map(|name| Some(counter(truth, name))),
        "{truth:#}"
    );
    let ms = |value: Option<f64>| value.map(|seconds| format!("{:.0}", seconds * 1e3));
    assert_eq!(ms(pool.wait_s), Some(counter(truth, "requests_wait_ms").to_string()), "{truth:#}");
    assert_eq!(ms(pool.use_s), Some(counter(truth, "usage_ms").to_string()), "{truth:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_gave_up_are_counted_as_timeouts() {
    let Some(app) = app(&[("POOL_TIMEOUT", "0.2")]) else { return };
    app.tell("checkout?pool=jobs&n=4");
    app.tell("queue?pool=jobs&n=3");
    wait_until("three gave up", async || app.truth()["jobs"]["requests_errors"] == 3).await;
    assert_eq!(read(&app, "/psycopg").await.pools[0].timeouts, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_pages_give_the_pools_of_database_and_redis_with_bounds_and_advice() {
    let Some(redis) = Redis::start(&RedisOptions::default()) else { return };
    let options = PythonOptions { redis: Some(redis.url()), ..PythonOptions::default() };
    let Some(app) = PythonApp::start(Postgres::shared(), &options) else { return };
    for (pool, many) in [("orders", 4), ("cache", 3), ("queue", 2)] {
        app.tell(&format!("checkout?pool={pool}&n={many}"));
    }
    app.tell("queue?pool=cache&n=1");
    wait_until("a free one", async || app.truth()["cache"]["available_connections"] == 1).await;
    let sample = read(&app, "/").await;
    let truth = app.truth();
    let orders = pool(&sample, "orders");
    check_sqlalchemy(orders, &truth);
    assert_eq!((orders.max_overflow, orders.max), (Some(2), Some(5)), "from its configuration");
    assert_eq!(orders.peak, number(&truth["orders"], "peak"));
    assert_eq!((orders.opened, orders.closed), (Some(4), Some(0)));
    for name in ["cache", "queue"] {
        let (pool, own) = (pool(&sample, name), &truth[name]);
        assert_eq!(pool.kind, AppPoolKind::Redis);
        assert_eq!(
            (pool.used, pool.idle, pool.max),
            (number(own, "in_use_connections"), number(own, "available_connections"), number(own, "max")),
            "{truth:#}"
        );
    }
    assert_eq!(pool(&sample, "cache").used, Some(3));
    let advice = &sample.advice[0];
    assert_eq!((advice.pool.as_deref(), &*advice.issue), (Some("orders"), "Overflow in use"));
    assert_eq!(&*advice.suggestion, "Increase pool_size to 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_two_workers_are_labelled_and_never_added_up() {
    let options = PythonOptions { workers: 2, ..PythonOptions::default() };
    let Some(app) = PythonApp::start(Postgres::shared(), &options) else { return };
    // One of the two takes it; each answers in its turn.
    app.tell("checkout?pool=orders&n=2");
    let opener = AppOpener::new("api".into(), endpoint(&app, "/stats"), Duration::from_millis(10));
    let mut source = opener.open(None).await.unwrap();
    let mut used = Vec::new();
    for _ in 0..8 {
        let sample = source.sample().await.unwrap().app().unwrap().clone();
        used.push(sample.pools[0].used.unwrap());
        if sample.one_of_several {
            assert!(sample.missing.iter().any(|missing| missing.why.contains("process")), "{sample:#?}");
            break;
        }
    }
    let sample = source.sample().await.unwrap().app().unwrap().clone();
    assert!(sample.one_of_several, "{used:?}");
    assert!(used.iter().all(|used| [0, 2].contains(used)), "{used:?}");
}
