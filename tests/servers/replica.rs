//! Standbys, and their promotion.

use pooltop::model::event::EventKind;
use pooltop::model::target::Role;

use crate::collecting::{Watch, live};
use crate::support::{Postgres, PostgresOptions, installations};

#[tokio::test]
async fn a_standby_is_read_as_a_replica_and_its_promotion_is_a_failover() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.stop("INT");
        server.write_file("standby.signal", "");
        server.start_again();
        let held = server.hold("report", "BEGIN; SELECT 1").await;
        let watch = Watch::on(&server.url("postgres", "postgres"));
        let (status, _) = watch
            .until("read as a replica, with its facts", |status| {
                live(status) && status.role.is_some() && status.privilege.is_some()
            })
            .await;
        assert_eq!(status.role, Some(Role::Replica), "{}", server.major);
        let gaps = status.missing.iter().filter(|gap| &*gap.what != "top statements");
        assert_eq!(gaps.count(), 0, "{:?}", status.missing);
        let sample = watch.newest();
        let body = sample.postgres().unwrap();
        assert!(body.identity.in_recovery);
        assert_eq!(body.backends.iter().map(|row| row.pid()).collect::<Vec<_>>(), [held.pid]);
        assert!(body.facts.known().is_some(), "{:?}", body.facts);

        let promoted = server.client().await.query_one("SELECT pg_promote()", &[]).await.unwrap();
        assert!(promoted.get::<_, bool>(0));
        let (_, events) =
            watch.until("a primary", |status| live(status) && status.role == Some(Role::Primary)).await;
        assert_eq!(events, [EventKind::Failover], "{}", server.major);
    }
}
