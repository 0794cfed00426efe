//! A recording as a target: its samples arrive again as they did when it was made.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::collector::Target;
use super::recording::Recording;
use crate::model::sample::{Body, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Role, TargetError, TargetKind, TargetName};
use crate::source::{Description, Endpoint, Opener, Reading, Source};

/// Nobody is late in a recording, and its end is not a failure: the last sample stays and grows old.
const NO_DEADLINE: Duration = Duration::from_secs(86_400 * 365);

/// One target of a recording.
#[derive(Clone, Debug)]
pub struct Replay {
    name: TargetName,
    kind: TargetKind,
    endpoint: Endpoint,
    /// Each sample with its place in time, counted from the first of the whole recording.
    samples: Arc<[(Duration, Arc<Sample>)]>,
    interval: Duration,
}

impl Replay {
    /// Every target of a recording, by its name. Play them together: they share one beginning.
    pub fn targets(recording: &Recording) -> Vec<Self> {
        let mut names: Vec<TargetName> = recording.samples.iter().map(|s| Arc::clone(&s.target)).collect();
        names.sort();
        names.dedup();
        names.into_iter().filter_map(|name| Self::of(recording, name)).collect()
    }

    fn of(recording: &Recording, name: TargetName) -> Option<Self> {
        let begin = recording.samples.iter().map(|sample| sample.received_at).min()?;
        let own = recording.samples.iter().filter(|sample| sample.target == name);
        let samples: Arc<[_]> =
            own.map(|sample| (sample.received_at.age_of(begin), Arc::clone(sample))).collect();
        let kind = match &samples.first()?.1.body {
            Body::Postgres(_) | Body::Probe(_) => TargetKind::Postgres,
            Body::Pooler(pooler) => pooler.kind,
            Body::Redis(_) => TargetKind::Redis,
            Body::App(_) => TargetKind::App,
        };
        let endpoint = format!("recording: {}", recording.header.title).as_str().into();
        let seconds = recording.header.interval_s.clamp(0.01, 3600.0);
        let interval = Duration::from_secs_f64(seconds);
        Some(Self { name, kind, endpoint, samples, interval })
    }

    /// As a collector takes it.
    pub fn into_target(self) -> Target {
        Target {
            name: Arc::clone(&self.name),
            interval: self.interval,
            deadline: NO_DEADLINE,
            opener: Arc::new(self),
        }
    }
}

impl Opener for Replay {
    fn kind(&self) -> TargetKind {
        self.kind
    }

    fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    fn open(&self, _: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        let player =
            Player { samples: Arc::clone(&self.samples), next: 0, start: Instant::now(), last: None };
        Box::pin(async { Ok(Box::new(player) as Box<dyn Source>) })
    }
}

/// Plays the samples of one target.
struct Player {
    samples: Arc<[(Duration, Arc<Sample>)]>,
    next: usize,
    start: Instant,
    last: Option<Arc<Sample>>,
}

impl Player {
    async fn play(&mut self) -> Result<Sample, TargetError> {
        let Some((place, sample)) = self.samples.get(self.next) else { return std::future::pending().await };
        sleep_until(self.start + *place).await;
        self.next += 1;
        self.last = Some(Arc::clone(sample));
        Ok(Sample::clone(sample))
    }
}

impl Source for Player {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.play())
    }

    fn describe(&self) -> Description {
        let Some(sample) = &self.last else { return Description::default() };
        let connections = sample.overhead.connections;
        match &sample.body {
            Body::Postgres(server) => {
                let facts = server.facts.known();
                Description {
                    kind: Some(TargetKind::Postgres),
                    version: facts.map(|facts| facts.version.clone()),
                    role: Some(if server.identity.in_recovery { Role::Replica } else { Role::Primary }),
                    privilege: facts.map(|facts| facts.own_role.privilege),
                    wire: Some(server.wire),
                    round_trip: None,
                    replay_lag_s: facts.and_then(|facts| facts.replay_lag_s),
                    connections,
                    missing: server.missing.clone(),
                }
            }
            Body::Probe(probe) => Description {
                kind: Some(TargetKind::Postgres),
                version: Some(probe.version.clone()),
                role: Some(Role::Pooled),
                wire: Some(probe.wire),
                round_trip: Some(Duration::from_micros(probe.round_trip_us)),
                connections,
                ..Description::default()
            },
            Body::Pooler(pooler) => Description {
                kind: Some(pooler.kind),
                version: Some(pooler.version.clone()),
                connections,
                missing: pooler.missing.clone(),
                ..Description::default()
            },
            Body::Redis(redis) => Description {
                kind: Some(TargetKind::Redis),
                version: Some(redis.version.clone()),
                connections,
                missing: redis.missing.clone(),
                ..Description::default()
            },
            Body::App(app) => Description {
                kind: Some(TargetKind::App),
                version: Some(app.shape.clone()),
                connections,
                missing: app.missing.clone(),
                ..Description::default()
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::recording::Header;
    use super::*;
    use crate::model::part::Missing;
    use crate::model::pooler::PoolerSample;
    use crate::model::target::Overhead;
    use crate::model::time::Timestamp;

    /// A sample of `target`, `second` seconds into a recording.
    pub(in crate::collect) fn sample_at(target: &str, second: i64) -> Sample {
        let at = Timestamp::from_micros(1_795_252_800_000_000 + second * 1_000_000);
        let missing = Missing::new("pools", "not recorded");
        let (kind, version) = (TargetKind::Pgbouncer, "PgBouncer 1.18.0".into());
        let body = Body::Pooler(PoolerSample::unread(kind, version, &missing));
        Sample { target: target.into(), at, received_at: at, overhead: Overhead::default(), body }
    }

    #[tokio::test(start_paused = true)]
    async fn samples_arrive_at_the_recorded_pace_and_the_end_is_silence() {
        let seconds = [("a", 0), ("b", 1), ("a", 2), ("a", 30)];
        let samples = seconds.map(|(target, second)| Arc::new(sample_at(target, second)));
        let header = Header::new("x", Timestamp::from_micros(1), 1.0);
        let recording = Recording { header, samples: samples.to_vec() };
        let replays = Replay::targets(&recording);
        assert_eq!(replays.iter().map(|replay| &*replay.name).collect::<Vec<_>>(), ["a", "b"]);
        for (replay, places) in replays.iter().zip([vec![0, 2, 30], vec![1]]) {
            let mut source = replay.open(None).await.unwrap();
            let start = Instant::now();
            for place in places {
                source.sample().await.unwrap();
                assert_eq!(start.elapsed().as_secs(), place, "{}", replay.name);
            }
            let silence = tokio::time::timeout(Duration::from_secs(3600), source.sample()).await;
            assert!(silence.is_err());
            assert_eq!(source.describe().version.as_deref(), Some("PgBouncer 1.18.0"));
        }
    }
}
