//! The filter of the connections: what people type behind `/`, parsed once and matched against every row.

use std::collections::HashMap;
use std::fmt;

use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::model::backend::{Backend, Client};
use crate::text::span::parse_or_seconds;

/// A parsed filter. All of its terms must hold; an empty one holds for every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, PartialEq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Contained in any field that is text.
    Anywhere(String),
    /// Contained in this field (`pid` must be equal).
    In(Field, String),
    /// Compared with this number of seconds, or of waiters.
    Compare(Measure, Order, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Above,
    Below,
}

/// A field that a filter can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Application,
    User,
    Database,
    Client,
    Pid,
    State,
    Wait,
    Query,
    Pool,
    Target,
}

const FIELDS: &[(&str, Field)] = &[
    ("application", Field::Application),
    ("app", Field::Application),
    ("user", Field::User),
    ("database", Field::Database),
    ("db", Field::Database),
    ("client", Field::Client),
    ("pid", Field::Pid),
    ("state", Field::State),
    ("wait", Field::Wait),
    ("query", Field::Query),
    ("pool", Field::Pool),
    ("target", Field::Target),
];

/// A number that a filter can compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Age,
    Transaction,
    Query,
    Session,
    Blocks,
}

const MEASURES: &[(&str, Measure)] = &[
    ("age", Measure::Age),
    ("tx", Measure::Transaction),
    ("query", Measure::Query),
    ("session", Measure::Session),
    ("blocks", Measure::Blocks),
];

/// What is wrong with a filter, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A field that does not exist.
    #[error("no field '{0}'; there are application user database client pid state wait query pool target")]
    Field(String),
    /// Nothing behind the colon or the comparison.
    #[error("'{0}' needs a value behind it")]
    Value(String),
    /// A comparison of something that has no number.
    #[error("'{0}' cannot be compared; age, tx, query, session and blocks can")]
    Measure(String),
    /// Not an age.
    #[error("'{0}' is not an age; write 500ms, 30s, 5m, 1h30m")]
    Age(String),
    /// Not a pid, or not a number of waiters.
    #[error("'{0}' is not a number")]
    Number(String),
}

impl Filter {
    /// Parses what was typed. Terms stand between spaces; `"…"` keeps spaces together.
    pub fn parse(typed: &str) -> Result<Self, FilterError> {
        words(typed).iter().map(|word| Term::parse(word)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every row matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Splits at spaces outside double quotes; the quotes go.
fn words(typed: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in typed.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty() && word != "!");
    words
}

impl Term {
    fn parse(word: &str) -> Result<Self, FilterError> {
        let (negated, body) = word.strip_prefix('!').map_or((false, word), |body| (true, body));
        Ok(Self { negated, test: Test::parse(body)? })
    }
}

impl Test {
    fn parse(body: &str) -> Result<Self, FilterError> {
        match body.find([':', '>', '<']) {
            Some(at) if at > 0 && body[..at].chars().all(|c| c.is_ascii_alphabetic() || c == '_') => {
                let (name, rest) = body.split_at(at);
                let (operator, value) = rest.split_at(1);
                Self::named(&name.to_ascii_lowercase(), operator, value)
            }
            _ => Ok(Self::Anywhere(body.to_lowercase())),
        }
    }

    fn named(name: &str, operator: &str, value: &str) -> Result<Self, FilterError> {
        if value.is_empty() {
            return Err(FilterError::Value(format!("{name}{operator}")));
        }
        if operator == ":" {
            return Self::field(name, value);
        }
        let Some((_, measure)) = MEASURES.iter().find(|(word, _)| *word == name) else {
            return Err(FilterError::Measure(name.to_owned()));
        };
        let order = if operator == ">" { Order::Above } else { Order::Below };
        let number = match measure {
            Measure::Blocks => value.parse().map_err(|_| FilterError::Number(value.to_owned()))?,
            _ => parse_or_seconds(value).ok_or_else(|| FilterError::Age(value.to_owned()))?.as_secs_f64(),
        };
        Ok(Self::Compare(*measure, order, number))
    }

    fn field(name: &str, value: &str) -> Result<Self, FilterError> {
        let field = FIELDS.iter().find(|(word, _)| *word == name).map(|(_, field)| *field);
        match field {
            Some(Field::Pid) if value.parse::<i32>().is_err() => Err(FilterError::Number(value.to_owned())),
            Some(field) => Ok(Self::In(field, value.to_lowercase())),
            // Host names, IPv6 addresses and casts hold colons: only what looks like a field must be one.
            None if name.len() < 2 || value.starts_with(':') => {
                Ok(Self::Anywhere(format!("{name}:{value}").to_lowercase()))
            }
            None => Err(FilterError::Field(name.to_owned())),
        }
    }
}

/// Matches rows of one moment. Statements repeat, so each distinct text is searched once.
pub struct Matcher<'a> {
    filter: &'a Filter,
    moment: &'a Moment,
    texts: HashMap<(usize, usize), bool>,
}

impl fmt::Debug for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("filter", self.filter).finish_non_exhaustive()
    }
}

impl<'a> Matcher<'a> {
    /// For the rows of `moment`.
    pub fn new(filter: &'a Filter, moment: &'a Moment) -> Self {
        Self { filter, moment, texts: HashMap::new() }
    }

    /// Whether every term holds for `row`.
    pub fn matches(&mut self, row: &BackendRow) -> bool {
        let filter = self.filter;
        filter.0.iter().enumerate().all(|(index, term)| self.holds(index, &term.test, row) != term.negated)
    }

    fn holds(&mut self, term: usize, test: &Test, row: &BackendRow) -> bool {
        match test {
            Test::Anywhere(needle) => self.anywhere(term, needle, row),
            Test::In(field, needle) => self.field(term, *field, needle, row),
            Test::Compare(measure, order, number) => match (self.measure(*measure, row), order) {
                (Some(value), Order::Above) => value > *number,
                (Some(value), Order::Below) => value < *number,
                (None, _) => false,
            },
        }
    }

    fn anywhere(&mut self, term: usize, needle: &str, row: &BackendRow) -> bool {
        const PLAIN: [Field; 6] =
            [Field::Application, Field::User, Field::Database, Field::Client, Field::State, Field::Wait];
        PLAIN.into_iter().any(|field| self.field(term, field, needle, row))
            || pid_contains(row.backend.pid(), needle)
            || self.field(term, Field::Query, needle, row)
    }

    fn field(&mut self, term: usize, field: Field, needle: &str, row: &BackendRow) -> bool {
        let (backend, session) = (&row.backend, &row.backend.session);
        match field {
            Field::Application => contains(&session.application_name, needle),
            Field::User => contains(&session.user, needle),
            Field::Database => contains(&session.database, needle),
            Field::Client => client_contains(&session.client, needle),
            Field::Pid => needle.parse() == Ok(backend.pid()),
            Field::State => {
                contains(backend.state.as_str(), needle) || contains(backend.state.short(), needle)
            }
            Field::Wait => backend
                .wait
                .as_ref()
                .is_some_and(|wait| contains(&wait.class, needle) || contains(&wait.event, needle)),
            Field::Pool => {
                self.moment.pools.get(row.pool).is_some_and(|pool| contains(&pool.pool.name, needle))
            }
            Field::Target => {
                self.moment.targets.get(row.target).is_some_and(|target| contains(&target.name, needle))
            }
            Field::Query => self.statement(term, backend, needle),
        }
    }

    fn statement(&mut self, term: usize, backend: &Backend, needle: &str) -> bool {
        backend.query.as_ref().is_some_and(|query| {
            *self.texts.entry((term, query.allocation())).or_insert_with(|| contains(query, needle))
        })
    }

    fn measure(&self, measure: Measure, row: &BackendRow) -> Option<f64> {
        let (at, backend) = (self.moment.sampled_at(row), &row.backend);
        let since = match measure {
            Measure::Age => backend.state_change,
            Measure::Transaction => backend.xact_start,
            Measure::Query => backend.query_start,
            Measure::Session => backend.id().start,
            Measure::Blocks => return Some(f64::from(row.blocks_transitively)),
        };
        since.map(|since| at.age_of(since).as_secs_f64())
    }
}

/// Most of what people search for is no number, and for that no number is written out.
fn pid_contains(pid: i32, needle: &str) -> bool {
    needle.bytes().all(|byte| byte.is_ascii_digit()) && pid.to_string().contains(needle)
}

fn client_contains(client: &Client, needle: &str) -> bool {
    match client {
        // Whatever is found in `address:port` or `[address]:port`, and not in the address alone, begins or ends like this.
        Client::Tcp { addr, .. } => {
            let beyond = needle.starts_with('[')
                || needle.ends_with(|c: char| c == ':' || c == ']' || c.is_ascii_digit());
            contains(addr, needle) || (beyond && contains(&client.to_string(), needle))
        }
        Client::Local => contains("local", needle),
        Client::Unknown => false,
    }
}

/// Whether `text` contains `needle`, which is lowercase, in any case.
fn contains(text: &str, needle: &str) -> bool {
    if !text.is_ascii() || !needle.is_ascii() {
        return text.to_lowercase().contains(needle);
    }
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some((first, rest)) = needle.split_first() else { return true };
    let upper = first.to_ascii_uppercase();
    text.iter().enumerate().any(|(at, byte)| {
        (byte == first || *byte == upper)
            && text.get(at + 1..=at + rest.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_says_what_is_wrong() {
        for (typed, part) in [
            ("colour:red", "no field 'colour'"),
            ("age>soon", "'soon' is not an age"),
            ("user>5s", "'user' cannot be compared"),
            ("application:", "'application:' needs a value"),
            ("pid:12x", "'12x' is not a number"),
        ] {
            let error = Filter::parse(typed).unwrap_err().to_string();
            assert!(error.contains(part), "{typed}: {error}");
        }
    }

    #[test]
    fn colons_of_casts_and_addresses_are_not_fields() {
        for typed in ["x::text", "10.0.0.5:6432", "a:b", "[::1]:50"] {
            assert!(Filter::parse(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn a_client_is_found_by_address_port_and_both() {
        for (client, needle, found) in [
            (Client::Tcp { addr: "10.0.0.5".into(), port: 6432 }, "0.0.5", true),
            (Client::Tcp { addr: "10.0.0.5".into(), port: 6432 }, "5:64", true),
            (Client::Tcp { addr: "10.0.0.5".into(), port: 6432 }, "0.5:", true),
            (Client::Tcp { addr: "10.0.0.5".into(), port: 6432 }, "6433", false),
            (Client::Tcp { addr: "fe80::a".into(), port: 6432 }, "e80::A".to_lowercase().as_str(), true),
            (Client::Tcp { addr: "fe80::a".into(), port: 6432 }, "[fe80::a]:6", true),
            (Client::Tcp { addr: "fe80::a".into(), port: 6432 }, "[fe", true),
            (Client::Tcp { addr: "fe80::a".into(), port: 6432 }, "a]", true),
            (Client::Local, "loc", true),
            (Client::Unknown, "loc", false),
        ] {
            assert_eq!(client_contains(&client, needle), found, "{client} {needle}");
        }
        assert!(pid_contains(4711, "71") && !pid_contains(4711, "8") && !pid_contains(4711, "select"));
    }

    #[test]
    fn searching_ignores_case() {
        assert!(contains("SELECT pg_sleep(1)", "pg_SLEEP".to_lowercase().as_str()));
        assert!(contains("ÜBER", "über"));
        assert!(!contains("select", "selects"));
    }
}
