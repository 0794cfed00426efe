//! Which connection an operation goes over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::server::Server;
use super::watch::look;
use crate::connect::{self, Connection, Conninfo, Purpose};
use crate::control::confirm::Why;
use crate::model::own::{Membership, OwnSessions};
use crate::model::secret::SecretString;
use crate::model::target::{TargetError, Wire};
use crate::model::time::Timestamp;
use crate::text::Text;

/// How long one small statement of ours may take, network included.
pub(super) const STATEMENT: Duration = Duration::from_secs(4);
const SLACK: Duration = Duration::from_secs(1);

/// Gives the sampling connection, if there is one now.
pub type Sampling = Arc<dyn Fn() -> Option<Connection> + Send + Sync>;

/// The operations connection, and the sampling connection where that one cannot be had.
pub(super) struct Line {
    conninfo: Conninfo,
    sampling: Sampling,
    sessions: OwnSessions,
    /// The operations connection with its entry among our own sessions.
    own: Option<(Connection, Option<Membership>)>,
    /// The password was refused: asking again with the same one would lock the account.
    locked_out: bool,
}

/// A connection that has just answered.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) connection: Connection,
    /// The server's clock when it did, and ours.
    at: Timestamp,
    heard: Instant,
}

impl Ready {
    /// The moment, by the server's clock, after which a statement sent now must have no effect.
    ///
    /// Later than we wait for its answer, sooner than anybody would act on having been told that none came.
    pub(super) fn not_after(&self) -> Timestamp {
        self.at.plus(self.heard.elapsed() + STATEMENT + SLACK)
    }
}

/// Why there is no connection to send anything over.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unready {
    /// One could be had, but it ends at another server than the one that was meant.
    OtherServer,
    /// None could be had.
    NoConnection(TargetError),
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherServer => Why::OtherServer.fmt(f),
            Self::NoConnection(error) => error.fmt(f),
        }
    }
}

impl Line {
    pub(super) fn new(conninfo: Conninfo, sampling: Sampling, sessions: OwnSessions) -> Self {
        Self { conninfo, sampling, sessions, own: None, locked_out: false }
    }

    /// Connects with these settings from now on.
    pub(super) fn renew(&mut self, conninfo: Conninfo) {
        self.conninfo = conninfo;
        self.locked_out = false;
    }

    /// [`Line::renew`] with the same settings and another password.
    pub(super) fn use_password(&mut self, password: SecretString) {
        let conninfo = self.conninfo.clone().with_password(password);
        self.renew(conninfo);
    }

    /// The operations connection, if it is open as far as this end knows.
    fn held(&self) -> Option<Connection> {
        let (own, _) = self.own.as_ref()?;
        (!own.is_closed()).then(|| own.clone())
    }

    /// Opens the operations connection, unless it is open.
    pub(super) async fn open(&mut self) -> Result<Connection, TargetError> {
        if let Some(own) = self.held() {
            return Ok(own);
        }
        self.own = None;
        let own = connect::open(&self.conninfo, Purpose::Operations)
            .await
            .inspect_err(|error| self.locked_out |= error.authentication)?;
        // Behind a pooler the backend is the application's between two of our statements.
        let ours = own.wire() != Wire::Pooled;
        let membership = ours.then(|| self.sessions.enter(own.backend()));
        self.own = Some((own.clone(), membership));
        Ok(own)
    }

    /// A connection that has just answered and ends at the server that is meant.
    ///
    /// The one that is held may be dead without knowing, or end at a server that is no longer the one: then a new
    /// one is opened. Where the server refuses that, being full, the sampling connection serves between two samples.
    pub(super) async fn ready(&mut self, server: &Server) -> Result<Ready, Unready> {
        if let Some(own) = self.held() {
            if let Ok(ready) = check(own, server).await {
                return Ok(ready);
            }
            self.own = None;
        }
        let opened = if self.locked_out { Err(no_password()) } else { self.open().await };
        let chosen = opened.or_else(|refused| {
            let sampling = (self.sampling)().filter(|sampling| !sampling.is_closed());
            sampling.ok_or(Unready::NoConnection(refused))
        })?;
        check(chosen, server).await
    }
}

/// Asks the server who it is.
async fn check(connection: Connection, server: &Server) -> Result<Ready, Unready> {
    match within(STATEMENT, look(&connection, server, &[])).await {
        Ok(look) if look.same_server => Ok(Ready { connection, at: look.at, heard: Instant::now() }),
        Ok(_) => Err(Unready::OtherServer),
        Err(error) => Err(Unready::NoConnection(error)),
    }
}

/// Ends a step that the network does not answer.
pub(super) async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, TargetError>>,
) -> Result<T, TargetError> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(failure(&format!("no answer within {} s", limit.as_secs()))))
}

fn no_password() -> TargetError {
    failure("the password was refused before, and there is no sampling connection to go over")
}

/// A failure in our own words.
pub(super) fn failure(message: &str) -> TargetError {
    TargetError {
        code: None,
        message: Text::line(message),
        hint: None,
        refused: false,
        authentication: false,
    }
}
