//! Recordings on the screen: made beside the dashboard, and played.

use std::path::PathBuf;

use super::stage::{Stage, rows};
use crate::support::{Launch, eventually};

fn incident() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/assets/incident.pooltop")
}

#[test]
fn a_recording_plays_steps_and_lets_nobody_be_ended() {
    let mut terminal = Launch::pooltop(&["replay", incident(), "--paused"]).start();
    terminal.wait_for("a replay that stands still", |screen| {
        let text = screen.contents();
        text.contains("REPLAY") && text.contains("a shop that leaks transactions")
    });
    terminal.send(">");
    terminal.wait_for("the end, with the leak as it was judged", |screen| {
        let text = screen.contents();
        text.contains("LEAK") && text.contains("checkout") && !rows(screen).is_empty()
    });
    terminal.send("=");
    terminal.wait_for("what changed since it began", |screen| {
        screen.contents().contains("▲ new critical: checkout: 12 connections idle in transaction")
    });
    terminal.send("q");
    terminal.send("K");
    terminal.wait_for("why not", |screen| screen.contents().to_lowercase().contains("recording"));
    let before = terminal.text();
    terminal.send("<");
    terminal.wait_for("the beginning", |screen| !screen.contents().contains("LEAK"));
    assert_ne!(before, terminal.text());
    terminal.send("++++f");
    terminal.wait_for("it plays by itself until the leak is there", |screen| {
        screen.contents().contains("LEAK") && screen.contents().contains("×16")
    });
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0, "it does not ask");
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_records_what_is_shown_into_a_file_that_plays() {
    let stage = Stage::new();
    let _here = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("its row", |screen| !rows(screen).is_empty());
    terminal.send("*");
    terminal.wait_for_text("recording into ");
    let mut found: Option<PathBuf> = None;
    eventually("a file in the state directory", || {
        found =
            walk(terminal.home()).into_iter().find(|path| path.extension().is_some_and(|e| e == "pooltop"));
        found.is_some()
    });
    terminal.wait_for("that it runs", |screen| screen.contents().contains("REC"));
    terminal.send("*");
    terminal.wait_for("what came of it", |screen| screen.contents().contains("frame"));
    let file = found.unwrap();
    let replay = Launch::pooltop(&["replay", file.to_str().unwrap(), "--paused"]).start();
    replay.wait_for("the same session", |screen| {
        screen.contents().contains("REPLAY") && screen.contents().contains("checkout")
    });
}

fn walk(directory: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path),
            path => vec![path],
        })
        .collect()
}
