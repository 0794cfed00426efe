//! The dashboard: the screen on one side, a running profile on the other, and what each asks of the other between.

mod fleet;
mod past;
mod recording;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::args::{DashboardArgs, LookArgs};
use super::backfill::Past;
use super::exit::{Exit, Failure};
use super::output::note;
use super::profile::{Running, Surroundings};
use super::{file, hook, look, profiles, size, start};
use crate::analysis::Moment;
use crate::control::audit::Audit;
use crate::control::confirm::Confirmed;
use crate::model::clock::Clock;
use crate::model::operation::Operation;
use crate::model::time::Timestamp;
use crate::monitor::{Monitor, Parked, Plan, Replay};
use crate::text::Text;
use crate::ui::{self, Effect, Feed, Input, Options, ProfileEntry, ProfileHeader, RunError, Tone};
use fleet::Fleet;
use recording::Recorder;

/// How long a profile that was switched away from keeps its history.
const PARKED_FOR: Duration = Duration::from_secs(600);
/// Inputs that may wait for the screen. Moments do not queue: only the newest is offered.
const INPUTS: usize = 64;

/// `pooltop [TARGET…]`
pub async fn run(args: &DashboardArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let mut profiles = Running::resolve_all(&args.target, &around)?;
    for running in &mut profiles {
        running.adjust(args.interval, args.read_only)?;
    }
    let clock = Clock::real();
    let audit = start::audit(&around);
    let Some(running) = profiles.first().cloned() else { return Err(Failure::usage("no profile").into()) };
    let fleet = if profiles.len() > 1 { profiles } else { Vec::new() };
    let plan = if fleet.is_empty() { start::plan(&running, &audit, &clock) } else { Plan::nothing(&clock) };
    if !fleet.is_empty() && args.record.is_some() {
        return Err(Failure::usage(
            "--record takes one profile; `pooltop record NAME` for each records several",
        )
        .into());
    }
    let record = args.record.clone();
    let show = Show { running, plan, replay: None, record, feed: Feed::Live, clock, audit, fleet };
    show.run(around, &args.look).await
}

/// What a dashboard begins with.
pub struct Show {
    /// The profile.
    pub running: Running,
    /// How it runs.
    pub plan: Plan,
    /// A recording that plays instead.
    pub replay: Option<Replay>,
    /// Where to record what is shown, from the start.
    pub record: Option<PathBuf>,
    /// Where the samples come from.
    pub feed: Feed,
    /// The time.
    pub clock: Clock,
    /// Where operations leave their trace.
    pub audit: Audit,
    /// Profiles that are watched together; each runs once it is its turn. None: the one above runs.
    pub fleet: Vec<Running>,
}

impl Show {
    /// Runs the screen until it ends; the exit says how.
    pub async fn run(self, around: Surroundings, look: &LookArgs) -> anyhow::Result<Exit> {
        if !std::io::stdout().is_terminal() {
            let text = "the dashboard needs a terminal; `pooltop snapshot` writes what it would show";
            return Err(Failure::usage(text).into());
        }
        let mut options = Options::new(header(&self.running, &self.feed), self.clock.clone())
            .map_err(|error| Failure::usage(error.to_string()))?;
        options.zone = self.running.zone();
        options.themes = look::themes(&around);
        options.theme = look::theme(look, self.running.theme.as_ref(), &around)?;
        options.ascii = look::ascii(look, &around);
        options.keymap = look::keymap(&around)?;
        options.fleet = !self.fleet.is_empty();
        let mut signals = Signals::listen()?;
        let (inputs, screen_inputs) = mpsc::channel(INPUTS);
        let (screen_effects, effects) = mpsc::channel(INPUTS);
        // An export from a replay tells of the time since the recording began.
        let replayed = self.replay.as_ref().map(|replay| replay.track().borrow().oldest);
        let began = replayed.unwrap_or_else(|| self.clock.now());
        let mut dashboard = Dashboard {
            monitor: Monitor::start(self.plan, None),
            replay: self.replay,
            followers: JoinSet::new(),
            recorder: Recorder::default(),
            kept: None,
            running: self.running,
            feed: self.feed,
            began,
            clock: self.clock,
            audit: self.audit,
            around,
            parked: HashMap::new(),
            fleet: Fleet::new(self.fleet, &inputs),
            inputs,
        };
        dashboard.introduce();
        dashboard.follow();
        if dashboard.fleet.is_none() {
            dashboard.tell_findings();
            dashboard.watch_for_trouble();
        }
        if let Some(path) = self.record {
            dashboard.begin_recording(Some(path), None);
        }
        let mut screen = spawn_blocking(move || undisturbed(ui::run(options, screen_inputs, screen_effects)));
        let ended_by = dashboard.serve(&mut screen, effects, &mut signals).await;
        let exit = finish(screen, ended_by).await;
        dashboard.finish_recording().await;
        exit
    }
}

/// Runs the screen on a thread with timers of its own: a key is answered at once however busy the profiles keep the others.
fn undisturbed(screen: impl Future<Output = Result<(), RunError>>) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(screen)
}

/// Waits until the terminal is given back, and says how it ended.
async fn finish(screen: JoinHandle<Result<(), RunError>>, ended_by: Option<u8>) -> anyhow::Result<Exit> {
    match screen.await {
        Err(_) => Ok(Exit::Panic),
        Ok(Err(RunError::Fatal(why))) => {
            note(&format!("pooltop: {why}"));
            Ok(Exit::Panic)
        }
        // A terminal that went away is what a hang-up looks like from here.
        Ok(Err(RunError::Terminal(_))) if ended_by.is_some() => Ok(exit(ended_by)),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(())) => Ok(exit(ended_by)),
    }
}

fn exit(ended_by: Option<u8>) -> Exit {
    ended_by.map_or(Exit::Done, Exit::Signal)
}

/// The signals that end what runs until it is told to. None of them is asked about.
pub(super) struct Signals([(u8, Signal); 3]);

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        let on = |kind: SignalKind, number| signal(kind).map(|signal| (number, signal));
        Ok(Self([
            on(SignalKind::hangup(), 1)?,
            on(SignalKind::interrupt(), 2)?,
            on(SignalKind::terminate(), 15)?,
        ]))
    }

    pub(super) async fn next(&mut self) -> u8 {
        let [hangup, interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = hangup.1.recv() => hangup.0,
            _ = interrupt.1.recv() => interrupt.0,
            _ = terminate.1.recv() => terminate.0,
        }
    }
}

struct Dashboard {
    monitor: Monitor,
    /// Plays instead of the monitor.
    replay: Option<Replay>,
    /// Tell the screen how the past grows.
    followers: JoinSet<()>,
    recorder: Recorder,
    /// What keeps the months before the minutes in memory.
    kept: Option<Arc<Past>>,
    running: Running,
    feed: Feed,
    clock: Clock,
    /// When the dashboard was opened: an export tells of the time since.
    began: Timestamp,
    audit: Audit,
    around: Surroundings,
    parked: HashMap<Text, (Duration, Parked)>,
    fleet: Option<Fleet>,
    inputs: mpsc::Sender<Input>,
}

impl Dashboard {
    /// Carries things to and fro until the screen has ended. Returns the signal that asked it to.
    async fn serve(
        &mut self,
        screen: &mut JoinHandle<Result<(), RunError>>,
        mut effects: mpsc::Receiver<Effect>,
        signals: &mut Signals,
    ) -> Option<u8> {
        let mut moments = self.moments();
        let mut ended_by = None;
        loop {
            tokio::select! {
                // The screen drops its end when it ends, however it ends.
                effect = effects.recv() => match effect {
                    Some(Effect::SwitchProfile(name)) => {
                        self.switch(&name).await;
                        moments = self.moments();
                    }
                    Some(Effect::Fleet) => {
                        self.leave_member();
                        moments = self.moments();
                    }
                    Some(effect) => self.carry_out(effect),
                    None => return ended_by,
                },
                Ok(()) = moments.changed() => self.offer(&mut moments),
                number = signals.next() => {
                    ended_by = Some(number);
                    if self.inputs.send(Input::End).await.is_err() || screen.is_finished() {
                        return ended_by;
                    }
                }
                news = Fleet::next(self.fleet.as_mut(), &self.clock, &self.audit) => self.tell_fleet(news),
                step = self.recorder.next() => self.recording_step(step),
                why = failed(&mut self.monitor, self.replay.as_mut()) => self.say(Input::Fatal(Text::line(&why))),
            }
        }
    }

    /// Offers the newest moment; when the screen is behind, the next one will do.
    fn offer(&self, moments: &mut watch::Receiver<Option<Arc<Moment>>>) {
        if let Some(moment) = moments.borrow_and_update().clone() {
            let _ = self.inputs.try_send(Input::Moment(moment));
        }
    }

    fn say(&self, input: Input) {
        send(&self.inputs, input);
    }

    fn toast(&self, tone: Tone, text: &str) {
        self.say(Input::Toast(tone, Text::line(text)));
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Inspect(operation) => self.inspect(operation),
            Effect::Execute(confirmed) => self.execute(confirmed),
            Effect::Export { format, moment, picture } => self.export(format, moment, picture),
            Effect::SaveProfile(name) => self.save(&name),
            Effect::Retry(target) => self.monitor.retry(&target),
            Effect::Secret(target, secret) => self.monitor.give_secret(&target, &secret),
            Effect::Travel { ticket, from, travel } => self.travel(ticket, from, travel),
            Effect::Glance { ticket, at } => self.glance(ticket, at),
            Effect::Play(play) => self.play(play),
            Effect::Record(on) => self.record(on),
            // The event loop of the screen, or the loop above, has carried these out.
            Effect::SwitchProfile(_)
            | Effect::Fleet
            | Effect::Copy(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Quit => {}
        }
    }

    fn inspect(&self, operation: Operation) {
        let (inputs, target) = (self.inputs.clone(), operation.target.clone());
        let looking = self.monitor.inspect(operation);
        tokio::spawn(async move {
            let result = looking.await.map_err(|error| error.message);
            let _ = inputs.send(Input::Radius { target, result }).await;
        });
    }

    fn execute(&mut self, confirmed: Confirmed<Operation>) {
        let (inputs, mut reports) = (self.inputs.clone(), self.monitor.execute(confirmed));
        tokio::spawn(async move {
            while let Some(report) = reports.recv().await {
                let _ = inputs.send(Input::Report(report)).await;
            }
        });
    }

    fn export(&self, format: ui::SnapshotFormat, moment: Arc<Moment>, picture: Option<String>) {
        let job = file::Job::from_screen(&self.running, self.began, moment);
        let (inputs, state) = (self.inputs.clone(), self.around.paths.state.clone());
        spawn_blocking(move || {
            let input = match job.export(format, picture, &state) {
                Ok(path) => Input::Exported(Text::line(&path.display().to_string())),
                Err(error) => Input::Toast(Tone::Error, Text::line(&format!("not exported: {error:#}"))),
            };
            send(&inputs, input);
        });
    }

    fn save(&mut self, name: &str) {
        match self.running.save_as(name, &self.around.paths.config) {
            Ok(()) => {
                let text = format!("saved profile '{name}' in {}", self.around.paths.config.display());
                self.toast(Tone::Info, &text);
                self.reread();
                self.introduce();
            }
            Err(error) => self.toast(Tone::Error, &format!("not saved: {error:#}")),
        }
    }

    fn reread(&mut self) {
        if let Ok(around) = Surroundings::read(Some(&self.around.paths.config)) {
            self.around.config = around.config;
        }
    }

    /// Tells the screen which profiles there are, and what is odd about this one.
    fn introduce(&mut self) {
        for notice in std::mem::take(&mut self.running.notices) {
            self.say(Input::Toast(Tone::Info, notice));
        }
        let profiles = self.around.config.profiles.iter();
        let fleet = self.fleet.as_ref();
        let profiles = profiles.filter(|profile| fleet.is_none_or(|fleet| fleet.has(&profile.name)));
        let entries = profiles.map(|profile| ProfileEntry {
            name: Text::line(&profile.name),
            label: profile.label.clone(),
            summary: Text::line(&profiles::summary(&profile.name, &self.around)),
            current: self.running.saved && *self.running.name == *profile.name,
        });
        self.say(Input::Profiles(entries.collect()));
        self.say(Input::Servers(size::known::drafts(&self.running, &self.around)));
    }

    /// Runs another profile. The one that ran keeps its history for a while.
    async fn switch(&mut self, name: &str) {
        if self.fleet.is_some() {
            return self.open_member(name);
        }
        let running = match Running::profile(name, &self.around) {
            Ok(running) => running,
            Err(error) => return self.toast(Tone::Error, &format!("{error:#}")),
        };
        let now = self.clock.monotonic();
        self.parked.retain(|_, (since, _)| now.saturating_sub(*since) < PARKED_FOR);
        let parked = self.parked.remove(&running.name).map(|(_, parked)| parked);
        self.leave_recording();
        let plan = start::plan(&running, &self.audit, &self.clock);
        let old_settings = self.running.settings();
        let old = std::mem::replace(&mut self.monitor, Monitor::start(plan, parked));
        let old_name = std::mem::replace(&mut self.running, running).name;
        self.parked.insert(old_name, (now, old.park(old_settings).await));
        self.replay = None;
        self.feed = Feed::Live;
        self.say(Input::Profile(header(&self.running, &self.feed)));
        self.introduce();
        self.follow();
        self.tell_findings();
        self.watch_for_trouble();
    }

    /// Starts what tells the profile's command about findings. It ends with the monitor.
    fn tell_findings(&self) {
        let Some(hook) = self.running.hook.clone().filter(|_| self.feed == Feed::Live) else { return };
        let inputs = self.inputs.clone();
        let failed = move |why: &str| send(&inputs, Input::Toast(Tone::Error, Text::line(why)));
        tokio::spawn(hook::watch(hook, self.running.name.clone(), self.monitor.moments(), failed));
    }
}

/// Resolves when something that runs behind the screen panicked, with what it said.
async fn failed(monitor: &mut Monitor, replay: Option<&mut Replay>) -> String {
    match replay {
        Some(replay) => replay.failed().await,
        None => monitor.failed().await,
    }
}

/// Hands an input to the screen without waiting here.
fn send(inputs: &mpsc::Sender<Input>, input: Input) {
    if let Err(mpsc::error::TrySendError::Full(input)) = inputs.try_send(input) {
        let inputs = inputs.clone();
        tokio::spawn(async move { inputs.send(input).await });
    }
}

fn header(running: &Running, feed: &Feed) -> ProfileHeader {
    ProfileHeader {
        name: running.name.clone(),
        label: running.label.clone(),
        production: running.production,
        feed: feed.clone(),
        time_scale: running.time_scale,
        policy: running.policy.clone(),
    }
}
