//! A PostgreSQL server: one statement per sample on one connection, the rest at slower cadences.

use std::sync::Arc;
use std::time::Duration;

use self::activity::{Activity, Decoder};
use self::facts::FactsReader;
use self::locks::LockReader;
use self::statements::Statements;
use super::probe::Check;
use super::{Description, Opener, Reading, Source};
use crate::connect::{Connection, Conninfo, Purpose};
use crate::model::backend::BackendKind;
use crate::model::clock::Clock;
use crate::model::locks::LockPicture;
use crate::model::own::{Membership, OwnSessions};
use crate::model::part::{Missing, Part};
use crate::model::sample::{Body, PostgresSample, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, Privilege, Role, TargetError, TargetKind, TargetName, Wire};
use crate::model::time::Timestamp;
use crate::text::Text;

mod activity;
pub(super) mod cells;
mod checks;
mod counts;
mod facts;
mod gaps;
pub(super) mod intern;
mod locks;
mod statements;

/// `query_canceled`: the server's own time limit ended our statement.
const TIMED_OUT: &str = "57014";
/// After so many in a row only counts are read.
const TIME_OUTS: u32 = 3;
/// Deadlines in a row without any answer after which the connection is given up.
const SILENCES: u32 = 2;
/// How long counts are read before rows are tried again.
const COUNTS_FOR: Duration = Duration::from_secs(30);

/// How one PostgreSQL server is reached.
#[derive(Clone, Debug)]
pub struct PostgresOpener {
    name: TargetName,
    conninfo: Conninfo,
    own: OwnSessions,
    clock: Clock,
}

impl PostgresOpener {
    /// A server under its name in the profile. The connection for operations enters itself in `own` too, so that no
    /// sample takes it for somebody else's.
    pub fn new(name: TargetName, conninfo: Conninfo, own: OwnSessions) -> Self {
        Self { name, conninfo, own, clock: Clock::real() }
    }

    /// What a doctor finds out, over a connection of its own.
    pub async fn probe(&self) -> Vec<Check> {
        checks::all(self.clone()).await
    }
}

impl Opener for PostgresOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::Postgres
    }

    fn endpoint(&self) -> Text {
        self.conninfo.endpoint()
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            target.conninfo = target.conninfo.with_password(secret);
        }
        Box::pin(async move {
            let source = PostgresSource::open(target, Purpose::Sampling).await?;
            Ok(Box::new(source) as Box<dyn Source>)
        })
    }
}

/// An open connection to one PostgreSQL server.
#[derive(Debug)]
struct PostgresSource {
    target: PostgresOpener,
    connection: Connection,
    /// `None` behind a pooler, where no backend is ours for longer than a statement.
    _membership: Option<Membership>,
    statements: Statements,
    decoder: Decoder,
    locks: LockReader,
    facts: FactsReader,
    fallback: Fallback,
    silences: u32,
    last: Last,
}

/// What the last sample left behind.
#[derive(Debug, Default)]
struct Last {
    overhead: Overhead,
    in_recovery: Option<bool>,
    missing: Vec<Missing>,
    has_hidden: bool,
}

/// Whether rows are read, or only counts because rows took too long.
#[derive(Debug, Default)]
struct Fallback {
    time_outs: u32,
    /// Until this moment of the monotonic clock.
    until: Duration,
}

impl Fallback {
    fn is_on(&self, now: Duration) -> bool {
        self.time_outs >= TIME_OUTS && now < self.until
    }

    fn note(&mut self, failure: Option<&TargetError>, now: Duration) {
        match failure {
            None => self.time_outs = 0,
            Some(error) if error.code.as_deref() == Some(TIMED_OUT) => {
                self.time_outs += 1;
                self.until = now + COUNTS_FOR;
            }
            Some(_) => {}
        }
    }
}

impl PostgresSource {
    async fn open(target: PostgresOpener, purpose: Purpose) -> Result<Self, TargetError> {
        let connection = crate::connect::open(&target.conninfo, purpose).await?;
        let lasting = connection.wire() != Wire::Pooled;
        Ok(Self {
            _membership: lasting.then(|| target.own.enter(connection.backend())),
            statements: Statements::for_version(connection.version_num()),
            target,
            connection,
            decoder: Decoder::default(),
            locks: LockReader::new(),
            facts: FactsReader::new(),
            fallback: Fallback::default(),
            silences: 0,
            last: Last::default(),
        })
    }

    async fn read(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        self.facts.take_in().await;
        if self.fallback.is_on(started) {
            return self.read_counts(started).await;
        }
        let rows = self.connection.rows(self.statements.activity, &[]).await;
        self.fallback.note(rows.as_ref().err(), self.target.clock.monotonic());
        let activity = self.decoder.decode(&rows?, &self.target.own)?;
        let (locks, asked) = self.locks.read(&self.connection, &self.statements, &activity, started).await;
        self.target.own.forget_all_but(&activity.own);
        self.last.missing = self.missing(&activity);
        self.last.has_hidden = activity.backends.iter().any(|b| b.session.kind == BackendKind::Hidden);
        let (now, body) = (activity.server.now, self.body(activity, locks));
        Ok(self.sample_of(body, now, started, 1 + asked))
    }

    fn body(&self, activity: Activity, locks: Part<Arc<LockPicture>>) -> PostgresSample {
        PostgresSample {
            identity: activity.server.identity,
            wire: self.connection.wire(),
            own_sessions: count(activity.own.len()),
            backends: activity.backends,
            other_processes: activity.others,
            counts_only: false,
            counts: None,
            locks,
            facts: self.facts.facts().clone(),
            missing: self.last.missing.clone(),
        }
    }

    async fn read_counts(&mut self, started: Duration) -> Result<Sample, TargetError> {
        let rows = self.connection.rows(self.statements.counts, &[]).await?;
        let counts = counts::decode(&rows)?;
        self.last.missing = vec![gaps::counts_only()];
        let body = PostgresSample {
            identity: counts.server.identity,
            wire: self.connection.wire(),
            backends: Vec::new(),
            own_sessions: 1,
            other_processes: counts.others,
            counts_only: true,
            counts: Some(counts.states),
            locks: Part::Missing(gaps::counts_only()),
            facts: self.facts.facts().clone(),
            missing: self.last.missing.clone(),
        };
        Ok(self.sample_of(body, counts.server.now, started, 1))
    }

    fn sample_of(&mut self, body: PostgresSample, at: Timestamp, started: Duration, asked: u32) -> Sample {
        self.silences = 0;
        let (earlier, spent) = self.facts.charge();
        let now = self.target.clock.monotonic();
        let took = now.saturating_sub(started) + spent;
        self.last.in_recovery = Some(body.identity.in_recovery);
        self.last.overhead = Overhead {
            connections: count(self.target.own.open().max(1)),
            statements_per_sample: f64::from(asked + earlier),
            server_ms_per_sample: took.as_secs_f64() * 1e3,
        };
        self.facts.keep_fresh(&self.connection, &self.statements, now);
        Sample {
            target: Arc::clone(&self.target.name),
            at,
            received_at: self.target.clock.now(),
            overhead: self.last.overhead,
            body: Body::Postgres(body),
        }
    }

    fn missing(&self, activity: &Activity) -> Vec<Missing> {
        let left = activity.own.iter().filter(|id| self.target.own.has_left(**id)).count();
        let facts = self.facts.facts();
        gaps::of(activity, left).into_iter().chain(facts.missing().cloned()).collect()
    }

    fn role(&self) -> Option<Role> {
        match (self.connection.wire(), self.last.in_recovery?) {
            (Wire::Pooled, _) => Some(Role::Pooled),
            (_, true) => Some(Role::Replica),
            (_, false) => Some(Role::Primary),
        }
    }

    fn privilege(&self) -> Option<Privilege> {
        let known = self.facts.facts().known().map(|facts| facts.own_role.privilege);
        known.or(self.last.has_hidden.then_some(Privilege::Limited))
    }
}

impl Source for PostgresSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.read())
    }

    fn describe(&self) -> Description {
        let facts = self.facts.facts().known();
        let parts =
            facts.into_iter().flat_map(|facts| [facts.prepared.missing(), facts.statements.missing()]);
        Description {
            kind: Some(TargetKind::Postgres),
            version: Some(self.connection.version().clone()),
            role: self.role(),
            privilege: self.privilege(),
            wire: Some(self.connection.wire()),
            round_trip: None,
            replay_lag_s: facts.and_then(|facts| facts.replay_lag_s),
            connections: self.last.overhead.connections,
            missing: self.last.missing.iter().chain(parts.flatten()).cloned().collect(),
        }
    }

    fn connection(&self) -> Option<Connection> {
        Some(self.connection.clone())
    }

    fn survives(&self, error: &TargetError) -> bool {
        // 57P01 and its kin end the session, even where this end has not noticed yet.
        let ended = error.code.as_deref().is_some_and(|code| code.starts_with("57P"));
        !ended && !self.connection.is_closed()
    }

    fn timed_out(&mut self) -> bool {
        // A slow statement is ended by the server, with an answer. No answer at all is a dead network, or a server that
        // has no time for anything; to that we return once before we give our slot up.
        self.silences += 1;
        self.silences < SILENCES && !self.connection.is_closed()
    }
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// A role or database name as SQL wants it.
fn quoted(name: &Text) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
