//! Recordings: what a running profile took in, in a SQLite file that begins where the memory reaches back to.
//!
//! A recording is a row of stretches: a checkpoint, and the frames that follow it. Moments follow from these alone, so what
//! is replayed is what was judged then. Beside them are plain tables for people with `sqlite3`.
//!
//! Everything is redacted before it is written, apart from what the analysis has learned, which only the analysis can read.

mod codec;
mod error;
#[doc(hidden)]
pub mod fixture;
mod lock;
mod meta;
mod pack;
mod plain;
mod reader;
mod redact;
mod rows;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{ReadError, RecordError};
pub use meta::Meta;
pub use plain::Plain;
pub use reader::{Reader, Recorded};
pub use schema::SCHEMA;
pub use store::Bounds;
pub use writer::{Entry, RecordPhase, RecordStatus, Recorder};

/// How names of recordings end.
pub const ENDING: &str = "pooltop";
