//! Carrying out what was confirmed on a pooler's console.
//!
//! Each operation has a connection of its own: a PAUSE blocks its connection until server connections are released,
//! and no RESUME answers it. Nothing but simple queries is ever sent there; a cancel could resume the whole pooler.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ledger::Ledger;
use super::line::STATEMENT;
use super::tally::Tally;
use super::{PAUSE, WATCH, finish};
use crate::connect::{Answer, Console, Conninfo};
use crate::control::audit::Audit;
use crate::control::confirm::{Access, Confirmed, Policy, ReadOnly, Why};
use crate::control::dialect::Dialect;
use crate::model::backend::Client;
use crate::model::clock::Clock;
use crate::model::operation::{Aim, Operation, OperationKind, OperationReport, Outcome, PoolScope};
use crate::model::pooler::PoolerClient;
use crate::model::secret::SecretString;
use crate::model::target::TargetError;
use crate::text::Text;

/// How long a PAUSE may wait for server connections to be released before pooltop hangs up. The pause stays.
const RELEASE: Duration = Duration::from_secs(5);

/// What an executor for a pooler's console is made from.
pub struct ConsoleSetup {
    /// How to reach the console.
    pub conninfo: Conninfo,
    /// What the profile allows.
    pub policy: Policy,
    /// Where the trace goes.
    pub audit: Audit,
    /// For the audit and for how long an ending took.
    pub clock: Clock,
}

/// Carries operations out on one pooler, each over a connection of its own.
pub struct ConsoleExecutor {
    conninfo: Mutex<Conninfo>,
    policy: Policy,
    ledger: Ledger,
}

/// What came of an operation.
struct End(Outcome, String);

impl End {
    fn new(outcome: Outcome, message: impl fmt::Display) -> Self {
        Self(outcome, message.to_string())
    }

    /// It did not come to sending anything.
    fn unsent(why: impl fmt::Display) -> Self {
        Self(Outcome::Refused, format!("nothing was sent: {why}"))
    }
}

impl ConsoleExecutor {
    /// An executor. In a read-only profile there is none.
    pub fn new(setup: ConsoleSetup) -> Result<Self, ReadOnly> {
        let ConsoleSetup { conninfo, policy, audit, clock } = setup;
        if policy.access == Access::ReadOnly {
            return Err(ReadOnly { profile: policy.profile });
        }
        let ledger = Ledger { audit, profile: policy.profile.clone(), clock };
        Ok(Self { conninfo: Mutex::new(conninfo), policy, ledger })
    }

    /// Uses a password that a person typed, from the next connection on.
    pub fn use_password(&self, password: SecretString) {
        let mut conninfo = self.lock();
        *conninfo = conninfo.clone().with_password(password);
    }

    fn lock(&self) -> MutexGuard<'_, Conninfo> {
        // Settings are whole after every panic.
        self.conninfo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a confirmed operation; `report` gets the outcome, which is also returned.
    pub async fn execute(
        &self,
        confirmed: Confirmed<Operation>,
        mut report: impl FnMut(OperationReport),
    ) -> OperationReport {
        let operation = confirmed.into_inner();
        let mut tally = Tally::new(&operation);
        if let Err(error) = self.ledger.intend(&operation).await {
            tally.remark(&error);
            return finish(tally, &mut report);
        }
        let End(outcome, message) = self.carry_out(&operation).await.unwrap_or_else(|end| end);
        tally.set(0, outcome, &message);
        if let Err(error) = self.ledger.conclude(&operation, &tally, false).await {
            tally.remark(&error);
        }
        finish(tally, &mut report)
    }

    async fn carry_out(&self, operation: &Operation) -> Result<End, End> {
        match &operation.aim {
            Aim::Pools(pooler, scope) => {
                let dialect = Dialect::of(pooler);
                let command = dialect.on_pools(operation.kind, scope).map_err(End::unsent)?;
                let waits = operation.kind == OperationKind::Pause && dialect.pause_waits();
                self.command_pools(operation.kind, scope, (&command, waits)).await
            }
            Aim::PooledClient(pooler, client) => {
                let command = Dialect::of(pooler).kill_client(client).map_err(End::unsent)?;
                self.kill(client, &command).await
            }
            Aim::Sessions { .. } | Aim::RedisClient(_) => Err(End::unsent("no console can reach this")),
        }
    }

    async fn command_pools(
        &self,
        kind: OperationKind,
        scope: &PoolScope,
        (command, waits): (&str, bool),
    ) -> Result<End, End> {
        let mut console = self.open().await.map_err(End::unsent)?;
        let limit = if waits { RELEASE } else { STATEMENT };
        match console.query_within(command, limit).await {
            Ok(answer) => Ok(self.accepted(kind, scope, &answer).await),
            Err(error) if waits && console.is_closed() && !error.refused => Ok(self.still_pausing(scope, &error).await),
            Err(error) => Err(refusal(&error)),
        }
    }

    async fn kill(&self, client: &PoolerClient, command: &str) -> Result<End, End> {
        if self.policy.protects(&client.user) {
            let why = Why::Protected(client.user.clone());
            return Err(End::new(why.outcome(), why));
        }
        let mut console = self.open().await.map_err(End::unsent)?;
        check(&mut console, client).await?;
        console.query_within(command, STATEMENT).await.map_err(|error| refusal(&error))?;
        Ok(self.watch(&mut console, client).await)
    }

    async fn open(&self) -> Result<Console, TargetError> {
        let conninfo = self.lock().clone();
        Console::open(&conninfo).await
    }

    /// What an answer without an error means.
    async fn accepted(&self, kind: OperationKind, scope: &PoolScope, answer: &Answer) -> End {
        if !Dialect::is_done(kind, &answer.tag) {
            let now = self.in_use(scope).await;
            let text = format!("the console answered {}, which is not what was asked; {now}", answer.tag);
            return End::new(Outcome::Unconfirmed, text);
        }
        let text = match kind {
            OperationKind::Pause => "paused: queries queue until RESUME",
            OperationKind::Resume => "resumed",
            OperationKind::Reconnect => "accepted: each server connection is replaced once it is released",
            OperationKind::KillDatabase => "killed, and paused since: RESUME lets it work again",
            _ => "accepted",
        };
        End::new(Outcome::Signalled, text)
    }

    /// A PAUSE that was not answered.
    async fn still_pausing(&self, scope: &PoolScope, error: &TargetError) -> End {
        let now = self.in_use(scope).await;
        let text = format!(
            "{error}; {now}. New queries queue all the same, and hanging up has not undone the pause: RESUME does"
        );
        End::new(Outcome::Unconfirmed, text)
    }

    /// How many server connections of these pools are in use, asked over another connection.
    async fn in_use(&self, scope: &PoolScope) -> String {
        let asked = async {
            let mut console = self.open().await?;
            console.query("SHOW POOLS").await
        };
        match asked.await {
            Ok(answer) => match sv_active(&answer, scope) {
                1 => "1 server connection is still in use".to_owned(),
                0 => "no server connection is in use now".to_owned(),
                many => format!("{many} server connections are still in use"),
            },
            Err(error) => format!("how many server connections are in use cannot be seen: {error}"),
        }
    }

    /// Watches a client that was killed until it has gone, or the time is over.
    async fn watch(&self, console: &mut Console, client: &PoolerClient) -> End {
        let clock = &self.ledger.clock;
        let since = clock.monotonic();
        loop {
            let elapsed = clock.monotonic().saturating_sub(since);
            match find(console, client).await {
                Ok(Found::Same) if elapsed < WATCH => tokio::time::sleep(PAUSE).await,
                Ok(Found::Same) => {
                    let text = format!("killed; still there after {} s", WATCH.as_secs());
                    return End::new(Outcome::Unconfirmed, text);
                }
                Ok(Found::Nobody | Found::Other) => {
                    let text = format!("killed; ended within {} ms", elapsed.as_millis());
                    return End::new(Outcome::Ended, text);
                }
                Err(error) => {
                    let text = format!("killed; its end could not be seen: {error}");
                    return End::new(Outcome::Unconfirmed, text);
                }
            }
        }
    }
}

/// Who has a client's identifier now.
enum Found {
    Same,
    Other,
    Nobody,
}

/// The last look before a kill: identifiers are compared together with address, user and database.
async fn check(console: &mut Console, client: &PoolerClient) -> Result<(), End> {
    if client.client == Client::Unknown {
        return Err(End::unsent("the client's address is not known, so it could not be told from another"));
    }
    match find(console, client).await.map_err(End::unsent)? {
        Found::Same => Ok(()),
        Found::Nobody => Err(End::new(Why::Ended.outcome(), Why::Ended)),
        Found::Other => Err(End::new(Why::OtherClient.outcome(), Why::OtherClient)),
    }
}

async fn find(console: &mut Console, client: &PoolerClient) -> Result<Found, TargetError> {
    let answer = console.query("SHOW CLIENTS").await?;
    let text = |row: &[Option<bytes::Bytes>], name| answer.text(row, name).unwrap_or_default();
    let Some(row) = answer.rows.iter().find(|row| text(row, "id") == client.id) else {
        return Ok(Found::Nobody);
    };
    let (addr, port) = (text(row, "addr"), text(row, "port"));
    let from = match &client.client {
        Client::Tcp { addr: seen, port: seen_port } => *addr == **seen && *port == *seen_port.to_string(),
        Client::Local => addr.starts_with("unix"),
        Client::Unknown => false,
    };
    let same = from && text(row, "user") == client.user && text(row, "database") == client.database;
    Ok(if same { Found::Same } else { Found::Other })
}

/// Server connections in use in these pools.
fn sv_active(answer: &Answer, scope: &PoolScope) -> u64 {
    let of = |row: &&Vec<Option<bytes::Bytes>>, name: &str, wanted: &Option<Text>| {
        wanted.as_ref().is_none_or(|wanted| answer.text(row, name).as_ref() == Some(wanted))
    };
    let rows =
        answer.rows.iter().filter(|row| of(row, "database", &scope.database) && of(row, "user", &scope.user));
    rows.filter_map(|row| answer.text(row, "sv_active")?.parse::<u64>().ok()).sum()
}

/// What an answer of these words means: rights, somebody who is not there, a state that is not the one seen.
const WORDS: &[(&str, Outcome)] = &[
    ("admin access needed", Outcome::Denied),
    ("not allowed", Outcome::Denied),
    ("client not found", Outcome::Gone),
    ("no such database", Outcome::Gone),
    ("No pool configured", Outcome::Gone),
    ("already suspended/paused", Outcome::Changed),
    ("not paused", Outcome::Changed),
];

/// What an answer that is an error, or is lost, means.
fn refusal(error: &TargetError) -> End {
    if !error.refused {
        return End::new(Outcome::Unconfirmed, format!("sent, but the answer was lost: {error}"));
    }
    let known = WORDS.iter().find(|(words, _)| error.message.contains(words));
    let denied = error.code.as_deref() == Some("42501");
    let outcome = known.map_or(if denied { Outcome::Denied } else { Outcome::Refused }, |known| known.1);
    End::new(outcome, error)
}
