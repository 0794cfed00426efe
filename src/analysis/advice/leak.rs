//! R16, R17: what the leak detector found.

use super::Advice;
use super::given::Given;
use crate::analysis::scene::PoolScene;
use crate::model::finding::{AdviceSeverity, Finding, Rule, Severity};

/// R16: more connections than the profile says that there can be.
pub(super) fn bound_exceeded(given: &Given<'_>) -> Vec<Advice> {
    let found = given.on_pools(Rule::PoolBoundExceeded).into_iter();
    let mut advice: Vec<Advice> = found
        .map(|(finding, (_, pool))| {
            let suggestion = "Count the instances of the pool, look for connections made beside it, and for sessions whose \
                              client is gone (tcp_keepalives_idle, client_connection_check_interval)";
            of_finding(finding, pool, suggestion)
        })
        .collect();
    for one in &mut advice {
        one.severity = AdviceSeverity::High;
    }
    advice
}

/// R17: a pool is suspected to leak, or leaks.
pub(super) fn leaking(given: &Given<'_>) -> Vec<Advice> {
    let leaks = given.findings.iter().filter(|finding| {
        finding.rule.is_leak()
            && finding.rule != Rule::PoolBoundExceeded
            && finding.severity >= Severity::Warning
    });
    leaks
        .filter_map(|finding| {
            let (_, pool) = given.placed(finding)?;
            Some(of_finding(finding, pool, finding.suggestion.as_deref().unwrap_or_default()))
        })
        .collect()
}

fn of_finding(finding: &Finding, pool: &PoolScene<'_>, suggestion: &str) -> Advice {
    let mut advice = Advice::on(pool, AdviceSeverity::High, suggestion);
    let leaked = finding.backends.len() as f64;
    advice.share = leaked / f64::from(pool.track.pool.total.max(1));
    advice.evidence.push(finding.title.to_string());
    advice.evidence.extend(finding.evidence.iter().map(ToString::to_string));
    let score = pool.track.case.judged.clamp(0.0, 100.0);
    if score > 0.0 {
        advice.evidence.push(format!("score {score:.0} of 100"));
    }
    advice
}
