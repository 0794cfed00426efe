//! E1: sessions that lie idle in a transaction, aborted or not, longer than their pool does in its ordinary work.
//!
//! The clock is `state_change`: time since the session last did something, not since its transaction began.
//! What a session weighs grows from the threshold to twice the threshold, so that a job that is just a little
//! late is watched and not accused; one old enough (five thresholds) is a suspect on its own.

use std::time::Duration;

use super::stranded::{is_stuck, patience};
use super::{Evidence, Weight};
use crate::analysis::moment::BackendRow;
use crate::analysis::scene::{PoolScene, Scene, ids};
use crate::model::backend::State;
use crate::model::finding::Rule;
use crate::text::span::{count, span};

/// Points of one session at twice the threshold.
const FULL: f64 = 35.0;
/// The same where a person types: somebody thinking is no leak.
const FULL_HUMAN: f64 = 15.0;
/// Added when the oldest is past five thresholds.
const OLD: f64 = 15.0;
/// Idle in transaction alone does not make a hundred.
const CAP: f64 = 85.0;

pub(super) struct IdleInTransaction;

impl Evidence for IdleInTransaction {
    fn weigh(&self, pool: &PoolScene<'_>, scene: &Scene<'_>, _before: f64) -> Option<Weight> {
        let mut stuck: Vec<&BackendRow> = scene
            .members(pool)
            .filter(|row| is_stuck(&row.backend, pool.track, pool.at, scene.settings))
            .collect();
        stuck.sort_by_key(|row| (row.backend.state_change, row.backend.pid()));
        let oldest = stuck.first()?;
        let age = pool.state_age(&oldest.backend)?;
        Some(Weight {
            rule: Rule::LeakIdleInTransaction,
            points: points(&stuck, age, pool, scene),
            claim: claim(&stuck, age),
            sentences: sentences(&stuck, age, pool, scene),
            backends: ids(stuck.iter().copied()),
            since: oldest.backend.state_change,
            learned: false,
            alternative: "a job that holds its transaction while it works (declare it: holds_transactions = true)",
            suggestion: suggestion(&stuck),
        })
    }
}

fn points(stuck: &[&BackendRow], oldest: Duration, pool: &PoolScene<'_>, scene: &Scene<'_>) -> f64 {
    let full = if pool.track.human { FULL_HUMAN } else { FULL };
    let each = stuck.iter().filter_map(|row| {
        let age = pool.state_age(&row.backend)?.as_secs_f64();
        let patience = patience(row.backend.state, pool.track, pool.at, scene.settings).as_secs_f64();
        Some(full * (0.4 + 0.6 * (age / patience - 1.0).clamp(0.0, 1.0)))
    });
    let old = oldest >= scene.settings.thresholds.idle_in_transaction * 5;
    (each.sum::<f64>() + if old { OLD } else { 0.0 }).min(CAP)
}

fn claim(stuck: &[&BackendRow], oldest: Duration) -> String {
    let connections = count(stuck.len() as u64, "connection");
    match stuck.len() {
        1 => format!("{connections} idle in transaction for {}", span(oldest)),
        _ => format!("{connections} idle in transaction, oldest {}", span(oldest)),
    }
}

fn sentences(
    stuck: &[&BackendRow],
    oldest: Duration,
    pool: &PoolScene<'_>,
    scene: &Scene<'_>,
) -> Vec<String> {
    let threshold = span(scene.settings.thresholds.idle_in_transaction);
    let usual = match pool.track.usual_idle_in_transaction(pool.at) {
        Some(longest) if !longest.is_zero() => format!(" (usual here ≤ {})", span(longest)),
        _ => String::new(),
    };
    let sessions = count(stuck.len() as u64, "session");
    let mut sentences = vec![format!(
        "{sessions} idle in transaction for at least {threshold}, oldest {}{usual}",
        span(oldest)
    )];
    sentences.extend(same_statement(stuck));
    sentences.extend(consequences(stuck));
    sentences
}

/// Several that ended with the same statement point at one place in the code.
fn same_statement(stuck: &[&BackendRow]) -> Option<String> {
    let first = stuck.first()?.backend.query.as_ref()?;
    let all = stuck.len() > 1 && stuck.iter().all(|row| row.backend.query.as_ref() == Some(first));
    all.then(|| "the same last statement in each of them".to_owned())
}

fn consequences(stuck: &[&BackendRow]) -> Vec<String> {
    let number = |of: fn(&BackendRow) -> bool| stuck.iter().filter(|row| of(row)).count() as u64;
    let mut sentences = Vec::new();
    let blocked: u64 = stuck.iter().map(|row| u64::from(row.blocks_transitively)).max().unwrap_or(0);
    if blocked > 0 {
        sentences.push(format!("{} for a lock that one of them holds", wait(blocked)));
    }
    match number(|row| row.backend.has_xid) {
        0 => {}
        written => sentences.push(format!("{written} may have written: ending them rolls that back")),
    }
    match number(|row| row.backend.state == State::Aborted) {
        0 => {}
        aborted => sentences.push(format!("{aborted} aborted: no locks left, but the slot is held")),
    }
    sentences
}

fn wait(sessions: u64) -> String {
    if sessions == 1 { "1 session waits".to_owned() } else { format!("{sessions} sessions wait") }
}

fn suggestion(stuck: &[&BackendRow]) -> String {
    let pids: Vec<String> = stuck.iter().take(3).map(|row| row.backend.pid().to_string()).collect();
    let more = if stuck.len() > 3 { ", …" } else { "" };
    format!(
        "End the transaction in the application (context manager, finally: close; nothing slow inside it). To free \
         the slots now: terminate pid {}{more}. A guard: idle_in_transaction_session_timeout for this role.",
        pids.join(", ")
    )
}
