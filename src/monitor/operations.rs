//! Where operations are handed in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};

use tokio::sync::{Mutex, mpsc};

use crate::analysis::Moment;
use crate::analysis::moment::ServerView;
use crate::collect::{Handle, Mailbox};
use crate::control::confirm::{Confirmed, ReadOnly};
use crate::control::executor::{Executor, Sampling, SoloExecutor, SoloSetup};
use crate::model::clock::Clock;
use crate::model::event::{Event, EventKind};
use crate::model::limit::LimitScope;
use crate::model::locks::LockPicture;
use crate::model::operation::{BlastRadius, Operation, OperationReport, Outcome, VictimOutcome};
use crate::model::secret::SecretString;
use crate::model::target::{TargetError, TargetName};

/// How the executor of a target is made.
pub enum MakeExecutor {
    /// On a PostgreSQL server, given the way to the sampling connection that it falls back on.
    Server(Box<dyn FnOnce(Sampling) -> Result<Executor, ReadOnly> + Send>),
    /// On a pooler or a Redis server.
    Solo(Box<SoloSetup>),
}

/// The executors of a profile. Empty where nothing may be carried out.
pub(super) struct Desk {
    executors: RwLock<HashMap<TargetName, Arc<Entry>>>,
    /// What was typed so far, for executors that are made later.
    secrets: StdMutex<HashMap<TargetName, SecretString>>,
    mailbox: Mailbox,
    clock: Clock,
}

enum Entry {
    /// One operation at a time, over one connection.
    Server { executor: Arc<Mutex<Executor>>, warmed: AtomicBool },
    /// Each operation over its own connection: a PAUSE that waits must not hold up the RESUME.
    Solo(Box<SoloExecutor>),
}

impl Desk {
    pub(super) fn new(mailbox: &Mailbox, clock: &Clock) -> Self {
        Self {
            executors: RwLock::default(),
            secrets: StdMutex::default(),
            mailbox: mailbox.clone(),
            clock: clock.clone(),
        }
    }

    /// Lets operations on this target be handed in.
    pub(super) fn open(&self, target: &TargetName, make: MakeExecutor, handle: &Handle) {
        let handle = handle.clone();
        let entry = match make {
            MakeExecutor::Server(make) => make(Arc::new(move || handle.connection())).map(|executor| {
                Entry::Server { executor: Arc::new(Mutex::new(executor)), warmed: AtomicBool::new(false) }
            }),
            MakeExecutor::Solo(setup) => {
                SoloExecutor::new(*setup).map(|executor| Entry::Solo(Box::new(executor)))
            }
        };
        // A read-only profile gets no executor, hence no entry.
        if let Ok(entry) = entry {
            let mut executors = self.executors.write().unwrap_or_else(PoisonError::into_inner);
            executors.insert(target.clone(), Arc::new(entry));
        }
        let secret = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned();
        if let Some(secret) = secret {
            self.give_secret(target, &secret);
        }
    }

    /// Takes no operation any more. What is under way is carried out to its end.
    pub(super) fn close(&self) {
        self.executors.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn entry(&self, target: &str) -> Option<Arc<Entry>> {
        self.executors.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// Opens the operations connections once it is known how many slots are free. Does not wait for them.
    pub(super) fn warm(&self, moment: &Moment) {
        for (target, server) in moment.targets.iter().zip(&moment.servers) {
            let Some(entry) = self.entry(&target.name) else { continue };
            let Entry::Server { executor, warmed } = &*entry else { continue };
            let Some(free) = server.as_ref().and_then(|server| free_slots(moment, &target.name, server))
            else {
                continue;
            };
            if !warmed.swap(true, Ordering::Relaxed) {
                let executor = Arc::clone(executor);
                // Failing is no news here: the first operation tries again and says why.
                tokio::spawn(async move { executor.lock().await.warm(free).await });
            }
        }
    }

    pub(super) async fn inspect(
        &self,
        operation: &Operation,
        locks: Option<&LockPicture>,
    ) -> Result<Vec<BlastRadius>, TargetError> {
        match self.entry(&operation.target).as_deref() {
            Some(Entry::Server { executor, .. }) => executor.lock().await.inspect(operation, locks).await,
            Some(Entry::Solo(_)) => Ok(Vec::new()),
            None => Err(no_operations(&operation.target)),
        }
    }

    pub(super) async fn execute(
        &self,
        confirmed: Confirmed<Operation>,
        reports: &mpsc::UnboundedSender<OperationReport>,
    ) {
        let target = confirmed.get().target.clone();
        let Some(entry) = self.entry(&target) else {
            let _ = reports.send(refused(confirmed.get()));
            return;
        };
        let tell = |report| drop(reports.send(report));
        let settled = match &*entry {
            Entry::Server { executor, .. } => executor.lock().await.execute(confirmed, tell).await,
            Entry::Solo(executor) => executor.execute(confirmed, tell).await,
        };
        self.mailbox.event(self.event(&settled));
    }

    pub(super) async fn rehearse(&self, operation: &Operation) -> Option<OperationReport> {
        match &*self.entry(&operation.target)? {
            Entry::Server { executor, .. } => Some(executor.lock().await.rehearse(operation).await),
            Entry::Solo(_) => None,
        }
    }

    /// Lets the operations connection use the same secret.
    pub(super) fn give_secret(&self, target: &str, secret: &SecretString) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(target.into(), secret.clone());
        drop(secrets);
        match self.entry(target).as_deref() {
            Some(Entry::Server { executor, .. }) => {
                let (executor, secret) = (Arc::clone(executor), secret.clone());
                tokio::spawn(async move { executor.lock().await.use_password(secret) });
            }
            Some(Entry::Solo(executor)) => executor.use_password(secret.clone()),
            None => {}
        }
    }

    fn event(&self, report: &OperationReport) -> Event {
        let done = report.outcomes.iter().filter(|outcome| outcome.outcome.is_success()).count();
        let text = format!("{}: {done} of {} as asked", report.kind, report.outcomes.len());
        Event {
            at: self.clock.now(),
            target: report.target.clone(),
            kind: EventKind::Operation,
            text: text.as_str().into(),
        }
    }
}

/// Slots that an ordinary role could still use on the server of `target`.
fn free_slots(moment: &Moment, target: &TargetName, server: &ServerView) -> Option<u32> {
    server.facts.as_ref()?;
    let limit =
        moment.limits.iter().find(|limit| limit.scope == LimitScope::Server && limit.target == *target)?;
    Some(limit.usable()?.saturating_sub(limit.used))
}

fn no_operations(target: &TargetName) -> TargetError {
    TargetError {
        code: None,
        message: format!("{target}: this profile is read-only, nothing is sent").as_str().into(),
        hint: None,
        refused: true,
        authentication: false,
    }
}

/// The report for an operation that nobody here may carry out.
fn refused(operation: &Operation) -> OperationReport {
    let outcome =
        |id| VictimOutcome { id, outcome: Outcome::Refused, message: "this profile is read-only".into() };
    OperationReport {
        kind: operation.kind,
        target: operation.target.clone(),
        outcomes: operation.ids().into_iter().map(outcome).collect(),
        settled: true,
    }
}
