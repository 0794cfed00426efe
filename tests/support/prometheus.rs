//! A throwaway Prometheus that scrapes one address every second.

use std::net::TcpStream;

use super::guardian::{Account, Guardian};
use super::wait::{eventually, free_port};

/// A Prometheus on a loopback port, with a directory of its own.
pub struct Prometheus {
    guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Prometheus {
    /// Starts one that scrapes `127.0.0.1:target`, with further lines of the scrape's configuration; `None`, with a loud
    /// line, where Prometheus is not installed.
    pub fn scraping(target: u16, further: &str) -> Option<Self> {
        let program = super::installed("prometheus")?;
        let account = Account::for_servers();
        let root = account.directory();
        let port = free_port();
        let config = root.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             scrape_configs:\n- job_name: pooltop\n{further}  static_configs: [{{ targets: ['127.0.0.1:{target}'] }}]\n"
        );
        std::fs::write(&config, text).expect("written");
        account.own(&config, 0o600);
        let command = [
            program.display().to_string(),
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", root.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let mut guardian = Guardian::new(account, &root, &command);
        guardian.start();
        eventually("Prometheus listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { guardian, port })
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.guardian.log()
    }
}
