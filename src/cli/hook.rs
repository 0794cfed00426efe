//! `on_finding`: a command of the profile's, run when a finding opens or closes.
//!
//! The command is given as words and run without a shell. It gets one JSON document on its standard input, and nothing
//! waits for it: what it prints is dropped, and it is ended when it takes too long.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::analysis::Moment;
use crate::export::snapshot;
use crate::model::finding::{Finding, FindingKey, Severity};
use crate::model::target::{TargetName, TargetState};
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::redact::Redaction;

/// Commands that may run at once; what comes then is not told, and that is said.
const AT_ONCE: usize = 8;
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a profile wants to be told, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// Findings less severe than this are not told.
    pub at_least: Severity,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Opened,
    Closed,
}

/// What a command gets on its standard input.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    event: Change,
    at: Timestamp,
    profile: &'a Text,
    target: &'a TargetName,
    finding: snapshot::Finding,
}

/// The findings that were told as open.
#[derive(Debug, Default)]
struct Ledger {
    open: HashMap<FindingKey, Finding>,
}

impl Ledger {
    /// What opened and closed since the moment before. A finding on a target that does not answer now stays open: that it
    /// is not seen does not say that it is gone.
    fn turn(&mut self, moment: &Moment, at_least: Severity) -> Vec<(Change, Finding)> {
        let mut before = std::mem::take(&mut self.open);
        let mut changes = Vec::new();
        for finding in moment.findings.iter().filter(|finding| finding.severity >= at_least) {
            let key = finding.key();
            if before.remove(&key).is_none() {
                changes.push((Change::Opened, finding.clone()));
            }
            self.open.insert(key, finding.clone());
        }
        for (key, finding) in before {
            if is_live(moment, &finding.target) {
                changes.push((Change::Closed, finding));
            } else {
                self.open.insert(key, finding);
            }
        }
        changes
    }
}

fn is_live(moment: &Moment, target: &str) -> bool {
    moment.targets.iter().any(|status| *status.name == *target && status.state == TargetState::Live)
}

/// Watches the moments of a profile until they end. `failed` is told in one line when a command could not do its work.
pub async fn watch(
    hook: Hook,
    profile: Text,
    mut moments: watch::Receiver<Option<Arc<Moment>>>,
    failed: impl Fn(&str) + Clone + Send + 'static,
) {
    let (mut ledger, mut running) = (Ledger::default(), JoinSet::new());
    while moments.changed().await.is_ok() {
        let Some(moment) = moments.borrow_and_update().clone() else { continue };
        while running.try_join_next().is_some() {}
        let changes = ledger.turn(&moment, hook.at_least);
        if changes.is_empty() {
            continue;
        }
        let redactor = crate::export::redactor(&moment, Redaction::Literals);
        for (event, finding) in changes {
            if running.len() >= AT_ONCE {
                failed(&format!(
                    "on_finding: {AT_ONCE} commands still run, '{}' was not told",
                    finding.title
                ));
                continue;
            }
            let document = Document {
                schema: "pooltop.finding/1",
                event,
                at: moment.at,
                profile: &profile,
                target: &finding.target,
                finding: crate::export::finding(&finding, &redactor),
            };
            let Ok(json) = serde_json::to_vec(&document) else { continue };
            let (command, failed) = (hook.command.clone(), failed.clone());
            running.spawn(async move {
                if let Err(why) = tell(&command, &json).await {
                    failed(&format!("on_finding: {}: {why}", command.join(" ")));
                }
            });
        }
    }
}

/// Runs the command once.
async fn tell(command: &[String], json: &[u8]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read what it is told has done nothing wrong.
            let _ = stdin.write_all(json).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("did not end within {} s", PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::analysis::fixture::{checkout_leak, few};
    use crate::model::finding::Rule;

    fn told(ledger: &mut Ledger, moment: &Moment, at_least: Severity) -> Vec<(Change, Rule)> {
        ledger.turn(moment, at_least).into_iter().map(|(change, finding)| (change, finding.rule)).collect()
    }

    #[test]
    fn a_finding_is_told_once_when_it_opens_and_once_when_it_closes() {
        let (leak, mut healthy) = (checkout_leak(), few());
        healthy.targets.clone_from(&leak.targets);
        let mut ledger = Ledger::default();
        let opened = told(&mut ledger, &leak, Severity::Critical);
        assert!(opened.contains(&(Change::Opened, Rule::LeakIdleInTransaction)), "{opened:?}");
        assert!(leak.findings.len() > opened.len(), "lesser findings are not told: {opened:?}");
        assert_eq!(told(&mut ledger, &leak, Severity::Critical), []);
        let closed = told(&mut ledger, &healthy, Severity::Critical);
        assert_eq!(closed.len(), opened.len());
        assert!(closed.iter().all(|(change, _)| *change == Change::Closed));
        assert_eq!(told(&mut ledger, &healthy, Severity::Critical), []);
    }

    #[test]
    fn a_finding_on_a_target_that_does_not_answer_is_not_closed() {
        let (leak, mut silent) = (checkout_leak(), few());
        let mut ledger = Ledger::default();
        let opened = told(&mut ledger, &leak, Severity::Critical).len();
        for status in &mut silent.targets {
            status.state = TargetState::Down;
        }
        assert_eq!(told(&mut ledger, &silent, Severity::Critical), []);
        assert_eq!(ledger.open.len(), opened);
    }

    #[tokio::test]
    async fn the_command_gets_the_finding_as_json_and_its_failure_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("told.json");
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        tell(&words(&["tee", file.to_str().unwrap()]), b"{}").await.unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"{}");
        assert!(tell(&words(&["false"]), b"{}").await.unwrap_err().contains("ended with"));
        assert!(tell(&words(&["/nowhere/pooltop-hook"]), b"{}").await.unwrap_err().contains("No such file"));
    }

    #[tokio::test]
    async fn what_opens_while_it_watches_reaches_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("told.json");
        let command = vec!["tee".to_owned(), "-a".to_owned(), file.display().to_string()];
        let hook = Hook { command, at_least: Severity::Critical };
        let (sender, moments) = watch::channel(None);
        let failures = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&failures);
        let watching = tokio::spawn(super::watch(hook, "checkout".into(), moments, move |why: &str| {
            sink.lock().unwrap().push(why.to_owned());
        }));
        sender.send_replace(Some(Arc::new(checkout_leak())));
        let text = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if text.contains("leak.idle_in_transaction") && text.ends_with('}') {
                break text;
            }
            tokio::task::yield_now().await;
        };
        assert!(text.contains("\"event\":\"opened\"") && text.contains("\"profile\":\"checkout\""), "{text}");
        assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
        drop(sender);
        watching.await.unwrap();
    }
}
