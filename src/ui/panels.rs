//! One file per panel: each draws a finished view and decides nothing.

pub mod connections;
pub mod footer;
pub mod header;
pub mod limits;
pub mod pools;
pub mod ruler;
pub mod states;
pub mod suspects;
pub mod tabs;
pub mod toasts;
pub mod verdict;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{Paint, put, wrap};
use super::theme::Meaning;

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

impl Frame {
    /// Says why the list is empty.
    fn draw_empty(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let lines = wrap(&self.empty, usize::from(area.width.saturating_sub(2)));
        for (line, y) in lines.iter().zip(area.y..area.bottom()) {
            let row = Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 };
            put(buf, row, line, paint.style(Meaning::Muted), paint.glyphs);
        }
    }
}
