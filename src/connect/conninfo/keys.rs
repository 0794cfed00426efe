//! The table of connection keys: what libpq knows, what pooltop does with it, and the nearest one to a mistake.

use crate::text;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It is used.
    Used,
    /// libpq knows it and it makes no difference to pooltop.
    Silent,
    /// libpq knows it, pooltop goes another way; the reason is told once.
    Told(&'static str),
}

/// One key that libpq knows.
pub(super) struct Key {
    /// Its name in a connection string and in a service file.
    pub(super) name: &'static str,
    /// The environment variable that gives its default.
    pub(super) variable: Option<&'static str>,
    /// What becomes of it.
    pub(super) treatment: Treatment,
}

const fn used(name: &'static str, variable: Option<&'static str>) -> Key {
    Key { name, variable, treatment: Treatment::Used }
}

const fn silent(name: &'static str) -> Key {
    Key { name, variable: None, treatment: Treatment::Silent }
}

const fn told(name: &'static str, variable: Option<&'static str>, reason: &'static str) -> Key {
    Key { name, variable, treatment: Treatment::Told(reason) }
}

/// Every key of libpq 18.
pub(super) const KEYS: &[Key] = &[
    used("host", Some("PGHOST")),
    used("hostaddr", Some("PGHOSTADDR")),
    used("port", Some("PGPORT")),
    used("dbname", Some("PGDATABASE")),
    used("user", Some("PGUSER")),
    used("password", Some("PGPASSWORD")),
    used("passfile", Some("PGPASSFILE")),
    used("service", Some("PGSERVICE")),
    used("servicefile", Some("PGSERVICEFILE")),
    used("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    used("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    used("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    used("channel_binding", Some("PGCHANNELBINDING")),
    used("sslmode", Some("PGSSLMODE")),
    used("requiressl", Some("PGREQUIRESSL")),
    used("sslnegotiation", Some("PGSSLNEGOTIATION")),
    used("sslrootcert", Some("PGSSLROOTCERT")),
    used("sslcert", Some("PGSSLCERT")),
    used("sslkey", Some("PGSSLKEY")),
    used("sslcrl", Some("PGSSLCRL")),
    used("sslsni", Some("PGSSLSNI")),
    silent("application_name"),
    silent("fallback_application_name"),
    silent("client_encoding"),
    silent("keepalives"),
    silent("keepalives_idle"),
    silent("keepalives_interval"),
    silent("keepalives_count"),
    silent("tcp_user_timeout"),
    silent("sslcompression"),
    silent("ssl_min_protocol_version"),
    silent("ssl_max_protocol_version"),
    silent("min_protocol_version"),
    silent("max_protocol_version"),
    silent("krbsrvname"),
    silent("gsslib"),
    silent("gssencmode"),
    silent("gssdelegation"),
    silent("sslcertmode"),
    told("options", None, "poolers refuse it; pooltop sets what it needs itself"),
    told("replication", None, "pooltop opens ordinary sessions only"),
    told("sslpassword", None, "keys with a passphrase are not supported; decrypt the key first"),
    told("sslcrldir", Some("PGSSLCRLDIR"), "revocation lists are read from `sslcrl` only"),
    told("sslkeylogfile", None, "pooltop writes no TLS secrets to disk"),
    told("requirepeer", Some("PGREQUIREPEER"), "the owner of a Unix socket is not checked"),
    told(
        "require_auth",
        Some("PGREQUIREAUTH"),
        "the method is the server's choice among SCRAM, md5 and password",
    ),
    told("scram_client_key", None, "a password is needed"),
    told("scram_server_key", None, "a password is needed"),
    told("oauth_issuer", None, "OAuth is not supported"),
    told("oauth_client_id", None, "OAuth is not supported"),
    told("oauth_client_secret", None, "OAuth is not supported"),
    told("oauth_scope", None, "OAuth is not supported"),
];

/// A key of libpq by its exact name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The valid key that is nearest to a mistyped one, where one is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    text::nearest(name, KEYS.iter().map(|key| key.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found_only_when_it_is_near() {
        for (typed, expected) in [
            ("hots", Some("host")),
            ("sslmod", Some("sslmode")),
            ("SSLMODE", Some("sslmode")),
            ("conect_timeout", Some("connect_timeout")),
            ("pasword", Some("password")),
            ("zzzzzzzz", None),
        ] {
            assert_eq!(nearest(typed), expected, "{typed}");
        }
    }
}
