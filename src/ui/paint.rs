//! What every draw function is handed: the look, the signs, the time zone; and the few strokes they share.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget as _};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::glyphs::Glyphs;
use super::theme::{Meaning, Theme};
use crate::model::finding::Severity;

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
    let (width, line) = (usize::from(area.width), first_line(text));
    if line.len() == text.len() && line.width() <= width {
        buf.set_stringn(area.x, area.y, line, width, style);
        return;
    }
    let (x, _) = buf.set_stringn(area.x, area.y, line, width - 1, style);
    buf.set_stringn(x, area.y, glyphs.ellipsis, 1, style);
}

/// Writes `text` at the right of `area`'s first row. What does not fit loses its end, never its first digit.
pub fn put_right(buf: &mut Buffer, area: Rect, text: &str, style: Style, glyphs: &Glyphs) {
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(area.width);
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

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// `text` in lines of at most `width` cells, broken at spaces where there are some. Line feeds break too.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| wrap_line(line, width.max(1))).collect()
}

fn wrap_line(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        for piece in pieces(word, width) {
            let fits = lines.last().is_none_or(|line| line.width() + piece.trim_end().width() <= width);
            if !fits {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(piece);
            }
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// `word` in pieces that fit a line.
fn pieces(word: &str, width: usize) -> Vec<&str> {
    if word.trim_end().width() <= width {
        return vec![word];
    }
    let (mut out, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, c) in word.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width && at > start {
            out.push(word.get(start..at).unwrap_or_default());
            (start, used) = (at, 0);
        }
        used += wide;
    }
    out.push(word.get(start..).unwrap_or_default());
    out
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

    #[test]
    fn wrapped_text_breaks_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("six clients wait", 10), ["six", "clients", "wait"].map(String::from).to_vec());
        assert_eq!(wrap("six clients wait", 11), ["six clients", "wait"].map(String::from).to_vec());
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"].map(String::from).to_vec());
        assert_eq!(wrap("", 3), [String::new()]);
    }
}
