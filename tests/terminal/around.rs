//! What is around the main story: profiles, export, palette, help, freezing.

use super::stage::{Stage, look_at_help, mode, rows};
use crate::support::{Key, Terminal};

/// The file with this ending that the screen says was written, which is its owner's alone.
fn exported(terminal: &Terminal, ending: &str) -> String {
    terminal.wait_for_text("Snapshot written to");
    let mut written = std::fs::read_dir(terminal.home()).unwrap().map(|entry| entry.unwrap().path());
    let path = written.find(|path| path.extension().is_some_and(|end| end == ending)).unwrap();
    assert_eq!(mode(&path), 0o600);
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_switched_and_the_one_left_keeps_its_history() {
    let stage = Stage::new();
    let other = Stage::new();
    stage.configure(&format!(
        "{}\n{}",
        stage.profile("shop", ""),
        other.profile("archive", "label = \"OLD\"")
    ));
    let _here = stage.leak("checkout", 1).await;
    let _there = other.leak("archivist", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("the first", |screen| rows(screen).iter().any(|row| row.contains("checkout")));
    for (name, row) in [("archive", "archivist"), ("shop", "checkout")] {
        terminal.send("o");
        terminal.wait_for_text("Profiles");
        terminal.press(if name == "archive" { Key::Down } else { Key::Up });
        terminal.press(Key::Enter);
        terminal.wait_for(name, |screen| {
            let first = screen.rows(0, 120).next().unwrap();
            let rows = rows(screen);
            first.starts_with(&format!(" {name} "))
                && !rows.is_empty()
                && rows.iter().all(|one| one.contains(row))
        });
    }
    terminal.send(":profile archive");
    terminal.press(Key::Enter);
    terminal.wait_for_text(" OLD ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_a_private_file_that_can_be_read_and_answers_the_question_at_the_end() {
    let stage = Stage::new();
    let _leaked = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects 1");
    terminal.send("e");
    terminal.wait_for_text("Literals in statements are redacted.");
    terminal.press(Key::Down);
    terminal.press(Key::Down);
    terminal.press(Key::Enter);
    let text = exported(&terminal, "json");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "pooltop.snapshot/1");
    assert_eq!(document["profile"], "shop");
    assert_eq!(document["backends"][0]["application_name"], "checkout");
    assert!(!text.contains("'leaked'"), "literals are redacted");
    terminal.send(":q");
    terminal.press(Key::Enter);
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_written_as_a_picture_without_values_and_without_markup_of_others() {
    let stage = Stage::new();
    let _leaked = stage.leak("<b>&checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("SELECT 'leaked'");
    terminal.send("e");
    terminal.wait_for_text("┌ Export ");
    for _ in 0..5 {
        terminal.press(Key::Down);
    }
    terminal.wait_for("svg is chosen", |screen| screen.contents().contains("▌ svg"));
    terminal.press(Key::Enter);
    let picture = exported(&terminal, "svg");
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    assert!(picture.contains("&lt;b&gt;&amp;checkout") && !picture.contains("<b>"), "{picture}");
    assert!(picture.contains("SELECT ?") && !picture.contains("leaked"), "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_opens_and_closes_and_frozen_means_frozen() {
    let stage = Stage::new();
    let _first = stage.leak("first", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("its row", |screen| !rows(screen).is_empty());
    look_at_help(&mut terminal);
    terminal.send("f");
    terminal.wait_for_text("FROZEN at ");
    let before = terminal.look(rows);
    let _second = stage.leak("second", 1).await;
    // Whatever else the screen shows by now, samples came in: the server has seen them.
    let samples = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'pooltop' ORDER BY backend_start LIMIT 1";
    let client = stage.server.client().await;
    let first: jiff::Timestamp = client.query_one(samples, &[]).await.unwrap().get(0);
    crate::support::wait_until("more samples", async || {
        let now: jiff::Timestamp = client.query_one(samples, &[]).await.unwrap().get(0);
        now.duration_since(first).as_secs() >= 1
    })
    .await;
    assert_eq!(terminal.look(rows), before, "frozen means frozen");
    terminal.send("f");
    terminal.wait_for("the present", |screen| rows(screen).iter().any(|row| row.contains("second")));
}
