//! A profile as it runs: what the collectors left becomes frames, frames become moments, and both are kept for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::brain::Brain;
use super::past::Past;
use crate::analysis::{Moment, Settings};
use crate::collect::News;
use crate::model::audit::AuditRecord;
use crate::model::locks::LockPicture;
use crate::model::own::OwnSessions;
use crate::model::past::Frame;
use crate::model::target::{TargetName, TargetStatus};
use crate::model::time::Timestamp;
use crate::model::track::Track;

/// The part of the history's bytes that the past may take beside the samples, which it shares with the history.
const PART: usize = 8;

pub(super) struct Live {
    brain: Brain,
    /// In the profile's order.
    targets: Vec<(TargetName, OwnSessions)>,
    /// What the collectors said last about how the targets stand.
    heard: BTreeMap<TargetName, TargetStatus>,
    pub(super) past: Past,
    last: Option<Timestamp>,
}

impl Live {
    pub(super) fn new(settings: Settings, history_bytes: usize) -> Self {
        Self {
            brain: Brain::new(settings, history_bytes),
            targets: Vec::new(),
            heard: BTreeMap::new(),
            past: Past::new(history_bytes / PART),
            last: None,
        }
    }

    /// Goes on with these targets; whatever was not watched until `now` is a gap.
    pub(super) fn resume(&mut self, targets: Vec<(TargetName, OwnSessions)>, now: Timestamp) {
        self.brain.resume(targets.iter().map(|(name, _)| TargetName::clone(name)).collect(), now);
        self.targets = targets;
        self.heard.clear();
        self.past.interrupt();
    }

    /// Takes in what is new and says what it means.
    pub(super) fn absorb(
        &mut self,
        news: News,
        operations: Vec<AuditRecord>,
        now: Timestamp,
    ) -> (Arc<Moment>, Arc<Track>) {
        self.heard.extend(news.statuses);
        // Frames are found by their time, so no two have the same.
        let at = if self.last == Some(now) { now.plus(Duration::from_micros(1)) } else { now };
        let frame = Frame {
            at,
            samples: news.samples.into_values().flatten().collect(),
            statuses: self.changed_statuses(),
            events: news.events.into(),
            operations,
        };
        if self.past.is_due(at)
            // Without a new checkpoint the frames follow the one before; it takes longer to go back then.
            && let Ok(checkpoint) = self.brain.checkpoint(self.last.unwrap_or(at))
        {
            self.past.begin(checkpoint, self.brain.history().samples_seen());
        }
        let (frame, moment) = self.brain.take_in(frame);
        self.last = Some(frame.at);
        self.past.append(frame, &moment, self.brain.settings().interval, self.brain.history().evicted());
        (Arc::new(moment), Arc::new(self.past.track(at)))
    }

    /// How the targets stand whose standing is another than before.
    fn changed_statuses(&self) -> Vec<TargetStatus> {
        let now = self.targets.iter().filter_map(|target| self.status(target));
        now.filter(|status| self.brain.status(&status.name) != Some(status)).collect()
    }

    /// A target's status, with every connection that this process holds there.
    fn status(&self, (name, own): &(TargetName, OwnSessions)) -> Option<TargetStatus> {
        let mut status = self.heard.get(name)?.clone();
        let open = u32::try_from(own.open()).unwrap_or(u32::MAX);
        status.overhead.connections = status.overhead.connections.max(open);
        Some(status)
    }

    /// The newest picture of a target's lock waits.
    pub(super) fn locks(&self, target: &str) -> Option<Arc<LockPicture>> {
        self.brain.locks(target)
    }
}
