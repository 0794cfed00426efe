//! The ring buffer of samples: a lane per target under one byte budget, with explicit gaps.
//!
//! Samples share what did not change; it is counted once. Derived series live in [`series`].

pub mod series;
mod share;
mod weight;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::sample::Sample;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;

use weight::Scale;

/// The default byte budget: 64 MiB.
pub const DEFAULT_BUDGET: usize = 64 * 1024 * 1024;

/// The most gaps that one lane keeps; older ones are forgotten with the samples around them anyway.
const MAX_GAPS: usize = 256;

/// One step of a target's past.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A sample.
    Sample(Arc<Sample>),
    /// Nothing was read between the entry before and the one after, although it should have been.
    Gap {
        /// When the first sample was missed, by this machine's clock.
        at: Timestamp,
    },
}

impl Entry {
    /// The sample, if it is one.
    pub fn sample(&self) -> Option<&Arc<Sample>> {
        match self {
            Self::Sample(sample) => Some(sample),
            Self::Gap { .. } => None,
        }
    }
}

/// The past of one target, oldest first.
#[derive(Clone, Debug)]
struct Lane {
    target: TargetName,
    /// Entries ever pushed before the first one that is still here: the first one's sequence number.
    evicted: u64,
    entries: VecDeque<Entry>,
    samples: usize,
    gaps: usize,
}

/// Samples of all targets within one byte budget.
///
/// When the budget is spent the oldest sample goes, whichever target's it is, so every target reaches equally
/// far back; the newest sample of each target always stays. Cloning shares the samples.
#[derive(Clone, Debug)]
pub struct History {
    budget: usize,
    lanes: Vec<Lane>,
    scale: Scale,
    seen: u64,
}

impl History {
    /// An empty history that keeps at most `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { budget, lanes: Vec::new(), scale: Scale::default(), seen: 0 }
    }

    /// Adds the newest sample of its target and lets the oldest go where the budget asks for it.
    pub fn push(&mut self, sample: Arc<Sample>) {
        self.seen += 1;
        let index = self.lane_or_new(&sample.target);
        let before = self.lanes[index].newest().cloned();
        let sample = share::with_previous(sample, before.as_deref());
        self.scale.add(&sample, before.as_deref());
        let lane = &mut self.lanes[index];
        lane.entries.push_back(Entry::Sample(sample));
        lane.samples += 1;
        while self.bytes() > self.budget && self.evict_oldest() {}
    }

    /// Says that a sample of `target` was missed at `at`. Several in a row are one gap.
    pub fn gap(&mut self, target: &TargetName, at: Timestamp) {
        let index = self.lane_or_new(target);
        let lane = &mut self.lanes[index];
        if matches!(lane.entries.back(), Some(Entry::Gap { .. }) | None) || lane.gaps >= MAX_GAPS {
            return;
        }
        lane.entries.push_back(Entry::Gap { at });
        lane.gaps += 1;
    }

    /// The newest sample of a target, however old.
    pub fn latest(&self, target: &str) -> Option<&Arc<Sample>> {
        self.lane(target)?.newest()
    }

    /// Everything kept of a target, oldest first.
    pub fn entries(&self, target: &str) -> impl Iterator<Item = &Entry> {
        self.since(target, 0).map(|(_, entry)| entry)
    }

    /// What was pushed for a target from sequence number `from` on, with the sequence numbers. Those that are
    /// evicted already are skipped.
    pub fn since(&self, target: &str, from: u64) -> impl Iterator<Item = (u64, &Entry)> {
        self.lane(target).into_iter().flat_map(move |lane| {
            let skip = usize::try_from(from.saturating_sub(lane.evicted)).unwrap_or(usize::MAX);
            (lane.evicted..).zip(&lane.entries).skip(skip)
        })
    }

    /// What it holds, in bytes: samples with everything they share counted once, and its own bookkeeping.
    pub fn bytes(&self) -> usize {
        let entries: usize = self.lanes.iter().map(|lane| lane.entries.capacity() * size_of::<Entry>()).sum();
        self.scale.bytes() + entries
    }

    /// The most it may hold, in bytes.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Samples ever pushed.
    pub fn samples_seen(&self) -> u64 {
        self.seen
    }

    /// Samples held now.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.samples).sum()
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the oldest and the newest sample held were received.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let oldest =
            self.lanes.iter().filter_map(|lane| lane.oldest()).map(|sample| sample.received_at).min()?;
        let newest =
            self.lanes.iter().filter_map(|lane| lane.newest()).map(|sample| sample.received_at).max()?;
        Some((oldest, newest))
    }

    /// The same history as it was at `at`, by this machine's clock: for stepping back in time.
    #[must_use]
    pub fn up_to(&self, at: Timestamp) -> Self {
        let mut past = Self::new(usize::MAX);
        for lane in &self.lanes {
            for entry in &lane.entries {
                match entry {
                    Entry::Sample(sample) if sample.received_at <= at => past.push(Arc::clone(sample)),
                    Entry::Gap { at: missed } if *missed <= at => past.gap(&lane.target, *missed),
                    Entry::Sample(_) | Entry::Gap { .. } => {}
                }
            }
        }
        past
    }

    fn lane(&self, target: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| &*lane.target == target)
    }

    fn lane_or_new(&mut self, target: &TargetName) -> usize {
        if let Some(index) = self.lanes.iter().position(|lane| lane.target == *target) {
            return index;
        }
        self.lanes.push(Lane {
            target: Arc::clone(target),
            evicted: 0,
            entries: VecDeque::new(),
            samples: 0,
            gaps: 0,
        });
        self.lanes.len() - 1
    }

    /// Lets the oldest sample go that is not its target's newest. `false` when there is none.
    fn evict_oldest(&mut self) -> bool {
        let oldest = self
            .lanes
            .iter_mut()
            .filter(|lane| lane.samples > 1)
            .min_by_key(|lane| lane.oldest().map(|sample| sample.received_at));
        let Some((gone, next)) = oldest.and_then(Lane::pop) else { return false };
        self.scale.remove(&gone, next.as_deref());
        true
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new(DEFAULT_BUDGET)
    }
}

impl Lane {
    fn oldest(&self) -> Option<&Arc<Sample>> {
        self.entries.iter().find_map(Entry::sample)
    }

    fn newest(&self) -> Option<&Arc<Sample>> {
        self.entries.iter().rev().find_map(Entry::sample)
    }

    /// Takes the oldest sample and the gaps beside it; returns it with the sample that is the oldest now.
    fn pop(&mut self) -> Option<(Arc<Sample>, Option<Arc<Sample>>)> {
        let mut gone = None;
        while gone.is_none() || matches!(self.entries.front(), Some(Entry::Gap { .. })) {
            self.evicted += 1;
            match self.entries.pop_front()? {
                Entry::Sample(sample) => gone = Some(sample),
                Entry::Gap { .. } => self.gaps -= 1,
            }
        }
        self.samples -= 1;
        Some((gone?, self.oldest().cloned()))
    }
}
