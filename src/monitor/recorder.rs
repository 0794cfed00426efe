//! Records a running profile: what its tape holds, and what its moments say for the plain tables.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{Monitor, Tape, Taped};
use crate::analysis::{self, Moment};
use crate::model::finding::Severity;
use crate::model::past::Checkpoint;
use crate::model::pool::PoolKey;
use crate::model::time::Timestamp;
use crate::record::{Bounds, Entry, Meta, Plain, RecordError, RecordPhase, RecordStatus, Recorder};
use crate::text::Text;
use crate::text::redact::Redaction;
use crate::text::span::span_s;

/// What is recorded, and where to.
#[derive(Clone, Debug)]
pub struct RecordingOptions {
    /// The file; a recording of the same profile is gone on with.
    pub path: PathBuf,
    /// What it says about itself.
    pub meta: Meta,
    /// How long it reaches back.
    pub bounds: Bounds,
}

/// A recording of a running profile. It ends with the profile; dropping it ends it, too.
#[derive(Debug)]
pub struct Recording {
    status: watch::Receiver<RecordStatus>,
    /// Dropped to end it.
    stop: oneshot::Sender<()>,
    task: JoinHandle<RecordStatus>,
}

impl Recording {
    /// How it stands, and a way to wait for a change.
    pub fn status(&self) -> watch::Receiver<RecordStatus> {
        self.status.clone()
    }

    /// Ends it, and says how it stands when everything is in the file.
    pub async fn stop(self) -> RecordStatus {
        drop(self.stop);
        let last = self.status.borrow().clone();
        self.task.await.unwrap_or(RecordStatus {
            phase: RecordPhase::Stopped("the recorder failed; the file is as it was left".into()),
            ..last
        })
    }
}

impl Monitor {
    /// Records this profile, beginning with the minutes that are still in memory. The future does not borrow the monitor.
    pub fn record(
        &self,
        options: RecordingOptions,
    ) -> impl Future<Output = Result<Recording, RecordError>> + Send + use<> {
        let (tape, moments) = (self.tape(), self.moments());
        async move {
            let RecordingOptions { path, meta, bounds } = options;
            let recorder = Recorder::start(&path, &meta, bounds).await?;
            let status = recorder.status();
            let (stop, stopped) = oneshot::channel();
            let feeder = Feeder { recorder, redaction: meta.redaction };
            let task = tokio::spawn(feeder.run(tape, moments, stopped));
            Ok(Recording { status, stop, task })
        }
    }
}

/// Carries what a profile takes in to the recorder.
pub(super) struct Feeder {
    pub(super) recorder: Recorder,
    pub(super) redaction: Redaction,
}

impl Feeder {
    pub(super) async fn run(
        mut self,
        mut tape: Tape,
        mut moments: watch::Receiver<Option<Arc<Moment>>>,
        mut stopped: oneshot::Receiver<()>,
    ) -> RecordStatus {
        for stretch in std::mem::take(&mut tape.stretches) {
            if let Some(start) = self.start(Arc::new(stretch.start)).await {
                self.recorder.give(start).await;
            }
            for frame in stretch.frames {
                self.recorder.give(Entry::Frame(frame)).await;
            }
        }
        let mut status = self.recorder.status();
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                () = async { drop(status.wait_for(|status| status.phase != RecordPhase::Running).await) } => break,
                taped = tape.next() => match taped {
                    Some(taped) => self.take(taped).await,
                    None => break,
                },
                Ok(()) = moments.changed() => {
                    if let Some(told) = plain(moments.borrow_and_update().as_ref()) {
                        self.recorder.offer(told);
                    }
                }
            }
        }
        // The last moment says how it all ended, whatever there was no room for before.
        let told = plain(moments.borrow().as_ref());
        if let Some(told) = told {
            self.recorder.give(told).await;
        }
        self.recorder.finish().await
    }

    /// The tape holds what this waits for, as far as it can; nobody else waits.
    async fn take(&mut self, taped: Taped) {
        match taped {
            Taped::Checkpoint(checkpoint) => match self.start(checkpoint).await {
                Some(start) => self.recorder.give(start).await,
                None => self.recorder.skip(),
            },
            Taped::Frame(frame) => self.recorder.give(Entry::Frame(frame)).await,
            Taped::Missed => self.recorder.skip(),
        }
    }

    /// The beginning of a stretch, with what was learned as it may leave. The recorder redacts the rest, because it has to
    /// know the statements that a sentence may repeat. `None` where what was learned cannot be read.
    async fn start(&self, checkpoint: Arc<Checkpoint>) -> Option<Entry> {
        let redaction = self.redaction;
        let redacted = tokio::task::spawn_blocking(move || {
            let learned = analysis::redacted(&checkpoint, redaction)?.learned;
            Ok::<_, analysis::SavedError>(Checkpoint { learned, ..Checkpoint::clone(&checkpoint) })
        });
        let start = redacted.await.ok()?.ok()?;
        Some(Entry::Start(Arc::new(start)))
    }
}

/// What a moment says for the plain tables.
fn plain(moment: Option<&Arc<Moment>>) -> Option<Entry> {
    let moment = moment?;
    Some(Entry::Plain(Box::new(Plain {
        at: moment.at,
        targets: moment.targets.clone(),
        pools: moment.pools.iter().map(|row| row.pool.clone()).collect(),
        limits: moment.limits.clone(),
        findings: moment.findings.clone(),
        events: moment.events.clone(),
    })))
}

/// When a profile begins to record by itself. Neither: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// At a finding at least this bad.
    pub severity: Option<Severity>,
    /// When somebody has waited for a connection so long.
    pub waiting: Option<Duration>,
}

impl Trigger {
    /// Whether nothing makes it begin.
    pub fn is_never(self) -> bool {
        self == Self::default()
    }

    /// Waits until there is a reason to record, and says it in a few words; `None` when the profile ended without one.
    pub async fn wait(self, mut moments: watch::Receiver<Option<Arc<Moment>>>) -> Option<Text> {
        let mut queues = Queues::default();
        loop {
            let moment = moments.borrow_and_update().clone();
            if let Some(reason) = moment.and_then(|moment| self.reason(&moment, &mut queues)) {
                return Some(reason);
            }
            moments.changed().await.ok()?;
        }
    }

    fn reason(self, moment: &Moment, queues: &mut Queues) -> Option<Text> {
        let bad = |at_least| moment.findings.iter().find(|finding| finding.severity >= at_least);
        if let Some(finding) = self.severity.and_then(bad) {
            return Some(finding.title.clone());
        }
        let (longest, pool) = queues.longest(moment)?;
        let enough = self.waiting.is_some_and(|span| longest >= span.as_secs_f64());
        enough.then(|| Text::line(&format!("{pool}: clients wait for {}", span_s(longest))))
    }
}

/// Since when each pool has clients that wait: not every pool says for how long.
#[derive(Debug, Default)]
struct Queues(HashMap<PoolKey, Timestamp>);

impl Queues {
    /// How long somebody has waited at most, s, and in which pool.
    fn longest(&mut self, moment: &Moment) -> Option<(f64, Text)> {
        let before = std::mem::take(&mut self.0);
        let mut longest: Option<(f64, Text)> = None;
        for pool in
            moment.pools.iter().map(|row| &row.pool).filter(|pool| pool.pending.is_some_and(|n| n > 0))
        {
            let since = before.get(&pool.key).copied().unwrap_or(moment.at);
            self.0.insert(pool.key.clone(), since);
            let waited = pool.max_wait_s.unwrap_or_else(|| moment.at.seconds_since(since));
            if longest.as_ref().is_none_or(|(most, _)| waited > *most) {
                longest = Some((waited, pool.name.clone()));
            }
        }
        longest
    }
}
