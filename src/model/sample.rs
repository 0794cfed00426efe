//! Everything that one reading of one target returned, with its time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::app::AppSample;
use super::backend::Backend;
use super::facts::ServerFacts;
use super::locks::LockPicture;
use super::part::{Missing, Part};
use super::pooler::PoolerSample;
use super::redis::RedisSample;
use super::target::{Overhead, TargetName, Wire};
use super::time::Timestamp;
use crate::text::Text;
use crate::text::redact::Redaction;

/// One reading of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Whose.
    pub target: TargetName,
    /// The target's own clock where it has one (`clock_timestamp()`), else this machine's.
    pub at: Timestamp,
    /// This machine's clock when the answer was complete.
    pub received_at: Timestamp,
    /// What it cost.
    pub overhead: Overhead,
    /// What was read.
    pub body: Body,
}

/// What was read, by kind of target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// A PostgreSQL server.
    Postgres(PostgresSample),
    /// A pooler's console.
    Pooler(PoolerSample),
    /// A Redis server.
    Redis(RedisSample),
    /// An application's metrics endpoint.
    App(AppSample),
    /// A pooled port of a server that is sampled directly.
    Probe(ProbeSample),
}

impl Sample {
    /// The same, with the statements as they may leave. What has nothing to take out stays shared.
    ///
    /// Names are no statements: of users, databases, applications, pools, prepared transactions.
    #[must_use]
    pub fn redacted(self: &Arc<Self>, redaction: Redaction) -> Arc<Self> {
        let Some(body) = self.postgres().filter(|_| redaction != Redaction::None) else {
            return Arc::clone(self);
        };
        let backends = body.backends.iter().map(|backend| backend.redacted(redaction)).collect();
        let facts = match &body.facts {
            Part::Known(facts) => Part::Known(facts.redacted(redaction)),
            Part::Missing(missing) => Part::Missing(missing.clone()),
        };
        Arc::new(Self {
            target: TargetName::clone(&self.target),
            at: self.at,
            received_at: self.received_at,
            overhead: self.overhead,
            body: Body::Postgres(PostgresSample { backends, facts, ..body.clone() }),
        })
    }

    /// The PostgreSQL part, if it is one.
    pub fn postgres(&self) -> Option<&PostgresSample> {
        match &self.body {
            Body::Postgres(sample) => Some(sample),
            _ => None,
        }
    }

    /// The pooler part, if it is one.
    pub fn pooler(&self) -> Option<&PoolerSample> {
        match &self.body {
            Body::Pooler(sample) => Some(sample),
            _ => None,
        }
    }

    /// The Redis part, if it is one.
    pub fn redis(&self) -> Option<&RedisSample> {
        match &self.body {
            Body::Redis(sample) => Some(sample),
            _ => None,
        }
    }

    /// The application's part, if it is one.
    pub fn app(&self) -> Option<&AppSample> {
        match &self.body {
            Body::App(sample) => Some(sample),
            _ => None,
        }
    }
}

/// One reading of a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostgresSample {
    /// Which server answered. A change is an event and ends every mark and dialog.
    pub identity: ServerIdentity,
    /// How the connection ran.
    pub wire: Wire,
    /// Client backends other than pooltop's own of this process, sorted by pid.
    pub backends: Vec<Arc<Backend>>,
    /// Sessions of this very process (they hold slots, but are not shown).
    pub own_sessions: u32,
    /// Processes that do not count against `max_connections`: `(backend_type, how many)`.
    pub other_processes: Vec<(Text, u32)>,
    /// Read as counts only, after repeated time-outs: see [`PostgresSample::counts`].
    pub counts_only: bool,
    /// With `counts_only`: how many client backends per state; `backends` is empty then.
    pub counts: Option<StateCounts>,
    /// Who waits for whom.
    pub locks: Part<Arc<LockPicture>>,
    /// Slow facts, shared by the samples until they are read again.
    pub facts: Part<Arc<ServerFacts>>,
    /// What this sample could not see.
    pub missing: Vec<Missing>,
}

/// Which server, and in which life of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerIdentity {
    /// `pg_postmaster_start_time()`: changes with every restart.
    pub postmaster_start: Timestamp,
    /// `inet_server_addr():inet_server_port()`; `None` on a Unix socket.
    pub address: Option<Text>,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
}

/// Client backends by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    /// `active` (and `fastpath function call`).
    pub active: u32,
    /// `idle`.
    pub idle: u32,
    /// `idle in transaction`.
    pub idle_in_transaction: u32,
    /// `idle in transaction (aborted)`.
    pub aborted: u32,
    /// `disabled`, `starting`, hidden from the role.
    pub unknown: u32,
    /// Of all these: waiting on a lock.
    pub blocked: u32,
}

impl StateCounts {
    /// All of them; `blocked` is a part of the others.
    pub fn total(&self) -> u32 {
        self.active + self.idle + self.idle_in_transaction + self.aborted + self.unknown
    }

    /// Adds one backend.
    pub fn add(&mut self, backend: &Backend) {
        use super::backend::State;
        match backend.state {
            State::Active | State::Fastpath => self.active += 1,
            State::Idle => self.idle += 1,
            State::IdleInTransaction => self.idle_in_transaction += 1,
            State::Aborted => self.aborted += 1,
            State::Disabled | State::Starting | State::Unknown => self.unknown += 1,
        }
        if backend.waits_on_lock() {
            self.blocked += 1;
        }
    }
}

impl<'a> FromIterator<&'a Arc<Backend>> for StateCounts {
    fn from_iter<I: IntoIterator<Item = &'a Arc<Backend>>>(backends: I) -> Self {
        let mut counts = Self::default();
        for backend in backends {
            counts.add(backend);
        }
        counts
    }
}

/// One small statement through a pooled port: that it answers, and how fast. Nothing about the server behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    /// Version of the server behind it, in its own words.
    pub version: Text,
    /// How the connection ran.
    pub wire: Wire,
    /// From sending the statement to its answer: the network, the wait for a server connection, the statement. µs.
    pub round_trip_us: u64,
}
