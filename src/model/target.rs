//! One thing that pooltop connects to, and how that stands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::part::Missing;
use super::time::Timestamp;
use crate::text::Text;

/// The name of a target within its profile: `db1`, `bouncer-1`. Unique there.
pub type TargetName = Arc<str>;

/// What kind of thing a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A PostgreSQL server.
    Postgres,
    /// A PgBouncer console.
    Pgbouncer,
    /// An Odyssey console.
    Odyssey,
    /// A `PgCat` console.
    Pgcat,
    /// A `PgDog` console.
    Pgdog,
    /// A pgpool-II server.
    Pgpool,
    /// A Redis server.
    Redis,
    /// An application's metrics endpoint.
    App,
}

impl TargetKind {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Pgbouncer => "pgbouncer",
            Self::Odyssey => "odyssey",
            Self::Pgcat => "pgcat",
            Self::Pgdog => "pgdog",
            Self::Pgpool => "pgpool",
            Self::Redis => "redis",
            Self::App => "app",
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How current a target's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetState {
    /// Sampled within the last three intervals.
    Live,
    /// Connected, but the last sample is older than three intervals.
    Stale,
    /// The server answered no: full, wrong password, no such database.
    Refused,
    /// No answer, or not tried yet.
    Down,
}

/// A failure in words for a person: what failed, on what, the server's own words, and what to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    /// SQLSTATE, the first word of Redis's error, or an application's HTTP status, where one was given.
    pub code: Option<Text>,
    /// One line, two at most. Names the endpoint, never a secret.
    pub message: Text,
    /// What to try next, where something is known to help.
    pub hint: Option<Text>,
    /// Whether the server itself answered (refused) or nobody did (down).
    pub refused: bool,
    /// 28P01, 28000 or WRONGPASS: trying again with the same secret would lock the account.
    pub authentication: bool,
}

const NO_ANSWER: &str = "no answer within";

impl TargetError {
    /// How a message says that nobody answered in time.
    pub fn no_answer(limit: Duration) -> String {
        format!("{NO_ANSWER} {} s", (limit.as_secs_f64() * 10.0).round() / 10.0)
    }

    /// Whether what it was asked of has not answered in time: it is busy, or cut off, but not known to be gone.
    pub fn is_silence(&self) -> bool {
        !self.refused && self.message.contains(NO_ANSWER)
    }

    /// Whether the server says that it has no slot for us: PostgreSQL's 53300, or Redis at `maxclients`.
    pub fn says_full(&self) -> bool {
        match self.code.as_deref() {
            Some("53300") => true,
            Some("ERR") => self.message.contains("max number of clients"),
            _ => false,
        }
    }
}

/// How the connection to the server runs, which decides what may be set on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Proven to end at the server itself: session-level settings stay ours.
    Direct,
    /// Through a transaction pooler: settings only inside a transaction; our statement queues with the application's.
    Pooled,
    /// Neither could be proven (Unix socket, address translation): treated like `Pooled`, without the warning.
    Unproven,
}

/// Whether the server takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes writes.
    Primary,
    /// In recovery.
    Replica,
    /// A pooled port of a server.
    Pooled,
}

/// How much of other roles' sessions our role may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Superuser.
    Superuser,
    /// `pg_monitor` or `pg_read_all_stats`: everything is visible.
    Monitor,
    /// Only sessions of the own role are visible in full.
    Limited,
}

/// What pooltop itself costs a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// Connections that pooltop holds there now.
    pub connections: u32,
    /// Statements in the last sample.
    pub statements_per_sample: f64,
    /// Milliseconds that the server took for the last sample, measured at this end (network included).
    pub server_ms_per_sample: f64,
}

/// How one target stands: the header's and `targets[]`'s row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Its name in the profile.
    pub name: TargetName,
    /// What it is.
    pub kind: TargetKind,
    /// `host:port/database`, without any secret.
    pub endpoint: Text,
    /// How current its data is.
    pub state: TargetState,
    /// Age of the last sample by the monotonic clock.
    pub age: Option<Duration>,
    /// Why it is not live.
    pub error: Option<TargetError>,
    /// When the next attempt to connect is due, for the countdown.
    pub retry_in: Option<Duration>,
    /// Stopped after repeated authentication failures; a new secret is needed.
    pub needs_secret: bool,
    /// Server version as the server writes it.
    pub version: Option<Text>,
    /// Primary or replica.
    pub role: Option<Role>,
    /// What our role may see.
    pub privilege: Option<Privilege>,
    /// How the connection runs.
    pub wire: Option<Wire>,
    /// Of a target that is only probed: how long a small statement took there and back. `None`: it is sampled.
    pub round_trip: Option<Duration>,
    /// Of a standby: how old the newest transaction is that it has replayed, s; 0 when nothing waits to be replayed.
    pub replay_lag_s: Option<f64>,
    /// What we cost it.
    pub overhead: Overhead,
    /// Samples that were read but dropped because the consumer was behind.
    pub dropped: u64,
    /// What is not known and why.
    pub missing: Vec<Missing>,
    /// When the status was made, by this machine's clock.
    pub at: Timestamp,
}
