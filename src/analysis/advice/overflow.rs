//! R3: more than half of the overflow in use all the time.

use super::Advice;
use super::given::{Given, Placed};
use crate::model::finding::{AdviceSeverity, Finding, Rule};

/// Starts from `pool.overflow`, which asks for any overflow that lasts.
pub(super) fn constant(given: &Given<'_>) -> Vec<Advice> {
    let found = given.on_pools(Rule::PoolOverflow).into_iter();
    // Who waits, gave up or nearly fills the pool is told a size that has the overflow in it.
    let fuller = [Rule::PoolWaiting, Rule::PoolTimeouts, Rule::PoolUtilization];
    let alone = found.filter(|(_, (_, pool))| fuller.iter().all(|rule| given.on(*rule, pool).is_none()));
    alone.filter_map(|(finding, placed)| constantly(given, finding, placed)).collect()
}

fn constantly(given: &Given<'_>, finding: &Finding, (place, pool): Placed<'_>) -> Option<Advice> {
    let seen = &pool.track.pool;
    let (size, over) = (i64::from(seen.size?), seen.overflow?.max(0));
    // 0 = none is allowed, -1 = any number: neither has a share.
    let most = seen.max_overflow.filter(|most| *most > 0)?;
    let share = over as f64 / most as f64;
    if share <= given.scene.settings.thresholds.overflow {
        return None;
    }
    let usual = pool.track.busy.recent().map(|usual| i64::from(usual.median) - size);
    let by = usual.filter(|usual| *usual > 0).unwrap_or(over).min(most);
    let mut advice = if let Some(leak) = given.leak_of(place) {
        let first = "End the leak first: what leaks fills any size and its overflow";
        let mut advice = Advice::on(pool, AdviceSeverity::Medium, first);
        advice.evidence.push(leak.title.to_string());
        advice
    } else {
        let suggestion = format!(
            "pool_size: {size} -> {}, max_overflow: {most} -> {}: the total stays, and {by} connections are no longer \
             opened and closed for each use",
            size + by,
            most - by
        );
        let mut advice = Advice::on(pool, AdviceSeverity::Medium, suggestion);
        advice.formula = Some(format!("{size} + {by} in use beyond it, {most} − {by}"));
        advice
    };
    advice.share = share;
    let told = format!("{over} of {most} allowed beyond its size of {size} ({:.0} %)", share * 100.0);
    advice.evidence.splice(0..0, [told, finding.title.to_string()]);
    Some(advice)
}
