//! The terminal dashboard.

pub mod command;
pub mod contract;
pub mod format;
pub mod glyphs;
pub mod keymap;
pub mod layout;
pub mod paint;
pub mod panels;
pub mod state;
pub mod theme;
pub mod view;
pub mod widgets;

pub use contract::{Effect, Feed, Input, Options, ProfileEntry, ProfileHeader, SnapshotFormat, Tone};
