//! Keys to commands, by place; and back, for help and the footer.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::command::{Command, Place};
use super::glyphs::Glyphs;

/// One key with its modifiers. Shift is not a modifier of letters: `K` is a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// Why a keymap cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Not a table of sections.
    #[error("keys: {0}")]
    Syntax(String),
    /// A section that is not a place.
    #[error(
        "keys: no place named '{0}'; there are everywhere, screen, layer, choice, question, line, form, fleet"
    )]
    Place(String),
    /// A key that no terminal can send, or a word that is not a key.
    #[error(
        "keys: '{0}' is not a key; write a character or one of enter, esc, tab, space, up, down, f1, ctrl-x, alt-x"
    )]
    Key(String),
    /// A word that is not a command.
    #[error("keys: no command named '{0}'; help (?) lists them")]
    Command(String),
}

impl Chord {
    /// The key of an event.
    pub fn of(event: KeyEvent) -> Self {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::SHIFT) && !ctrl => {
                KeyCode::Char(c.to_uppercase().next().unwrap_or(c))
            }
            code => code,
        };
        Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) }
    }

    /// A key as the keymap writes it: `K`, `ctrl-z`, `f9`, `space`.
    pub fn parse(word: &str) -> Option<Self> {
        let (mut rest, mut ctrl, mut alt) = (word, false, false);
        while let Some((modifier, key)) = rest.split_once('-').filter(|(_, key)| !key.is_empty()) {
            match modifier {
                "ctrl" => ctrl = true,
                "alt" => alt = true,
                _ => return None,
            }
            rest = key;
        }
        let chord = Self { code: parse_code(rest)?, ctrl, alt };
        // Terminals send these as Tab, Enter and Backspace.
        let unsendable = chord.ctrl && matches!(chord.code, KeyCode::Char('i' | 'm' | 'h') | KeyCode::Enter);
        (!unsendable).then_some(chord)
    }

    /// How people call it.
    pub fn label(&self, glyphs: &Glyphs) -> String {
        match self.code {
            KeyCode::Char(' ') => glyphs.space.to_owned(),
            KeyCode::Enter => glyphs.enter.to_owned(),
            _ => self.to_string(),
        }
    }
}

/// The named keys and their codes.
const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

fn parse_code(word: &str) -> Option<KeyCode> {
    if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == word) {
        return Some(*code);
    }
    let mut chars = word.chars();
    match (chars.next()?, chars.as_str()) {
        (c, "") => Some(KeyCode::Char(c)),
        ('f', number) => number.parse().ok().filter(|n| (1..=12).contains(n)).map(KeyCode::F),
        _ => None,
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.code {
            KeyCode::F(number) => write!(f, "f{number}"),
            code => match NAMED.iter().find(|(_, named)| *named == code) {
                Some((name, _)) => f.write_str(name),
                None => write!(f, "{code}"),
            },
        }
    }
}

/// Which key runs which command, in which place.
#[derive(Clone, Debug)]
pub struct Keymap(Vec<(Place, Chord, Command)>);

/// The keymap that comes with the program.
const BUILT_IN: &str = include_str!("keymap.toml");

impl Keymap {
    /// The built-in keys and, before them, the user's: `(place, key, command)`, `none` as a command frees the key.
    pub fn new(overrides: &[(String, String, String)]) -> Result<Self, KeymapError> {
        let mut map = Self::parse(BUILT_IN)?;
        for (place, key, command) in overrides {
            let (place, chord) = (parse_place(place)?, parse_chord(key)?);
            map.0.retain(|(at, bound, _)| (*at, *bound) != (place, chord));
            if command != "none" {
                map.0.insert(0, (place, chord, parse_command(command)?));
            }
        }
        Ok(map)
    }

    fn parse(toml: &str) -> Result<Self, KeymapError> {
        let sections: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(toml).map_err(|error| KeymapError::Syntax(error.to_string()))?;
        let mut rows = Vec::new();
        for (place, keys) in &sections {
            for (key, command) in keys {
                rows.push((parse_place(place)?, parse_chord(key)?, parse_command(command)?));
            }
        }
        Ok(Self(rows))
    }

    /// What `chord` runs in `place`. Where text is typed only that place's own keys count.
    pub fn command(&self, place: Place, chord: Chord) -> Option<Command> {
        let typed = matches!(place, Place::Line | Place::Form);
        self.bound(place, chord).or_else(|| if typed { None } else { self.bound(Place::Everywhere, chord) })
    }

    fn bound(&self, place: Place, chord: Chord) -> Option<Command> {
        self.0.iter().find(|(at, bound, _)| *at == place && *bound == chord).map(|(_, _, command)| *command)
    }

    /// The keys that run `command`, the shortest and most telling first.
    pub fn keys(&self, command: Command) -> Vec<Chord> {
        let mut keys: Vec<_> =
            self.0.iter().filter(|(_, _, bound)| *bound == command).map(|(_, chord, _)| *chord).collect();
        keys.sort_by_key(|chord| (chord.to_string().chars().count(), chord.to_string()));
        keys.dedup();
        keys
    }

    /// The key of `command` that works in `place`, for the footer.
    pub fn key(&self, place: Place, command: Command) -> Option<Chord> {
        let keys = self.keys(command);
        keys.into_iter().find(|chord| self.command(place, *chord) == Some(command))
    }
}

fn parse_place(word: &str) -> Result<Place, KeymapError> {
    Place::ALL
        .into_iter()
        .find(|place| place.word() == word)
        .ok_or_else(|| KeymapError::Place(word.to_owned()))
}

fn parse_chord(word: &str) -> Result<Chord, KeymapError> {
    Chord::parse(word).ok_or_else(|| KeymapError::Key(word.to_owned()))
}

fn parse_command(word: &str) -> Result<Command, KeymapError> {
    Command::parse(word).ok_or_else(|| KeymapError::Command(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(place: Place, key: &str) -> Option<Command> {
        Keymap::new(&[]).unwrap().command(place, Chord::parse(key).unwrap())
    }

    #[test]
    fn a_key_runs_what_its_place_says_and_else_what_works_everywhere() {
        for (place, key, command) in [
            (Place::Screen, "j", Some(Command::Down)),
            (Place::Screen, "y", Some(Command::Copy)),
            (Place::Question, "y", Some(Command::Yes)),
            (Place::Screen, "f9", Some(Command::Terminate)),
            (Place::Line, "j", None),
            (Place::Line, "esc", Some(Command::Close)),
            (Place::Layer, "/", Some(Command::Filter)),
            (Place::Layer, "v", None),
        ] {
            assert_eq!(run(place, key), command, "{key} in {place:?}");
        }
    }

    #[test]
    fn a_shifted_letter_is_its_capital() {
        let event = KeyEvent::new(KeyCode::Char('k'), KeyModifiers::SHIFT);
        assert_eq!(Some(Chord::of(event)), Chord::parse("K"));
        let event = KeyEvent::new(KeyCode::Char('K'), KeyModifiers::SHIFT);
        assert_eq!(Some(Chord::of(event)), Chord::parse("K"));
    }

    #[test]
    fn lowercase_letters_never_operate() {
        for (_, chord, command) in &Keymap::new(&[]).unwrap().0 {
            if let KeyCode::Char(c) = chord.code {
                assert!(!(c.is_lowercase() && command.operates()), "{chord}");
            }
        }
    }

    #[test]
    fn every_command_has_a_key() {
        let map = Keymap::new(&[]).unwrap();
        for command in Command::ALL {
            assert!(!map.keys(*command).is_empty(), "{command:?}");
        }
    }

    #[test]
    fn the_users_keys_come_first_and_errors_name_what_is_wrong() {
        let own = |key: &str, command: &str| vec![("screen".to_owned(), key.to_owned(), command.to_owned())];
        let map = Keymap::new(&own("ctrl-k", "terminate")).unwrap();
        assert_eq!(map.command(Place::Screen, Chord::parse("ctrl-k").unwrap()), Some(Command::Terminate));
        let map = Keymap::new(&own("K", "none")).unwrap();
        assert_eq!(map.command(Place::Screen, Chord::parse("K").unwrap()), None);
        for (key, command, part) in [
            ("ctrl-m", "up", "'ctrl-m' is not a key"),
            ("kk", "up", "'kk' is not a key"),
            ("k", "fly", "no command named 'fly'"),
        ] {
            assert!(Keymap::new(&own(key, command)).unwrap_err().to_string().contains(part));
        }
    }
}
