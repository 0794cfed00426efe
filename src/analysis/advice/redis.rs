//! A Redis server near its ceiling, most of whose clients only lie idle.

use super::Advice;
use super::given::Given;
use super::idle_transactions::GUARD;
use crate::model::finding::{AdviceSeverity, Finding, Rule};
use crate::text::span::span_s;

pub(super) fn idle_clients(given: &Given<'_>) -> Vec<Advice> {
    given.of(Rule::RedisClients).filter_map(|finding| mostly_idle(given, finding)).collect()
}

fn mostly_idle(given: &Given<'_>, finding: &Finding) -> Option<Advice> {
    let scene = given.scene;
    let (_, _, tracker) =
        scene.redis().find(|(_, status, _)| finding.pool.is_none() && status.name == finding.target)?;
    let (idle, held) = (tracker.long_idle(), tracker.held()?);
    if idle * 2 < held || idle == 0 {
        return None;
    }
    let threshold = scene.settings.thresholds.idle_in_transaction;
    let timeout = (threshold * GUARD).as_secs_f64();
    let suggestion = format!(
        "CONFIG SET timeout {} ends clients idle for longer (not subscribers); applications have to reconnect",
        timeout.round()
    );
    let mut advice = Advice::new(AdviceSeverity::Medium, suggestion);
    advice.share = f64::from(idle) / f64::from(held.max(1));
    advice.evidence.push(format!("{idle} of {held} idle for more than {}", span_s(threshold.as_secs_f64())));
    advice.evidence.push(finding.title.to_string());
    advice.formula = Some(format!("{GUARD} × {} = {}", span_s(timeout / f64::from(GUARD)), span_s(timeout)));
    Some(advice)
}
