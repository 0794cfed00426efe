//! What a pooler allows, and what is used of it.

use std::collections::BTreeMap;

use super::{is_console, open, sum};
use crate::analysis::limits::limit;
use crate::model::limit::{Limit, LimitScope};
use crate::model::pooler::{PoolerDatabase, PoolerFacts, PoolerPool, PoolerSample, PoolerUser};
use crate::model::sample::Sample;
use crate::text::Text;

/// How many server connections a pool may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// `pool_size`.
    pub(super) plain: u32,
    /// More of them when clients have waited for `reserve_pool_timeout`.
    pub(super) reserve: u32,
}

fn database<'a>(facts: &'a PoolerFacts, name: &str) -> Option<&'a PoolerDatabase> {
    facts.databases.iter().find(|database| &*database.name == name)
}

fn user<'a>(facts: &'a PoolerFacts, name: &str) -> Option<&'a PoolerUser> {
    facts.users.iter().find(|user| &*user.name == name)
}

/// The user's size wins over the database's, that over the default.
pub(super) fn size(facts: Option<&PoolerFacts>, row: &PoolerPool) -> Option<Size> {
    let facts = facts?;
    let database = database(facts, &row.database);
    let of_user = user(facts, &row.user).and_then(|user| user.pool_size);
    let plain = of_user
        .or_else(|| database.and_then(|database| database.pool_size))
        .or(facts.config.default_pool_size)
        .filter(|size| *size > 0)?;
    let reserve = database.and_then(|database| database.reserve).or(facts.config.reserve_pool_size);
    Some(Size { plain, reserve: reserve.unwrap_or(0) })
}

/// Server connections that the pool keeps open.
pub(super) fn floor(facts: Option<&PoolerFacts>, row: &PoolerPool) -> Option<u32> {
    database(facts?, &row.database)?.min_pool_size.filter(|floor| *floor > 0)
}

/// `session`, `transaction` or `statement`: as the pool says, else as user, database or default set it.
pub(super) fn mode(facts: Option<&PoolerFacts>, row: &PoolerPool) -> Option<Text> {
    row.pool_mode.clone().or_else(|| {
        let facts = facts?;
        let of_user = user(facts, &row.user).and_then(|user| user.pool_mode.clone());
        let of_database = || database(facts, &row.database).and_then(|database| database.pool_mode.clone());
        of_user.or_else(of_database).or_else(|| facts.config.pool_mode.clone())
    })
}

/// Every ceiling of a pooler with what the newest sample says is used of it.
pub(super) fn limits(facts: &PoolerFacts, body: &PoolerSample, sample: &Sample) -> Vec<Limit> {
    let mut limits: Vec<Limit> = clients(facts, body, sample).into_iter().collect();
    let Some(pools) = body.pools.known() else { return limits };
    let pools: Vec<&PoolerPool> = pools.iter().filter(|row| !is_console(row)).collect();
    limits.extend(pools.iter().filter_map(|row| of_pool(facts, row, sample)));
    let servers = |row: &PoolerPool| open(row).unwrap_or(0);
    let queued = |row: &PoolerPool| sum(&[row.cl_active, row.cl_waiting]).unwrap_or(0);
    let scoped = |name: String, used, ceiling| {
        limit(LimitScope::Pooler, Text::line(&name), sample, used, Some(ceiling))
    };
    let by_database =
        (count_by(&pools, |row| &row.database, servers), count_by(&pools, |row| &row.database, queued));
    for database in &facts.databases {
        let used = |counts: &BTreeMap<&Text, u32>| counts.get(&database.name).copied().unwrap_or(0);
        if let Some(ceiling) = database.max_connections.or(facts.config.max_db_connections) {
            limits.push(scoped(
                format!("{} max_db_connections", database.name),
                used(&by_database.0),
                ceiling,
            ));
        }
        if let Some(ceiling) = database.max_clients {
            limits.push(scoped(format!("{} clients", database.name), used(&by_database.1), ceiling));
        }
    }
    let by_user = (count_by(&pools, |row| &row.user, servers), count_by(&pools, |row| &row.user, queued));
    for (name, open) in &by_user.0 {
        let known = user(facts, name);
        let own = known.and_then(|user| user.max_connections);
        if let Some(ceiling) = own.or(facts.config.max_user_connections) {
            limits.push(scoped(format!("{name} max_user_connections"), *open, ceiling));
        }
        if let Some(ceiling) = known.and_then(|user| user.max_clients) {
            let used = by_user.1.get(name).copied().unwrap_or(0);
            limits.push(scoped(format!("user {name} clients"), used, ceiling));
        }
    }
    limits
}

/// `max_client_conn`. Consoles take part of it, though they are let in when it is used up.
fn clients(facts: &PoolerFacts, body: &PoolerSample, sample: &Sample) -> Option<Limit> {
    let ceiling = facts.config.max_client_conn?;
    let counted = body.sockets.known().map(|sockets| {
        u32::try_from(sockets.clients.len()).unwrap_or(u32::MAX).saturating_add(sockets.consoles)
    });
    let used = counted.or(facts.used_clients)?;
    Some(limit(LimitScope::Pooler, Text::line(&sample.target), sample, used, Some(ceiling)))
}

/// The bound of one pool. An idle connection is free for the next client, so it does not count; the reserve is
/// opened only when clients have waited for a while.
fn of_pool(facts: &PoolerFacts, row: &PoolerPool, sample: &Sample) -> Option<Limit> {
    let size = size(Some(facts), row)?;
    let used = sum(&[row.sv_active, row.sv_tested, row.sv_login, row.sv_cancel])?;
    let name = Text::line(&format!("{}/{}", row.database, row.user));
    let ceiling = size.plain.saturating_add(size.reserve);
    let mut bound = limit(LimitScope::Pool, name, sample, used, Some(ceiling));
    bound.reserved = size.reserve;
    Some(bound)
}

fn count_by<'a>(
    pools: &[&'a PoolerPool],
    part: impl Fn(&'a PoolerPool) -> &'a Text,
    count: impl Fn(&PoolerPool) -> u32,
) -> BTreeMap<&'a Text, u32> {
    let mut counts: BTreeMap<&Text, u32> = BTreeMap::new();
    for row in pools {
        let slot = counts.entry(part(row)).or_default();
        *slot = slot.saturating_add(count(row));
    }
    counts
}
