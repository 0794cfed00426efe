//! E1: sessions that lie idle in a transaction, aborted or not, longer than their pool does in its ordinary work.
//!
//! The clock is `state_change`: time since the session last did something, not since its transaction began.
//! What a session weighs grows from the threshold to twice the threshold, so that a job that is just a little
//! late is watched and not accused; one old enough (five thresholds) is a suspect on its own.

use std::time::Duration;

use super::endings::beginning;
use super::now::{Plight, PoolNow, Row, named};
use super::stranded::patience;
use super::{Evidence, Weight};
use crate::model::backend::State;
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span};

/// Points of one session at twice the threshold.
pub(super) const FULL: f64 = 35.0;
/// The same where a person types: somebody thinking is no leak.
pub(super) const FULL_HUMAN: f64 = 15.0;
/// Added when the oldest is past five thresholds.
pub(super) const OLD: f64 = 20.0;
/// Idle in transaction alone does not make a hundred.
pub(super) const CAP: f64 = 85.0;

pub(super) struct IdleInTransaction;

impl Evidence for IdleInTransaction {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let stuck: Vec<&Row<'_>> = pool.with(Plight::Stuck).collect();
        let oldest = stuck.iter().max_by_key(|row| row.age)?;
        let age = oldest.age?;
        let old = age >= pool.settings.thresholds.idle_in_transaction * 5;
        Some(Weight {
            points: points(&stuck, old, pool),
            claim: claim(&stuck, age),
            sentences: sentences(&stuck, age, pool),
            backends: named(stuck.iter().copied()),
            since: oldest.backend.state_change,
            // Before anything was seen to return, only one that no ordinary work explains speaks for itself.
            learned: !old,
            ..Weight::of(EvidenceKind::IdleInTransaction)
        })
    }
}

fn points(stuck: &[&Row<'_>], old: bool, pool: &PoolNow<'_>) -> f64 {
    let full = if pool.track.human { FULL_HUMAN } else { FULL };
    let each: f64 = stuck.iter().map(|row| full * lateness(row, pool)).sum();
    (each + if old { OLD } else { 0.0 }).min(CAP)
}

/// How much one session counts, 0–1. As long as the pool was hardly seen to finish anything, nothing is known about its
/// ways: it may be a queue of jobs that hold their transactions, so it is given twice the time.
fn lateness(row: &Row<'_>, pool: &PoolNow<'_>) -> f64 {
    let state = row.backend.state;
    let patience = patience(state, pool.track, pool.at, &pool.settings.thresholds).as_secs_f64().max(1e-6);
    let strange = state != State::Aborted && !pool.track.habits.is_known();
    let late = row.age_or_zero().as_secs_f64() / if strange { 2.0 * patience } else { patience };
    if late < 1.0 { 0.1 } else { 0.4 + 0.6 * (late - 1.0).min(1.0) }
}

fn claim(stuck: &[&Row<'_>], oldest: Duration) -> String {
    let connections = count(stuck.len() as u64, "connection");
    match stuck.len() {
        1 => format!("{connections} idle in transaction for {}", span(oldest)),
        _ => format!("{connections} idle in transaction, oldest {}", span(oldest)),
    }
}

fn sentences(stuck: &[&Row<'_>], oldest: Duration, pool: &PoolNow<'_>) -> Vec<String> {
    let threshold = span(pool.settings.thresholds.idle_in_transaction);
    let usual = match pool.track.habits.usual_idle_in_transaction(pool.at) {
        Some(longest) if !longest.is_zero() => format!(" (usual here ≤ {})", span(longest)),
        _ => String::new(),
    };
    let sessions = count(stuck.len() as u64, "session");
    let mut sentences = vec![format!(
        "{sessions} idle in transaction for at least {threshold}, oldest {}{usual}",
        span(oldest)
    )];
    sentences.extend(same_statement(stuck));
    let number = |of: fn(&Row<'_>) -> bool| stuck.iter().filter(|row| of(row)).count();
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

/// Several that ended with the same statement point at one place in the code.
fn same_statement(stuck: &[&Row<'_>]) -> Option<String> {
    // The values aside, which a redacted recording does not have.
    let statement = |row: &&Row<'_>| row.backend.query.as_deref().map(beginning);
    let first = stuck.first().filter(|_| stuck.len() > 1).and_then(statement)?;
    let all = stuck.iter().all(|row| statement(row).as_ref() == Some(&first));
    all.then(|| "the same last statement in each of them".to_owned())
}
