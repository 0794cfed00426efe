//! The terminal dashboard.
//!
//! Keys and inputs change the state ([`state::app::App::update`]); the state is drawn from views that were made once per
//! change; what the outside must do leaves as [`Effect`]s. Nothing in here connects to anything.

pub mod command;
pub mod contract;
pub mod draw;
pub mod format;
pub mod glyphs;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod paint;
pub mod panels;
pub mod run;
pub mod state;
pub mod svg;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod widgets;

pub use contract::{
    Effect, Feed, FleetMember, Input, Options, ProfileEntry, ProfileHeader, RecordingState, SnapshotFormat,
    Ticket, Tone,
};
pub use run::{RunError, run};
pub use state::operate::surroundings;

#[cfg(test)]
mod looks;
