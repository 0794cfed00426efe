//! What is shown before the question is answered.

use pooltop::model::backend::State;
use pooltop::model::locks::{Blocker, LockEdge, LockPicture};
use pooltop::model::operation::OperationKind;

use super::stage::{Stage, policy};
use crate::support::{Postgres, PostgresOptions, installations};

#[tokio::test]
async fn locks_relations_writes_and_snapshots_are_read_on_every_version() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.execute("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE \"Odd one\" (id int)").await;
        let mut stage = Stage::on(&server).await;
        let writer = server
            .hold(
                "writer",
                "BEGIN; INSERT INTO orders VALUES (1); LOCK \"Odd one\" IN ACCESS EXCLUSIVE MODE;
                 SELECT pg_advisory_lock(7)",
            )
            .await;
        let reader =
            server.hold("reader", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM orders").await;
        let seen = [
            stage.see_in(writer.pid, State::IdleInTransaction).await,
            stage.see_in(reader.pid, State::IdleInTransaction).await,
        ];
        let operation = stage.operation(OperationKind::Terminate, &seen);
        let edge = LockEdge { waiter: 4711, blocker: Blocker::Backend(writer.pid), soft: false };
        let locks = LockPicture { edges: vec![edge], ..LockPicture::default() };
        let radii = stage.executor.inspect(&operation, Some(&locks)).await.unwrap();

        let held = "SELECT count(*)::int FROM pg_locks WHERE granted AND pid = $1";
        let client = server.client().await;
        for (radius, pid) in radii.iter().zip([writer.pid, reader.pid]) {
            let count: i32 = client.query_one(held, &[&pid]).await.unwrap().get(0);
            assert_eq!((radius.pid, radius.locks), (pid, u32::try_from(count).ok()));
            assert_eq!(radius.refused, None);
        }
        let [first, second] = &radii[..] else { panic!("two sessions") };
        assert_eq!(first.relations, ["public.\"Odd one\"".into(), "public.orders".into()]);
        assert_eq!((first.advisory_locks, first.may_have_written), (Some(1), true));
        assert_eq!(first.frees, [4711]);
        assert_eq!(first.warnings.len(), 1, "{:?}", first.warnings);
        assert!(first.warnings[0].contains("superuser"));
        assert_eq!((second.relations.len(), second.advisory_locks), (0, Some(0)));
        assert!(!second.may_have_written && second.holds_snapshot && second.frees.is_empty());
    }
}

#[tokio::test]
async fn relations_of_another_database_are_named_as_far_as_they_can_be() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE DATABASE shop").await;
    let mut stage = Stage::on(&server).await;
    let config = server.config("postgres", "shop");
    let held = server.hold_as(config, "away", "BEGIN; CREATE TABLE t (id int)").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    let operation = stage.operation(OperationKind::Terminate, &[seen]);
    let radii = stage.executor.inspect(&operation, None).await.unwrap();
    assert!(
        radii[0].relations.iter().all(|name| name.starts_with("relation ") || name.starts_with("pg_")),
        "{:?}",
        radii[0].relations
    );
    assert!(radii[0].relations.iter().any(|name| name.ends_with(" of database shop")));
}

#[tokio::test]
async fn a_refusal_is_foretold_and_whoever_ended_is_said_to_have_ended() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher").await;
    let mut stage = Stage::with(&server, &server.url("watcher", "postgres"), policy(), None).await;
    let mut seen = Vec::new();
    let mut held = Vec::new();
    for role in ["app", "postgres", "watcher", "app"] {
        held.push(server.hold_as(server.config(role, "postgres"), "x", "BEGIN; SELECT 1").await);
        seen.push(stage.see_in(held.last().unwrap().pid, State::IdleInTransaction).await);
    }
    let pid = held.pop().unwrap().pid;
    server.end(pid).await;
    let operation = stage.operation(OperationKind::Terminate, &seen);
    let radii = stage.executor.inspect(&operation, None).await.unwrap();
    let refused: Vec<Option<&str>> = radii.iter().map(|radius| radius.refused.as_deref()).collect();
    assert_eq!(
        refused,
        [
            Some("role watcher may not signal sessions of app: GRANT pg_signal_backend TO watcher"),
            Some("role watcher may not signal a superuser's session"),
            None,
            Some("ended in the meantime"),
        ]
    );
}

#[tokio::test]
async fn a_commit_that_waits_for_a_standby_is_said_to_stand() {
    let conf = vec!["synchronous_standby_names = 'nobody'".to_owned()];
    let server = Postgres::start(&PostgresOptions { conf, ..PostgresOptions::default() });
    server.execute("CREATE TABLE orders (id int)").await;
    let mut stage = Stage::on(&server).await;
    let held = server.hold("waits", "SET synchronous_commit = on").await;
    let committing = held.send("INSERT INTO orders VALUES (1)");
    crate::support::wait_until("the commit waits", async || {
        let seen = stage.see(held.pid).await;
        seen.wait.as_ref().is_some_and(|wait| &*wait.event == "SyncRep")
    })
    .await;
    let operation = stage.operation(OperationKind::Terminate, &[stage.see(held.pid).await]);
    let radii = stage.executor.inspect(&operation, None).await.unwrap();
    assert!(radii[0].warnings.iter().any(|warning| warning.contains("has committed locally")), "{radii:?}");
    let reports = stage.run(operation).await;
    assert_eq!(super::stage::outcomes(reports.last().unwrap()), [pooltop::model::operation::Outcome::Ended]);
    committing.await.unwrap().unwrap_err();
    let count: i64 =
        server.client().await.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get(0);
    assert_eq!(count, 1, "the commit stands");
}
