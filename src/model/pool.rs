//! A set of connections that one owner opens, in one layer.

use serde::{Deserialize, Serialize};

use super::target::TargetName;
use super::time::Timestamp;
use crate::text::Text;

/// In which layer a pool is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// As the application reports it.
    Application,
    /// As a pooler reports it.
    Pooler,
    /// As the server sees it: backends of one owner.
    Server,
}

/// What makes backends one pool. A part is `None` where the pool spans several of it (rolled up, declared).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PoolKey {
    /// The target where it is seen.
    pub target: TargetName,
    /// The layer.
    pub layer: Layer,
    /// Name from the profile, for a declared pool; or the name by which an application reports it.
    pub declared: Option<Text>,
    /// Normalised `application_name`.
    pub application_name: Option<Text>,
    /// User.
    pub user: Option<Text>,
    /// Database.
    pub database: Option<Text>,
    /// Client address without port, or its subnet when rolled up.
    pub client: Option<Text>,
}

impl PoolKey {
    /// Everything that is not told apart: backends of many owners.
    pub fn is_other(&self) -> bool {
        [&self.declared, &self.application_name, &self.user, &self.database, &self.client]
            .into_iter()
            .all(Option::is_none)
    }
}

/// A pool as the profile declares it. Globs on the four parts; `None` matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeclaredPool {
    /// Its name.
    pub name: Text,
    /// Glob on `application_name`.
    pub application_name: Option<String>,
    /// Glob on the user.
    pub user: Option<String>,
    /// Glob on the database.
    pub database: Option<String>,
    /// Glob on the client address.
    pub client: Option<String>,
    /// Connections that one instance keeps open at least.
    pub min: Option<u32>,
    /// Connections that one instance opens at most (`pool_size + max_overflow` where those are given).
    pub max: Option<u32>,
    /// How many such pools exist (pods × workers). At least 1.
    pub instances: u32,
    /// Longest that one statement may run, s.
    pub command_timeout_s: Option<f64>,
    /// After which the pool closes an idle connection, s.
    pub idle_timeout_s: Option<f64>,
    /// Its jobs hold a transaction while they work, so an idle transaction is not a leak.
    pub holds_transactions: bool,
}

/// A Redis pool as the profile declares it. Globs; `None` matches everything, but one of the three is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredRedisPool {
    /// Glob on the client's name (`CLIENT SETNAME`).
    pub name: Option<String>,
    /// Glob on the user.
    pub user: Option<String>,
    /// Glob on the client library with its version: `redis-py*`.
    pub library: Option<String>,
    /// Connections that one instance opens at most.
    pub max: Option<u32>,
    /// How many such pools exist. At least 1.
    pub instances: u32,
}

/// One pool now: the row of the pools table and of `pools[]`. Absent knowledge is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// What makes it one pool.
    pub key: PoolKey,
    /// Its name for people: the declared name, else `application user@database client`.
    pub name: Text,
    /// Connections in use: total − idle on the server side.
    pub used: Option<u32>,
    /// Idle, outside a transaction.
    pub idle: Option<u32>,
    /// Idle in transaction, not aborted.
    pub idle_in_transaction: Option<u32>,
    /// Idle in an aborted transaction.
    pub aborted: Option<u32>,
    /// Running a statement.
    pub active: Option<u32>,
    /// State hidden, disabled or starting.
    pub unknown: u32,
    /// Waiting on a lock.
    pub blocked: u32,
    /// Requests queued for a connection.
    pub pending: Option<u32>,
    /// Open connections.
    pub total: u32,
    /// The most that were open at once since pooltop began to watch.
    pub peak: u32,
    /// Declared or reported floor over all instances.
    pub min: Option<u32>,
    /// Declared or reported ceiling over all instances.
    pub max: Option<u32>,
    /// How long the longest queued request has waited, s.
    pub max_wait_s: Option<f64>,
    /// Age by `state_change` of the oldest backend that is idle in transaction (aborted included), s.
    pub oldest_idle_in_transaction_s: Option<f64>,
    /// Connections seen to open since pooltop began to watch.
    pub opened: Option<u64>,
    /// Connections seen to close likewise.
    pub closed: Option<u64>,
    /// Connections frozen while the pool kept opening others (detector), else those idle in transaction past the threshold.
    pub stranded: Option<u32>,
    /// When pooltop first saw it.
    pub first_seen: Timestamp,
    /// Its backends see changing application names: it is a transaction pooler's server side.
    pub via_pooler: bool,
    /// Configured size, without overflow or reserve.
    pub size: Option<u32>,
    /// Connections beyond that size; negative until the pool has filled (SQLAlchemy).
    pub overflow: Option<i64>,
    /// How many of these there may be; −1 = unlimited.
    pub max_overflow: Option<i64>,
    /// Mean time that a request waited for a connection in the last minute, s.
    pub wait_avg_s: Option<f64>,
    /// Mean time that a connection was in use in the last minute, s.
    pub use_avg_s: Option<f64>,
    /// Requests that gave up waiting, since its owner started to count.
    pub timeouts: Option<u64>,
    /// Connections or requests that failed, likewise.
    pub errors: Option<u64>,
    /// Connections replaced for their age, likewise.
    pub recycled: Option<u64>,
    /// It is one of several processes that answer in turn: its numbers jump, and belong to no sum.
    pub one_of_several: bool,
}

impl Pool {
    /// A pool of which nothing is known but its name.
    pub fn unknown(key: PoolKey, name: Text, first_seen: Timestamp) -> Self {
        Self {
            key,
            name,
            used: None,
            idle: None,
            idle_in_transaction: None,
            aborted: None,
            active: None,
            unknown: 0,
            blocked: 0,
            pending: None,
            total: 0,
            peak: 0,
            min: None,
            max: None,
            max_wait_s: None,
            oldest_idle_in_transaction_s: None,
            opened: None,
            closed: None,
            stranded: None,
            first_seen,
            via_pooler: false,
            size: None,
            overflow: None,
            max_overflow: None,
            wait_avg_s: None,
            use_avg_s: None,
            timeouts: None,
            errors: None,
            recycled: None,
            one_of_several: false,
        }
    }
}
