//! What changes something outside: its exact targets, what it would do, what came of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backend::{Backend, BackendId};
use super::pooler::PoolerClient;
use super::redis::RedisClient;
use super::sample::ServerIdentity;
use super::target::{TargetKind, TargetName};
use crate::text::Text;

/// The verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// `pg_cancel_backend`: stop the running statement. Does nothing to an idle transaction.
    Cancel,
    /// `pg_terminate_backend`: end the session, roll back, release locks and slot.
    Terminate,
    /// `KILL_CLIENT` on a pooler, `CLIENT KILL ID` on Redis: end one client's connection.
    #[serde(rename = "kill client")]
    KillClient,
    /// `KILL` on a pooler: end every client and server connection of a database, which stays paused.
    #[serde(rename = "kill database")]
    KillDatabase,
    /// `PAUSE` on a pooler: queries queue until RESUME.
    Pause,
    /// `RESUME` on a pooler.
    Resume,
    /// `RECONNECT` on a pooler: server connections are replaced as they are released.
    Reconnect,
}

impl OperationKind {
    /// The verb in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
            Self::KillClient => "kill client",
            Self::KillDatabase => "kill database",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reconnect => "reconnect",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An operation on something exact of one target. It can be looked at, but only a confirmed one can be carried
/// out (`control::confirm`).
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The verb.
    pub kind: OperationKind,
    /// On which target.
    pub target: TargetName,
    /// On what of it.
    pub aim: Aim,
    /// The evidence that led to it, for the audit.
    pub reason: Option<Text>,
}

impl Operation {
    /// The sessions of a PostgreSQL server that it is aimed at; none where it is aimed at something else.
    pub fn victims(&self) -> &[Victim] {
        match &self.aim {
            Aim::Sessions { victims, .. } => victims,
            _ => &[],
        }
    }

    /// The PostgreSQL server of those sessions.
    pub fn identity(&self) -> Option<&ServerIdentity> {
        match &self.aim {
            Aim::Sessions { identity, .. } => Some(identity),
            _ => None,
        }
    }

    /// What it is aimed at, one by one, in its order.
    pub fn ids(&self) -> Vec<AimId> {
        match &self.aim {
            Aim::Sessions { victims, .. } => {
                victims.iter().map(|victim| AimId::Session(victim.id())).collect()
            }
            Aim::Pools(_, scope) => vec![AimId::Pools(scope.clone())],
            Aim::PooledClient(_, client) => vec![AimId::Client(client.id.clone())],
            Aim::RedisClient(client) => vec![AimId::Client(Text::line(&client.id.to_string()))],
        }
    }
}

/// What an operation is aimed at, as the operator saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Aim {
    /// Sessions of a PostgreSQL server.
    Sessions {
        /// The server, in the life in which the operator saw its sessions.
        identity: ServerIdentity,
        /// The sessions.
        victims: Vec<Victim>,
    },
    /// Pools of a pooler.
    Pools(PoolerWords, PoolScope),
    /// One client of a pooler.
    PooledClient(PoolerWords, Arc<PoolerClient>),
    /// One client of a Redis server.
    RedisClient(Arc<RedisClient>),
}

/// Which pooler it is by its own words, which decide how it is told anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolerWords {
    /// Which one.
    pub kind: TargetKind,
    /// Its version in its own words.
    pub version: Text,
}

/// Which pools of a pooler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolScope {
    /// Those of this database, as clients name it; `None` = all of the pooler.
    pub database: Option<Text>,
    /// Of these the one of this user, where the pooler acts on one pool at a time.
    pub user: Option<Text>,
}

impl fmt::Display for PoolScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.database, &self.user) {
            (None, _) => f.write_str("all databases"),
            (Some(database), None) => write!(f, "database {database}"),
            (Some(database), Some(user)) => write!(f, "pool {database},{user}"),
        }
    }
}

/// One thing that an operation is aimed at, in reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AimId {
    /// A session of a PostgreSQL server.
    Session(BackendId),
    /// Pools of a pooler.
    Pools(PoolScope),
    /// A client of a pooler or of a Redis server, by its identifier.
    Client(Text),
}

impl AimId {
    /// The process id of a session.
    pub fn pid(&self) -> Option<i32> {
        match self {
            Self::Session(id) => Some(id.pid),
            Self::Pools(_) | Self::Client(_) => None,
        }
    }
}

impl fmt::Display for AimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => id.pid.fmt(f),
            Self::Pools(scope) => scope.fmt(f),
            Self::Client(id) => write!(f, "client {id}"),
        }
    }
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

/// What came of one session, client or database that an operation was aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The server accepted the signal; the pooler accepted the command.
    Signalled,
    /// Away before the signal, or the pid (the id of a client) is another's now.
    Gone,
    /// Moved on: it no longer does what the operator saw.
    Changed,
    /// The server refused for lack of rights.
    Denied,
    /// pooltop refused: itself, protected, policy, not a client backend.
    Refused,
    /// Signalled, and seen to go within five seconds.
    Ended,
    /// Signalled, and still there after five seconds; accepted, and not seen to be done.
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

/// The outcome for one thing that an operation was aimed at.
#[derive(Clone, Debug, PartialEq)]
pub struct VictimOutcome {
    /// Which.
    pub id: AimId,
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
    /// One by one, in the order of the operation.
    pub outcomes: Vec<VictimOutcome>,
    /// Whether these are final, or a termination is still being watched.
    pub settled: bool,
}
