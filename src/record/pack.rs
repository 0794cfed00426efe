//! Frames and checkpoints as the columns of the file, and back.
//!
//! Each sample is compressed against the one before it of the same target and stretch, so that what did not change costs
//! nothing; to read one, the stretch is read from its beginning.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::codec::{LARGEST, pack, squeeze, unpack, unsqueeze};
use super::redact::Censor;
use crate::model::audit::AuditRecord;
use crate::model::past::{Checkpoint, Frame, Stretch};
use crate::model::sample::Sample;
use crate::model::target::{TargetName, TargetStatus};
use crate::model::time::Timestamp;
use crate::text::Text;

/// A stretch does not unpack to more than this.
const MOST: u64 = 6 * LARGEST;

/// A sample as a row.
#[derive(Debug)]
pub(super) struct PackedSample {
    pub(super) target: TargetName,
    pub(super) data: Vec<u8>,
}

/// The beginning of a stretch as rows.
#[derive(Debug)]
pub(super) struct PackedStart {
    pub(super) at: Timestamp,
    pub(super) state: Vec<u8>,
    pub(super) learned: Vec<u8>,
    pub(super) samples: Vec<PackedSample>,
}

/// A frame as rows.
#[derive(Debug)]
pub(super) struct PackedFrame {
    pub(super) at: Timestamp,
    pub(super) rest: Vec<u8>,
    pub(super) samples: Vec<PackedSample>,
}

/// Packs one stretch after the other.
#[derive(Debug, Default)]
pub(super) struct Packer {
    before: Before,
}

/// What was packed or unpacked last, to which the next refers.
#[derive(Debug, Default)]
struct Before {
    rest: Vec<u8>,
    samples: HashMap<TargetName, Vec<u8>>,
}

impl Packer {
    /// Begins a stretch, redacted.
    pub(super) fn start(&mut self, checkpoint: &Checkpoint, censor: &mut Censor) -> io::Result<PackedStart> {
        self.before = Before::default();
        let mut checkpoint = censor.checkpoint(checkpoint);
        let samples = self.samples(&std::mem::take(&mut checkpoint.samples))?;
        let learned = std::mem::replace(&mut checkpoint.learned, Arc::from([]));
        let state = pack(&checkpoint)?;
        let packed = PackedStart {
            at: checkpoint.at,
            state: squeeze(&state, &[])?,
            learned: squeeze(&learned, &[])?,
            samples,
        };
        self.before.rest = state;
        Ok(packed)
    }

    /// The next frame of the stretch, as it was redacted before.
    pub(super) fn frame(&mut self, frame: &Frame) -> io::Result<PackedFrame> {
        let samples = self.samples(&frame.samples)?;
        let rest = pack(&Frame { samples: Vec::new(), ..frame.clone() })?;
        let packed = PackedFrame { at: frame.at, rest: squeeze(&rest, &self.before.rest)?, samples };
        self.before.rest = rest;
        Ok(packed)
    }

    fn samples(&mut self, samples: &[Arc<Sample>]) -> io::Result<Vec<PackedSample>> {
        let pack_one = |sample: &Arc<Sample>| {
            let bytes = pack(sample)?;
            let before = self.before.samples.entry(sample.target.clone()).or_default();
            let data = squeeze(&bytes, before)?;
            *before = bytes;
            Ok(PackedSample { target: sample.target.clone(), data })
        };
        samples.iter().map(pack_one).collect()
    }
}

/// Unpacks one stretch, row by row in the order in which it was written.
#[derive(Debug, Default)]
pub(super) struct Unpacker {
    before: Before,
    unpacked: u64,
}

impl Unpacker {
    /// The beginning of the stretch.
    pub(super) fn start(&mut self, packed: &PackedStart) -> io::Result<Stretch> {
        let state = self.grow(&packed.state, &[])?;
        let mut start: Checkpoint = unpack(&state)?;
        self.before.rest = state;
        start.learned = self.grow(&packed.learned, &[])?.into();
        start.samples = packed.samples.iter().map(|sample| self.sample(sample)).collect::<io::Result<_>>()?;
        start.targets.iter_mut().for_each(clean);
        start.statuses.iter_mut().for_each(clean_status);
        start.operations.iter_mut().for_each(clean_record);
        Ok(Stretch { start, frames: Vec::new() })
    }

    /// The next frame.
    pub(super) fn frame(&mut self, packed: &PackedFrame) -> io::Result<Frame> {
        let before = std::mem::take(&mut self.before.rest);
        let rest = self.grow(&packed.rest, &before)?;
        let mut frame: Frame = unpack(&rest)?;
        self.before.rest = rest;
        frame.samples = packed.samples.iter().map(|sample| self.sample(sample)).collect::<io::Result<_>>()?;
        frame.statuses.iter_mut().for_each(clean_status);
        frame.events.iter_mut().for_each(|event| clean(&mut event.target));
        frame.operations.iter_mut().for_each(clean_record);
        Ok(frame)
    }

    fn sample(&mut self, packed: &PackedSample) -> io::Result<Arc<Sample>> {
        let before = self.before.samples.remove(&packed.target).unwrap_or_default();
        let bytes = self.grow(&packed.data, &before)?;
        let mut sample: Sample = unpack(&bytes)?;
        self.before.samples.insert(packed.target.clone(), bytes);
        clean(&mut sample.target);
        Ok(Arc::new(sample))
    }

    fn grow(&mut self, squeezed: &[u8], before: &[u8]) -> io::Result<Vec<u8>> {
        let bytes = unsqueeze(squeezed, before)?;
        self.unpacked += bytes.len() as u64;
        if self.unpacked > MOST {
            let words = format!("a stretch unpacks to more than {} MiB", MOST >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        Ok(bytes)
    }
}

/// Names of targets are no [`Text`], which cleans itself when it is read.
fn clean(name: &mut TargetName) {
    let clean = Text::line(name);
    if clean.as_str() != &**name {
        *name = clean.as_str().into();
    }
}

fn clean_status(status: &mut TargetStatus) {
    clean(&mut status.name);
}

fn clean_record(record: &mut AuditRecord) {
    clean(&mut record.target);
}
