//! What changes something outside: its exact targets, what it would do, what came of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backend::{Backend, BackendId};
use super::sample::ServerIdentity;
use super::target::TargetName;
use crate::text::Text;

/// The verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// `pg_cancel_backend`: stop the running statement. Does nothing to an idle transaction.
    Cancel,
    /// `pg_terminate_backend`: end the session, roll back, release locks and slot.
    Terminate,
}

impl OperationKind {
    /// The verb in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An operation on exact sessions of one server. It can be looked at, but only a confirmed one can be carried
/// out (`control::confirm`).
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The verb.
    pub kind: OperationKind,
    /// On which target.
    pub target: TargetName,
    /// The server, in the life in which the operator saw its sessions.
    pub identity: ServerIdentity,
    /// The sessions, as the operator saw them.
    pub victims: Vec<Victim>,
    /// The evidence that led to it, for the audit.
    pub reason: Option<Text>,
}

/// One session that an operation is aimed at, as the operator saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Victim {
    /// The row that the operator saw.
    pub seen: Arc<Backend>,
    /// The signal is sent only if state, `state_change` and `xact_start` are still what was seen.
    ///
    /// True unless the operator asked to end the session whatever it does now (active sessions).
    pub strict: bool,
}

impl Victim {
    /// Which session.
    pub fn id(&self) -> BackendId {
        self.seen.id()
    }

    /// What was seen, bound to be signalled only in that state where it was not running a statement.
    pub fn from_seen(seen: Arc<Backend>) -> Self {
        let strict = seen.state != super::backend::State::Active;
        Self { seen, strict }
    }
}

/// What ending one session would do: shown before the question is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlastRadius {
    /// Which session; `None` start never appears here.
    pub pid: i32,
    /// Locks held, all kinds; `None` = not read.
    pub locks: Option<u32>,
    /// Relations locked more strongly than `AccessShareLock`, schema-qualified where readable, at most ten.
    pub relations: Vec<Text>,
    /// Advisory locks held.
    pub advisory_locks: Option<u32>,
    /// Everyone who waits for it, directly or through others.
    pub frees: Vec<i32>,
    /// It has a transaction id, so it may have written: the work is rolled back.
    pub may_have_written: bool,
    /// It holds back vacuum.
    pub holds_snapshot: bool,
    /// Things to say before the answer: SyncRep wait (has committed locally), index build, pooler-owned, superuser.
    pub warnings: Vec<Text>,
    /// Why it would be refused, if it would be.
    pub refused: Option<Text>,
}

/// What came of one target of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The server accepted the signal.
    Signalled,
    /// Away before the signal, or the pid is another session's now.
    Gone,
    /// Moved on: it no longer does what the operator saw.
    Changed,
    /// The server refused for lack of rights.
    Denied,
    /// pooltop refused: itself, protected, policy, not a client backend.
    Refused,
    /// Signalled, and seen to go within five seconds.
    Ended,
    /// Signalled, and still there after five seconds.
    Unconfirmed,
}

impl Outcome {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signalled => "signalled",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// Whether the operation did what was asked: a signalled cancel, an ended session.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Signalled | Self::Ended)
    }
}

/// The outcome for one session.
#[derive(Clone, Debug, PartialEq)]
pub struct VictimOutcome {
    /// Which session.
    pub id: BackendId,
    /// What came of it.
    pub outcome: Outcome,
    /// One line: why, or what the server said.
    pub message: Text,
}

/// What came of a whole operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationReport {
    /// The verb.
    pub kind: OperationKind,
    /// On which target.
    pub target: TargetName,
    /// Per session, in the order of the operation.
    pub outcomes: Vec<VictimOutcome>,
    /// Whether these are final, or a termination is still being watched.
    pub settled: bool,
}
