//! Ceilings with what is used of them, and when they will be reached.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tracker::{Tracker, state_counts};
use super::trend::Minima;
use super::{Analyser, Settings};
use crate::history::series::Series;
use crate::model::limit::{Limit, LimitScope};
use crate::model::sample::{PostgresSample, Sample};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

/// One ceiling, remembered from sample to sample.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ceiling {
    pub(super) limit: Limit,
    pub(super) minima: Minima,
    /// Read in the newest sample.
    current: bool,
}

/// A utilization as the curves keep it: in ten-thousandths, because only whole numbers have an order.
const WHOLE: u32 = 10_000;

impl Analyser {
    /// Takes the utilization of the sample's nearest limit into its target's curve.
    pub(super) fn measure_nearest(&mut self, sample: &Sample) {
        let share = |ceiling: &Ceiling| {
            let usable = ceiling.limit.usable().filter(|usable| *usable > 0)?;
            let share = u64::from(ceiling.limit.used) * u64::from(WHOLE) / u64::from(usable);
            Some(u32::try_from(share).unwrap_or(u32::MAX))
        };
        let Some(nearest) = self.ceilings(&sample.target).filter_map(share).max() else { return };
        let curve = self.nearest.entry(TargetName::clone(&sample.target));
        curve.or_insert_with(|| Series::new(u32::max)).set(&self.line, sample.received_at, nearest);
    }

    /// Utilization of the nearest limit over time: of all these targets, the one that is nearest in each bucket.
    pub(super) fn utilization(
        &self,
        targets: &[&TargetName],
        buckets: usize,
        now: Timestamp,
    ) -> Vec<Option<f64>> {
        let curves = targets.iter().filter_map(|target| self.nearest.get(*target));
        let curves: Vec<_> = curves.map(|curve| curve.values(&self.line, now)).collect();
        (0..buckets)
            .map(|bucket| curves.iter().filter_map(|curve| *curve.get(bucket)?).max())
            .map(|share| share.map(|share| f64::from(share) / f64::from(WHOLE)))
            .collect()
    }

    fn ceilings(&self, target: &TargetName) -> impl Iterator<Item = &Ceiling> {
        let server = self.servers.get(target).map(|tracker| &tracker.ceilings);
        let pooler = self.poolers.get(target).map(|tracker| &tracker.ceilings);
        let redis = self.redis.get(target).map(|tracker| &tracker.ceilings);
        let app = self.apps.get(target).map(|tracker| &tracker.ceilings);
        [server, pooler, redis, app].into_iter().flatten().flatten()
    }
}

/// Reads every ceiling of a target from its newest sample.
pub(super) fn measure(tracker: &mut Tracker, body: &PostgresSample, sample: &Sample, settings: &Settings) {
    let mut limits = vec![server(tracker, body, sample)];
    if !body.counts_only {
        limits.extend(roles(tracker, body, sample));
        limits.extend(databases(tracker, body, sample));
        limits.extend(pools(tracker, sample));
    }
    remember(&mut tracker.ceilings, limits, sample, settings.thresholds.window);
}

/// Takes over what a sample says about a target's ceilings; those that it does not name are gone.
pub(super) fn remember(ceilings: &mut Vec<Ceiling>, limits: Vec<Limit>, sample: &Sample, window: Duration) {
    for ceiling in &mut *ceilings {
        ceiling.current = false;
    }
    for limit in limits {
        let same = |ceiling: &Ceiling| ceiling.limit.scope == limit.scope && ceiling.limit.name == limit.name;
        let index = ceilings.iter().position(same).unwrap_or_else(|| {
            ceilings.push(Ceiling { limit: limit.clone(), minima: Minima::new(window), current: true });
            ceilings.len() - 1
        });
        ceilings[index].read(limit, sample);
    }
    ceilings.retain(|ceiling| ceiling.current);
}

impl Ceiling {
    /// Its past says nothing about its future.
    pub(super) fn forget(&mut self) {
        self.minima.clear();
        (self.limit.growth_per_min, self.limit.exhausted_in_s) = (None, None);
    }

    fn read(&mut self, limit: Limit, sample: &Sample) {
        if limit.limit != self.limit.limit {
            self.minima.clear();
        }
        self.minima.add(sample.at, limit.used);
        self.limit = limit;
        self.current = true;
        self.limit.growth_per_min = self.minima.growth_per_min();
        self.limit.exhausted_in_s = self.exhausted_in_s();
    }

    /// Seconds until it is reached if it goes on growing as it does.
    fn exhausted_in_s(&self) -> Option<f64> {
        let growth = self.limit.growth_per_min.filter(|growth| *growth > 0.0)?;
        let free = self.limit.usable()?.saturating_sub(self.limit.used);
        Some(f64::from(free) / growth * 60.0)
    }
}

/// The limits, the nearest to its ceiling first; those with an unknown ceiling last.
pub(super) fn sort(limits: &mut [Limit]) {
    limits.sort_by(|a, b| {
        let fullness = |limit: &Limit| limit.utilization().unwrap_or(-1.0);
        fullness(b)
            .total_cmp(&fullness(a))
            .then_with(|| a.scope.cmp(&b.scope))
            .then_with(|| a.target.cmp(&b.target))
            .then_with(|| a.name.cmp(&b.name))
    });
}

/// A ceiling without a past.
pub(super) fn limit(
    scope: LimitScope,
    name: Text,
    sample: &Sample,
    used: u32,
    ceiling: Option<u32>,
) -> Limit {
    Limit {
        scope,
        name,
        target: TargetName::clone(&sample.target),
        used,
        limit: ceiling,
        reserved: 0,
        growth_per_min: None,
        exhausted_in_s: None,
    }
}

fn server(tracker: &Tracker, body: &PostgresSample, sample: &Sample) -> Limit {
    let used = state_counts(body).total() + body.own_sessions;
    let settings = tracker.facts.as_ref().map(|facts| &facts.settings);
    let ceiling = settings.map(|settings| settings.max_connections);
    let mut server = limit(LimitScope::Server, Text::line(&sample.target), sample, used, ceiling);
    server.reserved = settings.map_or(0, |settings| settings.superuser_reserved + settings.reserved);
    server
}

/// Roles with a limit of their own. Superusers are exempt from theirs.
fn roles(tracker: &Tracker, body: &PostgresSample, sample: &Sample) -> Vec<Limit> {
    let Some(facts) = &tracker.facts else { return Vec::new() };
    let limited: Vec<_> = facts
        .roles
        .iter()
        .filter(|role| !role.superuser)
        .filter_map(|role| Some((&role.name, role.connection_limit?)))
        .collect();
    if limited.is_empty() {
        return Vec::new();
    }
    let users = count_by(body, |backend| &backend.session.user);
    let used = |name: &Text| {
        let own = if facts.own_role.name == *name { body.own_sessions } else { 0 };
        users.get(name).copied().unwrap_or(0) + own
    };
    limited
        .into_iter()
        .map(|(name, ceiling)| limit(LimitScope::Role, name.clone(), sample, used(name), Some(ceiling)))
        .collect()
}

fn databases(tracker: &Tracker, body: &PostgresSample, sample: &Sample) -> Vec<Limit> {
    let Some(facts) = &tracker.facts else { return Vec::new() };
    let limited: Vec<_> = facts
        .databases
        .iter()
        .filter_map(|database| Some((&database.name, database.connection_limit?)))
        .collect();
    if limited.is_empty() {
        return Vec::new();
    }
    let databases = count_by(body, |backend| &backend.session.database);
    limited
        .into_iter()
        .map(|(name, ceiling)| {
            let used = databases.get(name).copied().unwrap_or(0);
            limit(LimitScope::Database, name.clone(), sample, used, Some(ceiling))
        })
        .collect()
}

fn count_by(
    body: &PostgresSample,
    part: impl Fn(&crate::model::backend::Backend) -> &Text,
) -> HashMap<&Text, u32> {
    let mut counts = HashMap::new();
    for backend in &body.backends {
        *counts.entry(part(backend)).or_insert(0) += 1;
    }
    counts
}

/// Declared pools with a ceiling.
/// Bounds of declared pools. An idle connection of a pool is free for its next request, so only those in use count;
/// more open connections than declared are a finding of their own (`pool.bound_exceeded`).
fn pools(tracker: &Tracker, sample: &Sample) -> Vec<Limit> {
    tracker
        .roster
        .tracks()
        .filter_map(|(_, track)| {
            let pool = &track.pool;
            let used = pool.used.unwrap_or(pool.total);
            Some(limit(LimitScope::Pool, pool.name.clone(), sample, used, Some(pool.max?)))
        })
        .collect()
}
