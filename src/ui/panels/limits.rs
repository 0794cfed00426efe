//! How full each layer is, and when it is full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::model::limit::{Limit, LimitScope};
use crate::text::width::width;
use crate::ui::format;
use crate::ui::paint::{Paint, put, put_line, put_right};
use crate::ui::theme::Meaning;
use crate::ui::widgets::gauge::{self, Gauge};

/// Draws the ladder: one limit per row, name, gauge, numbers, forecast.
pub fn draw(limits: &[Limit], paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let title = Line::from(vec![Span::raw(" "), paint.span("Limits", Meaning::Title), Span::raw(" ")]);
    let hidden = limits.len().saturating_sub(usize::from(area.height.saturating_sub(2)));
    let more = if hidden > 0 {
        Line::from(paint.span(format!(" +{hidden} more "), Meaning::Muted))
    } else {
        Line::default()
    };
    let inner = paint.frame(area, buf, false, (title, more));
    if limits.is_empty() {
        put(buf, inner, " No ceiling is known yet.", paint.style(Meaning::Muted), paint.glyphs);
    }
    let widest = limits.iter().map(|limit| width(&name(limit))).max().and_then(|cells| cells.try_into().ok());
    let name_width = widest.unwrap_or(22_u16).clamp(12, 22);
    for (limit, y) in limits.iter().zip(inner.y..inner.bottom()) {
        row(
            (limit, name_width),
            paint,
            Rect { y, height: 1, x: inner.x + 1, width: inner.width.saturating_sub(2) },
            buf,
        );
    }
}

fn row((limit, name_width): (&Limit, u16), paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    const NUMBERS: u16 = 11;
    const NOTE: u16 = 11;
    let gauge_width = area.width.saturating_sub(name_width + NUMBERS + NOTE + 3);
    let mut x = area.x;
    let mut place = |width: u16| {
        let place = Rect { x, width, ..area };
        x += width + 1;
        place.intersection(area)
    };
    put(buf, place(name_width), &name(limit), paint.style(Meaning::Text), paint.glyphs);
    let look = meaning(limit);
    let bar = Gauge { used: limit.used, limit: limit.limit, reserved: limit.reserved, meaning: look };
    gauge::draw(&bar, paint, place(gauge_width), buf);
    put_right(buf, place(NUMBERS), &numbers(limit, paint), paint.style(number_look(look)), paint.glyphs);
    let (note, note_look) = note(limit);
    put(buf, place(NOTE), &note, paint.style(note_look), paint.glyphs);
}

/// Below its warning a limit's numbers are plain: colour is for what needs a look.
fn number_look(meaning: Meaning) -> Meaning {
    if meaning == Meaning::Accent { Meaning::Text } else { meaning }
}

/// Whose limit it is.
pub fn name(limit: &Limit) -> String {
    match limit.scope {
        LimitScope::Server => limit.target.to_string(),
        LimitScope::Database | LimitScope::Role => format!("{} {}", limit.scope.as_str(), limit.name),
        _ => limit.name.to_string(),
    }
}

/// Of what ordinary roles can use: `89/97`, exactly.
fn numbers(limit: &Limit, paint: &Paint<'_>) -> String {
    let usable = limit.usable().map(|usable| usable.to_string());
    format!("{}/{}", limit.used, usable.as_deref().unwrap_or(paint.glyphs.unknown))
}

fn note(limit: &Limit) -> (String, Meaning) {
    match limit.exhausted_in_s {
        Some(left) if limit.usable().is_some_and(|usable| limit.used < usable) => {
            (format!("full {}", format::forecast(left)), Meaning::Danger)
        }
        _ if limit.usable().is_some_and(|usable| limit.used >= usable) => {
            ("full".to_owned(), Meaning::Danger)
        }
        _ if limit.reserved > 0 => (format!("+{} reserved", limit.reserved), Meaning::Muted),
        _ => (String::new(), Meaning::Muted),
    }
}

/// How a limit looks by its utilization.
pub fn meaning(limit: &Limit) -> Meaning {
    match limit.utilization() {
        Some(share) if share >= 0.95 => Meaning::Danger,
        Some(share) if share >= 0.8 => Meaning::Warning,
        _ => Meaning::Accent,
    }
}

/// The nearest limits in one row, for small terminals: `db1 89/97 full ~3min`.
pub fn draw_line(limits: &[Limit], paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let mut line = Line::from(Span::raw(" "));
    for limit in limits {
        let (note, note_look) = note(limit);
        let look = number_look(meaning(limit));
        let mut chip = vec![
            paint.span(format!("{} ", name(limit)), Meaning::Muted),
            paint.span(numbers(limit, paint), look),
            paint.span(if note.is_empty() { String::new() } else { format!(" {note}") }, note_look),
            Span::raw("   "),
        ];
        let width: usize = chip.iter().map(Span::width).sum();
        if line.spans.len() == 1 && width > usize::from(area.width) + 2 {
            chip.remove(2);
        }
        if line.spans.len() > 1 && line.width() + width > usize::from(area.width) + 3 {
            break;
        }
        line.spans.extend(chip);
    }
    put_line(buf, area, &line);
}
