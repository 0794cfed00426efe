//! What is wrong with a configuration file: where, with a caret, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::nearest;
use crate::text::width::width;

/// A value together with the place where it stands in its file, for those who check its meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Bytes of the file.
    pub span: Range<usize>,
}

impl<T: fmt::Debug> fmt::Debug for Located<T> {
    /// The value alone: the place says nothing to a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The text of a configuration file, kept to show a line of it.
#[derive(Clone, Default)]
pub struct Document {
    path: PathBuf,
    text: Arc<str>,
}

impl Document {
    /// `text` as read from `path`.
    pub fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error for something that only its user can judge: a theme, a command, a URL.
    ///
    /// `message` and `help` must not hold a secret; the line is shown only up to its `=`.
    pub fn error(&self, span: Range<usize>, message: &str, help: &str) -> ConfigError {
        let problem = Problem { span, message: message.into(), help: help.into(), reveal: false };
        ConfigError::Invalid { document: self.clone(), problems: vec![problem] }
    }
}

impl fmt::Debug for Document {
    /// The text may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("path", &self.path).finish_non_exhaustive()
    }
}

/// One thing that is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the document.
    pub span: Range<usize>,
    /// What is wrong, in a few words.
    pub message: String,
    /// What would be right; may be empty.
    pub help: String,
    /// The line may be shown in full, because it is known to hold no secret.
    pub reveal: bool,
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read, or cannot be written.
    #[error("{}: {message}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why, in the system's words.
        message: String,
    },
    /// The file says something that it cannot mean. All problems, in their order in the file.
    #[error("{}", render(document, problems))]
    Invalid {
        /// The file.
        document: Document,
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// A change that was asked for cannot be made.
    #[error("{0}")]
    Edit(String),
}

impl ConfigError {
    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::File { path: path.to_owned(), message: error.to_string() }
    }
}

fn render(document: &Document, problems: &[Problem]) -> String {
    problems.iter().map(|problem| render_one(document, problem)).collect::<Vec<_>>().join("\n")
}

/// ```text
/// config.toml:7:1: unknown key `intervall`
///   7 | intervall = "1s"
///     | ^^^^^^^^^ did you mean `interval`?
/// ```
fn render_one(document: &Document, problem: &Problem) -> String {
    let place = Place::of(&document.text, &problem.span);
    let line = if problem.reveal { place.line.to_owned() } else { masked(place.line) };
    let before = width(&line[..floor(&line, place.before)]);
    let marked = width(place.marked).clamp(1, width(&line).saturating_sub(before).max(1));
    let number = place.number.to_string();
    let gutter = " ".repeat(number.len());
    let help = if problem.help.is_empty() { String::new() } else { format!(" {}", problem.help) };
    format!(
        "{}:{number}:{}: {}\n  {number} | {}\n  {gutter} | {}{}{help}",
        document.path.display(),
        place.column,
        problem.message,
        line.replace('\t', " "),
        " ".repeat(before),
        "^".repeat(marked),
    )
}

/// Where in the text something stands, and the line around it.
struct Place<'a> {
    /// Counted from 1.
    number: usize,
    /// In characters, counted from 1.
    column: usize,
    line: &'a str,
    /// Bytes of the line before the mark.
    before: usize,
    /// The part of the line that is meant.
    marked: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[from..].split(['\n', '\r']).next().unwrap_or_default();
        let before = (start - from).min(line.len());
        let end = floor(line, span.end.saturating_sub(from)).max(before);
        Self {
            number: text[..from].matches('\n').count() + 1,
            column: line[..before].chars().count() + 1,
            line,
            before,
            marked: &line[before..end],
        }
    }
}

/// The nearest beginning of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A line without what stands after its first `=`, which may be a password, or a URL with one. A line of another
/// shape may be the rest of such a value.
fn masked(line: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || " _-.[]".contains(c);
    match line.split_once('=') {
        Some((key, _)) if key.chars().all(is_bare) => format!("{key}= …"),
        None if line.starts_with('[') && line.chars().all(is_bare) => line.to_owned(),
        _ => "…".to_owned(),
    }
}

/// `did you mean …? valid: …`, as far as there is something to say.
pub(super) fn suggest<'a>(word: &str, valid: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let list = valid.clone().into_iter().collect::<Vec<_>>().join(", ");
    match nearest(word, valid) {
        Some(name) => format!("did you mean `{name}`? valid: {list}"),
        None => format!("valid: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_may_hold_a_secret_is_shown_up_to_its_equals_sign() {
        for (line, shown) in [
            ("url = \"postgres://u:secret@h/d\"", "url = …"),
            ("Authorization = \"Bearer secret\"", "Authorization = …"),
            ("headers = { a = \"secret\" }", "headers = …"),
            ("  secret\"", "…"),
            ("\"postgres://u:sec=ret@h\"", "…"),
            ("[[profiles.a.postgres]]", "[[profiles.a.postgres]]"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn a_caret_stands_under_wide_characters_and_spans_outside_the_text_do_not_matter() {
        let document = Document::new(Path::new("c.toml"), "a = 1\nlabel = \"漢字\" x\n");
        let show = |span, reveal| {
            let problem = Problem { span, message: "odd".into(), help: "no".into(), reveal };
            ConfigError::Invalid { document: document.clone(), problems: vec![problem] }.to_string()
        };
        assert_eq!(
            show(23..24, true),
            "c.toml:2:14: odd\n  2 | label = \"漢字\" x\n    |                ^ no"
        );
        assert_eq!(show(0..1, true), "c.toml:1:1: odd\n  1 | a = 1\n    | ^ no");
        assert_eq!(show(900..910, false), "c.toml:3:1: odd\n  3 | …\n    | ^ no");
    }
}
