//! What panels draw: made from a moment once per sample or key, never per frame.

pub mod connections;
pub mod pools;
pub mod suspects;
