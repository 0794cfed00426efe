//! Reads a TOML document key by key, remembers what was asked for, and collects every problem with its place.
//!
//! Written on `toml`'s spanned tree rather than on serde, which stops at the first error and loses the place of
//! what only a later check finds wrong.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Located, Problem, suggest};
use crate::model::secret::SecretString;
use crate::text::{size, span};

type Value<'d> = Spanned<DeValue<'d>>;

/// What was found wrong so far, and which keys exist.
#[derive(Default)]
pub(super) struct Findings {
    problems: RefCell<Vec<Problem>>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl Findings {
    /// Adds a problem on a line that holds no secret.
    pub(super) fn add(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.push(Problem { span, message: message.into(), help: help.into(), reveal: true });
    }

    /// Adds a problem on a line that may hold a secret.
    pub(super) fn add_secret(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.push(Problem { span, message: message.into(), help: help.into(), reveal: false });
    }

    fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Every problem, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.span.start);
        problems
    }

    /// Every key that was asked for anywhere.
    #[cfg(test)]
    pub(super) fn known(&self) -> BTreeSet<&'static str> {
        self.known.borrow().clone()
    }
}

/// One table of the document.
pub(super) struct Section<'d> {
    table: &'d DeTable<'d>,
    /// Its name as a header would write it; empty for the whole document.
    path: String,
    /// Where it begins, for what is missing in it.
    pub(super) span: Range<usize>,
    findings: &'d Findings,
    asked: Vec<&'static str>,
}

impl<'d> Section<'d> {
    /// The whole document.
    pub(super) fn root(table: &'d DeTable<'d>, findings: &'d Findings) -> Self {
        Self { table, path: String::new(), span: 0..0, findings, asked: Vec::new() }
    }

    /// The table that stands here under `key`.
    pub(super) fn child(&self, key: &str, table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        Self { table, path: self.path_of(key), span, findings: self.findings, asked: Vec::new() }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where problems of this table go.
    pub(super) fn findings(&self) -> &'d Findings {
        self.findings
    }

    fn get(&mut self, key: &'static str) -> Option<&'d Value<'d>> {
        self.asked.push(key);
        self.findings.known.borrow_mut().insert(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether `key` is there at all, whatever it holds.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Where the value of `key` stands, if it is there.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.span())
    }

    /// What stands under `key`, for a key that can be of several kinds; asking for it is left to whoever reads it.
    pub(super) fn peek(&self, key: &str) -> Option<&'d DeValue<'d>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.get_ref())
    }

    /// Whether `key` is the number −1, with which some settings say "never".
    pub(super) fn is_minus_one(&mut self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| as_integer(value.get_ref()) == Some(-1))
    }

    /// The value of `key` as `read` understands it; a problem naming what was `expected` otherwise.
    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<Located<T>> {
        let value = self.get(key)?;
        let read = read(value.get_ref()).map(|read| Located { value: read, span: value.span() });
        if read.is_none() {
            let is = kind(value.get_ref());
            self.findings.add(value.span(), format!("`{key}` is {is}"), format!("expected {expected}"));
        }
        read
    }

    /// A string, possibly empty.
    pub(super) fn string(&mut self, key: &'static str) -> Option<Located<String>> {
        self.read(key, "a string", as_string)
    }

    /// A string that is never shown.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<Located<SecretString>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            let is = kind(value.get_ref());
            self.findings.add_secret(value.span(), format!("`{key}` is {is}"), "expected a string");
            return None;
        };
        Some(Located { value: SecretString::from(text), span: value.span() })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", DeValue::as_bool).map(|found| found.value)
    }

    /// A whole number within `range`.
    pub(super) fn integer(&mut self, key: &'static str, range: Range<i64>) -> Option<Located<i64>> {
        let expected = match range.end {
            end if end >= i64::from(u32::MAX) => format!("a whole number from {}", range.start),
            end => format!("a whole number from {} to {}", range.start, end - 1),
        };
        let found = self.read(key, &expected, as_integer)?;
        if range.contains(&found.value) {
            return Some(found);
        }
        self.findings.add(found.span, format!("`{key}` is {}", found.value), format!("expected {expected}"));
        None
    }

    /// How many: a whole number from `least`.
    pub(super) fn count(&mut self, key: &'static str, least: u32) -> Option<u32> {
        let found = self.integer(key, i64::from(least)..i64::from(u32::MAX))?;
        u32::try_from(found.value).ok()
    }

    /// A number within `range`, both ends included.
    pub(super) fn number(&mut self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        let expected = format!("a number from {least} to {most}");
        let found = self.read(key, &expected, as_number)?;
        if (least..=most).contains(&found.value) {
            return Some(found.value);
        }
        self.findings.add(found.span, format!("`{key}` is {}", found.value), format!("expected {expected}"));
        None
    }

    /// A span of time: `"60s"`, `"5m"`, or a number of seconds.
    pub(super) fn span(&mut self, key: &'static str) -> Option<Located<Duration>> {
        self.quantity(key, "a span of time such as \"500ms\", \"60s\", \"5m\" or \"1h30m\"", as_span)
    }

    /// A size in bytes: `"64MiB"`, or a number of bytes.
    pub(super) fn size(&mut self, key: &'static str) -> Option<u64> {
        self.quantity(key, "a size such as \"64MiB\" or \"2GB\"", as_size).map(|found| found.value)
    }

    /// A value of which a string, or a number, can be right or wrong.
    fn quantity<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&'d DeValue<'d>) -> Option<Result<T, String>>,
    ) -> Option<Located<T>> {
        let found = self.read(key, expected, read)?;
        match found.value {
            Ok(value) => Some(Located { value, span: found.span }),
            Err(text) => {
                let message = format!("`{key}` cannot be `{text}`");
                self.findings.add(found.span, message, format!("expected {expected}"));
                None
            }
        }
    }

    /// A list of strings, possibly empty.
    pub(super) fn words(&mut self, key: &'static str, example: &str) -> Option<Located<Vec<String>>> {
        self.read(key, example, as_words)
    }

    /// A command with its arguments.
    pub(super) fn command(&mut self, key: &'static str, example: &str) -> Option<Vec<String>> {
        let example = format!("a command as a list of words: {example}");
        let found = self.words(key, &example)?;
        if found.value.is_empty() {
            self.findings.add(found.span, format!("`{key}` is empty"), format!("expected {example}"));
            return None;
        }
        Some(found.value)
    }

    /// One of the words of `choices`.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let names = choices.iter().map(|(name, _)| *name);
        let expected = names.clone().collect::<Vec<_>>().join(", ");
        let found = self.read(key, &format!("one of {expected}"), as_string)?;
        let choice = choices.iter().find(|(name, _)| *name == found.value).map(|(_, value)| *value);
        if choice.is_none() {
            let message = format!("`{key}` cannot be `{}`", found.value);
            self.findings.add(found.span, message, suggest(&found.value, names));
        }
        choice
    }

    /// A table under `key`.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'d>> {
        let expected = format!("a table: [{}]", self.path_of(key));
        let found = self.read(key, &expected, DeValue::as_table)?;
        Some(self.child(key, found.value, found.span))
    }

    /// A list of tables under `key`; none where there is none.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'d>> {
        let expected = format!("a list of tables: [[{}]]", self.path_of(key));
        let Some(found) = self.read(key, &expected, DeValue::as_array) else { return Vec::new() };
        let mut sections = Vec::new();
        for value in found.value {
            match value.get_ref().as_table() {
                Some(table) => sections.push(self.child(key, table, value.span())),
                None => self.findings.add_secret(
                    value.span(),
                    format!("an entry of `{key}` is {}", kind(value.get_ref())),
                    format!("expected {expected}"),
                ),
            }
        }
        sections
    }

    /// Every entry, in the order of the file, for tables whose keys are names of the user's.
    pub(super) fn entries(&self) -> Vec<(Located<String>, &'d Value<'d>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| (Located { value: key.get_ref().to_string(), span: key.span() }, value))
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.entries() {
            if !self.asked.contains(&key.value.as_str()) {
                let help = suggest(&key.value, self.asked.iter().copied());
                self.findings.add_secret(key.span, format!("unknown key `{}`", key.value), help);
            }
        }
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn as_string(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

fn as_integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().parse().ok(),
        #[expect(clippy::cast_precision_loss, reason = "thresholds and shares are small")]
        other => as_integer(other).map(|number| number as f64),
    }
}

/// `Err` with the value as text where it has the right type and is no span.
fn as_span(value: &DeValue<'_>) -> Option<Result<Duration, String>> {
    match value.as_str() {
        Some(text) => Some(span::parse(text).ok_or_else(|| text.to_owned())),
        None => as_number(value)
            .map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|_| seconds.to_string())),
    }
}

/// `Err` with the value as text where it has the right type and is no size.
pub(super) fn as_size(value: &DeValue<'_>) -> Option<Result<u64, String>> {
    match value.as_str() {
        Some(text) => Some(size::parse(text).ok_or_else(|| text.to_owned())),
        None => as_integer(value).map(|bytes| u64::try_from(bytes).map_err(|_| bytes.to_string())),
    }
}

fn as_words(value: &DeValue<'_>) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|word| as_string(word.get_ref())).collect()
}
