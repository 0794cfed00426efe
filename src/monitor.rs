//! One running profile: samples through history and analysis into moments, and operations into outcomes.
//!
//! What the screen, the snapshot and the operation commands share. Dropping a [`Monitor`] ends its tasks and closes
//! its connections; [`Monitor::park`] keeps what it knows.

mod brain;
mod live;
mod marks;
mod operations;
mod past;
mod recorder;
mod replay;
#[cfg(test)]
mod tests;
mod travel;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::analysis::{Moment, Settings};
use crate::collect::{self, Handle, Mailbox, Target};
use crate::control::audit::Follow;
use crate::control::confirm::Confirmed;
use crate::model::clock::Clock;
use crate::model::operation::{BlastRadius, Operation, OperationReport};
use crate::model::own::OwnSessions;
use crate::model::secret::SecretString;
use crate::model::target::{TargetError, TargetName};
use crate::model::time::Timestamp;
use crate::model::track::{Track, Travel};

use live::Live;
use operations::Desk;
use past::Place;

pub use operations::MakeExecutor;
pub use past::{Tape, Taped};
pub use recorder::{Recording, RecordingOptions, Trigger};
pub use replay::{Replay, first_moment, moment_at};
pub use travel::Cursor;

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
    /// Operations on this profile, whoever carries them out; `None` where none can be.
    pub operations: Option<Follow>,
}

impl Plan {
    /// One without targets.
    pub fn nothing(clock: &Clock) -> Self {
        Self {
            targets: Vec::new(),
            settings: Settings::default(),
            history_bytes: 0,
            clock: clock.clone(),
            operations: None,
        }
    }
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
    live: Arc<Mutex<Live>>,
    track: watch::Receiver<Option<Arc<Track>>>,
    cursor: Arc<Mutex<Cursor>>,
    tasks: JoinSet<()>,
}

/// What a profile knew when it stopped running; it can go on from there.
pub struct Parked(Live);

impl Monitor {
    /// Starts every target of the plan. With `parked` it goes on with what the profile knew before; the time between
    /// is a gap.
    pub fn start(plan: Plan, parked: Option<Parked>) -> Self {
        let Plan { targets, settings, history_bytes, clock, operations } = plan;
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
        let mut live = parked.map_or_else(|| Live::new(settings, history_bytes), |parked| parked.0);
        live.resume(own, clock.now());
        let (live, desk) = (Arc::new(Mutex::new(live)), Arc::new(desk));
        let ((to_moments, moments), (to_track, track)) = (watch::channel(None), watch::channel(None));
        let pump = Pump { live: Arc::clone(&live), desk: Arc::clone(&desk), to_moments, to_track, clock };
        tasks.spawn(pump.run(mailbox, operations));
        Self { moments, handles, desk, live, track, cursor: Arc::default(), tasks }
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

    /// How far the past reaches, with what is worth finding in it; it changes with every moment.
    pub fn track(&self) -> watch::Receiver<Option<Arc<Track>>> {
        self.track.clone()
    }

    /// The moment to which `travel` leads from the one made at `from`: the very one that was shown then. The newest is the
    /// live one. `None` where there is no moment at all.
    ///
    /// It is made again off the threads of the runtime; the future does not borrow the monitor.
    pub fn travel(
        &self,
        from: Timestamp,
        travel: Travel,
    ) -> impl Future<Output = Option<Arc<Moment>>> + Send + use<> {
        let place = self.lock(|live| live.past.find(from, travel));
        let (newest, cursor) = (self.moments.borrow().clone(), Arc::clone(&self.cursor));
        async move {
            let made = tokio::task::spawn_blocking(move || {
                let mut cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(Place { stretch, start, frames }) = place else {
                    cursor.clear();
                    return newest;
                };
                cursor.moment(stretch, &start, &frames).ok().flatten()
            });
            made.await.ok().flatten()
        }
    }

    /// The past so far and what follows it: what a recording is made of.
    ///
    /// It says what statements say. What leaves the machine goes through [`Frame::redacted`](crate::model::past::Frame) and
    /// [`analysis::redacted`](crate::analysis::redacted) first.
    pub fn tape(&self) -> Tape {
        self.lock(|live| live.past.tape())
    }

    /// What an operation would undo. The future does not borrow the monitor, so that nothing waits for it.
    pub fn inspect(
        &self,
        operation: Operation,
    ) -> impl Future<Output = Result<Vec<BlastRadius>, TargetError>> + Send + use<> {
        let locks = self.lock(|live| live.locks(&operation.target));
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
        panicked(&mut self.tasks).await
    }

    /// Stops everything and keeps what is known.
    pub async fn park(mut self, settings: Settings) -> Parked {
        self.tasks.shutdown().await;
        let mut live = self.lock(|live| std::mem::replace(live, Live::new(settings, 0)));
        live.past.interrupt();
        Parked(live)
    }

    fn lock<T>(&self, look: impl FnOnce(&mut Live) -> T) -> T {
        look(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Resolves when one of the tasks panicked, with what it said.
async fn panicked(tasks: &mut JoinSet<()>) -> String {
    loop {
        match tasks.join_next().await {
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

/// Takes what the collectors left and makes moments of it.
struct Pump {
    live: Arc<Mutex<Live>>,
    desk: Arc<Desk>,
    to_moments: watch::Sender<Option<Arc<Moment>>>,
    to_track: watch::Sender<Option<Arc<Track>>>,
    clock: Clock,
}

impl Pump {
    async fn run(self, mailbox: Mailbox, mut operations: Option<Follow>) {
        loop {
            let news = mailbox.take().await;
            let operations = operations.as_mut().map(Follow::news).unwrap_or_default();
            let (moment, track) = {
                let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
                live.absorb(news, operations, self.clock.now())
            };
            self.desk.warm(&moment);
            // The track first, so that whoever sees a moment finds it there.
            self.to_track.send_replace(Some(track));
            self.to_moments.send_replace(Some(moment));
        }
    }
}
