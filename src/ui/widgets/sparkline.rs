//! The recent past of one number, one row high. A gap is a gap, not a zero.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;

/// Draws the newest values of `values` (oldest first) right-aligned over the first row of `area`.
///
/// `top` is the value of the highest level; series that are compared share it. Values are joined where there
/// are more than cells: each cell shows the highest of its values, so a spike is never lost.
pub fn draw(
    values: &[Option<u32>],
    top: u32,
    meaning: Meaning,
    paint: &Paint<'_>,
    (area, buf): (Rect, &mut Buffer),
) {
    if area.intersection(buf.area).is_empty() {
        return;
    }
    let cells = joined(values, area.width);
    let start = area.right() - u16::try_from(cells.len()).unwrap_or(area.width);
    for (x, value) in (start..).zip(cells) {
        let (sign, meaning) = sign(value, top, meaning, paint);
        buf.set_stringn(x, area.y, sign, 1, paint.style(meaning));
    }
}

/// The same as spans of a line that is `width` cells wide at most.
pub fn spans<'t>(
    values: &[Option<u32>],
    width: u16,
    top: u32,
    meaning: Meaning,
    paint: &Paint<'_>,
) -> impl Iterator<Item = Span<'t>> {
    joined(values, width).into_iter().map(move |value| {
        let (sign, meaning) = sign(value, top, meaning, paint);
        paint.span(sign, meaning)
    })
}

fn sign(value: Option<u32>, top: u32, meaning: Meaning, paint: &Paint<'_>) -> (&'static str, Meaning) {
    match value {
        None => (paint.glyphs.gap, Meaning::Muted),
        Some(0) => (paint.glyphs.levels[0], Meaning::Free),
        Some(value) => (paint.glyphs.levels[level(value, top)], meaning),
    }
}

/// 1 to 8 for a value above zero.
fn level(value: u32, top: u32) -> usize {
    let level = (u64::from(value) * 8).div_ceil(u64::from(top.max(1)));
    usize::try_from(level).unwrap_or(8).clamp(1, 8)
}

/// One value per cell: the highest of those that share it. A cell is a gap only where all of them are.
fn joined(values: &[Option<u32>], width: u16) -> Vec<Option<u32>> {
    let width = usize::from(width);
    if width == 0 {
        return Vec::new();
    }
    let per_cell = values.len().div_ceil(width).max(1);
    let mut cells: Vec<_> =
        values.rchunks(per_cell).map(|group| group.iter().copied().flatten().max()).collect();
    cells.reverse();
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_survives_joining_and_gaps_stay_gaps() {
        let values = [Some(1), Some(9), None, None, Some(2), None];
        assert_eq!(joined(&values, 3), [Some(9), None, Some(2)]);
        assert_eq!(joined(&values, 10).len(), 6);
        assert!(joined(&values, 0).is_empty());
        assert!(joined(&[], 5).is_empty());
    }

    #[test]
    fn something_is_never_drawn_as_nothing() {
        assert_eq!(level(1, 1_000), 1);
        assert_eq!(level(1_000, 1_000), 8);
        assert_eq!(level(5, 0), 8);
    }
}
