//! Whom the server, the policy or we ourselves refuse.

use std::sync::Arc;

use pooltop::control::confirm::{Access, Policy};
use pooltop::model::backend::State;
use pooltop::model::operation::{OperationKind, Outcome};

use super::stage::{Stage, conninfo, message, outcomes, policy, sampling};
use crate::support::{Held, Postgres, PostgresOptions, installations};

async fn held_by(server: &Postgres, role: &str) -> Held {
    server.hold_as(server.config(role, "postgres"), role, "BEGIN; SELECT 1").await
}

#[tokio::test]
async fn each_role_reaches_whom_the_server_lets_it_and_one_denial_spoils_nothing() {
    use Outcome::{Denied, Ended, Refused};
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server
            .execute(
                "CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN; CREATE ROLE helper LOGIN; CREATE ROLE member LOGIN;
                 CREATE ROLE outsider LOGIN NOINHERIT;
                 GRANT pg_monitor TO watcher, helper, member, outsider; GRANT pg_signal_backend TO helper;
                 GRANT app TO member; GRANT app TO outsider;",
            )
            .await;
        // A member that does not inherit sees no start but its own's since PostgreSQL 15; it never may signal.
        let outside = if installation.major < 15 { Denied } else { Refused };
        // Victims: of app, of a superuser, of the role itself.
        for (role, expected) in [
            ("postgres", [Ended, Ended, Ended]),
            ("helper", [Ended, Denied, Ended]),
            ("member", [Ended, Denied, Ended]),
            ("watcher", [Denied, Denied, Ended]),
            ("outsider", [outside, outside, Ended]),
        ] {
            let url = server.url(role, "postgres");
            let mut stage = Stage::with(&server, &url, policy(), None).await;
            let held = [
                held_by(&server, "app").await,
                held_by(&server, "postgres").await,
                held_by(&server, role).await,
            ];
            let mut seen = Vec::new();
            for session in &held {
                seen.push(stage.see_in(session.pid, State::IdleInTransaction).await);
            }
            let reports = stage.run(stage.operation(OperationKind::Terminate, &seen)).await;
            let found = outcomes(reports.last().unwrap());
            assert_eq!(found, expected, "{role} on PostgreSQL {}", installation.major);
            for (place, outcome) in found.iter().enumerate() {
                if *outcome == Denied {
                    assert!(message(&reports, place).contains("42501"), "{}", message(&reports, place));
                    assert!(stage.is_there(held[place].pid).await);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_protected_role_is_refused_by_the_statement_itself() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE billing LOGIN; CREATE ROLE rdsadmin LOGIN; CREATE ROLE app LOGIN").await;
    let strict = Policy { protected_roles: vec!["billing".into(), "rdsadmin".into()], ..policy() };
    let url = server.url("postgres", "postgres");
    let mut stage = Stage::with(&server, &url, strict, None).await;
    let mut seen = Vec::new();
    let held = [held_by(&server, "billing").await, held_by(&server, "app").await];
    for session in &held {
        seen.push(stage.see_in(session.pid, State::IdleInTransaction).await);
    }
    let reports = stage.run(stage.operation(OperationKind::Terminate, &seen)).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Refused, Outcome::Ended]);
    assert_eq!(message(&reports, 0), "role billing is protected");
    assert!(stage.is_there(held[0].pid).await);
}

#[tokio::test]
async fn our_own_sessions_are_never_signalled() {
    let server = Postgres::shared();
    let url = server.url("postgres", "postgres");
    let over = sampling(&url).await;
    // No operations connection can be had here, so the sampling connection would have to end itself.
    let nowhere = "postgres://postgres@127.0.0.1:1/postgres?connect_timeout=2";
    let mut stage = Stage::with(server, nowhere, policy(), Some(over.clone())).await;
    let listed = server.hold("listed", "BEGIN; SELECT 1").await;
    let seen =
        [stage.see(over.backend().pid).await, stage.see_in(listed.pid, State::IdleInTransaction).await];
    let _ours = stage.own.enter(seen[1].id());
    let reports = stage.run(stage.operation(OperationKind::Terminate, &seen)).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Refused, Outcome::Refused]);
    for place in [0, 1] {
        assert_eq!(message(&reports, place), "one of pooltop's own connections");
    }
    assert!(stage.is_there(over.backend().pid).await && stage.is_there(listed.pid).await);
}

#[tokio::test]
async fn the_operations_connection_is_known_as_our_own() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    stage.executor.warm(4).await.unwrap();
    assert_eq!(stage.own.open(), 0, "four free slots are not enough");
    stage.executor.warm(5).await.unwrap();
    assert_eq!(stage.own.open(), 1);
    drop(stage.executor);
    assert_eq!(stage.own.open(), 0);
}

#[tokio::test]
async fn another_process_than_a_client_backend_is_refused_by_the_statement_itself() {
    let server = Postgres::shared();
    let mut stage = Stage::on(server).await;
    let client = server.client().await;
    let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher'";
    let pid: i32 = client.query_one(sql, &[]).await.unwrap().get(0);
    let held = server.hold("mask", "BEGIN; SELECT 1").await;
    let (launcher, mask) = (stage.see(pid).await, stage.see_in(held.pid, State::IdleInTransaction).await);
    // A row that claims to be a client backend of somebody, with the launcher's pid and start.
    let (mut row, mut session) = ((*mask).clone(), (*mask.session).clone());
    session.id = launcher.id();
    row.session = Arc::new(session);
    let reports = stage.run(stage.operation(OperationKind::Terminate, &[Arc::new(row)])).await;
    assert_eq!(outcomes(reports.last().unwrap()), [Outcome::Refused], "{}", message(&reports, 0));
    assert!(stage.is_there(pid).await);
}

#[tokio::test]
async fn a_read_only_profile_has_no_executor() {
    let policy = Policy { access: Access::ReadOnly, ..policy() };
    let setup = pooltop::control::executor::Setup {
        conninfo: conninfo("postgres://postgres@127.0.0.1:1/postgres"),
        policy,
        audit: pooltop::control::audit::Audit::new("/nonexistent/audit.jsonl".into(), "ada", "bastion"),
        own: pooltop::model::own::OwnSessions::default(),
        sampling: Arc::new(|| None),
        clock: pooltop::model::clock::Clock::real(),
    };
    assert!(pooltop::control::executor::Executor::new(setup).is_err());
}
