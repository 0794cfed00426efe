//! What a person reads first: the choice and the wording that Markdown and plain text share.

use std::collections::HashMap;

use super::build::is_never_read;
use super::cell::word;
use super::snapshot::{Backend, Finding, Limit, Operation, Pool, Snapshot, Target};
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;
use crate::text::span::{count, roughly, span_s};

/// Rows of the longest lists that a note still carries; JSON and CSV have them all.
const POOLS: usize = 12;
const BACKENDS: usize = 12;

/// What stands for a value that is not known.
const UNKNOWN: &str = "–";

/// A table of a note: titles with the side on which their column stands, and rows of unescaped cells.
pub(super) struct Sheet {
    /// What it is about.
    pub(super) name: String,
    /// Titles of the columns.
    pub(super) titles: Vec<&'static str>,
    /// As many cells as titles.
    pub(super) rows: Vec<Vec<String>>,
    /// What was left out, if anything.
    pub(super) rest: Option<String>,
}

/// Whether a column holds numbers, which stand on the right.
pub(super) fn is_numeric(title: &str) -> bool {
    !matches!(
        title,
        "limit of"
            | "pool"
            | "application"
            | "client"
            | "state"
            | "at"
            | "what"
            | "on"
            | "outcome"
            | "message"
    )
}

/// `checkout · leak · 2026-11-21 14:07:00 UTC`
pub(super) fn headline(snapshot: &Snapshot) -> [String; 3] {
    [snapshot.profile.to_string(), snapshot.verdict.kind.as_str().to_owned(), moment(snapshot.taken_at)]
}

/// To the second, in UTC, as people write it.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn limits(snapshot: &Snapshot) -> Sheet {
    let row = |limit: &Limit| {
        let usable = limit.limit.map(|most| most.saturating_sub(limit.reserved));
        vec![
            format!("{} {}", word(&limit.scope), limit.name),
            limit.used.to_string(),
            known(usable),
            limit.utilization.map_or(UNKNOWN.to_owned(), |share| format!("{:.0} %", share * 100.0)),
            limit.growth_per_min.map_or(UNKNOWN.to_owned(), growth),
            limit.exhausted_in_s.map_or(UNKNOWN.to_owned(), roughly),
        ]
    };
    Sheet {
        name: "Limits".into(),
        titles: vec!["limit of", "used", "usable", "share", "growth", "full in"],
        rows: snapshot.limits.iter().map(row).collect(),
        rest: None,
    }
}

/// `+5.8/min`, or `steady` where that would read as nothing.
fn growth(per_minute: f64) -> String {
    if per_minute.abs() < 0.05 { "steady".to_owned() } else { format!("{per_minute:+.1}/min") }
}

pub(super) fn pools(snapshot: &Snapshot) -> Sheet {
    let row = |pool: &Pool| {
        vec![
            pool.name.to_string(),
            format!("{}/{}", known(pool.used), known(pool.max)),
            known(pool.active),
            known(pool.idle),
            known(pool.idle_in_transaction),
            known(pool.idle_in_transaction_aborted),
            known(pool.pending),
            pool.oldest_idle_in_transaction_s.map_or(UNKNOWN.to_owned(), span_s),
        ]
    };
    Sheet {
        name: "Pools".into(),
        titles: vec!["pool", "used/max", "active", "idle", "in tx", "aborted", "queued", "oldest in tx"],
        rows: snapshot.pools.iter().take(POOLS).map(row).collect(),
        rest: rest(snapshot.pools.len(), POOLS, "pool"),
    }
}

/// The backends that matter most: the first that each finding names, then the second of each, and so on; then
/// whoever else is idle in transaction or holds others up, the longest first.
fn worst(snapshot: &Snapshot) -> Vec<&Backend> {
    let mut named: HashMap<i32, (usize, usize)> = HashMap::new();
    for (finding, of) in snapshot.findings.iter().enumerate() {
        for (position, pid) in of.pids.iter().enumerate() {
            let rank = named.entry(*pid).or_insert((position, finding));
            *rank = (*rank).min((position, finding));
        }
    }
    let in_transaction = |backend: &Backend| backend.state.is_some_and(|state| state.starts_with("idle in"));
    let rank = |backend: &Backend| named.get(&backend.pid).copied().unwrap_or((usize::MAX, 0));
    let mut worst: Vec<&Backend> = snapshot
        .backends
        .iter()
        .filter(|one| named.contains_key(&one.pid) || in_transaction(one) || !one.blocks.is_empty())
        .collect();
    let age = |backend: &Backend| backend.state_age_s.unwrap_or_default();
    worst.sort_by(|a, b| rank(a).cmp(&rank(b)).then(age(b).total_cmp(&age(a))));
    worst
}

/// The worst backends without their statements, which each format shows in its own way.
pub(super) fn backends(snapshot: &Snapshot) -> (Sheet, Vec<&Backend>) {
    let all = worst(snapshot);
    let left_out = rest(all.len(), BACKENDS, "backend");
    let shown: Vec<&Backend> = all.into_iter().take(BACKENDS).collect();
    let row = |backend: &&Backend| {
        vec![
            backend.pid.to_string(),
            backend.application_name.to_string(),
            backend.client.as_ref().map_or(UNKNOWN.to_owned(), ToString::to_string),
            backend.state.unwrap_or(UNKNOWN).to_owned(),
            backend.state_age_s.map_or(UNKNOWN.to_owned(), span_s),
            backend.transaction_age_s.map_or(UNKNOWN.to_owned(), span_s),
            match backend.writes {
                Some(true) => "yes",
                Some(false) => "no",
                None => UNKNOWN,
            }
            .to_owned(),
            backend.blocks.len().to_string(),
        ]
    };
    let sheet = Sheet {
        name: "Backends to look at".into(),
        titles: vec!["pid", "application", "client", "state", "for", "tx age", "wrote?", "blocks"],
        rows: shown.iter().map(row).collect(),
        rest: left_out,
    };
    (sheet, shown)
}

/// At what it was aimed, in words.
fn aimed_at(done: &Operation) -> String {
    match (done.pid, &done.client_id, &done.database) {
        (Some(pid), ..) => format!("pid {pid} {}", done.application_name),
        (None, Some(client), _) => format!("client {client} {}", done.application_name),
        (None, None, Some(database)) => format!("database {database}"),
        (None, None, None) => "all databases".to_owned(),
    }
}

pub(super) fn operations(snapshot: &Snapshot) -> Sheet {
    let row = |done: &Operation| {
        let dry = if done.dry_run { " (dry run)" } else { "" };
        vec![
            moment(done.at),
            format!("{}{dry}", done.operation),
            format!("{} on {}", aimed_at(done), done.target),
            done.outcome.map_or(UNKNOWN, crate::model::operation::Outcome::as_str).to_owned(),
            done.message.to_string(),
        ]
    };
    Sheet {
        name: "Operations".into(),
        titles: vec!["at", "what", "on", "outcome", "message"],
        rows: snapshot.operations.iter().map(row).collect(),
        rest: None,
    }
}

/// `critical · leak.idle_in_transaction · since 2026-11-21 14:00:14 UTC`
pub(super) fn finding_facts(finding: &Finding) -> String {
    format!("{} · {} · since {}", finding.severity.as_str(), finding.rule.as_str(), moment(finding.since))
}

/// How the numbers came about, one sentence each.
pub(super) fn measured(snapshot: &Snapshot) -> Vec<String> {
    let mut sentences = vec![format!(
        "pooltop {} watched for {} and took {}.",
        snapshot.pooltop_version,
        span_s(snapshot.window_s),
        count(snapshot.samples, "sample"),
    )];
    sentences.extend(snapshot.targets.iter().map(measured_target));
    for target in &snapshot.targets {
        sentences.extend(target.missing.iter().filter(|missing| !is_never_read(missing)).map(|missing| {
            let fix = missing.fix.as_ref().map(|fix| format!(" To see it: {fix}.")).unwrap_or_default();
            format!("Not known of {}: {}, because {}.{fix}", target.name, missing.what, missing.why)
        }));
    }
    sentences.push(match snapshot.redaction {
        Redaction::Literals => "Values in statements are replaced by ?.".to_owned(),
        Redaction::Queries => "Statements are left out.".to_owned(),
        Redaction::None => "Statements are shown as they are, with the values in them.".to_owned(),
    });
    sentences
}

fn measured_target(target: &Target) -> String {
    let version = target.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let role = target.role.as_ref().map(|role| format!(", {}", word(role))).unwrap_or_default();
    let age = target.age_s.map(|age| format!(", {} old", span_s(age))).unwrap_or_default();
    let error = target.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
    format!(
        "{}: {}{version} at {}{role}, {}{age}{error}; pooltop holds {} there, a sample costs {:.1} ms.",
        target.name,
        target.kind,
        target.endpoint,
        word(&target.state),
        count(target.overhead.connections, "connection"),
        target.overhead.server_ms_per_sample,
    )
}

fn known(value: Option<u32>) -> String {
    value.map_or(UNKNOWN.to_owned(), |value| value.to_string())
}

fn rest(all: usize, shown: usize, noun: &str) -> Option<String> {
    let more = all.checked_sub(shown).filter(|more| *more > 0)?;
    Some(format!(
        "and {}; the JSON and CSV formats have them all",
        count(more as u64, &format!("more {noun}"))
    ))
}
