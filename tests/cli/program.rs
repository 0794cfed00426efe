//! The program as a child without a terminal, in a home of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The recorded incident that comes with the program.
pub(super) fn incident() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/assets/incident.pooltop")
}

/// A home directory in which the program runs.
pub(super) struct Home(tempfile::TempDir);

/// What a run left: its exit code and what it wrote.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into it.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program with nothing of our environment but the path.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pooltop"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// The audit log's records.
    pub(super) fn audited(&self) -> Vec<Value> {
        let path = self.path().join(".local/state/pooltop/audit.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        let code = output.status.code().expect("it exits, it is not killed");
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}
