//! One task per target: when to read it, how long to wait, when to try again.
//!
//! A collector publishes into a [`Mailbox`] and never waits for whoever reads it. It says about every second how
//! its target stands, also while nothing answers.

mod backoff;
mod changes;
mod collector;
mod mailbox;
mod status;

pub use backoff::Backoff;
pub use collector::{Handle, Target, spawn};
pub use mailbox::{Mailbox, News};
