//! What is learned about one application's endpoint: its pools over time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::limits::{Ceiling, limit, remember};
use super::recent::{Recent, gain, per, shrank};
use super::roster::{Gains, Track};
use crate::history::series::Timeline;
use crate::model::app::{AppPool, AppPoolKind, AppSample};
use crate::model::limit::{Limit, LimitScope};
use crate::model::part::Missing;
use crate::model::pool::{DeclaredPool, Layer, PoolKey};
use crate::model::sample::Sample;
use crate::model::target::TargetName;
use crate::text::Text;

/// How long a pool that the application does not report any more is shown.
const KEPT: Duration = Duration::from_secs(600);

/// Answers are not read in one instant: counters and gauges may differ by this many connections.
const SLACK: u64 = 1;

/// The state of one application target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AppTracker {
    target: TargetName,
    pools: BTreeMap<(AppPoolKind, Text), Reported>,
    pub(super) ceilings: Vec<Ceiling>,
}

/// One pool with what it counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reported {
    track: Track,
    recent: Recent<AppPool>,
    /// Why its counters cannot be right.
    doubt: Option<Missing>,
}

impl AppTracker {
    pub(super) fn new(target: &TargetName) -> Self {
        Self { target: TargetName::clone(target), pools: BTreeMap::new(), ceilings: Vec::new() }
    }

    /// Learns from the next sample.
    pub(super) fn absorb(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) {
        let Some(body) = sample.app() else { return };
        for pool in &body.pools {
            let key = (pool.kind, pool.name.clone());
            let target = &self.target;
            let window = settings.thresholds.window;
            let reported = self.pools.entry(key).or_insert_with(|| Reported {
                track: Track::new(pool_key(target, pool), sample.at, None, window),
                recent: Recent::default(),
                doubt: None,
            });
            reported.read(pool, body, sample, settings);
            reported.track.draw(line, sample.received_at);
            reported.track.weigh(sample.received_at, settings);
        }
        self.pools.retain(|_, reported| sample.at.age_of(reported.track.last_seen) <= KEPT);
        let limits = self.limits(sample);
        remember(&mut self.ceilings, limits, sample, settings.thresholds.window);
        if body.one_of_several {
            // Another process each time: what looks like growth is none.
            self.ceilings.iter_mut().for_each(Ceiling::forget);
        }
    }

    fn limits(&self, sample: &Sample) -> Vec<Limit> {
        let bounded = self.tracks().filter_map(|track| {
            let pool = &track.pool;
            let used = pool.used.unwrap_or(pool.total);
            Some(limit(LimitScope::Application, track.label.clone(), sample, used, Some(pool.max?)))
        });
        bounded.collect()
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.pools.values().map(|reported| &reported.track)
    }

    /// What of its answer cannot be right.
    pub(super) fn doubts(&self) -> impl Iterator<Item = &Missing> {
        self.pools.values().filter_map(|reported| reported.doubt.as_ref())
    }

    pub(super) fn halve(&mut self) {
        self.pools.values_mut().for_each(|reported| reported.track.halve());
    }
}

fn pool_key(target: &TargetName, pool: &AppPool) -> PoolKey {
    let layer = match pool.kind {
        AppPoolKind::Pooler => Layer::Pooler,
        AppPoolKind::Database | AppPoolKind::Redis => Layer::Application,
    };
    PoolKey {
        target: TargetName::clone(target),
        layer,
        declared: Some(name(target, pool)),
        application_name: None,
        user: pool.user.clone(),
        database: pool.database.clone(),
        client: None,
    }
}

/// The endpoint's name, with the pool's where it has one.
fn name(target: &TargetName, pool: &AppPool) -> Text {
    if pool.name.is_empty() || *pool.name == **target {
        return Text::line(target);
    }
    Text::line(&format!("{target}/{}", pool.name))
}

impl Reported {
    fn read(&mut self, reported: &AppPool, body: &AppSample, sample: &Sample, settings: &Settings) {
        let track = &mut self.track;
        let declared = declared(reported, &sample.target, &settings.pools);
        let pool = &mut track.pool;
        let sum = reported.used.zip(reported.idle).map(|(used, idle)| used.saturating_add(idle));
        let total = reported.total.or(sum).or(reported.used);
        pool.total = total.unwrap_or(0);
        pool.used =
            reported.used.or_else(|| total.zip(reported.idle).map(|(all, idle)| all.saturating_sub(idle)));
        pool.idle =
            reported.idle.or_else(|| total.zip(reported.used).map(|(all, used)| all.saturating_sub(used)));
        pool.peak = pool.peak.max(pool.total).max(reported.peak.unwrap_or(0));
        (pool.pending, pool.max_wait_s) = (reported.pending, reported.max_wait_s);
        pool.min = reported.min.or(declared.and_then(|declared| declared.min));
        pool.max = ceiling(reported).or(declared.and_then(|declared| declared.max));
        (pool.size, pool.overflow, pool.max_overflow) =
            (reported.size, reported.overflow, reported.max_overflow);
        (pool.timeouts, pool.errors, pool.recycled) = (reported.timeouts, reported.errors, reported.recycled);
        pool.one_of_several = body.one_of_several;
        track.leads_to = reported.kind;
        track.floor.add(sample.at, track.pool.total);
        track.last_seen = sample.at;
        self.count(reported, body.one_of_several, sample);
        self.doubt = (!body.one_of_several).then(|| contradiction(reported, &self.track.label)).flatten();
    }

    /// Follows its counters. Of one process among several nothing can be followed.
    fn count(&mut self, reported: &AppPool, one_of_several: bool, sample: &Sample) {
        let (track, recent) = (&mut self.track, &mut self.recent);
        if one_of_several {
            *recent = Recent::default();
            (track.pool.opened, track.pool.closed) = (None, None);
            (track.pool.wait_avg_s, track.pool.use_avg_s) = (reported.wait_avg_s, reported.use_avg_s);
            track.gains = Gains::default();
            return;
        }
        if let Some(before) = recent.newest() {
            let seen = |sum: Option<u64>, part: fn(&AppPool) -> Option<u64>| {
                part(reported).map(|_| sum.unwrap_or(0) + gain(part(before), part(reported)).unwrap_or(0))
            };
            track.pool.opened = seen(track.pool.opened, |pool| pool.opened);
            track.pool.closed = seen(track.pool.closed, |pool| pool.closed);
        }
        recent.add(sample.at, reported.clone(), began_anew);
        let Some((old, new, span_s)) = recent.ends() else {
            (track.pool.wait_avg_s, track.pool.use_avg_s) = (reported.wait_avg_s, reported.use_avg_s);
            track.gains = Gains::default();
            return;
        };
        let mean = |time: fn(&AppPool) -> Option<f64>, times: fn(&AppPool) -> Option<u64>| {
            let micros = |pool: &AppPool| {
                let time = Duration::try_from_secs_f64(time(pool)?).ok()?;
                u64::try_from(time.as_micros()).ok()
            };
            per(gain(micros(old), micros(new)), gain(times(old), times(new))).map(|micros| micros / 1e6)
        };
        track.pool.wait_avg_s = mean(|pool| pool.wait_s, |pool| pool.waits).or(reported.wait_avg_s);
        track.pool.use_avg_s = mean(|pool| pool.use_s, |pool| pool.uses).or(reported.use_avg_s);
        let gained = |part: fn(&AppPool) -> Option<u64>| gain(part(old), part(new));
        track.gains =
            Gains { span_s, timeouts: gained(|pool| pool.timeouts), errors: gained(|pool| pool.errors) };
    }
}

/// The most that the pool opens, as reported. An unlimited overflow has no ceiling.
fn ceiling(pool: &AppPool) -> Option<u32> {
    let overflow = || u32::try_from(pool.max_overflow?).ok();
    pool.max.or_else(|| pool.size?.checked_add(overflow()?))
}

/// The declaration of that name.
fn declared<'a>(pool: &AppPool, target: &str, declared: &'a [DeclaredPool]) -> Option<&'a DeclaredPool> {
    let named = |name: &str| declared.iter().find(|declared| *declared.name == *name);
    if pool.name.is_empty() { named(target) } else { named(&pool.name) }
}

/// The process was started again.
fn began_anew(old: &AppPool, new: &AppPool) -> bool {
    let counts: [fn(&AppPool) -> Option<u64>; 6] = [
        |pool| pool.opened,
        |pool| pool.closed,
        |pool| pool.timeouts,
        |pool| pool.errors,
        |pool| pool.waits,
        |pool| pool.uses,
    ];
    counts.iter().any(|count| shrank(count(old), count(new)))
}

/// What was opened and not closed must be open.
fn contradiction(pool: &AppPool, label: &str) -> Option<Missing> {
    let (opened, closed, total) = (pool.opened?, pool.closed?, u64::from(pool.total?));
    let left = opened.saturating_sub(closed);
    if closed <= opened && left.abs_diff(total) <= SLACK {
        return None;
    }
    let why = format!(
        "{opened} created less {closed} closed is {}, and {total} are open: counters were reset, or count something else",
        i128::from(opened) - i128::from(closed)
    );
    Some(Missing::new(&format!("connections opened and closed by {label}"), &why))
}
