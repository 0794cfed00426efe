//! Recommendations: what to change so that it does not come back.

use super::reference::advice::{IDLE_REDIS, UNGUARDED};
use super::scene::Scene;
use crate::model::facts::ServerFacts;
use crate::model::finding::{AdviceSeverity, Finding, Recommendation, Rule, Severity};
use crate::model::pool::PoolKey;
use crate::text::Text;
use crate::text::span::span_s;

/// A guard that ends idle transactions by itself should wait this many thresholds at most.
const GUARD: u32 = 5;

/// Advice that follows from the findings.
pub(super) fn advise(scene: &Scene<'_>, findings: &[Finding]) -> Vec<Recommendation> {
    findings
        .iter()
        .filter(|finding| {
            finding.rule == Rule::LeakIdleInTransaction && finding.severity >= Severity::Warning
        })
        .filter_map(|finding| unguarded(scene, finding))
        .chain(findings.iter().filter_map(|finding| idle_redis_clients(scene, finding)))
        .chain(of_applications(scene))
        .collect()
}

/// A Redis server near its ceiling, most of whose clients only lie idle.
fn idle_redis_clients(scene: &Scene<'_>, finding: &Finding) -> Option<Recommendation> {
    let is_ceiling = finding.rule == Rule::RedisClients && finding.pool.is_none();
    let (_, _, tracker) = scene.redis().find(|(_, status, _)| is_ceiling && status.name == finding.target)?;
    let (idle, held) = (tracker.long_idle(), tracker.held()?);
    if idle * 2 < held || idle == 0 {
        return None;
    }
    let threshold = scene.settings.thresholds.idle_in_transaction;
    let timeout = (threshold * GUARD).as_secs_f64();
    Some(Recommendation {
        pool: None,
        severity: AdviceSeverity::Medium,
        issue: IDLE_REDIS.issue.into(),
        suggestion: Text::line(&format!(
            "CONFIG SET timeout {} ends clients idle for longer (not subscribers); applications have to reconnect",
            timeout.round()
        )),
        evidence: vec![
            Text::line(&format!("{idle} of {held} idle for more than {}", span_s(threshold.as_secs_f64()))),
            finding.title.clone(),
        ],
        formula: Some(Text::line(&format!(
            "{GUARD} × {} = {}",
            span_s(timeout / f64::from(GUARD)),
            span_s(timeout)
        ))),
    })
}

/// What applications advise about their own pools, as theirs.
fn of_applications<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = Recommendation> + 'a {
    scene.apps.iter().enumerate().filter_map(|(target, app)| Some((target, app.as_ref()?))).flat_map(
        move |(target, app)| {
            let name = scene.target(target);
            app.advice.iter().map(move |advice| Recommendation {
                pool: advice.pool.clone().or_else(|| Some(Text::line(&name))),
                severity: match advice.severity.as_deref().map(str::to_ascii_lowercase).as_deref() {
                    Some("critical" | "high" | "error") => AdviceSeverity::High,
                    Some("warning" | "medium" | "warn") => AdviceSeverity::Medium,
                    _ => AdviceSeverity::Low,
                },
                issue: advice.issue.clone(),
                suggestion: advice.suggestion.clone(),
                evidence: vec![Text::line(&format!("{name} says so itself"))],
                formula: None,
            })
        },
    )
}

/// Transactions lie idle and nothing on the server would ever end them.
fn unguarded(scene: &Scene<'_>, finding: &Finding) -> Option<Recommendation> {
    let key = finding.pool.as_ref()?;
    let (_, _, server) = scene.servers().find(|(_, status, _)| status.name == finding.target)?;
    let facts = server.facts.as_ref()?;
    let (limit_ms, whose) = timeout(facts, key);
    if limit_ms > 0 {
        return None;
    }
    let guard = (scene.settings.thresholds.idle_in_transaction * GUARD).as_secs_f64();
    let role = quoted(key.user.as_deref()?);
    let critical = finding.severity == Severity::Critical;
    Some(Recommendation {
        pool: finding.pool_name.clone(),
        severity: if critical { AdviceSeverity::High } else { AdviceSeverity::Medium },
        issue: UNGUARDED.issue.into(),
        suggestion: Text::line(&format!(
            "ALTER ROLE {role} SET idle_in_transaction_session_timeout = '{}s'",
            guard.round()
        )),
        evidence: vec![
            Text::line(&format!("idle_in_transaction_session_timeout is 0 for {role} ({whose})")),
            finding.title.clone(),
        ],
        formula: Some(Text::line(&format!(
            "{GUARD} × {} = {}",
            span_s(guard / f64::from(GUARD)),
            span_s(guard)
        ))),
    })
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
    use crate::analysis::fixture::{checkout_leak, facts};
    use crate::model::facts::TimeoutOverride;
    use crate::model::pool::Layer;

    #[test]
    fn a_leak_without_a_guard_is_answered_with_the_setting_and_its_arithmetic() {
        let advice = checkout_leak().recommendations;
        assert_eq!(advice.len(), 1);
        assert_eq!(&*advice[0].suggestion, "ALTER ROLE app SET idle_in_transaction_session_timeout = '300s'");
        assert_eq!(advice[0].formula.as_deref(), Some("5 × 1m00s = 5m00s"));
        assert_eq!(advice[0].severity, AdviceSeverity::High);
    }

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
