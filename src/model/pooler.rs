//! What a pooler's console returned: pools, clients, server connections, totals, bounds.
//!
//! A number that this pooler or this version does not give is `None`, never zero.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backend::Client;
use super::part::{Missing, Part};
use super::target::TargetKind;
use crate::text::Text;

/// One reading of a pooler's console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolerSample {
    /// Which pooler it turned out to be.
    pub kind: TargetKind,
    /// The pooler's version in its own words.
    pub version: Text,
    /// One row per pool.
    pub pools: Part<Vec<PoolerPool>>,
    /// Clients and server connections, from one snapshot of the pooler.
    #[serde(default = "not_recorded")]
    pub sockets: Part<Arc<PoolerSockets>>,
    /// Totals per pool or database since the pooler started.
    #[serde(default = "not_recorded")]
    pub totals: Part<Vec<PoolerTotals>>,
    /// Slow facts, shared by the samples until they are read again.
    #[serde(default = "not_recorded")]
    pub facts: Part<Arc<PoolerFacts>>,
    /// What this sample could not see.
    pub missing: Vec<Missing>,
}

/// What a recording of an older pooltop does not hold.
fn not_recorded<T>() -> Part<T> {
    Part::Missing(Missing::new("clients, totals and bounds of the pooler", "not in the recording"))
}

impl PoolerSample {
    /// A sample of a pooler that has told its name and nothing else, because of `missing`.
    pub fn unread(kind: TargetKind, version: Text, missing: &Missing) -> Self {
        Self {
            kind,
            version,
            pools: Part::Missing(missing.clone()),
            sockets: Part::Missing(missing.clone()),
            totals: Part::Missing(missing.clone()),
            facts: Part::Missing(missing.clone()),
            missing: Vec::new(),
        }
    }
}

/// One pool: per database and user. In `PgBouncer` a row of `SHOW POOLS`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerPool {
    /// Database as the pooler names it.
    pub database: Text,
    /// User.
    pub user: Text,
    /// `cl_active`: clients linked to a server connection **or idle**.
    pub cl_active: Option<u32>,
    /// `cl_waiting`: clients queued for a server connection, or for the pooler's first login at the server.
    pub cl_waiting: Option<u32>,
    /// `sv_active`: server connections in use.
    pub sv_active: Option<u32>,
    /// `sv_idle`: ready for use.
    pub sv_idle: Option<u32>,
    /// `sv_used`: idle, to be checked before reuse.
    pub sv_used: Option<u32>,
    /// `sv_tested`: running the check or reset query.
    pub sv_tested: Option<u32>,
    /// `sv_login`: logging in.
    pub sv_login: Option<u32>,
    /// Server connections held up by cancel requests: `sv_active_cancel` + `sv_being_canceled` (1.18 and later).
    pub sv_cancel: Option<u32>,
    /// How long the oldest queued client has waited, µs: `maxwait` + `maxwait_us`.
    pub max_wait_us: Option<u64>,
    /// `session`, `transaction` or `statement`.
    pub pool_mode: Option<Text>,
    /// Paused, where the pooler says so per pool.
    pub paused: Option<bool>,
}

/// The clients and server connections of a pooler, as one snapshot shows them: links between them hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerSockets {
    /// Connections from applications. The console's own and other consoles' are not among them.
    pub clients: Vec<PoolerClient>,
    /// Connections to servers.
    pub servers: Vec<PoolerServer>,
    /// Consoles connected to this pooler, ours included.
    pub consoles: u32,
    /// Whether links between clients and server connections are given at all.
    pub linked: bool,
}

/// One application's connection to a pooler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolerClient {
    /// The pooler's own identifier: `id` where there is one (`PgBouncer` 1.24 and later), else `ptr`, which is reused.
    pub id: Text,
    /// The identifier is one that `KILL_CLIENT` takes.
    pub killable: bool,
    /// Database as the pooler names it.
    pub database: Text,
    /// User.
    pub user: Text,
    /// `application_name`, where the pooler shows it (`PgBouncer` 1.18 and later).
    pub application_name: Option<Text>,
    /// The client's end.
    pub client: Client,
    /// Process of a client on a Unix socket, on the pooler's machine.
    pub client_pid: Option<i32>,
    /// In the neutral words.
    pub state: ClientState,
    /// The pooler's own word.
    pub word: Text,
    /// Queued for so long, µs. `None` unless it is queued and the pooler says for how long.
    pub wait_us: Option<u64>,
    /// Connected for so long, s.
    pub age_s: Option<f64>,
    /// Index into [`PoolerSockets::servers`] of the connection that serves it now.
    pub server: Option<u32>,
}

/// What a pooler's client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientState {
    /// Linked to a server connection.
    Active,
    /// Queued for one.
    Waiting,
    /// Connected, nothing asked for.
    Idle,
    /// Anything else, or not told.
    Other,
}

impl ClientState {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Idle => "idle",
            Self::Other => "other",
        }
    }
}

/// One connection from a pooler to a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolerServer {
    /// The pooler's own identifier.
    pub id: Text,
    /// Database as the pooler names it.
    pub database: Text,
    /// User.
    pub user: Text,
    /// `application_name` of the last client.
    pub application_name: Option<Text>,
    /// The pooler's own word: `active`, `idle`, `used`, `tested`, `new`, `login`, …
    pub state: Text,
    /// The server's end: its address and port; `Local` on a Unix socket.
    pub server: Client,
    /// The pooler's own end, which the server shows as `client_addr:client_port`.
    pub local: Client,
    /// Process id of the backend, as the server told the pooler. Means nothing when the "server" is a pooler itself.
    pub pid: Option<i32>,
    /// Index into [`PoolerSockets::clients`] of the client that it serves now.
    pub client: Option<u32>,
    /// It will be closed when it is released (RECONNECT, reload, DNS change).
    pub close_needed: bool,
    /// Connected for so long, s.
    pub age_s: Option<f64>,
    /// Since its last request, s.
    pub request_age_s: Option<f64>,
}

/// Totals since the pooler started, all in one unit whatever the pooler counts in. A total that shrinks is a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerTotals {
    /// Database as the pooler names it.
    pub database: Text,
    /// User, where the pooler counts per user.
    pub user: Option<Text>,
    /// Transactions.
    pub transactions: Option<u64>,
    /// Queries.
    pub queries: Option<u64>,
    /// Times that a client got a server connection (`PgBouncer` 1.23 and later).
    pub assignments: Option<u64>,
    /// Time in transactions, µs.
    pub transaction_us: Option<u64>,
    /// Time in queries, µs.
    pub query_us: Option<u64>,
    /// Time that clients waited for a server connection which they then got, µs.
    pub wait_us: Option<u64>,
    /// Errors, where the pooler counts them.
    pub errors: Option<u64>,
}

/// What changes seldom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerFacts {
    /// Databases with their bounds.
    pub databases: Vec<PoolerDatabase>,
    /// Users with their bounds.
    pub users: Vec<PoolerUser>,
    /// Settings that pooltop judges by.
    pub config: PoolerConfig,
    /// Clients connected, all databases, consoles included: what counts against `max_client_conn`.
    pub used_clients: Option<u32>,
    /// Whether the whole pooler runs; `None` = this version does not say (`PgBouncer` before 1.19).
    pub state: Option<PoolerState>,
    /// What our user may do.
    pub right: ConsoleRight,
    /// Other processes may share its port: `so_reuseport`, peers.
    pub one_of_several: Option<Text>,
}

/// Whether a whole pooler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolerState {
    /// It does.
    Active,
    /// Everything waits until RESUME. A global PAUSE shows in no database's row.
    Paused,
    /// Suspended for a hand-over.
    Suspended,
}

/// What our user may do on a console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleRight {
    /// Everything.
    Admin,
    /// Look only.
    Stats,
    /// Not found out. Found out only by what changes nothing.
    #[default]
    Unknown,
}

/// One database of a pooler. 0 in the pooler's words is "no bound", hence `None` here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerDatabase {
    /// As clients name it.
    pub name: Text,
    /// Server it leads to; empty for a Unix socket.
    pub host: Option<Text>,
    /// Its port.
    pub port: Option<u16>,
    /// Database on that server.
    pub server_database: Option<Text>,
    /// User that every client becomes.
    pub force_user: Option<Text>,
    /// Server connections per user.
    pub pool_size: Option<u32>,
    /// More of them when clients wait for long.
    pub reserve: Option<u32>,
    /// Kept open at least.
    pub min_pool_size: Option<u32>,
    /// `session`, `transaction` or `statement`.
    pub pool_mode: Option<Text>,
    /// `max_db_connections`: server connections of all its pools.
    pub max_connections: Option<u32>,
    /// Server connections now.
    pub current_connections: Option<u32>,
    /// Clients at most (`PgBouncer` 1.24 and later).
    pub max_clients: Option<u32>,
    /// Clients now.
    pub current_clients: Option<u32>,
    /// PAUSE of this database, or KILL.
    pub paused: bool,
    /// DISABLE of this database, or a ban.
    pub disabled: bool,
}

/// One user of a pooler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerUser {
    /// Name.
    pub name: Text,
    /// Its own pool size, instead of the database's.
    pub pool_size: Option<u32>,
    /// Its own pool mode.
    pub pool_mode: Option<Text>,
    /// `max_user_connections`: server connections of all its pools.
    pub max_connections: Option<u32>,
    /// Server connections now.
    pub current_connections: Option<u32>,
    /// Clients at most.
    pub max_clients: Option<u32>,
    /// Clients now.
    pub current_clients: Option<u32>,
}

/// Settings of a pooler that pooltop judges by. Zero in the pooler's words is "off", hence `None` for time-outs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerConfig {
    /// Clients at most.
    pub max_client_conn: Option<u32>,
    /// Pool size where neither database nor user has its own.
    pub default_pool_size: Option<u32>,
    /// Reserve where neither has its own.
    pub reserve_pool_size: Option<u32>,
    /// Pool mode where neither has its own.
    pub pool_mode: Option<Text>,
    /// Server connections per database; `None` = no bound.
    pub max_db_connections: Option<u32>,
    /// Server connections per user; `None` = no bound.
    pub max_user_connections: Option<u32>,
    /// After which a queued client is sent away, s.
    pub query_wait_timeout_s: Option<f64>,
    /// After which an idle server connection is closed, s.
    pub server_idle_timeout_s: Option<f64>,
    /// After which a server connection is replaced, s.
    pub server_lifetime_s: Option<f64>,
    /// After a failed login at the server nothing is tried for so long, s.
    pub server_login_retry_s: Option<f64>,
    /// Protocol-level prepared statements that are kept per server connection in transaction mode; 0 = not supported.
    pub max_prepared_statements: Option<u32>,
    /// Several processes share one port.
    pub so_reuseport: Option<bool>,
}
