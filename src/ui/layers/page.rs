//! Something to read: lines that scroll.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::model::finding::FindingKey;
use crate::ui::command::Command;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_line};
use crate::ui::state::connections::RowId;
use crate::ui::theme::Meaning;

/// What a page is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// One connection.
    Connection(RowId),
    /// One finding with all of its evidence.
    Finding(FindingKey),
    /// Every key.
    Help,
    /// What changed between two moments.
    Compare,
}

/// A page and how far it is scrolled.
#[derive(Debug)]
pub struct Page {
    /// What it is about.
    pub subject: Subject,
    /// Its lines, made when the facts or the size change.
    pub lines: Vec<Line<'static>>,
    /// The first line shown.
    pub offset: usize,
    /// How many lines are shown.
    pub height: usize,
}

impl Page {
    /// A page that is not written yet.
    pub fn new(subject: Subject) -> Self {
        Self { subject, lines: Vec::new(), offset: 0, height: 1 }
    }

    /// Takes new lines; what was read stays in sight.
    pub fn write(&mut self, lines: Vec<Line<'static>>, height: u16) {
        (self.lines, self.height) = (lines, usize::from(height.max(1)));
        self.offset = self.offset.min(self.last());
    }

    /// Scrolls.
    pub fn command(&mut self, command: Command) {
        let page = self.height.saturating_sub(1).max(1);
        self.offset = match command {
            Command::Up => self.offset.saturating_sub(1),
            Command::Down => self.offset + 1,
            Command::PageUp => self.offset.saturating_sub(page),
            Command::PageDown => self.offset + page,
            Command::First => 0,
            Command::Last => self.last(),
            _ => self.offset,
        }
        .min(self.last());
    }

    fn last(&self) -> usize {
        self.lines.len().saturating_sub(self.height)
    }

    fn title(&self) -> &'static str {
        match self.subject {
            Subject::Connection(_) => " Connection ",
            Subject::Finding(_) => " Evidence ",
            Subject::Help => " Help ",
            Subject::Compare => " Compare ",
        }
    }

    /// Where `lines` lines stand on a screen of this size.
    pub fn place(area: Rect, lines: usize) -> Rect {
        let lines = u16::try_from(lines).unwrap_or(u16::MAX).max(3);
        let height = lines.saturating_add(2).min(area.height.saturating_sub(2));
        centred(area, area.width.saturating_sub(4).clamp(40, 110), height)
    }

    /// Draws it.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let title = Line::from(paint.span(self.title(), Meaning::Title));
        let inner = paint.dialog(Self::place(area, self.lines.len()), buf, title, Meaning::Focus);
        for (line, y) in self.lines.iter().skip(self.offset).zip(inner.y..inner.bottom()) {
            put_line(buf, Rect { y, height: 1, ..inner }, line);
        }
        scroll_sign(self.offset, self.lines.len(), paint, inner, buf);
    }
}

/// A thumb on the right border of `inner`'s frame, where a list does not fit.
pub fn scroll_sign(offset: usize, lines: usize, paint: &Paint<'_>, inner: Rect, buf: &mut Buffer) {
    let height = usize::from(inner.height);
    if lines <= height || height == 0 {
        return;
    }
    let down = u16::try_from(offset * (height - 1) / (lines - height)).unwrap_or(0).min(inner.height - 1);
    let place = Rect { x: inner.right() + 1, y: inner.y + down, width: 1, height: 1 };
    put(buf, place, paint.glyphs.thumb, paint.style(Meaning::Accent), paint.glyphs);
}
