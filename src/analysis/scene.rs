//! What the rules look at: one moment, indexed by pool.

use std::time::Duration;

use super::Settings;
use super::busy::Past;
use super::layers::LayerLine;
use super::moment::{AppView, BackendRow, ClientRow, PoolerView, ServerView};
use super::redis::RedisTracker;
use super::roster::Track;
use crate::model::backend::{Backend, BackendId};
use crate::model::event::Event;
use crate::model::limit::Limit;
use crate::model::target::{TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;
use crate::text::Text;

/// One moment as the rules see it.
pub(crate) struct Scene<'a> {
    /// Thresholds and what the profile declares.
    pub(crate) settings: &'a Settings,
    /// This machine's clock; in a replay, the recorded one.
    pub(crate) now: Timestamp,
    /// Every target.
    pub(crate) statuses: &'a [TargetStatus],
    /// PostgreSQL targets, parallel to `statuses`.
    pub(crate) servers: &'a [Option<ServerView>],
    /// What is remembered about PostgreSQL targets, parallel to `statuses`.
    pub(crate) pasts: Vec<Option<&'a Past>>,
    /// Pooler targets, parallel to `statuses`.
    pub(crate) poolers: &'a [Option<PoolerView>],
    /// Redis targets, parallel to `statuses`, with what is remembered about them.
    pub(crate) redis: Vec<Option<(Timestamp, &'a RedisTracker)>>,
    /// Application targets, parallel to `statuses`.
    pub(crate) apps: &'a [Option<AppView>],
    /// Every client of a pooler or a Redis server.
    pub(crate) clients: &'a [ClientRow],
    /// Each application through its layers; the indices are those of `pools`.
    pub(crate) layers: Vec<LayerLine>,
    /// Every backend.
    pub(crate) rows: &'a [BackendRow],
    /// Every pool, with its backends.
    pub(crate) pools: Vec<PoolScene<'a>>,
    /// Every limit.
    pub(crate) limits: &'a [Limit],
    /// What happened, newest last.
    pub(crate) events: &'a [Event],
}

/// One pool with its backends.
pub(crate) struct PoolScene<'a> {
    /// Index of its target.
    pub(crate) target: usize,
    /// When its target was sampled, by the target's clock.
    pub(crate) at: Timestamp,
    /// What is remembered about it.
    pub(crate) track: &'a Track,
    /// Indices into [`Scene::rows`].
    pub(crate) members: Vec<usize>,
    /// Indices into [`Scene::clients`] of a pooler's clients, those that wait longest first.
    pub(crate) clients: Vec<usize>,
}

impl<'a> Scene<'a> {
    /// The backends of a pool.
    pub(crate) fn members<'b>(&'b self, pool: &'b PoolScene<'a>) -> impl Iterator<Item = &'b BackendRow> {
        pool.members.iter().filter_map(|index| self.rows.get(*index))
    }

    /// The clients of a pooler's pool, those that wait longest first.
    pub(crate) fn clients<'b>(&'b self, pool: &'b PoolScene<'a>) -> impl Iterator<Item = &'b ClientRow> {
        pool.clients.iter().filter_map(|index| self.clients.get(*index))
    }

    /// PostgreSQL targets that were sampled at least once.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (usize, &TargetStatus, &ServerView)> {
        self.statuses
            .iter()
            .zip(self.servers)
            .enumerate()
            .filter_map(|(index, (status, server))| Some((index, status, server.as_ref()?)))
    }

    /// Redis targets that were sampled at least once.
    pub(crate) fn redis(&self) -> impl Iterator<Item = (usize, &TargetStatus, &RedisTracker)> {
        self.statuses
            .iter()
            .zip(&self.redis)
            .enumerate()
            .filter_map(|(index, (status, redis))| Some((index, status, redis.as_ref()?.1)))
    }

    /// The backends of one target; rows are sorted by target and pid.
    pub(crate) fn rows_of(&self, target: usize) -> &[BackendRow] {
        let start = self.rows.partition_point(|row| row.target < target);
        let end = self.rows.partition_point(|row| row.target <= target);
        &self.rows[start..end]
    }

    /// One backend of a target by pid.
    pub(crate) fn row(&self, target: usize, pid: i32) -> Option<&BackendRow> {
        let rows = self.rows_of(target);
        rows.binary_search_by_key(&pid, |row| row.backend.pid()).ok().map(|index| &rows[index])
    }

    /// The pool's name inside a sentence for a row's pool.
    pub(crate) fn label(&self, row: &BackendRow) -> Text {
        self.pools.get(row.pool).map_or_else(Text::default, |pool| pool.track.label.clone())
    }

    /// A target's name.
    pub(crate) fn target(&self, index: usize) -> TargetName {
        self.statuses.get(index).map_or_else(|| "?".into(), |status| TargetName::clone(&status.name))
    }

    /// Time of day in the operator's zone, as sentences give it: `14:02`.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        self.settings.time_of_day(at)
    }
}

impl PoolScene<'_> {
    /// How long a backend has been in its state.
    pub(crate) fn state_age(&self, backend: &Backend) -> Option<Duration> {
        backend.state_change.map(|since| self.at.age_of(since))
    }
}

/// Whether a target's data may be taken for the present.
pub(crate) fn is_current(status: &TargetStatus) -> bool {
    status.state == TargetState::Live
}

/// The ids of backends, for a finding.
pub(crate) fn ids<'a>(rows: impl Iterator<Item = &'a BackendRow>) -> Vec<BackendId> {
    rows.map(|row| row.backend.id()).collect()
}
