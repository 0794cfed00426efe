//! The screen while no target ever answered: the servers' own words, when they are tried again, what else to do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::analysis::Moment;
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::text::width::width;
use crate::ui::command::{Command, Place};
use crate::ui::layers::timeline::said;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put_line, wrap};
use crate::ui::panels::header::retry;
use crate::ui::state::app::App;
use crate::ui::theme::Meaning;

/// The widest line: longer ones are hard to read.
const WIDEST: u16 = 84;

/// A line and its look.
type Said = (String, Meaning);

impl App {
    /// Whether no target ever answered, so that there is nothing to show but why.
    pub(super) fn is_unseen(&self) -> bool {
        self.reel.shown().is_some_and(|moment| {
            moment.pools.is_empty()
                && moment.servers.iter().all(Option::is_none)
                && moment.targets.iter().all(|target| target.age.is_none())
        })
    }

    /// Draws it in the middle of `area`.
    pub(super) fn draw_unseen(&self, moment: &Moment, now: Timestamp, area: Rect, buf: &mut Buffer) {
        let paint = self.paint();
        let mut said: Vec<Said> = Vec::new();
        for target in &moment.targets {
            said.extend(self.answer(target, now, &paint));
            said.push((String::new(), Meaning::Text));
        }
        let room = area.width.saturating_sub(4).min(WIDEST);
        said.extend(self.ways_out(moment, room.into()));
        let lines: Vec<(String, Meaning)> = said
            .into_iter()
            .flat_map(|(text, look)| {
                wrap_indented(&text, room.into()).into_iter().map(move |line| (line, look))
            })
            .collect();
        let widest = lines.iter().map(|(line, _)| width(line)).max().unwrap_or(0);
        let (cells, rows) = (u16::try_from(widest).unwrap_or(room), u16::try_from(lines.len()).unwrap_or(1));
        let place = centred(area, cells, rows);
        for ((line, look), y) in lines.into_iter().zip(place.y..place.bottom()) {
            put_line(buf, Rect { y, height: 1, ..place }, &Line::from(paint.span(line, look)));
        }
    }

    /// What one target said, what to try, and when pooltop tries again.
    fn answer(&self, target: &TargetStatus, now: Timestamp, paint: &Paint<'_>) -> Vec<Said> {
        let Some(error) = &target.error else {
            let text = format!(
                "{} Connecting to {}. The screen fills with the first sample.",
                paint.glyphs.stale, target.name
            );
            return vec![(text, Meaning::Text)];
        };
        let mut said =
            vec![(format!("{} {}", paint.glyphs.down, said(&target.name, error)), Meaning::Danger)];
        said.extend(error.hint.as_ref().map(|hint| (format!("  {hint}"), Meaning::Text)));
        let key =
            |command| self.options.keymap.key(Place::Screen, command).map(|chord| chord.label(paint.glyphs));
        let again = retry(target, now.age_of(target.at));
        let line = if target.needs_secret {
            key(Command::Secret).map(|key| format!("  {key} asks for the password"))
        } else {
            let again = again.trim_start_matches(", ").to_owned();
            let now = key(Command::Retry).map(|key| format!("{key} tries now"));
            let parts: Vec<String> =
                [Some(again).filter(|text| !text.is_empty()), now].into_iter().flatten().collect();
            Some(format!("  {}", parts.join("; ")))
        };
        said.extend(line.map(|line| (line, Meaning::Accent)));
        said
    }

    /// For somebody who typed an address, or nothing at all, and has no profile: what else can be done.
    fn ways_out(&self, moment: &Moment, room: usize) -> Vec<Said> {
        let profile = &self.options.profile.name;
        if !matches!(moment.targets.as_slice(), [only] if *only.name == **profile) {
            return Vec::new();
        }
        let line = |(command, what): (&str, &str)| {
            let whole = format!("  {command:<39} {what}");
            let line = if width(&whole) <= room { whole } else { format!("  {command}") };
            (line, Meaning::Muted)
        };
        [
            ("pooltop postgres://user@host/database", "another server"),
            ("pooltop demo", "its own server with a leaking application"),
            ("pooltop doctor", "what is missing, and what helps"),
        ]
        .map(line)
        .into()
    }
}

/// Wraps; what goes on stands under the text, behind the sign. Lines that fit keep their blanks.
fn wrap_indented(text: &str, cells: usize) -> Vec<String> {
    if width(text) <= cells {
        return vec![text.to_owned()];
    }
    let lines = wrap(text, cells.saturating_sub(2)).into_iter().enumerate();
    let indent = |index: usize| if index > 0 || text.starts_with("  ") { "  " } else { "" };
    lines.map(|(index, line)| format!("{}{line}", indent(index))).collect()
}
