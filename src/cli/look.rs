//! How the screen looks: theme, colours, glyphs, keys.

use std::fmt::Write as _;

use super::args::LookArgs;
use super::exit::{Exit, Failure};
use super::output::data;
use super::profile::Surroundings;
use crate::ui::keymap::Keymap;
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

/// Fails where a configuration names a theme that does not exist or cannot be read.
pub fn theme_exists(name: Option<&str>, around: &Surroundings) -> anyhow::Result<()> {
    if let Some(name) = name {
        themes(around).load(name, Depth::True)?;
    }
    Ok(())
}

/// The theme: from the command line, the profile, else one that suits the terminal's background.
pub fn theme(look: &LookArgs, profile: Option<&str>, around: &Surroundings) -> anyhow::Result<Theme> {
    let get = |key: &str| around.environment.get(key);
    let no_color = look.no_color || get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let depth = Depth::detect(get("TERM"), get("COLORTERM"), no_color);
    let suited = Background::detect(get("COLORFGBG")).theme();
    let name = look.theme.as_deref().or(profile).unwrap_or(suited);
    Ok(themes(around).load(name, depth).map_err(|error| Failure::usage(error.to_string()))?)
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

/// The built-in keys with those of the configuration.
pub fn keymap(around: &Surroundings) -> anyhow::Result<Keymap> {
    let overrides: Vec<(String, String, String)> = around
        .config
        .keys
        .iter()
        .map(|key| (key.place.value.clone(), key.key.value.clone(), key.command.value.clone()))
        .collect();
    Ok(Keymap::new(&overrides).map_err(|error| Failure::usage(error.to_string()))?)
}
