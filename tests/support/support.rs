//! Starts and stops real servers for the tests.
//!
//! Included by each test crate with `#[path]`. Every server runs under a [`guardian`] that stops it and removes its
//! directory as soon as the test process is gone, however that ended.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test support: each test crate uses a part of it, and a helper that fails should fail the test"
)]

mod guardian;
mod pgbouncer;
mod postgres;
mod redis;
mod terminal;
mod wait;

pub use guardian::Guardian;
pub use pgbouncer::{PgBouncer, PgBouncerOptions};
pub use postgres::{Auth, Held, Installation, Postgres, PostgresOptions, installations};
pub use redis::{Held as RedisHeld, Redis, RedisOptions};
pub use terminal::{Key, Launch, Terminal};
pub use wait::{eventually, free_port, wait_until};
