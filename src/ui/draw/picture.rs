//! The screen as a picture that may be given away: no layer, and statements as every export shows them.

use ratatui::buffer::Buffer;

use super::Scene;
use crate::analysis::Moment;
use crate::export;
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;
use crate::ui::state::app::App;
use crate::ui::svg::{Ground, svg};
use crate::ui::theme::{Background, Meaning};

impl App {
    /// What is behind the layers, as SVG, with the literals in statements redacted.
    pub(in crate::ui) fn picture(&mut self, moment: &Moment, now: Timestamp) -> String {
        let moment = std::sync::Arc::new(export::redacted(moment, Redaction::Literals));
        let redacted = self.detail_of(&moment);
        let detail = std::mem::replace(&mut self.detail, redacted);
        let mut buffer = Buffer::empty(self.area);
        let paint = self.paint();
        let text = paint.style(Meaning::Text);
        buffer.set_style(self.area, text);
        let layout = self.layout_of(self.area);
        let scene = Scene { app: self, paint, layout, now: self.time(now) };
        scene.moment(&moment, &mut buffer);
        self.detail = detail;
        svg(&buffer, Ground::of(Background::under(text.fg)))
    }
}
