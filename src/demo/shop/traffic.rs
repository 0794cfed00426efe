//! Healthy clients. An error (a terminated connection, a time-out) ends one request, never a client.

use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::time::sleep;

use super::Dice;

/// A visitor looks around: searches, opens a product, fills the cart.
pub(super) async fn browse(pool: PgPool, mut dice: Dice) {
    loop {
        if visit(&pool, &mut dice).await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
        dice.pause(40, 400).await;
    }
}

async fn visit(pool: &PgPool, dice: &mut Dice) -> sqlx::Result<()> {
    let customer = dice.row(1, 2000);
    let product = dice.row(1, 1500);
    let request = match dice.roll(1, 10) {
        1..=4 => sqlx::query("SELECT id, sku, title, price_cents FROM search_products($1)")
            .bind(product.to_string()),
        5..=7 => sqlx::query("SELECT sku, title, price_cents FROM products WHERE id = $1").bind(product),
        8..=9 => sqlx::query(
            "SELECT p.title, c.quantity, p.price_cents FROM carts c JOIN products p ON p.id = c.product_id \
             WHERE c.customer_id = $1 ORDER BY c.added_at",
        )
        .bind(customer),
        _ => sqlx::query(
            "INSERT INTO carts (customer_id, product_id, quantity) VALUES ($1, $2, 1) \
             ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = carts.quantity + 1",
        )
        .bind(customer)
        .bind(product),
    };
    request.fetch_all(pool).await.map(drop)
}

/// A background worker: notes a job, takes the oldest one and does it, all in one transaction, because it may go
/// through a pooler in transaction mode.
pub(super) async fn work(pool: PgPool, mut dice: Dice) {
    loop {
        if job(&pool, &mut dice).await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
        dice.pause(100, 900).await;
    }
}

/// Unnamed statements: a named one would meet itself on a server connection that another client prepared it on.
async fn job(pool: &PgPool, dice: &mut Dice) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "INSERT INTO jobs (kind, payload) VALUES ('send_receipt', jsonb_build_object('order_id', $1::int))",
    )
    .bind(dice.row(1, 5000))
    .persistent(false)
    .execute(&mut *transaction)
    .await?;
    let taken: Option<i64> = sqlx::query_scalar(
        "SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .persistent(false)
    .fetch_optional(&mut *transaction)
    .await?;
    dice.pause(50, 600).await;
    sqlx::query("UPDATE jobs SET state = 'done', finished_at = now() WHERE id = $1")
        .bind(taken)
        .persistent(false)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// A customer pays, as it should be: a short transaction that ends. The orders that leak are others.
pub(super) async fn pay(pool: PgPool, mut dice: Dice) {
    loop {
        if payment(&pool, &mut dice).await.is_err() {
            sleep(Duration::from_millis(500)).await;
        }
        dice.pause(150, 900).await;
    }
}

async fn payment(pool: &PgPool, dice: &mut Dice) -> sqlx::Result<()> {
    let order = dice.row(1001, 5000);
    let mut transaction = pool.begin().await?;
    let (total,): (i32,) = sqlx::query_as("SELECT total_cents FROM orders WHERE id = $1 FOR UPDATE")
        .bind(order)
        .fetch_one(&mut *transaction)
        .await?;
    dice.pause(20, 120).await;
    sqlx::query("INSERT INTO payments (order_id, method, amount_cents) VALUES ($1, 'card', $2)")
        .bind(order)
        .bind(total)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE orders SET status = 'paid', updated_at = now() WHERE id = $1")
        .bind(order)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
