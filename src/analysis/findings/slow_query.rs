//! `query.slow`: a statement has run for long. Worth knowing, rarely an alarm: analytic work is slow by nature.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::moment::BackendRow;
use crate::analysis::names;
use crate::analysis::scene::{PoolScene, Scene, ids};
use crate::model::backend::State;
use crate::model::finding::{Rule, Severity};
use crate::text::span::{count, span};

/// A statement this many times past the threshold is a warning.
pub(super) const FAR_PAST: u32 = 3;

/// Looks at running statements, pool by pool.
pub(super) struct SlowQuery;

impl Check for SlowQuery {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| slow(pool, scene)).collect()
    }
}

fn slow(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let limit = allowed(pool, scene);
    let mut slow: Vec<(&BackendRow, Duration)> = scene
        .members(pool)
        .filter(|row| row.backend.state == State::Active)
        // Who waits for a lock is slow because of another; backups are slow because of their size.
        .filter(|row| {
            !row.backend.waits_on_lock() && !names::is_backup(&row.backend.session.application_name)
        })
        .filter_map(|row| Some((row, pool.at.age_of(row.backend.query_start?))))
        .filter(|(_, age)| *age >= limit)
        .collect();
    slow.sort_by_key(|(row, age)| (std::cmp::Reverse(*age), row.backend.pid()));
    let (first, oldest) = *slow.first()?;
    let severity = if oldest >= limit * FAR_PAST { Severity::Warning } else { Severity::Notice };
    let label = &pool.track.label;
    let title = match slow.len() {
        1 => format!("{label}: a statement has run for {}", span(oldest)),
        several => format!("{label}: {several} statements running for up to {}", span(oldest)),
    };
    let mut draft = Draft::on_pool(Rule::QuerySlow, severity, pool, title);
    draft.backends = ids(slow.iter().map(|(row, _)| *row));
    draft.since = first.backend.query_start;
    draft.evidence.push(format!(
        "{} running for at least {}; pid {} the longest",
        count(slow.len() as u64, "statement"),
        span(limit),
        first.backend.pid()
    ));
    draft.alternative = Some("a report or maintenance that takes its time");
    draft.suggestion = Some("Look at its plan; cancel it if nobody waits for the answer.".to_owned());
    Some(draft)
}

/// How long a statement of this pool may run: its declared time-out where that is longer.
fn allowed(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Duration {
    let declared = pool.track.bounds.as_ref().and_then(|bounds| bounds.command_timeout_s);
    let declared = declared.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
    scene.settings.thresholds.long_query.max(declared)
}
