//! From the text of a file to [`Config`]: every key once, every problem reported.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use super::pools;
use super::problem::{ConfigError, Document, Located, suggest};
use super::reader::{Findings, Section, kind};
use super::targets;
use super::types::{Access, Config, KeyOverride, Profile};
use crate::model::finding::Severity;
use crate::model::thresholds::Thresholds;
use crate::model::thresholds::table::{FIELDS, Field, Kind, RISING};

/// Reads `text`; `path` only names it in errors.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let findings = Findings::default();
    let config = read_document(path, text, &findings);
    let problems = findings.into_problems();
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Invalid { document: config.document, problems })
    }
}

/// What can be read of `text`; what cannot is in `findings`.
pub(super) fn read_document(path: &Path, text: &str, findings: &Findings) -> Config {
    let document = Document::new(path, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut config = read_root(Section::root(root.get_ref(), findings));
        config.document = document;
        return config;
    }
    for error in errors {
        // A broken line may be half a password.
        findings.add_secret(error.span().unwrap_or(0..0), error.message(), "");
    }
    Config { document, ..Config::default() }
}

fn read_root(mut root: Section<'_>) -> Config {
    let default_profile = root.string("default_profile");
    let theme = root.string("theme");
    let utc = root.boolean("utc");
    let history = root.size("history");
    let keys = root.section("keys").map(|keys| read_keys(&keys)).unwrap_or_default();
    let profiles = root.section("profiles").map(|profiles| read_profiles(&profiles)).unwrap_or_default();
    if let Some(default) = &default_profile {
        require_profile(default, &profiles, root.findings());
    }
    root.finish();
    Config {
        default_profile: default_profile.map(|name| name.value),
        theme,
        utc,
        history,
        keys,
        profiles,
        ..Config::default()
    }
}

fn require_profile(default: &Located<String>, profiles: &[Profile], findings: &Findings) {
    let names = profiles.iter().map(|profile| profile.name.as_str());
    if !names.clone().any(|name| name == default.value) {
        let help = if profiles.is_empty() {
            "there are no profiles".to_owned()
        } else {
            suggest(&default.value, names)
        };
        findings.add(default.span.clone(), format!("no profile named `{}`", default.value), help);
    }
}

/// `[keys.PLACE]` with `"key" = "command"`. The places, keys and commands are the screen's to judge.
fn read_keys(keys: &Section<'_>) -> Vec<KeyOverride> {
    let mut overrides = Vec::new();
    for (place, value) in keys.entries() {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("`{}` is {}", place.value, kind(value.get_ref()));
            keys.findings().add(place.span, message, "expected a table of keys: [keys.everywhere]");
            continue;
        };
        let section = keys.child(&place.value, table, value.span());
        for (key, command) in section.entries() {
            match command.get_ref().as_str() {
                Some(name) => overrides.push(KeyOverride {
                    place: place.clone(),
                    key,
                    command: Located { value: name.to_owned(), span: command.span() },
                }),
                None => keys.findings().add(
                    command.span(),
                    format!("`{}` is {}", key.value, kind(command.get_ref())),
                    "expected the name of a command, or \"none\"",
                ),
            }
        }
    }
    overrides
}

fn read_profiles(section: &Section<'_>) -> Vec<Profile> {
    let mut profiles = Vec::new();
    for (name, value) in section.entries() {
        match value.get_ref().as_table() {
            Some(table) => {
                check_name(&name, section.findings());
                let profile = section.child(&name.value, table, value.span());
                profiles.push(read_profile(name, profile));
            }
            None => section.findings().add_secret(
                name.span,
                format!("profile `{}` is {}", name.value, kind(value.get_ref())),
                "expected a table: [profiles.NAME]",
            ),
        }
    }
    profiles
}

/// A name that can be typed on a command line where URLs and keyword strings stand too.
fn check_name(name: &Located<String>, findings: &Findings) {
    if !is_profile_name(&name.value) {
        let message = format!("`{}` cannot be the name of a profile", name.value);
        findings.add(
            name.span.clone(),
            message,
            "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit",
        );
    }
}

/// Whether `name` can be the name of a profile: it cannot be taken for a URL, a keyword string or an option.
pub fn is_profile_name(name: &str) -> bool {
    name.starts_with(char::is_alphanumeric) && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

fn read_profile(name: Located<String>, mut section: Section<'_>) -> Profile {
    let production = section.boolean("production").unwrap_or(false);
    let default_access = if production { Access::ConfirmName } else { Access::Confirm };
    let mut names = targets::Names::default();
    let profile = Profile {
        name: name.value.clone(),
        label: section.string("label").map(|label| label.value.as_str().into()),
        production,
        access: section.choice("access", &Access::NAMES).unwrap_or(default_access),
        bulk_limit: section.count("bulk_limit", 1).map_or(20, |limit| limit as usize),
        interval: read_interval(&mut section),
        postgres: targets::postgres(&mut section, &mut names),
        poolers: targets::poolers(&mut section, &mut names),
        apps: targets::apps(&mut section, &mut names),
        redis: targets::redis(&mut section, &mut names),
        pools: pools::pools(&mut section),
        redis_pools: pools::redis_pools(&mut section),
        thresholds: section.section("thresholds").map(read_thresholds).unwrap_or_default(),
        protected_roles: section
            .words("protected_roles", "a list of roles: [\"replicator\"]")
            .map(|roles| roles.value.iter().map(|role| role.as_str().into()).collect())
            .unwrap_or_default(),
        env_file: section.string("env_file").map(|file| file.value.into()),
        on_finding: section.command("on_finding", "[\"notify-send\", \"pooltop\"]"),
        on_finding_severity: section.choice("on_finding_severity", &SEVERITIES).unwrap_or(Severity::Warning),
        record_when: section.choice("record_when", &SEVERITIES),
        record_when_waiting: section.span("record_when_waiting").map(|span| span.value),
        history: section.size("history"),
        utc: section.boolean("utc"),
        theme: section.string("theme"),
        time_scale: section.number("time_scale", 0.001, 1000.0).unwrap_or(1.0),
    };
    if names.is_empty()
        && !["postgres", "poolers", "apps", "redis", "env_file"].iter().any(|key| section.has(key))
    {
        let message = format!("profile `{}` has no target", profile.name);
        let help = format!("add [[profiles.{}.postgres]] with a url", profile.name);
        section.findings().add(name.span, message, help);
    }
    section.finish();
    profile
}

const SEVERITIES: [(&str, Severity); 3] =
    [("notice", Severity::Notice), ("warning", Severity::Warning), ("critical", Severity::Critical)];

/// A second unless said otherwise; not so short that sampling becomes the load.
fn read_interval(section: &mut Section<'_>) -> Duration {
    const LEAST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(3600);
    let default = Duration::from_secs(1);
    let Some(found) = section.span("interval") else { return default };
    if (LEAST..=MOST).contains(&found.value) {
        return found.value;
    }
    section.findings().add(found.span, "`interval` is out of range", "expected from \"100ms\" to \"1h\"");
    default
}

fn read_thresholds(mut section: Section<'_>) -> Thresholds {
    let mut thresholds = Thresholds::default();
    for field in FIELDS {
        read_threshold(&mut section, field, &mut thresholds);
    }
    require_rising(&section, &thresholds);
    section.finish();
    thresholds
}

fn read_threshold(section: &mut Section<'_>, field: Field, thresholds: &mut Thresholds) {
    let key = field.name;
    match field.kind {
        Kind::Span(of) => {
            let Some(found) = section.span(key) else { return };
            if (Kind::SHORTEST..=Kind::LONGEST).contains(&found.value) {
                *of(thresholds) = found.value;
            } else {
                let help = format!("expected {}", field.kind.range());
                section.findings().add(found.span, format!("`{key}` is out of range"), help);
            }
        }
        Kind::Share(of) => {
            let value = of(thresholds);
            *value = section.number(key, Kind::SHARES.0, Kind::SHARES.1).unwrap_or(*value);
        }
        Kind::Score(of) => {
            let value = of(thresholds);
            *value = section.number(key, Kind::SCORES.0, Kind::SCORES.1).unwrap_or(*value);
        }
        Kind::Count(of) => {
            let value = of(thresholds);
            *value = section.count(key, 1).unwrap_or(*value);
        }
    }
}

/// A pool is watched before it is a suspect, and a suspect before it leaks.
fn require_rising(section: &Section<'_>, thresholds: &Thresholds) {
    let Thresholds { watch, suspect, leak, .. } = thresholds;
    for (pair, low, high) in [(&RISING[..2], watch, suspect), (&RISING[1..], suspect, leak)] {
        let place = pair.iter().rev().find_map(|key| section.place(key));
        if let Some(place) = place.filter(|_| low >= high) {
            let message = format!("`{}` is {low} and `{}` is {high}", pair[0], pair[1]);
            section.findings().add(place, message, format!("expected {}", RISING.join(" < ")));
        }
    }
}
