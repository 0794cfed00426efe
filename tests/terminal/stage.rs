//! What these tests share: a server, a profile in a file whose thresholds are compressed, sessions that leak.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Held, Key, Launch, Postgres, PostgresOptions, Terminal, wait_until};

/// A server of its own, and the configuration of a profile `shop` whose target `db1` is that server. A minute
/// of the thresholds takes six tenths of a second.
pub(super) struct Stage {
    pub(super) server: Postgres,
    directory: tempfile::TempDir,
}

impl Stage {
    /// A server with the usual settings and a profile with nothing unusual.
    pub(super) fn new() -> Self {
        Self::with(&PostgresOptions::default(), "")
    }

    /// `profile`: further lines of the profile.
    pub(super) fn with(options: &PostgresOptions, profile: &str) -> Self {
        let server = Postgres::start(options);
        let directory = tempfile::tempdir().unwrap();
        let stage = Self { server, directory };
        stage.configure(&stage.profile("shop", profile));
        stage
    }

    /// A profile of this server.
    pub(super) fn profile(&self, name: &str, lines: &str) -> String {
        format!(
            "[profiles.{name}]\ninterval = \"200ms\"\ntime_scale = 0.01\n{lines}\n\
             [[profiles.{name}.postgres]]\nname = \"db1\"\nurl = \"{}\"\n",
            self.server.url("postgres", "postgres")
        )
    }

    /// Writes the configuration anew.
    pub(super) fn configure(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
        std::fs::set_permissions(self.config(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    /// The dashboard on the profile `shop`.
    pub(super) fn launch(&self, args: &[&str]) -> Launch {
        let config = self.config();
        let mut all = vec!["shop", "--config", config.to_str().unwrap()];
        all.extend(args);
        Launch::pooltop(&all)
    }

    /// The dashboard, once it shows the server.
    pub(super) fn start(&self) -> Terminal {
        let terminal = self.launch(&[]).start();
        terminal.wait_for_text("db1 ●");
        terminal
    }

    /// Sessions of one application that lie idle in transaction.
    pub(super) async fn leak(&self, application: &str, many: usize) -> Vec<Held> {
        let mut held = Vec::new();
        for _ in 0..many {
            held.push(self.server.hold(application, "BEGIN; SELECT 'leaked'").await);
        }
        held
    }

    /// How many sessions an application has, by the server.
    pub(super) async fn sessions(&self, application: &str) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        self.server.client().await.query_one(sql, &[&application]).await.unwrap().get(0)
    }

    /// When the two oldest sessions of an application began, by the server.
    pub(super) async fn first_two(&self, application: &str) -> String {
        let sql = "SELECT array(SELECT backend_start FROM pg_stat_activity WHERE application_name = $1
                   ORDER BY backend_start LIMIT 2)::text";
        self.server.client().await.query_one(sql, &[&application]).await.unwrap().get(0)
    }

    /// Waits until an application has so many sessions.
    pub(super) async fn until_sessions(&self, application: &str, many: i64) {
        let what = format!("{many} sessions of {application}");
        wait_until(&what, async || self.sessions(application).await == many).await;
    }
}

/// The audit log of a program.
pub(super) fn audit_file(terminal: &Terminal) -> PathBuf {
    terminal.home().join(".local/state/pooltop/audit.jsonl")
}

/// Its records; none where there is no file.
pub(super) fn audited(terminal: &Terminal) -> Vec<Value> {
    let text = std::fs::read_to_string(audit_file(terminal)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Permission bits.
pub(super) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Moves the focus from the connections, where it is at the start, to the leak suspects.
pub(super) fn focus_suspects(terminal: &mut Terminal) {
    terminal.press(Key::Tab);
}

/// Opens the filter, types it, keeps it.
pub(super) fn filter(terminal: &mut Terminal, text: &str) {
    terminal.send("/");
    terminal.send(text);
    terminal.press(Key::Enter);
}

/// Shows only an application, and waits until its rows are there and no others.
pub(super) fn select(terminal: &mut Terminal, application: &str) {
    filter(terminal, application);
    terminal.wait_for(&format!("only rows of {application}"), |screen| {
        let rows = rows(screen);
        !rows.is_empty() && rows.iter().all(|row| row.contains(application))
    });
}

/// Takes the filter away again.
pub(super) fn unfilter(terminal: &mut Terminal) {
    terminal.send("/");
    terminal.wait_for_text("esc clears");
    escape(terminal, "esc clears");
}

/// Presses Esc and waits until a text is gone with it. Whatever is typed at once behind Esc would be Alt and a key.
pub(super) fn escape(terminal: &mut Terminal, text: &str) {
    terminal.press(Key::Escape);
    terminal.wait_until_gone(text);
}

/// Opens the help and closes it: two keys with their answers.
pub(super) fn look_at_help(terminal: &mut Terminal) {
    terminal.send("?");
    terminal.wait_for_text("┌ Help ");
    escape(terminal, "┌ Help ");
}

/// Waits until a question can be answered: a frame later than the one in which it came, because keys that were
/// pressed before its first frame was done are thrown away. The clock in the corner tells frames apart.
pub(super) fn question(terminal: &Terminal, title: &str) {
    terminal.wait_for_text(title);
    let clock = |screen: &vt100::Screen| screen.rows(0, u16::MAX).next().unwrap_or_default();
    let first = terminal.look(clock);
    terminal.wait_for("the next frame", |screen| clock(screen) != first && screen.contents().contains(title));
}

/// The rows of the table of connections: those with a client's port.
pub(super) fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (_, width) = screen.size();
    screen.rows(0, width.into()).filter(|row| row.contains("127.0.0.1:")).collect()
}
