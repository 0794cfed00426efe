//! Running profiles over HTTP: metrics, snapshots, a live page. Read-only: nothing here can change a target.
//!
//! Nothing waits for a target either: every answer is made from the newest moment, which the monitor leaves in a watch.
//! Who may ask is decided in `guard`, how much anybody may cost in `connections`.

mod connections;
mod guard;
mod listen;
mod negotiate;
mod routes;
mod tls;

use std::sync::Arc;

use tokio::sync::watch;

use crate::analysis::Moment;
use crate::model::audit::AuditRecord;
use crate::model::clock::Clock;
use crate::model::secret::SecretString;
use crate::model::time::Timestamp;

pub use connections::Server;
pub use guard::Token;
pub use listen::{ServeError, TlsFiles};

/// Operations of a profile that were carried out since a time, from the audit log.
pub type Operations = Arc<dyn Fn(Timestamp) -> Vec<AuditRecord> + Send + Sync>;

/// One running profile as it is served.
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// Its newest moment.
    pub moments: watch::Receiver<Option<Arc<Moment>>>,
    /// Seconds between two samples.
    pub interval_s: f64,
    /// What was done in it. Called on a thread that may block.
    pub operations: Operations,
}

/// Where and to whom to serve.
pub struct Options {
    /// `HOST:PORT`.
    pub listen: String,
    /// What a client has to know. Required on any address but loopback.
    pub token: Option<SecretString>,
    /// With TLS.
    pub tls: Option<TlsFiles>,
    /// Where the time comes from.
    pub clock: Clock,
}
