//! A browser without a window.

use std::path::Path;
use std::process::Command;

/// Chromium with a profile directory of its own, gone when dropped.
pub struct Chromium {
    program: std::path::PathBuf,
    directory: tempfile::TempDir,
}

impl Chromium {
    /// Where it is installed; elsewhere `None` and a loud line.
    pub fn find() -> Option<Self> {
        let program = super::installed("chromium")?;
        Some(Self { program, directory: tempfile::tempdir().expect("a directory") })
    }

    /// The document as it stands after the page was loaded and its scripts, if it had any, have run.
    pub fn dom(&self, url: &str) -> String {
        let output = self.command().arg("--dump-dom").arg(url).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A picture of the page, in dark colours where asked for.
    pub fn picture(&self, url: &str, dark: bool, file: &Path) {
        let mut command = self.command();
        command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
        command.arg(format!("--screenshot={}", file.display())).arg("--window-size=1000,800");
        assert!(command.arg(url).output().expect("it runs").status.success());
        assert!(file.is_file(), "no picture was taken");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ]);
        command.arg(format!("--user-data-dir={}", self.directory.path().display()));
        command
    }
}
