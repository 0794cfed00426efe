//! The pools of one target, remembered from sample to sample.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::busy::{Busy, Deaths};
use super::grouping::{Bounds, full_name, short_name};
use super::leaks::Case;
use super::leaks::habits::Habits;
use super::leaks::level::Level;
use super::trend::Minima;
use super::{names, saved};
use crate::history::series::{self, Series, Timeline};
use crate::model::app::AppPoolKind;
use crate::model::backend::Backend;
use crate::model::leak::LeakTimeline;
use crate::model::pool::{Layer, Pool, PoolKey};
use crate::model::sample::StateCounts;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

/// The most pools that one target's backends are told apart into; the rest is counted as "other".
pub(super) const MAX_POOLS: usize = 512;

/// How long a pool without connections keeps what is known about it.
const KEPT: Duration = Duration::from_secs(600);

/// What is remembered about one pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Track {
    /// The pool as of its target's newest sample.
    pub(crate) pool: Pool,
    /// Its name inside a sentence.
    pub(crate) label: Text,
    /// What the profile declares about it.
    pub(crate) bounds: Option<Bounds>,
    /// A tool in which a person types.
    pub(crate) human: bool,
    /// When it last had a connection, by the target's clock.
    pub(crate) last_seen: Timestamp,
    /// Minima of its connections.
    pub(crate) floor: Minima,
    /// Minima of its stranded connections.
    pub(crate) stranded_floor: Minima,
    /// What was learned about its ways.
    pub(crate) habits: Habits,
    /// What speaks against it in the newest sample.
    pub(crate) case: Case,
    /// How far the suspicion goes.
    pub(crate) level: Level,
    /// Connections opened since the sample before.
    just_opened: u32,
    /// Connections opened per sample in the last minute, for churn.
    pub(crate) births: VecDeque<(Timestamp, u32)>,
    /// A pooler's server connections that are logging in.
    pub(crate) logging_in: Option<u32>,
    /// The pooler says of this pool that it is paused.
    pub(crate) paused: bool,
    /// What its owner counted in the last minute.
    pub(crate) gains: Gains,
    /// How many of its connections were in use.
    pub(crate) busy: Busy,
    /// How long those had been idle that are gone.
    pub(crate) deaths: Deaths,
    /// What its connections lead to, where an application reports it.
    pub(crate) leads_to: AppPoolKind,
    #[serde(deserialize_with = "series::highest")]
    total: Series<u32>,
    #[serde(deserialize_with = "series::highest")]
    idle_in_transaction: Series<u32>,
    #[serde(deserialize_with = "series::highest")]
    stranded: Series<u32>,
    #[serde(deserialize_with = "series::sum")]
    opened: Series<u32>,
}

/// What the owner of a pool counted in the last minute; `None` where it does not count, or began anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gains {
    /// Over how long, s.
    pub(crate) span_s: f64,
    /// Requests that gave up waiting.
    pub(crate) timeouts: Option<u64>,
    /// Connections or requests that failed.
    pub(crate) errors: Option<u64>,
}

/// What one sample says about one pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: StateCounts,
    pub(super) oldest_idle_in_transaction: Option<Timestamp>,
    pub(super) stranded: u32,
    pub(super) opened: u32,
    pub(super) closed: u32,
    /// Sessions that did something since the sample before.
    pub(super) moved: u32,
}

impl Tally {
    pub(super) fn add(&mut self, backend: &Backend) {
        self.counts.add(backend);
        if let Some(since) = backend.state_change.filter(|_| backend.state.is_idle_in_transaction()) {
            let oldest = self.oldest_idle_in_transaction.map_or(since, |oldest| oldest.min(since));
            self.oldest_idle_in_transaction = Some(oldest);
        }
    }
}

/// The pools of one target. An index stays valid until [`Roster::retire`] lets its pool go.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub(super) struct Roster {
    target: TargetName,
    tracks: Vec<Option<Track>>,
    #[serde(skip)]
    index: HashMap<PoolKey, usize>,
    window: Duration,
}

/// A roster as it is saved.
#[derive(Deserialize)]
struct Saved {
    target: TargetName,
    #[serde(deserialize_with = "saved::pools")]
    tracks: Vec<Option<Track>>,
    window: Duration,
}

impl From<Saved> for Roster {
    fn from(Saved { target, tracks, window }: Saved) -> Self {
        let pools = tracks.iter().enumerate();
        let index =
            pools.filter_map(|(slot, track)| Some((track.as_ref()?.pool.key.clone(), slot))).collect();
        Self { target, tracks, index, window }
    }
}

impl Roster {
    pub(super) fn new(target: TargetName, window: Duration) -> Self {
        Self { target, tracks: Vec::new(), index: HashMap::new(), window }
    }

    /// The slot of a pool, new if it was never seen. Past the cap everything is "other".
    pub(super) fn slot(&mut self, key: PoolKey, at: Timestamp, bounds: Option<Bounds>) -> usize {
        if let Some(slot) = self.index.get(&key).copied() {
            if let Some(track) = self.track_mut(slot) {
                track.last_seen = at;
            }
            return slot;
        }
        if self.index.len() >= MAX_POOLS && !self.make_room(at) {
            let other = self.other();
            return match self.index.get(&other) {
                Some(slot) => *slot,
                None => self.insert(other, at, None),
            };
        }
        self.insert(key, at, bounds)
    }

    pub(super) fn slots(&self) -> usize {
        self.tracks.len()
    }

    pub(super) fn track(&self, slot: usize) -> Option<&Track> {
        self.tracks.get(slot).and_then(Option::as_ref)
    }

    pub(super) fn track_mut(&mut self, slot: usize) -> Option<&mut Track> {
        self.tracks.get_mut(slot).and_then(Option::as_mut)
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = (usize, &Track)> {
        self.tracks.iter().enumerate().filter_map(|(slot, track)| Some((slot, track.as_ref()?)))
    }

    pub(super) fn tracks_mut(&mut self) -> impl Iterator<Item = (usize, &mut Track)> {
        self.tracks.iter_mut().enumerate().filter_map(|(slot, track)| Some((slot, track.as_mut()?)))
    }

    /// Lets pools go that have been empty for too long. Their slots hold no member any more.
    pub(super) fn retire(&mut self, at: Timestamp) {
        for slot in 0..self.tracks.len() {
            let gone = self.track(slot).is_some_and(|track| {
                track.pool.total == 0
                    && track.pool.key.declared.is_none()
                    && at.age_of(track.last_seen) > KEPT
            });
            if gone {
                self.remove(slot);
            }
        }
    }

    /// Lets one empty pool go at once.
    pub(super) fn remove(&mut self, slot: usize) {
        if let Some(track) = self.tracks.get_mut(slot).and_then(Option::take) {
            self.index.remove(&track.pool.key);
        }
    }

    /// Lets the empty pool go that was seen the longest ago. `false` when every pool has connections. Pools that the
    /// sample at `at` has already named count as used, though nothing of it was read into them yet.
    fn make_room(&mut self, at: Timestamp) -> bool {
        let oldest = self
            .tracks()
            .filter(|(_, track)| {
                track.pool.total == 0 && track.last_seen < at && track.pool.key.declared.is_none()
            })
            .min_by_key(|(_, track)| track.last_seen)
            .map(|(slot, _)| slot);
        oldest.is_some_and(|slot| {
            self.remove(slot);
            true
        })
    }

    fn insert(&mut self, key: PoolKey, at: Timestamp, bounds: Option<Bounds>) -> usize {
        let track = Track::new(key.clone(), at, bounds, self.window);
        let slot = self.tracks.iter().position(Option::is_none).unwrap_or_else(|| {
            self.tracks.push(None);
            self.tracks.len() - 1
        });
        self.tracks[slot] = Some(track);
        self.index.insert(key, slot);
        slot
    }

    fn other(&self) -> PoolKey {
        PoolKey {
            target: TargetName::clone(&self.target),
            layer: Layer::Server,
            declared: None,
            application_name: None,
            user: None,
            database: None,
            client: None,
        }
    }
}

impl Track {
    pub(super) fn new(key: PoolKey, at: Timestamp, bounds: Option<Bounds>, window: Duration) -> Self {
        let human = key.application_name.as_deref().is_some_and(names::is_human);
        let label = short_name(&key);
        Self {
            label,
            human,
            last_seen: at,
            floor: Minima::new(window),
            stranded_floor: Minima::new(window),
            habits: Habits::default(),
            case: Case::default(),
            level: Level::default(),
            just_opened: 0,
            births: VecDeque::new(),
            logging_in: None,
            paused: false,
            gains: Gains::default(),
            busy: Busy::default(),
            deaths: Deaths::default(),
            leads_to: AppPoolKind::default(),
            total: Series::new(u32::max),
            idle_in_transaction: Series::new(u32::max),
            stranded: Series::new(u32::max),
            opened: Series::new(u32::saturating_add),
            pool: empty_pool(key, at, bounds.as_ref()),
            bounds,
        }
    }

    /// Takes over what a sample says about the backends of this pool.
    pub(super) fn read(&mut self, tally: &Tally, at: Timestamp) {
        let counts = tally.counts;
        let pool = &mut self.pool;
        pool.total = counts.total();
        // Where no state can be seen at all, the counts by state are not zero but unknown.
        let seen = counts.unknown < pool.total || pool.total == 0;
        pool.used = seen.then_some(pool.total - counts.idle);
        pool.idle = seen.then_some(counts.idle);
        pool.idle_in_transaction = seen.then_some(counts.idle_in_transaction);
        pool.aborted = seen.then_some(counts.aborted);
        pool.active = seen.then_some(counts.active);
        (pool.unknown, pool.blocked) = (counts.unknown, counts.blocked);
        pool.peak = pool.peak.max(pool.total);
        pool.oldest_idle_in_transaction_s =
            tally.oldest_idle_in_transaction.map(|since| at.age_of(since).as_secs_f64());
        pool.opened = Some(pool.opened.unwrap_or(0) + u64::from(tally.opened));
        pool.closed = Some(pool.closed.unwrap_or(0) + u64::from(tally.closed));
        pool.stranded = Some(tally.stranded);
        if pool.total > 0 {
            self.last_seen = at;
        }
        self.remember(tally, at);
    }

    pub(super) fn remember(&mut self, tally: &Tally, at: Timestamp) {
        self.just_opened = tally.opened;
        self.floor.add(at, self.pool.total);
        self.stranded_floor.add(at, tally.stranded);
        if tally.opened > 0 {
            self.births.push_back((at, tally.opened));
        }
        let minute_ago = at.minus(Duration::from_secs(60));
        while self.births.front().is_some_and(|(born, _)| *born < minute_ago) {
            self.births.pop_front();
        }
    }

    /// Adds the newest reading to the curves, by this machine's clock.
    pub(super) fn draw(&mut self, line: &Timeline, at: Timestamp) {
        self.total.set(line, at, self.pool.total);
        if let Some(stranded) = self.pool.stranded {
            self.stranded.set(line, at, stranded);
        }
        self.opened.set(line, at, self.just_opened);
        if let (Some(open), Some(aborted)) = (self.pool.idle_in_transaction, self.pool.aborted) {
            self.idle_in_transaction.set(line, at, open + aborted);
        }
    }

    /// Adds the newest reading to what is known about its load, by this machine's clock.
    pub(super) fn weigh(&mut self, at: Timestamp, settings: &Settings) {
        if let Some(used) = self.pool.used {
            self.busy.add(at, used, settings.interval, &settings.thresholds);
        }
    }

    /// Makes one bucket of two in the curves.
    pub(super) fn halve(&mut self) {
        for series in [&mut self.total, &mut self.idle_in_transaction, &mut self.stranded, &mut self.opened] {
            series.halve();
        }
    }

    /// The pool over time, as far as a leak shows in it.
    pub(super) fn timeline(&self, line: &Timeline, now: Timestamp) -> LeakTimeline {
        LeakTimeline {
            bucket_s: line.bucket_s(),
            size: self.total.values(line, now),
            stranded: self.stranded.values(line, now),
            opened: self.opened.values(line, now),
        }
    }

    /// Connections over time.
    pub(super) fn trend(&self, line: &Timeline, now: Timestamp) -> Vec<Option<u32>> {
        self.total.values(line, now)
    }

    /// Connections idle in transaction over time.
    pub(super) fn idle_in_transaction_trend(&self, line: &Timeline, now: Timestamp) -> Vec<Option<u32>> {
        self.idle_in_transaction.values(line, now)
    }

    /// Connections opened in the last minute.
    pub(crate) fn opened_last_minute(&self) -> u32 {
        self.births.iter().map(|(_, opened)| opened).sum()
    }
}

fn empty_pool(key: PoolKey, at: Timestamp, bounds: Option<&Bounds>) -> Pool {
    let name = full_name(&key);
    Pool {
        min: bounds.and_then(|bounds| bounds.min),
        max: bounds.and_then(|bounds| bounds.max),
        ..Pool::unknown(key, name, at)
    }
}
