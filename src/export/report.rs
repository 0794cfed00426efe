//! What a report tells besides the document of a moment: how it came to this, and who waits.
//!
//! Page and note are written from one [`Report`], so they agree.

use std::collections::HashMap;

use super::build::{self, Meta};
use super::snapshot::{Client, Pool, Snapshot};
use crate::analysis::Moment;
use crate::analysis::moment::StateSeries;
use crate::model::event::EventKind;
use crate::model::locks::Blocker;
use crate::model::operation::Outcome;
use crate::model::target::TargetName;
use crate::model::track::{Mark, MarkKind};
use crate::text::Text;
use crate::text::redact::Redactor;
use crate::text::span::count;

/// Everything that a report shows, redacted.
#[derive(Clone, Debug)]
pub struct Report {
    /// The document of the moment.
    pub snapshot: Snapshot,
    /// Connections by state, requests queued and utilization over time; the last bucket ends when the snapshot was
    /// taken.
    pub series: StateSeries,
    /// Who waits, the longest first.
    pub waiters: Vec<Waiter>,
    /// What happened: findings from when they hold, operations, events; oldest first.
    pub happened: Vec<Mark>,
    /// Seconds between two samples, as configured.
    pub interval_s: f64,
}

/// Somebody who cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiter {
    /// Who: a backend, a pooler's client, requests of a pool.
    pub who: Text,
    /// Where.
    pub target: TargetName,
    /// For whom or what.
    pub waits_for: Text,
    /// How long already, s; of several requests the longest.
    pub for_s: Option<f64>,
}

/// The report on a moment.
pub fn report(moment: &Moment, meta: &Meta) -> Report {
    let snapshot = build::snapshot(moment, meta);
    let redactor = build::redactor(moment, meta.redaction);
    Report {
        series: moment.series.clone(),
        waiters: waiters(moment, &snapshot),
        happened: happened(moment, &snapshot, &redactor),
        interval_s: meta.interval_s,
        snapshot,
    }
}

fn waiters(moment: &Moment, snapshot: &Snapshot) -> Vec<Waiter> {
    let clients = snapshot.clients.iter().filter_map(client);
    let pools = snapshot.pools.iter().filter_map(|pool| requests(pool, snapshot));
    let mut waiters: Vec<Waiter> = clients.chain(pools).chain(blocked(moment)).collect();
    let wait = |waiter: &Waiter| waiter.for_s.unwrap_or_default();
    waiters.sort_by(|a, b| wait(b).total_cmp(&wait(a)));
    waiters
}

/// A client that its pooler shows as waiting.
fn client(client: &Client) -> Option<Waiter> {
    let wait = client.wait_s?;
    let named = client.application_name.as_ref().filter(|name| !name.is_empty()).or(client.user.as_ref());
    Some(Waiter {
        who: Text::line(&format!("client {} {}", client.id, named.map_or("", |name| name))),
        target: TargetName::clone(&client.target),
        waits_for: connection_of(client.pool.as_ref()),
        for_s: Some(wait),
    })
}

fn connection_of(pool: Option<&Text>) -> Text {
    pool.map_or_else(|| "a connection".into(), |pool| Text::line(&format!("a connection of {pool}")))
}

/// Requests of a pool whose clients cannot be seen one by one.
fn requests(pool: &Pool, snapshot: &Snapshot) -> Option<Waiter> {
    let pending = pool.pending.filter(|pending| *pending > 0)?;
    let is_ours = |client: &&Client| client.target == pool.target && client.pool.as_ref() == Some(&pool.name);
    if snapshot.clients.iter().filter(is_ours).any(|client| client.wait_s.is_some()) {
        return None;
    }
    Some(Waiter {
        who: Text::line(&count(pending, "request")),
        target: TargetName::clone(&pool.target),
        waits_for: connection_of(Some(&pool.name)),
        for_s: pool.max_wait_s,
    })
}

/// Backends that wait for locks of others.
fn blocked(moment: &Moment) -> Vec<Waiter> {
    let waited = waited(moment);
    let blocked = moment.backends.iter().filter(|row| !row.blocked_by.is_empty());
    blocked
        .filter_map(|row| {
            let session = &row.backend.session;
            let blockers = row.blocked_by.iter().map(|pid| match pid {
                0 => "a prepared transaction".to_owned(),
                pid => format!("pid {pid}"),
            });
            Some(Waiter {
                who: Text::line(&format!("pid {} {}", session.id.pid, session.application_name)),
                target: TargetName::clone(&moment.targets.get(row.target)?.name),
                waits_for: Text::line(&format!("a lock of {}", blockers.collect::<Vec<_>>().join(", "))),
                for_s: waited.get(&(row.target, session.id.pid)).copied(),
            })
        })
        .collect()
}

/// How long each backend has waited, by target and pid.
fn waited(moment: &Moment) -> HashMap<(usize, i32), f64> {
    let servers = moment.servers.iter().enumerate();
    let rows = servers.filter_map(|(target, server)| Some((target, &server.as_ref()?.tree.rows)));
    rows.flat_map(|(target, rows)| {
        rows.iter().filter_map(move |row| match row.who {
            Blocker::Backend(pid) => Some(((target, pid), row.waited_s?)),
            Blocker::Prepared => None,
        })
    })
    .collect()
}

fn happened(moment: &Moment, snapshot: &Snapshot, redactor: &Redactor) -> Vec<Mark> {
    let findings = snapshot.findings.iter().map(|finding| Mark {
        at: finding.since,
        kind: MarkKind::Finding(finding.severity),
        text: finding.title.clone(),
    });
    let operations = snapshot.operations.iter().map(|done| {
        let outcome = done.outcome.map_or("no outcome known", Outcome::as_str);
        let dry = if done.dry_run { " (dry run)" } else { "" };
        let text = format!("{}{dry} {}: {outcome}", done.operation, super::digest::aimed_at(done));
        Mark { at: done.at, kind: MarkKind::Operation, text: Text::line(&text) }
    });
    // Operations stand in the audit, with their outcomes.
    let events = moment.events.iter().filter(|event| event.kind != EventKind::Operation);
    let events = events.map(|event| Mark {
        at: event.at,
        kind: MarkKind::Event(event.kind),
        text: redactor.sentence(&Text::line(&format!("{}: {}", event.target, event.text))),
    });
    let mut marks: Vec<Mark> = findings.chain(operations).chain(events).collect();
    marks.sort_by_key(|mark| mark.at);
    marks
}
