//! What to try, by what was said.

use std::io::{self, ErrorKind};

const HUNG_UP: &str =
    "a restart, a firewall or a load balancer; right after connecting: is it a PostgreSQL port?";
const NOT_POSTGRESQL: &str = "what answers does not speak PostgreSQL's protocol: check the port";

/// A hint for a server's or pooler's answer, by SQLSTATE and a part of its text; the first that fits.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "53300",
        "reserved",
        "only reserved slots are left: connect as a role that may use them (pg_use_reserved_connections, superuser)",
    ),
    ("53300", "for role", "raise the role's CONNECTION LIMIT or connect as another role"),
    (
        "53300",
        "for database",
        "raise the database's CONNECTION LIMIT or connect to another database, such as postgres",
    ),
    (
        "53300",
        "Sorry, too many clients",
        "every process of pgpool-II has a client: raise num_init_children there",
    ),
    ("53300", "", "no slot is free, logins in progress count too: keep pooltop open, it tries again"),
    ("28P01", "", "check the password: DSN, PGPASSWORD, password_command or ~/.pgpass (mode 0600)"),
    ("28000", "no encryption", "pg_hba.conf wants TLS here: add sslmode=require"),
    ("28000", "pg_hba.conf", "pg_hba.conf has no line for this role, database, address and encryption"),
    ("28000", "does not exist", "check the role's name: user=… or PGUSER"),
    ("28000", "is not permitted to log in", "ALTER ROLE … LOGIN, or connect as another role"),
    ("28000", "certificate", "give a client certificate: sslcert=… sslkey=…"),
    ("28000", "", "check user, password and pg_hba.conf"),
    (
        "3D000",
        "\"pgbouncer\"",
        "that is a PostgreSQL server, not a pooler's console: reach it by postgres://",
    ),
    (
        "3D000",
        "",
        "check the database's name; pooltop can watch the whole server from any database, such as postgres",
    ),
    ("42501", "", "GRANT pg_monitor to the role"),
    ("57014", "statement timeout", "the server was too busy to answer within pooltop's own limit"),
    ("57P03", "", "the server is starting, stopping or recovering: it is tried again"),
    ("57P01", "", "an administrator ended the session: it is opened again"),
    ("57P05", "", "the session was idle for too long: it is opened again"),
    ("25P02", "", "an earlier statement of the same transaction failed"),
    (
        "08P01",
        "max_client_conn",
        "the pooler takes no more clients: its console still answers (pgbouncer://…)",
    ),
    (
        "08P01",
        "client connections exceeded",
        "the pooler's limit per database or user is reached; its console still answers (pgbouncer://…)",
    ),
    (
        "08P01",
        "query_wait_timeout",
        "every server connection of the pooler is busy: connect to the server itself",
    ),
    (
        "08P01",
        "server_login_retry",
        "the pooler cannot log in to its server: look at its console (SHOW POOLS, SHOW SERVERS) and at the server's log",
    ),
    ("08P01", "cannot connect to server", "the pooler cannot reach its server: look at the pooler's log"),
    (
        "08P01",
        "statement pooling",
        "the pooler's pool_mode is statement, which allows no limits of ours: connect to the server itself",
    ),
    ("08P01", "no such database", "the pooler has no such database: see SHOW DATABASES on its console"),
    ("08P01", "no such user", "the pooler does not know the user: auth_file or auth_query"),
    ("08P01", "auth", "the pooler refused the login: check user, password and its auth_file"),
    (
        "08P01",
        "unsupported startup parameter",
        "connect to the server itself, or add the parameter to ignore_startup_parameters",
    ),
    ("08P01", "extended query protocol not supported", "this is a pooler's console: write pgbouncer://…"),
    ("08P01", "use SHOW HELP", "this is a pooler's console: write pgbouncer://…"),
    ("08P01", "not allowed", "the console needs a user of admin_users or stats_users"),
    ("08P01", "admin access needed", "the console needs a user of admin_users for this"),
    (
        "08P01",
        "is disabled",
        "an administrator disabled the database in the pooler: ENABLE it on its console",
    ),
    ("08P01", "too many clients already", "the server behind the pooler is full"),
    ("08P01", "remaining connection slots", "the server behind the pooler is full"),
    (
        "XX000",
        "EMAXCONN",
        "Supavisor's own limit is reached; it has no console, its numbers are at its Prometheus endpoint, /metrics",
    ),
    (
        "XX000",
        "max clients reached",
        "Supavisor's own limit is reached; it has no console, its numbers are at its Prometheus endpoint, /metrics",
    ),
    (
        "XX000",
        "enant",
        "that is Supavisor, which wants user.project as the user and has no console: its numbers are at /metrics",
    ),
    ("58000", "could not get connection from the pool", "every server connection of the pooler is busy"),
];

/// What to try after a server's answer.
pub(super) fn for_answer(code: &str, message: &str) -> Option<&'static str> {
    ANSWERS.iter().find(|(state, part, _)| *state == code && message.contains(part)).map(|(_, _, hint)| *hint)
}

/// A system error in words, and what to try.
pub(super) fn for_system(error: &io::Error) -> (String, Option<&'static str>) {
    let full = error.to_string();
    let text = match error.kind() {
        ErrorKind::UnexpectedEof => "the other end closed the connection",
        _ => full.split(" (os error").next().unwrap_or_default(),
    };
    (text.to_owned(), for_tls(text).or_else(|| for_kind(error.kind(), text)))
}

fn for_kind(kind: ErrorKind, text: &str) -> Option<&'static str> {
    Some(match kind {
        _ if text.contains("lookup address") || text.contains("no address") => {
            "check the host's name and this machine's DNS"
        }
        ErrorKind::ConnectionRefused => "nothing listens there: check host, port and listen_addresses",
        ErrorKind::TimedOut => "the network drops packets: check firewall, VPN and the address",
        ErrorKind::NotFound => {
            "no server has its socket there: check unix_socket_directories and the port, or give a host"
        }
        ErrorKind::PermissionDenied => "the socket's permissions do not admit this user",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no route: check the VPN and the address"
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            "the other end closed the connection: a server that restarts, a firewall or a load balancer"
        }
        ErrorKind::UnexpectedEof => HUNG_UP,
        ErrorKind::InvalidData | ErrorKind::InvalidInput => NOT_POSTGRESQL,
        _ => return None,
    })
}

/// What to try after a failure that the driver describes in its own words.
pub(super) fn for_driver(words: &str) -> Option<&'static str> {
    [
        (
            "password missing",
            "give one by PGPASSWORD, ~/.pgpass or password_command; the dashboard asks for it",
        ),
        ("channel binding", "the server offers no channel binding: use channel_binding=prefer"),
        (
            "unsupported authentication",
            "pooltop speaks SCRAM, md5, password and certificates, not GSSAPI or SSPI",
        ),
        ("unexpected message", NOT_POSTGRESQL),
        ("parsing response", NOT_POSTGRESQL),
        ("connection closed", HUNG_UP),
    ]
    .iter()
    .find(|(part, _)| words.contains(part))
    .map(|(_, hint)| *hint)
}

/// What to try after a failed handshake.
pub(super) fn for_tls(words: &str) -> Option<&'static str> {
    [
        (
            "UnsupportedCertVersion",
            "the server's certificate is X.509 v1: issue it again as v3 with subjectAltName, or use sslmode=require",
        ),
        (
            "not valid for any names",
            "the certificate has no subjectAltName (a common name is not enough): issue it again, or use sslmode=verify-ca",
        ),
        ("not valid for name", "the certificate is for another name: connect by its name, or use sslmode=verify-ca"),
        ("UnknownIssuer", "no trusted authority signed the certificate: give sslrootcert=FILE or sslrootcert=system"),
        ("CaUsedAsEndEntity", "the server shows an authority's certificate as its own: use sslmode=require, or issue one"),
        ("certificate expired", "renew the server's certificate, or use sslmode=require"),
        ("not valid yet", "the server's certificate is not valid yet: check the clocks"),
        ("Revoked", "the server's certificate was revoked"),
        ("BadSignature", "the certificate's signature is wrong: check sslrootcert"),
        ("CertificateRequired", "the server wants a client certificate: sslcert=… sslkey=…"),
        ("UnknownCA", "the server does not trust the client certificate's authority"),
        ("certificate unknown", "the server does not accept the client certificate"),
        ("HandshakeFailure", "the server wants other TLS versions or ciphers (TLS 1.2 and 1.3 are spoken)"),
        ("ProtocolVersion", "the server wants other TLS versions (TLS 1.2 and 1.3 are spoken)"),
        ("SSLRequest", NOT_POSTGRESQL),
    ]
    .iter()
    .find(|(part, _)| words.contains(part))
    .map(|(_, hint)| *hint)
}
