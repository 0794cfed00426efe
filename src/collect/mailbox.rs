//! Where collectors leave what they found, for whoever looks next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::event::Event;
use crate::model::sample::Sample;
use crate::model::target::{TargetName, TargetStatus};

/// Samples of one target that may wait. More means that the reader is behind: then the oldest go.
const SAMPLES: usize = 16;
/// Events that may wait, all targets together.
const EVENTS: usize = 256;

/// A bounded mailbox in which the newest wins. Putting something in never waits.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    news: Mutex<News>,
    arrived: Notify,
}

/// Everything that arrived since the last look.
#[derive(Debug, Default)]
pub struct News {
    /// Samples by target, oldest first.
    pub samples: BTreeMap<TargetName, VecDeque<Arc<Sample>>>,
    /// The newest status of each target that has one.
    pub statuses: BTreeMap<TargetName, TargetStatus>,
    /// What happened, oldest first.
    pub events: VecDeque<Event>,
    /// Samples that went unread since the start, by target.
    dropped: BTreeMap<TargetName, u64>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.statuses.is_empty() && self.events.is_empty()
    }

    fn put(&mut self, mut status: TargetStatus) {
        status.dropped = self.dropped.get(&status.name).copied().unwrap_or_default();
        self.statuses.insert(status.name.clone(), status);
    }
}

impl Mailbox {
    /// Leaves a sample together with the status that it brings.
    pub fn sample(&self, sample: &Arc<Sample>, status: TargetStatus) {
        let mut news = self.lock();
        let waiting = news.samples.entry(sample.target.clone()).or_default();
        waiting.push_back(Arc::clone(sample));
        if waiting.len() > SAMPLES {
            waiting.pop_front();
            *news.dropped.entry(sample.target.clone()).or_default() += 1;
        }
        news.put(status);
        self.0.arrived.notify_one();
    }

    /// Leaves a status, in place of an older one of the same target.
    pub fn status(&self, status: TargetStatus) {
        self.lock().put(status);
        self.0.arrived.notify_one();
    }

    /// Leaves an event.
    pub fn event(&self, event: Event) {
        let mut news = self.lock();
        news.events.push_back(event);
        if news.events.len() > EVENTS {
            news.events.pop_front();
        }
        self.0.arrived.notify_one();
    }

    /// Waits until something is there and takes all of it.
    pub async fn take(&self) -> News {
        loop {
            {
                let mut news = self.lock();
                if !news.is_empty() {
                    let dropped = news.dropped.clone();
                    return std::mem::replace(&mut *news, News { dropped, ..News::default() });
                }
            }
            self.0.arrived.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, News> {
        // Nothing inside the lock can panic half-way; a poisoned mailbox is as good as a healthy one.
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventKind;
    use crate::model::time::Timestamp;

    #[tokio::test]
    async fn a_reader_that_is_behind_finds_the_newest() {
        let mailbox = Mailbox::default();
        for number in 1..=i64::try_from(EVENTS).unwrap() + 10 {
            let at = Timestamp::from_micros(number);
            mailbox.event(Event { at, target: "db1".into(), kind: EventKind::Gap, text: "gap".into() });
        }
        let news = mailbox.take().await;
        assert_eq!(news.events.len(), EVENTS);
        assert_eq!(news.events[0].at, Timestamp::from_micros(11));
    }
}
