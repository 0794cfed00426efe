//! A running `pooltop serve`, and a client that can also do what a decent one would not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::program::Home;
use crate::support::eventually;

/// The program, serving on a free loopback port until dropped.
pub(super) struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub(super) port: u16,
    pub(super) url: String,
    pub(super) said: Vec<String>,
}

/// An answer in its parts.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// Takes apart what a server sent. 0 = it sent nothing.
    pub(super) fn of(raw: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(raw);
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((&raw, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status,
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Serving {
    /// Starts it with further arguments and variables, and waits until it says where it is.
    pub(super) fn start(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = home.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        let mut child = command
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said: Vec<String> = Vec::new();
        let url = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it does not serve: {said:?}");
            said.push(line.trim().to_owned());
            let words = line.split_whitespace();
            if let Some(url) = words.into_iter().find(|word| word.starts_with("http")) {
                break url.to_owned();
            }
        };
        let port = url.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
        Self { child, stderr, port, url, said }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends bytes and reads until the server closes.
    pub(super) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // It may close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut raw = Vec::new();
        let _ = stream.read_to_end(&mut raw);
        Answer::of(&raw)
    }

    pub(super) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = if named { "" } else { "Host: localhost\r\n" };
        let more: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let more = more.concat();
        self.raw(format!("{method} {path} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n").as_bytes())
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Waits until the metrics have what is looked for, and returns them.
    pub(super) fn metrics_with(&self, what: &str, has: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        eventually(what, || {
            last = self.get("/metrics").body;
            has(&last)
        });
        last
    }

    /// Sends a signal and returns the exit code.
    pub(super) fn end(&mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.ended()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        eventually("it ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }

    /// What it has said after it began to serve. Only after its end.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
