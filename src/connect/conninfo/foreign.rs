//! Keys that are not libpq's: what other tools add to an address, and what some of them mean.

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

/// Whose key it is, if some other tool's.
pub(super) fn owner(name: &str) -> Option<&'static str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_foreign_key_hides_one_of_libpq() {
        for (_, keys) in FOREIGN {
            for key in *keys {
                assert!(super::super::keys::find(key).is_none(), "{key} is a key of libpq");
            }
        }
    }
}
