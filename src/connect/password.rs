//! Where the password comes from, asked again at every connect.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::conninfo::{Conninfo, Host};
use super::notice::Notice;
use super::open::CONNECT;
use super::{error, passfile};
use crate::model::secret::SecretString;
use crate::model::target::TargetError;
use crate::text::{Text, clean};

/// How long a password command may take: it may ask a person to touch a key.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// How much of a command's complaint is shown.
const COMPLAINT_LENGTH: usize = 200;

/// The password that does not depend on the host: typed by a person, else from the command, else given.
pub(super) async fn common(info: &Conninfo) -> Result<Option<SecretString>, TargetError> {
    match (&info.secrets.prompted, &info.secrets.command) {
        (Some(typed), _) => Ok(Some(typed.clone())),
        (None, Some(command)) => run(&command.0, &info.endpoint()).await.map(Some),
        (None, None) => Ok(info.secrets.given.clone()),
    }
}

/// The passfile's password for one host, read now; what is wrong with the file becomes a notice.
pub(super) fn from_passfile(info: &Conninfo, host: &Host, notices: &mut Vec<Notice>) -> Option<SecretString> {
    let file = info.secrets.passfile.as_deref()?;
    let wanted = passfile::Wanted {
        host: passfile::host_name(&host.place),
        port: host.port,
        database: &info.database,
        user: &info.user,
    };
    match passfile::look_up(file, &wanted) {
        Ok(password) => password,
        Err(reason) => {
            let notice = Notice::new(&format!("{} is not used: {reason}", file.display()));
            if !notices.contains(&notice) {
                notices.push(notice);
            }
            None
        }
    }
}

/// Runs a program without a shell and takes the first line of what it prints.
async fn run(argv: &[String], endpoint: &str) -> Result<SecretString, TargetError> {
    let (program, arguments) = argv.split_first().map_or(("", argv), |(first, rest)| (first.as_str(), rest));
    let failed = |reason: &str, hint| {
        let reason = format!("password_command `{program}` failed: {reason}");
        error::down(CONNECT, endpoint, &reason, hint)
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_LIMIT, output)
        .await
        .map_err(|_| failed("it did not end within 30 s", None))?
        .map_err(|cause| failed(&cause.to_string(), Some("check its path")))?;
    let complaint = complaint(&output.stderr);
    if !output.status.success() {
        return Err(failed(&format!("{}{complaint}", output.status), Some("run it by hand")));
    }
    match std::str::from_utf8(&output.stdout).map(|printed| printed.lines().next().unwrap_or_default()) {
        Err(_) => Err(failed("it printed bytes that are not UTF-8", None)),
        Ok("") => Err(failed(&format!("it printed nothing{complaint}"), None)),
        Ok(password) => Ok(SecretString::from(password.to_owned())),
    }
}

/// What a command wrote to standard error, on one line and cut. What it printed otherwise may be the password.
fn complaint(stderr: &[u8]) -> String {
    let text = Text::line(clean::decode_lossy(stderr).trim());
    if text.is_empty() {
        return String::new();
    }
    let cut: String = text.chars().take(COMPLAINT_LENGTH).collect();
    format!(": {cut}")
}
