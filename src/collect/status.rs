//! How a target stands, kept up to date by its collector.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::clock::Clock;
use crate::model::target::{Overhead, TargetError, TargetName, TargetState, TargetStatus};
use crate::source::{Description, Opener};

/// Intervals after which a connected target without a new sample is stale.
const LIVE_INTERVALS: u32 = 3;

/// What a collector knows about how its target stands.
pub(super) struct Standing {
    pub(super) name: TargetName,
    pub(super) opener: Arc<dyn Opener>,
    pub(super) interval: Duration,
    pub(super) connected: bool,
    pub(super) last_sample: Option<Instant>,
    pub(super) overhead: Overhead,
    pub(super) description: Description,
    pub(super) error: Option<TargetError>,
    pub(super) retry_at: Option<Instant>,
    pub(super) needs_secret: bool,
}

impl Standing {
    /// As it is at `now`.
    pub(super) fn status(&self, clock: &Clock, now: Instant) -> TargetStatus {
        let age = self.last_sample.map(|at| now.saturating_duration_since(at));
        TargetStatus {
            name: self.name.clone(),
            kind: self.description.kind.unwrap_or_else(|| self.opener.kind()),
            endpoint: self.opener.endpoint(),
            state: self.state(age),
            age,
            error: self.error.clone(),
            retry_in: self.retry_at.map(|at| at.saturating_duration_since(now)),
            needs_secret: self.needs_secret,
            version: self.description.version.clone(),
            role: self.description.role,
            privilege: self.description.privilege,
            wire: self.description.wire,
            round_trip: self.description.round_trip,
            replay_lag_s: self.description.replay_lag_s,
            overhead: Overhead {
                connections: if self.connected { self.description.connections } else { 0 },
                ..self.overhead
            },
            dropped: 0,
            missing: self.description.missing.clone(),
            at: clock.now(),
        }
    }

    fn state(&self, age: Option<Duration>) -> TargetState {
        let refused = self.error.as_ref().is_some_and(|error| error.refused);
        match age {
            Some(age) if self.connected && age <= self.interval * LIVE_INTERVALS => TargetState::Live,
            Some(_) if self.connected => TargetState::Stale,
            _ if refused => TargetState::Refused,
            _ => TargetState::Down,
        }
    }
}
