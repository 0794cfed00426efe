//! Reaching exactly those sessions that were seen, as they were seen.

use std::sync::Arc;

use pooltop::model::audit::AuditPhase;
use pooltop::model::backend::{Backend, BackendId, State};
use pooltop::model::operation::{OperationKind, Outcome};
use pooltop::model::time::Timestamp;

use super::stage::{Stage, message, outcomes};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres};

/// The same session as if it had begun a microsecond later.
fn replaced(seen: &Arc<Backend>) -> Arc<Backend> {
    let (mut row, mut session) = ((**seen).clone(), (*seen.session).clone());
    let start = seen.id().start.unwrap();
    session.id = BackendId { start: Some(Timestamp::from_micros(start.as_micros() - 1)), ..session.id };
    row.session = Arc::new(session);
    Arc::new(row)
}

#[tokio::test]
async fn a_session_idle_in_transaction_is_terminated_seen_to_go_and_audited() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("leaker", "BEGIN; SELECT 1").await;
    let seen = stage.see_in(held.pid, State::IdleInTransaction).await;
    let reports = stage.run(stage.operation(OperationKind::Terminate, &[Arc::clone(&seen)])).await;
    let course: Vec<_> = reports.iter().map(|report| (outcomes(report)[0], report.settled)).collect();
    assert_eq!(course.first(), Some(&(Outcome::Signalled, false)));
    assert_eq!(course.last(), Some(&(Outcome::Ended, true)));
    assert!(!stage.is_there(held.pid).await);

    let records = stage.audited();
    let phases: Vec<_> = records.iter().map(|record| (record.phase, record.outcome)).collect();
    assert_eq!(phases, [(AuditPhase::Intent, None), (AuditPhase::Outcome, Some(Outcome::Ended))]);
    assert!(records[0].at <= records[1].at);
    for record in &records {
        assert_eq!((record.pid, record.backend_start), (Some(held.pid), seen.id().start));
        assert_eq!((&*record.operator, &*record.host, &*record.profile), ("ada", "bastion", "checkout"));
        assert_eq!(
            (&*record.target, &*record.user, &*record.application_name),
            ("db1", "postgres", "leaker")
        );
        assert_eq!((record.operation, record.dry_run), (OperationKind::Terminate, false));
    }
    assert_eq!(&*records[0].message, "idle in transaction since 09:00");
    assert!(records[1].message.starts_with("signalled; ended within "), "{}", records[1].message);
}

#[tokio::test]
async fn whoever_changed_between_dialog_and_answer_is_left_alone_and_the_others_go() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let mut held = Vec::new();
    for _ in 0..7 {
        held.push(server.hold("changer", "BEGIN; SELECT 1").await);
    }
    let mut seen = Vec::new();
    for session in &held {
        seen.push(stage.see_in(session.pid, State::IdleInTransaction).await);
    }
    seen[1] = replaced(&seen[1]);
    held[2].client.batch_execute("SELECT 2").await.unwrap();
    held[3].client.batch_execute("COMMIT; BEGIN; SELECT 1").await.unwrap();
    held[4].client.batch_execute("COMMIT").await.unwrap();
    let running = held[5].send("SELECT pg_sleep(60)");
    stage.see_in(held[5].pid, State::Active).await;
    let gone = held.remove(6);
    let gone_pid = gone.pid;
    server.end(gone_pid).await;

    let reports = stage.run(stage.operation(OperationKind::Terminate, &seen)).await;
    let by_pid = |pid: i32| {
        let entry =
            reports.last().unwrap().outcomes.iter().find(|entry| entry.id.pid() == Some(pid)).unwrap();
        (entry.outcome, entry.message.as_str().to_owned())
    };
    assert_eq!(by_pid(held[0].pid).0, Outcome::Ended);
    assert_eq!(by_pid(gone_pid), (Outcome::Gone, "ended in the meantime".to_owned()));
    for (place, outcome, said) in [
        (1, Outcome::Gone, "its pid is another session's now"),
        (2, Outcome::Changed, "now idle in transaction"),
        (3, Outcome::Changed, "now idle in transaction"),
        (4, Outcome::Changed, "now idle"),
        (5, Outcome::Changed, "now active"),
    ] {
        let (found, words) = by_pid(held[place].pid);
        assert!(found == outcome && words.contains(said), "{place}: {found:?} {words}");
        assert!(stage.is_there(held[place].pid).await, "{place} is left alone");
    }
    running.abort();
}

#[tokio::test]
async fn an_aborted_transaction_is_terminated_although_it_has_no_start() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("broken", "BEGIN").await;
    held.client.batch_execute("SELECT 1 / 0").await.unwrap_err();
    let seen = stage.see_in(held.pid, State::Aborted).await;
    assert_eq!(seen.xact_start, None);
    // In a task of its own, as beside a screen.
    let found = tokio::spawn(async move { stage.terminate(&[seen]).await }).await.unwrap();
    assert_eq!(found, [Outcome::Ended]);
}

#[tokio::test]
async fn a_session_that_runs_a_statement_is_ended_whatever_it_does_by_then() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("busy", "SELECT 1").await;
    let running = held.send("SELECT pg_sleep(60)");
    let seen = stage.see_in(held.pid, State::Active).await;
    assert_eq!(stage.terminate(&[seen]).await, [Outcome::Ended]);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("57P01"));
}

#[tokio::test]
async fn a_cancel_stops_the_statement_that_was_seen_and_the_session_stays() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("slow", "SELECT 1").await;
    let running = held.send("SELECT pg_sleep(60)");
    let seen = stage.see_in(held.pid, State::Active).await;
    let reports = stage.run(stage.operation(OperationKind::Cancel, &[seen])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Signalled]);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("57014"));
    assert_eq!(stage.see_in(held.pid, State::Idle).await.pid(), held.pid);
}

#[tokio::test]
async fn a_cancel_never_hits_the_next_statement() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("next", "SELECT 1").await;
    let first = held.send("SELECT pg_sleep(0.05)");
    let seen = stage.see_in(held.pid, State::Active).await;
    first.await.unwrap().unwrap();
    let second = held.send("SELECT pg_sleep(60)");
    stage.see_in(held.pid, State::Active).await;
    let reports = stage.run(stage.operation(OperationKind::Cancel, &[seen])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Changed], "{}", message(&reports, 0));
    assert!(!second.is_finished());
    second.abort();
}

#[tokio::test]
async fn a_rehearsal_checks_everything_and_sends_nothing() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let held = server.hold("rehearsed", "BEGIN; SELECT 1").await;
    let moved = server.hold("moved", "BEGIN; SELECT 1").await;
    let seen = [
        stage.see_in(held.pid, State::IdleInTransaction).await,
        stage.see_in(moved.pid, State::IdleInTransaction).await,
    ];
    moved.client.batch_execute("SELECT 2").await.unwrap();
    let operation = stage.operation(OperationKind::Terminate, &seen);
    let report = stage.executor.rehearse(&operation).await;
    assert_eq!(outcomes(&report), [Outcome::Signalled, Outcome::Changed]);
    assert_eq!(&*report.outcomes[0].message, "would be signalled");
    assert!(stage.is_there(held.pid).await);
    let records = stage.audited();
    assert!(records.len() == 2 && records.iter().all(|record| record.dry_run), "{records:?}");
}

#[tokio::test]
async fn through_a_transaction_pooler_the_same_sessions_go() {
    let server = Postgres::shared();
    let Some(pooler) = PgBouncer::start(server, &PgBouncerOptions::default()) else { return };
    let url = pooler.url("postgres", "postgres");
    let mut stage = Stage::with(server, &url, super::stage::policy(), None).await;
    stage.identity = super::stage::identity(&url).await;
    let held = server.hold("pooled", "BEGIN; SELECT 1").await;
    let other = server.hold("pooled", "BEGIN; SELECT 1").await;
    let seen = [
        stage.see_in(held.pid, State::IdleInTransaction).await,
        stage.see_in(other.pid, State::IdleInTransaction).await,
    ];
    other.client.batch_execute("SELECT 2").await.unwrap();
    assert_eq!(stage.terminate(&seen).await, [Outcome::Ended, Outcome::Changed]);
    let next = pooler.client("postgres", "postgres").await;
    let row = next.query_typed("SELECT current_setting('statement_timeout')", &[]).await.unwrap();
    assert_eq!(row[0].get::<_, String>(0), "0", "the next client keeps its own settings");
}
