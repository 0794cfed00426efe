//! How long each finding has been so.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Draft, Scene};
use crate::model::finding::{Finding, FindingKey};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;

/// A finding that is away for less than this many intervals did not end: its `since` stays.
const FLICKER: u32 = 5;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
}

/// Remembers since when each finding holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Memory {
    seen: HashMap<FindingKey, Seen>,
}

impl Memory {
    /// Turns the drafts that have held for long enough into findings.
    pub(super) fn publish(&mut self, drafts: Vec<Draft>, scene: &Scene<'_>) -> Vec<Finding> {
        let grace = scene.settings.interval * FLICKER;
        self.seen.retain(|(_, target, _), seen| scene.time_of(target).age_of(seen.last) <= grace);
        drafts.into_iter().filter_map(|draft| self.hold(draft, scene)).collect()
    }

    fn hold(&mut self, draft: Draft, scene: &Scene<'_>) -> Option<Finding> {
        let at = scene.time_of(&draft.target);
        let key =
            (draft.rule, TargetName::clone(&draft.target), draft.pool.as_ref().map(|(key, _)| key.clone()));
        let seen = self.seen.entry(key).or_insert(Seen { first: at, last: at });
        seen.last = at;
        let held: Duration = at.age_of(seen.first);
        (held >= draft.sustained).then(|| draft.finish(seen.first))
    }
}

impl Scene<'_> {
    /// The clock that a target's times come from.
    fn time_of(&self, target: &TargetName) -> Timestamp {
        let index = self.statuses.iter().position(|status| status.name == *target);
        let server = index.and_then(|index| self.servers.get(index)?.as_ref()).map(|server| server.at);
        let pooler = index.and_then(|index| self.poolers.get(index)?.as_ref()).map(|pooler| pooler.at);
        let redis = index.and_then(|index| self.redis.get(index)?.as_ref()).map(|(at, _)| *at);
        let app = index.and_then(|index| self.apps.get(index)?.as_ref()).map(|app| app.at);
        server.or(pooler).or(redis).or(app).unwrap_or(self.now)
    }
}
