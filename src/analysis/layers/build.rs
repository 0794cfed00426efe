//! Which pools and clients are one application's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::stuck;
use super::{LayerLine, Stage};
use crate::analysis::grouping;
use crate::analysis::moment::{BackendRow, ClientRow, PoolerView};
use crate::analysis::names::normalise;
use crate::analysis::scene::PoolScene;
use crate::model::app::AppPoolKind;
use crate::model::backend::{Backend, State};
use crate::model::pool::{DeclaredPool, Layer};
use crate::model::pooler::ClientState;
use crate::text::Text;

/// Applications that are told apart in one pool of a pooler; further ones are one line together.
const MOST: usize = 32;

/// What lines are made of.
pub(in super::super) struct Given<'a> {
    pub(in super::super) pools: &'a [PoolScene<'a>],
    pub(in super::super) rows: &'a [BackendRow],
    pub(in super::super) clients: &'a [ClientRow],
    pub(in super::super) poolers: &'a [Option<PoolerView>],
    pub(in super::super) declared: &'a [DeclaredPool],
}

/// Database and user as poolers name them: one pool over all poolers of the profile.
type Owner<'a> = (&'a Text, &'a Text);

/// The pools of one owner at all poolers, and who uses them.
#[derive(Default)]
struct Shared<'a> {
    pools: Vec<usize>,
    /// By the application's name for the line.
    users: BTreeMap<Text, User<'a>>,
    /// The backends at the other end.
    rows: Vec<usize>,
}

/// What one application does in a pool of a pooler.
#[derive(Default)]
struct User<'a> {
    clients: u32,
    linked: u32,
    waiting: u32,
    max_wait_us: Option<u64>,
    rows: Vec<&'a BackendRow>,
}

/// One line per application.
pub(in super::super) fn lines(given: &Given<'_>) -> Vec<LayerLine> {
    let mut lines: BTreeMap<Text, LayerLine> = BTreeMap::new();
    let shared = by_owner(given);
    for (owner, group) in &shared {
        pooled_lines(&mut lines, owner, group, given);
    }
    direct_lines(&mut lines, given);
    application_stages(&mut lines, given);
    let mut lines: Vec<LayerLine> = lines
        .into_iter()
        .map(|(name, mut line)| {
            line.name = name;
            line.checked_out_idle = stuck::checked_out_idle(&line);
            line.stuck = stuck::stuck(&line);
            line
        })
        .collect();
    lines.sort_by_key(|line| line.stuck.is_none());
    lines
}

/// The pools of poolers by owner, with their clients by application and their backends.
fn by_owner<'a>(given: &Given<'a>) -> BTreeMap<Owner<'a>, Shared<'a>> {
    let mut shared: BTreeMap<Owner<'_>, Shared<'_>> = BTreeMap::new();
    let mut owner_of: HashMap<usize, Owner<'_>> = HashMap::new();
    for (index, pool) in given.pools.iter().enumerate() {
        let key = &pool.track.pool.key;
        if let (Layer::Pooler, Some(database), Some(user)) = (key.layer, &key.database, &key.user) {
            shared.entry((database, user)).or_default().pools.push(index);
            owner_of.insert(index, (database, user));
        }
    }
    let mut names: HashMap<(&str, Owner<'_>), Text> = HashMap::new();
    for row in given.clients {
        let (Some(client), Some(owner)) = (row.pooled(), row.pool.and_then(|pool| owner_of.get(&pool)))
        else {
            continue;
        };
        let Some(group) = shared.get_mut(owner) else { continue };
        let said = client.application_name.as_deref().unwrap_or_default();
        let name = names.entry((said, *owner)).or_insert_with(|| name_of(said, *owner, given.declared));
        let user = match group.users.get_mut(name) {
            Some(user) => user,
            None => group.users.entry(name.clone()).or_default(),
        };
        user.clients += 1;
        user.linked += u32::from(client.server.is_some());
        if client.state == ClientState::Waiting {
            user.waiting += 1;
            user.max_wait_us = user.max_wait_us.max(client.wait_us);
        }
        user.rows.extend(row.backend.and_then(|backend| given.rows.get(backend)));
    }
    for (index, row) in given.rows.iter().enumerate() {
        let server = row.via.and_then(|via| {
            let sockets = given.poolers.get(via.pooler)?.as_ref()?.sockets.as_deref()?;
            sockets.servers.get(via.server)
        });
        if let Some(group) = server.and_then(|server| shared.get_mut(&(&server.database, &server.user))) {
            group.rows.push(index);
        }
    }
    shared
}

/// The declared pool's name, else the application's, else the pool's.
fn name_of(application: &str, (database, user): Owner<'_>, declared: &[DeclaredPool]) -> Text {
    let found = declared.iter().find(|pool| grouping::fits_client(pool, application, user, database));
    match found {
        Some(pool) => pool.name.clone(),
        None if application.is_empty() => Text::line(&format!("{database}/{user}")),
        None => normalise(application),
    }
}

fn pooled_lines(
    lines: &mut BTreeMap<Text, LayerLine>,
    (database, user): &Owner<'_>,
    group: &Shared<'_>,
    given: &Given<'_>,
) {
    let whole = pooler_stage(&group.pools, given);
    let all: Vec<&BackendRow> = group.rows.iter().filter_map(|row| given.rows.get(*row)).collect();
    if group.users.len() <= 1 {
        let name = group.users.keys().next().cloned();
        let line =
            lines.entry(name.unwrap_or_else(|| Text::line(&format!("{database}/{user}")))).or_default();
        add(&mut line.pooler, whole);
        if !all.is_empty() {
            add(&mut line.server, server_stage(&all));
        }
        return;
    }
    let mut users: Vec<(&Text, &User<'_>)> = group.users.iter().collect();
    users.sort_by_key(|(_, user)| std::cmp::Reverse(user.clients));
    for (index, (name, user)) in users.into_iter().enumerate() {
        let other = || Text::line(&format!("other applications on {database}/{}", group_user(group, given)));
        let line = lines.entry(if index < MOST { name.clone() } else { other() }).or_default();
        add(&mut line.pooler, share_of(&whole, user));
        if !user.rows.is_empty() {
            let mut server = server_stage(&user.rows);
            server.shared = true;
            add(&mut line.server, server);
        }
    }
}

/// The user of a group of pools.
fn group_user<'a>(group: &Shared<'_>, given: &Given<'a>) -> &'a str {
    let pool = group.pools.first().and_then(|pool| given.pools.get(*pool));
    pool.and_then(|pool| pool.track.pool.key.user.as_deref()).unwrap_or_default()
}

/// What one application has of a pool that it shares with others.
fn share_of(whole: &Stage, user: &User<'_>) -> Stage {
    Stage {
        used: Some(user.linked),
        waiting: Some(user.waiting),
        max_wait_s: user.max_wait_us.map(|wait| wait as f64 / 1e6),
        shared: true,
        ..whole.clone()
    }
}

fn pooler_stage(pools: &[usize], given: &Given<'_>) -> Stage {
    let mut sum: Option<Stage> = None;
    for index in pools {
        let Some(scene) = given.pools.get(*index) else { continue };
        let pool = &scene.track.pool;
        add(&mut sum, Stage { open: Some(pool.total), ..reported_stage(*index, scene) });
    }
    let mut sum = sum.unwrap_or_default();
    sum.odd = odd_one(pools, given);
    sum
}

/// A pool as its owner reports it.
fn reported_stage(index: usize, scene: &PoolScene<'_>) -> Stage {
    let pool = &scene.track.pool;
    Stage {
        pools: vec![index],
        used: pool.used,
        max: pool.max,
        waiting: pool.pending,
        wait_avg_s: pool.wait_avg_s,
        max_wait_s: pool.max_wait_s,
        one_of_several: pool.one_of_several,
        ..Stage::default()
    }
}

/// Of several pools, the one that alone has a queue, or is fuller or emptier than the others by half of its bound.
fn odd_one(pools: &[usize], given: &Given<'_>) -> Option<usize> {
    if pools.len() < 2 {
        return None;
    }
    let pool = |index: &usize| given.pools.get(*index).map(|scene| &scene.track.pool);
    let queued: Vec<usize> = pools
        .iter()
        .copied()
        .filter(|index| pool(index).and_then(|pool| pool.pending).is_some_and(|pending| pending > 0))
        .collect();
    if let [only] = queued[..] {
        return Some(only);
    }
    let shares: Vec<(usize, f64)> = pools
        .iter()
        .filter_map(|index| {
            let pool = pool(index)?;
            Some((*index, f64::from(pool.used?) / f64::from(pool.max.filter(|max| *max > 0)?)))
        })
        .collect();
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    let others = (shares.len() as f64 - 1.0).max(1.0);
    let distance = |share: f64| (share - (sum - share) / others).abs();
    let farthest = shares.iter().max_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)))?;
    (shares.len() > 1 && distance(farthest.1) >= 0.5).then_some(farthest.0)
}

fn server_stage(rows: &[&BackendRow]) -> Stage {
    let among = |which: fn(&Backend) -> bool| {
        u32::try_from(rows.iter().filter(|row| which(&row.backend)).count()).unwrap_or(u32::MAX)
    };
    let seen = rows.iter().all(|row| row.backend.is_visible());
    let pools: BTreeSet<usize> = rows.iter().map(|row| row.pool).collect();
    Stage {
        pools: pools.into_iter().collect(),
        used: seen.then(|| among(|backend| backend.state != State::Idle)),
        working: seen.then(|| among(|backend| matches!(backend.state, State::Active | State::Fastpath))),
        holding: seen.then(|| among(|backend| backend.state.is_idle_in_transaction())),
        blocked: among(Backend::waits_on_lock),
        ..Stage::default()
    }
}

/// Applications that reach a server without a pooler of the profile.
fn direct_lines(lines: &mut BTreeMap<Text, LayerLine>, given: &Given<'_>) {
    for (index, scene) in given.pools.iter().enumerate() {
        let pool = &scene.track.pool;
        let pooled =
            || scene.members.iter().any(|row| given.rows.get(*row).is_some_and(|row| row.via.is_some()));
        let ours = || scene.members.iter().any(|row| given.rows.get(*row).is_some_and(|row| row.is_pooltop));
        if pool.key.layer != Layer::Server || pool.total == 0 || scene.track.human || pooled() || ours() {
            continue;
        }
        let line = lines.entry(scene.track.label.clone()).or_default();
        let holding = pool.idle_in_transaction.zip(pool.aborted).map(|(open, aborted)| open + aborted);
        let (working, blocked) = (pool.active, pool.blocked);
        add(&mut line.server, Stage { working, holding, blocked, ..reported_stage(index, scene) });
    }
}

/// Puts the pools that applications report beside those that they lead to; those of which that is not certain stand
/// in a line of their own.
fn application_stages(lines: &mut BTreeMap<Text, LayerLine>, given: &Given<'_>) {
    for (index, scene) in given.pools.iter().enumerate() {
        let key = &scene.track.pool.key;
        if key.layer != Layer::Application || scene.track.leads_to != AppPoolKind::Database {
            continue;
        }
        let label = &scene.track.label;
        let name = by_name(lines, &key.target, label).or_else(|| by_owner_labels(lines, scene, given));
        let line = lines.entry(name.unwrap_or_else(|| label.clone())).or_default();
        add(&mut line.application, reported_stage(index, scene));
    }
}

/// The line with the name of the pool, or of the endpoint.
fn by_name(lines: &BTreeMap<Text, LayerLine>, target: &str, label: &str) -> Option<Text> {
    let own = label.strip_prefix(target).and_then(|rest| rest.strip_prefix('/')).unwrap_or(label);
    [own, target].iter().find_map(|name| {
        let wanted = stem(name);
        lines.keys().find(|line| stem(line) == wanted).cloned()
    })
}

/// A name without what tells instances apart: `api` of `api-7`.
fn stem(name: &str) -> String {
    normalise(name).trim_end_matches(['#', '-', '_', '.', ' ']).to_owned()
}

/// The only line that leads to the database (and user) which the pool's labels name.
fn by_owner_labels(
    lines: &BTreeMap<Text, LayerLine>,
    scene: &PoolScene<'_>,
    given: &Given<'_>,
) -> Option<Text> {
    let key = &scene.track.pool.key;
    let database = key.database.as_ref()?;
    let leads_there = |line: &LayerLine| {
        let stages = [&line.pooler, &line.server];
        stages.into_iter().flatten().flat_map(|stage| &stage.pools).any(|pool| {
            given.pools.get(*pool).is_some_and(|pool| {
                let other = &pool.track.pool.key;
                other.database.as_ref() == Some(database) && (key.user.is_none() || other.user == key.user)
            })
        })
    };
    let mut fitting = lines.iter().filter(|(_, line)| leads_there(line)).map(|(name, _)| name);
    let first = fitting.next()?.clone();
    fitting.next().is_none().then_some(first)
}

/// Adds one stage to another. What one of them does not know, the sum does not know either. Of one process among
/// several nothing is added up.
fn add(sum: &mut Option<Stage>, more: Stage) {
    let Some(sum) = sum else {
        *sum = Some(more);
        return;
    };
    let plus = |a: Option<u32>, b: Option<u32>| a.zip(b).map(|(a, b)| a.saturating_add(b));
    let larger = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
    for pool in more.pools {
        if !sum.pools.contains(&pool) {
            sum.pools.push(pool);
        }
    }
    if sum.one_of_several || more.one_of_several {
        sum.one_of_several = true;
        (sum.used, sum.max, sum.waiting) = (None, None, None);
    } else {
        sum.used = plus(sum.used, more.used);
        sum.max = plus(sum.max, more.max);
        sum.waiting = sum.waiting.into_iter().chain(more.waiting).reduce(u32::saturating_add);
    }
    sum.wait_avg_s = larger(sum.wait_avg_s, more.wait_avg_s);
    sum.max_wait_s = larger(sum.max_wait_s, more.max_wait_s);
    sum.working = plus(sum.working, more.working);
    sum.holding = plus(sum.holding, more.holding);
    sum.blocked = sum.blocked.saturating_add(more.blocked);
    sum.open = plus(sum.open, more.open);
    sum.shared |= more.shared;
    sum.odd = sum.odd.or(more.odd);
}
