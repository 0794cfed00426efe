//! pooltop inspects connection pools live.
//!
//! The crate is a library with a thin binary. Its modules are layers, lowest first; which module may import
//! which is listed in `docs/architecture.md` and held by `tests/architecture.rs`.

pub mod analysis;
pub mod cli;
pub mod collect;
pub mod config;
pub mod connect;
pub mod control;
pub mod demo;
pub mod export;
pub mod history;
pub mod model;
pub mod monitor;
pub mod record;
pub mod serve;
pub mod source;
pub mod text;
pub mod ui;
