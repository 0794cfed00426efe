//! How it went: who waits, and what happened when.

use super::super::cell::word;
use super::super::report::Report;
use super::{Most, Sheet, UNKNOWN, moment, rest};
use crate::model::track::{Mark, MarkKind};
use crate::text::span::span_s;

/// Who waits, the longest first.
pub(in crate::export) fn waiters(report: &Report, most: Most) -> Sheet {
    let rows = report.waiters.iter().take(most.rows).map(|waiter| {
        vec![
            waiter.who.to_string(),
            waiter.waits_for.to_string(),
            waiter.for_s.map_or(UNKNOWN.to_owned(), span_s),
            waiter.target.to_string(),
        ]
    });
    Sheet {
        name: "Who waits".into(),
        titles: vec!["who", "waits for", "for", "on"],
        rows: rows.collect(),
        rest: rest(report.waiters.len(), most.rows, "waiter"),
    }
    .cut(most)
}

/// What happened, oldest first; of many things the newest.
pub(in crate::export) fn happened(report: &Report, most: Most) -> Sheet {
    let left_out = report.happened.len().saturating_sub(most.rows);
    let row = |(number, mark): (usize, &Mark)| {
        vec![(number + 1).to_string(), moment(mark.at), kind(mark), mark.text.to_string()]
    };
    Sheet {
        name: "What happened".into(),
        titles: vec!["", "at", "kind", "what"],
        rows: report.happened.iter().enumerate().skip(left_out).map(row).collect(),
        rest: (left_out > 0).then(|| format!("{left_out} earlier ones are left out")),
    }
    .cut(most)
}

fn kind(mark: &Mark) -> String {
    match mark.kind {
        MarkKind::Finding(severity) => severity.as_str().to_owned(),
        MarkKind::Operation => "operation".to_owned(),
        MarkKind::Event(kind) => word(&kind).replace('_', " "),
    }
}
