//! A statement in lines, highlighted.

use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::text::sql::{Kind, tokens};
use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;

/// `sql` in lines of at most `width` cells. Line feeds of the statement stay; long lines break where they must.
pub fn lines(sql: &str, width: usize, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let mut out = Flow { lines: vec![Line::default()], used: 0, width: width.max(8) };
    for token in tokens(sql) {
        let meaning = look(token.kind);
        for (index, piece) in token.text.split('\n').enumerate() {
            if index > 0 {
                out.feed();
            }
            out.push(piece, meaning, paint);
        }
    }
    out.lines
}

fn look(kind: Kind) -> Meaning {
    match kind {
        Kind::Keyword => Meaning::Keyword,
        Kind::String | Kind::Number | Kind::Parameter => Meaning::Literal,
        Kind::Comment => Meaning::Comment,
        _ => Meaning::Text,
    }
}

/// Lines that fill up.
struct Flow {
    lines: Vec<Line<'static>>,
    used: usize,
    width: usize,
}

impl Flow {
    fn feed(&mut self) {
        self.lines.push(Line::default());
        self.used = 0;
    }

    /// Adds a token, on the next line if it fits there and not here, else cut.
    fn push(&mut self, piece: &str, meaning: Meaning, paint: &Paint<'_>) {
        let wide = piece.width();
        if self.used + wide > self.width && self.used > 0 && wide <= self.width {
            self.feed();
            if piece.trim().is_empty() {
                return;
            }
        }
        let mut text = String::new();
        for c in piece.chars() {
            let cells = c.width().unwrap_or(0);
            if self.used + cells > self.width {
                self.span(std::mem::take(&mut text), meaning, paint);
                self.feed();
            }
            text.push(c);
            self.used += cells;
        }
        self.span(text, meaning, paint);
    }

    fn span(&mut self, text: String, meaning: Meaning, paint: &Paint<'_>) {
        if let Some(line) = self.lines.last_mut().filter(|_| !text.is_empty()) {
            line.push_span(Span::styled(text, paint.style(meaning)));
        }
    }
}
