//! What the rows say.

use std::sync::Arc;

use pooltop::model::backend::{BackendKind, Client, State};
use pooltop::model::sample::StateCounts;
use pooltop::model::target::Wire;
use pooltop::model::time::Timestamp;

use super::{Reader, row};
use crate::support::{Postgres, PostgresOptions, installations};

/// What the test reads of one session by itself, in microseconds since 1970.
const PROBE: &str =
    "SELECT (extract(epoch FROM backend_start) * 1e6)::int8, (extract(epoch FROM state_change) * 1e6)::int8,
    (extract(epoch FROM xact_start) * 1e6)::int8, (extract(epoch FROM query_start) * 1e6)::int8,
    state, query, client_port, wait_event_type, wait_event, backend_xid IS NOT NULL
    FROM pg_stat_activity WHERE pid = $1";

#[tokio::test]
async fn every_version_shows_the_same_of_a_session() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.execute("CREATE TABLE t (id int)").await;
        let held = server.hold("shop-api", "BEGIN; INSERT INTO t VALUES (1)").await;
        let idle = server.hold("shop-api", "SELECT 1").await;
        let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
        let sample = reader.postgres().await;

        let truth = server.client().await.query_one(PROBE, &[&held.pid]).await.unwrap();
        let at = |column: usize| truth.get::<_, Option<i64>>(column).map(Timestamp::from_micros);
        let backend = row(&sample, held.pid);
        assert_eq!(backend.session.id.start, at(0));
        assert_eq!((backend.state_change, backend.xact_start, backend.query_start), (at(1), at(2), at(3)));
        assert_eq!(backend.state.as_str(), truth.get::<_, String>(4));
        assert_eq!(backend.query.as_deref(), truth.get(5));
        let port = u16::try_from(truth.get::<_, i32>(6)).unwrap();
        assert_eq!(backend.session.client, Client::Tcp { addr: "127.0.0.1".into(), port });
        let wait = backend.wait.as_ref().unwrap();
        assert_eq!((Some(&*wait.class), Some(&*wait.event)), (truth.get(7), truth.get(8)));
        assert!(backend.has_xid && truth.get::<_, bool>(9));
        assert_eq!((&*backend.session.application_name, &*backend.session.user), ("shop-api", "postgres"));
        assert_eq!((&*backend.session.database, &backend.session.kind), ("postgres", &BackendKind::Client));
        assert_eq!(row(&sample, idle.pid).state, State::Idle);
        assert_eq!(row(&sample, idle.pid).xact_start, None);
        assert_eq!((sample.wire, sample.own_sessions), (Wire::Direct, 1));
        assert!(sample.missing.iter().all(|gap| gap.what.starts_with("settings")), "{:?}", sample.missing);
    }
}

#[tokio::test]
async fn counts_by_state_and_kind_are_those_of_the_server() {
    let server = Postgres::start(&PostgresOptions::default());
    let mut held = Vec::new();
    for (sql, many) in [("SELECT 1", 3), ("BEGIN; SELECT 1", 4)] {
        for _ in 0..many {
            held.push(server.hold("app", sql).await);
        }
    }
    let aborted = server.hold("app", "BEGIN").await;
    aborted.client.batch_execute("SELECT 1/0").await.unwrap_err();
    let busy = server.hold("app", "").await;
    let _running = busy.send("SELECT pg_sleep(600)");
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.until("the sleeper is active", |sample| {
        sample.backends.iter().any(|backend| backend.state == State::Active)
    });
    let sample = sample.await;
    let counts: StateCounts = sample.backends.iter().collect();
    assert_eq!((counts.idle, counts.idle_in_transaction, counts.aborted, counts.active), (3, 4, 1, 1));
    let aborted = row(&sample, sample.backends.iter().find(|b| b.state == State::Aborted).unwrap().pid());
    assert_eq!((aborted.xact_start, aborted.has_xid), (None, false));

    let sql =
        "SELECT backend_type COLLATE \"C\", count(*)::int4 FROM pg_stat_activity WHERE backend_type <> 'client backend'
               AND backend_type NOT LIKE 'autovacuum worker' GROUP BY 1 ORDER BY 1";
    let truth = server.client().await.query(sql, &[]).await.unwrap();
    let truth: Vec<(String, i32)> = truth.iter().map(|row| (row.get(0), row.get(1))).collect();
    let ours = sample.other_processes.iter().filter(|(kind, _)| &**kind != "autovacuum worker");
    let ours: Vec<(String, i32)> = ours.map(|(kind, many)| (kind.to_string(), many.cast_signed())).collect();
    assert_eq!(ours, truth);
}

#[tokio::test]
async fn the_server_is_identified_by_address_start_and_recovery() {
    let server = Postgres::shared();
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.sample().await;
    let identity = &sample.postgres().unwrap().identity;
    let sql = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1e6)::int8,
                      (extract(epoch FROM clock_timestamp()) * 1e6)::int8";
    let truth = server.client().await.query_one(sql, &[]).await.unwrap();
    assert_eq!(identity.postmaster_start, Timestamp::from_micros(truth.get(0)));
    assert_eq!(identity.address.as_deref(), Some(&*format!("127.0.0.1:{}", server.port)));
    assert!(!identity.in_recovery);
    let now = Timestamp::from_micros(truth.get(1));
    assert!(sample.at < now && now.seconds_since(sample.at) < 60.0, "the server's clock is the time base");
}

#[tokio::test]
async fn a_row_in_which_nothing_happened_is_the_very_same_row() {
    let server = Postgres::shared();
    let still = server.hold("still", "BEGIN; SELECT 1").await;
    let lively = server.hold("lively", "SELECT 1").await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let first = reader.postgres().await;
    lively.client.batch_execute("SELECT 2").await.unwrap();
    let second = reader.postgres().await;
    assert!(Arc::ptr_eq(row(&first, still.pid), row(&second, still.pid)));
    let (before, after) = (row(&first, lively.pid), row(&second, lively.pid));
    assert!(!Arc::ptr_eq(before, after));
    assert!(Arc::ptr_eq(&before.session, &after.session), "the session is the same");
    assert_eq!(after.query.as_deref(), Some("SELECT 2"));
    let (database, other) = (&before.session.database, &row(&first, still.pid).session.database);
    assert!(database.shares_allocation_with(other), "equal texts are one");
}

#[tokio::test]
async fn our_own_sessions_are_counted_and_not_shown_whatever_others_call_themselves() {
    let server = Postgres::start(&PostgresOptions::default());
    let impostor = server.hold("pooltop", "SELECT 1").await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let info = super::conninfo(&server.url("postgres", "postgres"));
    let second = pooltop::connect::open(&info, pooltop::connect::Purpose::Operations).await.unwrap();
    let membership = reader.own.enter(second.backend());
    let sample = reader.postgres().await;
    assert_eq!(sample.own_sessions, 2);
    assert_eq!(sample.backends.len(), 1);
    assert_eq!(row(&sample, impostor.pid).session.application_name.as_str(), "pooltop");
    // Gone at this end, but still on the server: ours until the server lets it go.
    drop(membership);
    let sample = reader.postgres().await;
    assert_eq!(sample.own_sessions, 2);
    assert!(sample.missing.iter().any(|gap| &*gap.what == "slots of our own"), "{:?}", sample.missing);
    drop(second);
    reader.until("the server has let it go", |sample| sample.own_sessions == 1).await;
}

#[tokio::test]
async fn a_sample_is_one_statement_on_one_connection() {
    let server = Postgres::start(&PostgresOptions {
        conf: vec!["shared_preload_libraries = 'pg_stat_statements'".into()],
        ..PostgresOptions::default()
    });
    server.execute("CREATE EXTENSION pg_stat_statements").await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    reader.until("the facts are read", |sample| sample.facts.known().is_some()).await;
    server.execute("SELECT pg_stat_statements_reset()").await;
    for _ in 0..5 {
        reader.sample().await;
    }
    let overhead = reader.sample().await.overhead;
    assert_eq!((overhead.connections, format!("{}", overhead.statements_per_sample)), (1, "1".into()));
    let sql = "SELECT sum(calls)::int8, count(*) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'";
    let truth = server.client().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((truth.get::<_, i64>(0), truth.get::<_, i64>(1)), (6, 1));
}
