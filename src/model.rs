//! Plain data in the house's words: what was seen, what it means, what may be done.
//!
//! No I/O, no runtime, no terminal. Imports `text` only.

pub mod app;
pub mod audit;
pub mod backend;
pub mod backfill;
pub mod clock;
pub mod event;
pub mod facts;
pub mod finding;
pub mod leak;
pub mod limit;
pub mod locks;
pub mod operation;
pub mod own;
pub mod part;
pub mod past;
pub mod pool;
pub mod pooler;
pub mod redis;
pub mod sample;
pub mod secret;
pub mod target;
pub mod thresholds;
pub mod time;
pub mod track;
pub mod verdict;
pub mod when;
