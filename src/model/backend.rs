//! One row of `pg_stat_activity`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::text::Text;
use crate::text::redact::Redaction;

/// Which session, safe against a reused pid: a pid means nothing without the moment its backend began.
///
/// `start` is `None` where the role may not see it; such a backend can be counted but never signalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BackendId {
    /// Process id on the server.
    pub pid: i32,
    /// `backend_start`, to the microsecond.
    pub start: Option<Timestamp>,
}

/// Who a backend belongs to: what stays the same while the session lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// Process id and start.
    pub id: BackendId,
    /// `backend_type`; `None` where the role may not see it.
    pub kind: BackendKind,
    /// `application_name`, possibly empty. It can change within a session; then a new `Session` is made.
    pub application_name: Text,
    /// `usename`, empty where the server shows none (PostgreSQL 18's `starting`).
    pub user: Text,
    /// `datname`, empty likewise.
    pub database: Text,
    /// `client_addr` as text.
    pub client: Client,
    /// The process that this parallel worker helps (PostgreSQL 13 and later).
    pub leader_pid: Option<i32>,
}

/// The other end of a backend's connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// The role may not see it, or the server showed none.
    #[default]
    Unknown,
    /// A Unix socket on the server's own machine.
    Local,
    /// A network address and port.
    Tcp {
        /// `client_addr`.
        addr: Text,
        /// `client_port`.
        port: u16,
    },
}

impl Client {
    /// The address, without the port; `None` on a Unix socket or when unknown.
    pub fn addr(&self) -> Option<&Text> {
        match self {
            Self::Tcp { addr, .. } => Some(addr),
            Self::Local | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.pad("?"),
            Self::Local => f.pad("local"),
            Self::Tcp { addr, port } if addr.contains(':') => f.pad(&format!("[{addr}]:{port}")),
            Self::Tcp { addr, port } => f.pad(&format!("{addr}:{port}")),
        }
    }
}

/// `backend_type`, as far as pooltop treats it differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// A client backend: holds one of `max_connections`.
    Client,
    /// Not visible to the role. Counted as a client backend, because hidden rows of other roles are.
    #[default]
    Hidden,
    /// A parallel worker, which has its own limit.
    ParallelWorker,
    /// A WAL sender, which has its own limit.
    WalSender,
    /// Anything else, by PostgreSQL's own word: `autovacuum worker`, `checkpointer`, …
    Other(Text),
}

impl BackendKind {
    /// From PostgreSQL's word, `None` when the role may not see it.
    pub fn parse(word: Option<&str>) -> Self {
        match word {
            None => Self::Hidden,
            Some("client backend") => Self::Client,
            Some("parallel worker") => Self::ParallelWorker,
            Some("walsender") => Self::WalSender,
            Some(other) => Self::Other(other.into()),
        }
    }
}

/// `state`, in PostgreSQL's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Running a statement.
    #[serde(rename = "active")]
    Active,
    /// Waiting for the next statement, outside a transaction.
    #[serde(rename = "idle")]
    Idle,
    /// Waiting for the next statement inside a transaction.
    #[serde(rename = "idle in transaction")]
    IdleInTransaction,
    /// The same after an error. `xact_start`, xid and locks are gone; the slot is held.
    #[serde(rename = "idle in transaction (aborted)")]
    Aborted,
    /// Executing a fast-path function.
    #[serde(rename = "fastpath function call")]
    Fastpath,
    /// `track_activities` is off in that session.
    #[serde(rename = "disabled")]
    Disabled,
    /// Authenticating (PostgreSQL 18 and later).
    #[serde(rename = "starting")]
    Starting,
    /// Not visible to the role.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

impl State {
    /// Every state, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Idle,
        Self::IdleInTransaction,
        Self::Aborted,
        Self::Fastpath,
        Self::Disabled,
        Self::Starting,
        Self::Unknown,
    ];

    /// From PostgreSQL's word; an unknown word is [`State::Unknown`].
    pub fn parse(word: Option<&str>) -> Self {
        word.and_then(|word| Self::ALL.into_iter().find(|state| state.as_str() == word))
            .unwrap_or(Self::Unknown)
    }

    /// PostgreSQL's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::IdleInTransaction => "idle in transaction",
            Self::Aborted => "idle in transaction (aborted)",
            Self::Fastpath => "fastpath function call",
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Unknown => "unknown",
        }
    }

    /// A short form for table columns.
    pub fn short(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::IdleInTransaction => "in tx",
            Self::Aborted => "aborted",
            Self::Fastpath => "fastpath",
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Unknown => "?",
        }
    }

    /// Idle inside a transaction, aborted or not: holds its slot and does nothing.
    pub fn is_idle_in_transaction(self) -> bool {
        matches!(self, Self::IdleInTransaction | Self::Aborted)
    }
}

/// What a backend waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wait {
    /// `wait_event_type`: `Lock`, `Client`, `IO`, …
    pub class: Text,
    /// `wait_event`: `transactionid`, `ClientRead`, …
    pub event: Text,
}

impl Wait {
    /// Waiting on a heavyweight lock, so somebody blocks it.
    pub fn is_lock(&self) -> bool {
        &*self.class == "Lock"
    }
}

/// One row of `pg_stat_activity`: a session and what it does now.
///
/// It holds moments, not ages, so that a row in which nothing happened equals the row before and the history
/// can share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Backend {
    /// Who.
    pub session: Arc<Session>,
    /// `state`.
    pub state: State,
    /// `state_change`: the clock for "idle for how long".
    pub state_change: Option<Timestamp>,
    /// `xact_start`; `None` outside a transaction **and in an aborted one**.
    pub xact_start: Option<Timestamp>,
    /// `query_start` of the running or the last statement.
    pub query_start: Option<Timestamp>,
    /// What it waits for.
    pub wait: Option<Arc<Wait>>,
    /// `backend_xid` is set: it has a transaction id, so it may have written.
    pub has_xid: bool,
    /// `backend_xmin` is set: it holds back vacuum.
    pub has_xmin: bool,
    /// The running or last statement, cut by the server; `None` where the role may not see it.
    pub query: Option<Text>,
    /// `query_id`, where the server computes it (PostgreSQL 14 and later).
    pub query_id: Option<std::num::NonZeroI64>,
}

impl Backend {
    /// Which session.
    pub fn id(&self) -> BackendId {
        self.session.id
    }

    /// Process id on the server.
    pub fn pid(&self) -> i32 {
        self.session.id.pid
    }

    /// The same, with its statement as it may leave; the very same where nothing is taken out.
    pub fn redacted(self: &Arc<Self>, redaction: Redaction) -> Arc<Self> {
        let Some(query) = &self.query else { return Arc::clone(self) };
        let redacted = redaction.statement(query);
        if redacted.as_ref() == Some(query) {
            return Arc::clone(self);
        }
        Arc::new(Self { query: redacted, ..Self::clone(self) })
    }

    /// Whether it waits on a heavyweight lock.
    pub fn waits_on_lock(&self) -> bool {
        self.wait.as_ref().is_some_and(|wait| wait.is_lock())
    }

    /// Whether the role may see what it does.
    pub fn is_visible(&self) -> bool {
        self.session.kind != BackendKind::Hidden
    }
}
