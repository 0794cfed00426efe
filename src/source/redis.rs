//! A Redis server: `CLIENT LIST` and four sections of `INFO`, in one round trip on one connection.

use std::sync::Arc;
use std::time::Duration;

use super::probe::Check;
use super::{Description, Opener, Reading, Source, unreadable};
use crate::connect::{Conninfo, RedisConnection, Reply};
use crate::model::clock::Clock;
use crate::model::part::{Missing, Part};
use crate::model::redis::{RedisClient, RedisCounters, RedisSample};
use crate::model::sample::{Body, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, Role, TargetError, TargetKind, TargetName};
use crate::text::{Text, clean, span};

mod client_list;
mod gaps;
mod info;

use client_list::{Listed, Own};

/// What is asked for each sample. Before 7.0, `INFO` takes one section only.
const QUESTIONS: [&[&str]; 5] = [
    &["CLIENT", "LIST"],
    &["INFO", "server"],
    &["INFO", "clients"],
    &["INFO", "stats"],
    &["INFO", "replication"],
];
/// Deadlines in a row without any answer after which the connection is given up. A server that runs a long script answers
/// nobody, and a new connection would cost a slot and wait as long.
const SILENCES: u32 = 5;

/// How one Redis server is reached.
#[derive(Clone, Debug)]
pub struct RedisOpener {
    name: TargetName,
    conninfo: Conninfo,
    clock: Clock,
}

impl RedisOpener {
    /// A server under its name in the profile.
    pub fn new(name: TargetName, conninfo: Conninfo) -> Self {
        Self { name, conninfo, clock: Clock::real() }
    }

    /// What a doctor finds out, over a connection of its own.
    pub async fn probe(&self) -> Vec<Check> {
        let mut source = match self.connect(None).await {
            Ok(source) => source,
            Err(error) => return vec![Check::failed("connection", &error)],
        };
        match source.read().await {
            Ok(sample) => found(&sample, &source.connection),
            Err(error) => vec![Check::failed("connection", &error)],
        }
    }

    async fn connect(&self, secret: Option<SecretString>) -> Result<RedisSource, TargetError> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            target.conninfo = target.conninfo.with_password(secret);
        }
        let connection = RedisConnection::open(&target.conninfo).await?;
        let description = Description { connections: 1, ..Description::default() };
        Ok(RedisSource { target, connection, description, configured: None, silences: 0 })
    }
}

impl Opener for RedisOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::Redis
    }

    fn endpoint(&self) -> Text {
        self.conninfo.endpoint()
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async move { Ok(Box::new(self.connect(secret).await?) as Box<dyn Source>) })
    }
}

/// An open connection to a Redis server.
struct RedisSource {
    target: RedisOpener,
    connection: RedisConnection,
    /// What the samples have told.
    description: Description,
    /// `CONFIG GET maxclients`, asked once where `INFO` has none (before 6.2).
    configured: Option<Result<u32, Missing>>,
    silences: u32,
}

impl RedisSource {
    async fn read(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        let mut answers = self.connection.ask(&QUESTIONS).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Reply::Nothing));
        let list = lasting(next())?;
        let infos = [lasting(next())?, lasting(next())?, lasting(next())?, lasting(next())?];
        self.silences = 0;
        let mut missing = Vec::new();
        let user = self.target.conninfo.user();
        let clients = match list {
            Answer::Text(text) => Part::Known(Arc::new(self.clients(&text, &mut missing))),
            Answer::Refused(error) => Part::Missing(gaps::clients(&error, user)),
        };
        let (text, refused) = info::joined(infos);
        let counters = match refused {
            Some(error) if text.is_empty() => Part::Missing(gaps::counters(&error, user)),
            _ => Part::Known(self.counters(&text, &mut missing).await?),
        };
        missing.extend([clients.missing(), counters.missing()].into_iter().flatten().cloned());
        gaps::of_mode(&text, &mut missing);
        gaps::of_names(clients.known(), &mut missing);
        let version = info::field(&text, "redis_version").map(Text::line).unwrap_or_default();
        self.describe_as(&version, &text, &missing);
        let took = self.target.clock.monotonic().saturating_sub(started);
        let body = RedisSample { version, counters, clients, missing };
        Ok(self.sample_of(body, took))
    }

    fn clients(&self, text: &[u8], missing: &mut Vec<Missing>) -> Vec<RedisClient> {
        let own = Own { id: self.connection.client_id(), end: self.connection.own_end() };
        let Listed { clients, left_out } = client_list::read(text, &own);
        if left_out > 0 {
            missing.push(gaps::left_out(left_out));
        }
        clients
    }

    async fn counters(
        &mut self,
        text: &str,
        missing: &mut Vec<Missing>,
    ) -> Result<RedisCounters, TargetError> {
        let mut counters = info::counters(text);
        if counters.max_clients.is_none() {
            match self.configured().await? {
                Ok(ceiling) => counters.max_clients = Some(ceiling),
                Err(reason) => missing.push(reason),
            }
        }
        Ok(counters)
    }

    /// The ceiling where `INFO` does not tell it.
    async fn configured(&mut self) -> Result<Result<u32, Missing>, TargetError> {
        if let Some(known) = &self.configured {
            return Ok(known.clone());
        }
        let mut answers = self.connection.ask(&[&["CONFIG", "GET", "maxclients"]]).await?;
        let found = match answers.pop() {
            Some(Ok(Reply::Many(pair))) => pair.last().and_then(Reply::number),
            Some(Ok(_)) | None => None,
            Some(Err(error)) => {
                let user = self.target.conninfo.user();
                return Ok(self.configured.insert(Err(gaps::ceiling(&error, user))).clone());
            }
        };
        let ceiling = found.and_then(|ceiling| u32::try_from(ceiling).ok());
        let known = ceiling.ok_or_else(|| Missing::new("maxclients", "this version does not tell it"));
        Ok(self.configured.insert(known).clone())
    }

    fn describe_as(&mut self, version: &Text, text: &str, missing: &[Missing]) {
        let role = match info::field(text, "role") {
            Some("master") => Some(Role::Primary),
            Some("slave") => Some(Role::Replica),
            _ => None,
        };
        self.description = Description {
            kind: Some(TargetKind::Redis),
            version: (!version.is_empty()).then(|| version.clone()),
            role,
            missing: missing.to_vec(),
            connections: 1,
            ..Description::default()
        };
    }

    fn sample_of(&self, body: RedisSample, took: Duration) -> Sample {
        let now = self.target.clock.now();
        Sample {
            target: Arc::clone(&self.target.name),
            at: now,
            received_at: now,
            overhead: Overhead {
                connections: 1,
                statements_per_sample: QUESTIONS.len() as f64,
                server_ms_per_sample: took.as_secs_f64() * 1e3,
            },
            body: Body::Redis(body),
        }
    }
}

impl Source for RedisSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.read())
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }

    /// The server answered: with a no, but over a connection that works.
    fn survives(&self, error: &TargetError) -> bool {
        error.refused && !error.authentication && !self.connection.is_closed()
    }

    /// The late answer is thrown away by the driver, which keeps the order of questions and answers.
    fn timed_out(&mut self) -> bool {
        self.silences += 1;
        self.silences < SILENCES && !self.connection.is_closed()
    }
}

/// What became of one question.
enum Answer {
    Text(Vec<u8>),
    /// The user may not ask it, or this server does not know it.
    Refused(TargetError),
}

/// Tells a lasting no from one that passes, which fails the sample as a whole.
fn lasting(reply: Result<Reply, TargetError>) -> Result<Answer, TargetError> {
    match reply {
        Ok(Reply::Bytes(bytes)) => Ok(Answer::Text(bytes)),
        Ok(_) => Err(unreadable("CLIENT LIST and INFO return text")),
        Err(error) if matches!(error.code.as_deref(), Some("NOPERM" | "ERR")) => Ok(Answer::Refused(error)),
        Err(error) => Err(error),
    }
}

fn found(sample: &Sample, connection: &RedisConnection) -> Vec<Check> {
    let Some(redis) = sample.redis() else { return Vec::new() };
    let secured = if connection.is_encrypted() { "TLS" } else { "no TLS" };
    let version = if redis.version.is_empty() { "Redis" } else { &redis.version };
    let mut checks =
        vec![Check::good("connection", &format!("{version} at {}, {secured}", connection.endpoint()))];
    if let Some(clients) = redis.clients.known() {
        checks.push(Check::good("clients", &span::count(clients.len() as u64, "other client")));
    }
    if let Some(counters) = redis.counters.known()
        && let (Some(held), Some(ceiling)) = (counters.held(), counters.max_clients)
    {
        checks.push(Check::good("maxclients", &format!("{held} of {ceiling} used")));
    }
    checks.extend(redis.missing.iter().map(Check::missing));
    checks
}

/// Bytes as text; what is not UTF-8 becomes the replacement character.
fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    clean::decode_lossy(bytes)
}
