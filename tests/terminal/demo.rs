//! `pooltop demo`: its story on the screen, and that nothing of it stays behind.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::support::{Launch, Terminal, eventually};

/// Where the demo makes its directory: a place of its own for each test, which the servers' user may enter.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
        Self(place)
    }

    fn start(&self) -> Terminal {
        Launch::pooltop(&["demo", "--live"]).env("TMPDIR", self.0.path().to_str().unwrap()).start()
    }

    /// What lies in it.
    fn files(&self) -> BTreeSet<PathBuf> {
        std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Processes that were started with a path in it.
    fn processes(&self) -> usize {
        let here = self.0.path().to_str().unwrap();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(here)).count()
    }
}

#[test]
fn the_live_demo_tells_its_story_and_goes_without_a_trace() {
    let place = Place::new();
    let mut terminal = place.start();
    terminal.wait_for("the story", |screen| {
        let text = screen.contents();
        text.contains("DEMO") && text.contains("LEAK") && text.contains("checkout")
    });
    assert!(!place.files().is_empty() && place.processes() > 0);
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0, "it does not ask");
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
    assert_eq!((place.files(), place.processes()), (BTreeSet::new(), 0));
}

#[test]
fn a_killed_demo_is_cleaned_up_by_its_guardian() {
    let place = Place::new();
    let mut terminal = place.start();
    terminal.wait_for_text("db1 ●");
    assert!(place.processes() > 0);
    terminal.signal(Signal::KILL);
    terminal.wait_for_exit();
    eventually("servers and directory are gone", || place.processes() == 0 && place.files().is_empty());
}

#[test]
fn the_recorded_incident_says_that_it_is_one_and_takes_no_operation() {
    let mut terminal = Launch::pooltop(&["demo", "--recorded"]).start();
    terminal.wait_for_text("RECORDING");
    terminal.wait_for_text("LEAK");
    terminal.send("K");
    terminal.wait_for_text("This is a recording: there is nothing to operate on.");
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0, "it does not ask");
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}
