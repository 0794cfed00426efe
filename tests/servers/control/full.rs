//! A server without a free slot, seen and acted on by a running profile.

use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Moment, Settings};
use pooltop::collect::Target;
use pooltop::control::audit::Audit;
use pooltop::control::executor::{Executor, Setup};
use pooltop::model::backend::State;
use pooltop::model::clock::Clock;
use pooltop::model::finding::Rule;
use pooltop::model::operation::{Aim, Operation, OperationKind, Outcome, Victim};
use pooltop::model::own::OwnSessions;
use pooltop::model::target::TargetState;
use pooltop::model::verdict::VerdictKind;
use pooltop::monitor::{MakeExecutor, Monitor, Plan, TargetPlan};
use pooltop::source::postgres::PostgresOpener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use super::stage::{conninfo, outcomes, policy, say_yes};
use crate::support::{Auth, Postgres, PostgresOptions, installations};

fn monitor(url: &str, audit: Audit) -> Monitor {
    let own = OwnSessions::default();
    let (info, ours) = (conninfo(url), own.clone());
    let opener = PostgresOpener::new("db1".into(), info.clone(), own.clone());
    let executor = MakeExecutor::Server(Box::new(move |sampling| {
        let clock = Clock::real();
        Executor::new(Setup { conninfo: info, policy: policy(), audit, own: ours, sampling, clock })
    }));
    let target = Target {
        name: "db1".into(),
        opener: Arc::new(opener),
        interval: Duration::from_millis(100),
        deadline: Duration::from_secs(3),
    };
    let plan = Plan {
        targets: vec![TargetPlan { target, own, executor: Some(executor) }],
        settings: Settings::default(),
        history_bytes: 8 << 20,
        clock: Clock::real(),
        operations: None,
    };
    Monitor::start(plan, None)
}

async fn until(monitor: &Monitor, what: &str, wanted: impl Fn(&Moment) -> bool) -> Arc<Moment> {
    let mut moments = monitor.moments();
    let found = async {
        loop {
            let moment = moments.borrow_and_update().clone();
            if let Some(moment) = moment.filter(|moment| wanted(moment)) {
                return moment;
            }
            moments.changed().await.unwrap();
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    found.unwrap_or_else(|_| {
        panic!("waited in vain: {what}: {:?}", monitor.moments().borrow().as_ref().map(|m| m.verdict.clone()))
    })
}

fn is_known(moment: &Moment) -> bool {
    moment.servers[0].as_ref().is_some_and(|server| server.facts.is_some())
}

#[tokio::test]
async fn a_full_server_is_called_exhausted_and_relieved_over_the_sampling_connection() {
    let server = Postgres::start(&PostgresOptions { max_connections: 8, ..PostgresOptions::default() });
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion");
    let mut monitor = monitor(&server.url("postgres", "postgres"), audit);
    until(&monitor, "everything is known", is_known).await;
    let held = server.hold("crowd", "BEGIN; SELECT 1").await;
    let mut crowd = Vec::new();
    while let Ok((client, connection)) = server.config("postgres", "postgres").connect(NoTls).await {
        tokio::spawn(connection);
        crowd.push(client);
    }
    let row = |moment: &Moment| moment.backends.iter().find(|row| row.backend.pid() == held.pid).cloned();
    let moment = until(&monitor, "full", |moment| {
        moment.verdict.kind == VerdictKind::Exhausted
            && row(moment).is_some_and(|row| row.backend.state == State::IdleInTransaction)
    })
    .await;
    assert_eq!(moment.servers[0].as_ref().unwrap().own_sessions, 1, "no second slot is taken");
    let operation = Operation {
        kind: OperationKind::Terminate,
        target: "db1".into(),
        aim: Aim::Sessions {
            identity: moment.servers[0].as_ref().unwrap().identity.clone(),
            victims: vec![Victim::from_seen(row(&moment).unwrap().backend)],
        },
        reason: None,
    };
    let mut reports = monitor.execute(say_yes(operation));
    let mut last = None;
    while let Some(report) = reports.recv().await {
        last = Some(report);
    }
    assert_eq!(outcomes(&last.unwrap()), [Outcome::Ended]);
}

/// A login that never ends: the server asks for a password and waits. `None`: refused.
async fn login(port: u16) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let body = b"\x00\x03\x00\x00user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 4).unwrap();
    stream.write_all(&[&length.to_be_bytes()[..], body].concat()).await.unwrap();
    let answer = stream.read_u8().await.ok()?;
    (answer == b'R').then_some(stream)
}

#[tokio::test]
async fn slots_that_logins_hold_are_never_called_healthy_whether_the_server_shows_them_or_not() {
    for installation in installations() {
        let server = Postgres::start(&PostgresOptions {
            version: Some(installation.major),
            max_connections: 12,
            auth: Auth::Scram,
            conf: vec!["authentication_timeout = 600".into()],
            ..PostgresOptions::default()
        });
        server.execute("ALTER ROLE postgres PASSWORD 'right'").await;
        let keeper = server.client().await;
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion");
        let url = format!("postgres://postgres:right@127.0.0.1:{}/postgres", server.port);
        let monitor = monitor(&url, audit);
        until(&monitor, "everything is known", is_known).await;
        let mut logins = Vec::new();
        let refused = |moment: &Moment| {
            let code = moment.targets[0].error.as_ref().and_then(|error| error.code.clone());
            moment.targets[0].state == TargetState::Refused && code.as_deref() == Some("53300")
        };
        // Our own sessions are ended, and logins take their slots, until it is us who are refused.
        let ending = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pooltop'";
        while !monitor.moments().borrow().as_ref().is_some_and(|moment| refused(moment)) {
            while let Some(login) = login(server.port).await {
                logins.push(login);
            }
            if installation.major >= 18 {
                until(&monitor, "full of logins", |moment| {
                    let starting = moment.backends.iter().any(|row| row.backend.state == State::Starting);
                    starting && moment.verdict.kind == VerdictKind::Exhausted
                })
                .await;
            }
            keeper.query_one(ending, &[]).await.unwrap();
            while let Some(login) = login(server.port).await {
                logins.push(login);
            }
            let mut moments = monitor.moments();
            moments.borrow_and_update();
            moments.changed().await.unwrap();
        }
        let moment = until(&monitor, "refused", refused).await;
        assert_eq!(moment.verdict.kind, VerdictKind::Exhausted, "{:?}", moment.verdict);
        let logins_found = moment.findings.iter().any(|finding| finding.rule == Rule::ServerLogins);
        assert_eq!(logins_found, installation.major < 18, "{}: {:?}", installation.major, moment.verdict);
        drop(logins);
    }
}
