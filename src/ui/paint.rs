//! What every draw function is handed: the look, the signs, the time zone; and the few strokes they share.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget as _};

use super::glyphs::Glyphs;
use super::theme::{Meaning, Theme};
use crate::model::finding::Severity;
pub use crate::text::width::wrap;
use crate::text::width::{head, width};

/// The look of one frame. Draw functions take it and a finished view, and decide nothing.
#[derive(Clone, Copy, Debug)]
pub struct Paint<'a> {
    /// How meanings look.
    pub theme: &'a Theme,
    /// The signs.
    pub glyphs: &'static Glyphs,
    /// For times of day.
    pub zone: &'a TimeZone,
}

impl Paint<'_> {
    /// How `meaning` looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.theme.style(meaning)
    }

    /// `text` in the look of `meaning`.
    pub fn span<'t>(&self, text: impl Into<std::borrow::Cow<'t, str>>, meaning: Meaning) -> Span<'t> {
        Span::styled(text, self.style(meaning))
    }

    /// The sign and the look of a severity.
    pub fn severity(&self, severity: Severity) -> (&'static str, Meaning) {
        match severity {
            Severity::Critical => (self.glyphs.critical, Meaning::Danger),
            Severity::Warning => (self.glyphs.warning, Meaning::Warning),
            Severity::Notice => (self.glyphs.notice, Meaning::Notice),
        }
    }

    /// Draws a frame with a title left and one right, and returns what is inside.
    pub fn frame(
        &self,
        area: Rect,
        buf: &mut Buffer,
        focused: bool,
        (left, right): (Line<'_>, Line<'_>),
    ) -> Rect {
        let border = if focused { Meaning::Focus } else { Meaning::Border };
        let room = area.width.saturating_sub(4);
        let left_width = cells(&left).min(room);
        let mut block =
            Block::bordered().border_set(self.glyphs.border).border_style(self.style(border)).title_top(left);
        if cells(&right) + left_width + 2 <= room {
            block = block.title_top(right.right_aligned());
        }
        let inner = block.inner(area);
        block.render(area, buf);
        inner
    }

    /// Clears `area`, frames it like a dialog and returns what is inside, with a margin of one cell at the sides.
    pub fn dialog(&self, area: Rect, buf: &mut Buffer, title: Line<'_>, look: Meaning) -> Rect {
        ratatui::widgets::Clear.render(area, buf);
        buf.set_style(area, self.style(Meaning::Text));
        let block = Block::bordered()
            .border_set(self.glyphs.border)
            .border_style(self.style(look).remove_modifier(Modifier::REVERSED))
            .title_top(title);
        let inner = block.inner(area);
        block.render(area, buf);
        inner.inner(Margin::new(1, 0))
    }
}

/// Width of a line in cells.
pub fn cells(line: &Line<'_>) -> u16 {
    u16::try_from(line.width()).unwrap_or(u16::MAX)
}

/// Writes `text` at the left of `area`'s first row, cut with the ellipsis where it does not fit.
pub fn put(buf: &mut Buffer, area: Rect, text: &str, style: Style, glyphs: &Glyphs) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let (room, line) = (usize::from(area.width), first_line(text));
    if line.len() == text.len() && width(line) <= room {
        buf.set_stringn(area.x, area.y, line, room, style);
        return;
    }
    let (x, _) = buf.set_stringn(area.x, area.y, head(line, room - 1), room - 1, style);
    buf.set_stringn(x, area.y, glyphs.ellipsis, 1, style);
}

/// Writes `text` at the right of `area`'s first row. What does not fit loses its end, never its first digit.
pub fn put_right(buf: &mut Buffer, area: Rect, text: &str, style: Style, glyphs: &Glyphs) {
    let width = u16::try_from(width(text)).unwrap_or(u16::MAX).min(area.width);
    let at = Rect { x: area.right() - width, width, ..area };
    put(buf, at, text, style, glyphs);
}

/// Writes a line of spans, cut at the edge.
pub fn put_line(buf: &mut Buffer, area: Rect, line: &Line<'_>) {
    let area = area.intersection(buf.area);
    if !area.is_empty() {
        buf.set_line(area.x, area.y, line, area.width);
    }
}

/// Writes a line of spans; where it does not fit, its last cell says so.
pub fn put_cut(buf: &mut Buffer, area: Rect, line: &Line<'_>, paint: &Paint<'_>) {
    put_line(buf, area, line);
    if cells(line) > area.width && area.width > 0 {
        let last = Rect { x: area.right() - 1, width: 1, ..area };
        put(buf, last, paint.glyphs.ellipsis, paint.style(Meaning::Muted), paint.glyphs);
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::UNICODE;

    fn written(width: u16, text: &str, right: bool) -> String {
        let area = Rect::new(0, 0, width, 1);
        let mut buf = Buffer::empty(area);
        let put = if right { put_right } else { put };
        put(&mut buf, area, text, Style::default(), &UNICODE);
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn text_that_does_not_fit_ends_in_an_ellipsis() {
        for (width, text, right, drawn) in [
            (6, "select", false, "select"),
            (5, "select", false, "sele…"),
            (8, "a\nb", false, "a…      "),
            (5, "42", true, "   42"),
            (4, "漢字漢字", false, "漢 …"),
        ] {
            assert_eq!(written(width, text, right).trim_end(), drawn.trim_end(), "{text:?} in {width}");
        }
    }
}
