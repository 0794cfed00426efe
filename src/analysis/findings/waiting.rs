//! `pool.waiting`: clients are queued at a pooler.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::text::span::{count, span_s};

/// A client queued for this long is a warning, s.
const LONG_S: f64 = 1.0;
/// A client queued for this long is critical, s.
const TOO_LONG_S: f64 = 5.0;
/// A queue, however short its waits, is a notice after this.
const STANDING: Duration = Duration::from_secs(5);

/// Looks at the queues of poolers.
pub(super) struct Waiting;

impl Check for Waiting {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(queued).collect()
    }
}

fn queued(pool: &PoolScene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let pending = seen.pending.filter(|pending| *pending > 0)?;
    let longest = seen.max_wait_s.unwrap_or(0.0);
    let severity = match longest {
        s if s >= TOO_LONG_S => Severity::Critical,
        s if s >= LONG_S => Severity::Warning,
        _ => Severity::Notice,
    };
    let clients = count(pending, "client");
    let label = &pool.track.label;
    let title = format!("{label}: {clients} queued, the longest for {}", span_s(longest));
    let mut draft = Draft::on_pool(Rule::PoolWaiting, severity, pool, title);
    if severity == Severity::Notice {
        draft.sustained = STANDING;
    }
    draft.since = Some(pool.at.minus(Duration::try_from_secs_f64(longest).unwrap_or_default()));
    let (used, idle) = (seen.used.unwrap_or(0), seen.idle.unwrap_or(0));
    draft.evidence.push(format!("{clients} wait for a server connection: {used} in use, {idle} idle"));
    draft.alternative = Some("a burst of traffic that the pool is about to work off");
    draft.suggestion = Some(
        "First see whether the pool leaks or a statement holds it; then make it larger or the transactions shorter."
            .to_owned(),
    );
    Some(draft)
}
