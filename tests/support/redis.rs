//! A throwaway Redis server.

use super::guardian::{Account, Guardian};
use super::wait::{eventually, free_port};

/// A Redis server on a loopback port, without persistence.
pub struct Redis {
    guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Redis {
    /// Starts one with further `redis-server` arguments such as `--maxclients 20`.
    pub fn start(arguments: &[&str]) -> Self {
        let account = Account::for_servers();
        let root = account.directory();
        let port = free_port();
        let fixed = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"];
        let mut command: Vec<String> = fixed.map(str::to_owned).to_vec();
        command.push(port.to_string());
        command.extend(["--dir".to_owned(), root.display().to_string()]);
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut guardian = Guardian::new(account, &root, &command);
        guardian.start();
        eventually("redis-server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { guardian, port }
    }
}
