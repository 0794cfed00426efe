//! A throwaway pgpool-II.

use std::path::{Path, PathBuf};

use super::guardian::{Account, Guardian};
use super::postgres::Postgres;
use super::wait::{eventually, free_port};

/// A pgpool-II on a loopback port in front of a test server.
pub struct Pgpool {
    guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Pgpool {
    /// Starts one with so many processes; `None`, with a loud line, where pgpool-II is not installed.
    pub fn start(server: &Postgres, processes: u32) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("SKIPPED: pgpool-II is not installed");
            return None;
        };
        let account = Account::for_servers();
        let root = account.directory();
        let port = free_port();
        put(account, &root.join("pgpool.conf"), &configuration(&root, port, server, processes));
        for empty in ["pcp.conf", "pool_hba.conf"] {
            put(account, &root.join(empty), "");
        }
        let file = |name: &str| root.join(name).display().to_string();
        let command = [
            program.display().to_string(),
            "-n".to_owned(),
            "-D".to_owned(),
            "-f".to_owned(),
            file("pgpool.conf"),
            "-F".to_owned(),
            file("pcp.conf"),
            "-a".to_owned(),
            file("pool_hba.conf"),
        ];
        let mut guardian = Guardian::new(account, &root, &command);
        guardian.start();
        eventually("pgpool-II listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { guardian, port })
    }

    /// A URL with a scheme through it.
    pub fn url(&self, scheme: &str, user: &str, database: &str) -> String {
        format!("{scheme}://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// A client through it.
    pub async fn client(&self, user: &str, database: &str) -> tokio_postgres::Client {
        super::postgres::connect(&self.url("postgres", user, database).parse().expect("a URL")).await
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.guardian.log()
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join("pgpool")).find(|candidate| candidate.is_file())
}

fn put(account: Account, path: &Path, content: &str) {
    std::fs::write(path, content).expect("written");
    account.own(path, 0o600);
}

fn configuration(root: &Path, port: u16, server: &Postgres, processes: u32) -> String {
    let root = root.display();
    format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nsocket_dir = '{root}'\npcp_listen_addresses = ''\n\
         pcp_port = {}\npcp_socket_dir = '{root}'\nbackend_hostname0 = '127.0.0.1'\nbackend_port0 = {}\n\
         backend_weight0 = 1\nbackend_flag0 = 'DISALLOW_TO_FAILOVER'\nbackend_clustering_mode = 'raw'\n\
         num_init_children = {processes}\nreserved_connections = 1\nmax_pool = 2\n\
         pid_file_name = '{root}/pgpool.pid'\nlogdir = '{root}'\nwork_dir = '{root}'\nsr_check_user = 'postgres'\n",
        free_port(),
        server.port,
    )
}
