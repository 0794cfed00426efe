//! Several profiles at once: each is watched by a monitor of its own, without operations; the one that is opened gets them.
//!
//! Opening a profile moves its monitor to the dashboard and back: it keeps its connections and its history, and no server
//! ever sees a second sampling connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Dashboard, header, send};
use crate::analysis::Moment;
use crate::cli::profile::Running;
use crate::cli::{hook, start};
use crate::control::audit::Audit;
use crate::model::clock::Clock;
use crate::model::own::OwnSessions;
use crate::model::target::TargetName;
use crate::monitor::{Monitor, Plan};
use crate::text::Text;
use crate::ui::{FleetMember, Input, Tone};

/// How often the screen is told what is new, at most.
const TURN: Duration = Duration::from_millis(100);
/// All profiles are started within so many turns: a fleet does not connect all at once.
const STARTING_TURNS: usize = 40;
/// What the histories of all profiles may take together, in bytes.
const HISTORY_BYTES: usize = 256 << 20;
/// Fleets larger than this are sampled at [`SLOW`] at most, smaller ones at [`FAST`]: a list is read less closely.
const LARGE: usize = 50;
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(2);

/// Profiles that are watched together.
pub(super) struct Fleet {
    members: Vec<Member>,
    turns: Interval,
    inputs: mpsc::Sender<Input>,
    /// The screen has not been told yet how they stand.
    is_news: bool,
}

/// One of them.
struct Member {
    running: Running,
    state: State,
}

enum State {
    /// Its turn to start has not come.
    Waiting,
    /// It is watched.
    Watched(Watch, Monitor),
    /// It is open: its monitor is the dashboard's.
    Open(Watch),
}

/// What is kept of a profile that was started.
struct Watch {
    moments: watch::Receiver<Option<Arc<Moment>>>,
    own: BTreeMap<TargetName, OwnSessions>,
}

/// What the fleet has to tell.
pub(super) enum News {
    /// How its profiles stand.
    Standing,
    /// One of its monitors failed.
    Failed(String),
}

impl Fleet {
    /// These profiles; `None` where there are none.
    pub(super) fn new(profiles: Vec<Running>, inputs: &mpsc::Sender<Input>) -> Option<Self> {
        if profiles.is_empty() {
            return None;
        }
        let many = profiles.len();
        let least = if many > LARGE { SLOW } else { FAST };
        let member = |mut running: Running| {
            running.interval = running.interval.max(least);
            running.history_bytes = running.history_bytes.min(HISTORY_BYTES / many);
            Member { running, state: State::Waiting }
        };
        let mut turns = interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let members = profiles.into_iter().map(member).collect();
        Some(Self { members, turns, inputs: inputs.clone(), is_news: true })
    }

    /// Whether a profile of that name is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| *member.running.name == *name)
    }

    /// Starts whose turn it is and waits until there is something to tell; for ever where there is no fleet.
    pub(super) async fn next(fleet: Option<&mut Self>, clock: &Clock, audit: &Audit) -> News {
        let Some(fleet) = fleet else { return std::future::pending().await };
        loop {
            fleet.turns.tick().await;
            if let Some(why) = fleet.turn(clock, audit) {
                return News::Failed(why);
            }
            if fleet.is_news && !fleet.has_open() {
                return News::Standing;
            }
        }
    }

    fn has_open(&self) -> bool {
        self.members.iter().any(|member| matches!(member.state, State::Open(_)))
    }

    /// Returns why a monitor failed, if one did.
    fn turn(&mut self, clock: &Clock, audit: &Audit) -> Option<String> {
        let at_once = self.members.len().div_ceil(STARTING_TURNS);
        let waiting = self.members.iter_mut().filter(|member| matches!(member.state, State::Waiting));
        for member in waiting.take(at_once) {
            let (watch, monitor) = member.start(clock, audit, &self.inputs);
            member.state = State::Watched(watch, monitor);
        }
        for member in &mut self.members {
            if let State::Watched(watch, monitor) = &mut member.state {
                self.is_news |= watch.moments.has_changed().unwrap_or(false);
                watch.moments.mark_unchanged();
                if let Some(why) = monitor.failed().now_or_never() {
                    return Some(format!("{}: {why}", member.running.name));
                }
            }
        }
        None
    }

    fn standing(&self) -> Vec<FleetMember> {
        let member = |member: &Member| FleetMember {
            name: member.running.name.clone(),
            label: member.running.label.clone(),
            production: member.running.production,
            moment: match &member.state {
                State::Waiting => None,
                State::Watched(watch, _) | State::Open(watch) => watch.moments.borrow().clone(),
            },
        };
        self.members.iter().map(member).collect()
    }

    /// Hands out the monitor of a profile, which is then open.
    fn take(&mut self, name: &str, clock: &Clock, audit: &Audit) -> Option<(Running, Monitor)> {
        let member = self.members.iter_mut().find(|member| *member.running.name == *name)?;
        let (watch, monitor) = match std::mem::replace(&mut member.state, State::Waiting) {
            State::Waiting => member.start(clock, audit, &self.inputs),
            State::Watched(watch, monitor) => (watch, monitor),
            State::Open(watch) => {
                member.state = State::Open(watch);
                return None;
            }
        };
        monitor.arm(start::executors(&member.running, &watch.own, audit, clock));
        member.state = State::Open(watch);
        Some((member.running.clone(), monitor))
    }

    /// Takes back the monitor of the profile that is open; says whether one was.
    fn put_back(&mut self, monitor: Monitor) -> bool {
        let open = self.members.iter_mut().find(|member| matches!(member.state, State::Open(_)));
        let Some(member) = open else { return false };
        monitor.disarm();
        if let State::Open(watch) = std::mem::replace(&mut member.state, State::Waiting) {
            member.state = State::Watched(watch, monitor);
        }
        self.is_news = true;
        true
    }
}

impl Member {
    fn start(&self, clock: &Clock, audit: &Audit, inputs: &mpsc::Sender<Input>) -> (Watch, Monitor) {
        let mut plan = start::plan(&self.running, audit, clock);
        plan.targets.iter_mut().for_each(|target| target.executor = None);
        let own =
            plan.targets.iter().map(|target| (target.target.name.clone(), target.own.clone())).collect();
        let monitor = Monitor::start(plan, None);
        if let Some(hook) = self.running.hook.clone() {
            let inputs = inputs.clone();
            let failed = move |why: &str| send(&inputs, Input::Toast(Tone::Error, Text::line(why)));
            tokio::spawn(hook::watch(hook, self.running.name.clone(), monitor.moments(), failed));
        }
        (Watch { moments: monitor.moments(), own }, monitor)
    }
}

impl Dashboard {
    /// Tells the screen how the fleet stands; when the screen is behind, the next turn will do.
    pub(super) fn tell_fleet(&mut self, news: News) {
        let Some(fleet) = &mut self.fleet else { return };
        match news {
            News::Standing => {
                fleet.is_news = self.inputs.try_send(Input::Fleet(fleet.standing())).is_err();
            }
            News::Failed(why) => self.say(Input::Fatal(Text::line(&why))),
        }
    }

    /// Opens a profile of the fleet, with operations by its own policy.
    pub(super) fn open_member(&mut self, name: &str) {
        if !self.fleet.as_ref().is_some_and(|fleet| fleet.has(name)) {
            return self.toast(Tone::Error, &format!("'{name}' is not one of the profiles that are watched"));
        }
        self.leave_member();
        let fleet = self.fleet.as_mut();
        let taken = fleet.and_then(|fleet| fleet.take(name, &self.clock, &self.audit));
        let Some((running, monitor)) = taken else { return };
        self.monitor = monitor;
        self.running = running;
        self.say(Input::Profile(header(&self.running, &self.feed)));
        self.introduce();
        self.follow();
        self.watch_for_trouble();
    }

    /// Gives the profile that is open back to the fleet, which goes on watching it.
    pub(super) fn leave_member(&mut self) {
        self.leave_recording();
        let Some(fleet) = &mut self.fleet else { return };
        let nothing = Monitor::start(Plan::nothing(&self.clock), None);
        fleet.put_back(std::mem::replace(&mut self.monitor, nothing));
    }
}
