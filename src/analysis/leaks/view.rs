//! What the detector says about a pool, for the list of findings and for the panel of suspects.

use super::remedy::remedy;
use super::{Case, Weight, about};
use crate::analysis::findings::Draft;
use crate::analysis::moment::BackendRow;
use crate::analysis::scene::{PoolScene, Scene};
use crate::history::series::Timeline;
use crate::model::backend::BackendId;
use crate::model::finding::Severity;
use crate::model::leak::{EvidenceKind, LeakConnection, LeakEvidence, LeakView, Library};
use crate::model::limit::LimitScope;
use crate::text::Text;
use crate::text::span::count;

/// Connections listed at most.
const CONNECTIONS: usize = 64;
/// Pooled clients named in the evidence at most.
const HOLDERS: usize = 3;

/// The finding on a pool that is watched or worse.
pub(in crate::analysis) fn draft(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let track = pool.track;
    let case = &track.case;
    let strongest = case.strongest()?;
    let state = track.level.state?;
    // A broken promise is a warning whatever it costs.
    let least = if case.exceeds_bound() { Severity::Warning } else { Severity::Notice };
    let title = format!("{}: {}", track.label, strongest.claim);
    let mut draft = Draft::on_pool(strongest.kind.rule(), state.severity().max(least), pool, title);
    draft.backends = named(case);
    draft.since = strongest.since.or(track.level.since);
    draft.alternative = Some(about::alternative(strongest.kind));
    draft.suggestion = Some(suggestion(case, strongest, track.habits.recognition.library()));
    draft.evidence = ranked(case).into_iter().flat_map(|weight| sentences(weight, pool, scene)).collect();
    if case.others > 0 {
        let others = count(case.others as u64, "other pool");
        draft.evidence.push(format!("{others} of the same application are in the same trouble"));
    }
    Some(draft)
}

/// Everything that speaks for a leak in a pool; `None` where nothing does.
pub(in crate::analysis) fn view(
    pool: &PoolScene<'_>,
    scene: &Scene<'_>,
    line: &Timeline,
) -> Option<LeakView> {
    let track = pool.track;
    let case = &track.case;
    let strongest = case.strongest()?;
    let names = named(case);
    let growth = track.stranded_floor.growth_per_min().filter(|growth| *growth > 0.0);
    let library = track.habits.recognition.library();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100 by construction")]
    let score = case.judged.clamp(0.0, 100.0).round() as u8;
    Some(LeakView {
        score,
        state: track.level.state,
        since: track.level.since,
        count: u32::try_from(names.len()).unwrap_or(u32::MAX),
        growth_per_min: growth,
        exhausted_in_s: growth.and_then(|growth| Some(room(pool, scene)? / growth * 60.0)),
        evidence: ranked(case).into_iter().map(|weight| evidence(weight, pool, scene)).collect(),
        connections: connections(&names, pool, scene),
        timeline: track.timeline(line, scene.now),
        library,
        suggestion: Text::line(&suggestion(case, strongest, library)),
    })
}

/// The evidence, the strongest first.
fn ranked(case: &Case) -> Vec<&Weight> {
    let mut weights: Vec<&Weight> = case.weights.iter().collect();
    // Stable: of equal points the first row stands first.
    weights.sort_by(|a, b| b.points.total_cmp(&a.points));
    weights
}

fn evidence(weight: &Weight, pool: &PoolScene<'_>, scene: &Scene<'_>) -> LeakEvidence {
    LeakEvidence {
        kind: weight.kind,
        points: weight.points,
        sentences: sentences(weight, pool, scene).iter().map(|sentence| Text::line(sentence)).collect(),
        alternative: Text::line(about::alternative(weight.kind)),
    }
}

fn sentences(weight: &Weight, pool: &PoolScene<'_>, scene: &Scene<'_>) -> Vec<String> {
    let mut sentences = weight.sentences.clone();
    if weight.kind == EvidenceKind::IdleInTransaction {
        let blocks = |id: &BackendId| scene.row(pool.target, id.pid).map(|row| row.blocks_transitively);
        // Whom it hurts comes right after what it is.
        let waiting = weight.backends.iter().filter_map(blocks).max().unwrap_or(0);
        if waiting > 0 {
            let verb = if waiting == 1 { "waits" } else { "wait" };
            let sessions = count(waiting, "session");
            sentences.insert(
                sentences.len().min(1),
                format!("{sessions} {verb} for a lock that one of them holds"),
            );
        }
    }
    if weight.kind == EvidenceKind::Reported {
        let rows = weight.backends.iter().filter_map(|id| scene.row(pool.target, id.pid));
        sentences.extend(rows.filter_map(|row| holder(row, scene)).take(HOLDERS));
    }
    sentences
}

/// The pooler's client that a backend is lent to, where that is proven.
fn holder(row: &BackendRow, scene: &Scene<'_>) -> Option<String> {
    let via = row.via?;
    let client = scene.clients.get(via.client?)?.pooled()?;
    let application = client.application_name.as_ref().filter(|name| !name.is_empty());
    let application = application.map(|name| format!(" ({name})")).unwrap_or_default();
    Some(format!(
        "pid {} is lent to {}@{}{application} by {}",
        row.backend.pid(),
        client.user,
        client.client,
        scene.target(via.pooler)
    ))
}

/// The sessions that the evidence names, those of the strongest first, each once.
fn named(case: &Case) -> Vec<BackendId> {
    let mut seen = std::collections::HashSet::new();
    let all = ranked(case).into_iter().flat_map(|weight| &weight.backends);
    all.filter(|id| seen.insert(**id)).copied().collect()
}

fn connections(named: &[BackendId], pool: &PoolScene<'_>, scene: &Scene<'_>) -> Vec<LeakConnection> {
    let rows =
        named.iter().filter_map(|id| scene.row(pool.target, id.pid).filter(|row| row.backend.id() == *id));
    rows.take(CONNECTIONS).map(|row| connection(row, pool)).collect()
}

fn connection(row: &BackendRow, pool: &PoolScene<'_>) -> LeakConnection {
    let backend = &row.backend;
    let ran = backend.query.as_ref().filter(|query| !query.is_empty());
    LeakConnection {
        id: backend.id(),
        state: backend.state,
        since: backend.state_change,
        age_s: pool.state_age(backend).map(|age| age.as_secs_f64()),
        statement: ran.cloned(),
        witnesses: row.witnesses,
    }
}

/// How many connections the pool may still open: up to its own bound, or the server's, whichever is nearer.
fn room(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<f64> {
    let own = pool.track.pool.max.map(|max| max.saturating_sub(pool.track.pool.total));
    let target = &pool.track.pool.key.target;
    let server =
        scene.limits.iter().find(|limit| limit.scope == LimitScope::Server && limit.target == *target);
    let left = server.and_then(|limit| Some(limit.usable()?.saturating_sub(limit.used)));
    own.into_iter().chain(left).min().map(f64::from)
}

fn suggestion(case: &Case, strongest: &Weight, library: Option<Library>) -> String {
    let advice = remedy(library, strongest.kind);
    match strongest.kind {
        EvidenceKind::IdleInTransaction => format!(
            "{advice} To free the slots now: terminate pid {}. A guard: idle_in_transaction_session_timeout for this \
             role.",
            pids(&strongest.backends)
        ),
        EvidenceKind::Bound => "Count the processes that open this pool and correct instances, or find who connects \
                                beside it; sessions of clients that are gone end sooner with tcp_keepalives_idle = 60."
            .to_owned(),
        EvidenceKind::Generations => format!(
            "End what is left of them: terminate pid {}. Sessions of clients that are gone end sooner with \
             tcp_keepalives_idle = 60; a pool that is replaced must be closed.",
            pids(&strongest.backends)
        ),
        _ if named(case).is_empty() => advice.to_owned(),
        _ => format!("{advice} To free the slots now: terminate pid {}.", pids(&named(case))),
    }
}

fn pids(backends: &[BackendId]) -> String {
    let pids: Vec<String> = backends.iter().take(3).map(|id| id.pid.to_string()).collect();
    let more = if backends.len() > 3 { ", …" } else { "" };
    format!("{}{more}", pids.join(", "))
}
