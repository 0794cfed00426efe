//! What a running profile knows: its history, what the analysis learned, how its targets stand, what was done.
//!
//! All of it comes in by frames, live and in the past alike, so the same frames make the same moments.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::analysis::{Analyser, Moment, SavedError, Settings};
use crate::history::History;
use crate::model::audit::AuditRecord;
use crate::model::event::EventKind;
use crate::model::locks::LockPicture;
use crate::model::past::{Checkpoint, Frame};
use crate::model::target::{TargetName, TargetStatus};
use crate::model::time::Timestamp;

/// Operations that are kept at most.
const OPERATIONS: usize = 200;

/// Makes moments of frames.
pub(super) struct Brain {
    history: History,
    analyser: Analyser,
    /// In the profile's order.
    targets: Vec<TargetName>,
    statuses: BTreeMap<TargetName, TargetStatus>,
    operations: VecDeque<Arc<AuditRecord>>,
}

impl Brain {
    pub(super) fn new(settings: Settings, history_bytes: usize) -> Self {
        Self {
            history: History::new(history_bytes),
            analyser: Analyser::new(settings),
            targets: Vec::new(),
            statuses: BTreeMap::new(),
            operations: VecDeque::new(),
        }
    }

    /// One that goes on from a checkpoint, with the frames that follow it. It keeps their samples, so it is for the length
    /// of a stretch.
    pub(super) fn from_checkpoint(start: &Checkpoint) -> Result<Self, SavedError> {
        let history = History::resumed(usize::MAX, start.samples.iter().cloned(), start.seen);
        let statuses = start.statuses.iter().map(|status| (TargetName::clone(&status.name), status.clone()));
        Ok(Self {
            analyser: Analyser::restore(&start.learned, &history)?,
            history,
            targets: start.targets.clone(),
            statuses: statuses.collect(),
            operations: start.operations.iter().cloned().map(Arc::new).collect(),
        })
    }

    /// All that is known; `at` is when the last frame was taken in.
    pub(super) fn checkpoint(&self, at: Timestamp) -> Result<Checkpoint, SavedError> {
        let newest = |target: &TargetName| self.history.latest(target).cloned();
        Ok(Checkpoint {
            at,
            targets: self.targets.clone(),
            samples: self.history.targets().filter_map(newest).collect(),
            seen: self.history.samples_seen(),
            statuses: self.statuses.values().cloned().collect(),
            operations: self.operations.iter().map(|record| AuditRecord::clone(record)).collect(),
            learned: self.analyser.save(at)?.into(),
        })
    }

    /// Goes on with these targets; whatever was not watched until `now` is a gap.
    pub(super) fn resume(&mut self, targets: Vec<TargetName>, now: Timestamp) {
        for name in &targets {
            self.history.gap(name, now);
        }
        self.targets = targets;
        self.statuses.clear();
    }

    /// The moment that follows from a frame.
    pub(super) fn take(&mut self, frame: &Frame) -> Moment {
        self.take_in(frame.clone()).1
    }

    /// The moment that follows from a frame, and the frame as it is kept: its samples share what did not change.
    pub(super) fn take_in(&mut self, mut frame: Frame) -> (Arc<Frame>, Moment) {
        for sample in &mut frame.samples {
            *sample = self.history.push(Arc::clone(sample));
        }
        for event in &frame.events {
            if matches!(event.kind, EventKind::Lost | EventKind::Gap) {
                self.history.gap(&event.target, frame.at);
            }
        }
        for status in &frame.statuses {
            self.statuses.insert(TargetName::clone(&status.name), status.clone());
        }
        self.operations.extend(frame.operations.iter().cloned().map(Arc::new));
        self.operations.drain(..self.operations.len().saturating_sub(OPERATIONS));
        let statuses = self.targets.iter().filter_map(|name| self.statuses.get(name)).cloned();
        let statuses: Vec<TargetStatus> = statuses.collect();
        let mut moment = self.analyser.observe(&self.history, &statuses, &frame.events, frame.at);
        moment.operations = self.operations.iter().cloned().collect();
        (Arc::new(frame), moment)
    }

    /// How a target stands, as the last frame that named it says.
    pub(super) fn status(&self, target: &str) -> Option<&TargetStatus> {
        self.statuses.get(target)
    }

    /// The samples of its frames.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn settings(&self) -> &Settings {
        self.analyser.settings()
    }

    /// The newest picture of a target's lock waits.
    pub(super) fn locks(&self, target: &str) -> Option<Arc<LockPicture>> {
        self.history.latest(target)?.postgres()?.locks.known().cloned()
    }
}
