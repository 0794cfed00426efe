//! The past minutes of a running profile: a ring of stretches, each a checkpoint and the frames after it.
//!
//! Its samples are those of the history, so it reaches as far back as that does; what it takes beside them is bounded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::marks::Marks;
use crate::analysis::Moment;
use crate::model::past::{Checkpoint, Frame, Stretch};
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::model::track::{Mark, Track, Travel};

/// A new stretch begins after so long: going anywhere takes no more frames than that, and a checkpoint costs as much as two
/// or three moments.
const LENGTH: Duration = Duration::from_secs(20);
/// Or after so many frames, where many targets are watched; but checkpoints are at least so far apart.
const FRAMES: usize = 64;
const APART: Duration = Duration::from_secs(5);
/// Marks and gaps that are kept at most.
const MARKS: usize = 512;
const GAPS: usize = 64;
/// Frames that a reader may be behind before it misses some.
const BEHIND: usize = 256;
/// Frames further apart than three intervals, and than this, have a gap between them: an application alone answers only
/// every five seconds.
const SILENCE: Duration = Duration::from_secs(15);

/// What was added to the past.
#[derive(Clone, Debug)]
pub enum Taped {
    /// A new stretch begins here; what follows belongs to it.
    Checkpoint(Arc<Checkpoint>),
    /// The next frame.
    Frame(Arc<Frame>),
    /// The reader was behind and has missed something. What it missed is in a new [`Tape`], as far as it is kept.
    Missed,
}

/// The past so far, and a way to hear of what is added to it.
pub struct Tape {
    /// The past, oldest first: without holes but for times in which the profile did not run, and shared.
    pub stretches: Vec<Stretch>,
    news: broadcast::Receiver<Taped>,
}

impl Tape {
    /// What is added next, exactly what follows [`Tape::stretches`]; `None` when the profile does not run any more.
    ///
    /// Nobody waits for the reader: one that is more than some minutes of frames behind is told [`Taped::Missed`]. It then
    /// takes a new tape and goes on after the last frame that it has ([`Arc::ptr_eq`]), or, where that is not kept any
    /// more, with the oldest stretch.
    pub async fn next(&mut self) -> Option<Taped> {
        match self.news.recv().await {
            Ok(taped) => Some(taped),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Taped::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Where in the past a moment is: it follows from the frames, after the checkpoint.
pub(super) struct Place {
    /// Of the stretch; no other has had it.
    pub(super) stretch: u64,
    pub(super) start: Arc<Checkpoint>,
    /// From the first of the stretch to the moment's own.
    pub(super) frames: Vec<Arc<Frame>>,
}

struct Kept {
    number: u64,
    start: Arc<Checkpoint>,
    frames: Vec<Arc<Frame>>,
    /// Samples that the history had taken in before.
    before: u64,
    bytes: usize,
}

pub(super) struct Past {
    stretches: VecDeque<Kept>,
    begun: u64,
    /// What it may take, and takes, apart from samples.
    budget: usize,
    bytes: usize,
    /// The next frame is not the next of the newest stretch.
    interrupted: bool,
    gaps: VecDeque<(Timestamp, Timestamp)>,
    marks: VecDeque<Mark>,
    noted: Marks,
    news: broadcast::Sender<Taped>,
}

impl Past {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            stretches: VecDeque::new(),
            begun: 0,
            budget,
            bytes: 0,
            interrupted: false,
            gaps: VecDeque::new(),
            marks: VecDeque::new(),
            noted: Marks::default(),
            news: broadcast::Sender::new(BEHIND),
        }
    }

    /// The profile stopped and goes on later; who listened does not hear more.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
        self.news = broadcast::Sender::new(BEHIND);
    }

    /// Whether the frame taken in at `at` should begin a stretch.
    pub(super) fn is_due(&self, at: Timestamp) -> bool {
        let Some(newest) = self.stretches.back().filter(|_| !self.interrupted) else { return true };
        let Some(first) = newest.frames.first() else { return false };
        let age = at.age_of(first.at);
        // A clock that went back must not make a stretch endless.
        at < first.at || age >= LENGTH || newest.frames.len() >= FRAMES && age >= APART
    }

    /// Begins a stretch. The history had taken in `before` samples.
    pub(super) fn begin(&mut self, start: Checkpoint, before: u64) {
        let start = Arc::new(start);
        let bytes = checkpoint_bytes(&start);
        self.bytes += bytes;
        self.interrupted = false;
        let _ = self.news.send(Taped::Checkpoint(Arc::clone(&start)));
        self.stretches.push_back(Kept { number: self.begun, start, frames: Vec::new(), before, bytes });
        self.begun += 1;
    }

    /// Adds a frame and the moment that followed from it, and lets go what is too old. The history has let go `evicted`
    /// samples.
    pub(super) fn append(&mut self, frame: Arc<Frame>, moment: &Moment, interval: Duration, evicted: u64) {
        if let Some(last) = self.newest().map(|last| last.at)
            && frame.at.age_of(last) > SILENCE.max(interval * 3)
        {
            self.gaps.push_back((last, frame.at));
        }
        self.marks.extend(self.noted.note(&frame, moment));
        let bytes = frame_bytes(&frame);
        if let Some(newest) = self.stretches.back_mut() {
            newest.bytes += bytes;
            self.bytes += bytes;
            let _ = self.news.send(Taped::Frame(Arc::clone(&frame)));
            newest.frames.push(frame);
        }
        self.forget(evicted);
    }

    fn forget(&mut self, evicted: u64) {
        while let Some(oldest) = self.stretches.front().filter(|_| self.stretches.len() > 1)
            && (oldest.before < evicted || self.bytes > self.budget)
        {
            self.bytes -= oldest.bytes;
            self.stretches.pop_front();
        }
        let oldest = self.frames().next().map(|frame| frame.at);
        let gone = |at: Timestamp| oldest.is_none_or(|oldest| at < oldest);
        while self.gaps.len() > GAPS || self.gaps.front().is_some_and(|(_, end)| gone(*end)) {
            self.gaps.pop_front();
        }
        while self.marks.len() > MARKS || self.marks.front().is_some_and(|mark| gone(mark.at)) {
            self.marks.pop_front();
        }
    }

    fn frames(&self) -> impl DoubleEndedIterator<Item = &Arc<Frame>> {
        self.stretches.iter().flat_map(|stretch| &stretch.frames)
    }

    fn newest(&self) -> Option<&Arc<Frame>> {
        self.frames().next_back()
    }

    /// How far it reaches, and what stands beside it. `now` where there is nothing.
    pub(super) fn track(&self, now: Timestamp) -> Track {
        Track {
            oldest: self.frames().next().map_or(now, |frame| frame.at),
            newest: self.newest().map_or(now, |frame| frame.at),
            gaps: self.gaps.iter().copied().collect(),
            marks: self.marks.iter().cloned().collect(),
        }
    }

    /// Everything that is kept, and what follows it.
    pub(super) fn tape(&self) -> Tape {
        let stretch = |kept: &Kept| Stretch { start: (*kept.start).clone(), frames: kept.frames.clone() };
        Tape { stretches: self.stretches.iter().map(stretch).collect(), news: self.news.subscribe() }
    }

    /// Where `travel` leads from the moment of `from`; `None`: to the newest moment.
    pub(super) fn find(&self, from: Timestamp, travel: Travel) -> Option<Place> {
        let times: Vec<Timestamp> = self.frames().map(|frame| frame.at).collect();
        let last = times.len().checked_sub(1)?;
        // By its very time, should the clock ever have been set back; else the last one before.
        let same = |at: Timestamp| times.iter().rposition(|time| *time == at);
        let at_or_before = |at: Timestamp| same(at).or_else(|| times.iter().rposition(|time| *time <= at));
        let index = match travel {
            Travel::Newest => last,
            Travel::Oldest => 0,
            Travel::To(at) => at_or_before(at).unwrap_or(0),
            // From before the oldest, the first step on leads to it.
            Travel::Step(by) => {
                let from = at_or_before(from).map_or(-1, |index| isize::try_from(index).unwrap_or(0));
                usize::try_from(from.saturating_add(by)).unwrap_or(0)
            }
        };
        (index < last).then(|| self.place(index)).flatten()
    }

    fn place(&self, mut index: usize) -> Option<Place> {
        for kept in &self.stretches {
            if let Some(frames) = kept.frames.get(..=index) {
                let (start, frames) = (Arc::clone(&kept.start), frames.to_vec());
                return Some(Place { stretch: kept.number, start, frames });
            }
            index -= kept.frames.len();
        }
        None
    }
}

/// What a checkpoint takes beside its samples, roughly.
fn checkpoint_bytes(start: &Checkpoint) -> usize {
    size_of_val(start)
        + start.learned.len()
        + start.samples.len() * 8
        + start.operations.len() * 400
        + status_bytes(&start.statuses)
}

/// What a frame takes beside its samples, roughly.
fn frame_bytes(frame: &Frame) -> usize {
    let own = size_of_val(frame) + (frame.samples.len() + 1) * 8;
    own + frame.events.len() * 160 + frame.operations.len() * 400 + status_bytes(&frame.statuses)
}

/// Texts of a status are mostly shared with the one before.
fn status_bytes(statuses: &[TargetStatus]) -> usize {
    statuses.iter().map(|status| size_of_val(status) + status.missing.len() * 200).sum()
}
