//! The trace that an operation leaves.

use serde::{Deserialize, Serialize};

use super::operation::{OperationKind, Outcome};
use super::target::TargetName;
use super::time::Timestamp;
use crate::text::Text;

/// Before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditPhase {
    /// Written and flushed before anything is sent.
    Intent,
    /// What came of it.
    Outcome,
}

/// One line of `audit.jsonl`; one per phase and session, client or group of pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// Before or after.
    pub phase: AuditPhase,
    /// Who: the operating system's user.
    pub operator: Text,
    /// Where pooltop ran.
    pub host: Text,
    /// The profile, or the endpoint of an ad-hoc one.
    pub profile: Text,
    /// The target.
    pub target: TargetName,
    /// The verb.
    pub operation: OperationKind,
    /// Process id on the server; `None` = it was not aimed at a session.
    pub pid: Option<i32>,
    /// `backend_start`.
    pub backend_start: Option<Timestamp>,
    /// `application_name`.
    pub application_name: Text,
    /// User; empty where a whole database was meant.
    pub user: Text,
    /// The pooler's database. Left out for sessions, for Redis, and where the whole pooler was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Text>,
    /// The identifier of a pooler's or Redis server's client. Left out where none was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Text>,
    /// Where that client is connected from: `address:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Text>,
    /// Nothing was sent; this only says what would have been.
    pub dry_run: bool,
    /// What came of it; `None` in an intent.
    pub outcome: Option<Outcome>,
    /// Why, or the evidence behind it.
    pub message: Text,
}
