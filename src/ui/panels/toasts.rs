//! Toasts: lines over the right lower corner, the newest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::text::width::width;
use crate::ui::contract::Tone;
use crate::ui::paint::{Paint, put, put_line, wrap};
use crate::ui::state::toasts::Toasts;
use crate::ui::theme::Meaning;

/// Draws them in one box above the last row of `area`, in the look of the loudest.
pub fn draw(toasts: &Toasts, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let Some(loudest) = toasts.iter().map(|(tone, _)| tone).max() else { return };
    let room = area.width.min(90).saturating_sub(6);
    let mut lines: Vec<(Tone, bool, String)> = Vec::new();
    for (tone, text) in toasts.iter() {
        let wrapped = wrap(text, room.into()).into_iter().enumerate();
        lines.extend(wrapped.map(|(index, line)| (tone, index == 0, line)));
    }
    let widest = lines.iter().map(|(.., line)| width(line)).max().unwrap_or(0);
    let box_width = u16::try_from(widest).unwrap_or(room).min(room) + 6;
    let height = u16::try_from(lines.len()).unwrap_or(1).saturating_add(2).min(area.height / 2);
    let y = area.bottom().saturating_sub(height + 1);
    let place = Rect { x: area.right() - box_width, y, width: box_width, height };
    let inner = paint.dialog(place, buf, Line::default(), look(loudest));
    let hidden = lines.len().saturating_sub(usize::from(inner.height));
    for ((tone, first, line), y) in lines.iter().skip(hidden).zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        if *first {
            put_line(buf, row, &Line::from(paint.span(sign(*tone, paint), look(*tone))));
        }
        let text = Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row };
        put(buf, text, line, paint.style(Meaning::Text), paint.glyphs);
    }
}

fn look(tone: Tone) -> Meaning {
    match tone {
        Tone::Info => Meaning::Good,
        Tone::Warning => Meaning::Warning,
        Tone::Error => Meaning::Danger,
    }
}

fn sign(tone: Tone, paint: &Paint<'_>) -> &'static str {
    match tone {
        Tone::Info => paint.glyphs.check,
        Tone::Warning => paint.glyphs.warning,
        Tone::Error => paint.glyphs.critical,
    }
}
