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

/// One line of `audit.jsonl`; one per session and phase.
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
    /// Process id on the server.
    pub pid: i32,
    /// `backend_start`.
    pub backend_start: Option<Timestamp>,
    /// `application_name`.
    pub application_name: Text,
    /// User.
    pub user: Text,
    /// Nothing was sent; this only says what would have been.
    pub dry_run: bool,
    /// What came of it; `None` in an intent.
    pub outcome: Option<Outcome>,
    /// Why, or the evidence behind it.
    pub message: Text,
}
