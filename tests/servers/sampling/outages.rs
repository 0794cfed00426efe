//! Servers that restart, stop answering or are too slow.

use std::time::Duration;

use pooltop::model::sample::StateCounts;
use tokio::time::timeout;

use super::Reader;
use crate::support::{Postgres, PostgresOptions};

#[tokio::test]
async fn a_restart_is_seen_as_another_life_of_the_server() {
    let server = Postgres::start(&PostgresOptions::default());
    let url = server.url("postgres", "postgres");
    let mut reader = Reader::open(&url).await;
    let before = reader.postgres().await.identity;
    server.restart("INT");
    let error = reader.source.sample().await.unwrap_err();
    assert!(!reader.source.survives(&error), "{error:?}");
    let after = Reader::open(&url).await.postgres().await.identity;
    assert_eq!(before.address, after.address);
    assert!(after.postmaster_start > before.postmaster_start);
}

#[tokio::test]
async fn a_frozen_server_costs_no_second_session_and_reading_goes_on_when_it_thaws() {
    let server = Postgres::start(&PostgresOptions::default());
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    reader.until("facts", |sample| sample.facts.known().is_some()).await;
    server.freeze();
    assert!(timeout(Duration::from_millis(300), reader.source.sample()).await.is_err());
    assert!(reader.source.timed_out(), "one silence is no reason to give the slot up");
    server.thaw();
    let sample = reader.postgres().await;
    assert_eq!(sample.own_sessions, 1);
    server.freeze();
    for go_on in [true, false] {
        assert!(timeout(Duration::from_millis(300), reader.source.sample()).await.is_err());
        assert_eq!(reader.source.timed_out(), go_on);
    }
    server.thaw();
}

#[tokio::test]
async fn after_three_time_outs_only_counts_are_read() {
    let server = Postgres::start(&PostgresOptions::default());
    let _held = [server.hold("app", "BEGIN; SELECT 1").await, server.hold("app", "SELECT 1").await];
    // What reads rows is slowed down for our own role; what reads counts calls the same view, but not this function.
    server.execute("CREATE SCHEMA slow; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; GRANT USAGE ON SCHEMA slow TO watcher").await;
    server
        .execute(
            "CREATE FUNCTION slow.textsend(text) RETURNS bytea LANGUAGE sql VOLATILE AS
             'SELECT CASE WHEN pg_sleep(600) IS NULL THEN ''''::bytea END';
             ALTER ROLE watcher SET search_path = slow, pg_catalog",
        )
        .await;
    let mut reader = Reader::open(&server.url("watcher", "postgres")).await;
    for _ in 0..3 {
        let error = reader.source.sample().await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("57014"), "{error:?}");
        assert!(reader.source.survives(&error), "a time-out costs no connection");
    }
    let sample = reader.postgres().await;
    assert!(sample.counts_only && sample.backends.is_empty());
    let expected = StateCounts { idle: 1, idle_in_transaction: 1, ..StateCounts::default() };
    assert_eq!((sample.counts, sample.own_sessions), (Some(expected), 1));
    assert!(sample.missing.iter().any(|gap| &*gap.what == "sessions one by one"));
}
