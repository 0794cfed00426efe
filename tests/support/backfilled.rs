//! A Prometheus whose past is made up.

use std::fmt::Write as _;
use std::net::TcpStream;

use super::guardian::{Account, Guardian};
use super::wait::{eventually, free_port};

/// Samples of one series: its name with labels, and values by Unix time in seconds.
pub type Points = (String, Vec<(i64, f64)>);

/// A Prometheus on a loopback port that scrapes nothing and has kept what it was given.
pub struct Backfilled {
    /// Ends with it.
    _guardian: Guardian,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Backfilled {
    /// Starts one; `None`, with a loud line, where Prometheus is not installed.
    pub fn start(kept: &[Points]) -> Option<Self> {
        let installed = |program: &str| {
            std::process::Command::new(program)
                .arg("--version")
                .output()
                .is_ok_and(|run| run.status.success())
        };
        if !installed("prometheus") || !installed("promtool") {
            eprintln!("SKIPPED: Prometheus is not installed");
            return None;
        }
        let account = Account::for_servers();
        let root = account.directory();
        let (port, data) = (free_port(), root.join("data"));
        for (name, content) in [("kept.om", openmetrics(kept)), ("prometheus.yml", "global: {}\n".to_owned())]
        {
            std::fs::write(root.join(name), content).expect("written");
            account.own(&root.join(name), 0o600);
        }
        let command = [
            "prometheus".to_owned(),
            format!("--config.file={}", root.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", data.display()),
            "--storage.tsdb.retention.time=10y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let mut guardian = Guardian::new(account, &root, &command);
        let made = account
            .command("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([root.join("kept.om"), data])
            .output()
            .expect("promtool");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        guardian.start();
        eventually("Prometheus is ready", || is_ready(port));
        Some(Self { _guardian: guardian, port })
    }

    /// Where its API begins.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Blocks are read before it says that it is ready.
fn is_ready(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}

/// Each metric is declared once and its samples stand together, as the format wants it.
fn openmetrics(kept: &[Points]) -> String {
    let mut kept: Vec<&Points> = kept.iter().collect();
    kept.sort_by(|left, right| left.0.cmp(&right.0));
    let (mut text, mut declared) = (String::new(), "");
    for (series, points) in kept {
        let name = series.split('{').next().unwrap_or_default();
        if declared != name {
            declared = name;
            let _ = writeln!(text, "# TYPE {name} unknown");
        }
        for (at, value) in points {
            let _ = writeln!(text, "{series} {value} {at}");
        }
    }
    text + "# EOF\n"
}
