//! A small shell process that outlives the test process for just long enough to stop its server.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("guardian.sh");

/// The user that servers run as: our own, or where we are root (which servers refuse) an unprivileged one.
#[derive(Clone, Copy, Debug)]
pub struct Account(Option<(u32, u32)>);

impl Account {
    /// Root drops to `postgres` or else `nobody`.
    pub fn for_servers() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
        let ids = |name: &str| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2).map(str::parse);
            Some((fields.next()?.ok()?, fields.next()?.ok()?))
        };
        Self(Some(ids("postgres").or_else(|| ids("nobody")).expect("a user postgres or nobody")))
    }

    /// A command that runs as this user, in the temporary directory, without the caller's libpq environment.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.current_dir(std::env::temp_dir()).env("LC_ALL", "C").env("TZ", "UTC");
        command
    }

    /// Gives a file or directory to this user, readable by nobody else.
    pub fn own(self, path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
        if let Some((uid, gid)) = self.0 {
            chown(path, Some(uid), Some(gid)).expect("chown");
        }
    }

    /// A new temporary directory of this user, mode 0700. Whoever asks must give it to a [`Guardian`].
    pub fn directory(self) -> PathBuf {
        let path = tempfile::Builder::new().prefix("pooltop-test-").tempdir().expect("a directory").keep();
        self.own(&path, 0o700);
        path
    }
}

/// Holds a server and its directory; both are gone when this is dropped or the process dies.
pub struct Guardian {
    child: Child,
    answers: BufReader<ChildStdout>,
    root: PathBuf,
}

impl Guardian {
    /// Guards `root`, in which `command` will be started.
    pub fn new(account: Account, root: &Path, command: &[String]) -> Self {
        let mut child = account
            .command("sh")
            .args(["-c", SCRIPT, "guardian"])
            .arg(root)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Its own process group: a Ctrl-C at the terminal is for the test process.
            .process_group(0)
            .spawn()
            .expect("sh");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, answers, root: root.to_owned() }
    }

    /// Starts the server; returns its pid.
    pub fn start(&mut self) -> i32 {
        self.ask("start").parse().expect("a pid")
    }

    /// Stops the server with a signal (`INT`, `QUIT`, `KILL`, …) and waits for its end.
    pub fn stop(&mut self, signal: &str) {
        self.ask(signal);
    }

    fn ask(&mut self, word: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("open until dropped");
        writeln!(stdin, "{word}").expect("the guardian lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the guardian answers");
        answer.trim().to_owned()
    }

    /// What the server has written so far.
    pub fn log(&self) -> String {
        let raw = std::fs::read(self.root.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&raw).into_owned()
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
