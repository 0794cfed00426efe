//! The last line: the keys that work here and now, or the line that is being typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::ui::paint::{Paint, put_line};
use crate::ui::theme::Meaning;

/// What the last line shows.
#[derive(Clone, Debug)]
pub enum Footer {
    /// Keys and their labels, the most telling first.
    Keys(Vec<(String, String)>),
    /// A line that is typed: its prompt, its text, the cursor in cells, and a note behind it.
    Typing {
        /// In front.
        prompt: &'static str,
        /// What is typed.
        text: String,
        /// Cells before the cursor.
        cursor: usize,
        /// Behind: what is wrong, or how it works.
        note: (String, Meaning),
    },
}

/// Draws it; returns where the terminal's cursor stands, if something is typed.
pub fn draw(footer: &Footer, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    match footer {
        Footer::Keys(keys) => {
            put_line(buf, area, &keys_line(keys, paint, area.width));
            None
        }
        Footer::Typing { prompt, text, cursor, note } => {
            let line = Line::from(vec![
                paint.span(format!(" {prompt}"), Meaning::Key),
                paint.span(text.as_str(), Meaning::Text),
                Span::raw("   "),
                paint.span(note.0.as_str(), note.1),
            ]);
            put_line(buf, area, &line);
            let x = area.x + 1 + u16::try_from(prompt.len() + cursor).unwrap_or(0);
            Some(Position { x: x.min(area.right().saturating_sub(1)), y: area.y })
        }
    }
}

/// As many keys as fit, whole.
fn keys_line<'t>(keys: &[(String, String)], paint: &Paint<'_>, width: u16) -> Line<'t> {
    let mut line = Line::default();
    for (key, label) in keys {
        let chip = [
            Span::raw(" "),
            paint.span(key.clone(), Meaning::Key),
            Span::raw(" "),
            paint.span(label.clone(), Meaning::Muted),
            Span::raw(" "),
        ];
        let chip_width: usize = chip.iter().map(Span::width).sum();
        if line.width() + chip_width > usize::from(width) {
            break;
        }
        line.spans.extend(chip);
    }
    line
}
