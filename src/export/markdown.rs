//! A small incident note, for a ticket or a chat.

use super::digest::{self, Sheet, is_numeric};
use super::snapshot::{Finding, Recommendation, Snapshot};
use crate::text::escape::{markdown as plain, markdown_code as code};

/// The note: verdict, limits, pools, findings, the backends to look at, what was done, how it was measured.
pub fn markdown(snapshot: &Snapshot) -> String {
    let [profile, verdict, at] = digest::headline(snapshot);
    let mut parts = vec![
        format!("# {}: {verdict}, {at}", plain(&profile)),
        format!("**{}**", plain(&snapshot.verdict.sentence)),
        list(&snapshot.verdict.evidence),
    ];
    parts.extend([digest::limits(snapshot), digest::pools(snapshot)].iter().flat_map(table));
    if !snapshot.findings.is_empty() {
        parts.push("## Findings".to_owned());
        parts.extend(snapshot.findings.iter().flat_map(finding));
    }
    if !snapshot.recommendations.is_empty() {
        parts.push("## Recommendations".to_owned());
        parts.extend(snapshot.recommendations.iter().map(recommendation));
    }
    parts.extend(backends(snapshot));
    parts.extend(table(&digest::operations(snapshot)));
    parts.push("## How this was measured".to_owned());
    parts.push(list(&digest::measured(snapshot)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn list(lines: &[impl AsRef<str>]) -> String {
    lines.iter().map(|line| format!("- {}", plain(line.as_ref()))).collect::<Vec<_>>().join("\n")
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

fn finding(finding: &Finding) -> Vec<String> {
    let suggestion = finding.suggestion.as_ref().map(|suggestion| plain(suggestion).into_owned());
    vec![
        format!("### {}", plain(&finding.title)),
        plain(&digest::finding_facts(finding)).into_owned(),
        list(&finding.evidence),
        suggestion.unwrap_or_default(),
    ]
}

fn recommendation(advice: &Recommendation) -> String {
    let formula = advice.formula.as_ref().map(|formula| format!(" ({})", code(formula))).unwrap_or_default();
    format!("- {}: {}{formula}", plain(&advice.issue), plain(&advice.suggestion))
}

/// The worst backends, with their statements as a last column.
fn backends(snapshot: &Snapshot) -> Vec<String> {
    let (sheet, backends) = digest::backends(snapshot);
    if sheet.rows.is_empty() {
        return Vec::new();
    }
    let mut titles = sheet.titles.clone();
    titles.push("last statement");
    let mut rows = escaped(&sheet.rows);
    for (row, backend) in rows.iter_mut().zip(backends) {
        row.push(backend.query.as_ref().map(|query| code(query)).unwrap_or_default());
    }
    let mut parts = vec![format!("## {}", sheet.name), grid(&titles, &rows)];
    parts.extend(sheet.rest);
    parts
}
