//! `pooler.transaction_mode`: statements whose effect outlives their transaction, on a connection that goes to
//! another client after it. The next client inherits it, or the one who made it misses it.

use std::collections::BTreeMap;

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene, ids};
use crate::model::finding::{Rule, Severity};
use crate::text::fingerprint::fingerprint;
use crate::text::span::count;
use crate::text::sql::{Kind, tokens};

/// Kinds of statements that are named with an example.
const NAMED: usize = 4;

/// How many words of a statement are looked at.
const WORDS: usize = 24;

/// Settings that a pooler follows and sets for each client itself.
const FOLLOWED: [&str; 7] = [
    "application_name",
    "client_encoding",
    "datestyle",
    "intervalstyle",
    "standard_conforming_strings",
    "timezone",
    "time",
];

/// Looks at the statements of backends that are a pooler's in transaction or statement mode.
pub(super) struct TransactionMode;

impl Check for TransactionMode {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| unfit(pool, scene)).collect()
    }
}

fn unfit(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let lent = scene.members(pool).filter(|row| row.via.is_some_and(|via| via.lent) && !row.is_pooltop);
    let mut kinds: BTreeMap<&'static str, Vec<_>> = BTreeMap::new();
    for row in lent {
        if let Some(kind) = row.backend.query.as_deref().and_then(outlives) {
            kinds.entry(kind).or_default().push(row);
        }
    }
    let names: Vec<&str> = kinds.keys().copied().collect();
    let first = kinds.values().next()?.first()?;
    let title = format!("{}: {} behind a pooler in transaction mode", pool.track.label, names.join(", "));
    let mut draft = Draft::on_pool(Rule::PoolerTransactionMode, Severity::Warning, pool, title);
    for (kind, rows) in kinds.iter().take(NAMED) {
        let statement = rows.first().and_then(|row| row.backend.query.as_deref()).map(fingerprint);
        let example = statement.map(|statement| format!(": {statement}")).unwrap_or_default();
        draft.evidence.push(format!("{kind} last run by {}{example}", count(rows.len() as u64, "backend")));
    }
    draft.backends = ids(kinds.values().flatten().copied());
    if let Some(pooler) = first.via.and_then(|via| scene.statuses.get(via.pooler)) {
        draft.evidence.push(format!(
            "{} lends these connections for one transaction at a time: what outlives it, the next client gets",
            pooler.name
        ));
    }
    draft.alternative = Some("one client alone on its pool");
    draft.suggestion = Some(
        "Use SET LOCAL, pg_advisory_xact_lock, ON COMMIT DROP and protocol-level prepared statements \
         (max_prepared_statements); or give this application a pool in session mode."
            .to_owned(),
    );
    Some(draft)
}

/// The kind of a statement whose effect outlives its transaction.
fn outlives(statement: &str) -> Option<&'static str> {
    let words = words(statement);
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    match (word(0), word(1)) {
        ("prepare", next) => (next != "transaction").then_some("PREPARE"),
        ("execute", _) => Some("EXECUTE"),
        ("deallocate", _) => Some("DEALLOCATE"),
        ("listen", _) => Some("LISTEN"),
        ("unlisten", _) => Some("UNLISTEN"),
        ("load", _) => Some("LOAD"),
        ("set", "local" | "transaction" | "constraints") => None,
        ("set", "session") if word(2) == "characteristics" => Some("SET SESSION CHARACTERISTICS"),
        ("set", "session") => (!FOLLOWED.contains(&word(2))).then_some("SET"),
        ("set", name) => (!FOLLOWED.contains(&name)).then_some("SET"),
        ("create", _) => temporary(&words).then_some("CREATE TEMP"),
        ("declare", _) => {
            let held = words.windows(2).any(|pair| pair == ["with", "hold"]);
            held.then_some("DECLARE WITH HOLD")
        }
        ("select" | "with" | "call" | "do", _) => {
            (SESSION_LOCKS.iter().any(|name| has(name))).then_some("session advisory locks")
        }
        _ => None,
    }
}

/// Functions that take a lock for the session.
const SESSION_LOCKS: [&str; 4] =
    ["pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"];

fn temporary(words: &[String]) -> bool {
    let modifiers = words.iter().skip(1).take_while(|word| {
        matches!(word.as_str(), "local" | "global" | "temp" | "temporary" | "or" | "replace")
    });
    let is_temporary = modifiers.into_iter().any(|word| matches!(word.as_str(), "temp" | "temporary"));
    // Where the statement was cut, the end of it is not known.
    is_temporary && !words.windows(3).any(|words| words == ["on", "commit", "drop"])
}

/// The first words of a statement and its last three, in lower case; strings, numbers and comments are none.
fn words(statement: &str) -> Vec<String> {
    let lower = |token: crate::text::sql::Token<'_>| match token.kind {
        Kind::Keyword | Kind::Identifier => Some(token.text.to_lowercase()),
        _ => None,
    };
    let mut all: Vec<String> = tokens(statement).filter_map(lower).take(WORDS * 8).collect();
    if all.len() > WORDS {
        let end = all.split_off(all.len() - 3);
        all.truncate(WORDS);
        all.extend(end);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::outlives;

    #[test]
    fn what_outlives_its_transaction_is_told_from_what_looks_like_it() {
        for (statement, kind) in [
            ("PREPARE q (int) AS SELECT $1", Some("PREPARE")),
            ("PREPARE TRANSACTION 'x'", None),
            ("EXECUTE q(1)", Some("EXECUTE")),
            ("SELECT execute FROM t", None),
            ("deallocate all", Some("DEALLOCATE")),
            ("SET search_path = x", Some("SET")),
            ("SET SESSION statement_timeout = 0", Some("SET")),
            ("SET LOCAL search_path = x", None),
            ("SET TRANSACTION READ ONLY", None),
            ("SET CONSTRAINTS ALL DEFERRED", None),
            ("SET application_name = 'web'", None),
            ("SET TimeZone TO 'UTC'", None),
            ("SET TIME ZONE 'UTC'", None),
            ("UPDATE t SET a = 1", None),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Some("SET SESSION CHARACTERISTICS")),
            ("/* SET x */ SELECT 'LISTEN y'", None),
            ("LISTEN y", Some("LISTEN")),
            ("NOTIFY y", None),
            ("UNLISTEN *", Some("UNLISTEN")),
            ("CREATE TEMP TABLE x (a int)", Some("CREATE TEMP")),
            ("create local temporary table x (a int)", Some("CREATE TEMP")),
            ("CREATE TEMP TABLE x (a int) ON COMMIT DROP", None),
            ("CREATE TABLE temp (a int)", None),
            ("SELECT pg_advisory_lock(1)", Some("session advisory locks")),
            ("SELECT pg_catalog.pg_try_advisory_lock($1)", Some("session advisory locks")),
            ("SELECT pg_advisory_xact_lock(1)", None),
            ("SELECT 'pg_advisory_lock'", None),
            ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", Some("DECLARE WITH HOLD")),
            ("DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1", None),
            ("LOAD 'auto_explain'", Some("LOAD")),
            ("DISCARD ALL", None),
            ("", None),
        ] {
            assert_eq!(outlives(statement), kind, "{statement}");
        }
    }
}
