//! `docs/findings.md` is made from the tables of the program, and `doctor --explain` reads the same ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pooltop::analysis::reference::advice::ADVICE;
use pooltop::analysis::reference::errors::ERRORS;
use pooltop::analysis::reference::unseen::UNSEEN;
use pooltop::analysis::reference::{KINDS, RULES, filled, points, states};
use pooltop::model::finding::Rule;
use pooltop::model::thresholds::Thresholds;
use pooltop::model::thresholds::table::FIELDS;

use super::program::Home;

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    filled(text).replace('|', "\\|")
}

/// A link to a rule's section.
fn link(rule: Rule) -> String {
    let anchor: String = rule.as_str().chars().filter(|c| *c != '.').collect();
    format!("[`{}`](#{anchor})", rule.as_str())
}

/// The beginning, with the list of contents.
const INTRODUCTION: &str = "\
# Findings

What pooltop finds, when, and what to do about it. This file is made from the tables of the program
(`tests/cli/reference.rs` compares them); numbers in parentheses are the defaults of the thresholds.

[Error messages](#error-messages) · [Rules](#rules) · [Evidence of a leak](#evidence-of-a-leak) · [Advice](#advice) ·
[Thresholds](#thresholds) · [What cannot be seen](#what-cannot-be-seen)
";

fn page() -> String {
    [INTRODUCTION.to_owned(), messages(), rules(), evidence(), advice(), thresholds(), unseen()].join("\n")
}

fn messages() -> String {
    let mut out = "\
## Error messages

Where to look when an application, a pooler or a server says one of these. `*` is any text.
`pooltop doctor --explain 'TEXT'` looks a message up.

| message | says | means | findings |
|---|---|---|---|
"
    .to_owned();
    for row in ERRORS {
        let patterns: Vec<String> =
            row.patterns.iter().map(|pattern| format!("`{}`", pattern.trim_matches('*').trim())).collect();
        let from = row.code.map_or_else(|| row.from.to_owned(), |code| format!("{}, {code}", row.from));
        let rules: Vec<String> = row.rules.iter().map(|rule| link(*rule)).collect();
        let (patterns, rules) = (patterns.join(", "), rules.join(", "));
        let _ = writeln!(out, "| {patterns} | {from} | {} | {rules} |", cell(row.means));
    }
    out
}

fn rules() -> String {
    let mut out = "\
## Rules

Each finding has the name of its rule, a severity (notice, warning, critical), its evidence in sentences, what else could
explain it, and what to do. The finding on the screen has the numbers; here is what they mean.
"
    .to_owned();
    for row in RULES {
        let [means, fires, alternative, remedy] =
            [row.means, row.fires, row.alternative, row.remedy].map(filled);
        let name = row.rule.as_str();
        let _ = write!(
            out,
            "\n### {name}\n\n{means}\n\n- **Fires:** {fires}\n- **Or else:** {alternative}\n- **To do:** {remedy}\n"
        );
    }
    out
}

fn evidence() -> String {
    let mut out = "\
## Evidence of a leak

A pool's size says nothing about leaks. Counted is what is *stranded*: held by somebody who does nothing with it. Eleven
kinds of evidence weigh points; the strongest names the rule.

| | what speaks against the pool | points | or else | rule |
|---|---|---|---|---|
"
    .to_owned();
    for row in KINDS {
        let (number, rule) = (row.kind.number(), link(row.kind.rule()));
        let (claim, weighs, alternative) = (cell(row.claim), points(row.kind), cell(row.alternative));
        let _ = writeln!(out, "| {number} | {claim} | {weighs} | {alternative} | {rule} |");
    }
    out.push('\n');
    for sentence in states() {
        let _ = writeln!(out, "- {}", filled(&sentence));
    }
    out
}

fn advice() -> String {
    let mut out = "\
## Advice

What to change so that it does not come back, with its arithmetic.

| advice | when | what it says |
|---|---|---|
"
    .to_owned();
    for row in ADVICE {
        let _ = writeln!(out, "| {} | {} | {} |", row.issue, cell(row.when), cell(row.says));
    }
    out
}

fn thresholds() -> String {
    let mut out = "\
## Thresholds

Each can be set in `[profiles.NAME.thresholds]`. Values out of range are refused, and so are scores that do not rise from
`watch` over `suspect` to `leak`.

| name | default | range | what it means | why |
|---|---|---|---|---|
"
    .to_owned();
    let default = Thresholds::default();
    for field in FIELDS {
        let (name, value, range) = (field.name, field.shown(&default), field.kind.range());
        let _ = writeln!(out, "| `{name}` | {value} | {range} | {} | {} |", field.meaning, field.why);
    }
    out
}

fn unseen() -> String {
    let mut out = "\
## What cannot be seen

| what | why |
|---|---|
"
    .to_owned();
    for (what, why) in UNSEEN {
        let _ = writeln!(out, "| {what} | {why} |");
    }
    out
}

#[test]
fn the_page_of_findings_is_what_the_tables_say() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let page = page();
    if fs::read_to_string(&written).unwrap_or_default() != page {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("findings.md");
        fs::write(&made, page).unwrap();
        panic!("docs/findings.md is not what the tables say: cp {} docs/findings.md", made.display());
    }
}

#[test]
fn a_pasted_message_leads_to_its_findings() {
    let home = Home::new();
    let ran =
        home.run(&["doctor", "--explain", "QueuePool limit of size 5 overflow 10 reached, timeout 30.00"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("SQLAlchemy: ") && ran.out.contains("\n  pool.timeouts  "), "{ran:?}");
    let ran = home.run(&["doctor", "--explain", "it is slow"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
}
