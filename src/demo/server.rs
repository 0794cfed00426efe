//! The throwaway server and the guardian that ends it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::account::Account;
use super::binaries::Binaries;
use super::directory::Directory;
use super::{DemoError, Progress, pooler};
use crate::model::secret::{ExposeSecret, SecretString};

/// How long a cluster may take to be created or to start, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the guardian may take to clean up before we stop waiting for it.
const FAREWELL: Duration = Duration::from_secs(10);

/// How to reach the server.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// Its port on 127.0.0.1.
    pub(super) port: u16,
    /// The password of every role in it.
    pub(super) password: SecretString,
    /// Whether it loads `pg_stat_statements`.
    pub(super) statements: bool,
    /// The port of a `PgBouncer` in front of it, where there is one.
    pub(super) pooler: Option<u16>,
}

/// A running server in a directory of its own.
#[derive(Debug)]
pub(super) struct Server {
    access: Access,
    directory: Directory,
    guardian: Guardian,
}

#[derive(Debug)]
struct Guardian {
    process: Child,
    /// Our end of the pipe; the guardian cleans up when it closes.
    lifeline: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

/// What the server is started from.
#[derive(Debug)]
pub(super) struct Programs {
    /// PostgreSQL's.
    pub(super) postgres: Binaries,
    /// `pgbouncer`, where it is installed.
    pub(super) pooler: Option<PathBuf>,
}

impl Access {
    fn new(programs: &Programs) -> io::Result<Self> {
        Ok(Self {
            port: free_port()?,
            password: password()?,
            statements: programs.postgres.has_module("pg_stat_statements"),
            pooler: programs.pooler.is_some().then(free_port).transpose()?,
        })
    }
}

impl Server {
    /// Creates the cluster in `directory` and waits until it accepts connections.
    pub(super) async fn start(
        programs: &Programs,
        account: &Account,
        mut directory: Directory,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Self, DemoError> {
        let mut access =
            Access::new(programs).map_err(|error| broken("choosing port and password", &error))?;
        furnish(&directory, account, &access).map_err(|error| broken("writing its settings", &error))?;
        let mut guardian = Guardian::post(programs, account, &directory)
            .map_err(|error| broken("starting /bin/sh", &error))?;
        directory.hand_over();
        timeout(PATIENCE, guardian.see_start(directory.path(), progress)).await.unwrap_or_else(|_| {
            Err(DemoError::Server { step: "waiting for it", said: last_words(directory.path()) })
        })?;
        if let Some(port) = access.pooler {
            access.pooler = pooler::listens(port).await.then_some(port);
        }
        Ok(Self { access, directory, guardian })
    }

    /// How to reach it.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Where it lives.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it and waits until its directory is gone.
    pub(super) async fn stop(self) {
        let Guardian { mut process, lifeline, said: _ } = self.guardian;
        drop(lifeline);
        let _ = timeout(FAREWELL, process.wait()).await;
        self.directory.remove();
    }
}

impl Guardian {
    /// Starts the guardian in a process group of its own, out of reach of the terminal's Ctrl-C.
    fn post(programs: &Programs, account: &Account, directory: &Directory) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(include_str!("guardian.sh")).arg("pooltop-demo");
        command.arg(directory.path()).arg(programs.postgres.directory());
        command.arg(programs.pooler.as_deref().unwrap_or_else(|| Path::new("")));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(directory.share_lock()?);
        command.process_group(0);
        account.run(&mut command);
        let mut process = command.spawn()?;
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let lifeline = process.stdin.take().ok_or_else(missing)?;
        let said = BufReader::new(process.stdout.take().ok_or_else(missing)?).lines();
        Ok(Self { process, lifeline, said })
    }

    /// Follows the guardian's words until the server accepts connections.
    async fn see_start(
        &mut self,
        directory: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), DemoError> {
        loop {
            let word = self.said.next_line().await.ok().flatten();
            match word.as_deref() {
                Some("creating") => progress(Progress::CreatingCluster),
                Some("starting") => progress(Progress::StartingServer),
                Some("started") => return ready(directory).await,
                _ => return Err(DemoError::Server { step: "initdb", said: last_words(directory) }),
            }
        }
    }
}

/// Waits until the server writes into `postmaster.pid` that it is ready. No connection is made before that, so
/// a FATAL in its log is its own.
async fn ready(directory: &Path) -> Result<(), DemoError> {
    let (state, log) = (directory.join("data/postmaster.pid"), directory.join("log"));
    loop {
        let lines = fs::read_to_string(&state).unwrap_or_default();
        if lines.lines().nth(7).is_some_and(|line| line.starts_with("ready")) {
            return Ok(());
        }
        if fs::read_to_string(&log).is_ok_and(|text| text.contains("FATAL:")) {
            return Err(DemoError::Server { step: "start", said: last_words(directory) });
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The line of the log that explains most: the last error, else the last line.
fn last_words(directory: &Path) -> String {
    let log = fs::read(directory.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let told = |line: &&str| ["FATAL:", "ERROR:", "error:"].iter().any(|mark| line.contains(mark));
    let line = log.lines().rfind(told).or_else(|| log.lines().rfind(|line| !line.trim().is_empty()));
    line.map_or_else(|| "it said nothing".to_owned(), |line| line.trim().to_owned())
}

/// Writes what `initdb`, the server and the pooler read: the password of the superuser, and the settings.
fn furnish(directory: &Directory, account: &Account, access: &Access) -> io::Result<()> {
    directory.write("password", access.password.expose_secret(), account)?;
    if let Some(port) = access.pooler {
        pooler::furnish(directory, account, access, port)?;
    }
    directory.write("settings", &settings(directory.path(), access), account)
}

/// Small, quick and without a care for its data; closed to everyone but this machine.
fn settings(directory: &Path, access: &Access) -> String {
    let sockets = directory.display().to_string().replace('\'', "''");
    let preloaded = if access.statements { "pg_stat_statements" } else { "" };
    format!(
        "listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = '{sockets}'\n\
         unix_socket_permissions = 0700\n\
         max_connections = 40\n\
         superuser_reserved_connections = 3\n\
         shared_preload_libraries = '{preloaded}'\n\
         shared_buffers = 16MB\n\
         fsync = off\n\
         synchronous_commit = off\n\
         full_page_writes = off\n\
         wal_level = minimal\n\
         max_wal_senders = 0\n\
         jit = off\n\
         max_parallel_workers_per_gather = 0\n\
         cluster_name = 'pooltop-demo'\n",
        port = access.port,
    )
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// 128 random bits as hexadecimal digits, which need no quoting anywhere.
fn password() -> io::Result<SecretString> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)).into())
}

fn broken(step: &'static str, error: &io::Error) -> DemoError {
    DemoError::Server { step, said: error.to_string() }
}
