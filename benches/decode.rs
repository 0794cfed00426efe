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

criterion_group!(benches, decode, read_metrics);
criterion_main!(benches);
