//! Applications that leak: the catalogue's cases in the styles of several client libraries.

use super::pool::{Order, Policy, Pool};
use super::scenario::{JDBC_WRITE, ORM_READ, READ, Scenario, leak};
use super::stage::Stage;
use super::traffic::{Load, Step, Steps, perform};

pub(super) const ALL: &[Scenario] = &[
    leak("L01_checked_out_silent", |s| Box::pin(checked_out(s)), "a report's connection is never returned"),
    leak("L02_orm_autobegin", |s| Box::pin(orm(s)), "a session is read from and never closed"),
    leak("L03_jdbc_update_unfinished", |s| Box::pin(jdbc(s)), "neither committed, rolled back nor closed"),
    leak("L04_failed_and_kept", |s| Box::pin(failed(s)), "a failed transaction's connection is kept"),
    leak("L07_unpooled_kept", |s| Box::pin(unpooled(s)), "a connection for each call, never closed"),
    leak("L08_pool_per_request", |s| Box::pin(pools(s)), "a pool for each call, never closed"),
    leak("L09_go_rows_not_closed", |s| Box::pin(rows(s)), "rows are left before their end and not closed"),
    leak("L10_autocommit_fifo", |s| Box::pin(autocommit(s)), "an export keeps its connection"),
    leak("L14_opened_and_forgotten", |s| Box::pin(forgotten(s)), "opened beside the pool and never used"),
    leak("L16_hosts_die_silently", |s| Box::pin(hosts(s)), "nobody is left behind the older connections"),
    leak("L19_small_pool_wedges", |s| Box::pin(wedge(s)), "all five are taken and not returned"),
    leak("L25_commit_then_select", |s| Box::pin(bare(s)), "an audit query's connection is not returned"),
    leak("L26_copy_unfed", |s| Box::pin(unfed(s)), "imports that are begun and not fed"),
    leak("L40_go_same_statement", |s| Box::pin(same(s)), "not returned after the usual statement"),
];

const REPORT: Steps = &[Step::Sql("SELECT state, count(*), sum(total) FROM orders GROUP BY state")];

async fn checked_out(stage: Stage) {
    let pool = Pool::start(&stage, Policy::asyncpg(3, 15)).await;
    Load::of(|_| 8.0, READ).leaking(6.0, 5.0, REPORT).on(&stage, &pool).await;
}

async fn orm(stage: Stage) {
    const KEPT: Steps =
        &[Step::Sql("BEGIN"), Step::Sql("SELECT orders.id, orders.state FROM orders WHERE orders.id = {n}")];
    let pool = Pool::start(&stage, Policy::lazy(15, Order::Fifo)).await;
    Load::of(|_| 8.0, ORM_READ).leaking(5.0, 6.0, KEPT).on(&stage, &pool).await;
}

async fn jdbc(stage: Stage) {
    const KEPT: Steps = &[Step::Sql("BEGIN"), Step::Sql("update orders set state = 'paid' where id = {n}")];
    let pool = Pool::start(&stage, Policy::hikari(5, 10, 30.0)).await;
    Load::of(|_| 6.0, JDBC_WRITE).leaking(8.0, 14.0, KEPT).on(&stage, &pool).await;
}

async fn failed(stage: Stage) {
    const KEPT: Steps = &[Step::Sql("BEGIN"), Step::Sql("SELECT total / 0 FROM orders WHERE id = {n}")];
    let pool = Pool::start(&stage, Policy::lazy(15, Order::Fifo)).await;
    Load::of(|_| 6.0, ORM_READ).leaking(6.0, 9.0, KEPT).on(&stage, &pool).await;
}

async fn unpooled(stage: Stage) {
    while !stage.is_over() {
        let client = stage.open().await;
        perform(&stage, &client, READ).await;
        stage.keep(client);
        stage.pause(stage.between(2.0, 5.0)).await;
    }
}

async fn pools(stage: Stage) {
    while !stage.is_over() {
        let pool = Pool::start(&stage, Policy { min: 2, ..Policy::lazy(4, Order::Lifo) }).await;
        let lent = pool.lend(5.0).await.unwrap();
        perform(&stage, &lent.client, READ).await;
        pool.take_back(lent).await;
        stage.keep(pool);
        stage.pause(stage.between(5.0, 8.0)).await;
    }
}

async fn rows(stage: Stage) {
    const KEPT: Steps = &[Step::Unread("SELECT id, body FROM archive")];
    let pool = Pool::start(&stage, Policy::go(12, 20.0)).await;
    Load::of(|_| 6.0, READ).leaking(8.0, 13.0, KEPT).on(&stage, &pool).await;
}

async fn autocommit(stage: Stage) {
    const KEPT: Steps = &[Step::Sql("SELECT id, total FROM orders ORDER BY total DESC LIMIT 500")];
    let pool = Pool::start(&stage, Policy::lazy(20, Order::Fifo)).await;
    Load::of(|_| 10.0, READ).leaking(6.0, 5.0, KEPT).on(&stage, &pool).await;
}

async fn forgotten(stage: Stage) {
    let pool = Pool::start(&stage, Policy { min: 2, ..Policy::lazy(8, Order::Lifo) }).await;
    let opener = stage.clone();
    tokio::spawn(async move {
        while !opener.is_over() {
            opener.pause(opener.between(4.0, 7.0)).await;
            opener.keep(opener.open().await);
        }
    });
    Load::of(|_| 6.0, READ).on(&stage, &pool).await;
}

async fn hosts(stage: Stage) {
    while !stage.is_over() {
        let pool = Pool::start(&stage, Policy { min: 4, ..Policy::lazy(4, Order::Fifo) }).await;
        Load::of(|_| 6.0, READ).until(stage.now() + 18.0).on(&stage, &pool).await;
        stage.keep(pool);
    }
}

async fn wedge(stage: Stage) {
    const KEPT: Steps = &[Step::Sql("SELECT id FROM orders WHERE state = 'open' AND total > {n}")];
    let pool = Pool::start(&stage, Policy::lazy(5, Order::Fifo)).await;
    Load::of(|_| 6.0, READ).leaking(16.0, 0.7, KEPT).patient(3.0).on(&stage, &pool).await;
}

async fn bare(stage: Stage) {
    const KEPT: Steps = &[Step::Sql("select count(*) from events where order_id = {n}")];
    let pool = Pool::start(&stage, Policy::lazy(15, Order::Fifo)).await;
    Load::of(|_| 8.0, JDBC_WRITE).leaking(6.0, 6.0, KEPT).on(&stage, &pool).await;
}

async fn unfed(stage: Stage) {
    const KEPT: Steps = &[Step::Unfed("COPY events (order_id) FROM STDIN")];
    let pool = Pool::start(&stage, Policy::go(8, 30.0)).await;
    Load::of(|_| 5.0, READ).leaking(10.0, 18.0, KEPT).on(&stage, &pool).await;
}

async fn same(stage: Stage) {
    let pool = Pool::start(&stage, Policy::go(15, 8.0)).await;
    Load::of(|_| 10.0, READ).leaking(6.0, 7.0, READ).on(&stage, &pool).await;
}
