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
    evicted: u64,
}

impl History {
    /// An empty history that keeps at most `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { budget, lanes: Vec::new(), scale: Scale::default(), seen: 0, evicted: 0 }
    }

    /// A history that goes on from the newest sample of each target, after `seen` of them.
    pub fn resumed(budget: usize, newest: impl IntoIterator<Item = Arc<Sample>>, seen: u64) -> Self {
        let mut history = Self::new(budget);
        for sample in newest {
            history.push(sample);
        }
        Self { seen, ..history }
    }

    /// Adds the newest sample of its target and lets the oldest go where the budget asks for it. Returns the sample as it is
    /// kept: sharing what it has in common with the one before.
    pub fn push(&mut self, sample: Arc<Sample>) -> Arc<Sample> {
        self.seen += 1;
        let index = self.lane_or_new(&sample.target);
        let before = self.lanes[index].newest().cloned();
        let sample = share::with_previous(sample, before.as_deref());
        self.scale.add(&sample, before.as_deref());
        let lane = &mut self.lanes[index];
        lane.entries.push_back(Entry::Sample(Arc::clone(&sample)));
        lane.samples += 1;
        while self.bytes() > self.budget && self.evict_oldest() {}
        sample
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

    /// Every target of which something was pushed.
    pub fn targets(&self) -> impl Iterator<Item = &TargetName> {
        self.lanes.iter().map(|lane| &lane.target)
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

    /// Samples that were let go, the oldest first.
    pub fn evicted(&self) -> u64 {
        self.evicted
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
                    Entry::Sample(sample) if sample.received_at <= at => {
                        past.push(Arc::clone(sample));
                    }
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
        self.evicted += 1;
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::backend::{Backend, BackendId, BackendKind, Client, Session, State};
    use crate::model::part::{Missing, Part};
    use crate::model::sample::{Body, PostgresSample, ServerIdentity};
    use crate::model::target::{Overhead, Wire};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000 + second * 1_000_000)
    }

    fn backend(pid: i32, since: i64, query: &str) -> Arc<Backend> {
        let session = Session {
            id: BackendId { pid, start: Some(at(-100)) },
            kind: BackendKind::Client,
            application_name: "checkout-api".into(),
            user: "app".into(),
            database: "shop".into(),
            client: Client::Tcp { addr: "10.0.0.1".into(), port: 5000 },
            leader_pid: None,
        };
        Arc::new(Backend {
            session: Arc::new(session),
            state: State::Idle,
            state_change: Some(at(since)),
            xact_start: None,
            query_start: Some(at(since)),
            wait: None,
            has_xid: false,
            has_xmin: false,
            query: Some(query.into()),
            query_id: None,
        })
    }

    fn sample(target: &str, second: i64, backends: Vec<Arc<Backend>>) -> Sample {
        let unread = || Missing::new("it", "not read here");
        Sample {
            target: target.into(),
            at: at(second),
            received_at: at(second),
            overhead: Overhead::default(),
            body: Body::Postgres(PostgresSample {
                identity: ServerIdentity { postmaster_start: at(-1000), address: None, in_recovery: false },
                wire: Wire::Direct,
                backends,
                own_sessions: 1,
                other_processes: Vec::new(),
                counts_only: false,
                counts: None,
                locks: Part::Missing(unread()),
                facts: Part::Missing(unread()),
                missing: Vec::new(),
            }),
        }
    }

    /// Every other row moves on with each second; the others stay as they are.
    fn half_moving(backends: i32, second: i64) -> Vec<Arc<Backend>> {
        let since = |pid: i32| if (i64::from(pid) + second) % 2 == 0 { second } else { second - 1 };
        (0..backends).map(|pid| backend(pid, since(pid), "SELECT * FROM carts WHERE id = $1")).collect()
    }

    /// What is reachable, counted anew by address.
    fn recount(history: &History) -> usize {
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let heap = |size: usize| (size + 24).next_multiple_of(16);
        for lane in &history.lanes {
            for sample in lane.entries.iter().filter_map(Entry::sample) {
                let rows = &sample.postgres().unwrap().backends;
                let own = heap(size_of::<Sample>()) + heap(rows.capacity() * 8);
                seen.insert(Arc::as_ptr(sample) as usize, own);
                for row in rows {
                    seen.insert(Arc::as_ptr(row) as usize, heap(size_of::<Backend>()));
                    seen.insert(Arc::as_ptr(&row.session) as usize, heap(size_of::<Session>()));
                    let session = &row.session;
                    let names = [&session.application_name, &session.user, &session.database];
                    for text in names.into_iter().chain(session.client.addr()).chain(&row.query) {
                        seen.insert(text.allocation(), heap(text.len()));
                    }
                }
            }
        }
        seen.values().sum()
    }

    fn counted(history: &History) -> usize {
        history.scale.content_bytes()
    }

    #[test]
    fn what_is_shared_is_counted_once_and_given_back_when_the_last_user_goes() {
        let mut history = History::new(usize::MAX);
        for second in 0..20 {
            history.push(Arc::new(sample("db1", second, half_moving(50, second))));
            history.push(Arc::new(sample("db2", second, half_moving(9, second))));
            assert_eq!(counted(&history), recount(&history), "after {second} s");
        }
        while history.evict_oldest() {
            assert_eq!(counted(&history), recount(&history));
        }
        assert_eq!(history.len(), 2, "the newest of each target stays");
    }

    #[test]
    fn rows_that_say_the_same_are_the_same_allocation_even_if_they_came_apart() {
        let mut history = History::new(usize::MAX);
        history.push(Arc::new(sample(
            "db1",
            0,
            vec![backend(1, -5, "SELECT 1"), backend(2, -5, "SELECT 1")],
        )));
        history.push(Arc::new(sample("db1", 1, vec![backend(1, -5, "SELECT 1"), backend(2, 1, "SELECT 1")])));
        let samples: Vec<_> = history.entries("db1").filter_map(Entry::sample).collect();
        let row = |sample: usize, index: usize| &samples[sample].postgres().unwrap().backends[index];
        assert!(Arc::ptr_eq(row(0, 0), row(1, 0)), "unchanged");
        assert!(!Arc::ptr_eq(row(0, 1), row(1, 1)), "moved on");
        assert!(Arc::ptr_eq(&row(0, 1).session, &row(1, 1).session), "but the same session");
    }

    #[test]
    fn ten_minutes_of_a_thousand_backends_of_which_half_change_fit_with_room() {
        let mut history = History::default();
        for second in 0..600 {
            history.push(Arc::new(sample("db1", second, half_moving(1000, second))));
        }
        assert_eq!(history.len(), 600);
        assert!(history.bytes() < DEFAULT_BUDGET * 7 / 10, "{} MiB", history.bytes() >> 20);
    }

    #[test]
    fn the_oldest_sample_of_all_targets_goes_first() {
        let mut history = History::new(200_000);
        for second in 0..200 {
            history.push(Arc::new(sample("large", second, half_moving(40, second))));
            history.push(Arc::new(sample("small", second, half_moving(2, second))));
        }
        assert!(history.bytes() <= 200_000);
        let oldest = |target: &str| history.entries(target).find_map(Entry::sample).unwrap().received_at;
        assert!(oldest("large").seconds_since(oldest("small")).abs() <= 1.0, "both reach equally far back");
        assert_eq!(history.samples_seen(), 400);
    }

    #[test]
    fn one_sample_larger_than_the_budget_is_kept() {
        let mut history = History::new(1000);
        history.push(Arc::new(sample("db1", 0, half_moving(100, 0))));
        history.push(Arc::new(sample("db1", 1, half_moving(100, 1))));
        assert_eq!(history.len(), 1);
        assert_eq!(history.latest("db1").unwrap().received_at, at(1));
    }

    #[test]
    fn missed_samples_in_a_row_are_one_gap_and_a_gap_is_no_sample() {
        let mut history = History::default();
        history.gap(&"db1".into(), at(0));
        history.push(Arc::new(sample("db1", 1, Vec::new())));
        history.gap(&"db1".into(), at(2));
        history.gap(&"db1".into(), at(3));
        history.push(Arc::new(sample("db1", 9, Vec::new())));
        let kinds: Vec<bool> = history.entries("db1").map(|entry| entry.sample().is_some()).collect();
        assert_eq!(kinds, [true, false, true]);
        assert_eq!(history.since("db1", 2).map(|(sequence, _)| sequence).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_sequence_number_stays_with_its_sample_when_older_ones_go() {
        let mut history = History::new(20_000);
        for second in 0..50 {
            history.push(Arc::new(sample("db1", second, half_moving(20, second))));
        }
        let (sequence, entry) = history.since("db1", 0).next().unwrap();
        assert!(sequence > 0);
        assert_eq!(entry.sample().unwrap().received_at, at(i64::try_from(sequence).unwrap()));
    }

    #[test]
    fn stepping_back_shows_what_was_known_then() {
        let mut history = History::default();
        for second in 0..10 {
            history.push(Arc::new(sample("db1", second, half_moving(3, second))));
        }
        let past = history.up_to(at(4));
        assert_eq!((past.len(), past.latest("db1").unwrap().received_at), (5, at(4)));
        assert_eq!(history.span(), Some((at(0), at(9))));
    }
}
