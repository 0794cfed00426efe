//! Collectors on real servers that are full, restart, freeze or go away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pooltop::collect::{self, Handle, Mailbox, News, Target};
use pooltop::connect::{Conninfo, Environment};
use pooltop::model::clock::Clock;
use pooltop::model::event::EventKind;
use pooltop::model::own::OwnSessions;
use pooltop::model::sample::Sample;
use pooltop::model::target::{TargetState, TargetStatus};
use pooltop::source::postgres::PostgresOpener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Postgres, PostgresOptions};

/// A collector that samples often, and what it left behind.
pub(crate) struct Watch {
    mailbox: Mailbox,
    handle: Handle,
    newest: Mutex<Option<Arc<Sample>>>,
    _tasks: JoinSet<()>,
}

impl Watch {
    pub(crate) fn on(url: &str) -> Self {
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
        Self { mailbox, handle, newest: Mutex::default(), _tasks: tasks }
    }

    /// The newest sample.
    pub(crate) fn newest(&self) -> Arc<Sample> {
        self.newest.lock().unwrap().clone().unwrap()
    }

    /// The first news whose status is as wanted, with every event until then.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&TargetStatus) -> bool,
    ) -> (TargetStatus, Vec<EventKind>) {
        let (mut events, mut last) = (Vec::new(), None);
        let watching = async {
            loop {
                let News { statuses, events: new, samples, .. } = self.mailbox.take().await;
                if let Some(sample) = samples.into_values().flatten().last() {
                    *self.newest.lock().unwrap() = Some(sample);
                }
                events.extend(new.iter().map(|event| event.kind));
                let Some(status) = statuses.into_values().next() else { continue };
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
        };
        let status = timeout(Duration::from_secs(60), watching).await;
        (status.unwrap_or_else(|_| panic!("waited in vain: {what}; last {last:?}")), events)
    }
}

pub(crate) fn live(status: &TargetStatus) -> bool {
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

#[tokio::test]
async fn a_network_that_drops_everything_leaves_one_session_behind_which_is_known_as_ours() {
    let server = Postgres::start(&PostgresOptions::default());
    let network = Network::to(&server).await;
    let watch =
        Watch::on(&format!("postgres://postgres@127.0.0.1:{}/postgres?connect_timeout=2", network.port));
    watch.until("live", live).await;
    network.flow.send_replace(Flow::Drops);
    watch.until("stale", |status| status.state == TargetState::Stale).await;
    watch.until("lost", |status| status.state == TargetState::Down).await;
    watch.until("an attempt fails", |status| status.retry_in.is_some()).await;
    watch.until("tried again", |status| status.retry_in.is_none()).await;
    watch.until("another attempt fails", |status| status.retry_in.is_some()).await;
    network.flow.send_replace(Flow::Carries);
    watch.handle.retry();
    let left = |status: &TargetStatus| status.missing.iter().any(|gap| &*gap.what == "slots of our own");
    watch.until("the old session is known", |status| live(status) && left(status)).await;
    let sample = watch.newest();
    let body = sample.postgres().unwrap();
    assert_eq!((body.own_sessions, body.backends.len()), (2, 0), "no attempt in between has left one");
    network.flow.send_replace(Flow::Forgets);
    watch.until("the server has let it go", |status| live(status) && !left(status)).await;
    assert_eq!(watch.newest().postgres().unwrap().own_sessions, 1);
}

/// What a network does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Carries,
    /// Swallows everything, without closing anything.
    Drops,
    /// Carries; and the server's keepalives have found out about what was dropped before.
    Forgets,
}

/// A way to a server over such a network.
struct Network {
    port: u16,
    flow: watch::Sender<Flow>,
}

impl Network {
    async fn to(server: &Postgres) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (flow, now) = watch::channel(Flow::Carries);
        let target = server.port;
        tokio::spawn(async move {
            while let Ok((guest, _)) = listener.accept().await {
                tokio::spawn(carry(guest, target, now.clone()));
            }
        });
        Self { port, flow }
    }
}

/// Carries bytes until some are dropped; that connection never works again.
async fn carry(mut guest: TcpStream, target: u16, mut flow: watch::Receiver<Flow>) {
    let mut host = None;
    if *flow.borrow() != Flow::Drops {
        let host = host.insert(TcpStream::connect(("127.0.0.1", target)).await.unwrap());
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut guest, host) => return,
            _ = flow.wait_for(|flow| *flow == Flow::Drops) => {}
        }
    }
    let _ = flow.wait_for(|flow| *flow == Flow::Forgets).await;
}
