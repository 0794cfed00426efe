//! What a role without rights, or a server without tracking, still shows, and what it says about the rest.

use pooltop::model::backend::{BackendKind, Client, State};
use pooltop::model::target::Privilege;

use super::{Reader, row};
use crate::support::{Postgres, PostgresOptions, installations};

#[tokio::test]
async fn without_rights_counts_stay_right_and_the_grant_that_is_named_shows_the_rest() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.execute("CREATE ROLE \"Nobody else\" LOGIN").await;
        let first = server.hold("shop", "BEGIN; SELECT 1").await;
        let second = server.hold("shop", "SELECT 1").await;
        let url = server.url("Nobody%20else", "postgres");
        let mut reader = Reader::open(&url).await;
        let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;

        assert_eq!(
            sample.backends.iter().map(|b| b.pid()).collect::<Vec<_>>(),
            sorted(&[first.pid, second.pid])
        );
        let hidden = row(&sample, first.pid);
        assert_eq!((&hidden.session.kind, hidden.state), (&BackendKind::Hidden, State::Unknown));
        assert_eq!((hidden.query.as_deref(), hidden.session.id.start), (None, None));
        assert_eq!((&hidden.session.client, &*hidden.session.application_name), (&Client::Unknown, "shop"));
        assert_eq!((&*hidden.session.user, &*hidden.session.database), ("postgres", "postgres"));
        let gap = sample.missing.iter().find(|gap| gap.what.starts_with("states")).unwrap();
        assert_eq!(gap.fix.as_deref(), Some("GRANT pg_monitor TO \"Nobody else\""));
        assert_eq!(reader.source.describe().privilege, Some(Privilege::Limited));

        server.execute(gap.fix.as_deref().unwrap()).await;
        let mut reader = Reader::open(&url).await;
        let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
        assert_eq!(row(&sample, first.pid).query.as_deref(), Some("BEGIN; SELECT 1"));
        assert_eq!(sample.missing, []);
        assert_eq!(reader.source.describe().privilege, Some(Privilege::Monitor));
    }
}

#[tokio::test]
async fn untracked_sessions_are_disabled_and_it_is_said() {
    let server = Postgres::shared();
    let held = server.hold("untracked", "SET track_activities = off").await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.postgres().await;
    assert_eq!(row(&sample, held.pid).state, State::Disabled);
    let gap = sample.missing.iter().find(|gap| gap.why.contains("track_activities")).unwrap();
    assert!(gap.fix.is_some());
}

fn sorted(pids: &[i32]) -> Vec<i32> {
    let mut pids = pids.to_vec();
    pids.sort_unstable();
    pids
}
