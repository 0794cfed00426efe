//! R14: the server has more to run at once than its processors can; more connections only queue there.

use super::Advice;
use super::given::Given;
use crate::analysis::sizing::queue;
use crate::model::finding::AdviceSeverity;
use crate::text::span::span;

/// Needs the profile's `cores`. Statements that wait for locks or clients do not count as running.
pub(super) fn saturated(given: &Given<'_>) -> Vec<Advice> {
    given.scene.servers().filter_map(|(target, status, _)| above(given, target, &status.name)).collect()
}

fn above(given: &Given<'_>, target: usize, name: &str) -> Option<Advice> {
    let cores = given.machine(target)?.cores?;
    let ceiling = queue::ceiling(cores.into(), 0);
    let usual = given.scene.pasts.get(target)?.as_ref()?.running.recent()?;
    if u64::from(usual.p95) <= ceiling {
        return None;
    }
    let suggestion = format!(
        "Fewer busy connections, not more: pools or a pooler that let {ceiling} run at once; the others wait there instead of \
         inside the server"
    );
    let mut advice = Advice::new(AdviceSeverity::Medium, suggestion);
    advice.share = f64::from(usual.p95) / ceiling.max(1) as f64;
    advice.evidence.push(format!(
        "{name}: up to {} statements at once use processors, disks or the server's structures (95 % of the last {})",
        usual.p95,
        span(given.scene.settings.thresholds.load_window)
    ));
    advice.formula = Some(format!("2 × {cores} cores + 0 spindles = {ceiling} < {}", usual.p95));
    Some(advice)
}
