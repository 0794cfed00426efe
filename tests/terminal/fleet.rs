//! Several profiles on one screen: two that answer, one that does not.

use super::stage::{Stage, question, rows};
use crate::support::{Key, Launch, Terminal, free_port};

/// `shop` and `archive` on one server, `gone` where nobody listens.
fn stage() -> Stage {
    let stage = Stage::new();
    let gone = format!(
        "[[profiles.gone.postgres]]\nname = \"db9\"\nurl = \"postgres://postgres@127.0.0.1:{}/postgres\"\n",
        free_port()
    );
    stage.configure(&format!(
        "{}\n{}\n{gone}",
        stage.profile("shop", "production = true\nlabel = \"LIVE\""),
        stage.profile("archive", "access = \"read-only\"")
    ));
    stage
}

fn start(stage: &Stage) -> Terminal {
    let config = stage.config();
    Launch::pooltop(&["archive", "gone", "shop", "--config", config.to_str().unwrap()]).start()
}

/// The lines of the list.
fn lines(screen: &vt100::Screen) -> Vec<String> {
    let names = ["archive", "gone", "shop"];
    let line = |row: &String| names.iter().any(|name| row.contains(&format!("  {name} ")));
    screen.rows(0, 120).filter(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_for_each_profile_the_worst_first_and_one_that_is_opened_gets_operations() {
    let stage = stage();
    let _leaked = stage.leak("checkout", 2).await;
    let mut terminal = start(&stage);
    terminal.wait_for("the verdicts", |screen| {
        let lines = lines(screen);
        lines.len() == 3
            && lines[0].contains("gone")
            && lines[0].contains("unreachable")
            && lines[1].contains("shop")
            && lines[1].contains("LIVE")
            && lines[1].contains("● leak")
            && lines[2].contains("archive")
            && lines[2].contains("1/1 ●")
    });
    // Watching opens one connection each and none for operations.
    stage.until_sessions("pooltop", 2).await;
    terminal.press(Key::Down);
    terminal.wait_for_text("▌  shop");
    terminal.press(Key::Enter);
    terminal.wait_for("its own screen", |screen| {
        screen.rows(0, 120).next().unwrap().starts_with(" shop ") && !rows(screen).is_empty()
    });
    stage.until_sessions("pooltop", 3).await;
    terminal.send("X");
    question(&terminal, "on db1?");
    terminal.press(Key::Escape);
    terminal.wait_until_gone("on db1?");
    terminal.send("q");
    terminal.wait_for("the list", |screen| lines(screen).len() == 3);
    stage.until_sessions("pooltop", 2).await;
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_opened_again_still_has_its_past_and_its_only_connection() {
    let stage = stage();
    let mut terminal = start(&stage);
    terminal.wait_for("the list", |screen| {
        lines(screen).iter().filter(|line| line.contains("1/1 ●")).count() == 2
    });
    let two = stage.first_two("pooltop").await;
    terminal.send("/shop");
    terminal.press(Key::Enter);
    terminal.wait_for_text("Profiles 1 of 3");
    for _ in 0..2 {
        terminal.press(Key::Enter);
        terminal.wait_for("its own screen", |screen| {
            screen.rows(0, 120).next().unwrap().starts_with(" shop ") && screen.contents().contains("db1 ●")
        });
        terminal.press(Key::Backspace);
        terminal.wait_for_text("Profiles 1 of 3");
    }
    assert_eq!(stage.first_two("pooltop").await, two, "nothing was connected anew");
    terminal.press(Key::Escape);
    terminal.wait_for_text("Profiles 3");
    // What does not answer can be opened, says why, and keeps nobody from leaving.
    terminal.send("/gone");
    terminal.press(Key::Enter);
    terminal.wait_for_text("Profiles 1 of 3");
    terminal.press(Key::Enter);
    terminal.wait_for_text("Connection refused");
    terminal.send(":fleet");
    terminal.press(Key::Enter);
    terminal.wait_for_text("Profiles 1 of 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_delays_no_other_profile_and_no_key() {
    let stage = stage();
    let other = Stage::new();
    stage.configure(&format!("{}\n{}", stage.profile("shop", ""), other.profile("archive", "")));
    let config = stage.config();
    let mut terminal = Launch::pooltop(&["archive", "shop", "--config", config.to_str().unwrap()]).start();
    terminal
        .wait_for("both", |screen| lines(screen).iter().filter(|line| line.contains("1/1 ●")).count() == 2);
    stage.server.freeze();
    terminal.wait_for("one of them", |screen| {
        let lines = lines(screen);
        lines.len() == 2 && lines[0].contains("shop") && lines[0].contains("0/1")
    });
    let _leaked = other.leak("archivist", 2).await;
    terminal.wait_for("the other goes on", |screen| {
        lines(screen).iter().any(|line| line.contains("archive") && line.contains("● leak"))
    });
    terminal.press(Key::Down);
    terminal.press(Key::Up);
    terminal.send("/arch");
    terminal.press(Key::Enter);
    terminal.wait_for_text("Profiles 1 of 2");
    stage.server.thaw();
}
