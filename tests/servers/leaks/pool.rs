//! A connection pool with the habits of those that applications use.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

use super::stage::Stage;

/// Which of its free connections a pool lends first.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// The one that came back last: Go, pgx, node-postgres, asyncpg, Rails.
    Lifo,
    /// The one that is free for longest: SQLAlchemy, `psycopg_pool`.
    Fifo,
}

/// How a pool behaves.
#[derive(Clone, Copy)]
pub(super) struct Policy {
    /// Opened at the start.
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) order: Order,
    /// Free for longer is closed, s.
    pub(super) idle: f64,
    /// Closing for idleness stops here.
    pub(super) floor: usize,
    /// Older is closed instead of lent, s.
    pub(super) life: f64,
    /// Opens new ones when fewer than `min` are open.
    pub(super) refills: bool,
    /// Run on a new connection.
    pub(super) opening: Option<&'static str>,
    /// Run when one is lent.
    pub(super) ping: Option<&'static str>,
    /// Run when one is returned.
    pub(super) reset: Option<&'static str>,
}

impl Policy {
    /// At most `max`, opened when needed and kept.
    pub(super) const fn lazy(max: usize, order: Order) -> Self {
        Self {
            min: 0,
            max,
            order,
            idle: f64::INFINITY,
            floor: 0,
            life: f64::INFINITY,
            refills: false,
            opening: None,
            ping: None,
            reset: None,
        }
    }

    /// asyncpg: opens `min` at once, resets on every return, closes what nobody has used for long.
    pub(super) const fn asyncpg(min: usize, max: usize) -> Self {
        const RESET: &str = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";
        Self { min, floor: min, idle: 30.0, reset: Some(RESET), ..Self::lazy(max, Order::Lifo) }
    }

    /// `HikariCP`: keeps `min` open, replaces the old, tests what it lends with an empty statement.
    pub(super) const fn hikari(min: usize, max: usize, life: f64) -> Self {
        const OPENING: &str = "SET extra_float_digits = 3";
        let lazy = Self::lazy(max, Order::Lifo);
        Self {
            min,
            floor: min,
            life,
            idle: 10.0,
            refills: true,
            opening: Some(OPENING),
            ping: Some(""),
            ..lazy
        }
    }

    /// Go's database/sql: no floor, the last one first.
    pub(super) const fn go(max: usize, idle: f64) -> Self {
        Self { idle, ..Self::lazy(max, Order::Lifo) }
    }
}

struct Free {
    client: Client,
    opened: f64,
    since: f64,
}

/// One application process's pool.
pub(super) struct Pool {
    stage: Stage,
    policy: Policy,
    free: Mutex<VecDeque<Free>>,
    places: Arc<Semaphore>,
    waiting: Arc<()>,
}

/// A connection in somebody's hands. Dropping it closes it.
pub(super) struct Lent {
    pub(super) client: Client,
    opened: f64,
    place: OwnedSemaphorePermit,
}

impl Pool {
    /// Opens the pool's floor.
    pub(super) async fn start(stage: &Stage, policy: Policy) -> Arc<Self> {
        let pool = Arc::new(Self {
            stage: stage.clone(),
            policy,
            free: Mutex::default(),
            places: Arc::new(Semaphore::new(policy.max)),
            waiting: Arc::new(()),
        });
        pool.fill().await;
        tokio::spawn(keep_house(Arc::downgrade(&pool)));
        pool
    }

    /// Lends a connection; `None` when none became free within `patience` seconds.
    pub(super) async fn lend(&self, patience: f64) -> Option<Lent> {
        let waits = Arc::clone(&self.waiting);
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout(Duration::from_secs_f64(patience), place).await.ok()?.ok()?;
        drop(waits);
        let (client, opened) = match self.take_free() {
            Some(free) => (free.client, free.opened),
            None => (self.open().await, self.stage.now()),
        };
        if let Some(ping) = self.policy.ping {
            client.batch_execute(ping).await.ok()?;
        }
        Some(Lent { client, opened, place })
    }

    /// Takes one back. One that broke is closed, and one that can wait is first made as new.
    pub(super) async fn take_back(&self, lent: Lent) {
        let Lent { client, opened, place } = lent;
        let clean = match self.policy.reset {
            Some(reset) => client.batch_execute(reset).await.is_ok(),
            None => !client.is_closed(),
        };
        if clean && !self.places.is_closed() {
            let since = self.stage.now();
            self.free.lock().unwrap().push_back(Free { client, opened, since });
        }
        drop(place);
    }

    /// Closes what is free, as a process does that ends.
    pub(super) fn close(&self) {
        self.places.close();
        self.free.lock().unwrap().clear();
    }

    /// What the application's metrics say about it.
    pub(super) fn report(&self) -> Value {
        let used = self.used();
        let open = used + self.free.lock().unwrap().len();
        let waiting = Arc::strong_count(&self.waiting) - 1;
        json!({ "used": used, "total": open, "max": self.policy.max, "pending": waiting })
    }

    fn used(&self) -> usize {
        self.policy.max - self.places.available_permits()
    }

    async fn open(&self) -> Client {
        let client = self.stage.open().await;
        if let Some(sql) = self.policy.opening {
            client.batch_execute(sql).await.unwrap();
        }
        client
    }

    fn take_free(&self) -> Option<Free> {
        let mut free = self.free.lock().unwrap();
        let now = self.stage.now();
        free.retain(|one| now - one.opened <= self.policy.life && !one.client.is_closed());
        match self.policy.order {
            Order::Lifo => free.pop_back(),
            Order::Fifo => free.pop_front(),
        }
    }

    /// Opens what is missing to the floor.
    async fn fill(&self) {
        while self.free.lock().unwrap().len() + self.used() < self.policy.min {
            let (client, opened) = (self.open().await, self.stage.now());
            // Never used, so the last to be lent.
            self.free.lock().unwrap().push_front(Free { client, opened, since: opened });
        }
    }

    fn close_the_old(&self) {
        let now = self.stage.now();
        let mut free = self.free.lock().unwrap();
        let mut spare = (free.len() + self.used()).saturating_sub(self.policy.floor);
        free.retain(|one| {
            let old = now - one.opened > self.policy.life;
            let idle = spare > 0 && now - one.since > self.policy.idle;
            spare -= usize::from(idle && !old);
            !old && !idle
        });
    }
}

async fn keep_house(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.places.is_closed() {
            return;
        }
        pool.close_the_old();
        if pool.policy.refills {
            pool.fill().await;
        }
    }
}
