//! One file per panel: each draws a finished view and decides nothing.

pub mod connections;
pub mod footer;
pub mod header;
pub mod limits;
pub mod pools;
pub mod states;
pub mod suspects;
pub mod tabs;
pub mod toasts;
pub mod verdict;

/// What a list panel is told about its surroundings.
#[derive(Clone, Debug)]
pub struct Frame {
    /// It has the focus.
    pub focused: bool,
    /// It has a frame of its own; on small terminals tabs stand for it.
    pub bordered: bool,
    /// Only the columns that matter most.
    pub narrow: bool,
    /// What an empty list says.
    pub empty: String,
}
