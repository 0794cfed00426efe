//! What the last statement of a connection says about it: given back, listening, housekeeping, or work.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::text::Text;
use crate::text::fingerprint::fingerprint;
use crate::text::sql::{Kind, Token, tokens};

/// So much of a statement tells it from others; what is longer is cut, for the sake of time.
const TOLD_BY: usize = 256;
/// Statements remembered at most.
const KNOWN: usize = 4096;
/// Statements looked up in one sample at most: a sample of a sample still says what is usual.
const LOOK_UPS: u32 = 4096;
/// Of these, ones that were never seen before, which cost the most.
const NEW: u32 = 256;

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
#[derive(Debug, Default)]
pub(in crate::analysis) struct Shapes {
    known: HashMap<u64, Shape>,
    look_ups: u32,
    new: u32,
}

impl Shapes {
    /// A new sample begins.
    pub(in crate::analysis) fn begin(&mut self) {
        if self.known.len() > KNOWN {
            self.known.clear();
        }
        (self.look_ups, self.new) = (0, 0);
    }

    /// A statement's shape; `None` when this sample has cost enough already.
    pub(in crate::analysis) fn of(&mut self, sql: &Text) -> Option<Shape> {
        if self.look_ups >= LOOK_UPS {
            return None;
        }
        self.look_ups += 1;
        let told_by = beginning(sql);
        let key = hash(told_by);
        if let Some(shape) = self.known.get(&key) {
            return Some(*shape);
        }
        if self.new >= NEW {
            return None;
        }
        self.new += 1;
        let shape = Shape { ending: ending(told_by), hash: hash(&fingerprint(told_by)) };
        self.known.insert(key, shape);
        Some(shape)
    }
}

/// The part of a statement that tells it from others.
pub(super) fn beginning(sql: &str) -> &str {
    let mut end = sql.len().min(TOLD_BY);
    while !sql.is_char_boundary(end) {
        end -= 1;
    }
    &sql[..end]
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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
    use super::*;

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
        // Cut in the middle of a character.
        let long = format!("select '{}' from t", "é".repeat(400));
        assert_eq!(of(&mut shapes, &long).ending, Ending::Housekeeping);
    }

    #[test]
    fn one_sample_looks_at_so_many_new_statements_and_the_next_one_goes_on() {
        let mut shapes = Shapes::default();
        let text = |n: u32| Text::block(&format!("select a{n} from t"));
        let seen = |shapes: &mut Shapes| (0..2 * NEW).filter(|n| shapes.of(&text(*n)).is_some()).count();
        assert_eq!(seen(&mut shapes), NEW as usize);
        shapes.begin();
        assert_eq!(seen(&mut shapes), 2 * NEW as usize);
    }
}
