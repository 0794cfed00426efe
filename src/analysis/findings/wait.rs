//! `server.wait`: what the connections of a busy server wait for, other than each other's row and table locks.
//!
//! A statement that waits holds its connection as one that works does. Where most of them wait for the same thing, more
//! connections only make the queue for it longer.

use std::collections::BTreeMap;

use super::{Check, Draft};
use crate::analysis::moment::BackendRow;
use crate::analysis::scene::{Scene, ids, is_current};
use crate::model::backend::State;
use crate::model::finding::{Rule, Severity};
use crate::model::target::TargetName;

/// Fewer running statements than this are no load.
pub(super) const FEW: usize = 8;
/// Share of the running statements that must wait for the same thing.
pub(super) const MOST: f64 = 0.5;

/// What each class of waits means, and what to do about it. `Lock` is told by its own finding, with the chain.
const CLASSES: [(&str, &str, &str); 6] = [
    (
        "LWLock",
        "for structures inside the server",
        "Fewer connections at once: a pooler, or smaller pools. More connections make this worse.",
    ),
    (
        "IO",
        "for disk",
        "Look at the statements that read most; more connections only add to the queue for the disk.",
    ),
    (
        "IPC",
        "for other processes",
        "SyncRep: a synchronous standby is slow or gone; otherwise look at parallel queries and checkpoints.",
    ),
    (
        "Client",
        "for their clients to send or take data",
        "The application or the network is slow in the middle of a statement; look for large results and COPY.",
    ),
    ("BufferPin", "for buffers that a vacuum or cursor pins", "Look for long cursors on the same tables."),
    (
        "Timeout",
        "in a timed wait (pg_sleep, vacuum delay)",
        "Something sleeps inside the database; move it out.",
    ),
];

/// Looks at the waits of running statements, server by server.
pub(super) struct Wait;

impl Check for Wait {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let live = scene.servers().filter(|(_, status, _)| is_current(status));
        live.filter_map(|(index, status, _)| waiting(scene.rows_of(index), &status.name, scene)).collect()
    }
}

fn waiting(rows: &[BackendRow], target: &TargetName, scene: &Scene<'_>) -> Option<Draft> {
    let active: Vec<&BackendRow> = rows.iter().filter(|row| row.backend.state == State::Active).collect();
    if active.len() < FEW {
        return None;
    }
    let mut classes: BTreeMap<&str, Vec<&BackendRow>> = BTreeMap::new();
    for row in &active {
        if let Some(wait) = &row.backend.wait {
            classes.entry(&wait.class).or_default().push(row);
        }
    }
    let (class, waiters) = classes.into_iter().max_by_key(|(_, waiters)| waiters.len())?;
    let (word, meaning, remedy) = CLASSES.into_iter().find(|(word, ..)| *word == class)?;
    if (waiters.len() as f64) < MOST * active.len() as f64 {
        return None;
    }
    let title = format!("{target}: {} of {} running statements wait {meaning}", waiters.len(), active.len());
    let mut draft = Draft::new(Rule::ServerWait, Severity::Notice, TargetName::clone(target), title);
    draft.sustained = scene.settings.thresholds.sustained;
    draft.backends = ids(waiters.iter().copied());
    draft.evidence.push(format!("{word}: {}", events(&waiters)));
    draft.alternative = Some("a moment of much the same work at once");
    draft.suggestion = Some(remedy.to_owned());
    Some(draft)
}

/// `12 WALWrite, 3 BufferMapping`.
fn events(waiters: &[&BackendRow]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for wait in waiters.iter().filter_map(|row| row.backend.wait.as_ref()) {
        *counts.entry(&wait.event).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(event, count)| (std::cmp::Reverse(*count), *event));
    counts.iter().take(3).map(|(event, count)| format!("{count} {event}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::analysis::Settings;
    use crate::analysis::fixture::{Stage, facts, row, sample};
    use crate::model::finding::{Finding, Rule};
    use crate::model::thresholds::Thresholds;

    /// Ten running statements, so many of them with this wait.
    fn seen(waiting: usize, class: &'static str, event: &'static str) -> Option<Finding> {
        let thresholds = Thresholds { sustained: Duration::ZERO, ..Thresholds::default() };
        let rows = (1..=10_i32)
            .map(|pid| {
                let running = row(pid, "api").active(0.9, "SELECT 1");
                if usize::try_from(pid).is_ok_and(|pid| pid <= waiting) {
                    running.waits(class, event)
                } else {
                    running
                }
                .build()
            })
            .collect();
        let mut stage = Stage::single(Settings { thresholds, ..Settings::default() });
        let moment = stage.show(sample("db1", 1.0, rows, &Arc::new(facts(100))));
        moment.findings.into_iter().find(|finding| finding.rule == Rule::ServerWait)
    }

    #[test]
    fn what_half_of_the_running_statements_wait_for_is_named() {
        let finding = seen(6, "LWLock", "WALWrite").unwrap();
        assert_eq!(&*finding.title, "db1: 6 of 10 running statements wait for structures inside the server");
        assert_eq!(&*finding.evidence[0], "LWLock: 6 WALWrite");
        assert_eq!(finding.backends.len(), 6);
    }

    #[test]
    fn less_than_half_and_locks_are_not() {
        assert_eq!(seen(4, "LWLock", "WALWrite"), None);
        assert_eq!(seen(9, "Lock", "transactionid"), None, "a chain of locks is its own finding");
        assert_eq!(seen(9, "Activity", "WalSenderMain"), None);
    }
}
