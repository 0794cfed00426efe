//! How the screen looks: theme, colours, glyphs, keys.

use std::fmt::Write as _;

use super::args::LookArgs;
use super::exit::{Exit, Failure};
use super::output::data;
use super::profile::Surroundings;
use crate::config::types::KeyOverride;
use crate::config::{ConfigError, Located};
use crate::ui::keymap::{Keymap, KeymapError};
use crate::ui::theme::{Background, Depth, Theme, Themes};

/// Built-in themes and those beside the configuration.
pub fn themes(around: &Surroundings) -> Themes {
    Themes::built_in().with_directory(&around.paths.themes)
}

/// `pooltop themes`
pub fn list(around: &Surroundings) -> anyhow::Result<Exit> {
    let themes = themes(around);
    let mut out = String::new();
    for name in themes.names() {
        let _ = writeln!(out, "{name:<16} {}", themes.description(name).unwrap_or_default());
    }
    data(&out)?;
    Ok(Exit::Done)
}

/// Fails, with the place, where a configuration names a theme that does not exist or cannot be read.
pub fn theme_exists(name: Option<&Located<String>>, around: &Surroundings) -> anyhow::Result<()> {
    if let Some(name) = name {
        themes(around).load(&name.value, Depth::True).map_err(|error| misplaced(name, &error, around))?;
    }
    Ok(())
}

/// The theme: from the command line, the profile, else one that suits the terminal's background.
pub fn theme(
    look: &LookArgs,
    profile: Option<&Located<String>>,
    around: &Surroundings,
) -> anyhow::Result<Theme> {
    let get = |key: &str| around.environment.get(key);
    let no_color = look.no_color || get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let depth = Depth::detect(get("TERM"), get("COLORTERM"), no_color);
    let load = |name: &str| themes(around).load(name, depth);
    match (look.theme.as_deref(), profile) {
        (None, Some(name)) => load(&name.value).map_err(|error| misplaced(name, &error, around).into()),
        (typed, _) => {
            let name = typed.unwrap_or(Background::detect(get("COLORFGBG")).theme());
            Ok(load(name).map_err(|error| Failure::usage(error.to_string()))?)
        }
    }
}

/// The error about a value of the configuration that only its user can judge.
fn misplaced(value: &Located<String>, error: &impl ToString, around: &Surroundings) -> ConfigError {
    around.config.document.error(value.span.clone(), &error.to_string(), "")
}

/// Whether only ASCII can be drawn: asked for, or the locale is not UTF-8.
pub fn ascii(look: &LookArgs, around: &Surroundings) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|key| around.environment.get(key).filter(|value| !value.is_empty()));
    let utf8 = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    look.ascii || !utf8
}

/// The built-in keys with those of the configuration; an error shows the place of the first that cannot be used.
pub fn keymap(around: &Surroundings) -> anyhow::Result<Keymap> {
    let words =
        |key: &KeyOverride| (key.place.value.clone(), key.key.value.clone(), key.command.value.clone());
    for key in &around.config.keys {
        if let Err(error) = Keymap::new(&[words(key)]) {
            let wrong = match error {
                KeymapError::Key(_) => &key.key,
                KeymapError::Command(_) => &key.command,
                KeymapError::Place(_) | KeymapError::Syntax(_) => &key.place,
            };
            return Err(misplaced(wrong, &error, around).into());
        }
    }
    let overrides: Vec<_> = around.config.keys.iter().map(words).collect();
    Ok(Keymap::new(&overrides).map_err(|error| Failure::usage(error.to_string()))?)
}
