//! R1, R2, R4: requests wait for a connection, will soon, or gave up.

use super::Advice;
use super::given::{Given, Placed};
use super::size::remedy;
use crate::model::finding::{AdviceSeverity, Rule, Severity};
use crate::model::pool::Layer;
use crate::text::span::{count, span_s};

/// Waiting this share of the time after which it gives up, a request is about to fail.
const NEARLY_TOO_LONG: f64 = 0.5;

/// R1: requests wait, on average or in a queue.
pub(super) fn long_waits(given: &Given<'_>) -> Vec<Advice> {
    given.pools().filter_map(|placed| waits(given, placed)).collect()
}

fn waits(given: &Given<'_>, placed: Placed<'_>) -> Option<Advice> {
    let (_, pool) = placed;
    let seen = &pool.track.pool;
    // Without any connection it is not a matter of how many.
    if seen.total == 0 {
        return None;
    }
    let thresholds = &given.scene.settings.thresholds;
    let mean = seen.wait_avg_s.filter(|wait| *wait > thresholds.wait.as_secs_f64());
    let queue = given.on(Rule::PoolWaiting, pool);
    let limit = gives_up_after_s(given, placed);
    let nearly = limit.is_some_and(|limit| {
        seen.max_wait_s.is_some_and(|wait| limit > 0.0 && wait >= NEARLY_TOO_LONG * limit)
    });
    let severity = match queue {
        Some(queue) if queue.severity == Severity::Critical || nearly => AdviceSeverity::High,
        Some(_) => AdviceSeverity::Medium,
        None if mean? > thresholds.long_wait.as_secs_f64() => AdviceSeverity::Medium,
        None => AdviceSeverity::Low,
    };
    let mut advice = with_remedy(given, placed, severity);
    let pending = f64::from(seen.pending.unwrap_or(0));
    advice.share = pending / (pending + f64::from(seen.used.unwrap_or(0))).max(1.0);
    let told = mean.map(|wait| format!("a connection is waited for {} on average", span_s(wait)));
    let queued = queue.map(|queue| queue.title.to_string());
    let limit = limit.filter(|_| nearly);
    let limit = limit.map(|limit| format!("query_wait_timeout ends the wait after {}", span_s(limit)));
    advice.evidence.splice(0..0, queued.into_iter().chain(told).chain(limit));
    Some(advice)
}

/// After how long a pooler sends a queued client away, s.
fn gives_up_after_s(given: &Given<'_>, (_, pool): Placed<'_>) -> Option<f64> {
    let pooler = given.scene.poolers.get(pool.target)?.as_ref()?;
    pooler.facts.as_ref()?.config.query_wait_timeout_s
}

/// R2: the next burst will wait. Where requests wait already, that is told instead.
pub(super) fn nearly_exhausted(given: &Given<'_>) -> Vec<Advice> {
    let found = given.on_pools(Rule::PoolUtilization).into_iter();
    let fuller = found.filter(|(_, (_, pool))| given.on(Rule::PoolWaiting, pool).is_none());
    fuller
        .map(|(finding, placed)| {
            let severe = finding.severity >= Severity::Warning;
            let severity = if severe { AdviceSeverity::High } else { AdviceSeverity::Medium };
            let mut advice = with_remedy(given, placed, severity);
            let seen = &placed.1.track.pool;
            advice.share = f64::from(seen.used.unwrap_or(0)) / f64::from(seen.max.unwrap_or(1).max(1));
            advice.evidence.insert(0, finding.title.to_string());
            advice
        })
        .collect()
}

/// R4: requests gave up. `query_wait_timeout` of a pooler is not counted by itself there.
pub(super) fn timeouts(given: &Given<'_>) -> Vec<Advice> {
    let advice = |(finding, placed): (&crate::model::finding::Finding, Placed<'_>)| {
        let mut advice = with_remedy(given, placed, AdviceSeverity::High);
        let gains = &placed.1.track.gains;
        let gave_up = gains.timeouts.unwrap_or(0);
        let per_minute = gave_up as f64 / gains.span_s.max(1.0) * 60.0;
        advice.share = per_minute;
        let told = format!(
            "{} gave up in {}: {per_minute:.0} a minute",
            count(gave_up, "request"),
            span_s(gains.span_s)
        );
        let said = if gave_up > 0 { told } else { finding.title.to_string() };
        advice.evidence.insert(0, said);
        advice
    };
    given.on_pools(Rule::PoolTimeouts).into_iter().map(advice).collect()
}

fn with_remedy(given: &Given<'_>, placed: Placed<'_>, severity: AdviceSeverity) -> Advice {
    let remedy = remedy(given, placed);
    let mut advice = Advice::on(placed.1, severity, remedy.suggestion);
    (advice.evidence, advice.formula) = (remedy.evidence, remedy.formula);
    let seen = &placed.1.track.pool;
    let layer = if seen.key.layer == Layer::Application { "the application counts" } else { "in use" };
    if let (Some(used), Some(max)) = (seen.used, seen.max) {
        advice.evidence.push(format!("{layer}: {used} of {max}, at most {} open so far", seen.peak));
    }
    advice
}
