//! Operations on a real PgBouncer's console.

use std::sync::Arc;

use pooltop::connect::{Answer, Console};
use pooltop::control::audit::Audit;
use pooltop::control::confirm::{Access, Answer as Reply, Policy, PoolerAround, Question};
use pooltop::control::executor::{SoloExecutor, SoloSetup};
use pooltop::model::audit::{AuditPhase, AuditRecord};
use pooltop::model::backend::Client;
use pooltop::model::clock::Clock;
use pooltop::model::operation::{Aim, Operation, OperationKind, Outcome, PoolScope, PoolerWords};
use pooltop::model::pooler::{ClientState, PoolerClient};
use pooltop::model::target::TargetKind;
use pooltop::text::Text;

use super::stage::{conninfo, policy};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, wait_until};

use OperationKind::{KillClient, KillDatabase, Pause, Reconnect, Resume};

/// A pooler in front of a server, an executor on its console, and an administrator's eyes.
struct Bench {
    pooler: PgBouncer,
    executor: SoloExecutor,
    eyes: Console,
    audit: Audit,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn start(server: &Postgres, user: &str) -> Option<Self> {
        let pooler =
            PgBouncer::start(server, &PgBouncerOptions { pool_size: 2, ..PgBouncerOptions::default() })?;
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion");
        let setup = SoloSetup {
            conninfo: conninfo(&pooler.console_url(user)),
            policy: policy(),
            audit: audit.clone(),
            clock: Clock::real(),
        };
        let executor = SoloExecutor::new(setup).unwrap();
        let eyes = Console::open(&conninfo(&pooler.console_url("admin"))).await.unwrap();
        Some(Self { pooler, executor, eyes, audit, _directory: directory })
    }

    async fn around(&mut self) -> PoolerAround {
        let answer = self.eyes.query("SHOW VERSION").await.unwrap();
        let version = answer.text(&answer.rows[0], "version").unwrap();
        PoolerAround {
            target: "bouncer-1".into(),
            pooler: PoolerWords { kind: TargetKind::Pgbouncer, version },
            facts: None,
            pools: Vec::new(),
        }
    }

    /// Asks, says yes, carries out; returns the outcome and its message.
    async fn run(&mut self, kind: OperationKind, database: Option<&str>) -> (Outcome, String) {
        let scope = PoolScope { database: database.map(Text::from), user: None };
        let mut question = self.around().await.ask_pools(kind, scope, &policy()).unwrap();
        self.confirm(&mut question).await
    }

    async fn confirm(&self, question: &mut Question) -> (Outcome, String) {
        let confirmed = question.answer(&Reply::Yes).unwrap().unwrap();
        let report = self.executor.execute(confirmed, |_| {}).await;
        assert!(report.settled && report.outcomes.len() == 1, "{report:?}");
        (report.outcomes[0].outcome, report.outcomes[0].message.to_string())
    }

    async fn show(&mut self, what: &str, database: &str, column: &str) -> Option<String> {
        let answer = self.eyes.query(&format!("SHOW {what}")).await.unwrap();
        let key = if what == "DATABASES" { "name" } else { "database" };
        let row = answer.rows.iter().find(|row| cell(&answer, row, key) == database)?;
        Some(cell(&answer, row, column))
    }

    fn audited(&self) -> Vec<AuditRecord> {
        self.audit.last(100, |_| true).unwrap()
    }
}

fn cell(answer: &Answer, row: &[Option<bytes::Bytes>], column: &str) -> String {
    answer.text(row, column).unwrap_or_default().to_string()
}

async fn server() -> Postgres {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN").await;
    server.execute("CREATE DATABASE shop OWNER app").await;
    server
}

#[tokio::test]
async fn a_pause_that_a_transaction_holds_up_is_said_to_be_unconfirmed_and_stays_until_resumed() {
    let server = server().await;
    let Some(mut bench) = Bench::start(&server, "admin").await else { return };
    let holder = bench.pooler.client("app", "shop").await;
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();

    let (outcome, message) = bench.run(Pause, Some("shop")).await;
    assert_eq!(outcome, Outcome::Unconfirmed, "{message}");
    assert!(message.contains("1 server connection is still in use"), "{message}");
    assert!(message.contains("RESUME"), "{message}");
    assert_eq!(
        bench.show("DATABASES", "shop", "paused").await.as_deref(),
        Some("1"),
        "hanging up undoes nothing"
    );

    assert_eq!(bench.run(Resume, Some("shop")).await, (Outcome::Signalled, "resumed".to_owned()));
    assert_eq!(bench.show("DATABASES", "shop", "paused").await.as_deref(), Some("0"));
    assert_eq!(bench.run(Resume, Some("shop")).await.0, Outcome::Changed, "nothing is left to resume");
    holder.batch_execute("COMMIT").await.unwrap();
    let (outcome, message) = bench.run(Pause, Some("shop")).await;
    assert_eq!(outcome, Outcome::Signalled, "{message}");
    assert_eq!(bench.run(Resume, Some("shop")).await.0, Outcome::Signalled);

    let kinds: Vec<_> = bench.audited().iter().map(|record| (record.phase, record.operation)).collect();
    let (before, after) = (AuditPhase::Intent, AuditPhase::Outcome);
    assert_eq!(kinds[..4], [(before, Pause), (after, Pause), (before, Resume), (after, Resume)]);
    let first = &bench.audited()[1];
    assert_eq!(
        (first.database.as_deref(), first.pid, first.outcome),
        (Some("shop"), None, Some(Outcome::Unconfirmed))
    );
}

#[tokio::test]
async fn everything_is_paused_and_resumed_and_a_wait_close_is_not_taken_for_a_pause() {
    let server = server().await;
    let Some(mut bench) = Bench::start(&server, "admin").await else { return };
    let client = bench.pooler.client("app", "shop").await;
    client.batch_execute("SELECT 1").await.unwrap();
    assert_eq!(bench.run(Pause, None).await.0, Outcome::Signalled);
    assert_eq!(bench.run(Resume, None).await.0, Outcome::Signalled);

    client.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let mut other = Console::open(&conninfo(&bench.pooler.console_url("admin"))).await.unwrap();
    bench.eyes.query("RECONNECT shop").await.unwrap();
    let short = std::time::Duration::from_millis(100);
    assert!(other.query_within("WAIT_CLOSE shop", short).await.is_err(), "it waits for the open transaction");
    let (outcome, message) = bench.run(Pause, Some("shop")).await;
    assert_eq!(outcome, Outcome::Unconfirmed, "{message}");
    assert!(message.contains("1 server connection is still in use"), "{message}");
    drop(client);
}

#[tokio::test]
async fn reconnect_marks_server_connections_and_kill_ends_clients_and_leaves_the_database_paused() {
    let server = server().await;
    let Some(mut bench) = Bench::start(&server, "admin").await else { return };
    let holder = bench.pooler.client("app", "shop").await;
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let (outcome, message) = bench.run(Reconnect, Some("shop")).await;
    assert_eq!(outcome, Outcome::Signalled, "{message}");
    assert_eq!(bench.show("SERVERS", "shop", "close_needed").await.as_deref(), Some("1"));
    assert!(!holder.is_closed(), "nobody is interrupted");

    let (outcome, message) = bench.run(KillDatabase, Some("shop")).await;
    assert_eq!(outcome, Outcome::Signalled, "{message}");
    assert!(message.contains("RESUME"), "{message}");
    wait_until("the client is cut off", async || holder.is_closed()).await;
    assert_eq!(bench.show("DATABASES", "shop", "paused").await.as_deref(), Some("1"));
    assert_eq!(bench.run(Resume, Some("shop")).await.0, Outcome::Signalled);
    let again = bench.pooler.client("app", "shop").await;
    again.batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_name_is_quoted_and_one_that_is_not_there_is_gone() {
    let server = server().await;
    server.execute("CREATE DATABASE \"My-db\"").await;
    let Some(mut bench) = Bench::start(&server, "admin").await else { return };
    let client = bench.pooler.client("app", "My-db").await;
    client.batch_execute("SELECT 1").await.unwrap();
    assert_eq!(bench.run(Pause, Some("My-db")).await.0, Outcome::Signalled);
    assert_eq!(bench.run(Resume, Some("My-db")).await.0, Outcome::Signalled);
    // The longest names that the console takes, as it is and in quotes; one byte more is refused by the question.
    let (plain, quoted) = ("x".repeat(63), "X".repeat(61));
    for name in [&plain, &quoted] {
        let (outcome, message) = bench.run(Reconnect, Some(name)).await;
        assert_eq!(outcome, Outcome::Signalled, "{name}: {message}");
        let scope = PoolScope { database: Some(Text::line(&format!("{name}x"))), user: None };
        assert!(bench.around().await.ask_pools(Reconnect, scope, &policy()).is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_stats_user_is_denied_and_nothing_happens() {
    let server = server().await;
    let Some(mut bench) = Bench::start(&server, "stats").await else { return };
    let client = bench.pooler.client("app", "shop").await;
    client.batch_execute("SELECT 1").await.unwrap();
    for kind in [Pause, Resume, Reconnect, KillDatabase] {
        let (outcome, message) = bench.run(kind, Some("shop")).await;
        assert_eq!(outcome, Outcome::Denied, "{kind}: {message}");
        assert!(message.contains("admin access needed"), "{message}");
    }
    client.batch_execute("SELECT 1").await.unwrap();
    assert!(bench.audited().iter().filter(|record| record.outcome == Some(Outcome::Denied)).count() == 4);
}

#[tokio::test]
async fn before_1_24_no_client_can_be_killed_and_the_question_says_so() {
    let server = server().await;
    let Some(mut bench) = Bench::start(&server, "admin").await else { return };
    let around = bench.around().await;
    if !around.pooler.version.contains(" 1.18.") {
        return;
    }
    let client = PoolerClient {
        id: "7".into(),
        killable: true,
        database: "shop".into(),
        user: "app".into(),
        application_name: None,
        client: Client::Local,
        client_pid: None,
        state: ClientState::Idle,
        word: "active".into(),
        wait_us: None,
        age_s: None,
        server: None,
    };
    let why = around.ask_client(Arc::new(client), &policy()).unwrap_err();
    assert!(why.to_string().contains("has no KILL_CLIENT; PgBouncer 1.24 has"), "{why}");
    let kinds: Vec<OperationKind> = [Pause, Resume, Reconnect, KillDatabase, KillClient]
        .into_iter()
        .filter(|kind| around.offers(*kind).is_ok())
        .collect();
    assert_eq!(kinds, [Pause, Resume, Reconnect, KillDatabase]);
}

#[tokio::test]
async fn a_console_that_does_not_answer_is_told_and_nothing_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let setup = |access| SoloSetup {
        conninfo: conninfo("pgbouncer://admin@127.0.0.1:1/pgbouncer?connect_timeout=2"),
        policy: Policy { access, ..policy() },
        audit: Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion"),
        clock: Clock::real(),
    };
    assert!(SoloExecutor::new(setup(Access::ReadOnly)).is_err(), "a read-only profile has no executor");
    let executor = SoloExecutor::new(setup(Access::Confirm)).unwrap();
    let around = PoolerAround {
        target: "bouncer-1".into(),
        pooler: PoolerWords { kind: TargetKind::Pgbouncer, version: "PgBouncer 1.18.0".into() },
        facts: None,
        pools: Vec::new(),
    };
    let mut question = around.ask_pools(Pause, PoolScope::default(), &policy()).unwrap();
    let confirmed = question.answer(&Reply::Yes).unwrap().unwrap();
    let same: &Operation = confirmed.get();
    assert!(matches!(same.aim, Aim::Pools(..)));
    let report = executor.execute(confirmed, |_| {}).await;
    assert_eq!(report.outcomes[0].outcome, Outcome::Refused);
    assert!(report.outcomes[0].message.starts_with("nothing was sent"), "{report:?}");
}
