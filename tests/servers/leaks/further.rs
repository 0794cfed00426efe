//! Cases that are not in the catalogue: what failovers, cancelled requests, cursors, deployments and listeners do.

use std::pin::pin;

use futures_util::SinkExt as _;

use super::pool::{Order, Policy, Pool};
use super::scenario::{JDBC_WRITE, ORM_READ, READ, Scenario, fine, leak};
use super::stage::Stage;
use super::traffic::{Load, Step, Steps, perform};

pub(super) const ALL: &[Scenario] = &[
    leak("L50_retries_keep_attempts", |s| Box::pin(attempts(s)), "every retry leaves the one before it open"),
    fine("H51_failover_reconnects", |s| Box::pin(failover(s)), "lost at once, reopened at once, then steady"),
    fine("H52_ping_on_checkout", |s| Box::pin(pings(s)), "the last statement of most is a ping"),
    fine("H53_cursor_while_thinking", |s| Box::pin(cursor(s)), "open for long, read on, and closed"),
    leak("L53_cursor_abandoned", |s| Box::pin(abandoned(s)), "the reader of some cursors goes away"),
    fine("H54_batch_doubles_pool", |s| Box::pin(batch(s)), "twice as many for a while, then as before"),
    leak(
        "L55_cancelled_and_kept",
        |s| Box::pin(cancelled(s)),
        "the handler of a cancelled request returns nothing",
    ),
    fine("H55_cancelled_and_returned", |s| Box::pin(survived(s)), "cancelled, rolled back and returned"),
    fine("H56_all_pods_restart", |s| Box::pin(pods(s)), "five hosts close and reopen their pools at once"),
    fine("H57_workers_with_advisory_locks", |s| Box::pin(workers(s)), "silent while they work elsewhere"),
    fine("H58_calls_while_holding", |s| Box::pin(calls(s)), "held over calls to elsewhere, and returned"),
    leak(
        "L59_listeners_left_behind",
        |s| Box::pin(subscribers(s)),
        "every reconnect leaves a listener behind",
    ),
    leak("L61_export_abandoned", |s| Box::pin(export(s)), "copies to readers that have stopped reading"),
    fine("H61_trickling_import", |s| Box::pin(import(s)), "a COPY that gets a row now and then"),
    fine("H60_frozen_functions", |s| Box::pin(functions(s)), "kept by instances that are ended when idle"),
];

/// After a failover the client connects, waits for a primary, gives up and connects anew without closing.
async fn attempts(stage: Stage) {
    const PRIMARY: Steps = &[Step::Sql("SELECT pg_is_in_recovery()")];
    let pool = Pool::start(&stage, Policy::lazy(6, Order::Lifo)).await;
    Load::of(|_| 8.0, READ).until(18.0).on(&stage, &pool).await;
    stage.lose_all_sessions().await;
    let retries = stage.clone();
    tokio::spawn(async move {
        while !retries.is_over() {
            let client = retries.open().await;
            perform(&retries, &client, PRIMARY).await;
            retries.keep(client);
            retries.pause(retries.between(2.0, 5.0)).await;
        }
    });
    Load::of(|_| 8.0, READ).on(&stage, &pool).await;
}

async fn failover(stage: Stage) {
    let pool = Pool::start(&stage, Policy::hikari(8, 12, 40.0)).await;
    Load::of(|_| 15.0, JDBC_WRITE).until(25.0).on(&stage, &pool).await;
    stage.lose_all_sessions().await;
    Load::of(|second| if second < 30.0 { 60.0 } else { 15.0 }, JDBC_WRITE).on(&stage, &pool).await;
}

/// Lent, pinged, and in one of four requests returned without another statement.
async fn pings(stage: Stage) {
    let policy = Policy { ping: Some("-- ping"), ..Policy::go(10, 25.0) };
    let pool = Pool::start(&stage, policy).await;
    let idle = (pool.clone(), stage.clone());
    tokio::spawn(async move { Load::of(|_| 2.0, &[]).on(&idle.1, &idle.0).await });
    Load::of(|second| if second % 30.0 < 3.0 { 40.0 } else { 5.0 }, READ).on(&stage, &pool).await;
}

const OPEN_CURSOR: Step =
    Step::Sql("DECLARE page NO SCROLL CURSOR FOR SELECT id, total FROM orders ORDER BY id");
const FETCH: Step = Step::Sql("FETCH FORWARD 20 FROM page");
const BROWSE: Steps = &[
    Step::Sql("BEGIN"),
    OPEN_CURSOR,
    FETCH,
    Step::Think(2.0, 4.0),
    FETCH,
    Step::Think(2.0, 4.0),
    FETCH,
    Step::Sql("CLOSE page"),
    Step::Sql("COMMIT"),
];

async fn cursor(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(12, Order::Fifo)).await;
    Load::of(|_| 0.7, BROWSE).on(&stage, &pool).await;
}

async fn abandoned(stage: Stage) {
    const ABANDONED: Steps = &[Step::Sql("BEGIN"), OPEN_CURSOR, FETCH];
    let pool = Pool::start(&stage, Policy::lazy(14, Order::Fifo)).await;
    Load::of(|_| 0.7, BROWSE).leaking(3.0, 9.0, ABANDONED).on(&stage, &pool).await;
}

async fn batch(stage: Stage) {
    const IMPORT: Steps = &[
        Step::Sql("BEGIN"),
        Step::Sql("INSERT INTO events (order_id) SELECT id FROM orders WHERE total > {n}"),
        Step::Sql("SELECT pg_sleep({900ms}), 'settle'"),
        Step::Sql("COMMIT"),
    ];
    let pool = Pool::start(&stage, Policy { floor: 8, min: 8, ..Policy::go(16, 6.0) }).await;
    let nightly = (pool.clone(), stage.clone());
    tokio::spawn(async move {
        nightly.1.until(30.0).await;
        Load::of(|_| 14.0, IMPORT).until(45.0).patient(30.0).on(&nightly.1, &nightly.0).await;
    });
    Load::of(|_| 25.0, READ).patient(30.0).on(&stage, &pool).await;
}

const CANCELLED: Steps = &[
    Step::Sql("BEGIN"),
    Step::Sql("INSERT INTO events (order_id) VALUES ({n})"),
    Step::Cancelled("SELECT pg_sleep(30), sum(total) FROM orders", 0.4),
];

async fn cancelled(stage: Stage) {
    let pool = Pool::start(&stage, Policy::asyncpg(2, 12)).await;
    Load::of(|_| 6.0, READ).leaking(3.0, 8.0, CANCELLED).on(&stage, &pool).await;
}

async fn survived(stage: Stage) {
    let pool = Pool::start(&stage, Policy::asyncpg(2, 12)).await;
    let impatient = (pool.clone(), stage.clone());
    tokio::spawn(async move { Load::of(|_| 0.3, CANCELLED).on(&impatient.1, &impatient.0).await });
    Load::of(|_| 6.0, READ).on(&stage, &pool).await;
}

async fn pods(stage: Stage) {
    let pods = (0..5).map(async |number: u8| {
        let pod = stage.on_host(11 + number);
        let policy = Policy { min: 4, floor: 4, ..Policy::lazy(8, Order::Fifo) };
        let old = Pool::start(&pod, policy).await;
        Load::of(|_| 4.0, ORM_READ).until(35.0).on(&pod, &old).await;
        old.close();
        let new = Pool::start(&pod, policy).await;
        Load::of(|_| 4.0, ORM_READ).on(&pod, &new).await;
    });
    futures_util::future::join_all(pods).await;
}

/// Each waits for a notification on one session and locks what it works on with another, in which it is silent until
/// the work is done.
async fn workers(stage: Stage) {
    const JOB: Steps = &[
        Step::Sql("SELECT pg_advisory_lock({n})"),
        Step::Think(5.0, 20.0),
        Step::Sql("SELECT pg_advisory_unlock_all()"),
        Step::Think(0.5, 3.0),
    ];
    let workers = (0..4).map(async |_: u8| {
        let listener = stage.open().await;
        listener.batch_execute("LISTEN jobs").await.unwrap();
        let client = stage.open().await;
        while !stage.is_over() {
            perform(&stage, &client, JOB).await;
        }
        drop(listener);
    });
    futures_util::future::join_all(workers).await;
}

async fn calls(stage: Stage) {
    const CALL: Steps = &[
        Step::Sql("SELECT total FROM orders WHERE id = {n}"),
        Step::Think(1.0, 3.0),
        Step::Sql("INSERT INTO events (order_id) VALUES ({n})"),
    ];
    let pool = Pool::start(&stage, Policy::lazy(12, Order::Lifo)).await;
    stage.report(&pool);
    Load::of(|_| 2.0, CALL).on(&stage, &pool).await;
}

async fn subscribers(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(6, Order::Lifo)).await;
    let listening = stage.clone();
    tokio::spawn(async move {
        while !listening.is_over() {
            let client = listening.open().await;
            client.batch_execute("LISTEN prices").await.unwrap();
            listening.keep(client);
            listening.pause(listening.between(3.0, 6.0)).await;
        }
    });
    Load::of(|_| 6.0, READ).on(&stage, &pool).await;
}

/// Instances behind one address, each with one connection that it uses once or twice and that its end closes.
async fn functions(stage: Stage) {
    while !stage.is_over() {
        let instance = stage.clone();
        tokio::spawn(async move {
            let client = instance.open().await;
            for _ in 0..=instance.pick(2) {
                perform(&instance, &client, READ).await;
                instance.pause(instance.between(1.0, 4.0)).await;
            }
            instance.pause(instance.between(8.0, 16.0)).await;
            drop(client);
        });
        stage.pause(stage.exponential(2.0).min(8.0)).await;
    }
}

async fn export(stage: Stage) {
    const KEPT: Steps = &[Step::Unsent("COPY archive TO STDOUT")];
    let pool = Pool::start(&stage, Policy::go(8, 30.0)).await;
    Load::of(|_| 5.0, READ).leaking(6.0, 20.0, KEPT).on(&stage, &pool).await;
}

async fn import(stage: Stage) {
    let client = stage.open().await;
    let mut sink = pin!(client.copy_in("COPY events (order_id) FROM STDIN").await.unwrap());
    while !stage.is_over() {
        sink.as_mut().send(&b"7\n"[..]).await.unwrap();
        sink.as_mut().flush().await.unwrap();
        stage.pause(stage.between(0.5, 2.0)).await;
    }
}
