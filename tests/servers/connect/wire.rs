//! How a connection runs, and that nothing of ours stays behind on the way.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use pooltop::connect::{Purpose, RowExt as _, open};
use pooltop::model::target::Wire;
use tokio::net::{TcpListener, TcpStream};

use super::{connect, info, setting};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, installations, wait_until};

/// A relay to a server, as address translation or a load balancer would be: its own port towards the server.
async fn relay(server: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut guest, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut host = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut guest, &mut host).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn only_what_is_proven_is_direct() {
    let server = Postgres::shared();
    let unix = format!("host={} port={} dbname=postgres", server.socket_directory().display(), server.port);
    let relayed = format!("postgres://postgres@127.0.0.1:{}/postgres", relay(server.port).await);
    let mut cases = vec![
        (server.url("postgres", "postgres"), Wire::Direct),
        (format!("postgres://postgres@localhost:{}/postgres", server.port), Wire::Direct),
        (unix, Wire::Direct),
        (server.url("postgres", "postgres") + "?pgbouncer=true", Wire::Pooled),
        (relayed, Wire::Unproven),
    ];
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let socket = directory.path().display();
    let options =
        PgBouncerOptions { lines: vec![format!("unix_socket_dir = {socket}")], ..Default::default() };
    let behind_socket = PgBouncer::start(server, &options);
    cases.extend(behind_socket.iter().map(|pooler| {
        (format!("host={socket} port={} user=postgres dbname=postgres", pooler.port), Wire::Pooled)
    }));
    let poolers: Vec<PgBouncer> = ["transaction", "session"]
        .iter()
        .filter_map(|pool_mode| {
            PgBouncer::start(server, &PgBouncerOptions { pool_mode, ..PgBouncerOptions::default() })
        })
        .collect();
    cases.extend(poolers.iter().map(|pooler| (pooler.url("postgres", "postgres"), Wire::Pooled)));
    for (dsn, wire) in cases {
        let connection = connect(&dsn).await.unwrap();
        assert_eq!(connection.wire(), wire, "{dsn}");
        assert_eq!(setting(&connection, "statement_timeout").await, "2s", "{dsn}");
        let outside =
            connection.rows("SELECT current_setting('transaction_read_only') AS value", &[]).await.unwrap();
        let read_only = if wire == Wire::Direct { "off" } else { "on" };
        assert_eq!(outside[0].text("value").unwrap().as_str(), read_only, "{dsn}");
    }
}

#[tokio::test]
async fn every_version_is_reached_and_carries_the_limits_it_knows() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        for (purpose, idle) in [(Purpose::Sampling, "10min"), (Purpose::Operations, "12h")] {
            let info = info(&server.url("postgres", "postgres"));
            let connection = open(&info, purpose).await.unwrap();
            assert_eq!(connection.version_num() / 10_000, installation.major);
            assert!(connection.version().starts_with(&installation.major.to_string()));
            assert_eq!(setting(&connection, "tcp_keepalives_idle").await, "30");
            if installation.major >= 14 {
                assert_eq!(setting(&connection, "idle_session_timeout").await, idle);
            }
        }
    }
}

#[tokio::test]
async fn the_next_client_of_a_transaction_pool_keeps_its_own_settings() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN; ALTER ROLE app SET statement_timeout = '7s'; ALTER ROLE app SET lock_timeout = '5s'").await;
    let options = PgBouncerOptions { pool_size: 1, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(&server, &options) else { return };
    let next = pooler.client("app", "postgres").await;
    next.batch_execute("SET client_encoding = 'LATIN1'").await.unwrap();
    let ours = connect(&pooler.url("app", "postgres")).await.unwrap();
    for round in 0..3 {
        assert_eq!(setting(&ours, "statement_timeout").await, "2s");
        let failed = ours.rows("SELECT 1/0", &[]).await.unwrap_err();
        assert_eq!(failed.code.as_deref(), Some("22012"));
        for (name, value) in [
            ("statement_timeout", "7s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "0"),
            ("client_encoding", "LATIN1"),
            ("transaction_read_only", "off"),
            ("application_name", ""),
        ] {
            let rows = next.query_typed(&format!("SELECT current_setting('{name}')"), &[]).await.unwrap();
            assert_eq!(rows[0].get::<_, String>(0), value, "{name} in round {round}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_is_given_up_leaves_no_transaction_and_a_usable_session() {
    let server = Postgres::start(&PostgresOptions::default());
    let connection = connect(&(server.url("postgres", "postgres") + "?pgbouncer=true")).await.unwrap();
    for _ in 0..3 {
        assert!(connection.rows("SELECT pg_sleep(0.05)", &[]).now_or_never().is_none(), "given up at once");
    }
    let several = (0..10).map(|number| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let rows = connection.rows(&format!("SELECT {number} AS number"), &[]).await.unwrap();
            rows[0].value::<i32>("number").unwrap()
        })
    });
    let answers: Vec<i32> =
        futures_util::future::join_all(several).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (0..10).collect::<Vec<_>>(), "several users of one session do not mix");
    let observer = connect(&server.url("postgres", "postgres")).await.unwrap();
    let pid = connection.backend().pid;
    let sql = format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}");
    let state = observer.rows(&sql, &[]).await.unwrap()[0].text("state").unwrap();
    assert_eq!(state.as_str(), "idle");
}

#[tokio::test]
async fn the_last_clone_ends_the_session() {
    let server = Postgres::start(&PostgresOptions::default());
    let first = connect(&server.url("postgres", "postgres")).await.unwrap();
    let second = first.clone();
    let sessions = async || {
        let rows = server.client().await;
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooltop'";
        rows.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    drop(first);
    assert_eq!(sessions().await, 1);
    drop(second);
    wait_until("the session ends", async || sessions().await == 0).await;
}

#[tokio::test]
async fn the_wanted_kind_of_server_is_found_among_several() {
    let primary = Postgres::start(&PostgresOptions::default());
    let guarded =
        PostgresOptions { conf: vec!["default_transaction_read_only = on".to_owned()], ..Default::default() };
    let guarded = Postgres::start(&guarded);
    let standby = Postgres::start(&PostgresOptions::default());
    standby.stop("INT");
    standby.write_file("standby.signal", "");
    standby.start_again();
    let dead = crate::support::free_port();
    let servers = [dead, standby.port, guarded.port, primary.port];
    let ports = servers.map(|port| port.to_string()).join(",");
    let dsn = |wanted: &str| {
        format!(
            "host=127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1 port={ports} dbname=postgres target_session_attrs={wanted}"
        )
    };
    for (wanted, found) in [
        ("any", standby.port),
        ("read-write", primary.port),
        ("read-only", standby.port),
        ("primary", guarded.port),
        ("standby", standby.port),
        ("prefer-standby", standby.port),
    ] {
        let connection = connect(&dsn(wanted)).await.unwrap_or_else(|error| panic!("{wanted}: {error}"));
        assert!(connection.endpoint().contains(&format!(":{found}/")), "{wanted}: {}", connection.endpoint());
        assert_eq!(connection.identity().in_recovery, found == standby.port, "{wanted}");
    }
    let only_primary =
        |wanted: &str| format!("{}?target_session_attrs={wanted}", primary.url("postgres", "postgres"));
    assert!(connect(&only_primary("prefer-standby")).await.is_ok(), "a primary is better than nothing");
    let wrong = connect(&only_primary("prefer-standby").replace("/postgres?", "/nope?")).await.unwrap_err();
    assert_eq!(wrong.code.as_deref(), Some("3D000"));
    let refusals = primary.log().matches("database \"nope\" does not exist").count();
    assert_eq!(refusals, 1, "a final answer ends the search, also for the second choice");
    let none = connect(&only_primary("standby")).await.unwrap_err();
    assert!(none.message.contains("target_session_attrs=standby"), "{none:?}");
}

#[tokio::test]
async fn a_host_that_says_no_ends_the_search_and_one_that_is_silent_does_not_eat_the_time() {
    let server = Postgres::shared();
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let silent = silent.local_addr().map(|address| (silent, address.port())).unwrap();
    let dsn = format!("host=127.0.0.1,127.0.0.1 port={},{} dbname=postgres", silent.1, server.port);
    let limited = info(&dsn).with_connect_timeout(Duration::from_secs(4));
    assert!(open(&limited, Purpose::Sampling).await.is_ok(), "the second host has its share of the time");
    let refusing = format!("host=127.0.0.1,127.0.0.1 port={},{} dbname=nope", server.port, silent.1);
    let error = connect(&refusing).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("3D000"), "as in libpq: {error:?}");
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "what is skipped says so loudly")]
async fn tls_from_the_first_byte_where_the_server_knows_it() {
    let Some(newest) = installations().iter().find(|one| one.major >= 17) else {
        eprintln!("SKIPPED: sslnegotiation=direct needs PostgreSQL 17");
        return;
    };
    let server =
        Postgres::start(&PostgresOptions { version: Some(newest.major), ..PostgresOptions::default() });
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    server.write_file("server.crt", &key.cert.pem());
    server.write_file("server.key", &key.signing_key.serialize_pem());
    server.execute("ALTER SYSTEM SET ssl = on").await;
    server.restart("INT");
    let dsn = server.url("postgres", "postgres") + "?sslmode=require&sslnegotiation=direct";
    assert!(connect(&dsn).await.unwrap().is_encrypted());
}
