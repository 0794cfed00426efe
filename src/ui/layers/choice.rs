//! One line of several: a profile, a format, whether to quit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::model::operation::{OperationKind, PoolScope};
use crate::model::target::TargetName;
use crate::text::Text;
use crate::ui::command::Command;
use crate::ui::contract::{ProfileEntry, SnapshotFormat};
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_line, wrap};
use crate::ui::state::connections::RowId;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::scroll;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Run this profile.
    Profile(Text),
    /// Write a snapshot.
    Format(SnapshotFormat),
    /// Ask about an operation on these pools of a pooler.
    Pools(OperationKind, TargetName, PoolScope),
    /// Ask about killing this client of a pooler or of a Redis server.
    Client(TargetName, Text),
    /// Ask about terminating this backend.
    Terminate(RowId),
    /// Nothing that can be done here: why.
    Unavailable(String),
    /// Quit without one.
    Quit,
    /// Stay.
    Stay,
}

/// A line: what it stands for, its name, what to say about it.
#[derive(Debug)]
struct Row {
    pick: Pick,
    name: String,
    about: String,
}

/// Lines to choose from.
#[derive(Debug)]
pub struct Choice {
    title: String,
    note: String,
    rows: Vec<Row>,
    at: usize,
}

impl Choice {
    /// The profiles, the cursor on the one that runs.
    pub fn profiles(profiles: &[ProfileEntry]) -> Self {
        let note = if profiles.is_empty() {
            "No profile is saved. `:save NAME` saves the targets that run now."
        } else {
            "The profile that is left keeps its history for a while."
        };
        Self {
            title: " Profiles ".to_owned(),
            note: note.to_owned(),
            rows: profiles.iter().map(profile).collect(),
            at: profiles.iter().position(|profile| profile.current).unwrap_or(0),
        }
    }

    /// The formats of a snapshot.
    pub fn export() -> Self {
        let rows = SnapshotFormat::ALL.into_iter().map(format).collect();
        Self::new(" Export ", "Literals in statements are redacted.", rows)
    }

    /// Whether to leave although nothing was exported.
    pub fn quit() -> Self {
        let row =
            |pick, name: &str, about: &str| Row { pick, name: name.to_owned(), about: about.to_owned() };
        let rows = vec![
            row(Pick::Stay, "stay", ""),
            row(Pick::Format(SnapshotFormat::Markdown), "export", "write a report, then decide"),
            row(Pick::Quit, "quit", "what was seen is lost (q again is yes)"),
        ];
        Self::new(" Quit? ", "Something was found, and no snapshot was written.", rows)
    }

    /// On what an operation should be asked about: each with its name and a line about it.
    pub fn aims(title: &str, note: &str, aims: Vec<(Pick, String, String)>) -> Self {
        let row = |(pick, name, about)| Row { pick, name, about };
        Self::new(title, note, aims.into_iter().map(row).collect())
    }

    fn new(title: &str, note: &str, rows: Vec<Row>) -> Self {
        Self { title: title.to_owned(), note: note.to_owned(), rows, at: 0 }
    }

    /// Whether it asks about quitting, so that `q` again is yes.
    pub fn asks_to_quit(&self) -> bool {
        self.rows.iter().any(|row| row.pick == Pick::Quit)
    }

    /// Moves the cursor.
    pub fn command(&mut self, command: Command) {
        let last = self.rows.len().saturating_sub(1);
        self.at = match command {
            Command::Up | Command::PreviousPanel => self.at.saturating_sub(1),
            Command::Down | Command::NextPanel => (self.at + 1).min(last),
            Command::First | Command::PageUp => 0,
            Command::Last | Command::PageDown => last,
            _ => self.at,
        };
    }

    /// What the cursor is on.
    pub fn picked(&self) -> Option<Pick> {
        self.rows.get(self.at).map(|row| row.pick.clone())
    }

    /// Draws it.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let width = area.width.saturating_sub(4).min(76);
        let note = wrap(&self.note, usize::from(width.saturating_sub(4)));
        let notes = u16::try_from(note.len()).unwrap_or(1);
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let place = centred(area, width, rows.saturating_add(notes + 3));
        let title = Line::from(paint.span(self.title.as_str(), Meaning::Title));
        let inner = paint.dialog(place, buf, title, Meaning::Focus);
        let height = inner.height.saturating_sub(notes + 1);
        let offset = scroll(0, Some(self.at), self.rows.len(), height.into());
        for (index, y) in (offset..self.rows.len()).zip(inner.y..inner.y + height) {
            self.row(index, paint, Rect { y, height: 1, ..inner }, buf);
        }
        for (line, y) in note.iter().zip(inner.bottom().saturating_sub(notes)..inner.bottom()) {
            put(buf, Rect { y, height: 1, ..inner }, line, paint.style(Meaning::Muted), paint.glyphs);
        }
    }

    fn row(&self, index: usize, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let Some(row) = self.rows.get(index) else { return };
        let greyed = matches!(row.pick, Pick::Unavailable(_));
        let look = if greyed { Meaning::Stale } else { Meaning::Text };
        let sign = if index == self.at { paint.glyphs.cursor } else { " " };
        let line = Line::from(vec![
            paint.span(sign, Meaning::Focus),
            paint.span(format!(" {:<14} ", row.name), look),
            paint.span(row.about.clone(), Meaning::Muted),
        ]);
        put_line(buf, area, &line);
        if index == self.at {
            buf.set_style(area, paint.style(Meaning::Selected));
        }
    }
}

fn profile(profile: &ProfileEntry) -> Row {
    let label = profile.label.as_ref().map(|label| format!("{label}  ")).unwrap_or_default();
    let current = if profile.current { "  (runs now)" } else { "" };
    Row {
        pick: Pick::Profile(profile.name.clone()),
        name: profile.name.to_string(),
        about: format!("{label}{}{current}", profile.summary),
    }
}

fn format(format: SnapshotFormat) -> Row {
    Row { pick: Pick::Format(format), name: format.word().to_owned(), about: format.purpose().to_owned() }
}
