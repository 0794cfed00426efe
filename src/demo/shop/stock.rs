//! The lock chain: a slow report, a migration that waits for it, and updates that queue behind the migration.

use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::time::sleep;

use super::Dice;

/// The nightly report: one statement that reads `stock` for a minute.
pub(super) async fn report(pool: PgPool) {
    sleep(Duration::from_secs(3)).await;
    loop {
        let _ = sqlx::query(
            "SELECT warehouse, count(*), sum(forecast_demand(sku, $1)) AS demand FROM stock \
             GROUP BY warehouse ORDER BY demand DESC",
        )
        .bind(90)
        .fetch_all(&pool)
        .await;
        sleep(Duration::from_secs(12)).await;
    }
}

/// A deployment that adds a column, which needs the table for itself. Tried again later when it is cancelled.
pub(super) async fn migrate(pool: PgPool) {
    sleep(Duration::from_secs(8)).await;
    loop {
        let _ = sqlx::query("ALTER TABLE stock ADD COLUMN IF NOT EXISTS reserved_until timestamptz")
            .execute(&pool)
            .await;
        sleep(Duration::from_secs(20)).await;
    }
}

/// The inventory books what was sold: quick, unless it has to queue behind the migration.
pub(super) async fn sell(pool: PgPool, mut dice: Dice) {
    loop {
        let sold = sqlx::query("UPDATE stock SET quantity = greatest(quantity - $1, 0) WHERE sku = $2")
            .bind(dice.row(1, 3))
            .bind(format!("SKU-{:05}", dice.roll(1, 1500)))
            .execute(&pool)
            .await;
        if sold.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
        dice.pause(150, 700).await;
    }
}
