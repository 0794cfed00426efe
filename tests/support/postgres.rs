//! Throwaway PostgreSQL clusters.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::{Client, Config, NoTls};

use super::guardian::{Account, Guardian};
use super::wait::{eventually, free_port, wait_until};

/// One installed major version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installation {
    /// 15.
    pub major: u32,
    /// Where `initdb` and `postgres` are.
    pub bin: PathBuf,
}

/// Every version on this machine, oldest first: Debian's, `POOLTOP_TEST_PG_DIRS` (directories that each contain `bin/`,
/// colon separated), and whatever is on the path.
pub fn installations() -> &'static [Installation] {
    static FOUND: OnceLock<Vec<Installation>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let listed = std::env::var_os("POOLTOP_TEST_PG_DIRS").unwrap_or_default();
        let listed = std::env::split_paths(&listed).map(|place| place.join("bin")).collect::<Vec<_>>();
        let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let debian = debian.map(|entry| entry.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let candidates = debian.chain(listed).chain(std::env::split_paths(&path).collect::<Vec<_>>());
        let mut found: Vec<Installation> = candidates.filter_map(|bin| installation(&bin)).collect();
        found.sort();
        found.dedup_by_key(|one| one.major);
        found
    })
}

fn installation(bin: &Path) -> Option<Installation> {
    if !bin.join("initdb").is_file() {
        return None;
    }
    let output = std::process::Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let words = String::from_utf8(output.stdout).ok()?;
    let number = words.split_whitespace().nth(2)?;
    let major = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some(Installation { major, bin: bin.to_owned() })
}

/// How TCP clients prove who they are. Unix sockets are always trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// No password asked.
    #[default]
    Trust,
    /// `scram-sha-256`.
    Scram,
}

/// How a [`Postgres`] is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Major version; `None`: `POOLTOP_TEST_PG_MAJOR`, else 15, where present, else the newest.
    pub version: Option<u32>,
    /// `max_connections`.
    pub max_connections: u32,
    /// For TCP.
    pub auth: Auth,
    /// Lines of `pg_hba.conf` before the general one for TCP.
    pub hba: Vec<String>,
    /// Further lines of `postgresql.conf`.
    pub conf: Vec<String>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { version: None, max_connections: 100, auth: Auth::Trust, hba: Vec::new(), conf: Vec::new() }
    }
}

/// A PostgreSQL server of its own cluster; superuser `postgres`.
pub struct Postgres {
    guardian: Mutex<Guardian>,
    account: Account,
    root: PathBuf,
    /// Major version.
    pub major: u32,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Postgres {
    /// Starts a private cluster and waits until it takes connections.
    pub fn start(options: &PostgresOptions) -> Self {
        let installation = choose(options.version);
        for _ in 0..4 {
            let server = Self::prepare(installation, options);
            if server.launch() {
                return server;
            }
            // Somebody else took the port meanwhile.
            assert!(server.log().contains("could not bind"), "the server does not start:\n{}", server.log());
        }
        panic!("no free port in four attempts");
    }

    /// The cluster that the tests of this process share: for whatever leaves no traces behind.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&PostgresOptions::default()))
    }

    fn prepare(installation: &Installation, options: &PostgresOptions) -> Self {
        let account = Account::for_servers();
        let root = account.directory();
        let program = installation.bin.join("postgres").display().to_string();
        let data = root.join("data");
        let command = [program, "-D".to_owned(), data.display().to_string()];
        let guardian = Guardian::new(account, &root, &command);
        let template = template(installation);
        let copied = account.command("cp").arg("-R").arg(&*template).arg(&data).status().expect("cp");
        assert!(copied.success(), "the template is copied");
        let server = Self {
            guardian: Mutex::new(guardian),
            account,
            root,
            major: installation.major,
            port: free_port(),
        };
        server.write_file("postgresql.conf", &server.configuration(options));
        server.write_file("pg_hba.conf", &access(options));
        server
    }

    fn configuration(&self, options: &PostgresOptions) -> String {
        format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nmax_connections = {}\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nshared_buffers = '16MB'\n\
             max_prepared_transactions = 5\njit = off\npassword_encryption = 'scram-sha-256'\n{}\n",
            self.port,
            self.root.display(),
            options.max_connections,
            options.conf.join("\n"),
        )
    }

    /// Starts the server; false when it gave up.
    fn launch(&self) -> bool {
        let pid = self.guardian.lock().unwrap().start();
        let mut up = false;
        eventually("PostgreSQL is ready", || {
            // The eighth line is the state that pg_ctl waits for.
            let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            let mut lines = file.lines();
            up = lines.next().is_some_and(|line| line.trim() == pid.to_string())
                && lines.nth(6).is_some_and(|state| matches!(state.trim(), "ready" | "standby"));
            up || self.log().contains("database system is shut down") || self.log().contains("FATAL:  ")
        });
        up
    }

    /// Stops the server with a signal (`INT` fast, `QUIT` immediate) and starts it again on the same port.
    pub fn restart(&self, signal: &str) {
        self.stop(signal);
        self.start_again();
    }

    /// Stops the server with a signal (`INT` fast, `QUIT` immediate); the cluster stays.
    pub fn stop(&self, signal: &str) {
        self.guardian.lock().unwrap().stop(signal);
    }

    /// Starts a stopped server.
    pub fn start_again(&self) {
        let _ = std::fs::remove_file(self.root.join("server.log"));
        assert!(self.launch(), "the server does not start again:\n{}", self.log());
    }

    /// Stops the processes in their tracks without ending them: from outside a black hole.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them run again.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        let postmaster = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([postmaster]) {
            let _ = kill_process(Pid::from_raw(pid).expect("not 0"), signal);
        }
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> i32 {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a pid")
    }

    /// What the server has logged since it was started.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.root.join("server.log")).unwrap_or_default()).into_owned()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The directory of its Unix socket.
    pub fn socket_directory(&self) -> &Path {
        &self.root
    }

    /// Writes a file of the data directory, readable by the server only.
    pub fn write_file(&self, name: &str, content: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, content).expect("written");
        self.account.own(&path, 0o600);
    }

    /// `postgres://user@127.0.0.1:port/database`.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Configuration of a client over TCP.
    pub fn config(&self, user: &str, database: &str) -> Config {
        self.url(user, database).parse().expect("a URL")
    }

    /// A client as superuser in database `postgres`, over the Unix socket, which needs no password.
    pub async fn client(&self) -> Client {
        self.client_of("postgres", "postgres").await
    }

    /// A client over the Unix socket.
    pub async fn client_of(&self, user: &str, database: &str) -> Client {
        let mut config = Config::new();
        connect(config.host_path(&self.root).port(self.port).user(user).dbname(database)).await
    }

    /// Runs statements as superuser in database `postgres`.
    pub async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Ends a session and waits until it is gone.
    pub async fn end(&self, pid: i32) {
        let client = self.client().await;
        client.query_one("SELECT pg_terminate_backend($1)", &[&pid]).await.expect("a superuser may");
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
        wait_until("the session is gone", async || {
            client.query_one(sql, &[&pid]).await.expect("counted").get::<_, i64>(0) == 0
        })
        .await;
    }

    /// An application's session over TCP as superuser, in which `sql` was run and which stays open: `BEGIN; SELECT …` leaves it
    /// idle in transaction.
    pub async fn hold(&self, application: &str, sql: &str) -> Held {
        let config = self.config("postgres", "postgres");
        self.hold_as(config, application, sql).await
    }

    /// The same as another user or in another database.
    pub async fn hold_as(&self, mut config: Config, application: &str, sql: &str) -> Held {
        let client = connect(config.application_name(application)).await;
        let pid = client.query_typed("SELECT pg_backend_pid()", &[]).await.expect("a pid")[0].get(0);
        if !sql.is_empty() {
            client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        Held { client: Arc::new(client), pid }
    }
}

/// A session that stays as it is until dropped.
pub struct Held {
    /// Its client.
    pub client: Arc<Client>,
    /// Its process id.
    pub pid: i32,
}

impl Held {
    /// Sends a statement and does not wait for it: for one that waits on a lock, or runs long.
    pub fn send(&self, sql: &str) -> tokio::task::JoinHandle<Result<(), tokio_postgres::Error>> {
        let (client, sql) = (Arc::clone(&self.client), sql.to_owned());
        tokio::spawn(async move { client.batch_execute(&sql).await })
    }
}

/// Connects without TLS and drives the connection in the background.
pub async fn connect(config: &Config) -> Client {
    let (client, connection) =
        config.connect(NoTls).await.unwrap_or_else(|error| panic!("{config:?}: {error:?}"));
    tokio::spawn(connection);
    client
}

fn choose(version: Option<u32>) -> &'static Installation {
    let all = installations();
    let wanted = |major: u32| all.iter().find(|one| one.major == major);
    if let Some(major) = version {
        return wanted(major).unwrap_or_else(|| panic!("PostgreSQL {major} is not on this machine"));
    }
    let chosen = std::env::var("POOLTOP_TEST_PG_MAJOR").ok().and_then(|major| major.parse().ok());
    let found = wanted(chosen.unwrap_or(15)).or_else(|| all.last());
    found.expect("PostgreSQL is not installed; tests/run installs it")
}

fn access(options: &PostgresOptions) -> String {
    let method = match options.auth {
        Auth::Trust => "trust",
        Auth::Scram => "scram-sha-256",
    };
    let lines = options.hba.join("\n");
    format!(
        "local all all trust\n{lines}\nhost all all 127.0.0.1/32 {method}\nlocal replication all trust\n\
         host replication all 127.0.0.1/32 {method}\n"
    )
}

/// A freshly initialised cluster to copy from: `initdb` runs once per process and version.
fn template(installation: &Installation) -> Arc<PathBuf> {
    type Templates = HashMap<u32, (Arc<PathBuf>, Guardian)>;
    static TEMPLATES: Mutex<Option<Templates>> = Mutex::new(None);
    let mut templates = TEMPLATES.lock().unwrap();
    let templates = templates.get_or_insert_default();
    let (path, _) = templates.entry(installation.major).or_insert_with(|| {
        let account = Account::for_servers();
        let root = account.directory();
        let guardian = Guardian::new(account, &root, &["true".to_owned()]);
        let data = root.join("data");
        let mut initdb = account.command(installation.bin.join("initdb"));
        initdb.args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        let output = initdb.stdin(Stdio::null()).output().expect("initdb");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        (Arc::new(data), guardian)
    });
    Arc::clone(path)
}
