//! The sizing calculator: fields to edit, and what follows from them at once, with the numbers of the server as it is.

mod draw;

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::text::Line;
use tui_input::Input;

use crate::analysis::Moment;
use crate::analysis::sizing::draft::{Draft, Source};
use crate::analysis::sizing::field::{Field, Kind};
use crate::analysis::sizing::{Sizing, SizingError, live, report, size};
use crate::model::target::TargetName;
use crate::ui::command::Command;
use crate::ui::state::line;

/// Which side takes the arrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// The fields.
    #[default]
    Fields,
    /// What follows from them.
    Results,
}

/// The fields, the cursor among them, and what follows.
#[derive(Debug)]
pub struct Size {
    draft: Draft,
    /// The pool that is sized, where one was under the cursor.
    pool: Option<String>,
    at: usize,
    side: Side,
    /// What is typed into the field under the cursor; `None`: it shows its value.
    input: Option<Input>,
    /// Why that cannot be taken.
    error: Option<SizingError>,
    sizing: Result<Sizing, SizingError>,
    /// The first row of fields and the first line of results shown.
    offsets: (usize, usize),
    lines: Vec<Line<'static>>,
    /// How many lines of results are shown.
    height: usize,
}

impl Size {
    /// The calculator, about one pool where one is meant.
    pub fn new(pool: Option<String>) -> Self {
        let draft = Draft::default();
        Self {
            sizing: size(&draft, None),
            draft,
            pool,
            at: 0,
            side: Side::Fields,
            input: None,
            error: None,
            offsets: (0, 0),
            lines: Vec::new(),
            height: 1,
        }
    }

    /// Takes the numbers of the server as they are now, and what the profile says; what was typed stays.
    pub fn refresh(&mut self, moment: Option<&Moment>, servers: &[(TargetName, Draft)]) {
        let name = moment.and_then(live::target);
        // Before anything was seen the first server of the profile is as good as any.
        let said = servers.iter().find(|(known, _)| name.is_none_or(|name| name == known));
        if let Some((_, said)) = said {
            self.draft.fill(said);
        }
        let mut fill = |pool: Option<&str>| moment.map(|moment| live::fill(&mut self.draft, moment, pool));
        // A pool that is gone is not sized any more; the server still is.
        let live = match fill(self.pool.as_deref()) {
            Some(Ok(live)) => live,
            Some(Err(_)) => fill(None).and_then(Result::ok).flatten(),
            None => None,
        };
        self.sizing = size(&self.draft, live);
    }

    fn field(&self) -> Field {
        Field::ALL.get(self.at).copied().unwrap_or(Field::Pods)
    }

    /// A command in the calculator.
    pub fn command(&mut self, command: Command) {
        let page = self.height.saturating_sub(1).max(1);
        match (command, self.side) {
            (Command::NextPanel | Command::PreviousPanel, Side::Fields) => self.side = Side::Results,
            (Command::NextPanel | Command::PreviousPanel, Side::Results) => self.side = Side::Fields,
            (Command::Up, Side::Fields) => self.go(self.at.saturating_sub(1)),
            (Command::Down, Side::Fields) => self.go(self.at + 1),
            (Command::First, Side::Fields) => self.go(0),
            (Command::Last, Side::Fields) => self.go(usize::MAX),
            (Command::Left, Side::Fields) => self.step(false),
            (Command::Right, Side::Fields) => self.step(true),
            (Command::Up, Side::Results) => self.scroll(self.offsets.1.saturating_sub(1)),
            (Command::Down, Side::Results) => self.scroll(self.offsets.1 + 1),
            (Command::First, Side::Results) => self.scroll(0),
            (Command::Last, Side::Results) => self.scroll(usize::MAX),
            (Command::PageUp, _) => self.scroll(self.offsets.1.saturating_sub(page)),
            (Command::PageDown, _) => self.scroll(self.offsets.1 + page),
            _ => {}
        }
    }

    fn go(&mut self, to: usize) {
        self.at = to.min(Field::ALL.len() - 1);
        (self.input, self.error) = (None, None);
    }

    fn scroll(&mut self, to: usize) {
        self.offsets.1 = to.min(self.lines.len().saturating_sub(self.height));
    }

    /// One more or less, the next word, twice or half: what fits the kind.
    fn step(&mut self, up: bool) {
        let field = self.field();
        let value = self.draft.get(field);
        let next = match (field.row().kind, value) {
            (Kind::Choice(words), value) => {
                let place =
                    value.map_or(if up { 0.0 } else { -1.0 }, |value| value + if up { 1.0 } else { -1.0 });
                place.rem_euclid(words.len() as f64)
            }
            (Kind::Count(least, ..), None) => least,
            (Kind::Count(..), Some(value)) => value + if up { 1.0 } else { -1.0 },
            (_, Some(value)) => value * if up { 2.0 } else { 0.5 },
            (_, None) => return,
        };
        let text = field.show(next);
        if field.parse(&text, field.row().label).is_ok() {
            self.take(text);
            self.input = None;
        }
    }

    /// A key that is part of a value.
    pub fn key(&mut self, key: KeyEvent) {
        if self.side == Side::Results {
            return;
        }
        let edits = matches!(key.code, KeyCode::Backspace | KeyCode::Delete);
        // The first character replaces what stood there; taking one away begins with it.
        let shown = || self.draft.get(self.field()).filter(|_| edits).map(|value| self.field().show(value));
        let mut input = self.input.clone().unwrap_or_else(|| Input::new(shown().unwrap_or_default()));
        if line::key(&mut input, key) {
            self.take(input.value().to_owned());
            self.input = Some(input);
        }
    }

    /// What was pasted is a value, too.
    pub fn paste(&mut self, text: &str) {
        if self.side == Side::Fields {
            let mut input = self.input.take().unwrap_or_default();
            line::paste(&mut input, text);
            self.take(input.value().to_owned());
            self.input = Some(input);
        }
    }

    /// Takes what is typed; nothing at all is no word of this person's.
    #[expect(clippy::needless_pass_by_value, reason = "the text is made for this")]
    fn take(&mut self, text: String) {
        let field = self.field();
        if text.trim().is_empty() {
            self.draft.clear(field, Source::Typed);
            self.error = None;
        } else {
            self.error = self.draft.read(field, Source::Typed, &text, field.row().label).err();
        }
    }

    /// Everything as text, for the clipboard.
    pub fn text(&self) -> String {
        let Ok(sizing) = &self.sizing else { return String::new() };
        let mut text = report::headline(sizing);
        for section in report::sections(&self.draft, sizing) {
            let _ = write!(text, "\n\n{}", section.title);
            for line in section.lines {
                let parts = [line.label, line.value, line.about];
                let said: Vec<&str> =
                    parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
                let _ = write!(text, "\n  {}", said.join("  "));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;
    use crate::analysis::fixture;

    fn typed(size: &mut Size, keys: &str) {
        for c in keys.chars() {
            let code = if c == '<' { KeyCode::Backspace } else { KeyCode::Char(c) };
            size.key(KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    fn to(size: &mut Size, field: Field) {
        size.command(Command::First);
        while size.field() != field {
            size.command(Command::Down);
        }
    }

    fn demand(size: &Size) -> Option<u64> {
        size.sizing.as_ref().ok()?.budget.demand
    }

    #[test]
    fn what_is_typed_counts_at_once_and_taking_it_back_brings_the_default() {
        let mut size = Size::new(None);
        to(&mut size, Field::Workers);
        for (keys, demanded) in [("4", 60), ("0", 600), ("<", 60), ("<", 15), ("8", 120)] {
            typed(&mut size, keys);
            size.refresh(None, &[]);
            assert_eq!(demand(&size), Some(demanded), "{keys}");
        }
        size.command(Command::Down);
        assert_eq!(size.draft.get(Field::Workers), Some(8.0));
    }

    #[test]
    fn what_cannot_be_taken_is_said_and_forgotten_with_the_field() {
        let mut size = Size::new(None);
        to(&mut size, Field::PoolSize);
        typed(&mut size, "500");
        assert_eq!(
            size.error.as_ref().unwrap().to_string(),
            "'500' is no value for pool size: 1 to 100, or 0 = unlimited"
        );
        size.command(Command::Down);
        assert_eq!((size.error.clone(), size.draft.get(Field::PoolSize)), (None, Some(50.0)));
        typed(&mut size, "-1");
        size.refresh(None, &[]);
        assert_eq!((size.error.clone(), demand(&size)), (None, None));
    }

    #[test]
    fn arrows_step_numbers_and_words_within_what_is_valid() {
        let mut size = Size::new(None);
        let mut step = |field, commands: &[Command]| {
            to(&mut size, field);
            for command in commands {
                size.command(*command);
            }
            size.draft.get(field)
        };
        let (left, right) = (Command::Left, Command::Right);
        assert_eq!(step(Field::Pods, &[left, left]), Some(1.0));
        assert_eq!(step(Field::Pods, &[right, right]), Some(3.0));
        assert_eq!(step(Field::Cores, &[right, right]), Some(2.0));
        assert_eq!(step(Field::PrePing, &[right]), Some(0.0));
        assert_eq!(step(Field::PoolTimeout, &[right]), Some(60.0));
        assert_eq!(step(Field::Hold, &[right]), None);
        assert_eq!(step(Field::PoolMode, &[left]), Some(2.0));
    }

    #[test]
    fn the_servers_numbers_follow_it_and_what_was_typed_stays() {
        let mut size = Size::new(Some("worker app@shop 10.0.5.2".into()));
        let mut moment = fixture::few();
        let name = live::target(&moment).unwrap().clone();
        let mut said = Draft::default();
        said.set(Field::Cores, Source::Profile, 8.0);
        size.refresh(Some(&moment), &[(name, said)]);
        assert_eq!(size.draft.said(Field::MaxConnections), (Some(100.0), Some(Source::Live)));
        assert_eq!(size.draft.said(Field::Cores), (Some(8.0), Some(Source::Profile)));
        let sized = size.sizing.as_ref().unwrap().live.as_ref().unwrap().sized.as_ref();
        assert_eq!(sized.map(|pool| pool.total), Some(1), "{:?}", size.sizing);
        assert_eq!(size.draft.said(Field::Reserved), (Some(4.0), Some(Source::Live)));
        to(&mut size, Field::MaxConnections);
        typed(&mut size, "60");
        moment.pools.retain(|row| !row.pool.name.contains("worker"));
        size.refresh(Some(&moment), &[]);
        assert_eq!(size.draft.get(Field::MaxConnections), Some(60.0));
        assert_eq!(size.draft.said(Field::Reserved), (Some(0.0), None), "the pool is gone");
    }

    #[test]
    fn the_clipboard_gets_everything() {
        let size = Size::new(None);
        for said in [
            "1 pool can open 15 connections",
            "cap per pool  90  90 / 1 pool",
            "pool_size=5, max_overflow=10,",
        ] {
            assert!(size.text().contains(said), "{}", size.text());
        }
    }
}
