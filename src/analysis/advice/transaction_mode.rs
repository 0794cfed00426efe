//! R10, R11: what does not go with a pooler in transaction mode.

use super::Advice;
use super::given::Given;
use crate::analysis::scene::PoolScene;
use crate::model::finding::{AdviceSeverity, Finding, Rule};
use crate::text::span::count;

/// What the finding's evidence begins with, and what to use instead.
const INSTEAD: [(&str, &str); 9] = [
    (
        "PREPARE",
        "prepared statements of the protocol with max_prepared_statements > 0 (PgBouncer 1.21 and later), or none \
         (asyncpg: statement_cache_size=0)",
    ),
    ("EXECUTE", "prepared statements of the protocol, or none (asyncpg: statement_cache_size=0)"),
    ("DEALLOCATE", "no DEALLOCATE: the statements are another client's"),
    ("LISTEN", "a direct connection, or a pool in session mode, for LISTEN"),
    ("UNLISTEN", "a direct connection, or a pool in session mode, for LISTEN"),
    ("SET", "SET LOCAL inside the transaction, or ALTER ROLE … SET"),
    ("CREATE TEMP", "temporary tables with ON COMMIT DROP, made and used in one transaction"),
    ("session advisory locks", "pg_advisory_xact_lock"),
    ("DECLARE WITH HOLD", "cursors without WITH HOLD, read inside their transaction"),
];

/// R10: statements whose effect outlives their transaction.
pub(super) fn unsafe_statements(given: &Given<'_>) -> Vec<Advice> {
    given
        .on_pools(Rule::PoolerTransactionMode)
        .into_iter()
        .map(|(finding, (_, pool))| {
            let mut advice = Advice::on(pool, AdviceSeverity::High, format!("Use {}", instead(finding)));
            advice.share = finding.backends.len() as f64 / f64::from(pool.track.pool.total.max(1));
            advice.evidence.push(finding.title.to_string());
            advice.evidence.extend(finding.evidence.iter().map(ToString::to_string));
            advice
        })
        .collect()
}

fn instead(finding: &Finding) -> String {
    let told = |word: &str| finding.evidence.iter().any(|sentence| sentence.starts_with(&format!("{word} ")));
    let mut ways: Vec<&str> =
        INSTEAD.iter().filter(|(word, _)| told(word)).map(|(_, instead)| *instead).collect();
    ways.dedup();
    if ways.is_empty() {
        ways.push("a direct connection, or a pool in session mode, for what must outlive its transaction");
    }
    ways.join("; ")
}

/// R11: asyncpg resets the session at each release, and the pooler gives the connection to somebody else anyway.
pub(super) fn double_reset(given: &Given<'_>) -> Vec<Advice> {
    given.pools().filter_map(|(_, pool)| resets(given, pool)).collect()
}

fn resets(given: &Given<'_>, pool: &PoolScene<'_>) -> Option<Advice> {
    let lent: Vec<_> = given
        .scene
        .members(pool)
        .filter(|row| row.via.is_some_and(|via| via.lent) && !row.is_pooltop)
        .collect();
    let reset = |query: &str| query.contains("pg_advisory_unlock_all") && query.contains("RESET ALL");
    let found = lent.iter().filter(|row| row.backend.query.as_deref().is_some_and(reset)).count();
    if found == 0 {
        return None;
    }
    let suggestion = "Give asyncpg's pool a reset= that does nothing, or use no pool behind the pooler (NullPool): one round \
                      trip less per release";
    let mut advice = Advice::on(pool, AdviceSeverity::Low, suggestion);
    advice.share = found as f64 / lent.len().max(1) as f64;
    let backends = count(found as u64, "backend");
    advice.evidence.push(format!("{backends} of {} behind the pooler last ran asyncpg's reset", lent.len()));
    Some(advice)
}
