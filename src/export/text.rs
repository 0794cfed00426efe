//! What one would read in a terminal, without colours, at most 100 cells wide.

use super::digest::{self, Most, Sheet, is_numeric};
use super::snapshot::{Finding, Recommendation, Snapshot};
use crate::text::width::{Align, fit, truncate, width, wrap};

/// Cells per line.
const WIDTH: usize = 100;
/// The widest that the first column of a table gets, and each of the others.
const FIRST_COLUMN: usize = 33;
const COLUMN: usize = 20;

/// The document as plain text.
pub fn text(snapshot: &Snapshot) -> String {
    let mut lines = wrapped("", &digest::headline(snapshot).join(" · "));
    lines.extend(wrapped("", &snapshot.verdict.sentence));
    lines.extend(snapshot.verdict.evidence.iter().flat_map(|sentence| wrapped("  - ", sentence)));
    lines.extend(table(&digest::limits(snapshot, Most::NOTE)));
    lines.extend(table(&digest::pools(snapshot, Most::NOTE)));
    lines.extend(section("Findings", snapshot.findings.iter().flat_map(finding)));
    lines.extend(section("Recommendations", snapshot.recommendations.iter().flat_map(recommendation)));
    lines.extend(backends(snapshot));
    lines.extend(operations(&digest::operations(snapshot, Most::NOTE)));
    let measured = digest::measured(snapshot);
    lines.extend(section(
        "How this was measured",
        measured.iter().flat_map(|sentence| wrapped("  - ", sentence)),
    ));
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// A blank line, a heading and its lines; nothing where there are none.
fn section(name: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return Vec::new();
    }
    [String::new(), name.to_owned()].into_iter().chain(lines).collect()
}

/// Text in lines, the first behind `mark`, the others below it.
fn wrapped(mark: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(width(mark));
    let lines = wrap(text, WIDTH - width(mark)).into_iter().enumerate();
    lines.map(|(n, line)| format!("{}{line}", if n == 0 { mark } else { &indent })).collect()
}

fn table(sheet: &Sheet) -> Vec<String> {
    let mut lines = section(&sheet.name, grid(sheet));
    lines.extend(sheet.rest.iter().map(|rest| format!("  {rest}")));
    lines
}

/// Titles and rows in columns as wide as their widest cell; nothing where there are no rows.
fn grid(sheet: &Sheet) -> Vec<String> {
    if sheet.rows.is_empty() {
        return Vec::new();
    }
    let titles: Vec<String> = sheet.titles.iter().map(|title| (*title).to_owned()).collect();
    let widest = |column: usize| {
        let cells = sheet.rows.iter().chain([&titles]).filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0).min(if column == 0 { FIRST_COLUMN } else { COLUMN })
    };
    let widths: Vec<usize> = (0..titles.len()).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).zip(&sheet.titles).map(|((cell, width), title)| {
            let align = if is_numeric(title) { Align::Right } else { Align::Left };
            fit(cell, *width, align, "…")
        });
        truncate(&format!("  {}", cells.collect::<Vec<_>>().join("  ")), WIDTH, "…").into_owned()
    };
    std::iter::once(&titles).chain(&sheet.rows).map(line).collect()
}

fn finding(finding: &Finding) -> Vec<String> {
    let mut lines = wrapped("  ", &finding.title);
    lines.extend(wrapped("    ", &digest::finding_facts(finding)));
    lines.extend(finding.evidence.iter().flat_map(|sentence| wrapped("    - ", sentence)));
    lines.extend(finding.suggestion.iter().flat_map(|suggestion| wrapped("    ", suggestion)));
    lines
}

fn recommendation(advice: &Recommendation) -> Vec<String> {
    let mut lines = wrapped("  ", &format!("{}: {}", advice.issue, advice.suggestion));
    lines.extend(advice.formula.iter().flat_map(|formula| wrapped("    ", formula)));
    lines
}

/// The worst backends, each with its statement on a line of its own.
fn backends(snapshot: &Snapshot) -> Vec<String> {
    let (mut sheet, backends) = digest::backends(snapshot, Most::NOTE);
    // As the columns of the pools are called; the server's own words would not leave room for the rest.
    for cell in sheet.rows.iter_mut().flatten() {
        match cell.as_str() {
            "idle in transaction" => "in tx".clone_into(cell),
            "idle in transaction (aborted)" => "aborted".clone_into(cell),
            _ => {}
        }
    }
    let mut grid = grid(&sheet).into_iter();
    let mut lines: Vec<String> = grid.next().into_iter().collect();
    for (row, backend) in grid.zip(backends) {
        lines.push(row);
        let statement = digest::statement(backend, Most::NOTE);
        lines.extend(statement.map(|line| format!("      {}", truncate(&line, WIDTH - 6, "…"))));
    }
    lines.extend(sheet.rest.iter().map(|rest| format!("  {rest}")));
    section(&sheet.name, lines)
}

/// One operation per paragraph: their messages are sentences.
fn operations(sheet: &Sheet) -> Vec<String> {
    section(&sheet.name, sheet.rows.iter().flat_map(|row| wrapped("  - ", &row.join(" · "))))
}
