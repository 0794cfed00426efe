//! The command line: help, exit codes, output of each subcommand, and the documents about it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test stops at the first thing that goes wrong, as the test itself does"
)]

#[path = "../support/support.rs"]
mod support;

mod applications;
mod check;
mod docs;
mod exits;
mod leaking;
mod operate;
mod program;
mod prometheus;
mod record;
mod reference;
mod replay;
mod report;
mod rules;
mod serve;
mod serving;
mod size;
mod snapshot;
