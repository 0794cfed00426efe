//! What the screen knows, and how every key and input changes it. Pure: no terminal, no runtime, no clock of its own.

pub mod app;
mod arrange;
mod commands;
mod compare;
pub mod connections;
mod copy;
pub mod filter;
pub mod fleet;
mod inputs;
pub mod line;
pub mod operate;
mod over;
pub mod pauses;
mod poolers;
pub mod pools;
pub mod reel;
pub mod suspects;
pub mod toasts;
pub mod travel;

#[cfg(test)]
pub(in crate::ui) mod scripts;
