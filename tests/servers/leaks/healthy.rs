//! Applications that only look as if they leaked: the catalogue's cases in the styles of several client libraries.

use super::pool::{Order, Policy, Pool};
use super::scenario::{JDBC_WRITE, ORM_READ, READ, Scenario, fine};
use super::stage::Stage;
use super::traffic::{Load, Step, Steps, perform};

pub(super) const ALL: &[Scenario] = &[
    fine("H01_growing_with_load", |s| Box::pin(growing(s)), "the load grows, and every connection is used"),
    fine("H02_burst", |s| Box::pin(burst(s)), "a burst opens ten, which close when idle"),
    fine("H05_long_reports", |s| Box::pin(reports(s)), "statements that run long and end"),
    fine("H06_transaction_in_steps", |s| Box::pin(steps(s)), "a long transaction that goes on"),
    fine("H07_listeners", |s| Box::pin(listeners(s)), "three sessions that wait for notifications"),
    fine("H11_orm_fills_up", |s| Box::pin(fills(s)), "a pool that never shrinks reaches its size"),
    fine("H12_overflow", |s| Box::pin(overflow(s)), "opens and closes with every wave"),
    fine("H13_jdbc_replacement", |s| Box::pin(replacement(s)), "old connections are replaced"),
    fine("H14_traffic_stops", |s| Box::pin(stops(s)), "nobody asks any more"),
    fine("H15_rolling_deploy", |s| Box::pin(deploy(s)), "two generations for six seconds, then one"),
    fine("H17_go_deep_idle", |s| Box::pin(deep(s)), "the last one first, so nine wait for ever"),
    fine("H24_open_session_in_view", |s| Box::pin(view(s)), "idle in transaction for 2.5 s, then returned"),
    fine("H29_lock_convoy", |s| Box::pin(convoy(s)), "all wait for one lock, which is released"),
    fine("H31_autoscaling", |s| Box::pin(autoscaling(s)), "a new host with its own pool every 11 s"),
    fine("H36_jobs_hold_transactions", |s| Box::pin(jobs(s)), "each job is one transaction and ends"),
    fine("H37_connection_per_thread", |s| Box::pin(threads(s)), "eight threads, five of them seldom busy"),
];

const WAVE: Steps = &[Step::Sql("SELECT pg_sleep({80ms}), state FROM orders WHERE id = {n}")];

async fn growing(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(10, Order::Lifo)).await;
    Load::of(|second| (2.0 + second * 0.4).min(24.0), WAVE).on(&stage, &pool).await;
}

async fn burst(stage: Stage) {
    let pool = Pool::start(&stage, Policy { idle: 10.0, ..Policy::asyncpg(3, 10) }).await;
    Load::of(|second| if (20.0..24.0).contains(&second) { 90.0 } else { 3.0 }, WAVE).on(&stage, &pool).await;
}

async fn reports(stage: Stage) {
    const REPORT: Steps = &[Step::Sql("SELECT pg_sleep(25), sum(total) FROM orders")];
    let pool = Pool::start(&stage, Policy::lazy(5, Order::Fifo)).await;
    Load::of(|_| 0.15, REPORT).on(&stage, &pool).await;
}

async fn steps(stage: Stage) {
    const STEP: Step = Step::Sql("INSERT INTO events (order_id) VALUES ({n})");
    const GAP: Step = Step::Think(0.5, 2.5);
    const JOB: Steps = &[
        Step::Sql("BEGIN"),
        STEP,
        GAP,
        STEP,
        GAP,
        STEP,
        GAP,
        STEP,
        GAP,
        STEP,
        GAP,
        STEP,
        GAP,
        STEP,
        GAP,
        Step::Sql("COMMIT"),
    ];
    let pool = Pool::start(&stage, Policy::lazy(4, Order::Fifo)).await;
    Load::of(|_| 0.12, JOB).on(&stage, &pool).await;
}

async fn listeners(stage: Stage) {
    for channel in ["LISTEN orders", "LISTEN stock", "LISTEN prices"] {
        let client = stage.open().await;
        client.batch_execute(channel).await.unwrap();
        stage.keep(client);
    }
    stage.until_the_end().await;
}

async fn fills(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(10, Order::Fifo)).await;
    Load::of(|second| 2.0 + second * 0.25, ORM_READ).on(&stage, &pool).await;
}

async fn overflow(stage: Stage) {
    let pool = Pool::start(&stage, Policy { idle: 1.0, ..Policy::lazy(15, Order::Fifo) }).await;
    Load::of(|second| if second % 10.0 < 7.0 { 35.0 } else { 4.0 }, WAVE).on(&stage, &pool).await;
}

async fn replacement(stage: Stage) {
    let pool = Pool::start(&stage, Policy::hikari(6, 8, 9.0)).await;
    Load::of(|_| 10.0, JDBC_WRITE).on(&stage, &pool).await;
}

async fn stops(stage: Stage) {
    let pool = Pool::start(&stage, Policy { min: 3, ..Policy::lazy(10, Order::Fifo) }).await;
    Load::of(|second| if second < 25.0 { 40.0 } else { 0.0 }, WAVE).on(&stage, &pool).await;
}

async fn deploy(stage: Stage) {
    let old = Pool::start(&stage, Policy::asyncpg(4, 10)).await;
    Load::of(|_| 12.0, READ).until(30.0).on(&stage, &old).await;
    let new = Pool::start(&stage, Policy::asyncpg(4, 10)).await;
    Load::of(|_| 12.0, READ).until(36.0).on(&stage, &new).await;
    old.close();
    Load::of(|_| 12.0, READ).on(&stage, &new).await;
}

async fn deep(stage: Stage) {
    let pool = Pool::start(&stage, Policy::lazy(10, Order::Lifo)).await;
    Load::of(|second| if second < 4.0 { 70.0 } else { 3.0 }, WAVE).on(&stage, &pool).await;
}

async fn view(stage: Stage) {
    const PAGE: Steps = &[
        Step::Sql("BEGIN"),
        Step::Sql("SELECT orders.id, orders.total FROM orders WHERE orders.id = {n}"),
        Step::Think(2.4, 2.6),
        Step::Sql("COMMIT"),
    ];
    let pool = Pool::start(&stage, Policy::lazy(14, Order::Fifo)).await;
    Load::of(|_| 2.5, PAGE).on(&stage, &pool).await;
}

async fn convoy(stage: Stage) {
    const COUNT: Steps = &[Step::Sql("SELECT count(*) FROM prices WHERE cents > {n}")];
    const CHANGE: Steps = &[
        Step::Sql("BEGIN"),
        Step::Sql("LOCK TABLE prices IN ACCESS EXCLUSIVE MODE"),
        Step::Sql("SELECT pg_sleep(4)"),
        Step::Sql("COMMIT"),
    ];
    let pool = Pool::start(&stage, Policy::lazy(15, Order::Fifo)).await;
    let migration = stage.clone();
    tokio::spawn(async move {
        migration.until(20.0).await;
        let client = migration.open().await;
        perform(&migration, &client, CHANGE).await;
    });
    Load::of(|_| 2.5, COUNT).patient(60.0).on(&stage, &pool).await;
}

async fn autoscaling(stage: Stage) {
    let hosts = (0..6).map(async |number: u8| {
        let host = stage.on_host(31 + number);
        host.until(f64::from(number) * 11.0).await;
        let pool = Pool::start(&host, Policy { min: 2, ..Policy::lazy(6, Order::Lifo) }).await;
        Load::of(|_| 5.0, WAVE).on(&host, &pool).await;
    });
    futures_util::future::join_all(hosts).await;
}

async fn jobs(stage: Stage) {
    const JOB: Steps = &[
        Step::Sql("BEGIN"),
        Step::Sql("INSERT INTO events (order_id) VALUES ({n})"),
        Step::Think(7.0, 11.0),
        Step::Sql("COMMIT"),
        Step::Think(0.2, 2.0),
    ];
    let workers = (0..3).map(async |_: u8| {
        let client = stage.open().await;
        while !stage.is_over() {
            perform(&stage, &client, JOB).await;
        }
    });
    futures_util::future::join_all(workers).await;
}

async fn threads(stage: Stage) {
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(stage.open().await);
    }
    while !stage.is_over() {
        let among = if stage.between(0.0, 1.0) < 0.9 { 3 } else { clients.len() };
        perform(&stage, &clients[stage.pick(among)], READ).await;
        stage.pause(stage.exponential(0.3)).await;
    }
}
