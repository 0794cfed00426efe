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
        (None, Layer::Application) => "(application)".into(),
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
    if row.leak.as_ref().map(|leak| leak.score) > sum.leak.as_ref().map(|leak| leak.score) {
        sum.leak.clone_from(&row.leak);
    }
    if row.finding > sum.finding {
        (sum.finding, sum.finding_index) = (row.finding, row.finding_index);
    }
}

/// Adds a pool to a sum of pools of the same target and layer. What one of them does not know the sum does not know.
pub fn add_pool(sum: &mut Pool, pool: &Pool) {
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
    sum.size = plus(sum.size, pool.size);
    (sum.overflow, sum.max_overflow) = (None, None);
    // A mean of means without weights says nothing; the longest is where to look.
    sum.wait_avg_s = larger(sum.wait_avg_s, pool.wait_avg_s);
    sum.use_avg_s = larger(sum.use_avg_s, pool.use_avg_s);
    let counted = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
    sum.timeouts = counted(sum.timeouts, pool.timeouts);
    sum.errors = counted(sum.errors, pool.errors);
    sum.recycled = counted(sum.recycled, pool.recycled);
    sum.one_of_several |= pool.one_of_several;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analysis::fixture::{Stage, checkout_leak, facts, row, sample};
    use crate::analysis::{Moment, Settings};

    fn clients() -> Moment {
        let rows = [
            ("web", "10.0.4.17"),
            ("web", "10.0.4.18"),
            ("api", "10.0.5.1"),
            ("api", "2001:db8::1"),
            ("x", "2001:db8::2"),
            ("x", ""),
        ];
        let rows =
            rows.iter().zip(1..).map(|((name, addr), pid)| row(pid, name).from(addr).build()).collect();
        Stage::single(Settings::default()).show(sample("db1", 1.0, rows, &Arc::new(facts(100))))
    }

    fn rolled(level: Level) -> Vec<(String, u32)> {
        let mut names: Vec<_> = roll_up(&clients().pools, level)
            .iter()
            .map(|row| (row.pool.name.to_string(), row.pool.total))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn pools_add_up_by_what_they_have_in_common() {
        let named =
            |rows: &[(&str, u32)]| rows.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect::<Vec<_>>();
        assert_eq!(rolled(Level::Application), named(&[("api", 2), ("web", 2), ("x", 2)]));
        assert_eq!(rolled(Level::User), named(&[("app", 6)]));
        assert_eq!(rolled(Level::Database), named(&[("shop", 6)]));
        assert_eq!(
            rolled(Level::Subnet),
            named(&[("10.0.4.0/24", 2), ("10.0.5.0/24", 1), ("2001:db8::/64", 2), ("local", 1)])
        );
        assert_eq!(rolled(Level::Client).len(), 6);
        assert_eq!(rolled(Level::Pool).len(), 6);
    }

    #[test]
    fn layers_stay_apart_and_the_worst_finding_stays_visible() {
        let moment = checkout_leak();
        let rows = roll_up(&moment.pools, Level::User);
        let total: u32 = rows.iter().map(|row| row.pool.total).sum();
        assert_eq!(total, moment.pools.iter().map(|row| row.pool.total).sum::<u32>());
        let of = |layer| rows.iter().find(|row| row.pool.key.layer == layer && &*row.pool.name == "app");
        assert_ne!(of(Layer::Pooler).map(|row| row.target), of(Layer::Server).map(|row| row.target));
        assert_eq!(rows[0].finding, moment.pools[0].finding);
        assert_eq!(rows[0].trend.len(), moment.pools[0].trend.len());
    }

    #[test]
    fn a_bound_of_the_sum_is_known_only_where_each_part_has_one() {
        let moment = checkout_leak();
        let by_application = roll_up(&moment.pools, Level::Application);
        let background = by_application.iter().find(|row| &*row.pool.name == "background");
        assert_eq!(background.and_then(|row| row.pool.max), Some(8));
        let by_database = roll_up(&moment.pools, Level::Database);
        let shop =
            by_database.iter().find(|row| &*row.pool.name == "shop" && row.pool.key.layer == Layer::Server);
        assert_eq!(shop.map(|row| row.pool.max), Some(None));
    }

    #[test]
    fn walking_through_the_levels_comes_back_to_the_first() {
        let walked = std::iter::successors(Some(Level::Pool), |level| Some(level.next())).take(7);
        assert_eq!(walked.last(), Some(Level::Pool));
    }
}
