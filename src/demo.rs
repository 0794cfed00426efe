//! A throwaway PostgreSQL with an application on it that leaks.
//!
//! [`Demo::start`] makes a cluster in a temporary directory and lets a small shop work on it, on real pools: some
//! healthy, one that forgets its transactions, one slow report with a migration and a queue behind it. When the
//! process ends, however it ends, a guardian process stops the server and removes the directory.

mod account;
mod binaries;
mod directory;
mod pooler;
mod server;
mod shop;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::model::clock::Clock;
use crate::model::pool::DeclaredPool;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::thresholds::Thresholds;

use account::Account;
use binaries::Binaries;
use directory::Directory;
use server::{Programs, Server};
use shop::Shop;

/// How much faster than real life the demo tells its story: what takes a minute takes six seconds.
pub const TIME_SCALE: f64 = 0.1;

/// The recorded incident: samples of a demo, for machines without PostgreSQL. Its targets are called `shop` and
/// `bouncer`; what the profile declares and judges by is [`Demo::declared_pools`] and [`Demo::thresholds`].
pub fn recorded() -> &'static [u8] {
    include_bytes!("../assets/incident.pooltop")
}

/// What the demo takes from its surroundings.
#[derive(Clone, Debug)]
pub struct Options {
    /// The value of `PATH`: the first place where PostgreSQL's programs are looked for.
    pub path: OsString,
    /// The directory for temporary files. Where the server could not live in it, `/tmp` is taken.
    pub temporary: PathBuf,
    /// The directory with `initdb` and `postgres`, where it is known. Nothing else is looked at then.
    pub binaries: Option<PathBuf>,
}

/// What the demo is doing while it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// `initdb` runs. Takes a second or two.
    CreatingCluster,
    /// The server starts.
    StartingServer,
    /// The shop's tables are filled.
    FillingTables,
    /// The shop is open: its pools connect.
    OpeningShop,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreatingCluster => "creating a throwaway PostgreSQL cluster",
            Self::StartingServer => "starting the server",
            Self::FillingTables => "filling the shop's tables",
            Self::OpeningShop => "opening the shop",
        })
    }
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// This machine has no PostgreSQL server programs. The recorded incident needs none.
    #[error(
        "no PostgreSQL server on this machine: `initdb` and `postgres` are neither in PATH nor in the usual places\n\
         install it (Debian: apt install postgresql; macOS: brew install postgresql), or watch the recording"
    )]
    NoPostgres,
    /// We are root, a server may not be, and there is no other user to run it.
    #[error(
        "PostgreSQL does not run as root, and /etc/passwd has neither `postgres` nor `nobody` to run it as"
    )]
    NoAccount,
    /// The temporary directory could not be made or handed over.
    #[error(
        "cannot use {path} for the throwaway server: {error}\nset TMPDIR to a directory that every user may enter"
    )]
    Directory {
        /// Where.
        path: String,
        /// The system's words.
        error: io::Error,
    },
    /// A program that the demo starts did not do its work.
    #[error("the throwaway server did not come up ({step}): {said}")]
    Server {
        /// What was being done.
        step: &'static str,
        /// The last line that the program said, or the system's words.
        said: String,
    },
    /// A statement that prepares the shop failed.
    #[error("the throwaway server refused to {step}: {error}")]
    Sql {
        /// What was being done.
        step: &'static str,
        /// The server's words.
        error: sqlx::Error,
    },
}

impl DemoError {
    /// Whether the recorded incident is the answer, because this machine simply has no PostgreSQL.
    pub fn lacks_postgres(&self) -> bool {
        matches!(self, Self::NoPostgres)
    }
}

/// A running demo. Dropping it closes the pipe to the guardian, which then stops the server and removes the
/// directory; [`Demo::stop`] also waits until that is done.
#[derive(Debug)]
pub struct Demo {
    server: Server,
    shop: Shop,
}

impl Demo {
    /// Removes what earlier runs left behind, starts a server of its own and opens the shop on it.
    pub async fn start(
        options: &Options,
        clock: &Clock,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Self, DemoError> {
        let postgres = Binaries::find(options).ok_or(DemoError::NoPostgres)?;
        let programs = Programs { postgres, pooler: pooler::find(options) };
        let account = Account::choose()?;
        directory::sweep(&options.temporary, &account);
        let server = Self::server(options, &programs, &account, progress).await?;
        progress(Progress::FillingTables);
        shop::prepare(&server).await?;
        progress(Progress::OpeningShop);
        let shop = Shop::open(server.access(), clock);
        Ok(Self { server, shop })
    }

    /// Starts the server; again where another program took the port between our look and its start.
    async fn server(
        options: &Options,
        programs: &Programs,
        account: &Account,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Server, DemoError> {
        let mut tries = 3;
        loop {
            tries -= 1;
            let directory = Directory::create(&options.temporary, account)?;
            match Server::start(programs, account, directory, progress).await {
                Err(DemoError::Server { said, .. }) if tries > 0 && said.contains("TCP/IP sockets") => {}
                other => return other,
            }
        }
    }

    /// Where pooltop connects: over TCP as the role `pooltop`, which has `pg_monitor` and `pg_signal_backend`
    /// and is no superuser. Holds the password.
    pub fn dsn(&self) -> SecretString {
        let access = self.server.access();
        let password = access.password.expose_secret();
        format!("postgres://pooltop:{password}@127.0.0.1:{}/{}", access.port, shop::DATABASE).into()
    }

    /// The console of the PgBouncer through which the shop's `worker` goes, where PgBouncer is installed. Holds the
    /// password.
    pub fn pooler_dsn(&self) -> Option<SecretString> {
        let access = self.server.access();
        let password = access.password.expose_secret();
        let dsn = |port| format!("pgbouncer://pooltop:{password}@127.0.0.1:{port}/pgbouncer").into();
        access.pooler.map(dsn)
    }

    /// The directory that holds the cluster, its socket and its log. Gone after [`Demo::stop`].
    pub fn directory(&self) -> &std::path::Path {
        self.server.directory()
    }

    /// The pools as the shop's configuration bounds them.
    pub fn declared_pools() -> Vec<DeclaredPool> {
        shop::declared_pools()
    }

    /// The default thresholds at the demo's pace.
    pub fn thresholds() -> Thresholds {
        Thresholds::default().scaled(TIME_SCALE)
    }

    /// Closes the shop, stops the server and waits until the directory is gone.
    pub async fn stop(self) {
        self.shop.close().await;
        self.server.stop().await;
    }
}
