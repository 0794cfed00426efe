//! Chromium without a window: what a browser makes of a page.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Which colours the reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// How long a page may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The document as it stands after loading.
pub fn dump_dom(url: &str, scheme: Scheme) -> String {
    String::from_utf8(run(&["--dump-dom".to_owned(), url.to_owned()], scheme)).expect("UTF-8")
}

/// The page as a PNG of that many pixels.
pub fn screenshot(url: &str, scheme: Scheme, (width, height): (u32, u32)) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("page.png");
    let shot = format!("--screenshot={}", file.display());
    run(
        &["--hide-scrollbars".into(), shot, format!("--window-size={width},{height}"), url.to_owned()],
        scheme,
    );
    std::fs::read(file).expect("a screenshot")
}

fn run(arguments: &[String], scheme: Scheme) -> Vec<u8> {
    let home = tempfile::tempdir().expect("a directory");
    let child = command(home.path(), scheme)
        .args(arguments)
        .spawn()
        .expect("chromium in PATH: install Debian's package chromium");
    let pid = child.id();
    let (done, output) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = output.recv_timeout(DEADLINE) else {
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        panic!("chromium took longer than {DEADLINE:?} for {arguments:?}");
    };
    let output = output.expect("chromium's output");
    assert!(output.status.success(), "chromium failed: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn command(home: &Path, scheme: Scheme) -> Command {
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", home.display()));
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme == Scheme::Light)));
    command.env("HOME", home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
