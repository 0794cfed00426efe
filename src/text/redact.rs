//! What leaves the screen leaves without the values that people put into their statements.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Text;
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

    /// A sentence as it may leave: what repeats the beginning of one of `statements` is treated as that statement;
    /// prose and its numbers stay.
    pub fn sentence<'a>(self, sentence: &Text, statements: impl IntoIterator<Item = &'a Text>) -> Text {
        if self == Self::None {
            return sentence.clone();
        }
        let mut repeats: Vec<(usize, usize)> =
            statements.into_iter().flat_map(|statement| occurrences(sentence, statement)).collect();
        if repeats.is_empty() {
            return sentence.clone();
        }
        repeats.sort_unstable();
        let (mut out, mut done) = (String::with_capacity(sentence.len()), 0);
        for repeat in &repeats {
            // Of statements that begin alike, the one that reaches furthest counts.
            let to = repeats.iter().filter(|other| other.0 == repeat.0).map(|other| other.1).max();
            if repeat.0 >= done {
                out.push_str(&sentence[done..repeat.0]);
                done = repeat.0
                    + self.embedded(&sentence[repeat.0..], to.unwrap_or(repeat.1) - repeat.0, &mut out);
            }
        }
        out.push_str(&sentence[done..]);
        Text::block(&out)
    }

    /// Appends what may be shown of the statement at the beginning of `text`, which is known for `known` bytes, and
    /// says how far it went: a literal is never left half.
    fn embedded(self, text: &str, known: usize, out: &mut String) -> usize {
        let mut at = 0;
        for token in tokens(text) {
            if at >= known {
                break;
            }
            at += token.text.len();
            if self == Self::Literals {
                out.push_str(placeholder(&token).unwrap_or(token.text));
            }
            if has_two_readings(&token) {
                at = text.len();
            }
        }
        if self == Self::Queries {
            out.push('?');
        }
        at
    }
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

/// Where `sentence` repeats `statement` on one line, perhaps cut: from its beginning to where the two part.
fn occurrences(sentence: &str, statement: &str) -> Vec<(usize, usize)> {
    const ENOUGH: usize = 16;
    let line = statement.replace('\n', " ");
    let line = line.trim();
    // A single word is no statement that could be told from prose.
    if !line.contains(' ') {
        return Vec::new();
    }
    let beginning = line.char_indices().nth(ENOUGH).map_or(line, |(at, _)| &line[..at]);
    let reach = |from: usize| {
        let same = sentence[from..].chars().zip(line.chars()).take_while(|(a, b)| a == b);
        from + same.map(|(c, _)| c.len_utf8()).sum::<usize>()
    };
    sentence.match_indices(beginning).map(|(from, _)| (from, reach(from))).collect()
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
            let safe = Redaction::Literals.sentence(&sentence.into(), [&statement]);
            assert_eq!(&*safe, redacted, "{sentence}");
        }
        let said = Text::from("5 run select 1");
        let statement = Text::from("select 1");
        assert_eq!(&*Redaction::Literals.sentence(&said, [&statement]), "5 run select ?");
        assert_eq!(&*Redaction::Queries.sentence(&said, [&statement]), "5 run ?");
        assert_eq!(Redaction::None.sentence(&said, [&statement]), said);
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
            literals in prop::collection::vec(literal(), 1..4), cut in any::<prop::sample::Index>(),
        ) {
            let statements: Vec<Text> =
                literals.iter().map(|literal| Text::block(&format!("select a, b from t where c = {literal}"))).collect();
            let said = Text::line(&statements[0]);
            let ends: Vec<usize> = said.char_indices().map(|(at, _)| at).chain([said.len()]).collect();
            let sentence = Text::line(&format!("3 of them ran {}…", &said[..ends[cut.index(ends.len())]]));
            let safe = Redaction::Literals.sentence(&sentence, &statements);
            prop_assert!(!safe.contains("SECRET") && safe.starts_with("3 of them ran"), "{sentence} became {safe}");
        }

        #[test]
        fn nothing_panics_and_a_second_pass_finds_nothing(raw in any::<Vec<u8>>(), sql in "[aeEUuNnBX&'\"$\\\\/*0-9. \n-]{0,60}") {
            for text in [String::from_utf8_lossy(&raw).into_owned(), sql] {
                let once = literals(&text).into_owned();
                prop_assert!(tokens(&once).all(|t| !matches!(t.kind, Kind::String | Kind::Number)), "{text} became {once}");
                let _ = Redaction::Literals.sentence(&Text::line(&text), [&Text::block(&text)]);
            }
        }
    }
}
