//! What goes to the clipboard: the row, the statement or the finding under the cursor, as the screen shows it. A
//! statement goes whole and with its values, because that is what was asked for.

use super::app::App;
use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::model::finding::Finding;
use crate::ui::contract::{Effect, Tone};
use crate::ui::format;
use crate::ui::layers::Layer;
use crate::ui::layers::page::Subject;
use crate::ui::layout::Panel;
use crate::ui::state::connections::RowId;
use crate::ui::view::{pools, suspects};

impl App {
    /// The selected row, finding or page.
    pub(super) fn copy(&mut self) {
        let text = match self.layers.last() {
            Some(Layer::Page(page)) => match &page.subject {
                Subject::Finding(key) => {
                    self.reel.shown().and_then(|moment| suspects::find(key, moment)).map(finding)
                }
                _ => Some(page.lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
            },
            Some(Layer::Size(size)) => Some(size.text()),
            Some(Layer::Sheet(sheet)) => sheet.copy(),
            Some(Layer::Tree(_)) => self.session().map(session),
            _ => self.row(),
        };
        match text {
            Some(text) => self.copy_text(text),
            None => self.toast(Tone::Info, "Nothing is selected."),
        }
    }

    /// The whole statement of what is selected.
    pub(super) fn copy_query(&mut self) {
        let own = match self.layers.last() {
            Some(Layer::Sheet(sheet)) => sheet.query(),
            _ => None,
        };
        let query = own.or_else(|| self.session().and_then(|row| row.backend.query.clone()));
        match query.filter(|query| !query.is_empty()) {
            Some(query) => self.copy_text(query.to_string()),
            None => self.toast(Tone::Info, "No statement is known of what is selected."),
        }
    }

    fn row(&self) -> Option<String> {
        let moment = self.reel.shown()?;
        match self.focus {
            Panel::Pools => self.pools.selected().map(|line| pool(line, self.paint().glyphs.unknown)),
            Panel::Connections => self.connections.selected(moment).map(session),
            Panel::Suspects => self.suspects.selected(moment).map(finding),
        }
    }

    /// The session that the top layer or the connections' cursor is on.
    fn session(&self) -> Option<&BackendRow> {
        let moment: &Moment = self.reel.shown()?;
        let id = match self.layers.last() {
            Some(Layer::Tree(tree)) => tree.selected(moment),
            Some(Layer::Sheet(sheet)) => sheet.connection(),
            Some(Layer::Page(page)) => match &page.subject {
                Subject::Connection(id) => Some(*id),
                _ => None,
            },
            None if self.focus == Panel::Connections => self.connections.selected(moment).map(RowId::of),
            _ => None,
        }?;
        moment.backends.iter().find(|row| RowId::of(row) == id)
    }

    pub(super) fn copy_text(&mut self, text: String) {
        self.effects.push(Effect::Copy(text));
        self.toast(Tone::Info, "Copied (in tmux: set -g set-clipboard on).");
    }
}

fn session(row: &BackendRow) -> String {
    let backend = &row.backend;
    let query = backend.query.as_deref().unwrap_or_default();
    format!("{} {} {}\n{query}", backend.pid(), backend.session.application_name, backend.state.as_str())
}

fn finding(finding: &Finding) -> String {
    let lines = std::iter::once(&finding.title).chain(&finding.evidence).chain(&finding.suggestion);
    lines.map(|text| &**text).collect::<Vec<_>>().join("\n")
}

/// `checkout-api  20/20 in use, 0 idle, 14 idle in transaction, 2 aborted, 6 waiting`.
fn pool(line: &pools::Line, unknown: &str) -> String {
    let used = line.used.map_or(unknown.to_owned(), |used| format::of(used, line.max, unknown));
    let parts = [
        (line.idle, "idle"),
        (line.in_transaction, "idle in transaction"),
        (line.aborted, "aborted"),
        (line.pending, "waiting"),
    ];
    let parts =
        parts.into_iter().filter_map(|(number, word)| number.map(|number| format!(", {number} {word}")));
    format!("{}  {used} in use{}", line.label(), parts.collect::<String>())
}
