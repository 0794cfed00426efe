//! Servers that are full, restarted, frozen or silent, and disks that take no record.

use std::sync::Arc;
use std::time::Duration;

use pooltop::model::backend::State;
use pooltop::model::operation::{OperationKind, Outcome};
use pooltop::model::sample::ServerIdentity;
use pooltop::model::time::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use super::stage::{Stage, identity, message, outcomes, policy, sampling, say_yes};
use super::wire::Wire;
use crate::support::{Auth, Postgres, PostgresOptions, wait_until};

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn a_stopped_backend_is_signalled_and_not_said_to_have_ended() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let (stuck, other) =
        (server.hold("stuck", "BEGIN; SELECT 1").await, server.hold("stuck", "BEGIN; SELECT 1").await);
    let seen = [
        stage.see_in(stuck.pid, State::IdleInTransaction).await,
        stage.see_in(other.pid, State::IdleInTransaction).await,
    ];
    signal(stuck.pid, Signal::STOP);
    let reports = stage.run(stage.operation(OperationKind::Terminate, &seen)).await;
    signal(stuck.pid, Signal::CONT);
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Unconfirmed, Outcome::Ended]);
    assert_eq!(message(&reports, 0), "signalled; still there after 5 s");
}

#[tokio::test]
async fn a_full_server_is_reached_over_the_sampling_connection() {
    let options = PostgresOptions { max_connections: 12, ..PostgresOptions::default() };
    let server = Postgres::start(&options);
    let url = server.url("postgres", "postgres");
    let mut stage = Stage::with(&server, &url, policy(), Some(sampling(&url).await)).await;
    let mut crowd = vec![server.hold("crowd", "BEGIN; SELECT 1").await];
    while let Ok((client, connection)) =
        server.config("postgres", "postgres").connect(tokio_postgres::NoTls).await
    {
        let driver = tokio::spawn(connection);
        crowd.push(crate::support::Held { client: Arc::new(client), pid: 0 });
        drop(driver);
    }
    let refused = stage.executor.warm(5).await.unwrap_err();
    assert_eq!(refused.code.as_deref(), Some("53300"));
    let seen = stage.see_in(crowd[0].pid, State::IdleInTransaction).await;
    assert_eq!(stage.terminate(&[seen]).await, [Outcome::Ended]);
}

#[tokio::test]
async fn nothing_is_sent_where_the_intent_cannot_be_written() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("unaudited", "BEGIN; SELECT 1").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    // A directory in the place of the file.
    std::fs::create_dir_all(stage.audit.path()).unwrap();
    let reports = stage.run(stage.operation(OperationKind::Terminate, &[seen])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Refused]);
    let said = message(&reports, 0);
    assert!(
        said.starts_with("nothing was sent; the audit log ") && said.contains("cannot be written"),
        "{said}"
    );
    assert!(stage.is_there(held.pid).await);
}

#[tokio::test]
async fn a_server_that_is_not_the_one_that_was_seen_gets_nothing() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let seen_server = stage.identity.clone();
    let earlier = Timestamp::from_micros(seen_server.postmaster_start.as_micros() - 1);
    let held = server.hold("elsewhere", "BEGIN; SELECT 1").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    for other in [
        ServerIdentity { postmaster_start: earlier, ..seen_server.clone() },
        ServerIdentity { in_recovery: true, ..seen_server.clone() },
        ServerIdentity { address: None, ..seen_server.clone() },
        ServerIdentity { address: Some("127.0.0.2:5432".into()), ..seen_server.clone() },
    ] {
        stage.identity = other;
        let reports = stage.run(stage.operation(OperationKind::Terminate, &[Arc::clone(&seen)])).await;
        assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Changed], "{:?}", stage.identity);
        let said = "nothing was sent: the server was restarted, or another one answers now";
        assert_eq!(message(&reports, 0), said);
    }
    stage.identity = ServerIdentity { address: Some("somewhere".into()), ..seen_server };
    let reports = stage.run(stage.operation(OperationKind::Terminate, &[seen])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Refused]);
    assert_eq!(stage.audited().last().unwrap().outcome, Some(Outcome::Refused));
    assert!(stage.is_there(held.pid).await);
}

#[tokio::test]
async fn after_a_restart_old_sights_reach_nobody_and_new_ones_do() {
    let server = Postgres::start(&PostgresOptions::default());
    let mut stage = Stage::on(&server).await;
    stage.executor.warm(50).await.unwrap();
    let held = server.hold("before", "BEGIN; SELECT 1").await;
    let old = stage.see_in(held.pid, State::IdleInTransaction).await;
    let operation = stage.operation(OperationKind::Terminate, &[old]);
    server.restart("QUIT");
    let reports = stage.run(operation).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Changed], "{}", message(&reports, 0));

    let fresh = Stage::on(&server).await;
    stage.identity = identity(&server.url("postgres", "postgres")).await;
    let held = server.hold("after", "BEGIN; SELECT 1").await;
    let seen = fresh.see_in(held.pid, State::IdleInTransaction).await;
    assert_eq!(stage.terminate(&[seen]).await, [Outcome::Ended]);
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_replaced_before_anything_is_sent() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    stage.executor.warm(50).await.unwrap();
    let client = server.client().await;
    let sql =
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pooltop' AND pid <> pg_backend_pid()";
    let ours: Vec<i32> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let mut mine = None;
    for pid in ours {
        if let Some(seen) = stage.find(pid).await
            && stage.own.contains(seen.id())
        {
            mine = Some(pid);
        }
    }
    let mine = mine.unwrap();
    let held = server.hold("silent", "BEGIN; SELECT 1").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    signal(mine, Signal::STOP);
    let found = stage.terminate(&[seen]).await;
    signal(mine, Signal::CONT);
    assert_eq!(found, [Outcome::Ended]);
}

#[tokio::test]
async fn a_server_that_falls_silent_after_the_signal_leaves_the_end_unconfirmed() {
    let server = Postgres::start(&PostgresOptions::default());
    let mut stage = Stage::on(&server).await;
    let held = server.hold("frozen", "BEGIN; SELECT 1").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    signal(held.pid, Signal::STOP);
    let confirmed = say_yes(stage.operation(OperationKind::Terminate, &[seen]));
    let mut frozen = false;
    let executing = stage.executor.execute(confirmed, |_| {
        if !frozen {
            server.freeze();
            frozen = true;
        }
    });
    let report = tokio::time::timeout(Duration::from_secs(30), executing).await.expect("an end in time");
    server.thaw();
    assert_eq!(outcomes(&report), [Outcome::Unconfirmed]);
    assert!(report.outcomes[0].message.starts_with("signalled; "), "{}", report.outcomes[0].message);
    assert_eq!(stage.audited().last().unwrap().outcome, Some(Outcome::Unconfirmed));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_said_to_be_lost_and_the_sessions_are_still_looked_for() {
    let server = Postgres::shared();
    for (kind, state, expected) in [
        (OperationKind::Terminate, State::IdleInTransaction, Outcome::Ended),
        (OperationKind::Cancel, State::Active, Outcome::Unconfirmed),
    ] {
        let url = Wire::Cut.to(server, b"pg_terminate_backend").await;
        let mut stage = Stage::with(server, &url, policy(), None).await;
        let held = server.hold("cut", "BEGIN; SELECT 1").await;
        let running = (state == State::Active).then(|| held.send("SELECT pg_sleep(60)"));
        let seen = stage.see_in(held.pid, state).await;
        let reports = stage.run(stage.operation(kind, &[seen])).await;
        assert_eq!(outcomes(reports.last().unwrap()), [expected], "{kind}: {}", message(&reports, 0));
        assert!(
            message(&reports, 0).starts_with("sent, but the answer was lost: "),
            "{}",
            message(&reports, 0)
        );
        drop(running);
    }
}

#[tokio::test]
async fn a_statement_that_the_network_kept_back_signals_nobody() {
    let server = Postgres::shared();
    let url = Wire::Slow(Duration::from_secs(7)).to(server, b"pg_terminate_backend").await;
    let mut stage = Stage::with(server, &url, policy(), None).await;
    let held = server.hold("late", "SELECT 1").await;
    let running = held.send("SELECT pg_sleep(60)");
    let seen = stage.see_in(held.pid, State::Active).await;
    let reports = stage.run(stage.operation(OperationKind::Terminate, &[seen])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Unconfirmed], "{}", message(&reports, 0));
    // By now the statement has arrived: it ran, and found that it came too late.
    let client = server.client().await;
    let ran =
        "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_terminate_backend' AND state = 'active'
               AND pid <> pg_backend_pid()";
    wait_until("the statement has run", async || {
        client.query_one(ran, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert!(stage.is_there(held.pid).await);
    drop(running);
}

#[tokio::test]
async fn a_refused_password_is_not_tried_again_until_another_one_is_given() {
    let options = PostgresOptions { auth: Auth::Scram, ..PostgresOptions::default() };
    let server = Postgres::start(&options);
    server.execute("ALTER ROLE postgres PASSWORD 'right'").await;
    let url = |password: &str| format!("postgres://postgres:{password}@127.0.0.1:{}/postgres", server.port);
    let over = sampling(&url("right")).await;
    let seen_server = over.identity().clone();
    let mut stage = Stage::with(&server, &url("wrong"), policy(), Some(over)).await;
    stage.identity = seen_server;
    let failures = || server.log().matches("password authentication failed").count();
    for round in 0..2 {
        let held = server.hold_as(url("right").parse().unwrap(), "locked", "BEGIN; SELECT 1").await;
        let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
        assert_eq!(stage.terminate(&[seen]).await, [Outcome::Ended], "over the sampling connection, {round}");
        assert_eq!(failures(), 1, "{round}");
    }
    stage.executor.renew(super::stage::conninfo(&url("right")));
    stage.executor.warm(50).await.unwrap();
    assert_eq!((stage.own.open(), failures()), (1, 1));
}
