//! Who holds and who waits behind a pooler: what pooltop says of a busy PgBouncer, against what its clients know.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pooltop::analysis::fixture::status;
use pooltop::analysis::moment::Proof;
use pooltop::analysis::{Analyser, Moment, Settings};
use pooltop::history::History;
use pooltop::model::clock::Clock;
use pooltop::model::pooler::ClientState;
use pooltop::model::sample::Sample;
use pooltop::model::target::{TargetKind, TargetStatus};
use pooltop::model::time::Timestamp;

use super::Reader;
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, connect};

const CLIENTS: usize = 14;
const SERVERS: u32 = 4;
const SAMPLES: usize = 60;

/// What a client did, by this machine's clock.
#[derive(Clone, Copy, Debug)]
struct Hold {
    client: usize,
    /// `pg_backend_pid()`, as the client read it in its transaction.
    pid: i32,
    /// Its first statement was sent, and answered.
    asked: Timestamp,
    got: Timestamp,
    /// Its last statement was sent, and answered.
    leaving: Timestamp,
    left: Timestamp,
}

#[derive(Default)]
struct Truth {
    holds: Mutex<Vec<Hold>>,
    stop: AtomicBool,
}

/// A client that takes a connection, holds it in a transaction, and lets it go, again and again. Every fifth holds
/// for long. In session mode it connects anew each time.
async fn churn(client: usize, config: tokio_postgres::Config, truth: Arc<Truth>, session_mode: bool) {
    let clock = Clock::real();
    let mut random = u64::try_from(client).unwrap() * 7919 + 17;
    let mut pause = |most: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((random >> 33) % most + 1)
    };
    let connected = || async {
        let mut config = config.clone();
        connect(config.application_name(format!("churn{client}"))).await
    };
    let mut session = None;
    while !truth.stop.load(Ordering::Relaxed) {
        let open = match session.take() {
            Some(open) => open,
            None => connected().await,
        };
        let asked = clock.now();
        open.batch_execute("BEGIN").await.unwrap();
        let row = open.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap();
        let (pid, got) = (row[0].get::<_, i32>(0), clock.now());
        tokio::time::sleep(pause(if client.is_multiple_of(5) { 1500 } else { 120 })).await;
        let leaving = clock.now();
        open.batch_execute("COMMIT").await.unwrap();
        let mut left = clock.now();
        if session_mode {
            // The pooler takes the connection back when it has seen the client go.
            drop(open);
            left = left.plus(Duration::from_millis(200));
        } else {
            session = Some(open);
        }
        truth.holds.lock().unwrap().push(Hold { client, pid, asked, got, leaving, left });
        tokio::time::sleep(pause(40)).await;
    }
}

/// Someone named in a moment, and when the samples that say so were read.
#[derive(Clone, Copy, Debug)]
struct Claim {
    client: usize,
    pid: Option<i32>,
    from: Timestamp,
    to: Timestamp,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The holder of what a backend's row shows.
    Holder,
    /// Linked with a backend when the pooler was read.
    Linked,
    /// Queued when the pooler was read.
    Waiter,
}

/// What one moment says about the clients.
fn claims(moment: &Moment, server: &Sample, pooler: &Sample) -> Vec<Claim> {
    let window = |sample: &Sample| {
        let took = Duration::from_secs_f64(sample.overhead.server_ms_per_sample / 1000.0);
        (sample.received_at.minus(took), sample.received_at)
    };
    let number = |name: Option<&str>| name.and_then(|name| name.strip_prefix("churn")?.parse::<usize>().ok());
    let mut claims = Vec::new();
    for row in &moment.backends {
        let Some(path) = moment.path(row) else { continue };
        assert_eq!(row.via.unwrap().proof, Proof::Wire);
        let client = path.client.and_then(|client| number(client.application_name.as_deref()));
        if let (Some(client), true) = (client, path.certain) {
            let (from, to) = window(server);
            claims.push(Claim { client, pid: Some(row.backend.pid()), from, to, what: What::Holder });
        }
    }
    let (from, to) = window(pooler);
    for row in &moment.clients {
        let seen = row.pooled().unwrap();
        let Some(client) = number(seen.application_name.as_deref()) else { continue };
        if let Some(backend) = row.backend {
            let pid = Some(moment.backends[backend].backend.pid());
            claims.push(Claim { client, pid, from, to, what: What::Linked });
        } else if seen.state == ClientState::Waiting {
            claims.push(Claim { client, pid: None, from, to, what: What::Waiter });
        }
    }
    claims
}

/// Whether what the clients know contradicts a claim, in words.
fn contradiction(claim: &Claim, holds: &[Hold]) -> Option<String> {
    let own = || holds.iter().filter(|hold| hold.client == claim.client);
    match claim.pid {
        // It had that very backend, at least for a part of the reading.
        Some(pid)
            if !own().any(|hold| hold.pid == pid && hold.asked <= claim.to && hold.left >= claim.from) =>
        {
            Some("it did not have this backend then".to_owned())
        }
        Some(pid) => holds
            .iter()
            .find(|hold| {
                hold.pid == pid
                    && hold.client != claim.client
                    && hold.got <= claim.from
                    && hold.leaving >= claim.to
            })
            .map(|other| format!("{other:?} had it all the time")),
        // It had asked and not yet been answered, at least for a part of the reading.
        None => (!own().any(|hold| hold.asked <= claim.to && hold.got >= claim.from))
            .then(|| "it did not wait then".to_owned()),
    }
}

async fn prove(mode: &'static str) {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN").await;
    let options = PgBouncerOptions { pool_mode: mode, pool_size: SERVERS, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(&server, &options) else { return };
    let config: tokio_postgres::Config = pooler.url("app", "postgres").parse().unwrap();
    let truth = Arc::new(Truth::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(churn(client, config.clone(), Arc::clone(&truth), mode == "session")))
        .collect();
    let mut readers = [
        Reader::open(&server.url("postgres", "postgres")).await,
        Reader::console(&pooler.console_url("stats")).await,
    ];
    let mut analyser =
        Analyser::new(Settings { interval: Duration::from_millis(200), ..Settings::default() });
    let mut history = History::default();
    let statuses: Vec<TargetStatus> =
        vec![status("db1", TargetKind::Postgres), status("bouncer1", TargetKind::Pgbouncer)];
    let mut claimed = Vec::new();
    let mut last = None;
    for turn in 0..SAMPLES * 2 {
        let sample = Arc::new(readers[turn % 2].sample().await);
        history.push(Arc::clone(&sample));
        let moment = analyser.observe(&history, &statuses, &[], sample.received_at);
        if let Some(other) = last.replace(Arc::clone(&sample)) {
            let (of_server, of_pooler) = if turn % 2 == 0 { (&sample, &other) } else { (&other, &sample) };
            claimed.extend(claims(&moment, of_server, of_pooler).into_iter().map(|claim| (turn, claim)));
            let settled = moment.poolers[1].as_ref().unwrap().joined;
            assert_eq!(settled.0, settled.1, "{:?}", moment.targets[1].missing);
        }
        // Not in step with anything that the clients do.
        tokio::time::sleep(Duration::from_millis(37 + (turn as u64 * 13) % 50)).await;
    }
    truth.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let holds = truth.holds.lock().unwrap().clone();
    let mut counts: BTreeMap<What, usize> = BTreeMap::new();
    for (turn, claim) in &claimed {
        *counts.entry(claim.what).or_default() += 1;
        let wrong = contradiction(claim, &holds);
        assert!(wrong.is_none(), "moment {turn}, {mode} mode: {claim:?}: {}", wrong.unwrap_or_default());
    }
    // Of four connections, the long holders alone keep two or three.
    for (what, least) in [(What::Holder, SAMPLES), (What::Linked, SAMPLES * 4), (What::Waiter, SAMPLES * 4)] {
        assert!(counts.get(&what).copied().unwrap_or(0) >= least, "{what:?}: {counts:?}");
    }
}

#[tokio::test]
async fn holders_and_waiters_in_transaction_mode_are_the_right_ones_in_every_sample() {
    prove("transaction").await;
}

#[tokio::test]
async fn holders_and_waiters_in_session_mode_are_the_right_ones_in_every_sample() {
    prove("session").await;
}

#[tokio::test]
async fn without_ports_to_compare_connections_are_joined_by_process_id_and_it_is_said() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN; CREATE ROLE plain LOGIN").await;
    let socket =
        format!("[databases]\npostgres = host={} port={}", server.socket_directory().display(), server.port);
    let over_tcp = String::new();
    for (line, reader, expected) in
        [(socket, "postgres", "Unix socket"), (over_tcp, "plain", "hides them from our role")]
    {
        let options = PgBouncerOptions { lines: vec![line], ..PgBouncerOptions::default() };
        let Some(pooler) = PgBouncer::start(&server, &options) else { return };
        let mut held = Vec::new();
        for _ in 0..3 {
            let client = pooler.client("app", "postgres").await;
            client.batch_execute("BEGIN").await.unwrap();
            let row = client.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap();
            held.push((row[0].get::<_, i32>(0), client));
        }
        let mut readers = [
            Reader::open(&server.url(reader, "postgres")).await,
            Reader::console(&pooler.console_url("stats")).await,
        ];
        let mut analyser = Analyser::new(Settings::default());
        let mut history = History::default();
        let statuses = [status("db1", TargetKind::Postgres), status("bouncer1", TargetKind::Pgbouncer)];
        for reader in &mut readers {
            history.push(Arc::new(reader.sample().await));
        }
        let moment = analyser.observe(&history, &statuses, &[], Clock::real().now());
        for (pid, _) in &held {
            let row = moment.backends.iter().find(|row| row.backend.pid() == *pid).unwrap();
            assert_eq!(
                row.via.map(|via| via.proof),
                Some(Proof::Pid),
                "{expected}: {:?}",
                moment.targets[1].missing
            );
        }
        let missing = &moment.targets[1].missing;
        assert!(missing.iter().any(|missing| missing.why.contains(expected)), "{missing:?}");
    }
}
