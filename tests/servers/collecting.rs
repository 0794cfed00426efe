//! Collectors on real servers that are full, restart, freeze or go away.

use std::sync::Arc;
use std::time::Duration;

use pooltop::collect::{self, Handle, Mailbox, News, Target};
use pooltop::connect::{Conninfo, Environment};
use pooltop::model::clock::Clock;
use pooltop::model::event::EventKind;
use pooltop::model::own::OwnSessions;
use pooltop::model::target::{TargetState, TargetStatus};
use pooltop::source::postgres::PostgresOpener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Postgres, PostgresOptions};

/// A collector that samples often, and what it left behind.
struct Watch {
    mailbox: Mailbox,
    handle: Handle,
    _tasks: JoinSet<()>,
}

impl Watch {
    fn on(url: &str) -> Self {
        let info = Conninfo::resolve(url, &Environment::empty()).unwrap().0;
        let opener = PostgresOpener::new("db1".into(), info, OwnSessions::default());
        let target = Target {
            name: "db1".into(),
            opener: Arc::new(opener),
            interval: Duration::from_millis(100),
            deadline: Duration::from_millis(500),
        };
        let (mailbox, mut tasks) = (Mailbox::default(), JoinSet::new());
        let handle = collect::spawn(target, Clock::real(), mailbox.clone(), &mut tasks);
        Self { mailbox, handle, _tasks: tasks }
    }

    /// The first news whose status is as wanted, with every event until then.
    async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&TargetStatus) -> bool,
    ) -> (TargetStatus, Vec<EventKind>) {
        let mut events = Vec::new();
        let watching = async {
            loop {
                let News { statuses, events: new, .. } = self.mailbox.take().await;
                events.extend(new.iter().map(|event| event.kind));
                if let Some(status) = statuses.into_values().find(|status| wanted(status)) {
                    return status;
                }
            }
        };
        let status = timeout(Duration::from_secs(60), watching).await;
        (status.unwrap_or_else(|_| panic!("waited in vain: {what}")), events)
    }
}

fn live(status: &TargetStatus) -> bool {
    status.state == TargetState::Live && status.error.is_none()
}

#[tokio::test]
async fn a_full_server_is_refused_with_its_words_and_live_as_soon_as_a_slot_is_free() {
    let server = Postgres::start(&PostgresOptions { max_connections: 5, ..PostgresOptions::default() });
    server.execute("CREATE ROLE app LOGIN").await;
    let app = || server.hold_as(server.config("app", "postgres"), "app", "");
    let mut held = vec![app().await, app().await];
    let watch = Watch::on(&server.url("app", "postgres"));
    let (status, events) = watch.until("refused", |status| status.retry_in.is_some()).await;
    let error = status.error.unwrap();
    assert_eq!((status.state, error.code.as_deref()), (TargetState::Refused, Some("53300")));
    assert!(error.message.contains("connection slots"), "{error:?}");
    assert_eq!(events, []);
    held.pop();
    let (status, events) = watch.until("live", live).await;
    assert_eq!((status.error, events), (None, vec![EventKind::Connected]));
}

#[tokio::test]
async fn a_restart_is_an_event_and_reading_goes_on() {
    let server = Postgres::start(&PostgresOptions::default());
    let watch = Watch::on(&server.url("postgres", "postgres"));
    watch.until("live", live).await;
    server.stop("INT");
    let (_, events) = watch.until("lost", |status| status.error.is_some() && !live(status)).await;
    assert!(events.contains(&EventKind::Lost), "{events:?}");
    server.start_again();
    watch.handle.retry();
    let (_, events) = watch.until("live again", live).await;
    assert!(events.contains(&EventKind::Connected) && events.contains(&EventKind::Restart), "{events:?}");
}

#[tokio::test]
async fn a_frozen_server_goes_stale_then_lost_and_no_sessions_pile_up() {
    let server = Postgres::start(&PostgresOptions::default());
    let watch = Watch::on(&server.url("postgres", "postgres?connect_timeout=2"));
    watch.until("live", live).await;
    server.freeze();
    watch.until("stale", |status| status.state == TargetState::Stale).await;
    watch.until("lost", |status| status.state == TargetState::Down).await;
    watch.until("a second attempt failed", |status| status.retry_in.is_some()).await;
    server.thaw();
    watch.until("live again", live).await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooltop'";
    let client = server.client().await;
    crate::support::wait_until("one session is left", async || {
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
}
