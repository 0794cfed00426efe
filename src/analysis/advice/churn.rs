//! R13: connections are opened all the time.

use super::Advice;
use super::given::Given;
use crate::analysis::scene::PoolScene;
use crate::model::finding::{AdviceSeverity, Finding, Rule};

/// What a new connection costs its client, ms: 20 to 50 with TLS and authentication.
const CONNECT_MS: f64 = 35.0;

/// Starts from `connection.churn` on a pool; that of a Redis server has its own words there.
pub(super) fn reconnects(given: &Given<'_>) -> Vec<Advice> {
    given
        .on_pools(Rule::ConnectionChurn)
        .into_iter()
        .map(|(finding, (_, pool))| churning(finding, pool))
        .collect()
}

fn churning(finding: &Finding, pool: &PoolScene<'_>) -> Advice {
    let opened = f64::from(pool.track.opened_last_minute());
    let suggestion = "Keep connections: a pool instead of one connection per request, a larger pool with less overflow, a \
                      longer recycle time; or a pooler in front";
    let mut advice = Advice::on(pool, AdviceSeverity::Medium, suggestion);
    advice.share = opened / f64::from(pool.track.pool.peak.max(1));
    advice.evidence.push(finding.title.to_string());
    advice.evidence.extend(finding.evidence.iter().map(ToString::to_string));
    let per_s = opened / 60.0;
    advice.formula = Some(format!(
        "{per_s:.1} opened/s × {CONNECT_MS} ms = {:.0} ms of connecting per second",
        per_s * CONNECT_MS
    ));
    advice
}
