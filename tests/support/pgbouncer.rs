//! A throwaway PgBouncer.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::guardian::{Account, Guardian};
use super::postgres::Postgres;
use super::wait::{eventually, free_port};

/// How a [`PgBouncer`] is set up.
#[derive(Clone, Debug)]
pub struct PgBouncerOptions {
    /// `session`, `transaction` or `statement`.
    pub pool_mode: &'static str,
    /// `default_pool_size`.
    pub pool_size: u32,
    /// `auth_type`: `trust`, `scram-sha-256`, `any`, …
    pub auth_type: &'static str,
    /// Users that may log in, with their passwords.
    pub users: Vec<(&'static str, &'static str)>,
    /// `admin_users`.
    pub admins: &'static str,
    /// `stats_users`.
    pub stats: &'static str,
    /// Further lines of the `[pgbouncer]` section.
    pub lines: Vec<String>,
}

impl Default for PgBouncerOptions {
    fn default() -> Self {
        Self {
            pool_mode: "transaction",
            pool_size: 20,
            auth_type: "trust",
            users: vec![("postgres", ""), ("app", ""), ("admin", "admin"), ("stats", "stats")],
            admins: "admin",
            stats: "stats",
            lines: Vec::new(),
        }
    }
}

/// A PgBouncer on a loopback port in front of a test server; every database name is forwarded as it is.
pub struct PgBouncer {
    guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Process id.
    pub pid: i32,
}

impl PgBouncer {
    /// Starts one; `None`, with a loud line, where PgBouncer is not installed.
    pub fn start(server: &Postgres, options: &PgBouncerOptions) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("SKIPPED: PgBouncer is not installed");
            return None;
        };
        let account = Account::for_servers();
        let root = account.directory();
        let port = free_port();
        let users = options.users.iter().fold(String::new(), |mut lines, (name, password)| {
            let _ = writeln!(lines, "\"{name}\" \"{password}\"");
            lines
        });
        put(account, &root.join("users.txt"), &users);
        put(account, &root.join("pgbouncer.ini"), &configuration(&root, port, server, options));
        let command = [program.display().to_string(), root.join("pgbouncer.ini").display().to_string()];
        let mut guardian = Guardian::new(account, &root, &command);
        let pid = guardian.start();
        eventually("pgbouncer listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { guardian, port, pid })
    }

    /// A URL through it.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// A `pgbouncer://` URL of its console.
    pub fn console_url(&self, user: &str) -> String {
        format!("pgbouncer://{user}@127.0.0.1:{}/pgbouncer", self.port)
    }

    /// A client through it.
    pub async fn client(&self, user: &str, database: &str) -> tokio_postgres::Client {
        super::postgres::connect(&self.url(user, database).parse().expect("a URL")).await
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.guardian.log()
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join("pgbouncer")).find(|candidate| candidate.is_file())
}

fn put(account: Account, path: &Path, content: &str) {
    std::fs::write(path, content).expect("written");
    account.own(path, 0o600);
}

fn configuration(root: &Path, port: u16, server: &Postgres, options: &PgBouncerOptions) -> String {
    let root = root.display();
    let PgBouncerOptions { pool_mode, pool_size, auth_type, admins, stats, lines, .. } = options;
    format!(
        "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir = {root}\nauth_file = {root}/users.txt\nauth_type = {auth_type}\npool_mode = {pool_mode}\n\
         default_pool_size = {pool_size}\nadmin_users = {admins}\nstats_users = {stats}\n{}\n",
        server.port,
        lines.join("\n"),
    )
}
