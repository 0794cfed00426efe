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

mod backfilled;
mod chromium;
mod guardian;
mod http;
mod pgbouncer;
mod pgpool;
mod postgres;
mod prometheus;
mod python;
mod redis;
mod terminal;
mod wait;

pub use backfilled::{Backfilled, Points};
pub use chromium::Chromium;
pub use guardian::Guardian;
pub use http::{HttpRequest, HttpServer, Reply};
pub use pgbouncer::{PgBouncer, PgBouncerOptions};
pub use pgpool::Pgpool;
pub use postgres::{Auth, Held, Installation, Postgres, PostgresOptions, connect, installations};
pub use prometheus::Prometheus;
pub use python::{Answer, PythonApp, PythonOptions};
pub use redis::{Held as RedisHeld, Redis, RedisOptions};
pub use terminal::{Key, Launch, Terminal};
pub use wait::{eventually, free_port, wait_until};

/// Where a program is; `None`, with a loud line, where it is not installed.
pub fn installed(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|place| place.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}
