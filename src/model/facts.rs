//! Slow facts about a PostgreSQL server: settings, roles, databases, prepared transactions, top statements.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::part::{Missing, Part};
use super::target::Privilege;
use super::time::Timestamp;
use crate::text::Text;
use crate::text::redact::Redaction;

/// What changes rarely, read at a slower cadence than the activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// When it was read, by the server's clock.
    pub at: Timestamp,
    /// `server_version` as the server writes it.
    pub version: Text,
    /// `server_version_num`: 150018.
    pub version_num: u32,
    /// Settings that matter here.
    pub settings: Settings,
    /// Of a standby: how long ago the newest transaction that it has replayed was committed, s; 0 when it has replayed all that it
    /// received. `None` on a primary.
    #[serde(default)]
    pub replay_lag_s: Option<f64>,
    /// The role that we are connected as.
    pub own_role: OwnRole,
    /// Per database: limits and counters.
    pub databases: Vec<DatabaseFacts>,
    /// Roles that have a connection limit, are superusers, or set a timeout of their own.
    pub roles: Vec<RoleFacts>,
    /// Time limits that are set for a database, or for a role in one database; those of a role everywhere are in `roles`.
    #[serde(default)]
    pub overrides: Vec<TimeoutOverride>,
    /// Left-over prepared transactions.
    pub prepared: Part<Vec<PreparedTransaction>>,
    /// Top statements by total time, where `pg_stat_statements` is installed.
    pub statements: Part<Vec<StatementFacts>>,
    /// Pids that hold advisory locks, sorted: leaders, migrations. Silent for good reason.
    #[serde(default = "not_asked")]
    pub advisory: Part<Vec<i32>>,
    /// Pids that run a COPY with the bytes that it has processed (PostgreSQL 14 and later).
    #[serde(default = "not_asked")]
    pub copies: Part<Vec<(i32, u64)>>,
}

/// What recordings from before it was read hold of it.
impl ServerFacts {
    /// The same, with the statements as they may leave; the very same where nothing is taken out.
    pub fn redacted(self: &Arc<Self>, redaction: Redaction) -> Arc<Self> {
        let Part::Known(statements) = &self.statements else { return Arc::clone(self) };
        let redacted = |row: &StatementFacts| redaction.statement(&row.query).unwrap_or_default();
        if statements.iter().all(|row| redacted(row) == row.query) {
            return Arc::clone(self);
        }
        let rows = statements.iter().map(|row| StatementFacts { query: redacted(row), ..row.clone() });
        Arc::new(Self { statements: Part::Known(rows.collect()), ..Self::clone(self) })
    }
}

fn not_asked<T>() -> Part<T> {
    Part::Missing(Missing::new("locks and copies", "not read"))
}

/// Settings of the server. Times in milliseconds, 0 = off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `max_connections`.
    pub max_connections: u32,
    /// `superuser_reserved_connections` (plus `rds.rds_superuser_reserved_connections` where that exists).
    pub superuser_reserved: u32,
    /// `reserved_connections` (PostgreSQL 16 and later).
    pub reserved: u32,
    /// `idle_in_transaction_session_timeout` as the server's default, ms.
    pub idle_in_transaction_timeout_ms: u64,
    /// `transaction_timeout` (PostgreSQL 17 and later), ms.
    pub transaction_timeout_ms: Option<u64>,
    /// `idle_session_timeout` (PostgreSQL 14 and later), ms.
    pub idle_session_timeout_ms: Option<u64>,
    /// `statement_timeout` as the server's default, ms.
    pub statement_timeout_ms: u64,
    /// `track_activities` as the server's default.
    pub track_activities: bool,
    /// `track_activity_query_size`, bytes.
    pub track_activity_query_size: u32,
    /// `max_prepared_transactions`.
    pub max_prepared_transactions: u32,
    /// `tcp_keepalives_idle`, seconds (0 = the system's).
    pub tcp_keepalives_idle_s: u32,
}

/// What our own role may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRole {
    /// Its name.
    pub name: Text,
    /// What it may see.
    pub privilege: Privilege,
    /// Member of `pg_signal_backend`, or superuser.
    pub can_signal_others: bool,
    /// May use `reserved_connections` (PostgreSQL 16 and later), or superuser.
    pub can_use_reserved: bool,
    /// Superuser, so the last reserved slots are open to it.
    pub superuser: bool,
}

/// One row of `pg_database` and its counters in `pg_stat_database`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// Name.
    pub name: Text,
    /// `datconnlimit`; `None` = unlimited.
    pub connection_limit: Option<u32>,
    /// Encoding, such as `UTF8`.
    pub encoding: Text,
    /// `xact_commit + xact_rollback`, a counter.
    pub transactions: u64,
    /// `deadlocks`, a counter.
    pub deadlocks: u64,
    /// `sessions`, a counter (PostgreSQL 14 and later).
    pub sessions: Option<u64>,
    /// `sessions_abandoned + sessions_fatal + sessions_killed`, a counter (PostgreSQL 14 and later).
    pub sessions_lost: Option<u64>,
    /// `stats_reset`.
    pub stats_reset: Option<Timestamp>,
}

/// One role, as far as it limits or exempts connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// Name.
    pub name: Text,
    /// `rolconnlimit`; `None` = unlimited.
    pub connection_limit: Option<u32>,
    /// Superuser: its sessions are ended only by superusers.
    pub superuser: bool,
    /// `idle_in_transaction_session_timeout` set for this role, ms.
    pub idle_in_transaction_timeout_ms: Option<u64>,
    /// `transaction_timeout` set for this role, ms.
    pub transaction_timeout_ms: Option<u64>,
}

/// A time limit that replaces the server's for some sessions. The one for a role in a database is stronger than the one for a role,
/// and that is stronger than the one for a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutOverride {
    /// For this role only; `None`: for every role.
    pub role: Option<Text>,
    /// In this database only; `None`: in every database.
    pub database: Option<Text>,
    /// `idle_in_transaction_session_timeout`, ms, 0 = off.
    pub idle_in_transaction_timeout_ms: Option<u64>,
    /// `transaction_timeout`, ms, 0 = off.
    pub transaction_timeout_ms: Option<u64>,
}

/// One row of `pg_prepared_xacts`: holds locks, has no backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    /// Global identifier.
    pub gid: Text,
    /// When it was prepared.
    pub prepared: Timestamp,
    /// Owner.
    pub owner: Text,
    /// Database.
    pub database: Text,
}

/// One row of `pg_stat_statements`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementFacts {
    /// `queryid`.
    pub query_id: i64,
    /// Normalised text, cut.
    pub query: Text,
    /// Number of executions, a counter.
    pub calls: u64,
    /// Total execution time in milliseconds, a counter.
    pub total_ms: f64,
    /// Mean execution time in milliseconds.
    pub mean_ms: f64,
    /// Shortest execution since the statistics began, ms.
    #[serde(default)]
    pub min_ms: Option<f64>,
    /// Longest execution since the statistics began, ms.
    #[serde(default)]
    pub max_ms: Option<f64>,
    /// Total execution time of all statements together, also of those that are not listed, ms: a counter, the same in each row.
    #[serde(default)]
    pub all_ms: Option<f64>,
}
