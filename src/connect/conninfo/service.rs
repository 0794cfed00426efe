//! `pg_service.conf`: named sets of connection settings.

use std::path::PathBuf;

use configparser::ini::{Ini, IniDefault};

use super::{ConninfoError, Merged};
use crate::connect::environment::Environment;

/// Where Debian and the upstream build look when `PGSYSCONFDIR` is not set.
const SYSTEM_DIRECTORIES: &[&str] =
    &["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// One service's settings.
pub(super) struct Section {
    /// The service's name.
    pub(super) name: String,
    /// Keys and values as they stand in the file.
    pub(super) pairs: Vec<(String, String)>,
}

/// The service that the string or `PGSERVICE` names; an error where it names one that no file has.
pub(super) fn section(merged: &Merged, env: &Environment) -> Result<Option<Section>, ConninfoError> {
    let from_environment = if merged.console.is_some() { None } else { env.get("PGSERVICE") };
    let Some(name) = merged.get("service").or(from_environment) else {
        return Ok(None);
    };
    let files = candidates(merged, env);
    for file in &files {
        if let Some(pairs) = read(file, name)? {
            return Ok(Some(Section { name: name.to_owned(), pairs }));
        }
    }
    let looked: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(ConninfoError::new(
        &format!("service `{name}` is not defined"),
        &format!("looked in {}", looked.join(", ")),
    ))
}

/// The user's file, then the system's, as libpq searches them.
fn candidates(merged: &Merged, env: &Environment) -> Vec<PathBuf> {
    let own = merged
        .get("servicefile")
        .or_else(|| env.get("PGSERVICEFILE"))
        .map(PathBuf::from)
        .or_else(|| env.home().map(|home| home.join(".pg_service.conf")));
    let system: Vec<PathBuf> = match env.get("PGSYSCONFDIR") {
        Some(directory) => vec![PathBuf::from(directory)],
        None => SYSTEM_DIRECTORIES.iter().map(PathBuf::from).collect(),
    };
    own.into_iter().chain(system.into_iter().map(|directory| directory.join("pg_service.conf"))).collect()
}

/// The pairs of one section; `None` where the file or the section does not exist.
fn read(file: &PathBuf, name: &str) -> Result<Option<Vec<(String, String)>>, ConninfoError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(ConninfoError::new(
                &format!("cannot read {}: {error}", file.display()),
                "fix its permissions or point PGSERVICEFILE elsewhere",
            ));
        }
    };
    let sections = parser().read(text).map_err(|_| {
        // The parser's own message repeats the line, which may hold a password.
        ConninfoError::new(
            &format!("{} is not a service file", file.display()),
            "write [service] headers and key=value lines",
        )
    })?;
    Ok(sections.get(name).map(|pairs| {
        pairs.iter().map(|(key, value)| (key.clone(), value.clone().unwrap_or_default())).collect()
    }))
}

/// Keys keep their case, `#` starts a comment only at the start of a line, `;` never does: passwords contain both.
fn parser() -> Ini {
    let mut rules = IniDefault::default();
    rules.case_sensitive = true;
    rules.comment_symbols = vec!['#'];
    rules.inline_comment_symbols = Some(Vec::new());
    rules.delimiters = vec!['='];
    "\0".clone_into(&mut rules.default_section);
    Ini::new_from_defaults(rules)
}
