//! A theme file: `description`, `inherits`, `[palette]`, `[meanings]`.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Meaning, color};

/// Why a theme cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No file of that name.
    #[error("no theme named '{name}'; there are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// `inherits` leads back to itself.
    #[error("theme '{name}' inherits from itself")]
    Circle {
        /// Where the circle was noticed.
        name: String,
    },
    /// Not TOML of the right shape.
    #[error("theme '{name}': {message}")]
    Syntax {
        /// The theme.
        name: String,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A word under `[meanings]` that means nothing.
    #[error("theme '{theme}': no meaning named '{word}'")]
    Meaning {
        /// The theme.
        theme: String,
        /// The word.
        word: String,
    },
    /// A colour that is neither in the palette nor a colour.
    #[error(
        "theme '{theme}': '{word}' is not a colour; write '#rrggbb', an ANSI name, 'default' or a name of [palette]"
    )]
    Color {
        /// The theme.
        theme: String,
        /// The word.
        word: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThemeFile {
    #[serde(skip)]
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) inherits: Option<String>,
    #[serde(default)]
    pub(super) palette: BTreeMap<String, String>,
    #[serde(default)]
    meanings: BTreeMap<String, Look>,
}

/// A foreground colour, or the whole style.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Look {
    Foreground(String),
    Full(Full),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the file format")]
struct Full {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    reverse: bool,
}

impl ThemeFile {
    pub(super) fn parse(name: &str, toml: &str) -> Result<Self, ThemeError> {
        let mut file: Self = toml::from_str(toml).map_err(|error| ThemeError::Syntax {
            name: name.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        name.clone_into(&mut file.name);
        Ok(file)
    }

    /// Sets what this file says, over what its parents said.
    pub(super) fn apply(
        &self,
        palette: &BTreeMap<String, String>,
        styles: &mut BTreeMap<Meaning, Style>,
    ) -> Result<(), ThemeError> {
        for (word, look) in &self.meanings {
            let meaning = Meaning::ALL
                .iter()
                .find(|meaning| meaning.word() == word)
                .ok_or_else(|| ThemeError::Meaning { theme: self.name.clone(), word: word.clone() })?;
            styles.insert(*meaning, self.style(look, palette)?);
        }
        Ok(())
    }

    fn style(&self, look: &Look, palette: &BTreeMap<String, String>) -> Result<Style, ThemeError> {
        let full = match look {
            Look::Foreground(word) => return Ok(Style::default().fg(self.color(word, palette)?)),
            Look::Full(full) => full,
        };
        let color = |word: &Option<String>| word.as_ref().map(|word| self.color(word, palette)).transpose();
        let mut style = Style { fg: color(&full.fg)?, bg: color(&full.bg)?, ..Style::default() };
        for (on, modifier) in [
            (full.bold, Modifier::BOLD),
            (full.dim, Modifier::DIM),
            (full.underline, Modifier::UNDERLINED),
            (full.reverse, Modifier::REVERSED),
        ] {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }

    fn color(&self, word: &str, palette: &BTreeMap<String, String>) -> Result<Color, ThemeError> {
        let written = palette.get(word).map_or(word, String::as_str);
        color::parse(written)
            .ok_or_else(|| ThemeError::Color { theme: self.name.clone(), word: word.to_owned() })
    }
}
