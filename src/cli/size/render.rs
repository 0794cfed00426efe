//! The answer, for people and for programs.

use serde::Serialize;

use crate::analysis::sizing::Sizing;
use crate::analysis::sizing::draft::Draft;
use crate::analysis::sizing::field::{Field, Kind};
use crate::analysis::sizing::report::{self, Line, Section, Tone};
use crate::text::width::{Align, fit, width, wrap};

/// Cells per line.
const WIDTH: usize = 100;
/// The widest that labels and values get; what is longer pushes the rest.
const LABEL: usize = 24;
const VALUE: usize = 24;

/// Plain text, at most 100 cells wide but for what is to be pasted.
pub(super) fn text(draft: &Draft, sizing: &Sizing) -> String {
    let mut lines = wrap(&format!("{}.", report::headline(sizing)), WIDTH);
    for section in report::sections(draft, sizing).iter().chain([&report::inputs(draft)]) {
        lines.push(String::new());
        lines.push(section.title.clone());
        lines.extend(rows(section));
    }
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn rows(section: &Section) -> Vec<String> {
    let facts = || section.lines.iter().filter(|line| line.tone != Tone::Code);
    let labels = facts().map(|line| width(&line.label)).max().unwrap_or(0).min(LABEL);
    let values = facts().map(|line| width(&line.value)).max().unwrap_or(0).min(VALUE);
    section.lines.iter().flat_map(|line| row(line, labels, values)).collect()
}

fn row(line: &Line, labels: usize, values: usize) -> Vec<String> {
    if line.tone == Tone::Code {
        return vec![format!("  {}", line.value)];
    }
    if line.label.is_empty() && line.value.is_empty() {
        let lines = wrap(&line.about, WIDTH - 4).into_iter().enumerate();
        return lines.map(|(n, text)| format!("  {} {text}", if n == 0 { "-" } else { " " })).collect();
    }
    let mut head = format!("  {}", fit(&line.label, labels.max(width(&line.label)), Align::Left, ""));
    if values > 0 {
        head = format!("{head}  {}", fit(&line.value, values.max(width(&line.value)), Align::Left, ""));
    }
    let indent = 2 + labels + if values > 0 { 2 + values } else { 0 } + 2;
    let mut about = wrap(&line.about, WIDTH.saturating_sub(indent.max(width(&head) + 2))).into_iter();
    let first = about.next().unwrap_or_default();
    let rest = about.map(|text| format!("{:indent$}{text}", ""));
    std::iter::once(format!("{head}  {first}")).chain(rest).collect()
}

/// The document of schema `pooltop.size/1`.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    pooltop_version: &'static str,
    headline: String,
    inputs: serde_json::Map<String, serde_json::Value>,
    #[serde(flatten)]
    sizing: &'a Sizing,
}

/// One JSON document. Spans are seconds, sizes bytes; an input's `source` is `null` for a default.
pub(super) fn json(draft: &Draft, sizing: &Sizing) -> serde_json::Result<String> {
    let input = |field: &Field| {
        let (value, source) = draft.said(*field);
        let value = match (value, field.row().kind) {
            (Some(value), Kind::Choice(_)) => field.show(value).into(),
            #[expect(clippy::cast_possible_truncation, reason = "counts are whole")]
            (Some(value), Kind::Count(..)) => serde_json::json!(value as i64),
            (value, _) => serde_json::json!(value),
        };
        let source = source.map(|source| match source.word() {
            "" => "given",
            word => word,
        });
        (field.row().word.replace('-', "_"), serde_json::json!({ "value": value, "source": source }))
    };
    let document = Document {
        schema: "pooltop.size/1",
        pooltop_version: env!("CARGO_PKG_VERSION"),
        headline: report::headline(sizing),
        inputs: Field::ALL.iter().map(input).collect(),
        sizing,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}
