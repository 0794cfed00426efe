//! A password, typed for a target that refused the one it had. Shown as stars, kept nowhere.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input;

use crate::model::secret::SecretString;
use crate::model::target::TargetName;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, wrap};
use crate::ui::theme::Meaning;

/// The line, and for whom.
pub struct Secret {
    /// Which target asks.
    pub target: TargetName,
    /// Why: the server's own words.
    reason: String,
    /// The line.
    pub input: Input,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Secret {
    /// Asks for `target`'s password.
    pub fn new(target: TargetName, reason: String) -> Self {
        Self { target, reason, input: Input::default() }
    }

    /// What was typed, which is then forgotten here.
    pub fn take(&mut self) -> SecretString {
        SecretString::from(self.input.value_and_reset())
    }

    /// Draws it; returns where the terminal's cursor stands.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Position {
        let width = area.width.saturating_sub(4).min(72);
        let reason = wrap(&self.reason, usize::from(width.saturating_sub(4)));
        let lines = u16::try_from(reason.len()).unwrap_or(1);
        let title = Line::from(paint.span(format!(" Password for {} ", self.target), Meaning::Title));
        let inner = paint.dialog(centred(area, width, lines + 4), buf, title, Meaning::Focus);
        for (line, y) in reason.iter().zip(inner.y..) {
            put(buf, Rect { y, height: 1, ..inner }, line, paint.style(Meaning::Muted), paint.glyphs);
        }
        let row = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
        let typed = self.input.value().chars().count();
        put(buf, row, &"*".repeat(typed), paint.style(Meaning::Text), paint.glyphs);
        let x = row.x + u16::try_from(self.input.cursor()).unwrap_or(0);
        Position { x: x.min(row.right()), y: row.y }
    }
}
