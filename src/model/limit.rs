//! A ceiling, and what is used of it.

use serde::{Deserialize, Serialize};

use super::target::TargetName;
use crate::text::Text;

/// What kind of ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitScope {
    /// `max_connections` of a server.
    Server,
    /// `datconnlimit`.
    Database,
    /// `rolconnlimit`.
    Role,
    /// A pool's bound.
    Pool,
    /// `max_client_conn` and its relatives.
    Pooler,
    /// `maxclients`.
    Redis,
    /// What an application reports.
    Application,
}

impl LimitScope {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "database",
            Self::Role => "role",
            Self::Pool => "pool",
            Self::Pooler => "pooler",
            Self::Redis => "redis",
            Self::Application => "application",
        }
    }
}

/// A ceiling with what is used of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What kind.
    pub scope: LimitScope,
    /// Of what: the server's, database's, role's, pool's name.
    pub name: Text,
    /// Where.
    pub target: TargetName,
    /// Connections that count against it, pooltop's own included.
    pub used: u32,
    /// The raw ceiling, e.g. `max_connections`; `None` = unknown.
    pub limit: Option<u32>,
    /// Of the ceiling: kept for superusers and reserved roles.
    pub reserved: u32,
    /// Growth of `used`, per minute, when it means something.
    pub growth_per_min: Option<f64>,
    /// Seconds until it is reached at that growth.
    pub exhausted_in_s: Option<f64>,
}

impl Limit {
    /// What ordinary roles can use: `limit − reserved`.
    pub fn usable(&self) -> Option<u32> {
        self.limit.map(|limit| limit.saturating_sub(self.reserved))
    }

    /// `used / (limit − reserved)`, 0–1 and above when reserved slots are in use.
    pub fn utilization(&self) -> Option<f64> {
        self.usable().filter(|usable| *usable > 0).map(|usable| f64::from(self.used) / f64::from(usable))
    }
}
