//! Something that happened between two samples.

use serde::{Deserialize, Serialize};

use super::target::TargetName;
use super::time::Timestamp;
use crate::text::Text;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// `pg_postmaster_start_time()` moved forward on the same address: restart, or recovery after a crash.
    Restart,
    /// The address or the recovery state changed.
    Failover,
    /// Connected for the first time, or again.
    Connected,
    /// The connection was lost or refused.
    Lost,
    /// No sample for longer than expected: a gap in every series.
    Gap,
    /// The clock of the target jumped.
    ClockJump,
    /// More than the threshold of new connections in one sample.
    Jump,
    /// An operation was sent.
    Operation,
    /// A setting or bound changed.
    Setting,
    /// The server ended a statement because of a deadlock.
    Deadlock,
}

impl EventKind {
    /// Whether marks and dialogs that were made before it must not be acted on after it.
    pub fn invalidates_selection(self) -> bool {
        matches!(self, Self::Restart | Self::Failover)
    }
}

/// Something that happened, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the target's clock.
    pub at: Timestamp,
    /// Where.
    pub target: TargetName,
    /// What.
    pub kind: EventKind,
    /// One line for people.
    pub text: Text,
}
