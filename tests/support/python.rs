//! The Python application of `tests/python`: real client libraries with real pools.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::postgres::Postgres;

/// How long it may take to answer: longer than its pools' patience.
const ANSWER: Duration = Duration::from_secs(60);

/// How a [`PythonApp`] is set up.
#[derive(Clone, Debug, Default)]
pub struct PythonOptions {
    /// Redis, for its two Redis pools.
    pub redis: Option<String>,
    /// Processes that answer in turn; 0 is one.
    pub workers: u32,
    /// Its environment: `APPLICATION_NAME_FRONTEND`, `POOL_TIMEOUT`.
    pub env: Vec<(&'static str, &'static str)>,
}

/// The application with its pools on a server. It ends when its standard input does, so with the test process.
pub struct PythonApp {
    child: Child,
    log: tempfile::NamedTempFile,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// 200.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl PythonApp {
    /// Starts one and waits until it answers; `None`, with a loud line, where `tests/run` has made no environment
    /// for it.
    pub fn start(server: &Postgres, options: &PythonOptions) -> Option<Self> {
        let Some(python) = std::env::var_os("POOLTOP_TEST_PYTHON") else {
            eprintln!(
                "SKIPPED: no Python with the client libraries: POOLTOP_TEST_PYTHON, which tests/run makes"
            );
            return None;
        };
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/app.py");
        let log = tempfile::NamedTempFile::new().expect("a file");
        let mut command = Command::new(python);
        command.arg("-B").arg(program).args(["--database", &server.url("postgres", "postgres")]);
        command.args(["--workers", &options.workers.max(1).to_string()]);
        if let Some(redis) = &options.redis {
            command.args(["--redis", redis]);
        }
        command.envs(options.env.iter().copied());
        let errors = File::options().append(true).open(log.path()).expect("its log");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("POOLTOP_TEST_PYTHON runs");
        let mut said = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut said).expect("it speaks");
        let port = said.strip_prefix("ready ").and_then(|port| port.trim().parse().ok());
        let mut app = Self { child, log, port: 0 };
        app.port = port.unwrap_or_else(|| panic!("the application does not start: {said}\n{}", app.log()));
        Some(app)
    }

    /// Reads one of its pages.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path)
    }

    /// What its libraries say about their pools right now.
    pub fn truth(&self) -> Value {
        self.get("/truth").json()
    }

    /// Tells it to do something: `leak?pool=orders&every=0.5`; what is true afterwards.
    pub fn tell(&self, what: &str) -> Value {
        let answer = self.request("POST", &format!("/do/{what}"));
        assert_eq!(answer.status, 200, "{what}: {answer:?}\n{}", self.log());
        answer.json()
    }

    fn request(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(ANSWER)).expect("a time-out");
        // HTTP/1.0: the answer ends with the connection.
        write!(stream, "{method} {path} HTTP/1.0\r\nAccept: application/json\r\n\r\n").expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, body: body.to_owned() }
    }

    /// `http://127.0.0.1:port/path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its process id; that of the first worker where there are several.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it complained about.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for PythonApp {
    fn drop(&mut self) {
        // The end of its input, which every worker sees; killed too in case it never got so far as to read.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
