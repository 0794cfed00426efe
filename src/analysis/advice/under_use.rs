//! R5: a pool that keeps far more connections than it ever needed in half an hour.

use super::Advice;
use super::given::{Given, Placed};
use crate::analysis::sizing::memory::Memory;
use crate::analysis::sizing::queue;
use crate::model::finding::AdviceSeverity;
use crate::model::pool::Layer;
use crate::text::span::{count, span};

/// Fewer slots than this are not worth a change.
const WORTH: u64 = 2;

pub(super) fn idle_pools(given: &Given<'_>) -> Vec<Advice> {
    given.pools().filter_map(|placed| idle_pool(given, placed)).collect()
}

fn idle_pool(given: &Given<'_>, (place, pool): Placed<'_>) -> Option<Advice> {
    let (track, seen) = (pool.track, &pool.track.pool);
    let thresholds = &given.scene.settings.thresholds;
    let usual = track.busy.long()?;
    let (open, min) = (u64::from(seen.total), u64::from(seen.min.unwrap_or(0)));
    let little = f64::from(usual.p95) < thresholds.under_use * open as f64;
    // What an application reports of itself is told there, and what one of several processes says is not all of it.
    let reported = seen.key.layer == Layer::Server && is_reported(given, place);
    if !little
        || open <= min
        || track.human
        || reported
        || seen.one_of_several
        || given.leak_of(place).is_some()
    {
        return None;
    }
    let enough = min.max(queue::for_peak(usual.p99.into()) + 1);
    let saved = open.checked_sub(enough).filter(|saved| *saved >= WORTH)?;
    let bytes = Memory::of(saved, 0.0, None).rule_bytes;
    let suggestion = format!(
        "Keep {enough} connections instead of {open}: frees {}, about {:.0} MB of the server's budget",
        count(saved, "slot"),
        bytes / 1e6
    );
    let mut advice = Advice::on(pool, AdviceSeverity::Low, suggestion);
    advice.share = saved as f64 / open as f64;
    advice.evidence.push(format!(
        "in use for 95 % of the last {}: at most {} of {open} open",
        span(thresholds.under_use_for),
        usual.p95
    ));
    advice.formula = Some(format!("max({min}, ⌈1.25 × {}⌉ + 1) = {enough}", usual.p99));
    Some(advice)
}

/// The application of a server's pool reports that pool itself.
fn is_reported(given: &Given<'_>, place: usize) -> bool {
    given.scene.layers.iter().any(|line| {
        line.application.is_some() && line.server.as_ref().is_some_and(|stage| stage.pools.contains(&place))
    })
}
