//! Confirming operations, carrying them out, and leaving a trace.
//!
//! The way of an operation is one way: [`confirm::Question`] asks about exact sessions, its answer is the
//! only thing that makes a [`confirm::Confirmed`], and nothing else can be handed to what sends signals.

pub mod audit;
pub mod confirm;
pub mod dialect;
pub mod executor;
pub mod select;
