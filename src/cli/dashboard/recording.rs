//! A recording beside the dashboard: by option, by key, or because something went wrong.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Dashboard;
use crate::cli::output::note;
use crate::cli::record::{done, meta, own_file};
use crate::model::time::Timestamp;
use crate::monitor::{Recording, RecordingOptions};
use crate::record::{Bounds, RecordError, RecordPhase, RecordStatus};
use crate::text::Text;
use crate::text::redact::Redaction;
use crate::ui::{Feed, Input, RecordingState, Tone};

/// How long a recording may take to end when the dashboard does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A recording that was given no name may become this large: nobody may be there to end it. The oldest part goes.
const LARGEST: u64 = 1 << 30;

/// Something that a recording is waited for.
pub(super) enum Step {
    /// It has begun, for this reason if it was not asked for, or could not.
    Begun(Result<Recording, RecordError>, Option<Text>),
    /// It has ended.
    Ended(RecordStatus),
    /// There is a reason to begin one.
    Reason(Text),
}

/// The recording of the profile that is shown.
#[derive(Default)]
pub(super) struct Recorder {
    running: Option<Recording>,
    /// It begins, or ends.
    busy: bool,
    steps: JoinSet<Step>,
    /// Waits for a reason to record.
    watch: JoinSet<Step>,
}

impl Recorder {
    /// The next step; never, where there is none.
    pub(super) async fn next(&mut self) -> Step {
        loop {
            let joined = tokio::select! {
                Some(joined) = self.steps.join_next() => joined,
                Some(joined) = self.watch.join_next() => joined,
                else => std::future::pending().await,
            };
            if let Ok(step) = joined {
                return step;
            }
        }
    }
}

impl Dashboard {
    /// Begins to record, or ends it, as a key asks.
    pub(super) fn record(&mut self, on: bool) {
        if on {
            self.begin_recording(None, None);
        } else {
            self.end_recording();
        }
    }

    /// Begins to record into `path`; without one, into a file of its own in the state directory.
    pub(super) fn begin_recording(&mut self, path: Option<PathBuf>, reason: Option<Text>) {
        if self.replay.is_some() || self.recorder.busy || self.recorder.running.is_some() {
            return;
        }
        let now = self.clock.now();
        let bounds = Bounds { max_bytes: path.is_none().then_some(LARGEST), ..Bounds::default() };
        let path = match path.map_or_else(|| own_file(&self.around, &self.running.name, now), Ok) {
            Ok(path) => path,
            Err(error) => return self.toast(Tone::Error, &format!("not recording: {error}")),
        };
        let meta = meta(&self.running, Redaction::Literals, now);
        let beginning = self.monitor.record(RecordingOptions { path, meta, bounds });
        self.recorder.busy = true;
        self.recorder.steps.spawn(async move { Step::Begun(beginning.await, reason) });
    }

    fn end_recording(&mut self) {
        if let Some(recording) = self.recorder.running.take() {
            self.recorder.busy = true;
            self.recorder.steps.spawn(async move { Step::Ended(recording.stop().await) });
        }
    }

    /// Waits for a reason to record, where the profile names one.
    pub(super) fn watch_for_trouble(&mut self) {
        self.recorder.watch = JoinSet::new();
        let trigger = self.running.trigger;
        if self.feed != Feed::Live || trigger.is_never() {
            return;
        }
        let moments = self.monitor.moments();
        self.recorder.watch.spawn(async move {
            match trigger.wait(moments).await {
                Some(reason) => Step::Reason(reason),
                None => std::future::pending().await,
            }
        });
    }

    /// Takes what has become of a recording.
    pub(super) fn recording_step(&mut self, step: Step) {
        match step {
            Step::Reason(reason) => self.begin_recording(None, Some(reason)),
            Step::Begun(Ok(recording), reason) => {
                self.recorder.busy = false;
                let file = recording.status().borrow().path.display().to_string();
                let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                self.toast(Tone::Info, &format!("recording into {file}{because}"));
                self.tell_recording(recording.status());
                self.recorder.running = Some(recording);
            }
            Step::Begun(Err(error), _) => {
                self.recorder.busy = false;
                self.toast(Tone::Error, &format!("not recording: {error}"));
                self.say(Input::Recording(None));
            }
            Step::Ended(status) => {
                self.recorder.busy = false;
                self.toast(Tone::Info, &done(&status));
                self.say(Input::Recording(None));
            }
        }
    }

    /// Tells the screen how the recording stands, until it has ended.
    fn tell_recording(&self, mut status: watch::Receiver<RecordStatus>) {
        let (inputs, since) = (self.inputs.clone(), self.reaches_back_to());
        status.mark_changed();
        tokio::spawn(async move {
            while status.changed().await.is_ok() {
                let status = status.borrow_and_update().clone();
                let state = match &status.phase {
                    RecordPhase::Finished => return,
                    RecordPhase::Running => state(&status, since, None),
                    RecordPhase::Stopped(why) => state(&status, since, Some(Text::line(why))),
                };
                if inputs.send(Input::Recording(Some(state))).await.is_err() {
                    return;
                }
            }
        });
    }

    /// The oldest moment that is kept.
    fn reaches_back_to(&self) -> Timestamp {
        self.monitor.track().borrow().as_ref().map_or_else(|| self.clock.now(), |track| track.oldest)
    }

    /// Ends the recording of a profile that is not shown any more, and does not begin another for it.
    pub(super) fn leave_recording(&mut self) {
        self.recorder.watch = JoinSet::new();
        self.end_recording();
    }

    /// Ends the recording before the program does, and says where it is.
    pub(super) async fn finish_recording(&mut self) {
        let Some(recording) = self.recorder.running.take() else { return };
        if let Ok(status) = tokio::time::timeout(PATIENCE, recording.stop()).await {
            note(&done(&status));
        }
    }
}

fn state(status: &RecordStatus, since: Timestamp, problem: Option<Text>) -> RecordingState {
    RecordingState {
        file: Text::line(&status.path.display().to_string()),
        since,
        bytes: status.bytes,
        frames: status.frames,
        problem,
    }
}
