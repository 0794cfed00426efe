//! Names and statements made by somebody who wants the terminal.

use super::stage::{Stage, escape, filter, question, unfilter};
use crate::support::{Key, PostgresOptions};

/// What must not come out: sets the title, clears the screen, asks for the cursor's place, turns the text round.
const INJECTED: [&str; 6] =
    ["\x1b]0;owned", "\x1b[2Jowned", "\x1b[6nowned", "\u{202e}owned", "\u{9b}31mowned", "\x07owned"];

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_a_server_never_reach_the_terminal_as_control_sequences() {
    let conf = vec!["track_activity_query_size = 102400".into()];
    let stage = Stage::with(&PostgresOptions { conf, ..PostgresOptions::default() }, "");
    let mut held = Vec::new();
    for (index, text) in INJECTED.iter().enumerate() {
        let name = format!("evil{index} {text}");
        held.push(stage.server.hold(&name, &format!("BEGIN; SELECT '{text}{index}'")).await);
    }
    let long = format!("BEGIN; SELECT '\u{1b}[2Jowned', '{}'", "long ".repeat(20_000));
    held.push(stage.server.hold("long", &long).await);
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects");
    for held in &held {
        filter(&mut terminal, &format!("pid:{}", held.pid));
        terminal.press(Key::Enter);
        terminal.wait_for_text(&format!("pid {}", held.pid));
        escape(&mut terminal, "┌ Connection ─");
        terminal.send("K");
        question(&terminal, "Terminate 1 session on db1?");
        escape(&mut terminal, "Terminate 1 session");
        unfilter(&mut terminal);
    }
    terminal.send("q");
    terminal.send("q");
    terminal.wait_for_exit();
    let output = String::from_utf8_lossy(&terminal.output()).into_owned();
    assert!(output.contains("owned"), "the harmless part is shown");
    for text in INJECTED {
        assert!(!output.contains(text), "{text:?} came out");
    }
    assert!(!output.contains('\u{202e}') && !output.contains('\u{9b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_bytes_in_no_encoding_is_shown() {
    let stage = Stage::new();
    stage.server.execute("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0").await;
    let config = stage.server.config("postgres", "bytes");
    // The é of LATIN1, which is not UTF-8: executed by the server, so that the client's side stays what it is.
    let held = stage.server.hold_as(config, "bytes", "").await;
    let sql =
        r"DO $$ BEGIN EXECUTE convert_from('\x53454c4543542027636166e92720'::bytea, 'SQL_ASCII'); END $$";
    held.client.batch_execute(sql).await.unwrap();
    held.client
        .batch_execute(r"DO $$ BEGIN PERFORM set_config('application_name', convert_from('\x636166e9'::bytea, 'SQL_ASCII'), false); END $$")
        .await
        .unwrap();
    let terminal = stage.start();
    let pid = held.pid.to_string();
    terminal.wait_for("its row", |screen| super::stage::rows(screen).iter().any(|row| row.contains(&pid)));
    assert!(std::str::from_utf8(&terminal.output()).is_ok(), "what comes out is UTF-8");
}
