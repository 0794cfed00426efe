//! The bug: a payment that waits for an answer that never comes, with its transaction open.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use sqlx::postgres::{PgPool, Postgres};
use sqlx::{PgTransaction, Transaction};
use tokio::time::{sleep, timeout};

use crate::model::clock::Clock;

/// How long everything is healthy after the opening.
const HEALTHY: Duration = Duration::from_secs(5);
/// Between two forgotten transactions.
const EVERY: Duration = Duration::from_millis(1250);
/// How long the bug rests after somebody terminated its backends.
const REST: Duration = Duration::from_secs(20);

/// A transaction that nobody will end, and the backend that holds it.
struct Forgotten {
    _transaction: Transaction<'static, Postgres>,
    backend: Pid,
}

/// Forgets one transaction after the other until the pool is empty; once some were terminated, rests and then
/// begins again.
pub(super) async fn run(pool: PgPool, clock: Clock) {
    let mut forgotten: Vec<Forgotten> = Vec::new();
    let mut quiet_until = clock.monotonic() + HEALTHY;
    let mut order = 0;
    loop {
        sleep(EVERY).await;
        let before = forgotten.len();
        forgotten.retain(Forgotten::is_there);
        if forgotten.len() < before {
            quiet_until = clock.monotonic() + REST;
        }
        if clock.monotonic() >= quiet_until {
            order = order % 1000 + 1;
            // An empty pool must not keep us from noticing a rescue.
            let done = timeout(EVERY, forget(&pool, order)).await;
            forgotten.extend(done.ok().and_then(Result::ok));
        }
    }
}

impl Forgotten {
    /// Whether the backend still exists. Asked of the system, not of the connection, because any word to the
    /// server would change the very state that makes this a leak. No signal is sent.
    fn is_there(&self) -> bool {
        test_kill_process(self.backend).is_ok()
    }
}

async fn forget(pool: &PgPool, order: i32) -> sqlx::Result<Forgotten> {
    let mut transaction: PgTransaction<'static> = pool.begin().await?;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *transaction).await?;
    let backend = Pid::from_raw(pid).ok_or(sqlx::Error::WorkerCrashed)?;
    sqlx::query("SELECT status, total_cents FROM orders WHERE id = $1 FOR UPDATE")
        .bind(order)
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query("UPDATE orders SET status = 'paying', updated_at = now() WHERE id = $1")
        .bind(order)
        .execute(&mut *transaction)
        .await?;
    Ok(Forgotten { _transaction: transaction, backend })
}
