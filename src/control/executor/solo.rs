//! Carrying out what was confirmed on a pooler or on a Redis server: each operation over a connection of its own.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::Ledger;
use super::tally::Tally;
use super::{PAUSE, WATCH, console, finish, redis};
use crate::connect::{Conninfo, Console, RedisConnection};
use crate::control::audit::Audit;
use crate::control::confirm::{Access, Confirmed, Policy, ReadOnly, Why};
use crate::model::clock::Clock;
use crate::model::operation::{Aim, Operation, OperationReport, Outcome};
use crate::model::pooler::PoolerClient;
use crate::model::redis::RedisClient;
use crate::model::secret::SecretString;
use crate::model::target::TargetError;
use crate::text::Text;

/// What a [`SoloExecutor`] is made from. One per pooler or Redis target.
pub struct SoloSetup {
    /// How to reach the target.
    pub conninfo: Conninfo,
    /// What the profile allows.
    pub policy: Policy,
    /// Where the trace goes.
    pub audit: Audit,
    /// For the audit and for how long an ending took.
    pub clock: Clock,
}

/// Carries operations out on one pooler or Redis server. Several may be under way: a PAUSE that waits holds up no RESUME.
pub struct SoloExecutor {
    conninfo: Mutex<Conninfo>,
    policy: Policy,
    ledger: Ledger,
}

/// How an operation reaches its target.
pub(super) struct Way {
    pub(super) conninfo: Conninfo,
    pub(super) clock: Clock,
}

/// What came of an operation.
pub(super) struct End(pub(super) Outcome, pub(super) String);

impl End {
    pub(super) fn new(outcome: Outcome, message: impl fmt::Display) -> Self {
        Self(outcome, message.to_string())
    }

    /// What it was aimed at is left alone.
    pub(super) fn left_alone(why: &Why) -> Self {
        Self(why.outcome(), why.to_string())
    }

    /// It did not come to sending anything.
    pub(super) fn unsent(why: impl fmt::Display) -> Self {
        Self(Outcome::Refused, format!("nothing was sent: {why}"))
    }

    /// It was sent, and what came of it is not known.
    pub(super) fn lost(why: impl fmt::Display) -> Self {
        Self(Outcome::Unconfirmed, format!("sent, but the answer was lost: {why}"))
    }
}

impl SoloExecutor {
    /// An executor. In a read-only profile there is none.
    pub fn new(setup: SoloSetup) -> Result<Self, ReadOnly> {
        let SoloSetup { conninfo, policy, audit, clock } = setup;
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
        let way = Way { conninfo: self.lock().clone(), clock: self.ledger.clock.clone() };
        match &operation.aim {
            Aim::Pools(pooler, scope) => console::command_pools(&way, operation.kind, pooler, scope).await,
            Aim::PooledClient(pooler, client) => {
                self.may_kill(&client.user)?;
                console::kill(&way, pooler, client).await
            }
            Aim::RedisClient(client) => {
                self.may_kill(&client.user)?;
                redis::kill(&way, client).await
            }
            Aim::Sessions { .. } => Err(End::unsent("sessions are signalled on their PostgreSQL server")),
        }
    }

    fn may_kill(&self, user: &Text) -> Result<(), End> {
        let why = self.policy.protects(user).then(|| Why::Protected(user.clone()));
        why.map_or(Ok(()), |why| Err(End::left_alone(&why)))
    }
}

/// A client that was killed, and the connection over which it is looked for.
pub(super) enum Killed<'a> {
    Pooled(&'a mut Console, &'a PoolerClient),
    Redis(&'a mut RedisConnection, &'a RedisClient),
}

impl Killed<'_> {
    async fn is_there(&mut self) -> Result<bool, TargetError> {
        match self {
            Self::Pooled(console, client) => console::is_there(console, client).await,
            Self::Redis(connection, client) => redis::is_there(connection, client).await,
        }
    }
}

/// Watches a client that was killed until it has gone, or the time is over.
pub(super) async fn watch(clock: &Clock, mut killed: Killed<'_>) -> End {
    let since = clock.monotonic();
    loop {
        let seen = killed.is_there().await;
        let elapsed = clock.monotonic().saturating_sub(since);
        match seen {
            Ok(true) if elapsed < WATCH => tokio::time::sleep(PAUSE).await,
            Ok(true) => {
                let text = format!("killed; still there after {} s", WATCH.as_secs());
                return End::new(Outcome::Unconfirmed, text);
            }
            Ok(false) => {
                return End::new(Outcome::Ended, format!("killed; ended within {} ms", elapsed.as_millis()));
            }
            Err(error) => {
                return End::new(Outcome::Unconfirmed, format!("killed; its end could not be seen: {error}"));
            }
        }
    }
}
