//! Text as data: everything a server says passes through here before anything else sees it.
//!
//! Lowest layer: imports nothing of the crate.

pub mod clean;
pub mod escape;
pub mod fingerprint;
pub mod glob;
mod nearest;
pub mod redact;
pub mod size;
pub mod span;
pub mod sql;
pub mod width;

pub use clean::Text;
pub use nearest::nearest;
