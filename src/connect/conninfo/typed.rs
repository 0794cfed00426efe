//! From merged strings to typed settings, with the defaults.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Binding, Conninfo, ConninfoError, Host, Merged, Place, RootCert, Secrets, SessionAttrs, Ssl, SslMode,
    bad_port,
};
use crate::connect::environment::Environment;
use crate::model::secret::SecretString;

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Types everything; the error names the key and the valid values, never a secret.
pub(super) fn build(merged: &Merged, env: &Environment) -> Result<Conninfo, ConninfoError> {
    let user = merged.get("user").or(env.user()).ok_or_else(|| {
        ConninfoError::new("no user is given and the login name is unknown", "add user=… or set PGUSER")
    })?;
    let database = merged.get("dbname").unwrap_or(if merged.console { "pgbouncer" } else { user });
    Ok(Conninfo {
        hosts: hosts(merged)?,
        user: user.to_owned(),
        database: database.to_owned(),
        secrets: Secrets {
            given: merged.get("password").map(|password| SecretString::from(password.to_owned())),
            passfile: merged
                .get("passfile")
                .map(PathBuf::from)
                .or_else(|| env.home().map(|home| home.join(".pgpass"))),
            ..Secrets::default()
        },
        ssl: ssl(merged, env)?,
        binding: binding(merged)?,
        attrs: session_attrs(merged)?,
        shuffle: one_of(merged, "load_balance_hosts", &[("disable", false), ("random", true)])?
            .unwrap_or_default(),
        connect_timeout: connect_timeout(merged)?,
        pooled: merged.pooled,
        redis: false,
    })
}

/// `host`, `hostaddr` and `port` are parallel lists; one port may serve all hosts.
fn hosts(merged: &Merged) -> Result<Vec<Host>, ConninfoError> {
    let (names, addresses, mut ports) =
        (list(merged.get("host")), list(merged.get("hostaddr")), list(merged.get("port")));
    let count = names.len().max(addresses.len()).max(1);
    if let [port] = ports.as_slice() {
        ports = vec![*port; count];
    }
    if [&names, &addresses, &ports].iter().any(|items| !items.is_empty() && items.len() != count) {
        let [names, addresses, ports] = [names.len(), addresses.len(), ports.len()];
        return Err(ConninfoError::new(
            &format!("host, hostaddr and port list {names}, {addresses} and {ports} entries"),
            "give each host its own entry, or one port for all",
        ));
    }
    let default_port = if merged.console { 6432 } else { 5432 };
    (0..count)
        .map(|index| {
            let address = entry(&addresses, index);
            Ok(Host {
                place: place(entry(&names, index).or(address)),
                address: address.map(parse_address).transpose()?,
                port: entry(&ports, index).map_or(Ok(default_port), parse_port)?,
            })
        })
        .collect()
}

/// One entry of a list, where it is there and not empty.
fn entry<'a>(items: &[&'a str], index: usize) -> Option<&'a str> {
    items.get(index).copied().filter(|item| !item.is_empty())
}

fn list(value: Option<&str>) -> Vec<&str> {
    value.map(|value| value.split(',').map(str::trim).collect()).unwrap_or_default()
}

fn place(name: Option<&str>) -> Place {
    match name {
        None => Place::Default,
        Some(path) if path.starts_with('/') => Place::Unix(PathBuf::from(path)),
        Some(name) => Place::Name(name.to_owned()),
    }
}

fn parse_address(address: &str) -> Result<IpAddr, ConninfoError> {
    address.parse().map_err(|_| {
        ConninfoError::new(&format!("hostaddr `{address}` is not an IP address"), "use host= for a name")
    })
}

fn parse_port(port: &str) -> Result<u16, ConninfoError> {
    port.parse().ok().filter(|port| *port > 0).ok_or_else(bad_port)
}

fn connect_timeout(merged: &Merged) -> Result<Duration, ConninfoError> {
    let Some(seconds) = merged.get("connect_timeout") else {
        return Ok(DEFAULT_CONNECT_TIMEOUT);
    };
    match seconds.trim().parse::<i32>() {
        // libpq waits for ever then; a dashboard that hangs for ever helps nobody.
        Ok(..=0) => Ok(DEFAULT_CONNECT_TIMEOUT),
        Ok(seconds) => Ok(Duration::from_secs(u64::from(seconds.unsigned_abs()))),
        Err(_) => Err(ConninfoError::new(
            &format!("connect_timeout `{seconds}` is not a number of seconds"),
            "write for example connect_timeout=10",
        )),
    }
}

fn session_attrs(merged: &Merged) -> Result<SessionAttrs, ConninfoError> {
    let values = [
        ("any", SessionAttrs::Any),
        ("read-write", SessionAttrs::ReadWrite),
        ("read-only", SessionAttrs::ReadOnly),
        ("primary", SessionAttrs::Primary),
        ("standby", SessionAttrs::Standby),
        ("prefer-standby", SessionAttrs::PreferStandby),
    ];
    Ok(one_of(merged, "target_session_attrs", &values)?.unwrap_or(SessionAttrs::Any))
}

fn binding(merged: &Merged) -> Result<Binding, ConninfoError> {
    let values = [("disable", Binding::Disable), ("prefer", Binding::Prefer), ("require", Binding::Require)];
    Ok(one_of(merged, "channel_binding", &values)?.unwrap_or(Binding::Prefer))
}

fn ssl(merged: &Merged, env: &Environment) -> Result<Ssl, ConninfoError> {
    let own = |name: &str| env.home().map(|home| home.join(".postgresql").join(name));
    let file = |key: &str, default: &str| {
        merged.get(key).map(PathBuf::from).or_else(|| own(default).filter(|path| path.exists()))
    };
    let root = match merged.get("sslrootcert") {
        Some("system") => RootCert::System,
        Some(path) => RootCert::File(path.into()),
        None => RootCert::Default(own("root.crt")),
    };
    Ok(Ssl {
        mode: ssl_mode(merged, &root)?,
        direct: one_of(merged, "sslnegotiation", &[("postgres", false), ("direct", true)])?
            .unwrap_or_default(),
        certificate: file("sslcert", "postgresql.crt"),
        key: file("sslkey", "postgresql.key"),
        revoked: file("sslcrl", "root.crl"),
        sni: merged.get("sslsni") != Some("0"),
        root,
    })
}

fn ssl_mode(merged: &Merged, root: &RootCert) -> Result<SslMode, ConninfoError> {
    let values = [
        ("disable", SslMode::Disable),
        ("allow", SslMode::Allow),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
    let given = one_of(merged, "sslmode", &values)?
        .or_else(|| (merged.get("requiressl") == Some("1")).then_some(SslMode::Require));
    match (given, root) {
        (None, RootCert::System) => Ok(SslMode::VerifyFull),
        (Some(mode), RootCert::System) if mode < SslMode::VerifyFull => Err(ConninfoError::new(
            "sslrootcert=system trusts every public authority, so the name must be checked too",
            "use sslmode=verify-full with it",
        )),
        (given, _) => Ok(given.unwrap_or(SslMode::Prefer)),
    }
}

/// A key with a fixed set of values, compared without case as many drivers write them.
fn one_of<T: Copy>(merged: &Merged, key: &str, values: &[(&str, T)]) -> Result<Option<T>, ConninfoError> {
    let Some(given) = merged.get(key) else { return Ok(None) };
    if let Some((_, value)) = values.iter().find(|(word, _)| word.eq_ignore_ascii_case(given)) {
        return Ok(Some(*value));
    }
    let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
    Err(ConninfoError::new(
        &format!("`{given}` is not a value of {key}"),
        &format!("valid are {}", words.join(", ")),
    ))
}
