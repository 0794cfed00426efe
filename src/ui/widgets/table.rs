//! One table for every list: columns described once, dropped by importance where there is no room.
//!
//! Widths depend on the width of the table alone, never on its rows, so nothing moves from sample to sample.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{gauge, sparkline};
use crate::ui::paint::{Paint, put, put_right};
use crate::ui::theme::Meaning;

/// A column: what it shows, its head, how wide it may be and how early it is given up.
#[derive(Debug)]
pub struct Column<F: 'static> {
    /// What it shows; also what it sorts by.
    pub field: F,
    /// Its head.
    pub head: &'static str,
    /// Narrowest width in cells.
    pub min: u16,
    /// Widest; columns grow towards it in their order of importance.
    pub max: u16,
    /// Importance: the lowest number falls away first.
    pub keep: u8,
    /// Numbers stand at the right.
    pub right: bool,
}

impl<F> Column<F> {
    /// A column of text, from its narrowest to its widest.
    pub const fn text(field: F, head: &'static str, (min, max): (u16, u16), keep: u8) -> Self {
        Self { field, head, min, max, keep, right: false }
    }

    /// A column of numbers, always as wide.
    pub const fn number(field: F, head: &'static str, width: u16, keep: u8) -> Self {
        Self { field, head, min: width, max: width, keep, right: true }
    }
}

/// What one cell shows.
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    /// Text in the look of a meaning.
    Text(Cow<'a, str>, Meaning),
    /// The recent past.
    Trend(Cow<'a, [Option<u32>]>, Meaning),
    /// How full something is.
    Gauge(gauge::Gauge),
}

impl<'a> Cell<'a> {
    /// Ordinary text.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into(), Meaning::Text)
    }

    /// Text that can wait.
    pub fn muted(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into(), Meaning::Muted)
    }

    /// Text with a meaning.
    pub fn of(text: impl Into<Cow<'a, str>>, meaning: Meaning) -> Self {
        Self::Text(text.into(), meaning)
    }
}

/// A table, ready to be drawn: only the rows that fit are asked for.
pub struct Table<'a, F: 'static> {
    /// Its columns.
    pub columns: &'a [Column<F>],
    /// How many rows there are.
    pub rows: usize,
    /// The first row drawn.
    pub offset: usize,
    /// The row under the cursor.
    pub cursor: Option<usize>,
    /// Whether the cursor is drawn in full, because this table has the focus.
    pub focused: bool,
    /// Sorted by this, descending if true.
    pub sort: Option<(F, bool)>,
    /// What a cell shows.
    pub cell: &'a dyn Fn(usize, &F) -> Cell<'a>,
    /// Whether a row is marked.
    pub marked: &'a dyn Fn(usize) -> bool,
}

impl<F> std::fmt::Debug for Table<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("rows", &self.rows)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Cells left of the first column: the cursor's sign, the mark.
const GUTTER: u16 = 3;

impl<F: Copy + PartialEq> Table<'_, F> {
    /// Draws heads and rows.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let widths = fit(self.columns, area.width.saturating_sub(GUTTER));
        self.heads(&widths, paint, Rect { height: 1, ..area }, buf);
        for (line, row) in (1..area.height).zip(self.offset..self.rows) {
            self.row(row, &widths, paint, (Rect { y: area.y + line, height: 1, ..area }, buf));
        }
    }

    fn heads(&self, widths: &[(usize, u16)], paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        for (column, cell) in self.cells(widths, area) {
            let mut head = Cow::Borrowed(column.head);
            let mut meaning = Meaning::Head;
            if let Some((field, descending)) = &self.sort
                && *field == column.field
            {
                let arrow = if *descending { paint.glyphs.down_arrow } else { paint.glyphs.up };
                head = format!("{}{arrow}", column.head).into();
                meaning = Meaning::Accent;
            }
            let write = if column.right { put_right } else { put };
            write(buf, cell, &head, paint.style(meaning), paint.glyphs);
        }
    }

    fn row(&self, row: usize, widths: &[(usize, u16)], paint: &Paint<'_>, (area, buf): (Rect, &mut Buffer)) {
        let marked = (self.marked)(row);
        for (column, cell_area) in self.cells(widths, area) {
            draw_cell(&(self.cell)(row, &column.field), column.right, paint, (cell_area, buf));
        }
        if marked {
            buf.set_style(area, paint.style(Meaning::Marked));
            put(
                buf,
                Rect { x: area.x + 1, width: 1, ..area },
                paint.glyphs.check,
                paint.style(Meaning::Marked),
                paint.glyphs,
            );
        }
        if self.cursor == Some(row) {
            if self.focused {
                buf.set_style(area, paint.style(Meaning::Selected));
            }
            let look = if self.focused { Meaning::Focus } else { Meaning::Muted };
            put(buf, Rect { width: 1, ..area }, paint.glyphs.cursor, paint.style(look), paint.glyphs);
        }
    }

    fn cells<'t>(
        &'t self,
        widths: &'t [(usize, u16)],
        area: Rect,
    ) -> impl Iterator<Item = (&'t Column<F>, Rect)> + 't {
        let mut x = area.x + GUTTER;
        widths.iter().filter_map(move |(index, width)| {
            let cell = Rect { x, width: *width, height: 1, ..area };
            x += width + 1;
            self.columns.get(*index).map(|column| (column, cell))
        })
    }
}

fn draw_cell(cell: &Cell<'_>, right: bool, paint: &Paint<'_>, (area, buf): (Rect, &mut Buffer)) {
    match cell {
        Cell::Text(text, meaning) => {
            let write = if right { put_right } else { put };
            write(buf, area, text, paint.style(*meaning), paint.glyphs);
        }
        Cell::Trend(values, meaning) => {
            let newest = &values[values.len().saturating_sub(usize::from(area.width) * 8)..];
            let top = newest.iter().flatten().max().copied().unwrap_or(0);
            sparkline::draw(newest, top, *meaning, paint, (area, buf));
        }
        Cell::Gauge(gauge) => gauge::draw(gauge, paint, area, buf),
    }
}

/// Which columns are drawn and how wide: `(index, width)` in their order.
fn fit<F>(columns: &[Column<F>], width: u16) -> Vec<(usize, u16)> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needed =
        |shown: &[usize]| shown.iter().map(|index| columns[*index].min + 1).sum::<u16>().saturating_sub(1);
    while needed(&shown) > width && shown.len() > 1 {
        let least = shown.iter().copied().min_by_key(|index| columns[*index].keep).unwrap_or(0);
        shown.retain(|index| *index != least);
    }
    let mut spare = width.saturating_sub(needed(&shown));
    let mut widths: Vec<(usize, u16)> = shown.iter().map(|index| (*index, columns[*index].min)).collect();
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(columns[widths[*at].0].keep));
    for at in order {
        let (index, width) = &mut widths[at];
        let more = (columns[*index].max - *width).min(spare);
        *width += more;
        spare -= more;
    }
    widths
}

/// The first row to draw so that `cursor` is in sight, moving as little as possible.
pub fn scroll(offset: usize, cursor: Option<usize>, rows: usize, height: usize) -> usize {
    let last = rows.saturating_sub(height);
    let offset = match cursor {
        Some(cursor) if cursor < offset => cursor,
        Some(cursor) if height > 0 && cursor >= offset + height => cursor + 1 - height,
        _ => offset,
    };
    offset.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(head: &'static str, min: u16, max: u16, keep: u8) -> Column<u8> {
        Column { field: keep, head, min, max, keep, right: false }
    }

    #[test]
    fn columns_fall_away_by_importance_and_the_rest_goes_to_the_important() {
        let columns = [column("a", 4, 10, 9), column("b", 6, 6, 1), column("c", 5, 50, 5)];
        for (width, fitted) in [
            (17, vec![(0, 4), (1, 6), (2, 5)]),
            (25, vec![(0, 10), (1, 6), (2, 7)]),
            (16, vec![(0, 10), (2, 5)]),
            (9, vec![(0, 9)]),
            (3, vec![(0, 4)]),
        ] {
            assert_eq!(fit(&columns, width), fitted, "{width}");
        }
    }

    #[test]
    fn scrolling_follows_the_cursor_and_moves_as_little_as_possible() {
        for (offset, cursor, rows, height, expected) in [
            (0, Some(3), 100, 10, 0),
            (0, Some(10), 100, 10, 1),
            (50, Some(20), 100, 10, 20),
            (95, Some(99), 100, 10, 90),
            (5, None, 3, 10, 0),
            (0, Some(5), 10, 0, 0),
        ] {
            assert_eq!(scroll(offset, cursor, rows, height), expected);
        }
    }
}
