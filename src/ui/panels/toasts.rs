//! Toasts: lines over the right lower corner, the newest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use crate::ui::contract::Tone;
use crate::ui::paint::{Paint, put, wrap};
use crate::ui::state::toasts::Toasts;
use crate::ui::theme::Meaning;

/// Draws them above the last row of `area`.
pub fn draw(toasts: &Toasts, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let width = area.width.min(90).saturating_sub(6);
    let mut bottom = area.bottom().saturating_sub(1);
    for (tone, text) in toasts.iter().rev() {
        let (sign, look) = match tone {
            Tone::Info => (paint.glyphs.check, Meaning::Good),
            Tone::Warning => (paint.glyphs.warning, Meaning::Warning),
            Tone::Error => (paint.glyphs.critical, Meaning::Danger),
        };
        let lines = wrap(text, width.into());
        let height = u16::try_from(lines.len()).unwrap_or(1);
        let widest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
        let box_width = u16::try_from(widest).unwrap_or(width) + 6;
        if bottom < area.y + height + 3 {
            return;
        }
        bottom -= height + 2;
        let place = Rect { x: area.right() - box_width, y: bottom, width: box_width, height: height + 2 };
        let inner = paint.dialog(place, buf, ratatui::text::Line::default(), look);
        put(buf, Rect { width: 1, ..inner }, sign, paint.style(look), paint.glyphs);
        for (line, y) in lines.iter().zip(inner.y..) {
            let row = Rect { x: inner.x + 2, y, width: inner.width.saturating_sub(2), height: 1 };
            put(buf, row, line, paint.style(Meaning::Text), paint.glyphs);
        }
    }
}
