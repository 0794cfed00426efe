//! Pools put together by what they have in common.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::moment::PoolRow;
use crate::model::pool::{Layer, Pool, PoolKey};
use crate::text::Text;

/// What pools are put together by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Not at all: each pool by itself.
    #[default]
    Pool,
    /// By application.
    Application,
    /// By user.
    User,
    /// By database.
    Database,
    /// By the client's network: /24 and /64.
    Subnet,
    /// By the client's address.
    Client,
}

impl Level {
    /// Every level, in the order in which `v` walks through them.
    pub const ALL: [Self; 6] =
        [Self::Pool, Self::Application, Self::User, Self::Database, Self::Subnet, Self::Client];

    /// The word used on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Application => "application",
            Self::User => "user",
            Self::Database => "database",
            Self::Subnet => "subnet",
            Self::Client => "client",
        }
    }

    /// The level after this one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let index = Self::ALL.iter().position(|level| *level == self).unwrap_or(0);
        Self::ALL[(index + 1) % Self::ALL.len()]
    }
}

/// The pools put together by `level`, in the order of the first (most troubled) pool of each group.
///
/// Targets and layers stay apart: a pooler's server connections are the server's backends, so a sum over layers
/// would count them twice. Peaks are added, too, which makes the sum's peak an upper bound.
pub fn roll_up(rows: &[PoolRow], level: Level) -> Vec<PoolRow> {
    if level == Level::Pool {
        return rows.to_vec();
    }
    let mut groups: BTreeMap<(usize, PoolKey), usize> = BTreeMap::new();
    let mut rolled: Vec<PoolRow> = Vec::new();
    for row in rows {
        let key = group_key(&row.pool.key, level);
        let index = *groups.entry((row.target, key.clone())).or_insert(rolled.len());
        if let Some(sum) = rolled.get_mut(index) {
            add(sum, row);
        } else {
            let mut first = row.clone();
            first.pool.name = group_name(&key);
            first.pool.key = key;
            rolled.push(first);
        }
    }
    rolled
}

fn group_key(key: &PoolKey, level: Level) -> PoolKey {
    let keep = |at: Level, part: &Option<Text>| if level == at { part.clone() } else { None };
    let client = match level {
        Level::Subnet => key.client.as_ref().map(subnet),
        _ => keep(Level::Client, &key.client),
    };
    let application = key.declared.as_ref().or(key.application_name.as_ref()).cloned();
    PoolKey {
        target: key.target.clone(),
        layer: key.layer,
        declared: None,
        application_name: keep(Level::Application, &application),
        user: keep(Level::User, &key.user),
        database: keep(Level::Database, &key.database),
        client,
    }
}

fn group_name(key: &PoolKey) -> Text {
    let part =
        key.application_name.as_ref().or(key.user.as_ref()).or(key.database.as_ref()).or(key.client.as_ref());
    match (part, key.layer) {
        (Some(part), _) if !part.is_empty() => part.clone(),
        (Some(_), _) => "(no name)".into(),
        (None, Layer::Pooler) => "(pooler)".into(),
        (None, _) => "(several)".into(),
    }
}

/// The network of an address: /24 or /64. What is no address stays as it is.
fn subnet(client: &Text) -> Text {
    match client.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Text::line(&format!("{a}.{b}.{c}.0/24"))
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            let network = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            Text::line(&format!("{network}/64"))
        }
        Err(_) => client.clone(),
    }
}

fn add(sum: &mut PoolRow, row: &PoolRow) {
    add_pool(&mut sum.pool, &row.pool);
    add_trend(&mut sum.trend, &row.trend);
    add_trend(&mut sum.idle_in_transaction_trend, &row.idle_in_transaction_trend);
    if row.finding > sum.finding {
        (sum.finding, sum.finding_index) = (row.finding, row.finding_index);
    }
}

fn add_pool(sum: &mut Pool, pool: &Pool) {
    sum.used = plus(sum.used, pool.used);
    sum.idle = plus(sum.idle, pool.idle);
    sum.idle_in_transaction = plus(sum.idle_in_transaction, pool.idle_in_transaction);
    sum.aborted = plus(sum.aborted, pool.aborted);
    sum.active = plus(sum.active, pool.active);
    sum.unknown += pool.unknown;
    sum.blocked += pool.blocked;
    sum.pending = sum.pending.map_or(pool.pending, |pending| Some(pending + pool.pending.unwrap_or(0)));
    sum.total += pool.total;
    sum.peak += pool.peak;
    // A bound of the sum is known only where each part has one.
    sum.min = plus(sum.min, pool.min);
    sum.max = plus(sum.max, pool.max);
    sum.max_wait_s = larger(sum.max_wait_s, pool.max_wait_s);
    sum.oldest_idle_in_transaction_s =
        larger(sum.oldest_idle_in_transaction_s, pool.oldest_idle_in_transaction_s);
    sum.opened = sum.opened.zip(pool.opened).map(|(a, b)| a + b);
    sum.closed = sum.closed.zip(pool.closed).map(|(a, b)| a + b);
    sum.stranded = plus(sum.stranded, pool.stranded);
    sum.first_seen = sum.first_seen.min(pool.first_seen);
    sum.via_pooler &= pool.via_pooler;
}

/// The sum of two counts; unknown as soon as one of them is.
fn plus(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.zip(b).map(|(a, b)| a + b)
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// Adds a curve bucket by bucket. A gap in one of them counts as nothing there: pools come and go.
fn add_trend(sum: &mut [Option<u32>], more: &[Option<u32>]) {
    for (slot, value) in sum.iter_mut().zip(more) {
        *slot = match (*slot, *value) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}
