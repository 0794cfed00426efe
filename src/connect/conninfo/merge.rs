//! Precedence: the string, then the service file, then the environment. Defaults come with the types.

use super::keys::{self, Treatment};
use super::{ConninfoError, Merged, foreign, keyword, service, uri};
use crate::connect::environment::Environment;
use crate::connect::notice::Notice;

/// Variables that say where an application's sessions go; a console's address stands for itself.
const NOT_FOR_CONSOLES: &[&str] = &["host", "hostaddr", "port", "dbname", "service", "target_session_attrs"];

/// Every key that some layer has set, by libpq's names.
pub(super) fn merge(
    dsn: &str,
    env: &Environment,
    notices: &mut Vec<Notice>,
) -> Result<Merged, ConninfoError> {
    let mut merged = Merged::default();
    let pairs = if uri::is_uri(dsn) {
        let parts = uri::parse(dsn)?;
        if let uri::Scheme::Console(defaults) = parts.scheme {
            merged.console = Some(defaults);
        }
        parts.pairs
    } else {
        keyword::parse(dsn)?
    };
    absorb(&pairs, "the connection string", &mut merged, notices)?;
    if let Some(section) = service::section(&merged, env)? {
        let place = format!("service `{}`", section.name);
        let mut layer = Merged::default();
        absorb(&section.pairs, &place, &mut layer, notices)?;
        merged.pooled |= layer.pooled;
        for (key, value) in layer.values {
            merged.fill(key, value);
        }
    }
    fill_from_environment(&mut merged, env, notices);
    Ok(merged)
}

fn fill_from_environment(merged: &mut Merged, env: &Environment, notices: &mut Vec<Notice>) {
    for key in keys::KEYS {
        if merged.console.is_some() && NOT_FOR_CONSOLES.contains(&key.name) {
            continue;
        }
        let Some((variable, value)) = key.variable.and_then(|name| Some((name, env.get(name)?))) else {
            continue;
        };
        if let Treatment::Told(reason) = key.treatment {
            notices.push(Notice::new(&format!("{variable} is ignored: {reason}")));
        }
        merged.fill(key.name, value.to_owned());
    }
}

/// Sorts one layer's pairs: ours, libpq's that make no difference, other tools', unknown.
fn absorb(
    pairs: &[(String, String)],
    place: &str,
    merged: &mut Merged,
    notices: &mut Vec<Notice>,
) -> Result<(), ConninfoError> {
    let mut ignored: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        if let Some((key, value)) = known(name, value, place, notices) {
            // As in libpq, a later one wins within a layer.
            merged.values.insert(key, value);
        } else if name.eq_ignore_ascii_case("pgbouncer") && is_true(value) {
            merged.pooled = true;
        } else if foreign::owner(name).is_some() {
            ignored.push(name);
        } else {
            return Err(unknown(name, place));
        }
    }
    if !ignored.is_empty() {
        let names = ignored.join(", ");
        notices.push(Notice::new(&format!("ignored in {place}, they belong to other tools: {names}")));
    }
    Ok(())
}

/// A pair in libpq's terms, if it has a meaning there.
fn known(name: &str, value: &str, place: &str, notices: &mut Vec<Notice>) -> Option<(&'static str, String)> {
    if let Some(translated) = foreign::translate(name, value) {
        return Some(translated);
    }
    let key = keys::find(name)?;
    if let Treatment::Told(reason) = key.treatment {
        notices.push(Notice::new(&format!("`{name}` in {place} is ignored: {reason}")));
    }
    Some((key.name, value.to_owned()))
}

fn is_true(value: &str) -> bool {
    ["true", "1", "on", "yes", "t", "y"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn unknown(name: &str, place: &str) -> ConninfoError {
    let hint = match keys::nearest(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "in an address, encode & ? # and @ of a password as %26 %3F %23 %40".to_owned(),
    };
    // A pasted secret can end up where a key is expected (an unencoded `&` in a password); it is long or odd.
    let plain = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let shown = if plain { format!("`{name}`") } else { "(it is no word)".to_owned() };
    ConninfoError::new(&format!("unknown key {shown} in {place}"), &hint)
}
