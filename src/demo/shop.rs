//! The application: a small shop on real pools, one of which forgets its transactions.
//!
//! Its story, in seconds after the opening: from 0 everything is healthy; from 3 a nightly report reads `stock`
//! for a minute; from 5 `checkout` forgets one open transaction after the other until its pool is empty and its
//! requests wait; at 8 a migration waits behind the report, and the inventory's updates queue behind the
//! migration. Backends that somebody terminates come back, and a while later the leak begins again.

mod leak;
mod stock;
mod traffic;

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::DemoError;
use super::server::{Access, Server};
use crate::model::clock::Clock;
use crate::model::pool::DeclaredPool;
use crate::model::secret::ExposeSecret;

/// The shop's database.
pub(super) const DATABASE: &str = "shop";

/// One pool of the shop: `application_name`, role, connections at least and at most, clients that use it.
struct Part {
    name: &'static str,
    role: &'static str,
    min: u32,
    max: u32,
    clients: u64,
    /// Goes through the pooler, where there is one.
    pooled: bool,
}

const STOREFRONT: Part = Part { name: "storefront", role: "web", min: 4, max: 8, clients: 9, pooled: false };
const CHECKOUT: Part = Part { name: "checkout", role: "web", min: 2, max: 12, clients: 3, pooled: false };
const WORKER: Part = Part { name: "worker", role: "web", min: 2, max: 5, clients: 4, pooled: true };
const INVENTORY: Part = Part { name: "inventory", role: "web", min: 1, max: 4, clients: 4, pooled: false };
const REPORTS: Part = Part { name: "reports", role: "reporting", min: 1, max: 2, clients: 1, pooled: false };
const MIGRATIONS: Part =
    Part { name: "migrations", role: "deploy", min: 0, max: 1, clients: 1, pooled: false };

/// The pools that the profile declares. A migration is no pool.
const DECLARED: [&Part; 5] = [&STOREFRONT, &CHECKOUT, &WORKER, &INVENTORY, &REPORTS];

/// The running application.
#[derive(Debug)]
pub(super) struct Shop {
    clients: JoinSet<()>,
}

impl Shop {
    /// Opens every pool and lets its clients in.
    pub(super) fn open(access: &Access, clock: &Clock) -> Self {
        let mut shop = Self { clients: JoinSet::new() };
        shop.admit(&STOREFRONT, access, traffic::browse);
        shop.admit(&WORKER, access, traffic::work);
        let checkout = shop.admit(&CHECKOUT, access, traffic::pay);
        shop.clients.spawn(leak::run(checkout, clock.clone()));
        shop.admit(&REPORTS, access, |pool, _| stock::report(pool));
        shop.admit(&MIGRATIONS, access, |pool, _| stock::migrate(pool));
        shop.admit(&INVENTORY, access, stock::sell);
        shop
    }

    /// Starts the clients of one pool.
    fn admit<F>(&mut self, part: &Part, access: &Access, client: impl Fn(PgPool, Dice) -> F) -> PgPool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let pool = part.pool(access);
        for number in 1..=part.clients {
            self.clients.spawn(client(pool.clone(), Dice(number * 7919)));
        }
        pool
    }

    /// Ends all clients. Their connections close with their server.
    pub(super) async fn close(mut self) {
        self.clients.shutdown().await;
    }
}

impl Part {
    fn pool(&self, access: &Access) -> PgPool {
        PgPoolOptions::new()
            .min_connections(self.min)
            .max_connections(self.max)
            .acquire_timeout(Duration::from_secs(8))
            .acquire_slow_threshold(Duration::from_secs(3600))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options(access))
    }

    fn options(&self, access: &Access) -> PgConnectOptions {
        let options = options(access, self.role, DATABASE).application_name(self.name);
        match access.pooler.filter(|_| self.pooled) {
            Some(port) => options.port(port),
            None => options,
        }
    }
}

/// What the profile of the demo says about the pools.
pub(super) fn declared_pools() -> Vec<DeclaredPool> {
    let declare = |part: &&Part| DeclaredPool {
        name: part.name.into(),
        application_name: Some(part.name.to_owned()),
        min: Some(part.min),
        max: Some(part.max),
        instances: 1,
        ..DeclaredPool::default()
    };
    DECLARED.iter().map(declare).collect()
}

/// Makes roles, database, tables and their rows.
pub(super) async fn prepare(server: &Server) -> Result<(), DemoError> {
    let access = server.access();
    let mut postgres = connect(access, "postgres").await?;
    let password = access.password.expose_secret();
    for role in ["pooltop", "web", "reporting", "deploy"] {
        run(&mut postgres, "create its roles", &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
            .await?;
    }
    run(&mut postgres, "grant rights", "GRANT pg_monitor, pg_signal_backend TO pooltop").await?;
    run(&mut postgres, "create the database", &format!("CREATE DATABASE {DATABASE} OWNER deploy")).await?;
    let mut shop = connect(access, DATABASE).await?;
    run(&mut shop, "fill the tables", include_str!("shop/schema.sql")).await?;
    if access.statements {
        run(&mut shop, "create pg_stat_statements", "CREATE EXTENSION pg_stat_statements").await?;
    }
    for connection in [postgres, shop] {
        let _ = connection.close().await;
    }
    Ok(())
}

async fn connect(access: &Access, database: &str) -> Result<PgConnection, DemoError> {
    let options = options(access, "postgres", database);
    options.connect().await.map_err(|error| DemoError::Sql { step: "let us in", error })
}

async fn run(connection: &mut PgConnection, step: &'static str, sql: &str) -> Result<(), DemoError> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.map(drop).map_err(|error| DemoError::Sql { step, error })
}

/// Nothing here comes from the user's own `PG…` variables, which sqlx reads first.
fn options(access: &Access, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(access.port)
        .username(role)
        .password(access.password.expose_secret())
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("pooltop demo")
        .options([("search_path", "public"), ("statement_timeout", "0"), ("lock_timeout", "0")])
        .disable_statement_logging()
}

/// A small stream of numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    /// A number from `low` to `high` inclusive.
    fn roll(&mut self, low: u64, high: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + self.0 % (high - low + 1)
    }

    /// The same as the number of a row.
    fn row(&mut self, low: u64, high: u64) -> i32 {
        i32::try_from(self.roll(low, high)).unwrap_or(i32::MAX)
    }

    /// Waits for so many milliseconds.
    async fn pause(&mut self, low: u64, high: u64) {
        sleep(Duration::from_millis(self.roll(low, high))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_stay_in_their_range_and_repeat_from_run_to_run() {
        let (mut one, mut other) = (Dice(42), Dice(42));
        let rolls: Vec<_> = (0..1000).map(|_| one.roll(3, 9)).collect();
        assert!(rolls.iter().all(|roll| (3..=9).contains(roll)));
        assert!((3..=9).all(|side| rolls.contains(&side)));
        assert!(rolls.iter().all(|roll| *roll == other.roll(3, 9)));
    }

    #[test]
    fn all_pools_together_fit_into_the_server_and_nearly_fill_it() {
        let all = DECLARED.iter().map(|part| part.max).sum::<u32>() + MIGRATIONS.max;
        assert!((30..=35).contains(&all), "{all} of 37, of which pooltop needs two");
    }
}
