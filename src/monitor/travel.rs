//! Going back: a moment of the past, made again from the checkpoint before it and the frames in between.

use std::sync::Arc;

use super::brain::Brain;
use crate::analysis::{Moment, SavedError};
use crate::model::past::{Checkpoint, Frame};

/// Makes moments of a past, one stretch at a time.
///
/// It keeps those of the stretch that it was in last, so that a step back costs nothing, and a step on one frame.
#[derive(Default)]
pub struct Cursor {
    within: Option<Within>,
}

struct Within {
    stretch: u64,
    brain: Brain,
    /// Of the stretch's first frames.
    moments: Vec<Arc<Moment>>,
}

impl Cursor {
    /// The moment that follows from the last of `frames`: those of a stretch from its first one on, after its checkpoint.
    /// `stretch` tells it from other stretches. `None` without any frame.
    pub fn moment(
        &mut self,
        stretch: u64,
        start: &Checkpoint,
        frames: &[Arc<Frame>],
    ) -> Result<Option<Arc<Moment>>, SavedError> {
        let within = match self.within.take().filter(|within| within.stretch == stretch) {
            Some(within) => within,
            None => Within {
                stretch,
                brain: Brain::from_checkpoint(start)?,
                moments: Vec::with_capacity(frames.len()),
            },
        };
        let Within { brain, moments, .. } = self.within.insert(within);
        for frame in frames.get(moments.len()..).unwrap_or_default() {
            moments.push(Arc::new(brain.take(frame)));
        }
        Ok(frames.len().checked_sub(1).and_then(|index| moments.get(index)).cloned())
    }

    /// Lets go what it keeps.
    pub fn clear(&mut self) {
        self.within = None;
    }
}
