//! What a person reads when it does not work: what, where, the server's own words, what to try.

use std::time::Duration;

use pooltop::connect::{Conninfo, Console, Environment, Purpose, open};
use pooltop::model::target::TargetError;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::{connect, info};
use crate::support::{Auth, PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, free_port};

/// One expected failure: code, part of the message, part of the hint.
struct Expected {
    code: Option<&'static str>,
    message: &'static str,
    hint: &'static str,
    authentication: bool,
}

fn check(dsn: &str, error: &TargetError, expected: &Expected) {
    assert_eq!(error.code.as_deref(), expected.code, "{dsn}: {error:?}");
    assert_eq!(error.refused, expected.code.is_some(), "{dsn}: {error:?}");
    assert_eq!(error.authentication, expected.authentication, "{dsn}: {error:?}");
    assert!(error.message.contains(expected.message), "{dsn}: {error:?}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains(expected.hint)), "{dsn}: {error:?}");
    assert!(!error.message.contains("wr0ng"), "{dsn}: {error:?}");
}

#[tokio::test]
async fn a_server_that_says_no_is_quoted() {
    let server = Postgres::start(&PostgresOptions { auth: Auth::Scram, ..PostgresOptions::default() });
    server.execute("CREATE ROLE app LOGIN PASSWORD 's3cret' CONNECTION LIMIT 0; CREATE ROLE nologin").await;
    server.execute("ALTER ROLE postgres PASSWORD 's3cret'").await;
    let url = |user: &str, password: &str, database: &str| {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", server.port)
    };
    let socket = format!("host={} port={}", server.socket_directory().display(), server.port);
    for (dsn, code, message, hint, authentication) in [
        (
            url("postgres", "wr0ng", "postgres"),
            "28P01",
            "password authentication failed for user \"postgres\"",
            "~/.pgpass",
            true,
        ),
        (
            url("postgres", "s3cret", "nope"),
            "3D000",
            "database \"nope\" does not exist",
            "any database",
            false,
        ),
        (
            url("app", "s3cret", "postgres"),
            "53300",
            "too many connections for role \"app\"",
            "CONNECTION LIMIT",
            false,
        ),
        (
            format!("{socket} user=nologin dbname=postgres"),
            "28000",
            "not permitted to log in",
            "ALTER ROLE",
            true,
        ),
        (
            format!("{socket} user=nobody dbname=postgres"),
            "28000",
            "role \"nobody\" does not exist",
            "PGUSER",
            true,
        ),
    ] {
        let error = connect(&dsn).await.expect_err(&dsn);
        check(&dsn, &error, &Expected { code: Some(code), message, hint, authentication });
    }
    let none = connect(&format!("postgres://postgres@127.0.0.1:{}", server.port)).await.unwrap_err();
    assert!(none.authentication && none.refused && none.message.contains("wants a password"), "{none:?}");
}

#[tokio::test]
async fn a_full_server_is_told_with_its_own_reason() {
    let server = Postgres::start(&PostgresOptions { max_connections: 5, ..PostgresOptions::default() });
    server.execute("CREATE ROLE app LOGIN").await;
    let app = || server.hold_as(server.config("app", "postgres"), "app", "SELECT 1");
    let _held = (app().await, app().await);
    let reserved = connect(&server.url("app", "postgres")).await.unwrap_err();
    assert_eq!(reserved.code.as_deref(), Some("53300"));
    assert!(reserved.refused && reserved.message.contains("reserved"), "{reserved:?}");
    assert!(reserved.hint.as_ref().unwrap().contains("reserved slots"), "{reserved:?}");
    let _superusers = [
        server.hold("s", "SELECT 1").await,
        server.hold("s", "SELECT 1").await,
        server.hold("s", "SELECT 1").await,
    ];
    let full = connect(&server.url("postgres", "postgres")).await.unwrap_err();
    assert!(full.message.contains("sorry, too many clients already"), "{full:?}");
    assert!(full.hint.as_ref().unwrap().contains("tries again"), "{full:?}");
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_no() {
    let port = free_port();
    for (dsn, message, hint) in [
        (format!("host=127.0.0.1 port={port}"), "Connection refused", "listen_addresses"),
        ("host=/nowhere".to_owned(), "No such file", "unix_socket_directories"),
        ("host=no-such-host.invalid connect_timeout=5".to_owned(), "no-such-host.invalid:5432", "check"),
        (format!("host=127.0.0.1,127.0.0.1 port={port}"), "2 addresses", "listen_addresses"),
    ] {
        let error = connect(&dsn).await.expect_err(&dsn);
        check(&dsn, &error, &Expected { code: None, message, hint, authentication: false });
    }
}

/// A server that sends `greeting` and then says nothing; its port.
async fn fake(greeting: &'static [u8], hang_up: bool) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut guests = Vec::new();
        while let Ok((mut guest, _)) = listener.accept().await {
            let _ = guest.write_all(greeting).await;
            if hang_up {
                let _ = guest.shutdown().await;
            }
            guests.push(guest);
        }
    });
    port
}

#[tokio::test]
async fn whatever_else_listens_there_gives_a_clear_error_in_time() {
    for (greeting, hang_up, message) in [
        (&b""[..], false, "in time"),
        (b"", true, ""),
        (b"N", false, "did not answer the login in time"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", false, ""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", true, ""),
        (b"NR\0\0\0\x03", false, ""),
        (b"NR\x7f\xff\xff\xff\0", false, "in time"),
        (b"NE\0\0\0\x19SERROR\0C08P01\0Mcaf\xe9\0\0", true, "caf?"),
        (&[0xff; 4096], false, ""),
    ] {
        let port = fake(greeting, hang_up).await;
        let limited = info(&format!("host=127.0.0.1 port={port}"));
        let limited = limited.with_connect_timeout(Duration::from_millis(300));
        for error in [open(&limited, Purpose::Probe).await.err(), Console::open(&limited).await.err()] {
            let error = error.unwrap_or_else(|| panic!("{greeting:?}"));
            assert!(error.message.contains(&format!("127.0.0.1:{port}/postgres: ")), "{error:?}");
            assert!(
                error.message.contains(message) || error.message.contains("impossibly long"),
                "{error:?}"
            );
            assert!(!error.authentication, "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_session_says_why() {
    let server = Postgres::shared();
    let connection = connect(&server.url("postgres", "postgres")).await.unwrap();
    assert!(!connection.is_closed());
    server.execute(&format!("SELECT pg_terminate_backend({})", connection.backend().pid)).await;
    let reason = connection.closed().await;
    assert_eq!(reason.code.as_deref(), Some("57P01"), "{reason:?}");
    assert!(connection.is_closed());
    let error = connection.rows("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error, reason, "later statements say the same");
}

#[tokio::test]
async fn a_refused_statement_leaves_the_session_usable() {
    let server = Postgres::shared();
    for dsn in [server.url("postgres", "postgres"), server.url("postgres", "postgres") + "?pgbouncer=true"] {
        let connection = connect(&dsn).await.unwrap();
        let error = connection.rows("SELECT pg_sleep(60)", &[]).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("57014"), "{error:?}");
        assert!(error.hint.as_ref().unwrap().contains("too busy"), "{error:?}");
        let error = connection.rows("SELECT nonsense", &[]).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("42703"), "{error:?}");
        assert_eq!(connection.rows("SELECT 1", &[]).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn texts_in_other_encodings_are_never_fatal() {
    let server = Postgres::shared();
    server.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'").await;
    server.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'").await;
    for database in ["raw", "latin"] {
        let connection = connect(&server.url("postgres", database)).await.unwrap();
        let sql = "SELECT convert_from('\\x636166e9'::bytea, getdatabaseencoding()) AS word";
        let rows = connection.rows(sql, &[]).await.unwrap();
        let word = pooltop::connect::RowExt::text(&rows[0], "word").unwrap();
        assert_eq!(word.as_str(), "caf\\xe9", "{database}");
        let refusal = "SELECT convert_from('\\x636166e9'::bytea, getdatabaseencoding())::int";
        let error = connection.rows(refusal, &[]).await.unwrap_err();
        assert!(error.message.contains("\"caf?\""), "{database}: {error}");
        assert!(!connection.is_closed());
    }
}

#[tokio::test]
async fn the_words_of_a_pooler_are_understood() {
    let server = Postgres::shared();
    let options = PgBouncerOptions {
        pool_size: 1,
        lines: vec!["query_wait_timeout = 1".to_owned(), "max_client_conn = 2".to_owned()],
        ..PgBouncerOptions::default()
    };
    let Some(pooler) = PgBouncer::start(server, &options) else { return };
    let holder = pooler.client("postgres", "postgres").await;
    holder.batch_execute("BEGIN").await.unwrap();
    let url = pooler.url("postgres", "postgres");
    let waiting = connect(&url).await.unwrap_err();
    assert!(waiting.message.contains("query_wait_timeout"), "{waiting:?}");
    assert!(waiting.hint.as_ref().unwrap().contains("the server itself"), "{waiting:?}");
    let _second = pooler.client("postgres", "postgres").await;
    let full = connect(&url).await.unwrap_err();
    assert_eq!(full.code.as_deref(), Some("08P01"));
    assert!(full.hint.as_ref().unwrap().contains("pgbouncer://"), "{full:?}");
    let console = connect(&pooler.url("admin", "pgbouncer")).await.unwrap_err();
    assert!(console.message.contains("a pooler's console"), "{console:?}");
}

#[tokio::test]
async fn passwords_come_from_a_command_or_a_file_read_at_every_connect() {
    let server = Postgres::start(&PostgresOptions { auth: Auth::Scram, ..PostgresOptions::default() });
    server.execute("CREATE ROLE app LOGIN PASSWORD 's3cret'").await;
    let home = tempfile::tempdir().unwrap();
    let environment = Environment::empty().with_home(home.path());
    let dsn = format!("host=127.0.0.1 port={} user=app dbname=postgres", server.port);
    let resolved = Conninfo::resolve(&dsn, &environment).unwrap().0;
    let attempt = async |info: &Conninfo| open(info, Purpose::Probe).await;

    let passfile = home.path().join(".pgpass");
    std::fs::write(&passfile, format!("127.0.0.1:{}:*:app:s3cret\n", server.port)).unwrap();
    set_mode(&passfile, 0o644);
    let open_file = attempt(&resolved).await.unwrap_err();
    assert!(open_file.hint.as_ref().unwrap().contains("0644"), "{open_file:?}");
    set_mode(&passfile, 0o600);
    assert!(attempt(&resolved).await.is_ok(), "the passfile is read again");

    let word = home.path().join("word");
    let script = format!("cat {}; echo oops from the vault >&2; test -s {}", word.display(), word.display());
    let command = ["sh".to_owned(), "-c".to_owned(), script];
    let commanded = resolved.clone().with_password_command(command.to_vec());
    let failed = attempt(&commanded).await.unwrap_err();
    assert!(failed.message.contains("oops from the vault"), "{failed:?}");
    std::fs::write(&word, "wr0ng\n").unwrap();
    let wrong = attempt(&commanded).await.unwrap_err();
    assert!(wrong.authentication && !wrong.message.contains("wr0ng"), "{wrong:?}");
    std::fs::write(&word, "s3cret\nanother line\n").unwrap();
    assert!(attempt(&commanded).await.is_ok(), "the command is run again");
    let typed = commanded.with_password("wr0ng".to_owned().into());
    assert!(attempt(&typed).await.unwrap_err().authentication, "a typed password goes before the command");
    let missing = resolved.with_password_command(vec!["/no/such/program".to_owned()]);
    assert!(attempt(&missing).await.unwrap_err().message.contains("/no/such/program"));
}

fn set_mode(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_frozen_server_is_left_within_the_connect_timeout() {
    let server = Postgres::start(&PostgresOptions::default());
    server.freeze();
    let limited = info(&server.url("postgres", "postgres")).with_connect_timeout(Duration::from_millis(300));
    let error = open(&limited, Purpose::Sampling).await.unwrap_err();
    server.thaw();
    assert!(error.message.contains("in time") && !error.refused, "{error:?}");
}
