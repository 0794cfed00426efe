//! What changed from one sample of a target to the next: restarts, failovers, gaps, clocks that jump.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::event::{Event, EventKind};
use crate::model::sample::{Sample, ServerIdentity};
use crate::model::target::{TargetError, TargetName};
use crate::model::time::Timestamp;

/// Disagreement between two clocks, over one step, that is called a jump. Far above what a late answer explains.
const CLOCK_TOLERANCE_S: f64 = 5.0;
/// `crash_shutdown`: the server ends all sessions because one process crashed, and restarts without a new
/// postmaster.
const CRASH_SHUTDOWN: &str = "57P02";

/// Remembers the sample before.
#[derive(Debug)]
pub(super) struct Changes {
    target: TargetName,
    interval: Duration,
    before: Option<Before>,
    crashed: bool,
}

#[derive(Debug)]
struct Before {
    at: Timestamp,
    received_at: Timestamp,
    arrived: Instant,
    identity: Option<ServerIdentity>,
}

impl Changes {
    pub(super) fn new(target: TargetName, interval: Duration) -> Self {
        Self { target, interval, before: None, crashed: false }
    }

    /// The connection is gone, for this reason.
    pub(super) fn lost(&mut self, error: &TargetError) {
        self.crashed |= error.code.as_deref() == Some(CRASH_SHUTDOWN);
    }

    /// Compares `sample`, which arrived at `arrived`, with the one before.
    pub(super) fn observe(&mut self, sample: &Sample, arrived: Instant) -> Vec<Event> {
        let identity = sample.postgres().map(|server| server.identity.clone());
        let mut events = Vec::new();
        if let Some(before) = &self.before {
            events.extend(self.identity_change(before, identity.as_ref(), sample.at));
            events.extend(self.time_change(before, sample, arrived));
        }
        self.crashed = false;
        self.before = Some(Before { at: sample.at, received_at: sample.received_at, arrived, identity });
        events
    }

    fn identity_change(&self, before: &Before, now: Option<&ServerIdentity>, at: Timestamp) -> Option<Event> {
        let (old, new) = (before.identity.as_ref()?, now?);
        let event = |kind, text: String| Some(self.event(at, kind, &text));
        if old.in_recovery && !new.in_recovery && old.address == new.address {
            return event(EventKind::Failover, "promoted: this server takes writes now".into());
        }
        if old.address != new.address || old.in_recovery != new.in_recovery {
            let name =
                |side: &ServerIdentity| side.address.as_ref().map_or("local".into(), ToString::to_string);
            let role = |side: &ServerIdentity| if side.in_recovery { "replica" } else { "primary" };
            let text = format!(
                "another server answers: {} {} (was {} {})",
                role(new),
                name(new),
                role(old),
                name(old)
            );
            return event(EventKind::Failover, text);
        }
        if old.postmaster_start != new.postmaster_start {
            return event(EventKind::Restart, format!("server restarted at {}", new.postmaster_start));
        }
        if self.crashed {
            return event(
                EventKind::Restart,
                "server restarted itself after the crash of one of its processes".into(),
            );
        }
        None
    }

    fn time_change(&self, before: &Before, sample: &Sample, arrived: Instant) -> Option<Event> {
        let elapsed = arrived.saturating_duration_since(before.arrived).as_secs_f64();
        let wall = sample.received_at.seconds_since(before.received_at);
        let server = sample.at.seconds_since(before.at);
        let slept = wall - elapsed;
        if slept > CLOCK_TOLERANCE_S && (server - wall).abs() <= CLOCK_TOLERANCE_S {
            return Some(self.event(
                sample.at,
                EventKind::Gap,
                &format!("this machine slept for {slept:.0} s"),
            ));
        }
        if (server - elapsed).abs() > CLOCK_TOLERANCE_S {
            let text = format!("the server's clock jumped by {:+.0} s", server - elapsed);
            return Some(self.event(sample.at, EventKind::ClockJump, &text));
        }
        let late = elapsed > self.interval.as_secs_f64() * 3.0 + 1.0;
        late.then(|| self.event(sample.at, EventKind::Gap, &format!("no sample for {elapsed:.0} s")))
    }

    pub(super) fn event(&self, at: Timestamp, kind: EventKind, text: &str) -> Event {
        Event { at, target: self.target.clone(), kind, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::{Missing, Part};
    use crate::model::sample::{Body, PostgresSample};
    use crate::model::target::{Overhead, Wire};

    /// A sample of a server that was started at second `start`, taken at `at` by its clock and ours.
    fn sample(start: i64, at: i64, in_recovery: bool) -> Sample {
        let second = |second: i64| Timestamp::from_micros(1_795_252_800_000_000 + second * 1_000_000);
        let missing = || Missing::new("it", "not read here");
        let server = PostgresSample {
            identity: ServerIdentity {
                postmaster_start: second(start),
                address: Some("10.0.0.1:5432".into()),
                in_recovery,
            },
            wire: Wire::Direct,
            backends: Vec::new(),
            own_sessions: 1,
            other_processes: Vec::new(),
            counts_only: false,
            counts: None,
            locks: Part::Missing(missing()),
            facts: Part::Missing(missing()),
            missing: Vec::new(),
        };
        Sample {
            target: "db1".into(),
            at: second(at),
            received_at: second(at),
            overhead: Overhead::default(),
            body: Body::Postgres(server),
        }
    }

    /// Kinds of events from the second of two samples that arrive `apart` seconds from each other.
    fn kinds(first: &Sample, second: &Sample, apart: u64, lost: Option<&str>) -> Vec<EventKind> {
        let start = Instant::now();
        let mut changes = Changes::new("db1".into(), Duration::from_secs(1));
        assert_eq!(changes.observe(first, start), []);
        if let Some(code) = lost {
            changes.lost(&TargetError {
                code: Some(code.into()),
                message: "lost".into(),
                hint: None,
                refused: true,
                authentication: false,
            });
        }
        let events = changes.observe(second, start + Duration::from_secs(apart));
        events.into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn each_change_is_told_by_its_name() {
        use EventKind::{ClockJump, Failover, Gap, Restart};
        for (first, second, apart, lost, expected) in [
            (sample(0, 10, false), sample(0, 11, false), 1, None, vec![]),
            (sample(0, 10, false), sample(11, 13, false), 3, Some("57P01"), vec![Restart]),
            (sample(0, 10, false), sample(0, 13, false), 3, Some("57P02"), vec![Restart]),
            (sample(0, 10, true), sample(0, 11, false), 1, None, vec![Failover]),
            (sample(0, 10, false), sample(0, 20, false), 10, None, vec![Gap]),
            (sample(0, 10, false), sample(0, 3610, false), 1, None, vec![Gap]),
        ] {
            assert_eq!(kinds(&first, &second, apart, lost), expected, "{first:?} {second:?}");
        }
        let mut jumped = sample(0, 200, false);
        jumped.received_at = sample(0, 11, false).at;
        assert_eq!(kinds(&sample(0, 10, false), &jumped, 1, None), vec![ClockJump]);
    }
}
