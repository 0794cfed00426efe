//! Servers that hang, restart, are full, or want another password.

use super::stage::{Stage, escape, look_at_help, question, rows, select, unfilter};
use crate::support::{Auth, Key, PostgresOptions};

#[tokio::test(flavor = "multi_thread")]
async fn keys_work_while_the_server_hangs_and_the_data_look_stale() {
    let stage = Stage::new();
    let held = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects 1");
    stage.server.freeze();
    terminal.wait_for("the age of the data", |screen| {
        let first = screen.rows(0, 120).next().unwrap();
        first.contains("db1 ") && (first.contains("stale ") || first.contains("down "))
    });
    look_at_help(&mut terminal);
    select(&mut terminal, "checkout");
    assert!(terminal.look(|screen| rows(screen)[0].contains(&held[0].pid.to_string())), "the last data stay");
    terminal.send("b");
    terminal.wait_for_text("┌ Blocking");
    escape(&mut terminal, "┌ Blocking");
    stage.server.thaw();
    terminal.wait_for_text("db1 ● ");
    terminal.wait_for("it is live again", |screen| {
        let first = screen.rows(0, 120).next().unwrap();
        !first.contains("stale") && !first.contains("down")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_told_and_closes_the_question_and_takes_the_marks() {
    let stage = Stage::new();
    let _leaked = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    select(&mut terminal, "checkout");
    terminal.send("a");
    terminal.send("K");
    terminal.wait_for_text("Terminate 1 session on db1?");
    stage.server.restart("INT");
    terminal.wait_for_text("db1 is another server now, or was restarted: marks are cleared");
    terminal.wait_for("no question", |screen| !screen.contents().contains("[ Terminate ]"));
    unfilter(&mut terminal);
    // With a mark left, K would ask about what was marked.
    let _again = stage.leak("second", 1).await;
    select(&mut terminal, "second");
    terminal.send("K");
    question(&terminal, "Terminate 1 session on db1?");
    assert!(!terminal.text().contains("left out"), "{}", terminal.text());
    escape(&mut terminal, "Terminate 1 session");
    terminal.send("t");
    terminal.wait_for_text("restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_is_waited_for_with_its_own_words_and_a_countdown() {
    let options = PostgresOptions {
        max_connections: 8,
        conf: vec!["superuser_reserved_connections = 3".into()],
        ..PostgresOptions::default()
    };
    let stage = Stage::with(&options, "");
    let admin = stage.server.client().await;
    admin.batch_execute("CREATE ROLE watcher LOGIN").await.unwrap();
    let url = stage.server.url("watcher", "postgres");
    stage.configure(&format!("[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"{url}\"\n"));
    let mut crowd = Vec::new();
    let watcher = stage.server.config("watcher", "postgres");
    while let Ok((client, connection)) = watcher.connect(tokio_postgres::NoTls).await {
        tokio::spawn(connection);
        crowd.push(client);
    }
    let mut terminal = stage.launch(&[]).start();
    terminal.wait_for("the refusal and the countdown", |screen| {
        let text = screen.contents();
        text.contains("refused 53300") && text.contains("retry in ")
    });
    terminal.wait_for("the server's own words", |screen| {
        // Wrapped somewhere.
        let text = screen.contents().split_whitespace().collect::<Vec<_>>().join(" ");
        text.contains("remaining connection slots are reserved") || text.contains("too many clients")
    });
    look_at_help(&mut terminal);
    crowd.truncate(1);
    terminal.wait_for_text("db1 ●");
    terminal.wait_for("its sessions", |screen| !rows(screen).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_asked_for_after_two_attempts_and_never_shown() {
    let options = PostgresOptions { auth: Auth::Scram, ..PostgresOptions::default() };
    let stage = Stage::with(&options, "");
    stage.server.execute("CREATE ROLE watcher LOGIN PASSWORD 'hunter2secret'").await;
    let url = stage.server.url("watcher", "postgres");
    stage.configure(&format!("[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"{url}\"\n"));
    let mut terminal = stage.launch(&[]).env("PGPASSWORD", "wrongsecret").start();
    terminal.wait_for_text("password needed");
    assert!(terminal.text().contains("28P01"), "{}", terminal.text());
    let refused = stage.server.log().matches("password authentication failed").count();
    assert_eq!(refused, 2, "it stops after two attempts");
    terminal.send("p");
    terminal.wait_for_text("Password for db1");
    terminal.send("hunter2secret");
    terminal.wait_for_text("*************");
    terminal.press(Key::Enter);
    terminal.wait_for_text("db1 ●");
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
    let output = String::from_utf8_lossy(&terminal.output()).into_owned();
    assert!(!output.contains("hunter2secret") && !output.contains("wrongsecret"));
    let written = std::fs::read_to_string(stage.config()).unwrap();
    assert!(!written.contains("hunter2secret"));
}
