//! Text as data: everything a server says passes through here before anything else sees it.
//!
//! Lowest layer: imports nothing of the crate.

pub mod clean;
pub mod glob;

pub use clean::Text;
