//! What one sample costs on this side of the wire: 1,000 and 10,000 rows of `pg_stat_activity`, received and decoded, and
//! the metrics text of a large application.
//!
//! A throwaway server makes the rows up in a view that stands before the real one, so nobody has to open 10,000 connections.
//! Counted is the CPU time of this thread, on which everything of the client runs, and not the time in which the server
//! works. One row in ten changes from sample to sample. Needs PostgreSQL 14 or newer, and Linux for the CPU time.

#![expect(clippy::expect_used, reason = "a benchmark stops at the first thing that is not as expected")]

#[path = "../tests/support/support.rs"]
mod support;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pooltop::connect::{Conninfo, Environment};
use pooltop::model::own::OwnSessions;
use pooltop::source::pgbouncer::PgbouncerOpener;
use pooltop::source::postgres::PostgresOpener;
use pooltop::source::{Opener as _, Source};
use support::{Postgres, PostgresOptions};

const COLUMNS: &str = "pid, backend_start, backend_type, datname, usename, application_name, client_addr, client_port, \
     leader_pid, state, state_change, xact_start, query_start, wait_event_type, wait_event, backend_xid, backend_xmin, query, \
     query_id";

/// A server on which `pg_stat_activity` shows so many made-up sessions beside the one that looks.
async fn crowded(rows: usize) -> Postgres {
    let server = Postgres::start(&PostgresOptions::default());
    server
        .execute(&format!(
            "CREATE TABLE made AS SELECT {COLUMNS} FROM pg_stat_activity WITH NO DATA;
             INSERT INTO made
             SELECT 1000000 + n, now(), 'client backend', 'shop', 'app', 'checkout-' || n % 10, '10.0.0.1', 20000 + n % 40000,
                    NULL, CASE WHEN n % 10 < 4 THEN 'idle' ELSE 'idle in transaction' END, now(),
                    CASE WHEN n % 10 >= 4 THEN now() END, now(), 'Client', 'ClientRead', NULL, NULL,
                    'SELECT id, total FROM orders WHERE customer = $1 AND state = $2 ORDER BY placed -- ' || n % 50, n % 50 + 1
             FROM generate_series(1, {rows}) AS n;
             CREATE VIEW public.pg_stat_activity AS
             SELECT {COLUMNS} FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()
             UNION ALL
             SELECT {changing} FROM made;
             ALTER ROLE postgres SET search_path = public, pg_catalog",
            changing = COLUMNS.replace(
                "state_change",
                "CASE WHEN pid % 10 = 0 THEN clock_timestamp() ELSE state_change END"
            ),
        ))
        .await;
    server
}

async fn open(server: &Postgres) -> Box<dyn Source> {
    let (conninfo, _) = Conninfo::resolve(&server.url("postgres", "postgres"), &Environment::empty())
        .expect("the URL of a test server");
    let opener = PostgresOpener::new("db1".into(), conninfo, OwnSessions::default());
    let mut source = opener.open(None).await.expect("a server that was just started");
    source.sample().await.expect("the first sample");
    source
}

/// CPU time that this thread has used.
fn cpu_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = spent.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds first"))
}

fn decode(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("receive and decode, CPU time of the client");
    group.sample_size(20);
    for backends in [1_000, 10_000] {
        let server = runtime.block_on(crowded(backends));
        let mut source = runtime.block_on(open(&server));
        group.bench_function(BenchmarkId::from_parameter(backends), |bench| {
            bench.iter_custom(|iterations| {
                let begun = cpu_time();
                for _ in 0..iterations {
                    black_box(runtime.block_on(source.sample()).expect("a sample"));
                }
                cpu_time().saturating_sub(begun)
            });
        });
    }
    group.finish();
}

/// Ten megabytes of metrics, among which a hundred pools are.
fn metrics() -> String {
    let mut text = String::new();
    let mut line = 0;
    while text.len() < 10_000_000 {
        if line % 1_000 == 0 {
            let pool = line / 1_000;
            for (name, value) in [("active", 3), ("idle", 2), ("max", 10), ("pending", 0)] {
                let labels = format!("application=\"shop\",pool=\"pool-{pool}\"");
                writeln!(text, "hikaricp_connections_{name}{{{labels}}} {value}.0").expect("a string");
            }
        }
        let (order, bound) = (line % 700, line % 90);
        let labels = format!("method=\"GET\",status=\"200\",uri=\"/orders/{{id}}/{order}\",le=\"0.{bound}\"");
        writeln!(text, "http_server_requests_seconds_bucket{{{labels}}} {line}.0").expect("a string");
        line += 1;
    }
    text
}

fn read_metrics(criterion: &mut Criterion) {
    let text = metrics();
    let mut group = criterion.benchmark_group("metrics text");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("10 MB", |bench| {
        bench.iter(|| {
            black_box(pooltop::source::app::understood(black_box(text.as_bytes()))).expect("pools").1.len()
        });
    });
    group.finish();
}

/// A console that answers `SHOW SOCKETS` with so many clients, all else with nothing. Prepared once, so that it costs little.
async fn crowded_console(clients: usize) -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let sockets = std::sync::Arc::new(snapshot(clients));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sockets = std::sync::Arc::clone(&sockets);
            tokio::spawn(async move { answer(stream, &sockets).await });
        }
    });
    port
}

async fn answer(mut stream: tokio::net::TcpStream, sockets: &[u8]) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let length = stream.read_u32().await?;
    stream.read_exact(&mut vec![0; length as usize - 4]).await?;
    let ready = message(b'Z', b"I");
    stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat()).await?;
    loop {
        stream.read_u8().await?;
        let length = stream.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await?;
        match body.as_slice() {
            b"SHOW SOCKETS\0" => stream.write_all(sockets).await?,
            b"SHOW VERSION\0" => {
                stream.write_all(&[names(&["version"]), row(&["PgBouncer 1.18.0"])].concat()).await?;
            }
            _ => stream.write_all(&names(&["database", "user", "name", "key", "value", "list"])).await?,
        }
        stream.write_all(&ready).await?;
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

fn names(columns: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).expect("few").to_be_bytes().to_vec();
    for column in columns {
        body.extend([column.as_bytes(), &[0; 19]].concat());
    }
    message(b'T', &body)
}

fn row(cells: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).expect("few").to_be_bytes().to_vec();
    for cell in cells {
        body.extend(u32::try_from(cell.len()).expect("short").to_be_bytes());
        body.extend(cell.as_bytes());
    }
    message(b'D', &body)
}

/// PgBouncer 1.18's columns; one client in a hundred has a server connection.
fn snapshot(clients: usize) -> Vec<u8> {
    let columns = "type user database state addr port local_addr local_port connect_time request_time wait wait_us \
         close_needed ptr link remote_pid tls application_name recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail \
         send_avail";
    let mut out = names(&columns.split_whitespace().collect::<Vec<_>>());
    let at = "2026-11-21 04:15:46 UTC";
    let mut add = |kind: &str, database: &str, state: &str, port: usize, ptr: &str, link: &str| {
        let port = (20_000 + port % 40_000).to_string();
        let mut cells = vec![kind, "app", database, state, "10.0.0.7", &port, "10.0.0.9", "6432", at, at];
        cells.extend(["0", "0", "0", ptr, link, "0", "", "checkout", "0", "0", "0", "0", "0", "0", "0"]);
        out.extend(row(&cells));
    };
    add("C", "pgbouncer", "cl_active", 0, "0xfff", "");
    for client in 0..clients {
        let (ptr, server) = (format!("0x55c9{client:08x}"), format!("0x77c9{client:08x}"));
        match client % 100 {
            0 => {
                add("C", "shop", "cl_active", client, &ptr, &server);
                add("S", "shop", "sv_active", client, &server, &ptr);
            }
            1..30 => add("C", "shop", "cl_waiting", client, &ptr, ""),
            _ => add("C", "shop", "cl_active", client, &ptr, ""),
        }
    }
    out.extend(message(b'C', b"SHOW\0"));
    out
}

/// CPU time of this thread, on which the made-up console runs too: it only sends what it has prepared.
fn decode_sockets(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("SHOW SOCKETS, received and decoded, CPU time of both ends");
    group.sample_size(20);
    for clients in [1_000, 10_000] {
        let port = runtime.block_on(crowded_console(clients));
        let url = format!("pgbouncer://app@127.0.0.1:{port}?sslmode=disable");
        let (conninfo, _) = Conninfo::resolve(&url, &Environment::empty()).expect("a URL");
        let opener = PgbouncerOpener::new("bouncer1".into(), conninfo);
        let mut source = runtime.block_on(opener.open(None)).expect("the console");
        group.bench_function(BenchmarkId::from_parameter(clients), |bench| {
            bench.iter_custom(|iterations| {
                let begun = cpu_time();
                for _ in 0..iterations {
                    let sample = runtime.block_on(source.sample()).expect("a sample");
                    let seen = sample.pooler().and_then(|pooler| pooler.sockets.known()).expect("sockets");
                    assert_eq!(seen.clients.len(), clients);
                }
                cpu_time().saturating_sub(begun)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, decode_sockets, read_metrics);
criterion_main!(benches);
