//! A real PgBouncer's console in every pool mode, as every kind of user, over every kind of connection.

use std::os::unix::fs::PermissionsExt as _;

use pooltop::model::backend::Client;
use pooltop::model::pooler::{ClientState, ConsoleRight, PoolerSample};
use pooltop::model::sample::Sample;
use pooltop::source::pgbouncer::PgbouncerOpener;
use pooltop::source::probe::Health;

use super::{Reader, conninfo};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions};

/// Reads until the sample is as wanted.
async fn until(reader: &mut Reader, what: &str, wanted: impl Fn(&PoolerSample) -> bool) -> Sample {
    for _ in 0..3000 {
        let sample = reader.sample().await;
        if sample.pooler().is_some_and(&wanted) {
            return sample;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited in vain: {what}");
}

fn count(sample: &PoolerSample, state: ClientState) -> usize {
    let clients = &sample.sockets.known().unwrap().clients;
    clients.iter().filter(|client| client.state == state).count()
}

#[tokio::test]
async fn who_is_served_by_which_backend_and_who_waits_is_seen_in_every_pool_mode() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN").await;
    for (pool_mode, user, right) in [
        ("session", "admin", ConsoleRight::Admin),
        ("transaction", "stats", ConsoleRight::Stats),
        ("statement", "stats", ConsoleRight::Stats),
    ] {
        let options = PgBouncerOptions {
            pool_mode,
            pool_size: 1,
            lines: vec!["reserve_pool_size = 0\nquery_wait_timeout = 90".to_owned()],
            ..PgBouncerOptions::default()
        };
        let Some(pooler) = PgBouncer::start(&server, &options) else { return };
        let busy = pooler.client("app", "postgres").await;
        let queued = pooler.client("app", "postgres").await;
        let sleep = format!("SELECT pg_sleep(600), '{pool_mode}'");
        let working = tokio::spawn(async move { busy.batch_execute(&sleep).await });
        let mut reader = Reader::console(&pooler.console_url(user)).await;
        let first = reader.sample().await;
        assert!(
            first.overhead.statements_per_sample >= 8.0,
            "bounds and settings come with the first sample"
        );
        until(&mut reader, "one works", |sample| count(sample, ClientState::Active) == 1).await;
        let waiting = tokio::spawn(async move { queued.batch_execute("SELECT 1").await });
        let sample = until(&mut reader, "one waits", |sample| {
            let clients = &sample.sockets.known().unwrap().clients;
            clients.iter().any(|client| client.wait_us.is_some())
        })
        .await;
        assert_eq!(sample.overhead.statements_per_sample.to_bits(), 3f64.to_bits());
        let truth =
            format!("SELECT pid, client_port FROM pg_stat_activity WHERE query LIKE '%, ''{pool_mode}''%'");
        let truth = server.client().await.query_one(&truth, &[]).await.unwrap();
        check(sample.pooler().unwrap(), (truth.get(0), truth.get(1)), right);
        waiting.abort();
        working.abort();
    }
}

fn check(sample: &PoolerSample, (pid, client_port): (i32, i32), right: ConsoleRight) {
    assert!(sample.missing.is_empty(), "{:?}", sample.missing);
    let sockets = sample.sockets.known().unwrap();
    assert!(sockets.linked);
    assert_eq!((sockets.consoles, sockets.clients.len(), sockets.servers.len()), (1, 2, 1), "{sockets:?}");
    let waits = sockets.clients.iter().find(|client| client.state == ClientState::Waiting).unwrap();
    assert!(waits.wait_us.unwrap() < 60_000_000 && waits.server.is_none(), "{waits:?}");
    let works = sockets.clients.iter().find(|client| client.state == ClientState::Active).unwrap();
    assert_eq!((works.wait_us, works.server), (None, Some(0)), "the age of a query is no wait");
    assert!(works.age_s.is_some_and(|age| age < 60.0) && matches!(works.client, Client::Tcp { .. }));
    let serves = &sockets.servers[0];
    let place = usize::try_from(serves.client.unwrap()).unwrap();
    assert_eq!(sockets.clients[place], *works);
    assert_eq!(serves.pid, Some(pid));
    let Client::Tcp { addr, port } = &serves.local else { panic!("{serves:?}") };
    assert_eq!((&**addr, i32::from(*port)), ("127.0.0.1", client_port));
    let facts = sample.facts.known().unwrap();
    let [database] = &facts.databases[..] else { panic!("{facts:?}") };
    assert_eq!((&*database.name, database.pool_size, database.reserve), ("postgres", Some(1), Some(0)));
    assert_eq!((database.max_connections, database.paused), (None, false));
    assert_eq!((facts.config.max_client_conn, facts.config.query_wait_timeout_s), (Some(100), Some(90.0)));
    assert_eq!((facts.right, facts.used_clients), (right, Some(3)));
    assert!(facts.users.iter().any(|user| &*user.name == "app"));
    let totals = sample.totals.known().unwrap();
    assert_eq!(totals.iter().map(|row| &*row.database).collect::<Vec<_>>(), ["postgres"]);
    assert!(totals[0].wait_us.is_some() && totals[0].user.is_none());
}

#[tokio::test]
async fn a_console_is_read_over_tls_and_over_its_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let place = directory.path().display();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.path().join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(directory.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let lines = vec![format!(
        "unix_socket_dir = {place}\nclient_tls_sslmode = require\nclient_tls_key_file = {place}/tls.key\n\
         client_tls_cert_file = {place}/tls.crt"
    )];
    let options = PgBouncerOptions { lines, auth_type: "scram-sha-256", ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &options) else { return };
    let tls = format!("pgbouncer://stats:stats@127.0.0.1:{}?sslmode=require", pooler.port);
    let unix = format!("host={place} port={} user=admin password=admin dbname=pgbouncer", pooler.port);
    for (dsn, words, operations) in [(tls, ", TLS", Health::Limited), (unix, ", no TLS", Health::Good)] {
        let mut reader = Reader::console(&dsn).await;
        let sample = reader.pooler().await;
        assert_eq!(sample.sockets.known().unwrap().consoles, 1, "{dsn}");
        let checks = PgbouncerOpener::new("bouncer1".into(), conninfo(&dsn)).probe().await;
        assert!(checks[0].found.ends_with(words), "{checks:?}");
        let right = checks.iter().find(|check| &*check.what == "operations").unwrap();
        assert_eq!(right.health, operations, "{checks:?}");
    }
}

#[tokio::test]
async fn a_user_that_is_neither_admin_nor_listed_is_let_in_by_auth_type_any_to_look() {
    let options = PgBouncerOptions { auth_type: "any", ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &options) else { return };
    let mut reader = Reader::console(&pooler.console_url("nobody")).await;
    let sample = reader.pooler().await;
    assert_eq!(sample.facts.known().unwrap().right, ConsoleRight::Stats);
}
