//! The real binary in a real pseudo-terminal.

#[path = "../support/support.rs"]
mod support;

mod driver;
