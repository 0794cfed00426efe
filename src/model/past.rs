//! What a running profile took in, step by step: what stepping back, recordings and replays are made of.
//!
//! A profile's moments follow from its [`Frame`]s alone, so a frame is all that has to be kept. Because what the analysis
//! has learned reaches back further than any frame that is kept, a past begins with a [`Checkpoint`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::audit::AuditRecord;
use super::event::Event;
use super::sample::Sample;
use super::target::{TargetName, TargetStatus};
use super::time::Timestamp;
use crate::text::redact::Redaction;

/// Everything that a running profile took in at once; one moment follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// This machine's clock when it was taken in.
    pub at: Timestamp,
    /// Samples that arrived, each target's own in the order of time.
    pub samples: Vec<Arc<Sample>>,
    /// Statuses that arrived; a target that is not named stands as it did.
    pub statuses: Vec<TargetStatus>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// Operations on this profile that were carried out, by anybody on this machine: outcomes, no intents.
    pub operations: Vec<AuditRecord>,
}

impl Frame {
    /// The same, with the statements in its samples as they may leave.
    #[must_use]
    pub fn redacted(&self, redaction: Redaction) -> Self {
        let samples = self.samples.iter().map(|sample| sample.redacted(redaction)).collect();
        Self { samples, ..self.clone() }
    }
}

/// All that the moments after it depend on, apart from the frames after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// When it was made, by this machine's clock: everything up to here is in it.
    pub at: Timestamp,
    /// Every target of the profile, in the profile's order.
    pub targets: Vec<TargetName>,
    /// The newest sample of each target that has one.
    pub samples: Vec<Arc<Sample>>,
    /// Samples taken in so far, over all targets.
    pub seen: u64,
    /// How each target stood.
    pub statuses: Vec<TargetStatus>,
    /// Operations carried out so far; bounded, oldest first.
    pub operations: Vec<AuditRecord>,
    /// What the analysis had learned, in its own encoding.
    pub learned: Arc<[u8]>,
}

/// A checkpoint and the frames that follow it, up to the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Where it begins.
    pub start: Checkpoint,
    /// What followed, in the order of time.
    pub frames: Vec<Arc<Frame>>,
}
