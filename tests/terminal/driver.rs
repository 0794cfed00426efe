//! The driver itself, with programs that are known.

use rustix::process::Signal;

use crate::support::{Key, Launch};

fn shell(script: &str) -> Launch {
    Launch::program("/bin/sh", &["-c", script])
}

#[test]
fn what_a_program_writes_is_seen_and_what_is_typed_arrives() {
    let mut terminal = shell("printf 'name? '; read name; echo \"hello $name\"; exit 3").start();
    terminal.wait_for_text("name?");
    terminal.send("ada");
    terminal.press(Key::Enter);
    terminal.wait_for_text("hello ada");
    assert_eq!(terminal.wait_for_exit().exit_code(), 3);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[test]
fn a_new_size_reaches_the_program() {
    let mut terminal =
        shell("trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done").size(80, 24).start();
    terminal.wait_for_text("24 80");
    terminal.resize(100, 30);
    terminal.wait_for_text("30 100");
    terminal.signal(Signal::TERM);
    assert!(terminal.wait_for_exit().signal().is_some());
}

#[test]
fn what_a_program_leaves_changed_is_named() {
    let mut terminal =
        shell("printf '\\033[?1049h\\033[?2004h\\033[?25l'; stty -echo -icanon; echo done").start();
    terminal.wait_for_text("done");
    terminal.wait_for_exit();
    let left = ["the alternate screen", "bracketed paste", "a hidden cursor", "no echo", "raw mode"];
    assert_eq!(terminal.left_behind(), left);
}

#[test]
fn a_program_gets_a_home_of_its_own_and_nothing_of_our_environment() {
    let terminal = shell("env | sort").env("EXTRA", "1").start();
    terminal.wait_for_text("TERM=xterm-256color");
    let shown = terminal.text();
    assert!(
        shown.contains("EXTRA=1") && shown.contains(&format!("HOME={}", terminal.home().display())),
        "{shown}"
    );
    assert!(!shown.contains("CARGO"), "{shown}");
}
