//! The past before the one in memory, from what keeps months of it: which moment a way leads to, and how far back it goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::analysis::{Moment, thin};
use crate::model::backfill::{Backfill, Coverage};
use crate::model::clock::Clock;
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::model::track::{Track, Travel};
use crate::source::prometheus::Prometheus;
use crate::text::Text;

/// Steps of one block that moments are made of; before them stand those that the first one's curves need.
const BLOCK: u32 = 240;
const BEFORE: u32 = thin::CURVE;
/// Blocks that are kept: a person steps to and fro in one or two.
const BLOCKS: usize = 6;
/// How long it is believed what hours were kept.
const FRESH: Duration = Duration::from_secs(300);
/// When one that failed is asked again.
const AGAIN: Duration = Duration::from_secs(30);
/// Blocks that are looked through for a step at which anything was kept.
const ATTEMPTS: usize = 8;

/// What is kept of one profile elsewhere.
#[derive(Debug)]
pub struct Past {
    source: Prometheus,
    profile: Text,
    clock: Clock,
    /// One question at a time, each answered once.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    coverage: Option<(Duration, Arc<Coverage>)>,
    failed: Option<(Duration, TargetError)>,
    blocks: VecDeque<(Timestamp, Arc<Backfill>)>,
}

/// Which way to look for a step at which anything was kept.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Back,
    On,
}

impl Past {
    /// What this source keeps of the profile of that name.
    pub fn new(source: Prometheus, profile: Text, clock: Clock) -> Self {
        Self { source, profile, clock, known: Mutex::default() }
    }

    /// The same track, reaching as far back as anything was kept.
    pub async fn extend(&self, track: &Track) -> Result<Track, TargetError> {
        let coverage = self.coverage(&mut *self.known.lock().await).await?;
        let mut track = track.clone();
        if let Some(oldest) = coverage.oldest().filter(|oldest| *oldest < track.oldest) {
            let mut gaps = coverage.gaps(track.oldest);
            gaps.append(&mut track.gaps);
            (track.oldest, track.gaps) = (oldest, gaps);
        }
        Ok(track)
    }

    /// The moment to which `travel` leads from `from`, where memory begins at `ring`; `None` where memory has it, or
    /// nothing was kept.
    pub async fn travel(
        &self,
        ring: Timestamp,
        from: Timestamp,
        travel: Travel,
    ) -> Result<Option<Arc<Moment>>, TargetError> {
        if !leads_beyond(ring, from, travel) {
            return Ok(None);
        }
        let known = &mut *self.known.lock().await;
        let coverage = self.coverage(known).await?;
        let Some(oldest) = coverage.oldest().filter(|oldest| *oldest < ring) else { return Ok(None) };
        let (goal, look) = match travel {
            Travel::Newest => return Ok(None),
            Travel::Oldest => (oldest, Look::On),
            Travel::To(at) if at < oldest => (oldest, Look::On),
            Travel::To(at) => (at, Look::Back),
            Travel::Step(by) => stepped(from, by, coverage.interval),
        };
        let found = self.find(known, &coverage, (goal.min(ring), look), ring).await?;
        match (found, look) {
            // Before the first that was kept there is nothing: it stays the oldest.
            (None, Look::Back) => self.find(known, &coverage, (oldest, Look::On), ring).await,
            (found, _) => Ok(found),
        }
    }

    async fn coverage(&self, known: &mut Known) -> Result<Arc<Coverage>, TargetError> {
        let now = self.clock.monotonic();
        if let Some((at, coverage)) = &known.coverage
            && now.saturating_sub(*at) < FRESH
        {
            return Ok(Arc::clone(coverage));
        }
        if let Some((at, error)) = &known.failed
            && now.saturating_sub(*at) < AGAIN
        {
            return Err(error.clone());
        }
        let asked = self.source.coverage(&self.profile, self.clock.now()).await;
        // It goes on from the end of the wait, so that one that does not answer is not asked all the time.
        let now = self.clock.monotonic();
        let coverage = match (asked, known.coverage.take()) {
            (Ok(coverage), _) => Arc::new(coverage),
            // What was known a while ago is as true as it was.
            (Err(_), Some((_, before))) => before,
            (Err(error), None) => {
                known.failed = Some((now, error.clone()));
                return Err(error);
            }
        };
        known.coverage = Some((now, Arc::clone(&coverage)));
        known.failed = None;
        Ok(coverage)
    }

    /// The moment at the nearest step, seen from `goal` in the direction of `look`, at which anything was kept.
    async fn find(
        &self,
        known: &mut Known,
        coverage: &Coverage,
        (mut goal, look): (Timestamp, Look),
        ring: Timestamp,
    ) -> Result<Option<Arc<Moment>>, TargetError> {
        for _ in 0..ATTEMPTS {
            let place = match look {
                Look::Back => coverage.last_before(goal),
                Look::On => coverage.first_after(goal),
            };
            let Some(at) = place.filter(|at| *at <= ring) else { return Ok(None) };
            let start = block_start(at, coverage.interval);
            let block = self.block(known, start, coverage.interval).await?;
            if let Some(step) = nearest(&block, at, look) {
                let moment = thin::moment(&block, step).filter(|moment| moment.at < ring);
                return Ok(moment.map(Arc::new));
            }
            goal = match look {
                Look::Back => start.minus(Duration::from_micros(1)),
                Look::On => start.plus(coverage.interval * BLOCK),
            };
        }
        Ok(None)
    }

    async fn block(
        &self,
        known: &mut Known,
        start: Timestamp,
        step: Duration,
    ) -> Result<Arc<Backfill>, TargetError> {
        if let Some((_, block)) = known.blocks.iter().find(|(at, _)| *at == start) {
            return Ok(Arc::clone(block));
        }
        let steps = (BEFORE + BLOCK) as usize;
        let block =
            Arc::new(self.source.read(&self.profile, start.minus(step * BEFORE), (step, steps)).await?);
        known.blocks.push_back((start, Arc::clone(&block)));
        if known.blocks.len() > BLOCKS {
            known.blocks.pop_front();
        }
        Ok(block)
    }
}

/// Whether a way can lead to before `ring`, where memory begins.
fn leads_beyond(ring: Timestamp, from: Timestamp, travel: Travel) -> bool {
    match travel {
        Travel::Newest => false,
        Travel::Oldest => true,
        Travel::To(at) => at < ring,
        Travel::Step(by) => from < ring || (from == ring && by < 0),
    }
}

/// Where so many steps lead.
fn stepped(from: Timestamp, by: isize, interval: Duration) -> (Timestamp, Look) {
    let span = interval.saturating_mul(u32::try_from(by.unsigned_abs()).unwrap_or(u32::MAX));
    if by < 0 {
        (from.minus(span.max(Duration::from_micros(1))), Look::Back)
    } else {
        (from.plus(span), Look::On)
    }
}

/// Blocks begin at multiples of their length.
fn block_start(at: Timestamp, step: Duration) -> Timestamp {
    let length = i64::try_from((step * BLOCK).as_micros()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_micros(at.as_micros().div_euclid(length) * length)
}

/// The step of a block, without those before it, nearest to `at` in that direction at which anything was kept.
fn nearest(block: &Backfill, at: Timestamp, look: Look) -> Option<usize> {
    let mut steps = BEFORE as usize..block.steps;
    match look {
        Look::Back => steps.rev().find(|step| block.at(*step) <= at && block.is_known(*step)),
        Look::On => steps.find(|step| block.at(*step) >= at && block.is_known(*step)),
    }
}
