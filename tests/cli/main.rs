//! The command line: help, exit codes, output of each subcommand.

#[path = "../support/support.rs"]
mod support;
