//! Puts a moment together from what was learned.

mod clients;

use std::collections::HashMap;
use std::sync::Arc;

use super::advice::advise;
use super::apps::AppTracker;
use super::blocking::{Blocking, Waits, blocking};
use super::busy::Past;
use super::findings::Memory;
use super::moment::{
    AppView, BackendRow, ClientRow, Moment, PoolRow, PoolerView, RedisView, ServerView, StateSeries,
};
use super::names::is_pooltop;
use super::poolers::PoolerTracker;
use super::redis::RedisTracker;
use super::roster::Track;
use super::scene::{PoolScene, Scene};
use super::statements::StatementTracker;
use super::tracker::{Tracker, state_counts};
use super::{Analyser, Settings};
use super::{findings, layers, leaks, limits, verdict};
use crate::history::History;
use crate::model::app::AppSample;
use crate::model::finding::Finding;
use crate::model::limit::Limit;
use crate::model::part::Missing;
use crate::model::redis::RedisSample;
use crate::model::sample::{PostgresSample, Sample, StateCounts};
use crate::model::target::{TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;

/// A moment under construction: pools still in the order in which they were found.
#[derive(Default)]
struct Parts<'a> {
    servers: Vec<Option<ServerView>>,
    poolers: Vec<Option<PoolerView>>,
    redis: Vec<Option<(RedisView, &'a RedisTracker)>>,
    apps: Vec<Option<AppView>>,
    rows: Vec<BackendRow>,
    clients: Vec<ClientRow>,
    pools: Vec<PoolScene<'a>>,
    limits: Vec<Limit>,
    /// Per target, what could not be joined or cannot be right.
    missing: Vec<Vec<Missing>>,
    /// Where each slot of the roster at hand went.
    slots: Vec<usize>,
}

impl Analyser {
    pub(super) fn assemble(
        &self,
        memory: &mut Memory,
        history: &History,
        statuses: &[TargetStatus],
        now: Timestamp,
    ) -> Moment {
        let events: Vec<_> = self.events.iter().cloned().collect();
        let mut parts = self.parts(history, statuses);
        self.join(&mut parts, history, statuses);
        let targets = with_missing(statuses, &mut parts.missing);
        let layers = layers::lines(&parts.given(&self.settings));
        let mut scene = Scene {
            settings: &self.settings,
            now,
            statuses: &targets,
            servers: &parts.servers,
            pasts: self.pasts(statuses),
            poolers: &parts.poolers,
            redis: parts
                .redis
                .iter()
                .map(|redis| redis.as_ref().map(|(view, tracker)| (view.at, *tracker)))
                .collect(),
            apps: &parts.apps,
            rows: &parts.rows,
            clients: &parts.clients,
            layers,
            pools: parts.pools,
            limits: &parts.limits,
            events: &events,
        };
        let findings = findings::find(&scene, memory);
        let recommendations = advise(&scene, &findings);
        let verdict = verdict::verdict(&scene, &findings);
        let (pools, order) = self.pool_rows(&scene, &findings, now);
        let mut layers = std::mem::take(&mut scene.layers);
        for line in &mut layers {
            line.move_pools(&order);
        }
        let (mut rows, mut clients) = (parts.rows, parts.clients);
        settle(&mut rows, &order, &findings, statuses);
        for client in &mut clients {
            client.pool = client.pool.and_then(|pool| order.get(pool).copied());
        }
        let series = self.series(statuses, now);
        Moment {
            at: now,
            samples: history.samples_seen(),
            targets,
            servers: parts.servers,
            poolers: parts.poolers,
            redis: parts.redis.into_iter().map(|redis| redis.map(|(view, _)| view)).collect(),
            apps: parts.apps,
            backends: rows,
            clients,
            pools,
            layers,
            limits: parts.limits,
            findings,
            recommendations,
            verdict,
            events,
            operations: Vec::new(),
            series,
        }
    }

    fn pasts(&self, statuses: &[TargetStatus]) -> Vec<Option<&Past>> {
        statuses.iter().map(|status| self.servers.get(&status.name).map(|server| &server.past)).collect()
    }

    fn parts(&self, history: &History, statuses: &[TargetStatus]) -> Parts<'_> {
        let mut parts = Parts::default();
        for (target, status) in statuses.iter().enumerate() {
            let sample = history.latest(&status.name);
            let server = sample.and_then(|sample| {
                let tracker = self.servers.get(&status.name)?;
                let statements = self.statements.get(&status.name).and_then(StatementTracker::load);
                Some(ServerView {
                    statements,
                    ..parts.add_server(target, sample, sample.postgres()?, tracker)
                })
            });
            let pooler = sample
                .and_then(|sample| Some(parts.add_pooler(target, sample, self.poolers.get(&status.name)?)));
            let mut missing = Vec::new();
            let app = sample.and_then(|sample| {
                let tracker = self.apps.get(&status.name)?;
                missing.extend(tracker.doubts().cloned());
                Some(parts.add_app(target, sample, sample.app()?, tracker))
            });
            let redis = sample.and_then(|sample| {
                let tracker = self.redis.get(&status.name)?;
                Some((parts.add_redis(target, sample, sample.redis()?, tracker), tracker))
            });
            parts.redis.push(redis);
            parts.servers.push(server);
            parts.poolers.push(pooler);
            parts.apps.push(app);
            parts.missing.push(missing);
        }
        limits::sort(&mut parts.limits);
        parts
    }

    /// The pools, the most troubled first, and where each pool of the scene went.
    fn pool_rows(
        &self,
        scene: &Scene<'_>,
        findings: &[Finding],
        now: Timestamp,
    ) -> (Vec<PoolRow>, Vec<usize>) {
        let mut rows: Vec<(usize, PoolRow)> = scene
            .pools
            .iter()
            .map(|pool| {
                let key = &pool.track.pool.key;
                let finding_index = findings.iter().position(|finding| finding.pool.as_ref() == Some(key));
                PoolRow {
                    pool: pool.track.pool.clone(),
                    target: pool.target,
                    trend: pool.track.trend(&self.line, now),
                    idle_in_transaction_trend: pool.track.idle_in_transaction_trend(&self.line, now),
                    finding: finding_index.map(|index| findings[index].severity),
                    finding_index,
                    leak: leaks::view(pool, scene, &self.line).map(Arc::new),
                }
            })
            .enumerate()
            .collect();
        rows.sort_by(|(_, a), (_, b)| trouble(b).cmp(&trouble(a)).then_with(|| a.pool.key.cmp(&b.pool.key)));
        let mut order = vec![0; rows.len()];
        for (new, (old, _)) in rows.iter().enumerate() {
            order[*old] = new;
        }
        (rows.into_iter().map(|(_, row)| row).collect(), order)
    }

    /// Counts by state over time. Targets that are not live now are left out of the whole curve: taking them out
    /// of its end alone would look like connections that were closed.
    fn series(&self, statuses: &[TargetStatus], now: Timestamp) -> StateSeries {
        let trackers = |live_only: bool| -> Vec<&Tracker> {
            statuses
                .iter()
                .filter(|status| !live_only || status.state == TargetState::Live)
                .filter_map(|status| self.servers.get(&status.name))
                .collect()
        };
        let live = trackers(true);
        let shown = if live.is_empty() { trackers(false) } else { live };
        let curves: Vec<_> = shown.iter().map(|tracker| tracker.counts.values(&self.line, now)).collect();
        let pending = self.pending.values(&self.line, now);
        let counts: Vec<_> = (0..pending.len())
            .map(|bucket| {
                let values = curves.iter().filter_map(|curve| curve.get(bucket).copied().flatten());
                values.reduce(sum)
            })
            .collect();
        let utilization = self.utilization(&watched(statuses), counts.len(), now);
        StateSeries { bucket_s: self.line.bucket_s(), counts, pending, utilization }
    }
}

impl<'a> Parts<'a> {
    /// What the applications' lines are made of.
    fn given<'b>(&'b self, settings: &'b Settings) -> layers::Given<'b> {
        layers::Given {
            pools: &self.pools,
            rows: &self.rows,
            clients: &self.clients,
            poolers: &self.poolers,
            declared: &settings.pools,
        }
    }

    fn add_server(
        &mut self,
        target: usize,
        sample: &Sample,
        body: &PostgresSample,
        tracker: &'a Tracker,
    ) -> ServerView {
        let observed = |pid| {
            let index = tracker.members.binary_search_by_key(&pid, |member| member.id().pid).ok()?;
            tracker.members[index].waiting_since
        };
        let Blocking { tree, waits } = blocking(body, sample.at, &observed);
        if !body.counts_only {
            self.add_pools(target, sample.at, tracker);
            self.add_rows(target, body, tracker, waits);
        }
        self.limits.extend(tracker.ceilings.iter().map(|ceiling| ceiling.limit.clone()));
        ServerView {
            at: sample.at,
            identity: body.identity.clone(),
            counts: state_counts(body),
            own_sessions: body.own_sessions,
            other_processes: body.other_processes.clone(),
            counts_only: body.counts_only,
            facts: tracker.facts.clone(),
            tree,
            statements: None,
        }
    }

    /// Adds the pools of a server that are shown.
    fn add_pools(&mut self, target: usize, at: Timestamp, tracker: &'a Tracker) {
        self.slots.clear();
        self.slots.resize(tracker.roster.slots(), 0);
        for (slot, track) in tracker.roster.tracks() {
            if is_shown(track, at) {
                self.slots[slot] = self.pools.len();
                self.pools.push(PoolScene { target, at, track, members: Vec::new(), clients: Vec::new() });
            }
        }
    }

    /// Adds the backends of a server. The pool of each is shown, because it is in it.
    fn add_rows(
        &mut self,
        target: usize,
        body: &PostgresSample,
        tracker: &Tracker,
        mut waits: HashMap<i32, Waits>,
    ) {
        self.rows.reserve(body.backends.len());
        for (backend, member) in body.backends.iter().zip(&tracker.members) {
            let pool = self.slots.get(member.slot).copied().unwrap_or_default();
            if let Some(scene) = self.pools.get_mut(pool) {
                scene.members.push(self.rows.len());
            }
            let Waits { blocked_by, blocks, blocks_transitively } =
                waits.remove(&backend.pid()).unwrap_or_default();
            self.rows.push(BackendRow {
                target,
                backend: Arc::clone(backend),
                pool,
                blocked_by,
                blocks,
                blocks_transitively,
                suspect: None,
                stranded: member.plight.is_stranded(),
                witnesses: member.witnesses,
                is_pooltop: is_pooltop(&backend.session),
                via: None,
            });
        }
    }

    fn add_pooler(&mut self, target: usize, sample: &Sample, tracker: &'a PoolerTracker) -> PoolerView {
        self.add_reported(target, sample.at, tracker.tracks());
        self.limits.extend(tracker.ceilings.iter().map(|ceiling| ceiling.limit.clone()));
        PoolerView {
            at: sample.at,
            unread: sample.pooler().and_then(|body| body.pools.missing()).cloned(),
            sockets: tracker.sockets().map(|(_, sockets)| Arc::clone(sockets)),
            facts: tracker.facts.clone(),
            rates: tracker.rates(),
            joined: (0, 0),
        }
    }

    fn add_app(
        &mut self,
        target: usize,
        sample: &Sample,
        body: &AppSample,
        tracker: &'a AppTracker,
    ) -> AppView {
        self.add_reported(target, sample.at, tracker.tracks());
        self.limits.extend(tracker.ceilings.iter().map(|ceiling| ceiling.limit.clone()));
        AppView {
            at: sample.at,
            shape: body.shape.clone(),
            round_trip_us: body.round_trip_us,
            one_of_several: body.one_of_several,
            advice: body.advice.clone(),
        }
    }

    /// Adds the pools that a pooler or an application reports.
    fn add_reported(&mut self, target: usize, at: Timestamp, tracks: impl Iterator<Item = &'a Track>) {
        self.pools.extend(tracks.map(|track| PoolScene {
            target,
            at,
            track,
            members: Vec::new(),
            clients: Vec::new(),
        }));
    }
}

/// The targets, each with what turned out to be missing when they were put together.
fn with_missing(statuses: &[TargetStatus], missing: &mut [Vec<Missing>]) -> Vec<TargetStatus> {
    let mut targets = statuses.to_vec();
    for (target, missing) in targets.iter_mut().zip(missing) {
        target.missing.append(missing);
    }
    targets
}

impl<'a> Parts<'a> {
    fn add_redis(
        &mut self,
        target: usize,
        sample: &Sample,
        body: &RedisSample,
        tracker: &'a RedisTracker,
    ) -> RedisView {
        let unread = body.clients.missing().cloned();
        self.slots.clear();
        if let Some(clients) = body.clients.known() {
            self.slots.resize(tracker.roster.slots(), 0);
            for (slot, track) in tracker.roster.tracks().filter(|(_, track)| is_shown(track, sample.at)) {
                self.slots[slot] = self.pools.len();
                let (members, clients) = (Vec::new(), Vec::new());
                self.pools.push(PoolScene { target, at: sample.at, track, members, clients });
            }
            self.clients.extend(tracker.clients(target, clients, &self.slots));
        }
        self.limits.extend(tracker.ceilings.iter().map(|ceiling| ceiling.limit.clone()));
        RedisView {
            at: sample.at,
            counters: body.counters.known().copied(),
            nameless: tracker.nameless,
            unread,
        }
    }
}

/// Pools with connections, declared ones, and those that were there a minute ago, so that rows do not come and go
/// with each short session.
fn is_shown(track: &Track, at: Timestamp) -> bool {
    let recent = at.age_of(track.last_seen) <= std::time::Duration::from_secs(60);
    track.pool.total > 0 || track.pool.key.declared.is_some() || recent
}

/// What puts a pool at the top: its finding, then what it strands, then its size. The size is the largest that was
/// seen, because rows that change places with each sample cannot be read.
fn trouble(row: &PoolRow) -> impl Ord {
    (row.finding, row.pool.stranded, row.pool.pending, row.pool.peak)
}

/// Points the rows at the sorted pools and marks those that a leak finding names.
fn settle(rows: &mut [BackendRow], order: &[usize], findings: &[Finding], statuses: &[TargetStatus]) {
    for row in rows.iter_mut() {
        row.pool = order.get(row.pool).copied().unwrap_or_default();
    }
    for finding in findings.iter().filter(|finding| finding.rule.is_leak()) {
        let Some(target) = statuses.iter().position(|status| status.name == finding.target) else { continue };
        let start = rows.partition_point(|row| row.target < target);
        let end = rows.partition_point(|row| row.target <= target);
        for id in &finding.backends {
            let found = rows[start..end].binary_search_by_key(&id.pid, |row| row.backend.pid());
            if let Ok(index) = found {
                let row = &mut rows[start + index];
                row.suspect = row.suspect.max(Some(finding.severity));
            }
        }
    }
}

/// The live targets; all of them, when none is live.
fn watched(statuses: &[TargetStatus]) -> Vec<&TargetName> {
    let live: Vec<_> = statuses.iter().filter(|status| status.state == TargetState::Live).collect();
    let shown = if live.is_empty() { statuses.iter().collect() } else { live };
    shown.into_iter().map(|status| &status.name).collect()
}

fn sum(a: StateCounts, b: StateCounts) -> StateCounts {
    StateCounts {
        active: a.active + b.active,
        idle: a.idle + b.idle,
        idle_in_transaction: a.idle_in_transaction + b.idle_in_transaction,
        aborted: a.aborted + b.aborted,
        unknown: a.unknown + b.unknown,
        blocked: a.blocked + b.blocked,
    }
}
