//! What an application says about its own pools.

use serde::{Deserialize, Serialize};

use super::part::Missing;
use crate::text::Text;

mod field;

pub use field::AppField;

/// One reading of an application's metrics endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppSample {
    /// What the answer was recognised as, for people: `HikariCP (Prometheus)`, `SQLAlchemy health (JSON)`.
    pub shape: Text,
    /// The pools, in the order of the answer.
    pub pools: Vec<AppPool>,
    /// What the application itself advises, shown as its own words.
    pub advice: Vec<AppAdvice>,
    /// From the request to the end of the answer, µs.
    pub round_trip_us: u64,
    /// Answers come from one of several processes: their values jump to and fro between samples.
    pub one_of_several: bool,
    /// What this sample could not see.
    pub missing: Vec<Missing>,
}

/// What kind of thing a pool's connections lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppPoolKind {
    /// A database.
    #[default]
    Database,
    /// Redis.
    Redis,
    /// A pooler's server side, seen through an exporter.
    Pooler,
}

/// One pool as its application reports it, in neutral words. Absent knowledge is `None`; counters count since the
/// process started and can be reset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppPool {
    /// Its name there; empty where the endpoint has one pool without a name.
    pub name: Text,
    /// What its connections lead to.
    pub kind: AppPoolKind,
    /// Client library, where the shape tells: `SQLAlchemy`, `HikariCP`.
    pub library: Option<Text>,
    /// Database or user it leads to, where a label tells.
    pub database: Option<Text>,
    /// Likewise.
    pub user: Option<Text>,
    /// Checked out, the probe's own connection taken off where [`AppPool::own_probe`].
    pub used: Option<u32>,
    /// Open and free.
    pub idle: Option<u32>,
    /// Open.
    pub total: Option<u32>,
    /// Requests queued for a connection.
    pub pending: Option<u32>,
    /// Floor.
    pub min: Option<u32>,
    /// Ceiling of one process; `None` = unknown or unlimited.
    pub max: Option<u32>,
    /// Configured size, where it differs from the ceiling (SQLAlchemy).
    pub size: Option<u32>,
    /// Connections beyond `size`; negative until the pool has filled (SQLAlchemy).
    pub overflow: Option<i64>,
    /// How many beyond `size` there may be; −1 = unlimited.
    pub max_overflow: Option<i64>,
    /// The most that were in use at once, as the application counts.
    pub peak: Option<u32>,
    /// Connections opened.
    pub opened: Option<u64>,
    /// Connections closed.
    pub closed: Option<u64>,
    /// Connections replaced for their age.
    pub recycled: Option<u64>,
    /// Requests that gave up waiting.
    pub timeouts: Option<u64>,
    /// Connections or requests that failed.
    pub errors: Option<u64>,
    /// Requests that got a connection, or waited for one: what `wait_s` was added up over.
    pub waits: Option<u64>,
    /// Time that these waited, added up, s.
    pub wait_s: Option<f64>,
    /// How long the request waits that has waited longest, s.
    pub max_wait_s: Option<f64>,
    /// Times that a connection was returned.
    pub uses: Option<u64>,
    /// Time that connections were in use, added up, s.
    pub use_s: Option<f64>,
    /// Mean wait as the application itself gives it, s.
    pub wait_avg_s: Option<f64>,
    /// Mean use as the application itself gives it, s.
    pub use_avg_s: Option<f64>,
    /// The endpoint answers over a connection of this very pool, which was counted in `used` by the application.
    pub own_probe: bool,
}

/// Advice in the application's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppAdvice {
    /// About which pool.
    pub pool: Option<Text>,
    /// How urgent, in its own word.
    pub severity: Option<Text>,
    /// What is wrong.
    pub issue: Text,
    /// What to do.
    pub suggestion: Text,
}
