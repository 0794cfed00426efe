//! Commands by name: typed roughly, found fuzzily; and the words that take an argument, such as `:save NAME`.

use std::collections::BTreeMap;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input;

use crate::ui::command::{Command, Place};
use crate::ui::contract::SnapshotFormat;
use crate::ui::keymap::Keymap;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_line, put_right};
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::scroll;

/// What is typed, and what it matches.
#[derive(Debug)]
pub struct Palette {
    /// The line.
    pub input: Input,
    found: Vec<Command>,
    at: usize,
    /// Commands that cannot be asked for now, with the reason.
    unavailable: BTreeMap<Command, String>,
}

/// What a typed line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A command.
    Run(Command),
    /// Save the targets that run under this name.
    Save(String),
    /// Load this theme.
    Theme(String),
    /// Run this profile.
    Profile(String),
    /// Write a snapshot.
    Export(SnapshotFormat),
    /// Go to this time.
    GoTo(String),
    /// Nothing of that name; what to say.
    Unknown(String),
}

impl Default for Palette {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

/// How well a command's name and description match what was typed. A match in the name counts double.
fn score(command: Command, pattern: &Pattern, matcher: &mut Matcher) -> Option<u32> {
    let mut buffer = Vec::new();
    let row = command.row();
    let mut of = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), matcher);
    let name = of(row.word).map(|score| score * 2);
    name.max(of(&format!("{} {}", row.word, row.description)))
}

impl Palette {
    /// Every command; those that cannot be asked for now are greyed with the reason.
    pub fn new(unavailable: BTreeMap<Command, String>) -> Self {
        let mut palette = Self { input: Input::default(), found: Vec::new(), at: 0, unavailable };
        palette.search();
        palette
    }

    /// Searches anew after typing.
    pub fn search(&mut self) {
        let pattern = Pattern::parse(self.input.value(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let here = |command: &&Command| matches!(command.row().place, Place::Screen | Place::Everywhere);
        let mut scored: Vec<(u32, Command)> = Command::ALL
            .iter()
            .filter(here)
            .filter_map(|command| score(*command, &pattern, &mut matcher).map(|score| (score, *command)))
            .collect();
        scored.sort_by_key(|(score, command)| (std::cmp::Reverse(*score), *command));
        self.found = scored.into_iter().map(|(_, command)| command).collect();
        self.at = 0;
    }

    /// Moves the cursor over what was found.
    pub fn command(&mut self, command: Command) {
        let last = self.found.len().saturating_sub(1);
        self.at = match command {
            Command::Up | Command::PreviousPanel => self.at.saturating_sub(1),
            Command::Down | Command::NextPanel => (self.at + 1).min(last),
            _ => self.at,
        };
    }

    /// What Enter asks for.
    pub fn asked(&self) -> Asked {
        let typed = self.input.value().trim();
        let (word, argument) = typed.split_once(' ').unwrap_or((typed, ""));
        let argument = argument.trim().to_owned();
        match (word, argument.is_empty()) {
            ("q" | "quit", true) => Asked::Run(Command::Back),
            ("q!", true) => Asked::Run(Command::Quit),
            ("goto", true) => Asked::Run(Command::GoTo),
            ("goto", false) => Asked::GoTo(argument),
            ("save" | "theme" | "profile", true) => Asked::Unknown(format!(":{word} needs a name")),
            ("save", false) => Asked::Save(argument),
            ("theme", false) => Asked::Theme(argument),
            ("profile", false) => Asked::Profile(argument),
            ("export", false) => export(&argument),
            _ => self.under_cursor(typed),
        }
    }

    fn under_cursor(&self, typed: &str) -> Asked {
        match self.found.get(self.at) {
            Some(found) => Asked::Run(*found),
            None => Asked::Unknown(format!("no command matches '{typed}'")),
        }
    }

    /// Draws it; returns where the terminal's cursor stands.
    pub fn draw(&self, keymap: &Keymap, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Position {
        let height = area.height.saturating_sub(2).min(16);
        let place = centred(area, area.width.saturating_sub(4).min(84), height);
        let title = Line::from(paint.span(" Commands ", Meaning::Title));
        let inner = paint.dialog(place, buf, title, Meaning::Focus);
        let line = Line::from(vec![
            paint.span(":", Meaning::Key),
            paint.span(self.input.value().to_owned(), Meaning::Text),
        ]);
        put_line(buf, inner, &line);
        let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        if self.found.is_empty() {
            let also =
                "Nothing matches. Also :save NAME, :theme NAME, :profile NAME, :export FORMAT, :goto TIME.";
            put(buf, list, also, paint.style(Meaning::Muted), paint.glyphs);
        }
        let offset = scroll(0, Some(self.at), self.found.len(), list.height.into());
        for (index, y) in (offset..self.found.len()).zip(list.y..list.bottom()) {
            self.row(index, keymap, paint, (Rect { y, height: 1, ..list }, buf));
        }
        let x = inner.x + 1 + u16::try_from(self.input.visual_cursor()).unwrap_or(0);
        Position { x: x.min(inner.right()), y: inner.y }
    }

    fn row(&self, index: usize, keymap: &Keymap, paint: &Paint<'_>, (area, buf): (Rect, &mut Buffer)) {
        let Some(command) = self.found.get(index) else { return };
        let sign = if index == self.at { paint.glyphs.cursor } else { " " };
        let keys: Vec<_> = keymap.keys(*command).iter().map(|chord| chord.label(paint.glyphs)).collect();
        let why = self.unavailable.get(command).map(String::as_str);
        let name = if why.is_some() { Meaning::Stale } else { Meaning::Text };
        let line = Line::from(vec![
            paint.span(sign, Meaning::Focus),
            paint.span(format!(" {:<16} ", command.row().word), name),
            paint.span(why.unwrap_or(command.row().description), Meaning::Muted),
        ]);
        put_line(buf, Rect { width: area.width.saturating_sub(12), ..area }, &line);
        put_right(buf, area, &keys.join(" "), paint.style(Meaning::Key), paint.glyphs);
        if index == self.at {
            buf.set_style(area, paint.style(Meaning::Selected));
        }
    }
}

fn export(word: &str) -> Asked {
    match SnapshotFormat::ALL.into_iter().find(|format| format.word() == word) {
        Some(format) => Asked::Export(format),
        None => Asked::Unknown(format!("no format '{word}'; there are html markdown json csv text svg")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(typed: &str) -> Asked {
        let mut palette = Palette { input: Input::from(typed), ..Palette::default() };
        palette.search();
        palette.asked()
    }

    #[test]
    fn a_line_asks_for_what_it_says() {
        for (typed, expected) in [
            ("q", Asked::Run(Command::Back)),
            ("frz", Asked::Run(Command::Freeze)),
            ("filter", Asked::Run(Command::Filter)),
            ("save checkout", Asked::Save("checkout".into())),
            ("theme light", Asked::Theme("light".into())),
            ("export csv", Asked::Export(SnapshotFormat::Csv)),
            ("goto -5m", Asked::GoTo("-5m".into())),
            ("goto", Asked::Run(Command::GoTo)),
            ("save", Asked::Unknown(":save needs a name".into())),
            ("zzzz", Asked::Unknown("no command matches 'zzzz'".into())),
        ] {
            assert_eq!(asked(typed), expected, "{typed}");
        }
    }
}
