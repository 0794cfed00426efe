//! The pools table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::paint::Paint;
use crate::ui::panels::Frame;
use crate::ui::state::pools::Pools;
use crate::ui::theme::Meaning;
use crate::ui::view::pools::{self, COLUMNS, NARROW, ROLLED, RollUp};
use crate::ui::widgets::table::Table;

/// Draws frame, heads and the rows that fit.
pub fn draw(pools: &Pools, frame: &Frame, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let inner =
        if frame.bordered { paint.frame(area, buf, frame.focused, titles(pools, paint)) } else { area };
    if pools.lines.is_empty() {
        frame.draw_empty(paint, inner, buf);
        return;
    }
    let cell = |row: usize, field: &pools::Field| pools::cell(&pools.lines[row], *field, paint);
    Table {
        columns: match pools.level {
            _ if frame.narrow => &NARROW,
            RollUp::Full => &COLUMNS,
            _ => &ROLLED,
        },
        rows: pools.lines.len(),
        offset: pools.offset,
        cursor: Some(pools.at),
        focused: frame.focused,
        sort: Some(pools.sort),
        cell: &cell,
        marked: &|_| false,
    }
    .draw(paint, inner, buf);
}

fn titles<'t>(pools: &Pools, paint: &Paint<'_>) -> (Line<'t>, Line<'t>) {
    let mut left = Line::from(vec![
        Span::raw(" "),
        paint.span("Pools", Meaning::Title),
        paint.span(format!(" {} ", pools.lines.len()), Meaning::Muted),
    ]);
    if let Some(word) = pools.level.word() {
        left.push_span(paint.span(format!("by {word} "), Meaning::Accent));
    }
    (left, Line::default())
}
