//! One running profile: samples through history and analysis into moments, and operations into outcomes.
//!
//! What the screen, the snapshot and the operation commands share. Dropping a [`Monitor`] ends its tasks and closes
//! its connections; [`Monitor::park`] keeps what it knows.

mod brain;
mod operations;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::analysis::{Moment, Settings};
use crate::collect::{self, Handle, Mailbox, Target};
use crate::control::confirm::Confirmed;
use crate::model::clock::Clock;
use crate::model::operation::{BlastRadius, Operation, OperationReport};
use crate::model::own::OwnSessions;
use crate::model::secret::SecretString;
use crate::model::target::{TargetError, TargetName};

use brain::Brain;
use operations::Desk;

pub use operations::MakeExecutor;

/// What a profile runs with.
pub struct Plan {
    /// Its targets, in the profile's order.
    pub targets: Vec<TargetPlan>,
    /// What the analysis judges by.
    pub settings: Settings,
    /// The most that the history may hold, in bytes.
    pub history_bytes: usize,
    /// Where the time comes from.
    pub clock: Clock,
}

/// One target of a plan.
pub struct TargetPlan {
    /// How it is read.
    pub target: Target,
    /// pooltop's own sessions there.
    pub own: OwnSessions,
    /// Makes what carries operations out there; `None` where nothing may be carried out.
    pub executor: Option<MakeExecutor>,
}

/// A running profile.
pub struct Monitor {
    moments: watch::Receiver<Option<Arc<Moment>>>,
    handles: HashMap<Arc<str>, Handle>,
    desk: Arc<Desk>,
    brain: Arc<Mutex<Brain>>,
    tasks: JoinSet<()>,
}

/// What a profile knew when it stopped running; it can go on from there.
pub struct Parked(Brain);

impl Monitor {
    /// Starts every target of the plan. With `parked` it goes on with what the profile knew before; the time between
    /// is a gap.
    pub fn start(plan: Plan, parked: Option<Parked>) -> Self {
        let Plan { targets, settings, history_bytes, clock } = plan;
        let mailbox = Mailbox::default();
        let (mut tasks, mut handles, desk) = (JoinSet::new(), HashMap::new(), Desk::new(&mailbox, &clock));
        let mut own = Vec::new();
        for TargetPlan { target, own: sessions, executor } in targets {
            let name = target.name.clone();
            let handle = collect::spawn(target, clock.clone(), mailbox.clone(), &mut tasks);
            if let Some(make) = executor {
                desk.open(&name, make, &handle);
            }
            handles.insert(name.clone(), handle);
            own.push((name, sessions));
        }
        let mut brain = parked.map_or_else(|| Brain::new(settings, history_bytes), |parked| parked.0);
        brain.resume(own, clock.now());
        let (brain, desk) = (Arc::new(Mutex::new(brain)), Arc::new(desk));
        let (sender, moments) = watch::channel(None);
        tasks.spawn(pump(mailbox, Arc::clone(&brain), Arc::clone(&desk), sender, clock));
        Self { moments, handles, desk, brain, tasks }
    }

    /// The newest moment, and a way to wait for the next. `None` until the first status is known.
    pub fn moments(&self) -> watch::Receiver<Option<Arc<Moment>>> {
        self.moments.clone()
    }

    /// Takes operations on these targets from now on.
    pub fn arm(&self, executors: Vec<(TargetName, MakeExecutor)>) {
        for (target, make) in executors {
            if let Some(handle) = self.handles.get(&target) {
                self.desk.open(&target, make, handle);
            }
        }
    }

    /// Takes no operation any more, and gives their connections back. What is under way is carried out to its end.
    pub fn disarm(&self) {
        self.desk.close();
    }

    /// What an operation would undo. The future does not borrow the monitor, so that nothing waits for it.
    pub fn inspect(
        &self,
        operation: Operation,
    ) -> impl Future<Output = Result<Vec<BlastRadius>, TargetError>> + Send + use<> {
        let locks = self.lock_brain(|brain| brain.locks(&operation.target));
        let desk = Arc::clone(&self.desk);
        async move { desk.inspect(&operation, locks.as_deref()).await }
    }

    /// Carries out what was confirmed. The reports arrive as outcomes come in; the last one is settled, after which
    /// the channel closes and the target is sampled at once.
    pub fn execute(&mut self, confirmed: Confirmed<Operation>) -> mpsc::UnboundedReceiver<OperationReport> {
        let (reports, receiver) = mpsc::unbounded_channel();
        let (desk, handle) = (Arc::clone(&self.desk), self.handles.get(&confirmed.get().target).cloned());
        self.tasks.spawn(async move {
            desk.execute(confirmed, &reports).await;
            if let Some(handle) = handle {
                handle.retry();
            }
        });
        receiver
    }

    /// What an operation would come to, without sending anything.
    pub async fn rehearse(&self, operation: &Operation) -> Option<OperationReport> {
        self.desk.rehearse(operation).await
    }

    /// Tries to reach a target now, or samples it now.
    pub fn retry(&self, target: &str) {
        if let Some(handle) = self.handles.get(target) {
            handle.retry();
        }
    }

    /// Uses a secret that a person typed for a target, from now on.
    pub fn give_secret(&self, target: &str, secret: &SecretString) {
        if let Some(handle) = self.handles.get(target) {
            handle.give_secret(secret.clone());
        }
        self.desk.give_secret(target, secret);
    }

    /// Resolves when a task panicked, with what it said. Nothing of this profile can be trusted afterwards.
    pub async fn failed(&mut self) -> String {
        loop {
            match self.tasks.join_next().await {
                Some(Err(error)) if error.is_panic() => {
                    let panic = error.into_panic();
                    let said = panic.downcast_ref::<String>().map(String::as_str);
                    return said
                        .or_else(|| panic.downcast_ref::<&str>().copied())
                        .unwrap_or("a task panicked")
                        .into();
                }
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Stops everything and keeps what is known.
    pub async fn park(mut self, settings: Settings) -> Parked {
        self.tasks.shutdown().await;
        Parked(self.lock_brain(|brain| std::mem::replace(brain, Brain::new(settings, 0))))
    }

    fn lock_brain<T>(&self, look: impl FnOnce(&mut Brain) -> T) -> T {
        look(&mut self.brain.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes what the collectors left and makes moments of it.
async fn pump(
    mailbox: Mailbox,
    brain: Arc<Mutex<Brain>>,
    desk: Arc<Desk>,
    moments: watch::Sender<Option<Arc<Moment>>>,
    clock: Clock,
) {
    loop {
        let news = mailbox.take().await;
        let moment = {
            let mut brain = brain.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::new(brain.absorb(news, clock.now()))
        };
        desk.warm(&moment);
        moments.send_replace(Some(moment));
    }
}
