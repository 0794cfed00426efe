//! The server on which the scenarios run, and what each of them has at hand.

use std::any::Any;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pooltop::model::clock::Clock;
use tokio::net::{TcpSocket, TcpStream};
use tokio_postgres::{Client, Config, NoTls};

use super::pool::Pool;
use crate::support::{Postgres, PostgresOptions};

/// What the applications find there. One row of `archive` is 100 kB when read and 1 kB when stored, so that a copy of it
/// is long and its making is not.
const SCHEMA: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL, state text NOT NULL);
    INSERT INTO orders SELECT n, n * 7 % 900, 'open' FROM generate_series(1, 1000) n;
    CREATE TABLE events (order_id int, noted timestamptz NOT NULL DEFAULT now());
    CREATE TABLE archive (id int PRIMARY KEY, body text NOT NULL);
    INSERT INTO archive SELECT n, repeat(md5(n::text), 3200) FROM generate_series(1, 500) n;
    CREATE TABLE prices (product int PRIMARY KEY, cents int NOT NULL);";

/// The server, the clock and what the applications report: what all scenarios share.
pub(super) struct World {
    pub(super) server: Postgres,
    pub(super) clock: Clock,
    /// How long the scenarios run, s.
    pub(super) seconds: f64,
    seed: u64,
    reports: Mutex<Vec<(&'static str, Arc<Pool>)>>,
}

impl World {
    /// Starts a server with the role and database of the applications. The clock starts when it is ready.
    pub(super) async fn start(seconds: f64, seed: u64) -> Arc<Self> {
        let conf = ["wal_level = logical", "max_wal_senders = 10", "max_prepared_transactions = 20"];
        let server = Postgres::start(&PostgresOptions {
            max_connections: 800,
            hba: vec!["host all all 127.0.0.0/8 trust".to_owned()],
            conf: conf.map(str::to_owned).into(),
            ..PostgresOptions::default()
        });
        server.execute("CREATE ROLE app LOGIN").await;
        server.execute("CREATE DATABASE shop OWNER app").await;
        server.client_of("app", "shop").await.batch_execute(SCHEMA).await.unwrap();
        Arc::new(Self { server, clock: Clock::real(), seconds, seed, reports: Mutex::default() })
    }

    /// What the applications report of their pools now.
    pub(super) fn reports(&self) -> Vec<(&'static str, Arc<Pool>)> {
        self.reports.lock().unwrap().clone()
    }
}

/// What one scenario has: its name, an address, dice of its own, and a place for what it never gives back.
#[derive(Clone)]
pub(super) struct Stage {
    /// Its `application_name`.
    pub(super) name: &'static str,
    pub(super) world: Arc<World>,
    address: Ipv4Addr,
    dice: Arc<Mutex<u64>>,
    kept: Arc<Mutex<Vec<Box<dyn Any + Send>>>>,
}

impl Stage {
    pub(super) fn new(world: &Arc<World>, name: &'static str) -> Self {
        // FNV-1a: a scenario draws the same numbers whatever runs beside it.
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ world.seed.wrapping_mul(7919), hash);
        Self {
            name,
            world: Arc::clone(world),
            address: Ipv4Addr::LOCALHOST,
            dice: Arc::new(Mutex::new(seed.max(1))),
            kept: Arc::default(),
        }
    }

    /// The same application on another host: its sessions come from 127.0.0.`host`.
    pub(super) fn on_host(&self, host: u8) -> Self {
        Self { address: Ipv4Addr::new(127, 0, 0, host), ..self.clone() }
    }

    /// Seconds since the start.
    pub(super) fn now(&self) -> f64 {
        self.world.clock.monotonic().as_secs_f64()
    }

    pub(super) fn is_over(&self) -> bool {
        self.now() >= self.world.seconds
    }

    pub(super) async fn pause(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds.max(0.0))).await;
    }

    /// Waits for a moment, in seconds since the start.
    pub(super) async fn until(&self, second: f64) {
        self.pause(second - self.now()).await;
    }

    /// Waits for as long as the scenarios run.
    pub(super) async fn until_the_end(&self) {
        self.until(self.world.seconds).await;
    }

    fn draw(&self) -> u64 {
        let mut dice = self.dice.lock().unwrap();
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        *dice
    }

    /// At least 0, less than 1.
    fn roll(&self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of so many, counted from 0.
    pub(super) fn pick(&self, many: usize) -> usize {
        usize::try_from(self.draw() % many as u64).unwrap()
    }

    pub(super) fn between(&self, low: f64, high: f64) -> f64 {
        low + self.roll() * (high - low)
    }

    /// As long as one waits for the next of many independent callers.
    pub(super) fn exponential(&self, mean: f64) -> f64 {
        -mean * (1.0 - self.roll()).ln()
    }

    /// Never gives something back.
    pub(super) fn keep(&self, thing: impl Any + Send) {
        self.kept.lock().unwrap().push(Box::new(thing));
    }

    /// The application reports this pool from now on.
    pub(super) fn report(&self, pool: &Arc<Pool>) {
        self.world.reports.lock().unwrap().push((self.name, Arc::clone(pool)));
    }

    /// A new session of the application.
    pub(super) async fn open(&self) -> Client {
        let mut config = Config::new();
        config.user("app").dbname("shop").application_name(self.name);
        let (client, connection) = config.connect_raw(self.socket().await, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(super) async fn socket(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((self.address, 0).into()).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, self.world.server.port).into()).await.unwrap()
    }

    /// The server ends all sessions of the application, as a failover does.
    pub(super) async fn lose_all_sessions(&self) {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        self.world.server.client().await.query_one(sql, &[&self.name]).await.unwrap();
    }
}
