//! What a person reads first: the choice and the wording that the page, Markdown and plain text share.

mod course;
mod targets;

use std::collections::HashMap;

use super::cell::word;
use super::snapshot::{Backend, Finding, Limit, Operation, Pool, Snapshot};
use crate::model::pool::Layer;
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;
use crate::text::span::{count, roughly, span_s};
use crate::text::width::truncate;

pub(super) use course::{happened, waiters};
pub(super) use targets::{measured, missing, targets, watched};

/// How many rows of the longest lists a format carries; JSON and CSV have them all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Rows of a table.
    pub(super) rows: usize,
    /// Findings, recommendations, and sentences of evidence of each.
    pub(super) sentences: usize,
    /// Cells of a statement.
    pub(super) statement: usize,
    /// Cells of anything else in a table.
    pub(super) cell: usize,
}

impl Most {
    /// What fits a screen of a terminal or a message in a chat, of which the strictest take 16,000 characters.
    pub(super) const NOTE: Self = Self { rows: 10, sentences: 6, statement: 100, cell: 60 };
    /// What a browser scrolls through.
    pub(super) const PAGE: Self = Self { rows: 50, sentences: 50, statement: 1000, cell: 300 };
}

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

impl Sheet {
    /// The same with its cells cut.
    fn cut(mut self, most: Most) -> Self {
        for cell in self.rows.iter_mut().flatten() {
            if let std::borrow::Cow::Owned(shorter) = truncate(cell, most.cell, "…") {
                *cell = shorter;
            }
        }
        self
    }
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
            | "who"
            | "waits for"
            | "target"
            | "kind"
            | "endpoint"
            | "version"
            | "role"
            | "may see"
            | "error"
            | "not known"
            | "because"
            | "to see it"
            | "last statement"
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

/// The limits, the nearest first.
pub(super) fn limits(snapshot: &Snapshot, most: Most) -> Sheet {
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
        rows: snapshot.limits.iter().take(most.rows).map(row).collect(),
        rest: rest(snapshot.limits.len(), most.rows, "limit"),
    }
    .cut(most)
}

/// `+5.8/min`, or `steady` where that would read as nothing.
fn growth(per_minute: f64) -> String {
    if per_minute.abs() < 0.05 { "steady".to_owned() } else { format!("{per_minute:+.1}/min") }
}

/// The pools, those that hold the most connections first.
pub(super) fn pools(snapshot: &Snapshot, most: Most) -> Sheet {
    let mut pools: Vec<&Pool> = snapshot.pools.iter().collect();
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.total));
    let row = |pool: &&Pool| {
        let seen_by = match pool.layer {
            Layer::Server => String::new(),
            other => format!(" ({})", word(&other)),
        };
        vec![
            format!("{}{seen_by}", pool.name),
            pool.total.to_string(),
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
        name: "Who holds the connections".into(),
        titles: vec!["pool", "open", "used/max", "active", "idle", "in tx", "aborted", "queued", "oldest tx"],
        rows: pools.iter().take(most.rows).map(row).collect(),
        rest: rest(pools.len(), most.rows, "pool"),
    }
    .cut(most)
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
pub(super) fn backends(snapshot: &Snapshot, most: Most) -> (Sheet, Vec<&Backend>) {
    let all = worst(snapshot);
    let left_out = rest(all.len(), most.rows, "backend");
    let shown: Vec<&Backend> = all.into_iter().take(most.rows).collect();
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
    (sheet.cut(most), shown)
}

/// A statement on one line, cut.
pub(super) fn statement(backend: &Backend, most: Most) -> Option<String> {
    let line = backend.query.as_ref()?.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(truncate(&line, most.statement, "…").into_owned())
}

/// At what it was aimed, in words.
pub(super) fn aimed_at(done: &Operation) -> String {
    match (done.pid, &done.client_id, &done.database) {
        (Some(pid), ..) => format!("pid {pid} {}", done.application_name),
        (None, Some(client), _) => format!("client {client} {}", done.application_name),
        (None, None, Some(database)) => format!("database {database}"),
        (None, None, None) => "all databases".to_owned(),
    }
}

/// What was done, the newest last.
pub(super) fn operations(snapshot: &Snapshot, most: Most) -> Sheet {
    let left_out = snapshot.operations.len().saturating_sub(most.rows);
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
        rows: snapshot.operations.iter().skip(left_out).map(row).collect(),
        rest: rest(snapshot.operations.len(), most.rows, "operation"),
    }
    .cut(most)
}

/// `critical · leak.idle_in_transaction · since 2026-11-21 14:00:14 UTC`
pub(super) fn finding_facts(finding: &Finding) -> String {
    format!("{} · {} · since {}", finding.severity.as_str(), finding.rule.as_str(), moment(finding.since))
}

/// What was taken out of statements.
pub(super) fn redacted(redaction: Redaction) -> &'static str {
    match redaction {
        Redaction::Literals => "Values in statements are replaced by ?.",
        Redaction::Queries => "Statements are left out.",
        Redaction::None => "Statements are shown as they are, with the values in them.",
    }
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
