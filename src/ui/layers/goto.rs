//! The time to go to, while it is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input;

use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_line, wrap};
use crate::ui::theme::Meaning;

/// What can be written.
const HOW: &str = "14:02, 14:02:30, -5m or +30s from the moment shown, 2026-11-21T14:02:00Z";

/// The line, and how far the past reaches.
#[derive(Debug)]
pub struct GoTo {
    /// The line.
    pub input: Input,
    /// Why what was typed leads nowhere.
    pub error: Option<String>,
    reach: String,
}

impl GoTo {
    /// An empty line; `reach` says from when to when anything is known.
    pub fn new(reach: String) -> Self {
        Self { input: Input::default(), error: None, reach }
    }

    /// Draws it; returns where the terminal's cursor stands.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Position {
        let width = area.width.saturating_sub(4).min(72);
        let (note, look) = match &self.error {
            Some(error) => (error.as_str(), Meaning::Danger),
            None => (HOW, Meaning::Muted),
        };
        let mut notes = wrap(&self.reach, usize::from(width.saturating_sub(4)));
        let reach = notes.len();
        notes.extend(wrap(note, usize::from(width.saturating_sub(4))));
        let height = u16::try_from(notes.len()).unwrap_or(1).saturating_add(3);
        let title = Line::from(paint.span(" Go to a time ", Meaning::Title));
        let inner = paint.dialog(centred(area, width, height), buf, title, Meaning::Focus);
        let typed = Line::from(vec![
            paint.span("@ ", Meaning::Key),
            paint.span(self.input.value().to_owned(), Meaning::Text),
        ]);
        put_line(buf, inner, &typed);
        for ((index, line), y) in notes.iter().enumerate().zip(inner.y + 1..inner.bottom()) {
            let look = if index < reach { Meaning::Muted } else { look };
            put(buf, Rect { y, height: 1, ..inner }, line, paint.style(look), paint.glyphs);
        }
        let x = inner.x + 2 + u16::try_from(self.input.visual_cursor()).unwrap_or(0);
        Position { x: x.min(inner.right().saturating_sub(1)), y: inner.y }
    }
}
