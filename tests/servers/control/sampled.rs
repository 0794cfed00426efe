//! From a sample to the end of a session: what the source sees is what the executor finds.

use std::sync::Arc;

use pooltop::control::confirm::{Answer, Question, Surroundings};
use pooltop::control::select::{Selector, select};
use pooltop::model::operation::{Aim, Operation, OperationKind, Outcome};
use pooltop::model::sample::PostgresSample;
use pooltop::source::postgres::PostgresOpener;
use pooltop::source::{Opener as _, Source};

use super::stage::{Stage, conninfo, outcomes, policy};
use crate::support::{PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, installations};

async fn sample(source: &mut dyn Source, pid: i32) -> (PostgresSample, pooltop::model::time::Timestamp) {
    for _ in 0..3000 {
        let sample = source.sample().await.unwrap();
        let body = sample.postgres().unwrap().clone();
        let idle = |row: &Arc<pooltop::model::backend::Backend>| {
            row.pid() == pid && row.state.is_idle_in_transaction()
        };
        if body.backends.iter().any(idle) {
            return (body, sample.at);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{pid} is not seen idle in transaction");
}

/// Samples over `url`, chooses by application and age, confirms, terminates.
async fn ends_a_leak(server: &Postgres, url: &str) {
    let mut stage = Stage::with(server, url, policy(), None).await;
    let opener = PostgresOpener::new("db1".into(), conninfo(url), stage.own.clone());
    let mut source = opener.open(None).await.unwrap();
    let held = server.hold("sampled-leak", "BEGIN; SELECT 1").await;
    let idle = server.hold("sampled-leak", "SELECT 1").await;
    stage.executor.warm(50).await.unwrap();
    let (seen, at) = sample(&mut *source, held.pid).await;
    assert!(seen.backends.iter().all(|row| !stage.own.contains(row.id())), "none of ours is among them");

    let selector = Selector {
        application: Some("sampled-*".to_owned()),
        idle_in_transaction_for: Some(std::time::Duration::ZERO),
        ..Selector::default()
    };
    let victims = select(&seen.backends, at, &selector).unwrap().victims;
    let kind = OperationKind::Terminate;
    let identity = seen.identity.clone();
    let aim = Aim::Sessions { identity, victims };
    let operation = Operation { kind, target: "db1".into(), aim, reason: None };
    let mut question = Question::new(operation, &policy(), &Surroundings::default()).unwrap();
    let (again, _) = sample(&mut *source, held.pid).await;
    assert!(!question.refresh(&again.identity, &again.backends), "nobody moved");
    let confirmed = question.answer(&Answer::Yes).unwrap().unwrap();
    let report = stage.executor.execute(confirmed, |_| {}).await;
    assert_eq!(outcomes(&report), [Outcome::Ended], "{report:?}");
    assert_eq!(report.outcomes[0].id.pid(), Some(held.pid));
    assert!(stage.is_there(idle.pid).await);
}

#[tokio::test]
async fn a_leak_that_was_sampled_is_ended_on_every_version() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        ends_a_leak(&server, &server.url("postgres", "postgres")).await;
        // Over a Unix socket the server has no address, and is known by its start.
        let socket = server.socket_directory().display();
        ends_a_leak(&server, &format!("host={socket} port={} user=postgres dbname=postgres", server.port))
            .await;
    }
}

#[tokio::test]
async fn a_leak_that_was_sampled_through_a_transaction_pooler_is_ended_through_it() {
    let server = Postgres::start(&PostgresOptions::default());
    let Some(pooler) = PgBouncer::start(&server, &PgBouncerOptions::default()) else { return };
    ends_a_leak(&server, &pooler.url("postgres", "postgres")).await;
}
