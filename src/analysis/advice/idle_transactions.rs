//! R12: transactions lie idle, and nothing on the server would ever end them.

use super::Advice;
use super::given::{Given, Placed};
use crate::model::facts::ServerFacts;
use crate::model::finding::{AdviceSeverity, Rule, Severity};
use crate::model::pool::{Layer, PoolKey};
use crate::text::span::span_s;

/// A guard that ends idle transactions by itself should wait this many thresholds at most.
pub(super) const GUARD: u32 = 5;
/// `transaction_timeout` exists since.
const TRANSACTION_TIMEOUT: u32 = 170_000;

/// Pools with a leak of transactions, or with one that has been idle for far too long, aborted or not.
pub(super) fn unguarded(given: &Given<'_>) -> Vec<Advice> {
    given.pools().filter_map(|placed| without_guard(given, placed)).collect()
}

fn without_guard(given: &Given<'_>, (_, pool): Placed<'_>) -> Option<Advice> {
    let thresholds = &given.scene.settings.thresholds;
    let seen = &pool.track.pool;
    let holds = pool.track.bounds.as_ref().is_some_and(|bounds| bounds.holds_transactions);
    if seen.key.layer != Layer::Server || holds {
        return None;
    }
    let guard = (thresholds.idle_in_transaction * GUARD).as_secs_f64();
    let oldest = seen.oldest_idle_in_transaction_s.unwrap_or(0.0);
    let leak = given.on(Rule::LeakIdleInTransaction, pool).filter(|leak| leak.severity >= Severity::Warning);
    let critical = leak.is_some_and(|leak| leak.severity == Severity::Critical);
    let severity = match oldest {
        oldest if critical || oldest > thresholds.terminate_idle_in_transaction.as_secs_f64() => {
            AdviceSeverity::High
        }
        oldest if oldest > guard || leak.is_some() => AdviceSeverity::Medium,
        _ => return None,
    };
    let facts = given.facts(pool.target)?;
    let (limit_ms, whose) = timeout(facts, &seen.key);
    if limit_ms > 0 {
        return None;
    }
    let role = quoted(seen.key.user.as_deref()?);
    let newer = if facts.version_num >= TRANSACTION_TIMEOUT {
        "; transaction_timeout bounds busy ones too"
    } else {
        ""
    };
    let suggestion =
        format!("ALTER ROLE {role} SET idle_in_transaction_session_timeout = '{}s'{newer}", guard.round());
    let mut advice = Advice::on(pool, severity, suggestion);
    let idle = seen.idle_in_transaction.unwrap_or(0) + seen.aborted.unwrap_or(0);
    advice.share = f64::from(idle) / f64::from(seen.total.max(1));
    advice.evidence.push(format!("idle_in_transaction_session_timeout is 0 for {role} ({whose})"));
    advice.evidence.push(format!(
        "{idle} of {} idle in transaction, {} of them aborted, the oldest for {}",
        seen.total,
        seen.aborted.unwrap_or(0),
        span_s(oldest)
    ));
    advice.formula = Some(format!("{GUARD} × {} = {}", span_s(guard / f64::from(GUARD)), span_s(guard)));
    Some(advice)
}

/// A name as SQL takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    let simple = name.starts_with(plain) && name.chars().all(|c| plain(c) || c.is_ascii_digit());
    if simple { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `idle_in_transaction_session_timeout` as it applies to a pool, ms, and where it is set.
fn timeout(facts: &ServerFacts, key: &PoolKey) -> (u64, &'static str) {
    let overrides = |role: bool, database: bool| {
        facts.overrides.iter().find_map(|set| {
            let fits = set.role.is_some() == role
                && set.database.is_some() == database
                && (!role || set.role == key.user)
                && (!database || set.database == key.database);
            set.idle_in_transaction_timeout_ms.filter(|_| fits)
        })
    };
    let of_role = || {
        let role = facts.roles.iter().find(|role| Some(&role.name) == key.user.as_ref())?;
        role.idle_in_transaction_timeout_ms
    };
    if let Some(limit) = overrides(true, true) {
        (limit, "set for the role in this database")
    } else if let Some(limit) = of_role().or_else(|| overrides(true, false)) {
        (limit, "set for the role")
    } else if let Some(limit) = overrides(false, true) {
        (limit, "set for the database")
    } else {
        (facts.settings.idle_in_transaction_timeout_ms, "the server's default")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::facts;
    use crate::model::facts::TimeoutOverride;

    #[test]
    fn the_narrowest_setting_counts() {
        let key = PoolKey {
            target: "db1".into(),
            layer: Layer::Server,
            declared: None,
            application_name: None,
            user: Some("app".into()),
            database: Some("shop".into()),
            client: None,
        };
        let set = |role: Option<&str>, database: Option<&str>, ms| TimeoutOverride {
            role: role.map(Into::into),
            database: database.map(Into::into),
            idle_in_transaction_timeout_ms: Some(ms),
            transaction_timeout_ms: None,
        };
        let mut facts = facts(100);
        facts.settings.idle_in_transaction_timeout_ms = 1;
        assert_eq!(timeout(&facts, &key).0, 1);
        facts.overrides.push(set(None, Some("shop"), 2));
        facts.overrides.push(set(Some("app"), Some("other"), 9));
        assert_eq!(timeout(&facts, &key).0, 2);
        facts.overrides.push(set(Some("app"), None, 3));
        assert_eq!(timeout(&facts, &key).0, 3);
        facts.overrides.push(set(Some("app"), Some("shop"), 0));
        assert_eq!(timeout(&facts, &key).0, 0);
    }

    #[test]
    fn a_name_that_is_not_plain_is_quoted() {
        assert_eq!(quoted("app_1"), "app_1");
        assert_eq!(quoted("App"), "\"App\"");
        assert_eq!(quoted("x\"; DROP TABLE y; --"), "\"x\"\"; DROP TABLE y; --\"");
    }
}
