//! A pooled port of a server that is also reached directly: asked whether it answers and how fast, not sampled again.
//!
//! Its sessions are those that the direct target shows already. Behind the pooler our statement queues with the
//! application's, so it is one, as small as they come, and seldom.

use std::sync::Arc;
use std::time::Duration;

use super::{Description, Opener, Reading, Source};
use crate::connect::{Connection, Conninfo, Purpose};
use crate::model::clock::Clock;
use crate::model::sample::{Body, ProbeSample, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, Role, TargetError, TargetKind, TargetName};
use crate::text::Text;

/// Probed no more often than this, however short the interval between samples is.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);

/// How one pooled port is reached.
#[derive(Clone, Debug)]
pub struct PooledOpener {
    name: TargetName,
    conninfo: Conninfo,
    clock: Clock,
}

impl PooledOpener {
    /// A pooled port under its name in the profile.
    pub fn new(name: TargetName, conninfo: Conninfo) -> Self {
        Self { name, conninfo, clock: Clock::real() }
    }

    async fn connect(&self, secret: Option<SecretString>) -> Result<PooledSource, TargetError> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            target.conninfo = target.conninfo.with_password(secret);
        }
        let connection = crate::connect::open(&target.conninfo, Purpose::Sampling).await?;
        Ok(PooledSource { target, connection, round_trip: None })
    }
}

impl Opener for PooledOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::Postgres
    }

    fn endpoint(&self) -> Text {
        self.conninfo.endpoint()
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async move { Ok(Box::new(self.connect(secret).await?) as Box<dyn Source>) })
    }
}

/// An open session on a pooled port.
struct PooledSource {
    target: PooledOpener,
    connection: Connection,
    round_trip: Option<Duration>,
}

impl PooledSource {
    async fn probe(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        self.connection.rows("SELECT 1", &[]).await?;
        let round_trip = self.target.clock.monotonic().saturating_sub(started);
        self.round_trip = Some(round_trip);
        let now = self.target.clock.now();
        Ok(Sample {
            target: Arc::clone(&self.target.name),
            at: now,
            received_at: now,
            overhead: Overhead {
                connections: 1,
                statements_per_sample: 1.0,
                server_ms_per_sample: round_trip.as_secs_f64() * 1e3,
            },
            body: Body::Probe(ProbeSample {
                version: self.connection.version().clone(),
                wire: self.connection.wire(),
                round_trip_us: u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX),
            }),
        })
    }
}

impl Source for PooledSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.probe())
    }

    fn describe(&self) -> Description {
        Description {
            kind: Some(TargetKind::Postgres),
            version: Some(self.connection.version().clone()),
            role: Some(Role::Pooled),
            wire: Some(self.connection.wire()),
            round_trip: self.round_trip,
            connections: 1,
            ..Description::default()
        }
    }

    fn survives(&self, _: &TargetError) -> bool {
        !self.connection.is_closed()
    }
}
