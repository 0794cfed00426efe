//! Who waits for whom, against the server's own answer.

use pooltop::model::locks::{Blocker, LockEdge, LockPicture};
use pooltop::model::sample::PostgresSample;

use super::Reader;
use crate::support::{Held, Postgres, PostgresOptions, installations, wait_until};

/// Waits until `many` sessions wait on a lock.
async fn waiting(server: &Postgres, many: i64) {
    let client = server.client().await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    wait_until("the sessions wait", async || {
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == many
    })
    .await;
}

fn picture(sample: &PostgresSample) -> &LockPicture {
    sample.locks.known().unwrap_or_else(|| panic!("{:?}", sample.locks))
}

async fn table(server: &Postgres) {
    server.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) g").await;
}

#[tokio::test]
async fn a_chain_of_three_is_seen_on_every_version() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        table(&server).await;
        let root = server.hold("root", "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await;
        let middle = server.hold("middle", "BEGIN; UPDATE t SET n = 1 WHERE id = 2").await;
        let leaf = server.hold("leaf", "BEGIN").await;
        let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
        assert_eq!(picture(&reader.postgres().await).edges, [], "nobody waits");
        let _first = middle.send("UPDATE t SET n = 2 WHERE id = 1");
        let _second = leaf.send("UPDATE t SET n = 3 WHERE id = 2");
        waiting(&server, 2).await;
        let sample = reader.postgres().await;
        let edge = |waiter: &Held, blocker: &Held| LockEdge {
            waiter: waiter.pid,
            blocker: Blocker::Backend(blocker.pid),
            soft: false,
        };
        let mut expected = [edge(&middle, &root), edge(&leaf, &middle)];
        expected.sort_unstable();
        assert_eq!(picture(&sample).edges, expected);
        let waits = picture(&sample).wait_start.len();
        assert_eq!(waits, if installation.major >= 14 { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_waiting_ddl_is_the_soft_blocker_of_the_readers_behind_it() {
    let server = Postgres::start(&PostgresOptions::default());
    table(&server).await;
    let reader_session = server.hold("reader", "BEGIN; SELECT * FROM t").await;
    let ddl = server.hold("ddl", "").await;
    let _altering = ddl.send("ALTER TABLE t ADD x int");
    waiting(&server, 1).await;
    let late = server.hold("late", "").await;
    let _reading = late.send("SELECT * FROM t");
    waiting(&server, 2).await;
    let sample = Reader::open(&server.url("postgres", "postgres")).await.postgres().await;
    let edges = &picture(&sample).edges;
    let edge = |waiter: &Held, blocker: &Held, soft| LockEdge {
        waiter: waiter.pid,
        blocker: Blocker::Backend(blocker.pid),
        soft,
    };
    assert!(edges.contains(&edge(&ddl, &reader_session, false)), "{edges:?}");
    assert!(edges.contains(&edge(&late, &ddl, true)), "{edges:?}");
    assert_eq!(edges.len(), 2, "{edges:?}");
}

#[tokio::test]
async fn a_convoy_of_a_hundred_reaches_its_root_in_few_edges() {
    let server = Postgres::start(&PostgresOptions { max_connections: 130, ..PostgresOptions::default() });
    table(&server).await;
    let root = server.hold("root", "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await;
    let mut convoy = Vec::new();
    for _ in 0..100 {
        let held = server.hold("convoy", "BEGIN").await;
        convoy.push((held.send("UPDATE t SET n = 2 WHERE id = 1"), held));
    }
    waiting(&server, 100).await;
    let sample = Reader::open(&server.url("postgres", "postgres")).await.postgres().await;
    let edges = &picture(&sample).edges;
    assert!(edges.len() <= 200, "{} edges", edges.len());
    for (_, held) in &convoy {
        let mut at = held.pid;
        for _ in 0..=100 {
            let Some(edge) = edges.iter().find(|edge| edge.waiter == at) else { break };
            let Blocker::Backend(blocker) = edge.blocker else { panic!("{edge:?}") };
            at = blocker;
        }
        assert_eq!(at, root.pid, "{} leads to the root", held.pid);
    }
}

#[tokio::test]
async fn a_prepared_transaction_blocks_without_a_backend() {
    let server = Postgres::start(&PostgresOptions::default());
    table(&server).await;
    let gone =
        server.hold("gone", "BEGIN; UPDATE t SET n = 1 WHERE id = 1; PREPARE TRANSACTION 'left over'").await;
    drop(gone);
    let held = server.hold("app", "BEGIN").await;
    let _waiting = held.send("UPDATE t SET n = 2 WHERE id = 1");
    waiting(&server, 1).await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
    let edge = LockEdge { waiter: held.pid, blocker: Blocker::Prepared, soft: false };
    assert_eq!(picture(&sample).edges, [edge]);
    let prepared = sample.facts.known().unwrap().prepared.known().unwrap();
    assert_eq!((prepared.len(), &*prepared[0].gid, &*prepared[0].owner), (1, "left over", "postgres"));
}

#[tokio::test]
async fn a_lock_query_that_takes_too_long_costs_the_picture_and_not_the_sample() {
    let server = Postgres::start(&PostgresOptions::default());
    table(&server).await;
    server
        .execute(
            "CREATE SCHEMA slow; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; GRANT USAGE ON SCHEMA slow TO watcher;
             CREATE FUNCTION slow.pg_blocking_pids(int) RETURNS int[] LANGUAGE sql VOLATILE AS
             'SELECT CASE WHEN pg_sleep(600) IS NULL THEN ''{}''::int[] END';
             ALTER ROLE watcher SET search_path = slow, pg_catalog",
        )
        .await;
    let _root = server.hold("root", "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await;
    let leaf = server.hold("leaf", "BEGIN").await;
    let _waiting = leaf.send("UPDATE t SET n = 2 WHERE id = 1");
    waiting(&server, 1).await;
    let mut reader = Reader::open(&server.url("watcher", "postgres")).await;
    let sample = reader.postgres().await;
    let why = sample.locks.missing().unwrap();
    assert!(why.why.contains("57014") && sample.backends.len() == 2, "{why:?}");
    let sample = reader.sample().await;
    assert!(sample.overhead.statements_per_sample < 2.0, "it is not asked again at once");
}
