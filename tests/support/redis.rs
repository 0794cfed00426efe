//! A throwaway Redis.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use super::guardian::{Account, Guardian};
use super::wait::{eventually, free_port};

/// How a [`Redis`] is set up.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Lines of `redis.conf`.
    pub conf: Vec<String>,
    /// Certificate, key and authority as PEM: TLS only, on the port.
    pub tls: Option<(String, String, String)>,
}

/// A Redis server on a loopback port, without persistence.
pub struct Redis {
    guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Process id.
    pub pid: i32,
}

impl Redis {
    /// Starts one; `None`, with a loud line, where Redis is not installed.
    pub fn start(options: &RedisOptions) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("SKIPPED: Redis is not installed");
            return None;
        };
        let account = Account::for_servers();
        let root = account.directory();
        let port = free_port();
        let mut files = vec![("redis.conf", String::new())];
        let mut conf = vec!["bind 127.0.0.1".to_owned(), "save \"\"".to_owned(), "appendonly no".to_owned()];
        conf.push(format!("dir {}", root.display()));
        match &options.tls {
            None => conf.push(format!("port {port}")),
            Some((certificate, key, authority)) => {
                conf.extend([
                    "port 0".to_owned(),
                    format!("tls-port {port}"),
                    "tls-auth-clients no".to_owned(),
                ]);
                for (setting, name, content) in [
                    ("tls-cert-file", "server.crt", certificate),
                    ("tls-key-file", "server.key", key),
                    ("tls-ca-cert-file", "ca.crt", authority),
                ] {
                    conf.push(format!("{setting} {}", root.join(name).display()));
                    files.push((name, content.clone()));
                }
            }
        }
        conf.extend(options.conf.iter().cloned());
        files[0].1 = conf.join("\n") + "\n";
        for (name, content) in files {
            std::fs::write(root.join(name), content).expect("written");
            account.own(&root.join(name), 0o600);
        }
        let command = [program.display().to_string(), root.join("redis.conf").display().to_string()];
        let mut guardian = Guardian::new(account, &root, &command);
        let pid = guardian.start();
        eventually("redis listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { guardian, port, pid })
    }

    /// Stops it, and starts it again on the same port.
    pub fn restart(&mut self) {
        self.guardian.stop("TERM");
        self.pid = self.guardian.start();
        let port = self.port;
        eventually("redis listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    /// A URL of it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A client that has sent these commands and read one line of answer to each.
    pub fn hold(&self, commands: &[&str]) -> Held {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let mut held = Held(BufReader::new(stream));
        for command in commands {
            held.send(command);
            held.line();
        }
        held
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.guardian.log()
    }
}

/// A client of a [`Redis`].
pub struct Held(BufReader<TcpStream>);

impl Held {
    /// Sends a command in one line, its words parted by spaces.
    pub fn send(&mut self, command: &str) {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).expect("sent");
    }

    /// The next line of an answer.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/local/bin".into()]);
    places.map(|place| place.join("redis-server")).find(|candidate| candidate.is_file())
}
