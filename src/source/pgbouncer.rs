//! A pooler's console: PgBouncer's, and those of its relatives, which are recognised by what they call themselves.
//!
//! Every sample asks for pools, clients with server connections, and totals; bounds and settings are asked for seldom.

use std::sync::Arc;
use std::time::Duration;

use self::dialect::{Dialect, Lists};
use self::facts::Asker;
use super::postgres::intern::Interner;
use super::probe::Check;
use super::{Description, Opener, Reading, Source, unreadable};
use crate::connect::{Answer, Conninfo, Console, ROW_LIMIT};
use crate::model::clock::Clock;
use crate::model::part::{Missing, Part};
use crate::model::pooler::{PoolerFacts, PoolerPool, PoolerSample, PoolerSockets, PoolerTotals};
use crate::model::sample::{Body, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, TargetError, TargetKind, TargetName};
use crate::text::Text;

mod ages;
mod checks;
mod columns;
mod dialect;
mod facts;
mod pairs;
mod pools;
mod sockets;
mod totals;

/// How often bounds and settings are read again. A PAUSE of a whole pooler shows only in these.
const FACTS_EVERY: Duration = Duration::from_secs(10);

/// How one pooler's console is reached.
#[derive(Clone, Debug)]
pub struct PgbouncerOpener {
    name: TargetName,
    conninfo: Conninfo,
    clock: Clock,
}

impl PgbouncerOpener {
    /// A console under its name in the profile.
    pub fn new(name: TargetName, conninfo: Conninfo) -> Self {
        Self { name, conninfo, clock: Clock::real() }
    }

    /// What a doctor finds out, over a session of its own.
    pub async fn probe(&self) -> Vec<Check> {
        let mut source = match self.connect(None).await {
            Ok(source) => source,
            Err(error) => return vec![Check::failed("console", &error)],
        };
        match source.read().await {
            Ok(sample) => checks::all(&sample, &source.console, self.conninfo.user()),
            Err(error) => vec![Check::failed("console", &error)],
        }
    }

    async fn connect(&self, secret: Option<SecretString>) -> Result<PgbouncerSource, TargetError> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            target.conninfo = target.conninfo.with_password(secret);
        }
        let mut console = Console::open(&target.conninfo).await?;
        let version = version(&console.query("SHOW VERSION").await?)?;
        Ok(PgbouncerSource {
            dialect: dialect::of(&version),
            asker: Asker { user: target.conninfo.user().to_owned(), unix: console.is_unix() },
            description: Description { connections: 1, ..Description::default() },
            facts: Slow::default(),
            texts: Interner::default(),
            asked: 1,
            target,
            console,
            version,
        })
    }
}

impl Opener for PgbouncerOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::Pgbouncer
    }

    fn endpoint(&self) -> Text {
        self.conninfo.endpoint()
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async move { Ok(Box::new(self.connect(secret).await?) as Box<dyn Source>) })
    }
}

/// An open session on a console.
struct PgbouncerSource {
    target: PgbouncerOpener,
    console: Console,
    version: Text,
    dialect: &'static Dialect,
    asker: Asker,
    /// What the samples have told.
    description: Description,
    facts: Slow,
    texts: Interner,
    /// Statements since the last sample.
    asked: u32,
}

/// What changes seldom, as it was read last.
struct Slow {
    facts: Part<Arc<PoolerFacts>>,
    missing: Vec<Missing>,
    /// By the monotonic clock.
    due: Duration,
}

impl Default for Slow {
    fn default() -> Self {
        let facts = Part::Missing(Missing::new("bounds and settings of the pooler", "not read yet"));
        Self { facts, missing: Vec::new(), due: Duration::ZERO }
    }
}

impl PgbouncerSource {
    async fn read(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        let mut missing = Vec::new();
        let mut pools = self.pools(&mut missing).await?;
        let sockets = self.sockets(&mut missing).await?;
        if let (Part::Known(pools), Part::Known(sockets), true) =
            (&mut pools, &sockets, self.dialect.waiting_is_idle)
        {
            pairs::count_queued(pools, sockets);
        }
        let totals = self.totals(&mut missing).await?;
        if started >= self.facts.due {
            self.read_facts().await?;
            self.facts.due = started.saturating_add(FACTS_EVERY);
        }
        missing.extend(self.facts.missing.iter().cloned());
        self.describe_anew(&missing);
        let took = self.target.clock.monotonic().saturating_sub(started);
        let now = self.target.clock.now();
        Ok(Sample {
            target: Arc::clone(&self.target.name),
            at: now,
            received_at: now,
            overhead: overhead(std::mem::take(&mut self.asked), took),
            body: Body::Pooler(PoolerSample {
                kind: self.dialect.kind,
                version: self.version.clone(),
                pools,
                sockets,
                totals,
                facts: self.facts.facts.clone(),
                missing,
            }),
        })
    }

    /// Asks one thing. A refusal is an answer; an error is the end of the session.
    async fn ask(&mut self, statement: &str) -> Result<Result<Answer, TargetError>, TargetError> {
        self.asked += 1;
        match self.console.query(statement).await {
            Err(error) if self.console.is_closed() => Err(error),
            answer => Ok(answer),
        }
    }

    async fn pools(&mut self, missing: &mut Vec<Missing>) -> Result<Part<Vec<PoolerPool>>, TargetError> {
        let answer = self.ask("SHOW POOLS").await?;
        if let Ok(answer) = &answer {
            missing.extend(pools::absent(answer, self.dialect, &self.version));
        }
        let read = answer.and_then(|answer| pools::read(&answer, self.dialect, &mut self.texts));
        Ok(self.part("pools of the pooler", read, missing))
    }

    async fn sockets(&mut self, missing: &mut Vec<Missing>) -> Result<Part<Arc<PoolerSockets>>, TargetError> {
        const WHAT: &str = "clients and server connections of the pooler";
        let read = match self.dialect.lists {
            Lists::Sockets => {
                let answer = self.ask("SHOW SOCKETS").await?;
                missing.extend(answer.as_ref().ok().and_then(|answer| cut("SHOW SOCKETS", answer)));
                answer.and_then(|answer| self.one_snapshot(&answer))
            }
            Lists::Pair(names) => {
                let (clients, servers) = (self.ask("SHOW CLIENTS").await?, self.ask("SHOW SERVERS").await?);
                missing.extend(clients.as_ref().ok().and_then(|answer| cut("SHOW CLIENTS", answer)));
                clients.and_then(|clients| {
                    pairs::read(&clients, &servers?, names, self.dialect, &mut self.texts)
                })
            }
        };
        Ok(self.part(WHAT, read.map(Arc::new), missing))
    }

    fn one_snapshot(&mut self, answer: &Answer) -> Result<PoolerSockets, TargetError> {
        let sockets = sockets::read(answer, self.dialect, &mut self.texts)?;
        self.texts.trim(answer.rows.len());
        Ok(sockets)
    }

    async fn totals(&mut self, missing: &mut Vec<Missing>) -> Result<Part<Vec<PoolerTotals>>, TargetError> {
        let answer = self.ask("SHOW STATS").await?;
        let read = answer.and_then(|answer| totals::read(&answer, self.dialect, &mut self.texts));
        Ok(self.part("totals of the pooler", read, missing))
    }

    /// Reads what changes seldom. What is refused is left out and said.
    async fn read_facts(&mut self) -> Result<(), TargetError> {
        let (mut facts, mut missing, mut known) = (PoolerFacts::default(), Vec::new(), false);
        for fact in self.dialect.facts(&self.version) {
            let answer = self.ask(fact.statement()).await?;
            let about = (self.dialect, &self.asker);
            let read =
                answer.and_then(|answer| facts::enter(&mut facts, fact, &answer, about, &mut self.texts));
            known |= self.part(fact.what(), read, &mut missing).known().is_some();
        }
        self.facts.facts = match (known, missing.first()) {
            (false, Some(reason)) => Part::Missing(reason.clone()),
            _ => Part::Known(Arc::new(facts)),
        };
        self.facts.missing = missing;
        Ok(())
    }

    /// What was read, or why it was not, which is said in the list of what is missing too.
    fn part<T>(&self, what: &str, read: Result<T, TargetError>, missing: &mut Vec<Missing>) -> Part<T> {
        match read {
            Ok(value) => Part::Known(value),
            Err(error) => {
                let mut reason = Missing::new(what, &error.message);
                if error.refused {
                    reason = reason.with_fix(self.dialect.fix);
                }
                missing.push(reason.clone());
                Part::Missing(reason)
            }
        }
    }

    fn describe_anew(&mut self, missing: &[Missing]) {
        self.description = Description {
            kind: Some(self.dialect.kind),
            version: Some(self.version.clone()),
            missing: missing.to_vec(),
            connections: 1,
            ..Description::default()
        };
    }
}

impl Source for PgbouncerSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.read())
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn survives(&self, _: &TargetError) -> bool {
        !self.console.is_closed()
    }
}

fn overhead(asked: u32, took: Duration) -> Overhead {
    Overhead {
        connections: 1,
        statements_per_sample: f64::from(asked),
        server_ms_per_sample: took.as_secs_f64() * 1e3,
    }
}

/// The only value of the only row.
fn version(answer: &Answer) -> Result<Text, TargetError> {
    let cell = answer.rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
    cell.map(Text::line_bytes).ok_or_else(|| unreadable("SHOW VERSION has no value"))
}

/// Rows that were too many to keep.
fn cut(statement: &str, answer: &Answer) -> Option<Missing> {
    let more = answer.left_off;
    (more > 0).then(|| {
        let what = format!("{more} clients and server connections of the pooler");
        Missing::new(&what, &format!("of {statement} the first {ROW_LIMIT} rows are read"))
    })
}

#[cfg(test)]
mod tests;
