//! Pure: history in; pools, limits, blocking tree, findings, recommendations and verdict out.
//!
//! Time is an argument. Ages count from a sample's own clock, so a replay says what the live screen said.

mod advice;
mod apps;
mod assemble;
pub mod blocking;
mod busy;
mod changes;
pub mod compare;
mod findings;
#[doc(hidden)]
pub mod fixture;
mod grouping;
mod join;
pub mod layers;
mod leaks;
mod limits;
mod members;
pub mod moment;
pub mod names;
mod poolers;
mod recent;
mod redis;
pub mod reference;
mod rollup;
mod roster;
mod saved;
mod scene;
mod settings;
mod sides;
pub mod sizing;
mod skew;
pub mod statements;
#[cfg(test)]
mod stories;
pub mod thin;
mod tracker;
mod trend;
mod verdict;

pub use leaks::reported::ClientSide;
pub use moment::Moment;
pub use rollup::{Level, add_pool, roll_up};
pub use saved::{SavedError, redacted};
pub use settings::{Machine, Settings};

use serde::{Deserialize, Serialize};

use std::collections::{HashMap, VecDeque};

use crate::history::series::{self, Series, Timeline};
use crate::history::{Entry, History};
use crate::model::backend::BackendId;
use crate::model::event::Event;
use crate::model::sample::{Body, Sample};
use crate::model::target::{TargetName, TargetStatus};
use crate::model::time::Timestamp;

use apps::AppTracker;
use findings::Memory;
use join::{Pooled, Side};
use poolers::PoolerTracker;
use redis::RedisTracker;
use statements::StatementTracker;
use tracker::Tracker;

/// How many events a moment carries at most.
const EVENTS: usize = 256;

/// Turns samples into moments.
///
/// It keeps what a single sample cannot say: when a pool was first seen, what opened and closed, peaks, floors,
/// since when a finding holds. What it keeps is bounded by the number of connections and pools.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Analyser {
    settings: Settings,
    line: Timeline,
    servers: HashMap<TargetName, Tracker>,
    poolers: HashMap<TargetName, PoolerTracker>,
    redis: HashMap<TargetName, RedisTracker>,
    apps: HashMap<TargetName, AppTracker>,
    /// Sequence number of the next entry to read, per target: of the history at hand, so it is not saved.
    #[serde(skip)]
    read: HashMap<TargetName, u64>,
    #[serde(deserialize_with = "series::highest")]
    pending: Series<u32>,
    /// Utilization of each target's nearest limit, in ten-thousandths.
    #[serde(default, deserialize_with = "series::highest_each")]
    nearest: HashMap<TargetName, Series<u32>>,
    statements: HashMap<TargetName, StatementTracker>,
    memory: Memory,
    events: VecDeque<Event>,
}

impl Analyser {
    /// An analyser that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            line: Timeline::new(settings.interval, settings.span),
            settings,
            servers: HashMap::new(),
            poolers: HashMap::new(),
            redis: HashMap::new(),
            apps: HashMap::new(),
            read: HashMap::new(),
            pending: Series::new(u32::max),
            nearest: HashMap::new(),
            statements: HashMap::new(),
            memory: Memory::default(),
            events: VecDeque::new(),
        }
    }

    /// Learns what is new in the history and says what it means.
    ///
    /// `events` may be everything that happened so far or only what is new. `now` is this machine's clock, or the
    /// recorded one in a replay.
    pub fn observe(
        &mut self,
        history: &History,
        statuses: &[TargetStatus],
        events: &[Event],
        now: Timestamp,
    ) -> Moment {
        for event in events {
            self.remember(event.clone());
        }
        for status in statuses {
            self.catch_up(history, &status.name);
        }
        let mut memory = std::mem::take(&mut self.memory);
        let moment = self.assemble(&mut memory, history, statuses, now);
        self.memory = memory;
        for (target, told) in sides::sides(&moment) {
            self.tell(&target, told);
        }
        moment
    }

    /// Takes in what applications and poolers say about the pools of a PostgreSQL target, for its next sample.
    pub fn tell(&mut self, target: &TargetName, sides: Vec<ClientSide>) {
        let settings = &self.settings;
        let new = || Tracker::new(target, settings);
        self.servers.entry(TargetName::clone(target)).or_insert_with(new).tell(sides);
    }

    /// The settings it judges by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn remember(&mut self, event: Event) {
        if !self.events.contains(&event) {
            self.events.push_back(event);
        }
        while self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    /// Reads what was pushed for a target since the last call.
    fn catch_up(&mut self, history: &History, target: &TargetName) {
        let from = self.read.get(target).copied().unwrap_or(0);
        let mut next = from;
        for (sequence, entry) in history.since(target, from) {
            if let Entry::Sample(sample) = entry {
                self.absorb(sample);
            }
            next = sequence + 1;
        }
        self.read.insert(TargetName::clone(target), next);
    }

    fn absorb(&mut self, sample: &Sample) {
        for _ in 0..self.line.reach(sample.received_at) {
            self.servers.values_mut().for_each(Tracker::halve);
            self.poolers.values_mut().for_each(PoolerTracker::halve);
            self.redis.values_mut().for_each(RedisTracker::halve);
            self.apps.values_mut().for_each(AppTracker::halve);
            self.pending.halve();
            self.nearest.values_mut().for_each(Series::halve);
        }
        let target = &sample.target;
        let (line, settings) = (&self.line, &self.settings);
        match &sample.body {
            Body::Postgres(body) => {
                let statements = self.statements.entry(TargetName::clone(target)).or_default();
                let before = statements.facts().cloned();
                statements.absorb(body);
                let changes = before.zip(statements.facts());
                let changes =
                    changes.map(|(old, new)| changes::between(target, &old, new)).unwrap_or_default();
                let owned = self.owned_by_poolers(sample);
                let new = || Tracker::new(target, settings);
                let tracker = self.servers.entry(TargetName::clone(target)).or_insert_with(new);
                tracker.own(&owned, body);
                let told = tracker.absorb(sample, line, settings);
                told.into_iter().chain(changes).for_each(|event| self.remember(event));
            }
            Body::Pooler(_) => {
                let new = || PoolerTracker::new(target);
                let tracker = self.poolers.entry(TargetName::clone(target)).or_insert_with(new);
                tracker.absorb(sample, line, settings);
                let queued =
                    self.poolers.values().filter_map(PoolerTracker::pending).fold(0, u32::saturating_add);
                self.pending.set(&self.line, sample.received_at, queued);
            }
            Body::Redis(body) => {
                let new = || RedisTracker::new(target, settings);
                let tracker = self.redis.entry(TargetName::clone(target)).or_insert_with(new);
                tracker.absorb(body, sample, line, settings);
            }
            Body::App(_) => {
                let new = || AppTracker::new(target);
                let tracker = self.apps.entry(TargetName::clone(target)).or_insert_with(new);
                tracker.absorb(sample, line, settings);
            }
            // How it stands is in its status; there is nothing to follow over time yet.
            Body::Probe(_) => {}
        }
        self.measure_nearest(sample);
    }

    /// The backends of a sample that are the other ends of poolers' connections.
    fn owned_by_poolers(&self, sample: &Sample) -> Vec<BackendId> {
        let poolers: Vec<Pooled<'_>> = self.poolers.values().filter_map(|pooler| pooler.pooled(0)).collect();
        if poolers.is_empty() {
            return Vec::new();
        }
        Side::new(0, sample).map_or_else(Vec::new, |side| join::owned(&poolers, &side))
    }
}
