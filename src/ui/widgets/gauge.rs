//! How full something is, in one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::paint::{Paint, put};
use crate::ui::theme::Meaning;

/// A ceiling and what is used of it.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// In use.
    pub used: u32,
    /// The ceiling; `None` draws an empty gauge.
    pub limit: Option<u32>,
    /// Of the ceiling: what ordinary roles cannot use.
    pub reserved: u32,
    /// The look of the used part.
    pub meaning: Meaning,
}

/// Draws `gauge` over the first row of `area`.
pub fn draw(gauge: &Gauge, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let (used, reserved) = split(gauge, area.width);
    let free = area.width - used - reserved;
    let parts = [
        (used, paint.glyphs.used, gauge.meaning),
        (free, paint.glyphs.free, Meaning::Free),
        (reserved, paint.glyphs.reserved, Meaning::Free),
    ];
    let mut x = area.x;
    for (width, sign, meaning) in parts {
        let part = Rect { x, width, height: 1, ..area };
        put(buf, part, &sign.repeat(usize::from(width)), paint.style(meaning), paint.glyphs);
        x += width;
    }
}

/// Cells for the used and for the reserved part. Something used shows, and only a full gauge looks full.
fn split(gauge: &Gauge, width: u16) -> (u16, u16) {
    let Some(limit) = gauge.limit.filter(|limit| *limit > 0) else { return (0, 0) };
    let share = |part: u32| {
        let cells = u64::from(part) * u64::from(width) / u64::from(limit);
        u16::try_from(cells).unwrap_or(width).min(width)
    };
    let used = if gauge.used > 0 { share(gauge.used).max(1).min(width) } else { 0 };
    let reserved = if gauge.reserved > 0 { share(gauge.reserved).max(1) } else { 0 };
    (used, reserved.min(width - used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_full_only_when_the_limit_is_and_never_empty_when_something_is_used() {
        for (used, limit, reserved, width, cells) in [
            (0, Some(100), 0, 10, (0, 0)),
            (1, Some(100), 3, 10, (1, 1)),
            (99, Some(100), 0, 10, (9, 0)),
            (100, Some(100), 3, 10, (10, 0)),
            (140, Some(100), 0, 10, (10, 0)),
            (5, None, 0, 10, (0, 0)),
            (5, Some(0), 0, 10, (0, 0)),
            (5, Some(10), 5, 0, (0, 0)),
        ] {
            let gauge = Gauge { used, limit, reserved, meaning: Meaning::Good };
            assert_eq!(split(&gauge, width), cells, "{used}/{limit:?} in {width}");
        }
    }
}
