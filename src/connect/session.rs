//! One PostgreSQL connection, and what may be set on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use tokio::sync::{Mutex, watch};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::notice::Notice;
use super::{APPLICATION_NAME, error};
use crate::model::backend::BackendId;
use crate::model::sample::ServerIdentity;
use crate::model::target::{TargetError, Wire};
use crate::text::Text;

/// What a connection is for; decides its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading samples: short limits, because the next sample is due.
    Sampling,
    /// Cancel and terminate.
    Operations,
    /// Looking at what is reachable, once.
    Probe,
}

impl Purpose {
    /// `statement_timeout` of our sessions.
    pub(super) fn statement_timeout(self) -> Duration {
        match self {
            Self::Sampling | Self::Operations => Duration::from_secs(2),
            Self::Probe => Duration::from_secs(5),
        }
    }
}

/// One session of ours on a PostgreSQL server.
///
/// Cheap to clone; dropping the last clone ends the session. There is no deadline on this side: the server's
/// `statement_timeout` ends a statement, and callers wrap what must end when the network does not answer. A future
/// that is dropped half-way leaves the connection usable: its answer is read and thrown away.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: Client,
    /// One statement at a time, so that two users of a pooled wire never mix their transactions.
    pub(super) turn: Mutex<()>,
    pub(super) about: About,
    pub(super) purpose: Purpose,
    pub(super) ended: watch::Receiver<Option<TargetError>>,
}

/// What is known about a connection since it was opened.
pub(super) struct About {
    pub(super) endpoint: Text,
    pub(super) wire: Wire,
    pub(super) backend: BackendId,
    pub(super) identity: ServerIdentity,
    pub(super) version: Text,
    pub(super) version_num: u32,
    pub(super) encrypted: bool,
    pub(super) notices: Vec<Notice>,
}

impl Connection {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Runs one statement in one round trip and returns its rows.
    ///
    /// On a direct wire the session's own limits apply. On any other the statement runs in a transaction that sets
    /// them for itself; it is read-only, which forbids no signal. Parameters are given with their types, and the
    /// columns must be of built-in types: anything else would need a named prepared statement.
    pub async fn rows(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, TargetError> {
        let _turn = self.0.turn.lock().await;
        let answer = match self.0.about.wire {
            Wire::Direct => self.0.client.query_typed(sql, params).await,
            Wire::Pooled | Wire::Unproven => {
                in_transaction(&self.0.client, self.0.purpose.statement_timeout(), sql, params).await
            }
        };
        answer.map_err(|error| self.explain(&error))
    }

    /// [`Connection::rows`] with a limit of its own, kept by the server, for a statement that may cost it more than the
    /// others.
    pub async fn rows_within(
        &self,
        limit: Duration,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, TargetError> {
        let _turn = self.0.turn.lock().await;
        let answer = in_transaction(&self.0.client, limit, sql, params).await;
        answer.map_err(|error| self.explain(&error))
    }

    /// A statement's failure; where the session has ended meanwhile, the reason for that.
    fn explain(&self, error: &tokio_postgres::Error) -> TargetError {
        if error.is_closed()
            && let Some(reason) = self.0.ended.borrow().clone()
        {
            return reason;
        }
        let what = match self.0.purpose {
            Purpose::Sampling | Purpose::Probe => "cannot read from",
            Purpose::Operations => "operation failed on",
        };
        error::driver(what, &self.0.about.endpoint, error)
    }

    /// How the connection runs.
    pub fn wire(&self) -> Wire {
        self.0.about.wire
    }

    /// Our own backend when the connection was opened. Behind a pooler it changes with every transaction.
    pub fn backend(&self) -> BackendId {
        self.0.about.backend
    }

    /// Which server answered when the connection was opened.
    pub fn identity(&self) -> &ServerIdentity {
        &self.0.about.identity
    }

    /// `server_version_num`: 150018.
    pub fn version_num(&self) -> u32 {
        self.0.about.version_num
    }

    /// `server_version` as the server writes it.
    pub fn version(&self) -> &Text {
        &self.0.about.version
    }

    /// `host:port/database` of the host in use.
    pub fn endpoint(&self) -> &Text {
        &self.0.about.endpoint
    }

    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        self.0.about.encrypted
    }

    /// What is worth knowing about how it was opened.
    pub fn notices(&self) -> &[Notice] {
        &self.0.about.notices
    }

    /// Whether the session has ended, as far as this end knows.
    pub fn is_closed(&self) -> bool {
        self.0.client.is_closed()
    }

    /// Waits until the session ends and says why.
    pub async fn closed(&self) -> TargetError {
        let mut ended = self.0.ended.clone();
        let reason = ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| closed_here(&self.0.about.endpoint))
    }
}

/// The reason where nothing else is known.
pub(super) fn closed_here(endpoint: &str) -> TargetError {
    error::down("lost", endpoint, "the connection was closed", None)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.0.about.endpoint)
            .field("wire", &self.0.about.wire)
            .finish_non_exhaustive()
    }
}

/// The limits of our own statements, each with the given command. With `SQL_ASCII` the server converts no text, so
/// no text can fail.
fn settings(command: &str, statement_timeout: Duration) -> String {
    let statement_timeout = statement_timeout.as_millis();
    format!(
        "{command} statement_timeout = {statement_timeout};\
         {command} lock_timeout = 100;\
         {command} idle_in_transaction_session_timeout = 10000;\
         {command} client_encoding = 'SQL_ASCII';"
    )
}

/// Session-level settings, for a wire that is proven direct.
///
/// Where a network drops packets in silence, the server itself finds out within a minute and frees our slot.
pub(super) fn session_settings(purpose: Purpose, version_num: u32) -> String {
    let mut batch = format!(
        "SET application_name = '{APPLICATION_NAME}';{}",
        settings("SET", purpose.statement_timeout())
    );
    batch.push_str(
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;",
    );
    if version_num >= 140_000 {
        batch.push_str(match purpose {
            Purpose::Sampling | Purpose::Probe => "SET idle_session_timeout = '10min';",
            // Held for the moment when it is needed, which may be hours away.
            Purpose::Operations => "SET idle_session_timeout = '12h';",
        });
    }
    batch
}

/// Sends begin, limits, statement and commit at once; nothing outlives the transaction.
///
/// All messages leave in the first poll, so dropping the future later leaves no transaction open.
pub(super) async fn in_transaction(
    client: &Client,
    limit: Duration,
    sql: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let prologue = format!("BEGIN READ ONLY;{}", settings("SET LOCAL", limit));
    let (begun, rows, committed) = future::join3(
        client.batch_execute(&prologue),
        client.query_typed(sql, params),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    let rows = rows?;
    committed.map(|()| rows)
}
