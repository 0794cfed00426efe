//! Poolers: their console as a target, and a server reached through one.

use pooltop::model::own::OwnSessions;
use pooltop::model::sample::Body;
use pooltop::model::target::{Role, TargetKind, Wire};
use pooltop::source::Opener as _;
use pooltop::source::pooled::PooledOpener;

use super::{Reader, conninfo};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions};

#[tokio::test]
async fn a_console_tells_its_version_and_pools_and_survives_many_questions() {
    let server = Postgres::start(&PostgresOptions::default());
    let options = PgBouncerOptions { pool_size: 1, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(&server, &options) else { return };
    server.execute("CREATE ROLE app LOGIN").await;
    let busy = pooler.client("app", "postgres").await;
    let queued = pooler.client("app", "postgres").await;
    let working = tokio::spawn(async move { busy.batch_execute("SELECT pg_sleep(600)").await });
    let mut reader = Reader::console(&pooler.console_url("stats")).await;
    let seen = |sample: &pooltop::model::pooler::PoolerSample| {
        let pools = sample.pools.known().unwrap();
        pools.iter().find(|pool| &*pool.user == "app").cloned()
    };
    loop {
        let sample = reader.pooler().await;
        if seen(&sample).is_some_and(|pool| pool.sv_active == Some(1)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let waiting = tokio::spawn(async move { queued.batch_execute("SELECT 1").await });
    loop {
        let sample = reader.pooler().await;
        assert_eq!((sample.kind, sample.missing.len()), (TargetKind::Pgbouncer, 0));
        assert!(sample.version.starts_with("PgBouncer 1."), "{}", sample.version);
        let pool = seen(&sample).unwrap();
        assert_eq!((&*pool.database, pool.pool_mode.as_deref()), ("postgres", Some("transaction")));
        if (pool.sv_active, pool.cl_active, pool.cl_waiting) == (Some(1), Some(1), Some(1))
            && pool.max_wait_us > Some(0)
        {
            assert!(pool.max_wait_us < Some(60_000_000), "microseconds: {:?}", pool.max_wait_us);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    waiting.abort();
    working.abort();
}

#[tokio::test]
async fn a_server_behind_a_transaction_pooler_is_read_and_its_next_client_keeps_its_own_settings() {
    let server = Postgres::start(&PostgresOptions::default());
    let options = PgBouncerOptions { pool_size: 1, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(&server, &options) else { return };
    let application = pooler.client("postgres", "postgres").await;
    let before = settings(&application).await;
    let held = server.hold("elsewhere", "BEGIN; SELECT 1").await;

    let mut reader = Reader::open(&pooler.url("postgres", "postgres")).await;
    let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
    assert_eq!(sample.wire, Wire::Pooled);
    assert_eq!(sample.own_sessions, 1, "the backend that served us counts as ours at that moment");
    assert_eq!(sample.backends.iter().map(|backend| backend.pid()).collect::<Vec<_>>(), [held.pid]);
    // The pool has one server connection, so the application gets the very backend that served us.
    assert_eq!(settings(&application).await, before);
}

#[tokio::test]
async fn a_pooled_port_is_probed_by_one_small_statement_that_leaves_no_trace() {
    let server = Postgres::start(&PostgresOptions::default());
    let options = PgBouncerOptions { pool_size: 1, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(&server, &options) else { return };
    let application = pooler.client("postgres", "postgres").await;
    let before = settings(&application).await;

    let opener = PooledOpener::new("pooled".into(), conninfo(&pooler.url("postgres", "postgres")));
    let mut probe = Reader { source: opener.open(None).await.unwrap(), own: OwnSessions::default() };
    let sample = probe.sample().await;
    let Body::Probe(body) = &sample.body else { panic!("{sample:?}") };
    assert_eq!((body.wire, sample.overhead.statements_per_sample.to_bits()), (Wire::Pooled, 1f64.to_bits()));
    let about = probe.source.describe();
    assert_eq!((about.role, about.connections), (Some(Role::Pooled), 1));
    assert_eq!(about.round_trip.unwrap().as_micros(), u128::from(body.round_trip_us));
    assert!(probe.source.connection().is_none(), "no operation goes through the pooler");
    assert_eq!(settings(&application).await, before);

    // The only server connection is taken: the probe queues as the application does.
    application.batch_execute("BEGIN").await.unwrap();
    let queued = tokio::time::timeout(std::time::Duration::from_millis(300), probe.source.sample()).await;
    assert!(queued.is_err(), "{queued:?}");
    application.batch_execute("COMMIT").await.unwrap();
    probe.sample().await;
}

/// What an application's session through the pooler runs with.
async fn settings(application: &tokio_postgres::Client) -> Vec<String> {
    let sql = "SELECT name, setting FROM pg_settings WHERE source = 'session' OR name IN
               ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'client_encoding',
                'transaction_read_only', 'application_name') ORDER BY name";
    let rows = application.query_typed(sql, &[]).await.unwrap();
    rows.iter().map(|row| format!("{} = {}", row.get::<_, String>(0), row.get::<_, String>(1))).collect()
}
