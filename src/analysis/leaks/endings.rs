//! What the last statement of a connection says about it: given back, listening, housekeeping, or work.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sha2::{Digest as _, Sha256};

use crate::text::Text;
use crate::text::clean::cut;
use crate::text::fingerprint::fingerprint;
use crate::text::redact::literals_within;
use crate::text::sql::{Kind, Token, tokens};

/// So much of a statement tells it from others, without its values: what is longer is cut, for the sake of time.
const TOLD_BY: usize = 256;
/// Of so much of it: values may be long. Servers cut statements far earlier unless told otherwise.
const READ: usize = 16 * 1024;
/// Statements remembered at most.
const KNOWN: usize = 4096;
/// Statements looked up in one sample at most: a sample of a sample still says what is usual.
///
/// Whether one was seen before must not matter: an analyser that was read back knows none of them, and has to come to the
/// same conclusions.
const LOOK_UPS: u32 = 4096;

/// What a statement is good for as the last one of an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A reset that drivers and poolers run when a connection is given back.
    Release,
    /// It waits for notifications, silent for as long as there are none.
    Listen,
    /// Transaction control, settings, pings: any code path ends with these.
    Housekeeping,
    /// A statement of the application.
    Work,
}

/// One statement, apart from its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) ending: Ending,
    /// Of its fingerprint.
    pub(crate) hash: u64,
}

/// Remembers statements that were looked at before.
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct Shapes {
    known: HashMap<u64, Shape>,
    look_ups: u32,
}

impl Shapes {
    /// A new sample begins.
    pub(in crate::analysis) fn begin(&mut self) {
        if self.known.len() > KNOWN {
            self.known.clear();
        }
        self.look_ups = 0;
    }

    /// A statement's shape; `None` when this sample has cost enough already.
    pub(in crate::analysis) fn of(&mut self, sql: &Text) -> Option<Shape> {
        if self.look_ups >= LOOK_UPS {
            return None;
        }
        self.look_ups += 1;
        let sql = cut(sql, READ);
        let shape = *self.known.entry(key(sql)).or_insert_with(|| {
            let told_by = beginning(sql);
            Shape { ending: ending(&told_by), hash: hash(&fingerprint(&told_by)) }
        });
        Some(shape)
    }
}

/// The part of a statement that tells it from others, its values taken out: so the statement says the same before and
/// after it was redacted.
pub(super) fn beginning(sql: &str) -> String {
    literals_within(cut(sql, READ), TOLD_BY)
}

/// What a statement is remembered by in this process.
fn key(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

/// Tells statements apart in what is saved, so it is the same in every build. Of a text without values, of which it
/// therefore gives nothing away.
fn hash(fingerprint: &str) -> u64 {
    let digest = Sha256::digest(fingerprint);
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn ending(sql: &str) -> Ending {
    let words: Vec<Token<'_>> =
        tokens(sql).filter(|token| !matches!(token.kind, Kind::Whitespace | Kind::Comment)).collect();
    let statements: Vec<&[Token<'_>]> =
        words.split(|token| token.text == ";").filter(|statement| !statement.is_empty()).collect();
    match statements.last() {
        Some(last) if is_release(last) => Ending::Release,
        Some(last) if starts_with(last, &["listen"]) => Ending::Listen,
        _ if statements.iter().all(|statement| is_housekeeping(statement)) => Ending::Housekeeping,
        _ => Ending::Work,
    }
}

/// Statements that undo what a session did, which nobody runs but whoever is done with it.
const RELEASES: [&[&str]; 7] = [
    &["discard"],
    &["reset", "all"],
    &["reset", "role"],
    &["reset", "session"],
    &["unlisten", "*"],
    &["close", "all"],
    &["deallocate", "all"],
];

fn is_release(statement: &[Token<'_>]) -> bool {
    RELEASES.iter().any(|words| starts_with(statement, words))
        || statement.iter().any(|token| token.text.eq_ignore_ascii_case("pg_advisory_unlock_all"))
}

const HOUSEKEEPING: [&str; 15] = [
    "abort",
    "begin",
    "close",
    "commit",
    "deallocate",
    "discard",
    "end",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "set",
    "show",
    "start",
    "unlisten",
];

/// Functions that drivers ask to find out where they are.
const ABOUT_THE_SERVER: [&str; 9] = [
    "current_database",
    "current_schema",
    "current_setting",
    "pg_backend_pid",
    "pg_catalog",
    "pg_is_in_recovery",
    "set_config",
    "timezone",
    "version",
];

/// Also pings: a `SELECT` of constants only, or of what the server is.
fn is_housekeeping(statement: &[Token<'_>]) -> bool {
    let Some((first, rest)) = statement.split_first() else { return true };
    let is = |words: &[&str], text: &str| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&HOUSEKEEPING, first.text) {
        return true;
    }
    let mut before = first;
    first.text.eq_ignore_ascii_case("select")
        && rest.iter().all(|token| {
            let alias = before.text.eq_ignore_ascii_case("as");
            before = token;
            match token.kind {
                Kind::Identifier => alias || is(&ABOUT_THE_SERVER, token.text),
                Kind::Keyword => !token.text.eq_ignore_ascii_case("from"),
                _ => true,
            }
        })
}

fn starts_with(statement: &[Token<'_>], words: &[&str]) -> bool {
    statement.len() >= words.len()
        && statement.iter().zip(words).all(|(token, word)| token.text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::redact::literals;

    #[test]
    fn an_ending_is_told_by_rules_and_not_by_drivers() {
        for (sql, expected) in [
            ("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;", Ending::Release),
            ("DISCARD ALL", Ending::Release),
            ("discard temp;", Ending::Release),
            ("/* pool */ reset session authorization", Ending::Release),
            ("ROLLBACK; DEALLOCATE ALL", Ending::Release),
            ("select pg_catalog.pg_advisory_unlock_all()", Ending::Release),
            ("DISCARD ALL; SELECT * FROM orders", Ending::Work),
            ("LISTEN orders", Ending::Listen),
            ("SET search_path TO x; LISTEN \"Chan\"", Ending::Listen),
            ("COMMIT", Ending::Housekeeping),
            ("ROLLBACK;", Ending::Housekeeping),
            (";", Ending::Housekeeping),
            ("-- ping", Ending::Housekeeping),
            ("", Ending::Housekeeping),
            ("SELECT 1", Ending::Housekeeping),
            ("SELECT 1 AS ok", Ending::Housekeeping),
            ("select $1", Ending::Housekeeping),
            ("select pg_catalog.version()", Ending::Housekeeping),
            ("SHOW transaction isolation level", Ending::Housekeeping),
            ("SELECT 1 FROM orders", Ending::Work),
            ("SELECT id", Ending::Work),
            ("select f(1)", Ending::Work),
            ("BEGIN; select x from y", Ending::Work),
            ("close_all()", Ending::Work),
            ("insert into t values (1)", Ending::Work),
        ] {
            assert_eq!(ending(sql), expected, "{sql}");
        }
    }

    #[test]
    fn values_do_not_make_a_statement_another() {
        let mut shapes = Shapes::default();
        let of = |shapes: &mut Shapes, sql: &str| shapes.of(&Text::block(sql)).unwrap();
        let one = of(&mut shapes, "select * from t where id = 1");
        assert_eq!(one, of(&mut shapes, "select *  from t where id = 2"));
        assert_ne!(one.hash, of(&mut shapes, "select * from u where id = 1").hash);
        // However long its values are; and a name that is cut in the middle of a character.
        let long = format!("select '{}' from t", "é".repeat(400));
        assert_eq!(of(&mut shapes, &long).ending, Ending::Work);
        assert_eq!(of(&mut shapes, &format!("select {}", "é".repeat(400))).ending, Ending::Work);
    }

    #[test]
    fn one_sample_looks_at_so_many_statements_and_the_next_one_goes_on() {
        let mut shapes = Shapes::default();
        let text = |n: u32| Text::block(&format!("select a{n} from t"));
        let seen = |shapes: &mut Shapes| (0..2 * LOOK_UPS).filter(|n| shapes.of(&text(*n)).is_some()).count();
        for _ in 0..2 {
            assert_eq!(seen(&mut shapes), LOOK_UPS as usize);
            shapes.begin();
        }
    }

    proptest! {
        #[test]
        fn a_redacted_statement_is_the_same_statement(sql in statement()) {
            let redacted = Text::block(&literals(&sql));
            prop_assert_eq!(literals(&redacted), &*redacted);
            prop_assert_eq!(fingerprint(&sql), fingerprint(&redacted));
            let mut shapes = Shapes::default();
            prop_assert_eq!(shapes.of(&Text::block(&sql)), shapes.of(&redacted), "{}", redacted);
        }
    }

    /// Anything that could be a statement: words, values in every spelling, comments, also cut anywhere.
    fn statement() -> impl Strategy<Value = String> {
        let parts = proptest::collection::vec(proptest::sample::select(&PARTS), 0..60);
        (parts, "\\PC{0,12}", 0_usize..400).prop_map(|(parts, wild, end)| {
            let sql = parts.concat() + &wild;
            cut(&sql, end).to_owned()
        })
    }

    const PARTS: [&str; 44] = [
        " ",
        " ",
        "\n",
        "select",
        "SET x = ",
        "listen c",
        "discard all",
        ";",
        ", ",
        "(",
        ")",
        "*",
        "/",
        "-",
        "--",
        "/*",
        "*/",
        "/* c */",
        "-- c\n",
        "'",
        "''",
        "'a'",
        "e'\\''",
        "E'x",
        "'\\'",
        "u&'a'",
        "b'1'",
        "x'f",
        "$$",
        "$a$",
        "$1",
        "$1a",
        "1",
        "1.5e3",
        "0x1f",
        "1_000",
        ".5",
        "\"",
        "\"q\"",
        "?",
        "::text",
        "é",
        "and a.b =",
        "version()",
    ];
}
