//! Which connections are stranded: held by somebody who does nothing with them.

use std::collections::HashMap;
use std::time::Duration;

use super::super::Settings;
use super::super::members::Member;
use super::super::roster::Track;
use crate::model::backend::{Backend, State};
use crate::model::time::Timestamp;

/// What drivers and poolers run when a connection is given back: an idle connection that ends with one of these
/// is free.
const RELEASE_MARKERS: [&str; 3] = ["SELECT pg_advisory_unlock_all();", "DISCARD ALL", "UNLISTEN *"];

/// Idle in transaction for longer than what is usual in its pool, or idle while its pool kept opening others.
pub(crate) fn is_stranded(
    member: &Member,
    backend: &Backend,
    track: &Track,
    at: Timestamp,
    settings: &Settings,
) -> bool {
    match backend.state {
        State::IdleInTransaction | State::Aborted => is_stuck(backend, track, at, settings),
        State::Idle => is_frozen(member, backend, at, settings),
        _ => false,
    }
}

/// Idle in transaction past what its pool is given.
pub(crate) fn is_stuck(backend: &Backend, track: &Track, at: Timestamp, settings: &Settings) -> bool {
    backend.state.is_idle_in_transaction()
        && backend
            .state_change
            .is_some_and(|since| at.age_of(since) >= patience(backend.state, track, at, settings))
}

/// How long a session of this pool may lie idle in its transaction: the threshold, or half as long again as the
/// longest spell that came to an end by itself, up to five times the threshold. An aborted transaction has no
/// work left to do, so nothing is learned for it.
pub(crate) fn patience(state: State, track: &Track, at: Timestamp, settings: &Settings) -> Duration {
    let threshold = settings.thresholds.idle_in_transaction;
    if state == State::Aborted {
        return threshold;
    }
    let holds = track.bounds.as_ref().is_some_and(|bounds| bounds.holds_transactions);
    if holds {
        return Duration::MAX;
    }
    let learned = track.usual_idle_in_transaction(at).unwrap_or_default().mul_f64(1.5).min(threshold * 5);
    threshold.max(learned)
}

/// Idle for two thresholds, while the pool opened others, and not given back.
fn is_frozen(member: &Member, backend: &Backend, at: Timestamp, settings: &Settings) -> bool {
    let frozen_after = settings.thresholds.idle_in_transaction * 2;
    member.witnesses > 0
        && backend.state_change.is_some_and(|since| at.age_of(since) >= frozen_after)
        && !is_given_back(backend)
}

/// The last statement says that the connection was given back, or that it listens for a living.
fn is_given_back(backend: &Backend) -> bool {
    let Some(query) = &backend.query else { return false };
    let query = query.trim_start();
    RELEASE_MARKERS.iter().any(|marker| query.starts_with(marker))
        || query.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("listen"))
}

/// Counts, for each idle member, that its pool opened a connection while it lay idle. `births` holds the newest
/// birth per pool since the sample before: several at once are a pool that fills up and count as one.
pub(crate) fn witness_births(
    members: &mut [Member],
    births: &HashMap<usize, Timestamp>,
    settings: &Settings,
) {
    if births.is_empty() {
        return;
    }
    let settled = settings.thresholds.idle_in_transaction / 2;
    for member in members {
        let idle = member.state == State::Idle || member.state.is_idle_in_transaction();
        let Some(born) = births.get(&member.slot).filter(|_| idle) else { continue };
        if member.state_change.is_some_and(|since| since <= born.minus(settled)) {
            member.witnesses += 1;
        }
    }
}
