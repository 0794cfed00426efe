//! The real binary in a real pseudo-terminal.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops at the first thing that goes wrong, as the test itself does"
)]

#[path = "../support/support.rs"]
mod support;

mod applications;
mod around;
mod demo;
mod driver;
mod ending;
mod fleet;
mod history;
mod hostile;
mod operations;
mod outages;
mod replay;
mod sizing;
mod stage;
mod story;
