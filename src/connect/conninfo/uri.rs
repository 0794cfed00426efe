//! Connection addresses: `postgres://user:secret@host:port,host2/database?key=value`.

use std::borrow::Cow;

use super::{ConninfoError, bad_port};

/// Whether a string is an address at all.
pub(super) fn is_uri(dsn: &str) -> bool {
    // A keyword string has its first `=` before anything that only looks like a scheme: `dbname='x://y'`.
    dsn.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('='))
        || dsn.starts_with("jdbc:postgresql:")
}

/// What kind of address a scheme announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A PostgreSQL server, or a pooler's client port that looks like one.
    Postgres,
    /// The console of a pooler, on its usual port and under its usual name.
    Console(Defaults),
}

/// Where a kind of console usually is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Defaults {
    /// Port where none is given.
    pub(super) port: u16,
    /// Database where none is given; `None` = the user's name, as on a server.
    pub(super) database: Option<&'static str>,
}

/// An address taken apart, still in libpq's terms.
pub(super) struct Parts {
    /// What the scheme announces.
    pub(super) scheme: Scheme,
    /// Keys and values in the order in which they were written.
    pub(super) pairs: Vec<(String, String)>,
}

/// Takes an address apart.
pub(super) fn parse(dsn: &str) -> Result<Parts, ConninfoError> {
    let (scheme, rest) = split_scheme(dsn)?;
    Ok(Parts { scheme, pairs: pairs(&rest)? })
}

/// What follows the scheme, as libpq's keys.
pub(super) fn pairs(rest: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    // libpq ends the user part at the first `@`; a password that contains one must be encoded. The last one is
    // taken here, so that a raw `@` in a password works, as it does in most drivers.
    let (authority, path) = split_path(location);
    let (user_info, hosts) = match authority.rsplit_once('@') {
        Some((user_info, hosts)) => (Some(user_info), hosts),
        None => (None, authority),
    };
    let mut pairs = Vec::new();
    if let Some(user_info) = user_info {
        push_user(user_info, &mut pairs)?;
    }
    push_hosts(hosts, &mut pairs)?;
    if !path.is_empty() {
        pairs.push(("dbname".to_owned(), decode(path, "database")?));
    }
    push_query(query, &mut pairs)?;
    Ok(pairs)
}

/// The authority and the path. A `/` inside the user part (an unencoded password) does not end the authority.
fn split_path(location: &str) -> (&str, &str) {
    let from = location.rfind('@').map_or(0, |at| at + 1);
    match location.get(from..).and_then(|hosts| hosts.find('/')) {
        Some(slash) => (
            location.get(..from + slash).unwrap_or_default(),
            location.get(from + slash + 1..).unwrap_or_default(),
        ),
        None => (location, ""),
    }
}

/// What an address's scheme announces.
pub(super) fn scheme(dsn: &str) -> Result<Scheme, ConninfoError> {
    split_scheme(dsn).map(|(scheme, _)| scheme)
}

/// The scheme's meaning and what follows it. Driver suffixes such as `+asyncpg` say nothing about the server.
fn split_scheme(dsn: &str) -> Result<(Scheme, Cow<'_, str>), ConninfoError> {
    let plain = dsn.strip_prefix("jdbc:").unwrap_or(dsn);
    let (scheme, rest) = match (plain.split_once("://"), plain.split_once(':')) {
        (Some((scheme, rest)), _) => (scheme, Cow::Borrowed(rest)),
        // JDBC also writes `jdbc:postgresql:database` and `jdbc:postgresql:/`.
        (None, Some((scheme, path))) => (scheme, Cow::Owned(format!("/{}", path.trim_start_matches('/')))),
        (None, None) => (plain, Cow::Borrowed("")),
    };
    match scheme.split('+').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" | "postgis" | "psql" | "pgsql" | "ecto" => Ok((Scheme::Postgres, rest)),
        "pgbouncer" => Ok((console(6432, Some("pgbouncer")), rest)),
        "odyssey" => Ok((console(6432, Some("console")), rest)),
        "pgcat" => Ok((console(6432, Some("pgcat")), rest)),
        "pgdog" => Ok((console(6432, Some("admin")), rest)),
        // It has no console: any of its connections answers.
        "pgpool" => Ok((console(9999, None), rest)),
        _ => Err(ConninfoError::new(
            &format!("`{scheme}://` is not an address of PostgreSQL or a pooler"),
            "write postgres://host/database or pgbouncer://host:6432",
        )),
    }
}

fn console(port: u16, database: Option<&'static str>) -> Scheme {
    Scheme::Console(Defaults { port, database })
}

fn push_user(user_info: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ConninfoError> {
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user_info, None),
    };
    if !user.is_empty() {
        pairs.push(("user".to_owned(), decode(user, "user")?));
    }
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        pairs.push(("password".to_owned(), decode(password, "password")?));
    }
    Ok(())
}

/// `host:port,[::1]:port,%2Frun`: two comma-separated lists, as libpq keeps them.
fn push_hosts(hosts: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ConninfoError> {
    if hosts.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for entry in hosts.split(',') {
        let (host, port) = split_port(entry)?;
        names.push(decode(host, "host")?);
        ports.push(port.to_owned());
    }
    if names.iter().any(|name| !name.is_empty()) {
        pairs.push(("host".to_owned(), names.join(",")));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    Ok(())
}

/// A host and its port; IPv6 addresses stand in brackets.
fn split_port(entry: &str) -> Result<(&str, &str), ConninfoError> {
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']').ok_or_else(|| {
            ConninfoError::new("an IPv6 host has no closing bracket", "write an IPv6 host as [::1]:5432")
        })?;
        return Ok((address, after.strip_prefix(':').unwrap_or_default()));
    }
    if entry.matches(':').count() > 1 {
        return Err(ConninfoError::new(
            "a host of the address has several colons",
            "write an IPv6 host in brackets: [::1]:5432; encode a `:` or `/` in a password as %3A or %2F",
        ));
    }
    let (host, port) = entry.split_once(':').unwrap_or((entry, ""));
    // Checked here and not only with the types: what follows a `?` in an unencoded password looks like a key.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_port());
    }
    Ok((host, port))
}

fn push_query(query: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ConninfoError> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key, "parameter")?;
        let value = decode(value, &key)?;
        pairs.push((key, value));
    }
    Ok(())
}

/// Percent-decoding; a `+` stays a plus. `what` names the part in an error, which never shows its content.
fn decode(raw: &str, what: &str) -> Result<String, ConninfoError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let decoded = rest
            .next()
            .zip(rest.next())
            .and_then(|(high, low)| hex(high)?.checked_mul(16)?.checked_add(hex(low)?));
        bytes.push(
            decoded.ok_or_else(|| bad_encoding(what, "has a `%` that is not followed by two hex digits"))?,
        );
    }
    if bytes.contains(&0) {
        return Err(bad_encoding(what, "contains %00"));
    }
    String::from_utf8(bytes).map_err(|_| bad_encoding(what, "is not UTF-8 after decoding"))
}

fn bad_encoding(what: &str, problem: &str) -> ConninfoError {
    ConninfoError::new(&format!("the {what} of the address {problem}"), "write a literal % as %25")
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
