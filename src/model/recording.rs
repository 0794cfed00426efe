//! What a recording says about itself.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::text::Text;

/// What the first line of a recording says the file is.
pub const FORMAT: &str = "pooltop.recording/1";

/// The first line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// What the file is, [`FORMAT`] for what this version writes.
    pub format: Text,
    /// Version of the program that wrote it.
    pub pooltop_version: Text,
    /// What is recorded, in a few words.
    pub title: Text,
    /// When it was begun, by the clock of the machine that wrote it.
    pub recorded_at: Timestamp,
    /// Seconds between two samples.
    pub interval_s: f64,
    /// How much faster than life the recorded application ran: 0.1 = what takes a minute took six seconds.
    pub time_scale: f64,
}

impl Header {
    /// A header of this program, in real time.
    pub fn new(title: &str, recorded_at: Timestamp, interval_s: f64) -> Self {
        Self {
            format: FORMAT.into(),
            pooltop_version: env!("CARGO_PKG_VERSION").into(),
            title: title.into(),
            recorded_at,
            interval_s,
            time_scale: 1.0,
        }
    }
}
