//! What `pg_stat_activity` alone does not tell: prepared transactions, pools as the application counts them, copies to
//! slow readers, replication and parallel workers.

use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::pool::{Order, Policy, Pool};
use super::scenario::{JDBC_WRITE, READ, Scenario, fine, leak};
use super::stage::Stage;
use super::traffic::{Load, Step, Steps, perform};
use crate::support::installations;

/// Bytes that a slow reader takes per second: more than what lies in buffers would hide for long.
const SLOWLY: u32 = 500_000;

pub(super) const ALL: &[Scenario] = &[
    leak(
        "L42_prepared_left_behind",
        |s| Box::pin(left_behind(s)),
        "its transaction manager never comes back",
    ),
    fine("H48_two_phase_commit", |s| Box::pin(two_phase(s)), "prepared transactions, committed soon after"),
    leak("L43_application_counts", |s| Box::pin(counted(s)), "in use by its own count, and never returned"),
    fine("H49_application_counts", |s| Box::pin(well_counted(s)), "in use while it works, by its own count"),
    fine("pg_dump", |s| Box::pin(dump(s)), "a backup to a slow disk"),
    fine("H46_copy_to_slow_reader", |s| Box::pin(export(s)), "one snapshot, copied as fast as it is read"),
    fine("H47_replication_consumer", |s| Box::pin(consumer(s)), "a stream of changes beside a heartbeat"),
    fine("H47_parallel_query", |s| Box::pin(parallel(s)), "workers that come and go with statements"),
];

/// The transaction's name begins with the application's, as `shop-…` would in a real one.
async fn left_behind(stage: Stage) {
    let pool = Pool::start(&stage, Policy::hikari(3, 8, 40.0)).await;
    let client = stage.open().await;
    let name = stage.name;
    let begin = format!("BEGIN; INSERT INTO events (order_id) VALUES (1); PREPARE TRANSACTION '{name}-1'");
    client.batch_execute(&begin).await.unwrap();
    drop(client);
    Load::of(|_| 4.0, JDBC_WRITE).on(&stage, &pool).await;
}

async fn two_phase(stage: Stage) {
    let client = stage.open().await;
    let name = stage.name;
    for number in 0.. {
        if stage.is_over() {
            return;
        }
        let insert = "BEGIN; INSERT INTO events (order_id) VALUES (2)";
        client.batch_execute(&format!("{insert}; PREPARE TRANSACTION '{name}-{number}'")).await.unwrap();
        stage.pause(stage.between(0.2, 1.2)).await;
        client.batch_execute(&format!("COMMIT PREPARED '{name}-{number}'")).await.unwrap();
    }
}

/// Too little traffic for the missing connections to make the pool open others.
async fn counted(stage: Stage) {
    let pool = Pool::start(&stage, Policy { min: 6, ..Policy::lazy(10, Order::Lifo) }).await;
    stage.report(&pool);
    Load::of(|_| 2.0, READ).leaking(8.0, 30.0, READ).on(&stage, &pool).await;
}

async fn well_counted(stage: Stage) {
    let pool = Pool::start(&stage, Policy { min: 6, ..Policy::lazy(10, Order::Lifo) }).await;
    stage.report(&pool);
    Load::of(|_| 6.0, READ).on(&stage, &pool).await;
}

/// One of PostgreSQL's own programs, reading as this server's superuser. It ends with its scenario.
fn program(stage: &Stage, name: &str, arguments: &[&str]) -> Child {
    let server = &stage.world.server;
    let installed = installations().iter().find(|one| one.major == server.major).expect("it runs");
    let mut command = Command::new(installed.bin.join(name));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PG") {
            command.env_remove(variable);
        }
    }
    command.args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "-U", "postgres"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Not every build of PostgreSQL comes with all of its programs.
fn has(stage: &Stage, name: &str) -> bool {
    let bin = installations().iter().find(|one| one.major == stage.world.server.major);
    bin.is_some_and(|one| one.bin.join(name).is_file())
}

/// One table only: its lock on the others would be in other scenarios' way.
async fn dump(stage: Stage) {
    if !has(&stage, "pg_dump") {
        return;
    }
    stage.until(4.0).await;
    let mut child = program(&stage, "pg_dump", &["-d", "shop", "-t", "archive"]);
    let mut output = child.stdout.take().unwrap();
    let mut bytes = vec![0; usize::try_from(SLOWLY / 10).unwrap()];
    while !stage.is_over() && output.read_exact(&mut bytes).await.is_ok() {
        stage.pause(0.1).await;
    }
}

async fn export(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(4, Order::Fifo)).await;
    let reader = stage.clone();
    let export = tokio::spawn(async move {
        reader.until(3.0).await;
        let client = reader.open().await;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
        let mut rows = pin!(client.copy_out("COPY archive TO STDOUT").await.unwrap());
        while let Some(row) = rows.next().await.filter(|_| !reader.is_over()) {
            reader.pause(row.unwrap().len() as f64 / f64::from(SLOWLY)).await;
        }
    });
    Load::of(|_| 3.0, READ).on(&stage, &pool).await;
    export.await.unwrap();
}

/// Has a session for replication, a base backup that was just started, and an ordinary connection for its heartbeat.
async fn consumer(stage: Stage) {
    const HEARTBEAT: Steps =
        &[Step::Sql("INSERT INTO events (order_id) VALUES ({n})"), Step::Think(2.0, 4.0)];
    let mut programs = Vec::new();
    if has(&stage, "pg_recvlogical") {
        let admin = stage.world.server.client_of("postgres", "shop").await;
        let slot = "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')";
        admin.batch_execute(slot).await.unwrap();
        programs.push(program(
            &stage,
            "pg_recvlogical",
            &["-d", "shop", "-S", "changes", "--start", "-f", "-"],
        ));
    }
    if has(&stage, "pg_basebackup") {
        programs.push(program(
            &stage,
            "pg_basebackup",
            &["-D", "-", "-Ft", "-X", "none", "-c", "fast", "-r", "32k"],
        ));
    }
    let readers = programs.iter_mut().map(|child| child.stdout.take().unwrap());
    for mut output in readers.collect::<Vec<_>>() {
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
    }
    let client = stage.open().await;
    while !stage.is_over() {
        perform(&stage, &client, HEARTBEAT).await;
    }
}

async fn parallel(stage: Stage) {
    const OPENING: &str = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
        SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2";
    const SCAN: Steps =
        &[Step::Sql("SELECT count(*) FROM archive WHERE length(body) > {n} AND body LIKE '%ff00ff%'")];
    let policy = Policy { opening: Some(OPENING), ..Policy::lazy(3, Order::Lifo) };
    let pool: Arc<Pool> = Pool::start(&stage, policy).await;
    Load::of(|_| 0.8, SCAN).on(&stage, &pool).await;
}
