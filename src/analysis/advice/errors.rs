//! R9, R20: connections break, and what checking them before use costs.

use super::Advice;
use super::given::Given;
use crate::analysis::statements::{StatementLoad, StatementRow};
use crate::model::facts::Settings;
use crate::model::finding::{AdviceSeverity, Rule};
use crate::text::span::{count, span_s};

/// Sessions that the server lost before it is more than somebody's laptop lid.
const SEVERAL: u64 = 3;
/// Share of the calls that may be pings before that is worth a word.
const MANY: f64 = 0.3;
/// What a ping costs its request at least and at most, ms.
const COSTS_MS: (f64, f64) = (1.0, 2.0);

/// R9: an application counts failures, or the server counts sessions that were killed, broke off or were abandoned.
pub(super) fn broken(given: &Given<'_>) -> Vec<Advice> {
    let counted = given.on_pools(Rule::PoolErrors).into_iter().map(|(finding, (place, pool))| {
        let mut advice = Advice::on(pool, AdviceSeverity::Medium, SUGGESTION);
        advice.share = pool.track.gains.errors.unwrap_or(0) as f64;
        advice.evidence.push(finding.title.to_string());
        let server = given.server_of(place);
        advice.evidence.extend(server.and_then(|target| limits(given, target)));
        advice
    });
    let lost = given.scene.servers().filter_map(|(target, status, _)| {
        let (lost, span) = given.scene.pasts.get(target)?.as_ref()?.lost()?;
        if lost < SEVERAL {
            return None;
        }
        let mut advice = Advice::new(AdviceSeverity::Medium, SUGGESTION);
        advice.share = lost as f64;
        let sessions = count(lost, "session");
        advice.evidence.push(format!(
            "{}: {sessions} killed, broken off or abandoned in the last {} (pg_stat_database)",
            status.name,
            span_s(span)
        ));
        advice.evidence.extend(limits(given, target));
        Some(advice)
    });
    counted.chain(lost).collect()
}

const SUGGESTION: &str = "Check connections before use (pre-ping) and retry what may be run twice; look in the server's log \
                          for restarts and for who ended the sessions";

/// The server's own time limits that end sessions.
fn limits(given: &Given<'_>, target: usize) -> Option<String> {
    let Settings {
        idle_in_transaction_timeout_ms,
        transaction_timeout_ms,
        idle_session_timeout_ms,
        statement_timeout_ms,
        ..
    } = given.facts(target)?.settings;
    let set: Vec<String> = [
        ("idle_in_transaction_session_timeout", idle_in_transaction_timeout_ms),
        ("transaction_timeout", transaction_timeout_ms.unwrap_or(0)),
        ("idle_session_timeout", idle_session_timeout_ms.unwrap_or(0)),
        ("statement_timeout", statement_timeout_ms),
    ]
    .iter()
    .filter(|(_, limit)| *limit > 0)
    .map(|(name, limit)| format!("{name} = {}", span_s(*limit as f64 / 1e3)))
    .collect();
    (!set.is_empty()).then(|| format!("time limits of the server: {}", set.join(", ")))
}

/// R20: a good part of all calls are pings. Of those that are listed; a ping that is no statement (`;`) is not counted.
pub(super) fn pings(given: &Given<'_>) -> Vec<Advice> {
    let servers = given.scene.servers();
    let loaded =
        servers.filter_map(|(_, status, server)| Some((&status.name, server.statements.as_deref()?)));
    loaded.filter_map(|(name, load)| many_pings(name, load)).collect()
}

fn many_pings(name: &str, load: &StatementLoad) -> Option<Advice> {
    let window = load.window_s?;
    let calls = |wanted: fn(&StatementRow) -> bool| -> u64 {
        load.rows.iter().filter(|row| wanted(row)).map(|row| row.calls).sum()
    };
    let (pings, all) = (calls(is_ping), calls(|_| true));
    let share = pings as f64 / all.max(1) as f64;
    if share <= MANY {
        return None;
    }
    let rate = pings as f64 / window;
    let suggestion = "Keep pre-ping where connections break; else check only those that were idle for a while (for example \
                      HikariCP's aliveBypassWindowMs), each ping is a round trip before the work";
    let mut advice = Advice::new(AdviceSeverity::Low, suggestion);
    advice.share = share;
    advice.evidence.push(format!("{name}: {pings} of {all} calls in {} were pings", span_s(window)));
    let (least, most) = COSTS_MS;
    advice.formula = Some(format!(
        "{rate:.1} checkouts/s × {least}–{most} ms = {:.0}–{:.0} ms/s",
        rate * least,
        rate * most
    ));
    Some(advice)
}

/// A `SELECT` of nothing but a constant.
fn is_ping(row: &StatementRow) -> bool {
    let query = row.query.trim().trim_end_matches(';').to_ascii_lowercase();
    matches!(query.as_str(), "select $1" | "select 1" | "select ?")
}
