//! The sizing calculator: asked on a terminal, and as a layer over a real server.

use super::stage::Stage;
use crate::support::{Key, Launch};

#[test]
fn on_a_terminal_without_numbers_it_asks_refuses_nonsense_and_answers() {
    let mut terminal = Launch::pooltop(&["size"]).size(140, 120).start();
    for (question, answer) in [
        ("run the application [1]:", "3"),
        ("has pools of its own [1]:", "4"),
        ("Pools per process [1]:", ""),
        ("(0 = unlimited) [5]:", "500"),
        ("'500' is no value for pool size: 1 to 100, or 0 = unlimited", "20"),
        ("(-1 = unlimited) [10]:", "0"),
        ("on this server [1]:", ""),
        ("other applications [0]:", "10"),
        ("over all pools [not known]:", "120"),
        ("such as 50ms [not known]:", "100ms"),
        ("max_connections of the server [100]:", "400"),
        ("Cores of the database server [not known]:", "16"),
    ] {
        terminal.wait_for_text(question);
        terminal.send(answer);
        terminal.press(Key::Enter);
    }
    terminal
        .wait_for_text("12 pools can open 250 connections, 375 of 400 are usable: it fits, 125 are left.");
    terminal.wait_for_text("Little: 120 /s x 100ms");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layer_has_the_servers_limits_and_the_profiles_cores_and_counts_what_is_typed() {
    let stage = Stage::new();
    stage.configure(&stage.profile("shop", "").replace("url =", "cores = 8\nurl ="));
    let _held = stage.leak("checkout", 2).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects 1");
    terminal.send("z");
    terminal.wait_for("the limits and the cores", |screen| {
        let has = |label: &str, source: &str| {
            screen.rows(0, 120).any(|row| row.contains(&format!(" {label} ")) && row.contains(source))
        };
        has("max_connections", " live") && has("cores", "8 profile") && has("useful busy", "16")
    });
    terminal.press(Key::Down);
    terminal.send("4");
    terminal.wait_for_text("4 pools can open 60 connections");
    terminal.send("x");
    terminal.wait_for_text("'4x' is no value for workers: 1 to 1000");
    terminal.press(Key::Escape);
    terminal.wait_until_gone("Pool size");
    terminal.send(":q!");
    terminal.press(Key::Enter);
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
}
