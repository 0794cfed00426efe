//! Connections by state over time: each number with its recent past.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::paint::{Paint, put, put_line, put_right};
use crate::ui::theme::Meaning;
use crate::ui::widgets::sparkline;

/// One number and its past.
#[derive(Clone, Debug)]
pub struct StateRow {
    /// The state's word.
    pub label: &'static str,
    /// How it looks.
    pub meaning: Meaning,
    /// Now; `None` where it is not known.
    pub now: Option<u32>,
    /// Oldest first.
    pub past: Vec<Option<u32>>,
}

/// What the panel shows.
#[derive(Clone, Debug, Default)]
pub struct States {
    /// One row per state, the most telling first.
    pub rows: Vec<StateRow>,
    /// All of them now.
    pub total: Option<u32>,
    /// Of how long a time, in words.
    pub span: String,
    /// The selected pool and its past.
    pub pool: Option<(String, Vec<Option<u32>>)>,
}

/// Draws one row per state, all to the same scale, and the selected pool's connections where there is room.
pub fn draw(states: &States, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let mut title = Line::from(vec![Span::raw(" "), paint.span("Connections", Meaning::Title)]);
    if states.span.is_empty() {
        title.push_span(Span::raw(" "));
    } else {
        title.push_span(paint.span(format!(" {} {} ", paint.glyphs.dot, states.span), Meaning::Muted));
    }
    let total = states.total.map(|total| format!(" {total} in all ")).unwrap_or_default();
    let inner = paint.frame(area, buf, false, (title, Line::from(paint.span(total, Meaning::Muted))));
    let top = states.rows.iter().flat_map(|row| row.past.iter().flatten()).max().copied().unwrap_or(0);
    let mut y = inner.y;
    for row in fitting(&states.rows, inner.height.into()) {
        let place = Rect { y, height: 1, ..inner };
        line(row, top, paint, place, buf);
        y += 1;
    }
    if let Some((name, past)) = states.pool.as_ref().filter(|_| y < inner.bottom()) {
        let top = past.iter().flatten().max().copied().unwrap_or(0);
        let row = StateRow {
            label: "",
            meaning: Meaning::Accent,
            now: past.last().copied().flatten(),
            past: past.clone(),
        };
        let place = Rect { y: inner.bottom() - 1, height: 1, ..inner };
        line(&row, top, paint, place, buf);
        put(
            buf,
            Rect { x: place.x + 1, width: LABEL, ..place },
            name,
            paint.style(Meaning::Accent),
            paint.glyphs,
        );
    }
}

/// The rows that fit. Where there are more, the quiet states fall away, always the same ones.
fn fitting(rows: &[StateRow], room: usize) -> impl Iterator<Item = &StateRow> {
    const QUIET: [&str; 3] = ["idle", "other", "active"];
    let surplus = rows.len().saturating_sub(room);
    let dropped = QUIET.iter().filter(|label| rows.iter().any(|row| row.label == **label)).take(surplus);
    let dropped: Vec<&str> = dropped.copied().collect();
    rows.iter().filter(move |row| !dropped.contains(&row.label)).take(room)
}

const LABEL: u16 = 12;
const NUMBER: u16 = 6;

fn line(row: &StateRow, top: u32, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let label = Rect { x: area.x + 1, width: LABEL.min(area.width), ..area };
    put(buf, label, row.label, paint.style(Meaning::Muted), paint.glyphs);
    let number = Rect { x: area.right().saturating_sub(NUMBER + 1), width: NUMBER, ..area };
    put_right(buf, number, &count(row, paint), paint.style(look(row)), paint.glyphs);
    let start = label.right() + 1;
    let graph = Rect { x: start, width: number.x.saturating_sub(start), ..area };
    sparkline::draw(&row.past, top, row.meaning, paint, (graph, buf));
}

fn count(row: &StateRow, paint: &Paint<'_>) -> String {
    row.now.map_or_else(|| paint.glyphs.unknown.to_owned(), |now| now.to_string())
}

/// Nothing in a state is quiet.
fn look(row: &StateRow) -> Meaning {
    if row.now.unwrap_or(0) == 0 { Meaning::Muted } else { row.meaning }
}

/// All states in one row, for small terminals: number, word, a few cells of the past.
pub fn draw_line(states: &States, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    const GRAPH: u16 = 6;
    let top = states.rows.iter().flat_map(|row| row.past.iter().flatten()).max().copied().unwrap_or(0);
    let mut x = area.x + 1;
    for row in &states.rows {
        let text = Line::from(vec![
            paint.span(row.label, Meaning::Muted),
            Span::raw(" "),
            paint.span(count(row, paint), look(row)),
            Span::raw(" "),
        ]);
        let width = u16::try_from(text.width()).unwrap_or(area.width);
        if x + width > area.right() {
            break;
        }
        put_line(buf, Rect { x, width, ..area }, &text);
        x += width;
        if x + GRAPH + 2 <= area.right() {
            let recent = row.past.len().saturating_sub(usize::from(GRAPH));
            sparkline::draw(
                &row.past[recent..],
                top,
                row.meaning,
                paint,
                (Rect { x, width: GRAPH, height: 1, ..area }, buf),
            );
            x += GRAPH + 2;
        }
    }
}
