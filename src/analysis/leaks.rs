//! The leak detector: pieces of evidence, each worth points and a sentence, added up per pool.
//!
//! A new piece is a file here and a row in [`EVIDENCE`].

mod bound;
mod idle_in_transaction;
mod staircase;
pub(crate) mod stranded;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::findings::Draft;
use super::scene::{PoolScene, Scene};
use crate::model::backend::BackendId;
use crate::model::finding::{Rule, Severity};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::span::count;

/// Fewer points are not worth a word.
const WATCH: f64 = 14.0;
/// From here on a pool is suspect.
const SUSPECT: f64 = 50.0;
/// From here on it leaks.
const LEAK: f64 = 75.0;
/// A pool that was just discovered is watched, not accused: it may be filling up.
const WARM_UP_CAP: f64 = 45.0;

/// A rolling deployment or a renewed connection exceeds a pool's bound for a while, s.
const REPLACING: Duration = Duration::from_secs(30);

/// One kind of evidence.
trait Evidence: Sync {
    /// What it weighs in this pool; `None` when there is none. `before` are the points of the rows before it.
    fn weigh(&self, pool: &PoolScene<'_>, scene: &Scene<'_>, before: f64) -> Option<Weight>;
}

/// The kinds of evidence, the strongest first.
const EVIDENCE: [&dyn Evidence; 3] =
    [&idle_in_transaction::IdleInTransaction, &staircase::Staircase, &bound::Bound];

/// What one piece of evidence says about one pool.
struct Weight {
    rule: Rule,
    /// 0–100; above 75 it convicts alone.
    points: f64,
    /// The claim, without the pool's name: `14 connections idle in transaction, oldest 4m12s`.
    claim: String,
    /// Sentences that an operator can check.
    sentences: Vec<String>,
    backends: Vec<BackendId>,
    since: Option<Timestamp>,
    /// It rests on what was learned since pooltop began to watch.
    learned: bool,
    alternative: &'static str,
    suggestion: String,
}

/// One pool with what speaks against it.
struct Case<'a> {
    pool: &'a PoolScene<'a>,
    weights: Vec<Weight>,
    score: f64,
}

/// Pools of one application that differ in their client only: instances of the same code.
type Family<'a> = (&'a TargetName, Option<&'a Text>, Option<&'a Text>, Option<&'a Text>);

/// A finding on each pool that something speaks against.
pub(super) fn suspects(scene: &Scene<'_>) -> Vec<Draft> {
    let cases: Vec<Case<'_>> = scene.pools.iter().filter_map(|pool| case(pool, scene)).collect();
    let mut families: HashMap<Family<'_>, (f64, usize)> = HashMap::new();
    for case in &cases {
        let (score, pools) = families.entry(family(case.pool)).or_default();
        *score += case.score;
        *pools += 1;
    }
    cases
        .into_iter()
        .filter_map(|case| {
            let (together, pools) = families.get(&family(case.pool)).copied().unwrap_or((case.score, 1));
            verdict(case, together, pools)
        })
        .collect()
}

fn family<'a>(pool: &PoolScene<'a>) -> Family<'a> {
    let key = &pool.track.pool.key;
    (&key.target, key.application_name.as_ref(), key.user.as_ref(), key.database.as_ref())
}

fn case<'a>(pool: &'a PoolScene<'a>, scene: &Scene<'_>) -> Option<Case<'a>> {
    let mut weights: Vec<Weight> = Vec::new();
    for evidence in EVIDENCE {
        let before = weights.iter().map(|weight| weight.points).sum();
        weights.extend(evidence.weigh(pool, scene, before));
    }
    let score = capped_score(&weights, pool, scene);
    (!weights.is_empty()).then_some(Case { pool, weights, score })
}

/// Judges one case. An application that strands one connection on each of its instances leaks as surely as one
/// that strands them all on one, so its pools are judged by what speaks against them together. People at their
/// keyboards are no instances of anything.
fn verdict(case: Case<'_>, together: f64, pools: usize) -> Option<Draft> {
    let Case { pool, mut weights, score } = case;
    let shared = !pool.track.human && pools > 1;
    let severity = severity(if shared { together } else { score }, &weights)?;
    // Of equal points the first row stands.
    let strongest =
        (0..weights.len()).rev().max_by(|a, b| weights[*a].points.total_cmp(&weights[*b].points))?;
    let first = weights.remove(strongest);
    let mut draft = draft(pool, severity, first, weights);
    if shared {
        draft.evidence.push(format!(
            "{} of the same application are in the same trouble",
            count(pools as u64 - 1, "other pool")
        ));
    }
    Some(draft)
}

fn capped_score(weights: &[Weight], pool: &PoolScene<'_>, scene: &Scene<'_>) -> f64 {
    let score: f64 = weights.iter().map(|weight| weight.points).sum();
    let young = pool.at.age_of(pool.track.pool.first_seen) < scene.settings.thresholds.warm_up;
    let cap = if young && weights.iter().all(|weight| weight.learned) { WARM_UP_CAP } else { 100.0 };
    score.min(cap)
}

fn severity(score: f64, weights: &[Weight]) -> Option<Severity> {
    // A broken promise is a warning whatever it costs, and no proof of a leak however many break it.
    let exceeded = weights.iter().any(|weight| weight.rule == Rule::PoolBoundExceeded);
    match score {
        score if score >= LEAK => Some(Severity::Critical),
        score if score >= SUSPECT || exceeded => Some(Severity::Warning),
        score if score >= WATCH => Some(Severity::Notice),
        _ => None,
    }
}

fn draft(pool: &PoolScene<'_>, severity: Severity, first: Weight, others: Vec<Weight>) -> Draft {
    let title = format!("{}: {}", pool.track.label, first.claim);
    let mut draft = Draft::on_pool(first.rule, severity, pool, title);
    draft.backends = first.backends;
    draft.since = first.since;
    draft.alternative = Some(first.alternative);
    draft.suggestion = Some(first.suggestion);
    draft.evidence = first.sentences;
    if first.rule == Rule::PoolBoundExceeded {
        draft.sustained = REPLACING;
    }
    let mut named: HashSet<BackendId> = draft.backends.iter().copied().collect();
    for more in others {
        draft.evidence.extend(more.sentences);
        draft.backends.extend(more.backends.into_iter().filter(|id| named.insert(*id)));
    }
    draft
}
