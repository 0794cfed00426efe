//! What cannot be seen. Where there is any of it, nobody may say "healthy".

use super::age_of;
use crate::analysis::moment::ServerView;
use crate::analysis::redis::RedisTracker;
use crate::analysis::scene::{Scene, is_current};
use crate::model::backend::State;
use crate::model::limit::LimitScope;
use crate::model::target::{Privilege, TargetKind, TargetState, TargetStatus};
use crate::text::span::count;

/// Sentences, each a reason why the moment cannot be called healthy.
pub(super) fn doubts(scene: &Scene<'_>) -> Vec<String> {
    if scene.statuses.is_empty() {
        return vec!["no target".to_owned()];
    }
    let mut doubts = Vec::new();
    for (index, status) in scene.statuses.iter().enumerate() {
        doubts.extend(silence(status));
        match scene.servers.get(index).and_then(Option::as_ref) {
            Some(server) => doubts.extend(blindness(index, status, server, scene)),
            None if is_current(status)
                && status.kind == TargetKind::Postgres
                && status.round_trip.is_none() =>
            {
                doubts.push(format!("{}: no sample yet", status.name));
            }
            None => {}
        }
        let redis = scene.redis.get(index).and_then(|redis| Some(redis.as_ref()?.1));
        if let Some(what) = redis.filter(|_| is_current(status)).and_then(RedisTracker::unseen) {
            doubts.push(format!("{}: {} unknown: {}", status.name, what.what, what.why));
        }
        let unread = scene.poolers.get(index).and_then(|pooler| pooler.as_ref()?.unread.as_ref());
        doubts.extend(
            unread.map(|missing| format!("{}: {} unknown: {}", status.name, missing.what, missing.why)),
        );
    }
    doubts
}

/// The target does not speak to us now.
fn silence(status: &TargetStatus) -> Option<String> {
    let name = &status.name;
    let error = status.error.as_ref();
    match (status.state, error) {
        (TargetState::Live, _) => None,
        (TargetState::Stale, _) => Some(format!("{name} is stale, {}", age_of(status))),
        (_, Some(error)) if error.says_full() => {
            Some(format!("{name} has no slot for pooltop: {}", error.message))
        }
        (TargetState::Refused, Some(error)) => Some(format!("{name} refuses: {}", error.message)),
        (_, Some(error)) => Some(format!("{name} does not answer: {}", error.message)),
        (_, None) => Some(format!("{name}: connecting, {}", age_of(status))),
    }
}

/// It speaks, but not of everything.
fn blindness(index: usize, status: &TargetStatus, server: &ServerView, scene: &Scene<'_>) -> Vec<String> {
    let name = &status.name;
    let mut doubts = Vec::new();
    if server.counts_only {
        doubts.push(format!("{name} answers too slowly for more than counts by state"));
    }
    let rows = scene.rows_of(index);
    let hidden = rows.iter().filter(|row| !row.backend.is_visible()).count() as u64;
    if hidden > 0 || status.privilege == Some(Privilege::Limited) {
        let role =
            server.facts.as_ref().map_or_else(String::new, |facts| format!(" {}", facts.own_role.name));
        let seen = rows.len() as u64 - hidden;
        doubts.push(format!(
            "role{role} sees only its own sessions on {name}: {seen} judged, {hidden} hidden; GRANT pg_monitor shows them"
        ));
    }
    let silent = rows.iter().filter(|row| row.backend.state == State::Disabled).count() as u64;
    if silent > 0 {
        doubts.push(format!("{} on {name} with track_activities off", count(silent, "session")));
    }
    let ceiling = scene
        .limits
        .iter()
        .any(|limit| limit.scope == LimitScope::Server && limit.target == *name && limit.limit.is_some());
    if !ceiling {
        doubts.push(format!("max_connections of {name} is not known yet"));
    }
    doubts
}
