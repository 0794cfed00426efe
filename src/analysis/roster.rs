//! The pools of one target, remembered from sample to sample.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::grouping::{Bounds, full_name, short_name};
use super::names;
use super::trend::Minima;
use crate::history::series::{Series, Timeline};
use crate::model::backend::Backend;
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
#[derive(Clone, Debug)]
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
    /// The longest spell idle in transaction that came to an end by itself, and when.
    pub(crate) longest_return: Option<(Duration, Timestamp)>,
    /// When stranded connections came back to life, newest last; bounded.
    pub(crate) returns: VecDeque<Timestamp>,
    /// Connections opened per sample in the last minute, for churn.
    pub(crate) births: VecDeque<(Timestamp, u32)>,
    total: Series<u32>,
    idle_in_transaction: Series<u32>,
}

/// What one sample says about one pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: StateCounts,
    pub(super) oldest_idle_in_transaction: Option<Timestamp>,
    pub(super) stranded: u32,
    pub(super) opened: u32,
    pub(super) closed: u32,
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
#[derive(Debug)]
pub(super) struct Roster {
    target: TargetName,
    tracks: Vec<Option<Track>>,
    index: HashMap<PoolKey, usize>,
    window: Duration,
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
            longest_return: None,
            returns: VecDeque::new(),
            births: VecDeque::new(),
            total: Series::new(u32::max),
            idle_in_transaction: Series::new(u32::max),
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
        if let (Some(open), Some(aborted)) = (self.pool.idle_in_transaction, self.pool.aborted) {
            self.idle_in_transaction.set(line, at, open + aborted);
        }
    }

    /// Makes one bucket of two in the curves.
    pub(super) fn halve(&mut self) {
        self.total.halve();
        self.idle_in_transaction.halve();
    }

    /// Connections over time.
    pub(super) fn trend(&self, line: &Timeline, now: Timestamp) -> Vec<Option<u32>> {
        self.total.values(line, now)
    }

    /// Connections idle in transaction over time.
    pub(super) fn idle_in_transaction_trend(&self, line: &Timeline, now: Timestamp) -> Vec<Option<u32>> {
        self.idle_in_transaction.values(line, now)
    }

    /// How long its sessions lie idle in their transactions in its ordinary work, as far as that was seen. What was
    /// learned fades: after an hour it counts half, so that one odd evening does not excuse a leak for ever.
    pub(crate) fn usual_idle_in_transaction(&self, at: Timestamp) -> Option<Duration> {
        let (longest, seen) = self.longest_return?;
        let hours = at.age_of(seen).as_secs_f64() / 3600.0;
        Some(longest.mul_f64(0.5_f64.powf(hours)))
    }

    /// Learns from a session that went on after lying idle in its transaction.
    pub(super) fn learn_return(&mut self, spell: Duration, at: Timestamp) {
        if self.usual_idle_in_transaction(at).is_none_or(|usual| spell > usual) {
            self.longest_return = Some((spell, at));
        }
    }

    /// Connections opened in the last minute.
    pub(crate) fn opened_last_minute(&self) -> u32 {
        self.births.iter().map(|(_, opened)| opened).sum()
    }
}

fn empty_pool(key: PoolKey, at: Timestamp, bounds: Option<&Bounds>) -> Pool {
    Pool {
        name: full_name(&key),
        used: None,
        idle: None,
        idle_in_transaction: None,
        aborted: None,
        active: None,
        unknown: 0,
        blocked: 0,
        pending: None,
        total: 0,
        peak: 0,
        min: bounds.and_then(|bounds| bounds.min),
        max: bounds.and_then(|bounds| bounds.max),
        max_wait_s: None,
        oldest_idle_in_transaction_s: None,
        opened: None,
        closed: None,
        stranded: None,
        first_seen: at,
        via_pooler: false,
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::at;

    #[test]
    fn what_was_learned_about_a_pool_counts_half_after_an_hour() {
        let key = PoolKey {
            target: "db1".into(),
            layer: Layer::Server,
            declared: None,
            application_name: Some("jobs".into()),
            user: None,
            database: None,
            client: None,
        };
        let mut track = Track::new(key, at(0.0), None, Duration::from_secs(60));
        assert_eq!(track.usual_idle_in_transaction(at(0.0)), None);
        track.learn_return(Duration::from_secs(80), at(0.0));
        track.learn_return(Duration::from_secs(50), at(1.0));
        assert_eq!(track.usual_idle_in_transaction(at(3600.0)), Some(Duration::from_secs(40)));
        track.learn_return(Duration::from_secs(50), at(3600.0));
        assert_eq!(track.usual_idle_in_transaction(at(3600.0)), Some(Duration::from_secs(50)));
    }
}
