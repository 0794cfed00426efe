//! Against real PostgreSQL, PgBouncer and Redis servers, started here on free loopback ports and stopped by pid.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test stops at the first thing that goes wrong, as the test itself does"
)]

#[path = "../support/support.rs"]
mod support;

mod applications;
mod client_pools;
mod collecting;
mod connect;
mod control;
mod demo;
mod harness;
mod history;
mod leaks;
mod redis;
mod replay;
mod replica;
mod sampling;
