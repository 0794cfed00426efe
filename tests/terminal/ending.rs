//! However the program ends or pauses, the terminal is as it was.

use std::sync::Arc;

use pooltop::cli::dashboard::Show;
use pooltop::cli::profile::{Running, Surroundings};
use pooltop::collect::Target;
use pooltop::model::clock::Clock;
use pooltop::model::own::OwnSessions;
use pooltop::model::secret::SecretString;
use pooltop::model::target::{TargetError, TargetKind};
use pooltop::monitor::{Plan, TargetPlan};
use pooltop::source::{Endpoint, Opener, Reading, Source};
use pooltop::ui::Feed;
use rustix::process::Signal;

use super::stage::{Stage, look_at_help};
use crate::support::{Key, Launch, Terminal, eventually};

fn ends(mut terminal: Terminal, code: u32) {
    assert_eq!(terminal.wait_for_exit().exit_code(), code);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_and_ctrl_c_end_it_without_a_question() {
    let stage = Stage::new();
    let _leaked = stage.leak("checkout", 1).await;
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut terminal = stage.start();
        terminal.wait_for_text("Leak suspects 1");
        terminal.send("?");
        terminal.signal(signal);
        ends(terminal, code);
    }
    let mut terminal = stage.start();
    terminal.wait_for_text("Leak suspects 1");
    terminal.press(Key::Ctrl('c'));
    ends(terminal, 0);
}

/// `fg` in an interactive shell, which is what makes Ctrl-Z mean anything.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let stage = Stage::new();
    let mut terminal =
        Launch::program("/bin/bash", &["--norc", "--noprofile", "-i"]).env("PS1", "shell> ").start();
    terminal.wait_for_text("shell>");
    let config = stage.config();
    terminal.send(&format!("{} shop --config {}", env!("CARGO_BIN_EXE_pooltop"), config.display()));
    terminal.press(Key::Enter);
    terminal
        .wait_for("the dashboard", |screen| screen.alternate_screen() && screen.contents().contains("db1 ●"));
    for _ in 0..2 {
        terminal.press(Key::Ctrl('z'));
        terminal.wait_for_text("Stopped");
        eventually("the terminal is given back", || {
            terminal.look(|screen| !screen.alternate_screen() && !screen.hide_cursor())
        });
        terminal.send("fg");
        terminal.press(Key::Enter);
        terminal.wait_for("the dashboard again", |screen| {
            screen.alternate_screen() && screen.contents().contains("db1 ●")
        });
        look_at_help(&mut terminal);
        terminal.press(Key::Ctrl('l'));
        look_at_help(&mut terminal);
    }
    terminal.send("q");
    terminal.wait_for("the shell", |screen| !screen.alternate_screen());
    terminal.send("exit $?");
    terminal.press(Key::Enter);
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_message_is_written() {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "ending::the_program_that_panics", "--nocapture"];
    let launch = Launch::program(this.to_str().unwrap(), &arguments).env(CHILD, "1");
    let mut terminal = launch.start();
    assert_eq!(terminal.wait_for_exit().exit_code(), 101);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
    let text = terminal.text();
    assert!(text.contains("a source that is broken"), "{text}");
    assert!(String::from_utf8_lossy(&terminal.output()).contains("\x1b[?1049h"), "it had a screen");
}

/// Set: [`the_program_that_panics`] is the program.
const CHILD: &str = "POOLTOP_TEST_PANICS";

/// No test of its own: what the one above runs in a terminal. The dashboard as it is, on a source that panics.
#[test]
fn the_program_that_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let exit = runtime.block_on(async {
        let around = Surroundings::read(None).unwrap();
        let running = Running::blank("broken".into(), &around.config);
        let clock = Clock::real();
        let audit = pooltop::cli::start::audit(&around);
        let target = Target {
            name: "db1".into(),
            opener: Arc::new(Broken),
            interval: running.interval,
            deadline: running.interval,
        };
        let plan = Plan {
            targets: vec![TargetPlan { target, own: OwnSessions::default(), executor: None }],
            settings: running.settings(),
            history_bytes: running.history_bytes,
            clock: clock.clone(),
            operations: None,
        };
        let show = Show {
            running,
            plan,
            replay: None,
            record: None,
            feed: Feed::Live,
            clock,
            audit,
            fleet: Vec::new(),
        };
        show.run(around, &pooltop::cli::args::LookArgs::default()).await.unwrap()
    });
    std::process::exit(exit.code().into());
}

struct Broken;

impl Opener for Broken {
    fn kind(&self) -> TargetKind {
        TargetKind::Postgres
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::from("127.0.0.1:1/none")
    }

    fn open(&self, _: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async { panic!("a source that is broken") })
    }
}
