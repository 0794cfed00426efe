//! Servers made up for tests, benchmarks and pictures: deterministic, through the real analysis.
//!
//! Not part of the library's interface; integration tests and benchmarks need it to be public.

pub mod labelled;
mod pooled;
mod scenes;
mod server;
#[cfg(test)]
mod twin;

pub use pooled::*;
pub use scenes::*;
pub use server::*;
