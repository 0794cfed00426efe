//! Poolers: their console as a target, and a server reached through one.

use pooltop::model::target::{TargetKind, Wire};

use super::Reader;
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
    let seen = |sample: &pooltop::model::sample::PoolerSample| {
        let pools = sample.pools.known().unwrap();
        pools.iter().find(|pool| &*pool.user == "app").cloned()
    };
    loop {
        let sample = reader.pooler().await;
        if seen(&sample).is_some_and(|pool| pool.sv_active == 1) {
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
        if (pool.sv_active, pool.cl_active, pool.cl_waiting) == (1, 1, 1) && pool.max_wait_us > 0 {
            assert!(pool.max_wait_us < 60_000_000, "microseconds: {}", pool.max_wait_us);
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
    let settings = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
                    current_setting('client_encoding'), current_setting('transaction_read_only')";
    let application = pooler.client("postgres", "postgres").await;
    let own = |rows: Vec<tokio_postgres::Row>| [0, 1, 2, 3].map(|column| rows[0].get::<_, String>(column));
    let before = own(application.query_typed(settings, &[]).await.unwrap());
    let held = server.hold("elsewhere", "BEGIN; SELECT 1").await;

    let mut reader = Reader::open(&pooler.url("postgres", "postgres")).await;
    let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
    assert_eq!(sample.wire, Wire::Pooled);
    assert_eq!(sample.own_sessions, 1, "the backend that served us counts as ours at that moment");
    assert_eq!(sample.backends.iter().map(|backend| backend.pid()).collect::<Vec<_>>(), [held.pid]);
    // The pool has one server connection, so the application gets the very backend that served us.
    let after = own(application.query_typed(settings, &[]).await.unwrap());
    assert_eq!(before, after);
}
