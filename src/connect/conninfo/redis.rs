//! Addresses of Redis servers: `redis://user:secret@host:6379/0?key=value`, and `rediss://` for TLS.
//!
//! They become the same settings as those of a PostgreSQL server, so that names, TLS, passwords and limits work alike. The
//! environment and libpq's files have no say in them.

use std::collections::BTreeMap;

use super::{Conninfo, ConninfoError, Environment, Merged, Notice, typed, uri};

/// Redis's own port.
const PORT: &str = "6379";
/// The user of a connection that names none.
const USER: &str = "default";

/// Keys that mean something here: our words, and those that the clients of several languages write.
const KEYS: [(&str, &str); 16] = [
    ("host", "host"),
    ("port", "port"),
    ("user", "user"),
    ("username", "user"),
    ("password", "password"),
    ("dbname", "dbname"),
    ("db", "dbname"),
    ("connect_timeout", "connect_timeout"),
    ("socket_connect_timeout", "connect_timeout"),
    ("sslmode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("ssl_ca_certs", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("ssl_certfile", "sslcert"),
    ("sslkey", "sslkey"),
    ("ssl_keyfile", "sslkey"),
];

/// Words that switch checks of the certificate off, and what they leave of them.
const CHECKS: [(&str, &str, &str); 3] = [
    ("ssl_cert_reqs", "none", "require"),
    ("ssl_check_hostname", "false", "verify-ca"),
    ("ssl_check_hostname", "0", "verify-ca"),
];

/// The settings of a Redis address; `None` where it is none.
pub(super) fn resolve(dsn: &str, notices: &mut Vec<Notice>) -> Option<Result<Conninfo, ConninfoError>> {
    let (scheme, rest) = dsn.split_once("://")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "redis" => false,
        "rediss" => true,
        _ => return None,
    };
    Some(settings(tls, rest, notices))
}

fn settings(tls: bool, rest: &str, notices: &mut Vec<Notice>) -> Result<Conninfo, ConninfoError> {
    let mut merged = Merged { values: values(uri::pairs(rest)?, notices), ..Merged::default() };
    if merged.get("host").is_some_and(|host| host.contains(',')) {
        return Err(ConninfoError::new(
            "a Redis address names one server",
            "give each node or replica as a target of its own",
        ));
    }
    if tls && merged.get("sslmode") == Some("disable") {
        return Err(ConninfoError::new("rediss:// means TLS", "write redis:// for none"));
    }
    merged.fill("host", "localhost".to_owned());
    merged.fill("port", PORT.to_owned());
    merged.fill("user", USER.to_owned());
    merged.fill("dbname", "0".to_owned());
    merged.fill("sslmode", if tls { "verify-full" } else { "disable" }.to_owned());
    if merged.get("dbname").is_some_and(|number| number.parse::<u32>().is_err()) {
        return Err(ConninfoError::new("a Redis database is a number", "write redis://host:6379/0"));
    }
    if merged.get("sslmode").is_some_and(|mode| mode.starts_with("verify")) {
        merged.fill("sslrootcert", "system".to_owned());
    }
    if merged.get("sslmode") != Some("disable") {
        merged.values.insert("sslnegotiation", "direct".to_owned());
    }
    Ok(Conninfo { redis: true, ..typed::build(&merged, &Environment::empty())? })
}

/// The values by libpq's key. What is not known here is another client's business.
fn values(pairs: Vec<(String, String)>, notices: &mut Vec<Notice>) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::new();
    for (key, value) in pairs {
        let check = CHECKS.iter().find(|(name, word, _)| *name == key && value.eq_ignore_ascii_case(word));
        let known = KEYS.iter().find(|(name, _)| *name == key);
        if let Some((.., mode)) = check {
            values.insert("sslmode", (*mode).to_owned());
        } else if let Some((_, ours)) = known {
            values.insert(*ours, value);
        } else if !CHECKS.iter().any(|(name, ..)| *name == key) {
            notices.push(Notice::new(&format!("`{key}` of the Redis address is not used")));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::{RootCert, SslMode};
    use super::*;
    use crate::model::secret::{ExposeSecret, SecretString};

    fn info(dsn: &str) -> Result<(Conninfo, Vec<Notice>), ConninfoError> {
        Conninfo::resolve(dsn, &Environment::empty())
    }

    #[test]
    fn addresses_are_read_with_their_defaults() {
        for (dsn, endpoint, user, password) in [
            ("redis://", "localhost:6379/0", "default", None),
            ("redis://cache", "cache:6379/0", "default", None),
            ("redis://:se%2Fcret@cache:6380/2", "cache:6380/2", "default", Some("se/cret")),
            ("REDIS://app:secret@[::1]", "[::1]:6379/0", "app", Some("secret")),
            ("redis://cache?db=3&username=app&password=x", "cache:6379/3", "app", Some("x")),
            ("rediss://app@cache/1", "cache:6379/1", "app", None),
        ] {
            let (info, notices) = info(dsn).unwrap();
            assert_eq!((&*info.endpoint(), info.user()), (endpoint, user), "{dsn}");
            let given = info.secrets.given.as_ref().map(SecretString::expose_secret);
            assert_eq!(given, password, "{dsn}");
            assert!(info.is_redis() && notices.is_empty(), "{dsn}");
        }
    }

    #[test]
    fn tls_is_checked_in_full_unless_the_address_says_otherwise() {
        let file = |name: &str| RootCert::File(name.into());
        for (dsn, mode, root) in [
            ("redis://cache", SslMode::Disable, RootCert::Default(None)),
            ("rediss://cache", SslMode::VerifyFull, RootCert::System),
            ("rediss://cache?ssl_ca_certs=ca.crt", SslMode::VerifyFull, file("ca.crt")),
            ("rediss://cache?sslrootcert=ca.crt&sslmode=verify-ca", SslMode::VerifyCa, file("ca.crt")),
            ("rediss://cache?ssl_cert_reqs=none", SslMode::Require, RootCert::Default(None)),
            ("rediss://cache?ssl_cert_reqs=required", SslMode::VerifyFull, RootCert::System),
        ] {
            let (info, _) = info(dsn).unwrap();
            assert_eq!((info.ssl.mode, &info.ssl.root), (mode, &root), "{dsn}");
            assert_eq!(info.ssl.direct, mode != SslMode::Disable, "{dsn}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_an_error_without_the_password() {
        for (dsn, part) in [
            ("redis://:secret@a,b", "one server"),
            ("redis://:secret@cache/shop", "is a number"),
            ("rediss://:secret@cache?sslmode=disable", "means TLS"),
            ("redis://:secret@cache:port", "port"),
        ] {
            let error = info(dsn).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("secret"), "{dsn}: {error}");
        }
    }

    #[test]
    fn keys_of_other_clients_are_named_and_left_aside() {
        let (_, notices) = info("redis://cache?decode_responses=true&protocol=3").unwrap();
        let texts: Vec<&str> = notices.iter().map(|notice| &**notice.text()).collect();
        assert_eq!(
            texts,
            [
                "`decode_responses` of the Redis address is not used",
                "`protocol` of the Redis address is not used"
            ]
        );
    }
}
