//! What is learned about one pooler: its pools over time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Settings;
use super::roster::Track;
use crate::history::series::Timeline;
use crate::model::pool::{Layer, PoolKey};
use crate::model::pooler::PoolerPool;
use crate::model::sample::Sample;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

/// How long a pool that the pooler does not list any more is shown.
const KEPT: Duration = Duration::from_secs(600);

/// The state of one pooler target.
#[derive(Debug)]
pub(super) struct PoolerTracker {
    target: TargetName,
    tracks: BTreeMap<(Text, Text), Track>,
}

impl PoolerTracker {
    pub(super) fn new(target: &TargetName) -> Self {
        Self { target: TargetName::clone(target), tracks: BTreeMap::new() }
    }

    /// Learns from the next sample. Pools that could not be read leave a gap.
    pub(super) fn absorb(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) {
        let Some(pools) = sample.pooler().and_then(|body| body.pools.known()) else { return };
        for row in pools.iter().filter(|row| !is_console(row)) {
            let key = (row.database.clone(), row.user.clone());
            let target = &self.target;
            let track = self.tracks.entry(key).or_insert_with(|| {
                Track::new(pool_key(target, row), sample.at, None, settings.thresholds.window)
            });
            read(track, row, sample.at);
            track.draw(line, sample.received_at);
        }
        self.tracks.retain(|_, track| sample.at.age_of(track.last_seen) <= KEPT);
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
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

fn read(track: &mut Track, row: &PoolerPool, at: Timestamp) {
    let pool = &mut track.pool;
    // A pooler may say whatever it likes; the sum of parts of which none is told is not told either.
    let sum = |counts: &[Option<u32>]| counts.iter().flatten().copied().reduce(u32::saturating_add);
    let idle = sum(&[row.sv_idle, row.sv_used]);
    pool.name = Text::line(&format!("{}/{}", row.database, row.user));
    track.label = pool.name.clone();
    pool.used = row.sv_active;
    pool.idle = idle;
    pool.active = row.sv_active;
    pool.pending = row.cl_waiting;
    pool.total = sum(&[row.sv_active, idle, row.sv_tested, row.sv_login]).unwrap_or(0);
    pool.peak = pool.peak.max(pool.total);
    pool.max_wait_s = row.max_wait_us.map(|wait| wait as f64 / 1e6);
    pool.via_pooler = true;
    track.floor.add(at, pool.total);
    track.last_seen = at;
}
