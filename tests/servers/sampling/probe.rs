//! What the doctor says, and that its statements help.

use pooltop::model::own::OwnSessions;
use pooltop::source::pgbouncer::PgbouncerOpener;
use pooltop::source::postgres::PostgresOpener;
use pooltop::source::probe::{Check, Health};

use super::conninfo;
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, installations};

async fn probe(url: &str) -> Vec<Check> {
    PostgresOpener::new("db1".into(), conninfo(url), OwnSessions::default()).probe().await
}

#[tokio::test]
async fn every_statement_that_the_doctor_names_ends_its_complaint() {
    for installation in installations() {
        let mut conf =
            vec!["shared_preload_libraries = 'pg_stat_statements'".into(), "track_activities = off".into()];
        if installation.major >= 16 {
            conf.push("reserved_connections = 2".into());
        }
        let options =
            PostgresOptions { version: Some(installation.major), conf, ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.execute("CREATE ROLE watcher LOGIN").await;
        let other = server.hold("app", "SELECT 1").await;
        let url = server.url("watcher", "postgres");
        let complaints = |checks: &[Check]| {
            checks.iter().filter(|check| check.health != Health::Good).cloned().collect::<Vec<_>>()
        };
        let before = complaints(&probe(&url).await);
        let names: Vec<&str> = before.iter().map(|check| &*check.what).collect();
        let mut expected = vec!["visibility", "cancel and terminate"];
        expected.extend((installation.major >= 16).then_some("a slot on a full server"));
        expected.extend(["what sessions do", "top statements"]);
        assert_eq!(names, expected);
        for check in before {
            for statement in check.fix.as_deref().unwrap().split("; ") {
                server.execute(statement).await;
            }
        }
        drop(other);
        assert_eq!(complaints(&probe(&url).await), []);
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_with_the_reason() {
    let server = Postgres::shared();
    let checks = probe(&server.url("no_such_role", "postgres")).await;
    assert_eq!((checks.len(), checks[0].health), (1, Health::Failed));
    assert!(checks[0].found.contains("no_such_role"), "{checks:?}");
}

#[tokio::test]
async fn a_pooler_is_told_from_a_server() {
    let server = Postgres::shared();
    let Some(pooler) = PgBouncer::start(server, &PgBouncerOptions::default()) else { return };
    let checks = probe(&pooler.url("postgres", "postgres")).await;
    let wire = checks.iter().find(|check| &*check.what == "wire").unwrap();
    assert_eq!(wire.health, Health::Limited);
    let console = PgbouncerOpener::new("b1".into(), conninfo(&pooler.console_url("stats"))).probe().await;
    let limits = console.iter().filter(|check| check.health != Health::Good);
    let limits: Vec<&str> = limits.map(|check| &*check.what).collect();
    assert_eq!(limits, ["operations"], "a stats user may look at everything: {console:?}");
    let refused = PgbouncerOpener::new("b1".into(), conninfo(&pooler.console_url("app"))).probe().await;
    assert_eq!(refused[0].health, Health::Failed);
}
