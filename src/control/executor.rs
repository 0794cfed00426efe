//! Carrying out what was confirmed, and nothing else.
//!
//! The way: intent on disk, then one statement that checks and signals, then a look whether the sessions really
//! went, then the outcomes on disk. An executor exists only where the profile allows operations.

mod console;
mod guard;
mod inspect;
mod ledger;
mod line;
mod redis;
mod run;
mod server;
mod solo;
mod tally;
mod watch;

use std::time::Duration;

use guard::{Action, Guard};
use ledger::Ledger;
use line::{Line, Ready, STATEMENT, Unready, failure, within};
use run::Run;
use server::Server;
use tally::Tally;

use crate::connect::{Connection, Conninfo};
use crate::control::audit::Audit;
use crate::control::confirm::{Access, Confirmed, Policy, ReadOnly, Why};
use crate::model::clock::Clock;
use crate::model::locks::LockPicture;
use crate::model::operation::{BlastRadius, Operation, OperationKind, OperationReport, Outcome, Victim};
use crate::model::own::OwnSessions;
use crate::model::secret::SecretString;
use crate::model::target::TargetError;

pub use inspect::frees;
pub use line::Sampling;
pub use solo::{SoloExecutor, SoloSetup};

/// How long a signalled session is watched, and how often it is looked for.
const WATCH: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

const UNKNOWN_ADDRESS: &str =
    "the server's address cannot be read, so it could not be told from another server";

/// Free slots that the server must have before a connection is opened that nobody needs yet.
const SPARE_SLOTS: u32 = 5;

/// What an executor is made from. One per PostgreSQL target.
pub struct Setup {
    /// How to reach the target.
    pub conninfo: Conninfo,
    /// What the profile allows.
    pub policy: Policy,
    /// Where the trace goes.
    pub audit: Audit,
    /// pooltop's own sessions there: never signalled. The operations connection enters itself.
    pub own: OwnSessions,
    /// The connection to fall back on where the server refuses another one.
    pub sampling: Sampling,
    /// For the audit and for how long an ending took.
    pub clock: Clock,
}

/// Carries operations out on one PostgreSQL target, one at a time.
pub struct Executor {
    line: Line,
    policy: Policy,
    ledger: Ledger,
    own: OwnSessions,
}

impl Executor {
    /// An executor, with no connection yet. In a read-only profile there is none.
    pub fn new(setup: Setup) -> Result<Self, ReadOnly> {
        let Setup { conninfo, policy, audit, own, sampling, clock } = setup;
        if policy.access == Access::ReadOnly {
            return Err(ReadOnly { profile: policy.profile });
        }
        let line = Line::new(conninfo, sampling, own.clone());
        let ledger = Ledger { audit, profile: policy.profile.clone(), clock };
        Ok(Self { line, policy, ledger, own })
    }

    /// Opens the operations connection in good time, where the server has slots to spare; later calls renew one
    /// that the server has closed. Without it the first operation opens one.
    pub async fn warm(&mut self, free_slots: u32) -> Result<(), TargetError> {
        if free_slots < SPARE_SLOTS {
            return Ok(());
        }
        self.line.open().await.map(|_| ())
    }

    /// Uses a password that a person typed, from the next connection on.
    pub fn use_password(&mut self, password: SecretString) {
        self.line.use_password(password);
    }

    /// Other settings to connect with, such as a password that a person has just typed. A connection that is open
    /// stays; one that was refused for its password is tried again.
    pub fn renew(&mut self, conninfo: Conninfo) {
        self.line.renew(conninfo);
    }

    /// What the operation would undo, per session in its order: read before the question is answered.
    ///
    /// `locks` is what is known about who waits for whom; without it nobody is said to be freed.
    pub async fn inspect(
        &mut self,
        operation: &Operation,
        locks: Option<&LockPicture>,
    ) -> Result<Vec<BlastRadius>, TargetError> {
        let server = server_of(operation).ok_or_else(|| failure(UNKNOWN_ADDRESS))?;
        let ready = self.line.ready(&server).await.map_err(|why| match why {
            Unready::NoConnection(error) => error,
            Unready::OtherServer => failure(&why.to_string()),
        })?;
        let mut radii = within(STATEMENT, inspect::read(&ready.connection, operation, &self.policy)).await?;
        if let Some(locks) = locks {
            inspect::fill_frees(&mut radii, locks);
        }
        Ok(radii)
    }

    /// Carries out a confirmed operation.
    ///
    /// `report` gets the outcomes as they come in; the last one, which is also returned, is settled. Takes a few
    /// seconds at most, because what was signalled is watched until it has gone.
    pub async fn execute(
        &mut self,
        confirmed: Confirmed<Operation>,
        mut report: impl FnMut(OperationReport),
    ) -> OperationReport {
        let operation = confirmed.into_inner();
        let mut tally = Tally::new(&operation);
        if let Err(error) = self.ledger.intend(&operation).await {
            tally.remark(&error);
            return finish(tally, &mut report);
        }
        match server_of(&operation) {
            None => tally.remark(UNKNOWN_ADDRESS),
            Some(server) => {
                let mut run = Run::new(&operation, server, tally);
                self.send(&mut run).await;
                if !run.watched.is_empty() && operation.kind == OperationKind::Terminate {
                    report(run.tally.so_far());
                    self.watch(&mut run, &mut report).await;
                }
                tally = run.tally;
            }
        }
        if let Err(error) = self.ledger.conclude(&operation, &tally, false).await {
            tally.remark(&error);
        }
        finish(tally, &mut report)
    }

    /// What would come of an operation: the same checks in the same statement, with no signal. It is in the audit
    /// as a dry run; [`Outcome::Signalled`] then means that the check was passed.
    pub async fn rehearse(&mut self, operation: &Operation) -> OperationReport {
        let mut tally = Tally::new(operation);
        match server_of(operation) {
            None => tally.remark(UNKNOWN_ADDRESS),
            Some(server) => match self.line.ready(&server).await {
                Err(why) => tally.remark(&why.to_string()),
                Ok(ready) => {
                    let mut run = Run::new(operation, server, tally);
                    let open = self.leave_own_alone(&mut run);
                    self.signal(&ready, &mut run, &open, Action::Rehearse).await;
                    tally = run.tally;
                }
            },
        }
        if let Err(error) = self.ledger.conclude(operation, &tally, true).await {
            tally.remark(&error);
        }
        tally.settled()
    }

    async fn send(&mut self, run: &mut Run<'_>) {
        let open = self.leave_own_alone(run);
        let ready = match self.line.ready(&run.server).await {
            Ok(ready) => ready,
            Err(why) => {
                let outcome = match why {
                    Unready::OtherServer => Why::OtherServer.outcome(),
                    Unready::NoConnection(_) => Outcome::Refused,
                };
                for place in open {
                    run.tally.set(place, outcome, &format!("nothing was sent: {why}"));
                }
                return;
            }
        };
        let denied = self.signal(&ready, run, &open, Action::Signal).await;
        // Whether the catalogs tell the whole truth is the server's to say, and so are the words of a refusal. One
        // refusal fails a statement, so each of these gets its own.
        for place in denied {
            self.signal(&ready, run, &[place], Action::SignalUnlessRefused).await;
        }
    }

    /// Says so for our own sessions; returns the places of the others.
    fn leave_own_alone(&self, run: &mut Run<'_>) -> Vec<usize> {
        let mut others = Vec::new();
        for (place, victim) in run.operation.victims().iter().enumerate() {
            if self.own.contains(victim.id()) {
                run.tally.set(place, Why::Own.outcome(), &Why::Own.to_string());
            } else {
                others.push(place);
            }
        }
        others
    }

    /// Runs the guarded statement on these places and takes down what came of it. Returns those to whom the role
    /// seems to have no right.
    async fn signal(&self, ready: &Ready, run: &mut Run<'_>, places: &[usize], action: Action) -> Vec<usize> {
        let victims: Vec<&Victim> =
            places.iter().filter_map(|place| run.operation.victims().get(*place)).collect();
        if victims.is_empty() {
            return Vec::new();
        }
        let guard = Guard {
            kind: run.operation.kind,
            server: &run.server,
            policy: &self.policy,
            not_after: ready.not_after(),
        };
        match within(STATEMENT, guard.run(&ready.connection, &victims, action)).await {
            Ok(verdicts) => run.take_down(places.iter().copied().zip(verdicts), action),
            Err(error) if error.code.as_deref() == Some("42501") => run.refused(places, &error, action),
            Err(error) => run.lost(places, &error, action),
        }
    }

    /// Watches signalled sessions until they have gone, or the time is over.
    async fn watch(&mut self, run: &mut Run<'_>, report: &mut impl FnMut(OperationReport)) {
        let since = self.ledger.clock.monotonic();
        let (mut kept, mut trouble) = (None, None);
        let watching = async {
            while !run.watched.is_empty() {
                tokio::time::sleep(PAUSE).await;
                let seen = self.look(run, &mut kept).await;
                let elapsed = self.ledger.clock.monotonic().saturating_sub(since);
                match seen {
                    Ok(still_there) if run.gone(&still_there, elapsed) => report(run.tally.so_far()),
                    Ok(_) => trouble = None,
                    Err(error) => trouble = Some(error),
                }
            }
        };
        let _ = tokio::time::timeout(WATCH, watching).await;
        let what = trouble.map_or_else(
            || format!("still there after {} s", WATCH.as_secs()),
            |error| format!("its end could not be seen: {error}"),
        );
        for place in std::mem::take(&mut run.watched) {
            run.tally.amend(place, Outcome::Unconfirmed, &what);
        }
    }

    /// Places of the watched sessions that are still there. The connection is kept as long as it answers.
    async fn look(&mut self, run: &Run<'_>, kept: &mut Option<Connection>) -> Result<Vec<usize>, String> {
        let connection = match kept.take() {
            Some(connection) => connection,
            None => self.line.ready(&run.server).await.map_err(|why| why.to_string())?.connection,
        };
        let victims: Vec<&Victim> =
            run.watched.iter().filter_map(|place| run.operation.victims().get(*place)).collect();
        let look = within(STATEMENT, watch::look(&connection, &run.server, &victims)).await;
        let look = look.map_err(|error| error.to_string())?;
        if !look.same_server {
            return Err(Why::OtherServer.to_string());
        }
        *kept = Some(connection);
        Ok(look.still_there.into_iter().filter_map(|index| run.watched.get(index).copied()).collect())
    }
}

fn server_of(operation: &Operation) -> Option<Server> {
    operation.identity().and_then(Server::of)
}

fn finish(tally: Tally, report: &mut impl FnMut(OperationReport)) -> OperationReport {
    let settled = tally.settled();
    report(settled.clone());
    settled
}
