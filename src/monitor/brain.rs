//! What a running profile knows: its history, what the analysis learned, how its targets stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::{Analyser, Moment, Settings};
use crate::collect::News;
use crate::history::History;
use crate::model::event::{Event, EventKind};
use crate::model::locks::LockPicture;
use crate::model::own::OwnSessions;
use crate::model::target::{TargetName, TargetStatus};
use crate::model::time::Timestamp;

pub(super) struct Brain {
    history: History,
    analyser: Analyser,
    /// In the profile's order.
    targets: Vec<(TargetName, OwnSessions)>,
    statuses: BTreeMap<TargetName, TargetStatus>,
}

impl Brain {
    pub(super) fn new(settings: Settings, history_bytes: usize) -> Self {
        Self {
            history: History::new(history_bytes),
            analyser: Analyser::new(settings),
            targets: Vec::new(),
            statuses: BTreeMap::new(),
        }
    }

    /// Goes on with these targets; whatever was not watched until `now` is a gap.
    pub(super) fn resume(&mut self, targets: Vec<(TargetName, OwnSessions)>, now: Timestamp) {
        for (name, _) in &targets {
            self.history.gap(name, now);
        }
        self.targets = targets;
        self.statuses.clear();
    }

    /// Takes in what is new and says what it means.
    pub(super) fn absorb(&mut self, news: News, now: Timestamp) -> Moment {
        for sample in news.samples.into_values().flatten() {
            self.history.push(sample);
        }
        for event in &news.events {
            if matches!(event.kind, EventKind::Lost | EventKind::Gap) {
                self.history.gap(&event.target, now);
            }
        }
        self.statuses.extend(news.statuses);
        let statuses: Vec<TargetStatus> =
            self.targets.iter().filter_map(|target| self.status(target)).collect();
        let events: Vec<Event> = news.events.into();
        self.analyser.observe(&self.history, &statuses, &events, now)
    }

    /// A target's status, with every connection that this process holds there.
    fn status(&self, (name, own): &(TargetName, OwnSessions)) -> Option<TargetStatus> {
        let mut status = self.statuses.get(name)?.clone();
        let open = u32::try_from(own.open()).unwrap_or(u32::MAX);
        status.overhead.connections = status.overhead.connections.max(open);
        Some(status)
    }

    /// The newest picture of a target's lock waits.
    pub(super) fn locks(&self, target: &str) -> Option<Arc<LockPicture>> {
        self.history.latest(target)?.postgres()?.locks.known().cloned()
    }
}
