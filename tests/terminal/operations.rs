//! Asking before an operation: whom it is about, who is left out, and those that are not there any more.

use super::stage::{Stage, audited, escape, filter, focus_suspects, question, rows, select, unfilter};
use crate::support::{Key, PostgresOptions};

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_is_ended_through_its_members() {
    let stage = Stage::new();
    let leaked = stage.leak("checkout", 2).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("checkout: 2 connections idle in transaction");
    focus_suspects(&mut terminal);
    terminal.send("K");
    question(&terminal, "Terminate 2 sessions on db1?");
    for held in &leaked {
        assert!(terminal.text().contains(&held.pid.to_string()), "{}", terminal.text());
    }
    terminal.send("y");
    stage.until_sessions("checkout", 0).await;
    terminal.wait_for_text("terminate on db1: 2 ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_transactions_are_chosen_by_an_age_that_can_be_changed() {
    let stage = Stage::new();
    let _leaked = stage.leak("checkout", 2).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects 1");
    terminal.send("X");
    question(&terminal, "idle for at least 6.0s");
    terminal.send("+");
    terminal.wait_for_text("idle for at least 10s");
    terminal.send("++++");
    terminal.wait_for_text("idle for at least 5m00s");
    terminal.wait_for_text("Terminate 0 idle transactions on db1?");
    terminal.send("-----");
    terminal.wait_for_text("idle for at least 5.0s");
    escape(&mut terminal, "idle for at least");
    // Asked anew once they are old enough, for the list is made when the question is.
    filter(&mut terminal, "tx>8s");
    terminal
        .wait_for("both are old", |screen| screen.contents().contains("/tx>8s") && rows(screen).len() == 2);
    terminal.send("X");
    question(&terminal, "Terminate 2 idle transactions on db1?");
    terminal.send("y");
    stage.until_sessions("checkout", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_wants_its_name_typed() {
    let stage = Stage::with(&PostgresOptions::default(), "production = true");
    let _leaked = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("PRODUCTION");
    select(&mut terminal, "checkout");
    terminal.send("K");
    question(&terminal, "type shop to confirm");
    terminal.send("y");
    terminal.press(Key::Enter);
    terminal.wait_for_text("that is not the profile's name: shop");
    terminal.press(Key::Backspace);
    terminal.send("shop");
    assert_eq!(stage.sessions("checkout").await, 1);
    terminal.press(Key::Enter);
    stage.until_sessions("checkout", 0).await;
    terminal.wait_for_text("terminate on db1: 1 ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_refuses_with_the_reason() {
    let stage = Stage::new();
    let _leaked = stage.leak("checkout", 1).await;
    let mut terminal = stage.launch(&["--read-only"]).start();
    terminal.wait_for_text("db1 ●");
    select(&mut terminal, "checkout");
    for key in ["K", "C", "X"] {
        terminal.send(key);
        terminal.wait_for_text("shop is read-only: nothing is sent to any target.");
        escape(&mut terminal, "nothing is sent to any target");
    }
    assert_eq!(stage.sessions("checkout").await, 1);
    assert!(audited(&terminal).is_empty());
    let own = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooltop'";
    let own: i64 = stage.server.client().await.query_one(own, &[]).await.unwrap().get(0);
    assert_eq!(own, 1, "there is no connection for operations");
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_that_the_filter_hides_are_listed_and_left_out() {
    let stage = Stage::new();
    let _hidden = stage.leak("checkout", 1).await;
    let _shown = stage.leak("reports", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("both", |screen| {
        screen.contents().contains("checkout") && screen.contents().contains("reports")
    });
    terminal.send("a");
    select(&mut terminal, "reports");
    terminal.send("K");
    question(&terminal, "Terminate 1 session on db1?");
    terminal.wait_for_text("left out: marked, but hidden by the filter");
    terminal.send("y");
    stage.until_sessions("reports", 0).await;
    terminal.wait_for_text("terminate on db1: 1 ended");
    assert_eq!(stage.sessions("checkout").await, 1);
    // The one that was left out is still marked.
    unfilter(&mut terminal);
    terminal.wait_for("its row", |screen| !rows(screen).is_empty());
    terminal.send("K");
    terminal.wait_for_text("Terminate 1 session on db1?");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ended_or_moved_on_under_the_question_leaves_it() {
    let stage = Stage::new();
    let ends = stage.leak("ends", 1).await.remove(0);
    let moves = stage.leak("moves", 1).await.remove(0);
    let _stays = stage.leak("stays", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("all three", |screen| {
        ["ends", "moves", "stays"].iter().all(|name| screen.contents().contains(name))
    });
    terminal.send("a");
    terminal.send("K");
    question(&terminal, "Terminate 3 sessions on db1?");
    moves.client.batch_execute("COMMIT").await.unwrap();
    drop(ends);
    terminal.wait_for("both are left out", |screen| {
        let text = screen.contents();
        text.contains("left out: ended in the meantime")
            && text.contains("left out: moved on since it was seen, now idle")
    });
    question(&terminal, "Terminate 1 session on db1?");
    terminal.send("y");
    stage.until_sessions("stays", 0).await;
    terminal.wait_for_text("terminate on db1: 1 ended");
    assert_eq!(stage.sessions("moves").await, 1);
}

/// Between the last sample that the question knows and the signal: the interval is so long that no sample comes.
#[tokio::test(flavor = "multi_thread")]
async fn who_ended_or_moved_on_behind_the_question_is_left_alone_by_the_server_itself() {
    let stage = Stage::new();
    let ends = stage.leak("ends", 1).await.remove(0);
    let moves = stage.leak("moves", 1).await.remove(0);
    let _stays = stage.leak("stays", 1).await;
    let mut terminal = stage.launch(&["--interval", "1h"]).start();
    terminal.wait_for("all three", |screen| {
        ["ends", "moves", "stays"].iter().all(|name| screen.contents().contains(name))
    });
    terminal.send("a");
    terminal.send("K");
    question(&terminal, "Terminate 3 sessions on db1?");
    moves.client.batch_execute("COMMIT; BEGIN; SELECT 'another transaction'").await.unwrap();
    drop(ends);
    stage.until_sessions("ends", 0).await;
    terminal.send("y");
    stage.until_sessions("stays", 0).await;
    terminal.wait_for_text("terminate on db1: 1 ended, 1 gone, 1 changed (t shows why)");
    assert_eq!(stage.sessions("moves").await, 1);
    escape(&mut terminal, "(t shows why)");
    terminal.send("t");
    let pid = moves.pid.to_string();
    terminal.wait_for("the reasons", |screen| {
        let text = screen.contents();
        text.contains("changed") && text.contains("gone") && text.contains(&pid)
    });
}
