//! What is learned about one pooler: its pools over time, its totals, its bounds, its last two snapshots of sockets.

mod bounds;
mod rates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::join::{Pooled, Window};
use super::limits::{Ceiling, remember};
use super::moment::PoolerRates;
use super::roster::Track;
use crate::history::series::Timeline;
use crate::model::pool::{Layer, PoolKey};
use crate::model::pooler::{PoolerFacts, PoolerPool, PoolerSample, PoolerSockets};
use crate::model::sample::Sample;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

use rates::Rates;

/// How long a pool that the pooler does not list any more is shown.
const KEPT: Duration = Duration::from_secs(600);

/// The state of one pooler target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PoolerTracker {
    target: TargetName,
    tracks: BTreeMap<(Text, Text), Track>,
    pub(super) facts: Option<Arc<PoolerFacts>>,
    pub(super) ceilings: Vec<Ceiling>,
    rates: Rates,
    /// The newest snapshot of its sockets and the one before.
    sockets: Option<(Window, Arc<PoolerSockets>)>,
    before: Option<(Window, Arc<PoolerSockets>)>,
    /// Pool modes by pool, as told or as set.
    modes: BTreeMap<(Text, Text), Text>,
}

impl PoolerTracker {
    pub(super) fn new(target: &TargetName) -> Self {
        Self {
            target: TargetName::clone(target),
            tracks: BTreeMap::new(),
            facts: None,
            ceilings: Vec::new(),
            rates: Rates::default(),
            sockets: None,
            before: None,
            modes: BTreeMap::new(),
        }
    }

    /// Learns from the next sample. Pools that could not be read leave a gap.
    pub(super) fn absorb(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) {
        let Some(body) = sample.pooler() else { return };
        if let Some(facts) = body.facts.known() {
            self.facts = Some(Arc::clone(facts));
        }
        self.before = self.sockets.take();
        self.sockets = body.sockets.known().map(|sockets| (Window::of(sample), Arc::clone(sockets)));
        if let Some(totals) = body.totals.known() {
            self.rates.read(sample.at, totals);
        }
        if let Some(pools) = body.pools.known() {
            self.read_pools(pools, sample, line, settings);
        }
        self.measure(body, sample, settings);
        self.tracks.retain(|_, track| sample.at.age_of(track.last_seen) <= KEPT);
    }

    fn read_pools(&mut self, pools: &[PoolerPool], sample: &Sample, line: &Timeline, settings: &Settings) {
        self.modes.clear();
        for row in pools.iter().filter(|row| !is_console(row)) {
            let key = (row.database.clone(), row.user.clone());
            let facts = self.facts.as_deref();
            if let Some(mode) = bounds::mode(facts, row) {
                self.modes.insert(key.clone(), mode);
            }
            let rates = self.rates.of(row, pools);
            let target = &self.target;
            let track = self.tracks.entry(key).or_insert_with(|| {
                Track::new(pool_key(target, row), sample.at, None, settings.thresholds.window)
            });
            read(track, row, facts, sample.at);
            track.pool.wait_avg_s = rates.and_then(|rates| rates.wait_avg_s);
            track.pool.use_avg_s = rates.and_then(|rates| rates.transaction_avg_s);
            track.pool.errors = self.rates.errors(row, pools);
            track.draw(line, sample.received_at);
            track.weigh(sample.received_at, settings);
        }
    }

    fn measure(&mut self, body: &PoolerSample, sample: &Sample, settings: &Settings) {
        let Some(facts) = self.facts.as_deref() else { return };
        let limits = bounds::limits(facts, body, sample);
        remember(&mut self.ceilings, limits, sample, settings.thresholds.window);
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
    }

    /// Its own rates, per database or pool.
    pub(super) fn rates(&self) -> Vec<PoolerRates> {
        self.rates.all()
    }

    /// The newest snapshot of its sockets, if the newest sample has one.
    pub(super) fn sockets(&self) -> Option<(Window, &Arc<PoolerSockets>)> {
        self.sockets.as_ref().map(|(window, sockets)| (*window, sockets))
    }

    /// Its server connections, for the join.
    pub(super) fn pooled(&self, target: usize) -> Option<Pooled<'_>> {
        let (window, sockets) = self.sockets()?;
        Some(Pooled::new(target, window, sockets, self.facts.as_deref()))
    }

    /// The snapshot before, unless that is longer ago than `reach`.
    pub(super) fn before(&self, reach: Duration) -> Option<(Window, &PoolerSockets)> {
        let (now, (window, sockets)) = (self.sockets.as_ref()?.0, self.before.as_ref()?);
        (now.to.age_of(window.to) <= reach).then_some((*window, &**sockets))
    }

    /// Pools whose server connections go to another client after each transaction or statement.
    pub(super) fn lends(&self, database: &Text, user: &Text) -> bool {
        let mode = self.modes.get(&(database.clone(), user.clone()));
        mode.is_some_and(|mode| matches!(&**mode, "transaction" | "statement"))
    }

    /// A server connection stays with its client until that leaves. Not so where that is not known.
    pub(super) fn is_session_mode(&self, database: &Text, user: &Text) -> bool {
        self.modes.get(&(database.clone(), user.clone())).is_some_and(|mode| &**mode == "session")
    }

    /// Clients queued in all its pools.
    pub(super) fn pending(&self) -> Option<u32> {
        self.tracks.values().filter_map(|track| track.pool.pending).reduce(u32::saturating_add)
    }

    pub(super) fn halve(&mut self) {
        self.tracks.values_mut().for_each(Track::halve);
    }
}

/// The pooler's own console is not a pool.
fn is_console(row: &PoolerPool) -> bool {
    &*row.database == "pgbouncer"
        && [row.sv_active, row.sv_idle, row.sv_used].iter().flatten().all(|count| *count == 0)
}

fn pool_key(target: &TargetName, row: &PoolerPool) -> PoolKey {
    PoolKey {
        target: TargetName::clone(target),
        layer: Layer::Pooler,
        declared: None,
        application_name: None,
        user: Some(row.user.clone()),
        database: Some(row.database.clone()),
        client: None,
    }
}

/// A pooler may say whatever it likes; the sum of parts of which none is told is not told either.
fn sum(counts: &[Option<u32>]) -> Option<u32> {
    counts.iter().flatten().copied().reduce(u32::saturating_add)
}

/// All server connections of a pool.
fn open(row: &PoolerPool) -> Option<u32> {
    sum(&[row.sv_active, row.sv_idle, row.sv_used, row.sv_tested, row.sv_login, row.sv_cancel])
}

fn read(track: &mut Track, row: &PoolerPool, facts: Option<&PoolerFacts>, at: Timestamp) {
    let pool = &mut track.pool;
    pool.name = Text::line(&format!("{}/{}", row.database, row.user));
    track.label = pool.name.clone();
    pool.used = row.sv_active;
    pool.idle = sum(&[row.sv_idle, row.sv_used]);
    pool.active = row.sv_active;
    pool.pending = row.cl_waiting;
    pool.total = open(row).unwrap_or(0);
    pool.peak = pool.peak.max(pool.total);
    pool.max_wait_s = row.max_wait_us.map(|wait| wait as f64 / 1e6);
    let size = bounds::size(facts, row);
    (pool.size, pool.max) = (size.map(|size| size.plain), size.map(|size| size.plain + size.reserve));
    pool.min = bounds::floor(facts, row);
    pool.via_pooler = true;
    track.logging_in = row.sv_login;
    track.paused = row.paused == Some(true);
    track.floor.add(at, pool.total);
    track.last_seen = at;
}
