//! The command line: help, exit codes, output of each subcommand, and the documents about it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test stops at the first thing that goes wrong, as the test itself does"
)]

#[path = "../support/support.rs"]
mod support;

mod docs;
