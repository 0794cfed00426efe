//! The table of connection keys: what libpq knows, what pooltop does with it, and what other tools add.

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

const fn told(name: &'static str, reason: &'static str) -> Key {
    Key { name, variable: None, treatment: Treatment::Told(reason) }
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
    told("options", "poolers refuse it; pooltop sets what it needs itself"),
    told("replication", "pooltop opens ordinary sessions only"),
    told("sslpassword", "keys with a passphrase are not supported; decrypt the key first"),
    told("sslcrldir", "revocation lists are read from `sslcrl` only"),
    told("sslkeylogfile", "pooltop writes no TLS secrets to disk"),
    told("requirepeer", "the owner of a Unix socket is not checked"),
    told("require_auth", "the method is the server's choice among SCRAM, md5 and password"),
    told("scram_client_key", "a password is needed"),
    told("scram_server_key", "a password is needed"),
    told("oauth_issuer", "OAuth is not supported"),
    told("oauth_client_id", "OAuth is not supported"),
    told("oauth_client_secret", "OAuth is not supported"),
    told("oauth_scope", "OAuth is not supported"),
];

/// Keys of drivers, pools and frameworks that teams paste along with an address; compared without case.
const FOREIGN: &[(&str, &[&str])] = &[
    (
        "Prisma",
        &[
            "pgbouncer",
            "schema",
            "connection_limit",
            "pool_timeout",
            "socket_timeout",
            "statement_cache_size",
            "sslaccept",
            "sslidentity",
            "single_use_connections",
            "max_connection_lifetime",
            "max_idle_connection_lifetime",
        ],
    ),
    (
        "Python drivers and pools",
        &[
            "prepared_statement_cache_size",
            "prepared_statement_name_func",
            "async_fallback",
            "server_settings",
            "command_timeout",
            "timeout",
            "min_size",
            "max_size",
            "pool_size",
            "max_overflow",
            "pool_recycle",
            "pool_pre_ping",
            "prepare_threshold",
            "conn_max_age",
            "conn_health_checks",
            "ssl_require",
            "charset",
        ],
    ),
    (
        "Ruby, Go, Rust and Node drivers",
        &[
            "adapter",
            "pool",
            "prepared_statements",
            "statement_limit",
            "checkout_timeout",
            "reaping_frequency",
            "idle_timeout",
            "advisory_locks",
            "encoding",
            "variables",
            "min_messages",
            "schema_search_path",
            "pool_max_conns",
            "pool_min_conns",
            "pool_min_idle_conns",
            "pool_max_conn_lifetime",
            "pool_max_conn_lifetime_jitter",
            "pool_max_conn_idle_time",
            "pool_health_check_period",
            "default_query_exec_mode",
            "statement_cache_capacity",
            "statement-cache-capacity",
            "statement_cache_mode",
            "description_cache_capacity",
            "binary_parameters",
            "disable_prepared_binary_result",
            "uselibpqcompat",
            "max",
            "min",
            "prepare",
            "fetch_types",
            "max_lifetime",
            "idletimeoutmillis",
            "connectiontimeoutmillis",
            "pool_mode",
            "workaround",
            "endpoint",
        ],
    ),
    (
        "JDBC",
        &[
            "applicationname",
            "currentschema",
            "preparethreshold",
            "preparedstatementcachequeries",
            "preparedstatementcachesizemib",
            "prefer_query_mode",
            "preferquerymode",
            "sockettimeout",
            "tcpkeepalive",
            "rewritebatchedinserts",
            "stringtype",
            "defaultrowfetchsize",
            "binarytransfer",
            "binarytransferenable",
            "binarytransferdisable",
            "sslfactory",
            "sslhostnameverifier",
            "autosave",
            "readonly",
            "readonlymode",
            "loadbalancehosts",
            "hostrecheckseconds",
            "assumeminserverversion",
            "allowencodingchanges",
            "cancelsignaltimeout",
            "logunclosedconnections",
            "loggerlevel",
            "logservererrordetail",
            "disablecolumnsanitiser",
            "unknownlength",
            "cleanupsavepoints",
            "maxresultbuffer",
            "adaptivefetch",
            "escapesyntaxcallmode",
            "quotereturningidentifiers",
            "databasemetadatacachefields",
            "reconnect",
            "autoreconnect",
            "useunicode",
            "characterencoding",
        ],
    ),
    (
        "settings of the server",
        &[
            "search_path",
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "transaction_timeout",
            "timezone",
            "datestyle",
            "intervalstyle",
            "extra_float_digits",
            "default_transaction_read_only",
            "default_transaction_isolation",
            "standard_conforming_strings",
            "work_mem",
            "jit",
            "role",
        ],
    ),
];

/// A key of libpq by its exact name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whose key it is, if some other tool's.
pub(super) fn foreign(name: &str) -> Option<&'static str> {
    FOREIGN
        .iter()
        .find_map(|(owner, keys)| keys.iter().any(|key| key.eq_ignore_ascii_case(name)).then_some(*owner))
}

/// What another tool's key is called in libpq, and its value there.
pub(super) fn translate(name: &str, value: &str) -> Option<(&'static str, String)> {
    let lower = name.to_ascii_lowercase();
    let plain = |key| Some((key, value.to_owned()));
    match lower.as_str() {
        "ssl" => Some(("sslmode", ssl_switch(value).to_owned())),
        "username" => plain("user"),
        "database" => plain("dbname"),
        "sslmode" if name != "sslmode" => plain("sslmode"),
        "connecttimeout" | "logintimeout" => plain("connect_timeout"),
        "sslnegotiation" if name != "sslnegotiation" => plain("sslnegotiation"),
        "gssencmode" if name != "gssencmode" => plain("gssencmode"),
        "channelbinding" => plain("channel_binding"),
        "targetservertype" => Some(("target_session_attrs", server_type(value).to_owned())),
        _ => None,
    }
}

/// `ssl=true` of JDBC and asyncpg means what libpq makes of it: `sslmode=require`. Node's `no-verify` is the same.
fn ssl_switch(value: &str) -> &str {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" | "" | "no-verify" => "require",
        "false" | "0" | "off" | "no" => "disable",
        _ => value,
    }
}

/// JDBC's `targetServerType` in libpq's words.
fn server_type(value: &str) -> &'static str {
    match value.to_ascii_lowercase().as_str() {
        "primary" | "master" => "primary",
        "secondary" | "slave" => "standby",
        "prefersecondary" | "preferslave" => "prefer-standby",
        _ => "any",
    }
}

/// The valid key that is nearest to a mistyped one, where one is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase();
    KEYS.iter()
        .map(|key| (distance(&wanted, key.name), key.name))
        .min()
        .filter(|(steps, _)| *steps <= 1 + wanted.len() / 3)
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace) that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, to) in row.iter_mut().skip(1).zip(&b) {
            let above = *slot;
            let best = (diagonal + usize::from(from != *to)).min(above + 1).min(left + 1);
            diagonal = above;
            left = best;
            *slot = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, edits) in
            [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("host", "hots", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn no_foreign_key_hides_one_of_libpq() {
        for (_, keys) in FOREIGN {
            for key in *keys {
                assert!(find(key).is_none(), "{key} is a key of libpq");
            }
        }
    }
}
