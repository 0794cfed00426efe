//! Reading one kind of target.
//!
//! A source reads; it decides nothing about when, how often, or what to do after a failure: `collect` does.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use crate::connect::Connection;
use crate::model::part::Missing;
use crate::model::sample::Sample;
use crate::model::secret::SecretString;
use crate::model::target::{Privilege, Role, TargetError, TargetKind, Wire};
use crate::text::Text;

pub mod app;
mod http;
pub mod pgbouncer;
pub mod pooled;
pub mod postgres;
pub mod probe;
pub mod prometheus;
pub mod redis;

/// `host:port/database`, without any secret.
pub type Endpoint = Text;

/// A future that a trait object can return.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One open connection to a target, and how to read it. Dropping it ends the connection.
pub trait Source: Send {
    /// Reads the target once. May be dropped at any await when the deadline passes; the next call must then
    /// either work or fail, never return the answer of the one before.
    ///
    /// An error does not say that the connection is lost: see [`Source::survives`].
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>>;

    /// What is known about the target by now. Cheap; asked after every sample.
    fn describe(&self) -> Description;

    /// The connection, where operations may fall back to it between two samples.
    fn connection(&self) -> Option<Connection> {
        None
    }

    /// The last sample failed with `error`. Returns whether reading goes on over the same connection: a statement that
    /// was ended by the server's time limit costs no slot, a new connection needs one, which a full server may not have.
    fn survives(&self, error: &TargetError) -> bool {
        let _ = error;
        false
    }

    /// The last sample was cut off by its deadline. Returns whether reading goes on over the same connection.
    fn timed_out(&mut self) -> bool {
        false
    }
}

/// How a target is reached: opens sources, again after each loss.
pub trait Opener: Send + Sync {
    /// What kind of target it is expected to be.
    fn kind(&self) -> TargetKind;

    /// `host:port/database`, without any secret.
    fn endpoint(&self) -> Endpoint;

    /// What the wait before a new attempt is at least, for targets that must not be asked more often.
    fn shortest_wait(&self) -> Duration {
        Duration::ZERO
    }

    /// Connects. Names are resolved, and password files and commands read, again each time. `secret` is a
    /// password that a person typed, and wins over all others.
    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>>;
}

/// What a source knows about its target besides the samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// What it turned out to be; `None` = as expected.
    pub kind: Option<TargetKind>,
    /// Version in the target's own words.
    pub version: Option<Text>,
    /// Primary, replica, pooled.
    pub role: Option<Role>,
    /// What our role may see.
    pub privilege: Option<Privilege>,
    /// How the connection runs.
    pub wire: Option<Wire>,
    /// Of a target that is only probed: how long a small statement took there and back.
    pub round_trip: Option<Duration>,
    /// Of a standby: how old the newest transaction is that it has replayed, s.
    pub replay_lag_s: Option<f64>,
    /// Connections held for reading.
    pub connections: u32,
    /// What is not known and why.
    pub missing: Vec<Missing>,
}

/// An answer that is not what was asked for.
fn unreadable(why: &str) -> TargetError {
    TargetError {
        code: None,
        message: Text::line(&format!("cannot read the answer: {why}")),
        hint: None,
        refused: false,
        authentication: false,
    }
}
