//! A small incident note, for a ticket or a chat.

use std::borrow::Cow;

use super::digest::{self, Most, Sheet, is_numeric};
use super::report::Report;
use super::snapshot::{Finding, Recommendation, Snapshot};
use crate::text::Text;
use crate::text::escape::{markdown as plain, markdown_code as code};
use crate::text::span::count;
use crate::text::width::truncate;

/// The longest sentence, in cells. Ours are shorter; an application's own advice or a server's error need not be.
const SENTENCE: usize = 400;

/// The note: verdict, what happened, findings, who holds and who waits, limits, advice, what was done, how it was
/// measured. It is short enough for a message of a chat, whatever there is to tell.
pub fn markdown(report: &Report) -> String {
    let most = Most::NOTE;
    let snapshot = &report.snapshot;
    let [profile, verdict, at] = digest::headline(snapshot);
    let mut parts = vec![
        format!("# {}: {verdict}, {at}", sentence(&profile)),
        format!("**{}**", sentence(&snapshot.verdict.sentence)),
        list(&snapshot.verdict.evidence, most),
    ];
    parts.extend(findings(snapshot, most));
    let (limits, pools) = (digest::limits(snapshot, most), digest::pools(snapshot, most));
    parts.extend([limits, pools, digest::waiters(report, most)].iter().flat_map(table));
    parts.extend(recommendations(snapshot, most));
    parts.extend(backends(snapshot, most));
    let (happened, operations) = (digest::happened(report, most), digest::operations(snapshot, most));
    parts.extend([happened, operations].iter().flat_map(table));
    parts.push("## How this was measured".to_owned());
    parts.push(list(&digest::measured(snapshot), Most { sentences: most.rows, ..most }));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn sentence(text: &str) -> Cow<'_, str> {
    match truncate(text, SENTENCE, "…") {
        Cow::Borrowed(whole) => plain(whole),
        Cow::Owned(cut) => plain(&cut).into_owned().into(),
    }
}

fn list(lines: &[impl AsRef<str>], most: Most) -> String {
    let shown = lines.iter().take(most.sentences).map(|line| format!("- {}", sentence(line.as_ref())));
    shown
        .chain(more(lines.len(), most, "line").map(|rest| format!("- {rest}")))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What was left out.
fn more(all: usize, most: Most, noun: &str) -> Option<String> {
    let left_out = all.checked_sub(most.sentences).filter(|left_out| *left_out > 0)?;
    Some(format!("and {} in the HTML report", count(left_out as u64, &format!("more {noun}"))))
}

/// Heading, table and what was left out; nothing at all where there are no rows.
fn table(sheet: &Sheet) -> Vec<String> {
    if sheet.rows.is_empty() {
        return Vec::new();
    }
    let mut parts = vec![format!("## {}", sheet.name), grid(&sheet.titles, &escaped(&sheet.rows))];
    parts.extend(sheet.rest.clone());
    parts
}

fn escaped(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect()).collect()
}

fn grid(titles: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let sides = titles.iter().map(|title| if is_numeric(title) { "---:" } else { "---" }.to_owned());
    let mut lines = vec![
        line(&titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()),
        line(&sides.collect::<Vec<_>>()),
    ];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

fn findings(snapshot: &Snapshot, most: Most) -> Vec<String> {
    if snapshot.findings.is_empty() {
        return Vec::new();
    }
    let mut parts = vec!["## Findings".to_owned()];
    parts.extend(snapshot.findings.iter().take(most.sentences).flat_map(|one| finding(one, most)));
    parts.extend(more(snapshot.findings.len(), most, "finding"));
    parts
}

fn finding(finding: &Finding, most: Most) -> Vec<String> {
    let suggestion: Option<&Text> = finding.suggestion.as_ref();
    vec![
        format!("### {}", sentence(&finding.title)),
        plain(&digest::finding_facts(finding)).into_owned(),
        list(&finding.evidence, most),
        suggestion.map(|suggestion| sentence(suggestion).into_owned()).unwrap_or_default(),
    ]
}

fn recommendations(snapshot: &Snapshot, most: Most) -> Vec<String> {
    if snapshot.recommendations.is_empty() {
        return Vec::new();
    }
    let advice = snapshot.recommendations.iter().take(most.sentences).map(recommendation);
    let rest = more(snapshot.recommendations.len(), most, "recommendation").map(|rest| format!("- {rest}"));
    vec!["## Recommendations".to_owned(), advice.chain(rest).collect::<Vec<_>>().join("\n")]
}

fn recommendation(advice: &Recommendation) -> String {
    let formula = advice.formula.as_ref().map(|formula| format!(" ({})", code(formula))).unwrap_or_default();
    format!("- {}: {}{formula}", sentence(&advice.issue), sentence(&advice.suggestion))
}

/// The worst backends, with their statements as a last column.
fn backends(snapshot: &Snapshot, most: Most) -> Vec<String> {
    let (sheet, backends) = digest::backends(snapshot, most);
    if sheet.rows.is_empty() {
        return Vec::new();
    }
    let mut titles = sheet.titles.clone();
    titles.push("last statement");
    let mut rows = escaped(&sheet.rows);
    for (row, backend) in rows.iter_mut().zip(backends) {
        row.push(digest::statement(backend, most).map(|line| code(&line)).unwrap_or_default());
    }
    let mut parts = vec![format!("## {}", sheet.name), grid(&titles, &rows)];
    parts.extend(sheet.rest);
    parts
}
