//! Against real PostgreSQL and PgBouncer servers, started here on free loopback ports and stopped by pid.

#[path = "../support/support.rs"]
mod support;

mod harness;
