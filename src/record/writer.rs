//! The task that writes a recording. Whoever feeds it is never held up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::error::RecordError;
use super::meta::Meta;
use super::pack::{PackedFrame, PackedStart, Packer};
use super::plain::{Change, Ledger, Plain};
use super::redact::Censor;
use super::store::{Bounds, Store};
use crate::model::audit::AuditRecord;
use crate::model::past::{Checkpoint, Frame};
use crate::model::time::Timestamp;

/// What may wait to be written: half a minute of a profile with one target.
const QUEUE: usize = 64;

/// Something to be recorded.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A stretch begins. What was learned has to come redacted; everything else is redacted here.
    Start(Arc<Checkpoint>),
    /// What was taken in at once.
    Frame(Arc<Frame>),
    /// What the moment says, for the plain tables.
    Plain(Box<Plain>),
}

/// How a recording stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordStatus {
    /// The file.
    pub path: PathBuf,
    /// Bytes of the file and its log.
    pub bytes: u64,
    /// Frames in the file.
    pub frames: u64,
    /// Frames that could not be taken, because the disk was slower: gaps in the recording.
    pub lost: u64,
    /// Time of the newest frame that is in the file.
    pub newest: Option<Timestamp>,
    /// Whether it goes on.
    pub phase: RecordPhase,
}

/// Whether a recording goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordPhase {
    /// It goes on.
    Running,
    /// It was ended, and everything is in the file.
    Finished,
    /// It stopped by itself, for this reason. What was written is good.
    Stopped(String),
}

/// Writes a recording. Dropping it ends the recording once what waits is written.
#[derive(Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Numbered>,
    status: watch::Receiver<RecordStatus>,
    task: JoinHandle<()>,
    lost: u64,
    /// Something of the stretch could not be taken, so that what follows it cannot be understood.
    broken: bool,
    begun: bool,
}

/// An entry, how many frames were lost before it, and whether it follows what was written before.
#[derive(Debug)]
struct Numbered {
    entry: Entry,
    lost: u64,
    follows: bool,
}

impl Recorder {
    /// Makes the file, or goes on with a recording of the same profile, which then has a gap.
    pub async fn start(path: &Path, meta: &Meta, bounds: Bounds) -> Result<Self, RecordError> {
        let mut store = Store::open(path, meta, bounds).await?;
        let desk = Desk {
            censor: Censor::new(meta.redaction),
            packer: Packer::default(),
            ledger: Ledger::after(store.newest_finding().await?),
        };
        let status = RecordStatus {
            path: path.to_owned(),
            bytes: store.bytes(),
            frames: store.frames(),
            lost: 0,
            newest: None,
            phase: RecordPhase::Running,
        };
        let (queue, entries) = mpsc::channel(QUEUE);
        let (sender, status) = watch::channel(status);
        let task = tokio::spawn(run(store, desk, entries, sender));
        Ok(Self { queue, status, task, lost: 0, broken: false, begun: false })
    }

    /// How it stands, and a way to wait for a change.
    pub fn status(&self) -> watch::Receiver<RecordStatus> {
        self.status.clone()
    }

    /// Takes what there is room for, at once. What there is no room for is lost, together with everything up to the next
    /// beginning of a stretch.
    pub fn offer(&mut self, entry: Entry) {
        if self.is_out_of_order(&entry) {
            self.lose(&entry);
            return;
        }
        let numbered = self.number(entry);
        // Where the queue is closed, the recording stopped, and its status says why.
        if let Err(mpsc::error::TrySendError::Full(numbered)) = self.queue.try_send(numbered) {
            self.lose(&numbered.entry);
        }
    }

    /// Takes it as soon as there is room: for a past that is there as a whole.
    pub async fn give(&mut self, entry: Entry) {
        if self.is_out_of_order(&entry) {
            self.lose(&entry);
            return;
        }
        let numbered = self.number(entry);
        // It stopped, and the status says why.
        let _ = self.queue.send(numbered).await;
    }

    /// Something of the stretch did not even reach the recorder: what follows it cannot be understood, either.
    pub fn skip(&mut self) {
        self.broken = true;
    }

    /// Ends the recording, and says how it stands then.
    pub async fn finish(self) -> RecordStatus {
        let Self { queue, status, task, lost, .. } = self;
        drop(queue);
        let panicked = task.await.is_err();
        let mut status = RecordStatus { lost, ..status.borrow().clone() };
        if panicked && status.phase == RecordPhase::Running {
            status.phase = RecordPhase::Stopped("the recorder failed; the file is as it was left".into());
        }
        status
    }

    fn is_out_of_order(&self, entry: &Entry) -> bool {
        matches!(entry, Entry::Frame(_)) && (self.broken || !self.begun)
    }

    fn number(&mut self, entry: Entry) -> Numbered {
        let follows = self.begun && !self.broken;
        if matches!(entry, Entry::Start(_)) {
            (self.begun, self.broken) = (true, false);
        }
        Numbered { entry, lost: self.lost, follows }
    }

    fn lose(&mut self, entry: &Entry) {
        match entry {
            Entry::Frame(_) => self.lost += 1,
            Entry::Start(_) => {}
            // The next moment says it again.
            Entry::Plain(_) => return,
        }
        self.broken = true;
    }
}

/// What turns entries into rows.
struct Desk {
    censor: Censor,
    packer: Packer,
    ledger: Ledger,
}

/// Rows to be written.
enum Packed {
    Start(PackedStart),
    Frame(PackedFrame, Vec<AuditRecord>),
    Plain(Timestamp, Vec<Change>),
}

impl Desk {
    fn pack(&mut self, entry: &Entry) -> std::io::Result<Packed> {
        Ok(match entry {
            Entry::Start(checkpoint) => {
                self.ledger.begin(checkpoint.at);
                Packed::Start(self.packer.start(checkpoint, &mut self.censor)?)
            }
            Entry::Frame(frame) => {
                let frame = self.censor.frame(frame);
                Packed::Frame(self.packer.frame(&frame)?, frame.operations)
            }
            Entry::Plain(plain) => Packed::Plain(plain.at, self.ledger.take(plain, &mut self.censor)),
        })
    }
}

/// Writes until the queue is closed, or until nothing can be written any more.
async fn run(
    mut store: Store,
    mut desk: Desk,
    mut entries: mpsc::Receiver<Numbered>,
    status: watch::Sender<RecordStatus>,
) {
    while let Some(numbered) = entries.recv().await {
        status.send_if_modified(|status| std::mem::replace(&mut status.lost, numbered.lost) != numbered.lost);
        match record(&mut store, desk, numbered, &status).await {
            Ok(again) => desk = again,
            Err(reason) => {
                // What cannot be closed in order is closed by the next who opens it.
                let _ = store.close().await;
                status.send_modify(|status| status.phase = RecordPhase::Stopped(reason));
                return;
            }
        }
    }
    let phase = match store.close().await {
        Ok(()) => RecordPhase::Finished,
        Err(error) => RecordPhase::Stopped(error.to_string()),
    };
    status.send_modify(|status| status.phase = phase);
}

async fn record(
    store: &mut Store,
    mut desk: Desk,
    numbered: Numbered,
    status: &watch::Sender<RecordStatus>,
) -> Result<Desk, String> {
    let Numbered { entry, follows, .. } = numbered;
    // Compressing takes milliseconds, for which nobody else should wait.
    let packed = tokio::task::spawn_blocking(move || {
        let packed = desk.pack(&entry);
        (desk, packed)
    });
    let (desk, packed) = packed.await.map_err(|error| error.to_string())?;
    match packed.map_err(|error| error.to_string())? {
        Packed::Start(start) => store.start(&start, follows).await.map_err(|error| error.to_string())?,
        Packed::Plain(at, changes) => {
            store.plain(at, &changes).await.map_err(|error| error.to_string())?;
        }
        Packed::Frame(frame, operations) => {
            store.frame(&frame, &operations).await.map_err(|error| error.to_string())?;
            let (bytes, frames) = (store.bytes(), store.frames());
            status.send_modify(|status| {
                (status.bytes, status.frames, status.newest) = (bytes, frames, Some(frame.at));
            });
        }
    }
    Ok(desk)
}
