//! What leaves the screen leaves without the values that people put into their statements.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Text;
use super::clean::cut;
use super::sql::{Kind, Token, tokens};

/// What is taken out of statements before they leave the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redaction {
    /// Strings, numbers and comments: `WHERE id = ?`.
    #[default]
    Literals,
    /// Whole statements.
    Queries,
    /// Nothing.
    None,
}

impl Redaction {
    /// The word used in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Literals => "literals",
            Self::Queries => "queries",
            Self::None => "none",
        }
    }

    /// A statement as it may leave; `None` where statements may not.
    pub fn statement(self, sql: &Text) -> Option<Text> {
        match self {
            Self::Literals => Some(Text::block(&literals(sql))),
            Self::Queries => None,
            Self::None => Some(sql.clone()),
        }
    }
}

/// Redacts what leaves at one moment: statements, and the sentences that may repeat them.
#[derive(Clone, Debug)]
pub struct Redactor {
    redaction: Redaction,
    /// Statements of which something would be taken out, on one line each, by how they begin.
    statements: BTreeMap<String, Vec<String>>,
}

impl Redactor {
    /// `statements` are those that a sentence of the moment might repeat.
    pub fn new<'a>(redaction: Redaction, statements: impl IntoIterator<Item = &'a Text>) -> Self {
        let mut by_beginning: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let matters = |statement: &&Text| match redaction {
            Redaction::Literals => matches!(literals(statement), Cow::Owned(_)),
            Redaction::Queries => true,
            Redaction::None => false,
        };
        let all: HashSet<&Text> = statements.into_iter().collect();
        for statement in all.into_iter().filter(matters) {
            let line = statement.replace('\n', " ").trim().to_owned();
            // A single word is no statement that could be told from prose.
            if line.contains(' ') {
                by_beginning.entry(beginning(&line, redaction).to_owned()).or_default().push(line);
            }
        }
        Self { redaction, statements: by_beginning }
    }

    /// A statement as it may leave; `None` where statements may not.
    pub fn statement(&self, sql: &Text) -> Option<Text> {
        self.redaction.statement(sql)
    }

    /// A sentence as it may leave: what repeats the beginning of a known statement is treated as that statement;
    /// prose and its numbers stay.
    pub fn sentence(&self, sentence: &Text) -> Text {
        let mut repeats: Vec<(usize, usize)> =
            self.statements.iter().flat_map(|(begin, lines)| repeats(sentence, begin, lines)).collect();
        if repeats.is_empty() {
            return sentence.clone();
        }
        repeats.sort_unstable();
        let (mut out, mut done) = (String::with_capacity(sentence.len()), 0);
        for (from, to) in merged(repeats) {
            // What was taken for the end of a literal may reach into the next one.
            let from = from.max(done);
            if from < to {
                out.push_str(&sentence[done..from]);
                done = from + self.embedded(&sentence[from..], to - from, &mut out);
            }
        }
        out.push_str(&sentence[done..]);
        Text::block(&out)
    }

    /// Appends what may be shown of the statement at the beginning of `text`, which is known for `known` bytes, and
    /// says how far it went: a literal is never left half.
    fn embedded(&self, text: &str, known: usize, out: &mut String) -> usize {
        let mut at = 0;
        for token in tokens(text) {
            if at >= known {
                break;
            }
            at += token.text.len();
            if self.redaction == Redaction::Literals {
                out.push_str(placeholder(&token).unwrap_or(token.text));
            }
            if has_two_readings(&token) {
                at = text.len();
            }
        }
        if self.redaction == Redaction::Queries {
            out.push('?');
        }
        at
    }
}

/// Sorted ranges without overlaps: statements may begin alike, or one may hold another.
fn merged(ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// By what a repetition of a statement is recognised: what stands before its first literal, because a repetition cut
/// before that has nothing to hide; at most so much, because that tells it from prose.
fn beginning(line: &str, redaction: Redaction) -> &str {
    const AT_LEAST: usize = 4;
    const ENOUGH: usize = 16;
    let shown = match redaction {
        Redaction::Literals => {
            let before = tokens(line).take_while(|token| placeholder(token).is_none());
            before.map(|token| token.text.chars().count()).sum()
        }
        Redaction::Queries | Redaction::None => ENOUGH,
    };
    line.char_indices().nth(shown.clamp(AT_LEAST, ENOUGH)).map_or(line, |(at, _)| &line[..at])
}

/// Where `sentence` repeats a statement of that beginning, perhaps cut: to where it parts from the last of `lines`.
fn repeats<'a>(
    sentence: &'a str,
    beginning: &'a str,
    lines: &'a [String],
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let reach = |from: usize, line: &str| {
        let same = sentence[from..].chars().zip(line.chars()).take_while(|(a, b)| a == b);
        from + same.map(|(c, _)| c.len_utf8()).sum::<usize>()
    };
    sentence.match_indices(beginning).map(move |(from, found)| {
        (from, lines.iter().map(|line| reach(from, line)).max().unwrap_or(from + found.len()))
    })
}

/// `sql` with every string, number and comment replaced; `$1` stays. Text that was cut inside a literal counts
/// as that literal.
///
/// Errs on the safe side: where a backslash before a quote could mean two things (the session may have switched
/// `standard_conforming_strings` off), everything from there on is replaced.
pub fn literals(sql: &str) -> Cow<'_, str> {
    if !tokens(sql).any(|token| placeholder(&token).is_some()) {
        return sql.into();
    }
    let mut out = String::with_capacity(sql.len());
    for token in tokens(sql) {
        out.push_str(placeholder(&token).unwrap_or(token.text));
        if has_two_readings(&token) {
            break;
        }
    }
    out.into()
}

/// The beginning of [`literals`], at most `room` bytes, at the cost of as much of the statement as it takes.
pub fn literals_within(sql: &str, room: usize) -> String {
    let mut out = String::with_capacity(sql.len().min(room));
    for token in tokens(sql) {
        if out.len() >= room {
            break;
        }
        out.push_str(placeholder(&token).unwrap_or(token.text));
        if has_two_readings(&token) {
            break;
        }
    }
    out.truncate(cut(&out, room).len());
    out
}

/// What stands in place of a token that may hold a value of the application.
pub(super) fn placeholder(token: &Token<'_>) -> Option<&'static str> {
    match token.kind {
        Kind::String | Kind::Number => Some("?"),
        Kind::Comment => Some("/*?*/"),
        // `$1abc` is no parameter; nobody knows what it is.
        Kind::Parameter if !token.text[1..].bytes().all(|b| b.is_ascii_digit()) => Some("?"),
        _ => None,
    }
}

/// A plain string with an odd number of backslashes before a quote: its end depends on a setting of the session.
pub(super) fn has_two_readings(token: &Token<'_>) -> bool {
    if token.kind != Kind::String || token.text.starts_with(['e', 'E', '$']) {
        return false;
    }
    let mut backslashes = 0;
    token.text.bytes().any(|byte| {
        let odd = byte == b'\'' && backslashes % 2 == 1;
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        odd
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_literal_is_replaced() {
        for (sql, redacted) in [
            ("select * from t where id = 42", "select * from t where id = ?"),
            ("select -1.5e-3, .5, 0x1F, 1_000, 7..9", "select -?, ?, ?, ?, ?..?"),
            ("where a = 'it''s' and b = E'it\\'s'", "where a = ? and b = ?"),
            ("where a = U&'d\\0061t' uescape '!'", "where a = ? uescape ?"),
            ("select b'0101', X'1FF', n'x'", "select ?, ?, ?"),
            ("do $body$ select 'x' $body$", "do ?"),
            ("do $$ it's $$ language sql", "do ? language sql"),
            ("select 1 -- card 4111", "select ? /*?*/"),
            ("select /* a /* b */ c */ x", "select /*?*/ x"),
            ("select x from t2 where \"User 1\".y = $1", "select x from t2 where \"User 1\".y = $1"),
            ("limit 10offset 20", "limit ? ?"),
        ] {
            assert_eq!(literals(sql), redacted, "{sql}");
        }
    }

    #[test]
    fn a_literal_without_its_end_is_replaced_to_the_end() {
        for (sql, redacted) in [
            ("where a = 'secr", "where a = ?"),
            ("where a = E'secr\\", "where a = ?"),
            ("do $x$ secr", "do ?"),
            ("do $x$ secret $x", "do ?"),
            ("select 1 /* secr", "select ? /*?*/"),
            ("where a = U&'secr", "where a = ?"),
            ("values (12", "values (?"),
        ] {
            assert_eq!(literals(sql), redacted, "{sql}");
        }
    }

    #[test]
    fn where_a_backslash_has_two_readings_nothing_after_it_is_kept() {
        for (sql, redacted) in [
            ("select 'it\\'', 'secret'", "select ?"),
            ("select 'a\\', 'secret'", "select ?"),
            ("select E'x'\n'a\\'secret'", "select ?\n?"),
            ("select 'a\\\\', x", "select ?, x"),
            ("select 'C:\\temp', x", "select ?, x"),
        ] {
            assert_eq!(literals(sql), redacted, "{sql}");
        }
    }

    #[test]
    fn a_sentence_loses_the_values_of_its_statement_and_keeps_its_own_numbers() {
        let statement = Text::block("UPDATE orders\nSET status = 'paid' WHERE id = 4711");
        for (sentence, redacted) in [
            (
                "14 sessions, last statement UPDATE orders SET status = 'paid' WHERE id = 47…",
                "14 sessions, last statement UPDATE orders SET status = ? WHERE id = ?",
            ),
            (
                "2 x UPDATE orders SET status = 'paid back' and UPDATE orders SET status = 'pai', 3 wait",
                "2 x UPDATE orders SET status = ? and UPDATE orders SET status = ?, 3 wait",
            ),
            ("last: UPDATE orders SE…", "last: UPDATE orders SE…"),
            ("last: UPDATE orders SET status = 'pa…", "last: UPDATE orders SET status = ?"),
            ("the session's 14 locks", "the session's 14 locks"),
        ] {
            let safe = Redactor::new(Redaction::Literals, [&statement]).sentence(&sentence.into());
            assert_eq!(&*safe, redacted, "{sentence}");
        }
        let said = Text::from("5 run select 1");
        let statement = Text::from("select 1");
        assert_eq!(&*Redactor::new(Redaction::Literals, [&statement]).sentence(&said), "5 run select ?");
        assert_eq!(&*Redactor::new(Redaction::Queries, [&statement]).sentence(&said), "5 run ?");
        assert_eq!(Redactor::new(Redaction::None, [&statement]).sentence(&said), said);
    }

    #[test]
    fn statements_leave_as_the_redaction_says() {
        let sql = Text::block("select 1");
        assert_eq!(Redaction::Literals.statement(&sql).as_deref(), Some("select ?"));
        assert_eq!(Redaction::Queries.statement(&sql), None);
        assert_eq!(Redaction::None.statement(&sql), Some(sql));
    }

    /// A literal in one of its spellings, around a word that must not survive.
    fn literal() -> impl Strategy<Value = String> {
        let inner = "[ a-z;,()=\"-]{0,6}SECRET[ a-z;,()=\"*-]{0,6}";
        prop_oneof![
            inner.prop_map(|s| format!("'{s}''{s}'")),
            inner.prop_map(|s| format!("E'{s}\\'{s}\\\\'")),
            inner.prop_map(|s| format!("U&'{s}'")),
            inner.prop_map(|s| format!("N'{s}'")),
            inner.prop_map(|s| format!("$${s}'$$")),
            inner.prop_map(|s| format!("$tag$ {s} $other$ {s} $tag$")),
            inner.prop_map(|s| format!("/* {s} /* ' */ {s} */")),
            inner.prop_map(|s| format!("-- {s}'\n")),
            inner.prop_map(|s| format!("'{s}\\'{s}', '{s}'")),
            Just("4242424242".to_owned()),
            Just("42.42e42".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn no_literal_survives_however_the_statement_is_cut(
            parts in prop::collection::vec(
                (prop_oneof![Just(" where x = "), Just(", "), Just(" \"odd ' name\" "), Just(" $1 + "), Just("(")], literal()),
                1..6,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let sql: String = parts.iter().flat_map(|(glue, literal)| [*glue, literal.as_str()]).collect();
            let ends: Vec<usize> = sql.char_indices().map(|(at, _)| at).chain([sql.len()]).collect();
            let sql = &sql[..ends[cut.index(ends.len())]];
            let redacted = literals(sql);
            prop_assert!(!redacted.contains("SECRET") && !redacted.contains("42"), "{sql} became {redacted}");
        }

        #[test]
        fn no_literal_survives_in_a_sentence_whatever_other_statements_begin_alike(
            literals in prop::collection::vec(literal(), 1..4), which in 0_usize..4, cut in any::<prop::sample::Index>(),
        ) {
            let statements: Vec<Text> =
                literals.iter().flat_map(|literal| {
                    ["select ", "select 1, ", "select a, b from t where c = ", "explain select 1, "]
                        .map(|start| Text::block(&format!("{start}{literal}")))
                }).chain(["select 1".into(), "explain select 1".into()]).collect();
            let said = Text::line(&statements[which]);
            let ends: Vec<usize> = said.char_indices().map(|(at, _)| at).chain([said.len()]).collect();
            let sentence = Text::line(&format!("3 of them ran {}…", &said[..ends[cut.index(ends.len())]]));
            let safe = Redactor::new(Redaction::Literals, &statements).sentence(&sentence);
            prop_assert!(!safe.contains("SECRET") && safe.starts_with("3 of them ran"), "{sentence} became {safe}");
        }

        #[test]
        fn nothing_panics_and_a_second_pass_finds_nothing(raw in any::<Vec<u8>>(), sql in "[aeEUuNnBX&'\"$\\\\/*0-9. \n-]{0,60}") {
            for text in [String::from_utf8_lossy(&raw).into_owned(), sql] {
                let once = literals(&text).into_owned();
                prop_assert!(tokens(&once).all(|t| !matches!(t.kind, Kind::String | Kind::Number)), "{text} became {once}");
                let _ = Redactor::new(Redaction::Literals, [&Text::block(&text)]).sentence(&Text::line(&text));
            }
        }
    }
}
