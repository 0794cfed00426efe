//! `pooltop snapshot`: every number is one that the server's own tables give, too.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tokio_postgres::Client;

use super::program::Home;
use crate::support::{Postgres, PostgresOptions};

/// Sessions of several pools in several states that stay as they are.
async fn populate(server: &Postgres) -> Vec<crate::support::Held> {
    let open = async |name: &str, sql: &str| server.hold(name, sql).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(open("api", "SELECT 'idle'").await);
    }
    held.push(open("api", "BEGIN; INSERT INTO written VALUES (1); LOCK TABLE written").await);
    held.push(open("worker", "BEGIN; SELECT 'reads'").await);
    let aborted = open("worker", "BEGIN").await;
    aborted.client.batch_execute("SELECT 1/0").await.unwrap_err();
    held.push(aborted);
    let busy = open("reports", "").await;
    drop(busy.send("SELECT pg_sleep(600)"));
    held.push(busy);
    let waits = open("waits", "").await;
    drop(waits.send("SELECT count(*) FROM written"));
    held.push(waits);
    held.push(server.hold_as(server.config("reader", "other"), "api", "SELECT 1").await);
    held
}

const SESSIONS: &str = "
    SELECT pid, coalesce(application_name, ''), usename::text, datname::text, state, wait_event_type, wait_event,
           extract(epoch FROM clock_timestamp() - state_change)::float8,
           extract(epoch FROM clock_timestamp() - xact_start)::float8,
           extract(epoch FROM clock_timestamp() - query_start)::float8,
           extract(epoch FROM clock_timestamp() - backend_start)::float8,
           backend_xid IS NOT NULL, host(client_addr), client_port, pg_blocking_pids(pid),
           to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), query
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> 'pooltop'
    ORDER BY pid";

#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_a_snapshot_is_the_servers_own() {
    let options = PostgresOptions { max_connections: 60, ..PostgresOptions::default() };
    let server = Postgres::start(&options);
    server.execute("CREATE DATABASE other CONNECTION LIMIT 40").await;
    server.execute("CREATE ROLE reader LOGIN CONNECTION LIMIT 30").await;
    server.execute("CREATE TABLE written (a int)").await;
    let _held = populate(&server).await;
    let client = server.client().await;
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    crate::support::wait_until("one waits for a lock", async || {
        client.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;

    let home = Home::new();
    let url = server.url("postgres", "postgres");
    let ran = home.run(&["snapshot", &url, "--for", "1s", "--interval", "200ms", "--redact", "none"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "pooltop.snapshot/1");
    check_backends(&document, &client).await;
    check_pools(&document);
    check_limits(&document, &client).await;
    let target = &document["targets"][0];
    assert_eq!((&target["state"], &target["kind"]), (&"live".into(), &"postgres".into()));
    let version: String = client.query_one("SHOW server_version", &[]).await.unwrap().get(0);
    assert_eq!(target["version"], version);
    assert_eq!(target["overhead"]["connections"], 1);
    assert!(document["samples"].as_u64().unwrap() >= 2, "{}", document["samples"]);
    assert!(document["window_s"].as_f64().unwrap() >= 1.0);
}

async fn check_backends(document: &Value, client: &Client) {
    let rows = client.query(SESSIONS, &[]).await.unwrap();
    // The eyes of the test are a client backend as well.
    let eyes: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let mut seen: Vec<&Value> = document["backends"].as_array().unwrap().iter().collect();
    seen.retain(|row| row["pid"] != eyes);
    seen.sort_by_key(|row| row["pid"].as_i64());
    assert_eq!(seen.len(), rows.len(), "{seen:#?}");
    for (shown, row) in seen.iter().zip(&rows) {
        let text = |place: usize| row.get::<_, Option<String>>(place).map_or(Value::Null, Value::from);
        assert_eq!(shown["pid"], row.get::<_, i32>(0));
        let names = ["application_name", "user", "database", "state", "wait_event_type", "wait_event"];
        for (place, name) in names.iter().enumerate() {
            assert_eq!(shown[name], text(place + 1), "{name} {shown:#}");
        }
        for (place, name) in
            ["state_age_s", "transaction_age_s", "query_age_s", "backend_age_s"].iter().enumerate()
        {
            // The server was asked later than pooltop asked it, by no more than the run of a test.
            let (before, now) = (shown[name].as_f64(), row.get::<_, Option<f64>>(place + 7));
            let close = before.zip(now).map_or(before.is_none() && now.is_none(), |(before, now)| {
                (-0.001..60.0).contains(&(now - before))
            });
            assert!(close, "{name}: {before:?} then {now:?}");
        }
        assert_eq!(shown["writes"], row.get::<_, bool>(11), "{shown:#}");
        assert_eq!(shown["client"], text(12));
        assert_eq!(shown["client_port"], row.get::<_, Option<i32>>(13).map_or(Value::Null, Value::from));
        assert_eq!(shown["blocked_by"], Value::from(row.get::<_, Vec<i32>>(14)), "{shown:#}");
        assert_eq!(shown["backend_start"], text(15));
        assert_eq!(shown["query"], text(16));
    }
}

/// The pools are what their members are.
fn check_pools(document: &Value) {
    let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for backend in document["backends"].as_array().unwrap() {
        of.entry(backend["pool"].as_str().unwrap()).or_default().push(backend["state"].as_str().unwrap());
    }
    let pools = document["pools"].as_array().unwrap();
    assert_eq!(pools.len(), of.len(), "{pools:#?}");
    for pool in pools {
        let states = &of[pool["name"].as_str().unwrap()];
        let count = |word: &str| states.iter().filter(|state| **state == word).count();
        for (field, expected) in [
            ("total", states.len()),
            ("idle", count("idle")),
            ("used", states.len() - count("idle")),
            ("active", count("active")),
            ("idle_in_transaction", count("idle in transaction")),
            ("idle_in_transaction_aborted", count("idle in transaction (aborted)")),
        ] {
            assert_eq!(pool[field], expected, "{field} of {pool:#}");
        }
    }
}

async fn check_limits(document: &Value, client: &Client) {
    let setting = async |name: &str| -> i64 {
        let text: String = client
            .query_one("SELECT current_setting($1, true)", &[&name])
            .await
            .unwrap()
            .get::<_, Option<_>>(0)
            .unwrap_or_default();
        text.parse().unwrap_or(0)
    };
    let limit = |scope: &str, name: &str| -> Value {
        let all = document["limits"].as_array().unwrap();
        let found =
            all.iter().find(|limit| limit["scope"] == scope && (name.is_empty() || limit["name"] == name));
        found.unwrap_or_else(|| panic!("no {scope} {name}: {all:#?}")).clone()
    };
    let server = limit("server", "");
    let raw = setting("max_connections").await;
    let reserved = setting("superuser_reserved_connections").await + setting("reserved_connections").await;
    // One more was there than now: pooltop itself.
    let used: i64 = client
        .query_one("SELECT 1 + count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!((&server["limit"], &server["reserved"]), (&raw.into(), &reserved.into()));
    assert_eq!(server["used"], used);
    let share = server["utilization"].as_f64().unwrap();
    assert!((share - used as f64 / (raw - reserved) as f64).abs() < 1e-9, "{share}");
    assert_eq!(
        (&limit("database", "other")["limit"], &limit("database", "other")["used"]),
        (&40.into(), &1.into())
    );
    assert_eq!(
        (&limit("role", "reader")["limit"], &limit("role", "reader")["used"]),
        (&30.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_goes_into_a_private_file_in_every_format_without_literals() {
    let server = Postgres::shared();
    let _held = server.hold("api", "BEGIN; SELECT 'hunter2'").await;
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    for format in ["json", "csv", "markdown", "text"] {
        let ran = home.run(&["snapshot", &url, "--for", "0", "--format", format, "-o", "out"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
        let path = home.path().join("out");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("api") && !text.contains("hunter2"), "{format}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let server = Postgres::shared();
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    for args in [
        &["snapshot", &url, "--for", "0"][..],
        &["man"],
        &["size"],
        &["config", "example"],
        &["completions", "bash"],
    ] {
        let mut command = home.command(args);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{args:?}");
    }
}
