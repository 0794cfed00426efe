//! What of the newest moments may be told: live targets only, pools without their clients' addresses, in bounds.

use std::collections::HashMap;

use super::labels::{Labels, value};
use super::{MOST, Observed, Process};
use crate::analysis::moment::{BackendRow, PoolRow};
use crate::analysis::{Moment, add_pool};
use crate::model::backend::State;
use crate::model::pool::{Layer, Pool};
use crate::model::sample::StateCounts;
use crate::model::target::{TargetState, TargetStatus};
use crate::text::Text;

/// Everything that a scrape tells.
pub(super) struct Scene<'a> {
    pub(super) process: Process,
    pub(super) profiles: Vec<ProfileScene<'a>>,
}

/// One profile.
pub(super) struct ProfileScene<'a> {
    pub(super) labels: Labels,
    pub(super) moment: Option<&'a Moment>,
    pub(super) targets: Vec<TargetScene<'a>>,
    pub(super) pools: Vec<PoolScene<'a>>,
    pub(super) pools_left_out: usize,
    /// Labels of each limit, with its index in the moment.
    pub(super) limits: Vec<(Labels, usize)>,
    pub(super) limits_left_out: usize,
}

/// One target. What its last sample says is `None` unless it is live.
pub(super) struct TargetScene<'a> {
    pub(super) labels: Labels,
    pub(super) status: &'a TargetStatus,
    /// Age of its last sample, s.
    pub(super) age_s: Option<f64>,
    pub(super) counts: Option<StateCounts>,
    pub(super) waiting: Option<u32>,
    pub(super) oldest: Oldest,
}

/// The oldest of their kind on a server, s; `None` where there is none, or none can be seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Oldest {
    pub(super) idle_in_transaction: Option<f64>,
    pub(super) transaction: Option<f64>,
    pub(super) statement: Option<f64>,
}

/// One pool, over all its clients.
pub(super) struct PoolScene<'a> {
    pub(super) labels: Labels,
    pub(super) pool: Pool,
    pub(super) leak_points: Option<u8>,
    /// Sums of counters fall when a client goes, which reads as a restart; so they are told of a single client only.
    pub(super) clients: usize,
    row: &'a PoolRow,
}

impl<'a> Scene<'a> {
    pub(super) fn new(profiles: &'a [Observed], process: Process) -> Self {
        let profiles = profiles.iter().map(|observed| ProfileScene::new(observed, &process));
        Self { process, profiles: profiles.collect() }
    }
}

impl<'a> ProfileScene<'a> {
    fn new(observed: &'a Observed, process: &Process) -> Self {
        let labels = vec![("profile", value(&observed.profile))];
        let moment = observed.moment.as_deref();
        let (mut pools, mut targets) = (Vec::new(), Vec::new());
        if let Some(moment) = moment {
            pools = self::pools(moment, &labels);
            targets = self::targets(moment, &labels, process);
        }
        let pools_left_out = pools.len().saturating_sub(MOST);
        pools.sort_by_key(|pool| std::cmp::Reverse((pool.pool.total, pool.pool.pending)));
        pools.truncate(MOST);
        let mut limits = moment.map(|moment| self::limits(moment, &labels)).unwrap_or_default();
        let limits_left_out = limits.len().saturating_sub(MOST);
        limits.truncate(MOST);
        Self { labels, moment, targets, pools, pools_left_out, limits, limits_left_out }
    }

    /// Whether anything of this profile can be judged.
    pub(super) fn is_seen(&self) -> bool {
        self.targets.iter().any(TargetScene::is_live)
    }
}

impl TargetScene<'_> {
    pub(super) fn is_live(&self) -> bool {
        self.status.state == TargetState::Live
    }
}

impl PoolScene<'_> {
    /// What makes it this pool, as far as that is one value for all of it.
    pub(super) fn traits(&self) -> [(&'static str, Option<&Text>); 3] {
        let key = &self.row.pool.key;
        [
            ("application", key.application_name.as_ref()),
            ("user", key.user.as_ref()),
            ("database", key.database.as_ref()),
        ]
    }
}

fn with(labels: &Labels, more: impl IntoIterator<Item = (&'static str, String)>) -> Labels {
    labels.iter().cloned().chain(more).collect()
}

/// Pools of live targets; those that differ by their client alone are one.
fn pools<'a>(moment: &'a Moment, labels: &Labels) -> Vec<PoolScene<'a>> {
    let mut pools: Vec<PoolScene<'a>> = Vec::with_capacity(moment.pools.len());
    let mut places: HashMap<(usize, Layer, String), usize> = HashMap::with_capacity(moment.pools.len());
    for row in &moment.pools {
        let Some(target) = moment.targets.get(row.target).filter(|target| target.state == TargetState::Live)
        else {
            continue;
        };
        let name = value(without_client(&row.pool));
        let leak_points = row.leak.as_ref().map(|leak| leak.score);
        let place = places.entry((row.target, row.pool.key.layer, name)).or_insert(pools.len());
        if let Some(same) = pools.get_mut(*place) {
            add_pool(&mut same.pool, &row.pool);
            same.clients += 1;
            same.leak_points = same.leak_points.max(leak_points);
            continue;
        }
        let own = [
            ("target", value(&target.name)),
            ("layer", layer(row.pool.key.layer).to_owned()),
            ("db_client_connection_pool_name", value(without_client(&row.pool))),
        ];
        pools.push(PoolScene {
            labels: with(labels, own),
            pool: row.pool.clone(),
            leak_points,
            clients: 1,
            row,
        });
    }
    pools
}

/// A pool's name without the address at its end.
fn without_client(pool: &Pool) -> &str {
    let client = pool.key.client.as_deref().filter(|_| pool.key.declared.is_none());
    let shorter = client.and_then(|client| pool.name.strip_suffix(client)).map(str::trim_end);
    shorter.unwrap_or(&pool.name)
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Application => "application",
        Layer::Pooler => "pooler",
        Layer::Server => "server",
    }
}

fn targets<'a>(moment: &'a Moment, labels: &Labels, process: &Process) -> Vec<TargetScene<'a>> {
    let since = process.now.age_of(moment.at).as_secs_f64();
    let oldest = oldest(moment);
    let target = |(index, status): (usize, &'a TargetStatus)| {
        let live = status.state == TargetState::Live;
        let server = moment.servers.get(index).and_then(Option::as_ref).filter(|_| live);
        TargetScene {
            labels: with(labels, [("target", value(&status.name))]),
            status,
            age_s: status.age.map(|age| age.as_secs_f64() + since),
            counts: server.map(|server| server.counts),
            waiting: live.then(|| waiting(moment, index)).flatten(),
            oldest: oldest.get(&index).copied().filter(|_| live).unwrap_or_default(),
        }
    };
    moment.targets.iter().enumerate().map(target).collect()
}

/// Everybody who is queued at a target; `None` where no pool of it tells. Processes that answer in turn belong to no sum.
fn waiting(moment: &Moment, target: usize) -> Option<u32> {
    let pools = moment.pools.iter().filter(|row| row.target == target && !row.pool.one_of_several);
    pools.filter_map(|row| row.pool.pending).reduce(u32::saturating_add)
}

fn oldest(moment: &Moment) -> HashMap<usize, Oldest> {
    let mut found: HashMap<usize, Oldest> = HashMap::new();
    for row in &moment.backends {
        let ages = ages(moment, row);
        let oldest = found.entry(row.target).or_default();
        for (slot, age) in [
            (&mut oldest.idle_in_transaction, ages.idle_in_transaction),
            (&mut oldest.transaction, ages.transaction),
            (&mut oldest.statement, ages.statement),
        ] {
            *slot = [*slot, age].into_iter().flatten().reduce(f64::max);
        }
    }
    found
}

fn ages(moment: &Moment, row: &BackendRow) -> Oldest {
    let (backend, now) = (&row.backend, moment.sampled_at(row));
    let age = |since| now.age_of(since).as_secs_f64();
    let is_running = matches!(backend.state, State::Active | State::Fastpath);
    Oldest {
        idle_in_transaction: backend.state_change.filter(|_| backend.state.is_idle_in_transaction()).map(age),
        transaction: backend.xact_start.map(age),
        statement: backend.query_start.filter(|_| is_running).map(age),
    }
}

/// Limits of live targets, the nearest to its ceiling first; of two that cannot be told apart the first.
fn limits(moment: &Moment, labels: &Labels) -> Vec<(Labels, usize)> {
    let live: HashMap<&str, bool> =
        moment.targets.iter().map(|target| (&*target.name, target.state == TargetState::Live)).collect();
    let mut seen = std::collections::HashSet::new();
    let indexed = moment.limits.iter().enumerate();
    let shown = indexed.filter(|(_, limit)| live.get(&*limit.target).copied().unwrap_or(false));
    let labelled = shown.map(|(index, limit)| {
        let own = [
            ("target", value(&limit.target)),
            ("scope", limit.scope.as_str().to_owned()),
            ("name", value(&limit.name)),
        ];
        (with(labels, own), index)
    });
    labelled.filter(|(labels, _)| seen.insert(labels.clone())).collect()
}
