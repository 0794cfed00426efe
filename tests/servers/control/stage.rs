//! What these tests share: seeing sessions, asking, answering, carrying out.

use std::sync::Arc;

use pooltop::connect::{self, Connection, Conninfo, Environment, Purpose};
use pooltop::control::audit::Audit;
use pooltop::control::confirm::{Access, Answer, Confirmed, Policy, Question, Surroundings};
use pooltop::control::executor::{Executor, Sampling, Setup};
use pooltop::model::audit::AuditRecord;
use pooltop::model::backend::{Backend, BackendId, BackendKind, Client, Session, State, Wait};
use pooltop::model::clock::Clock;
use pooltop::model::operation::{Aim, Operation, OperationKind, OperationReport, Outcome, Victim};
use pooltop::model::own::OwnSessions;
use pooltop::model::sample::ServerIdentity;
use pooltop::model::time::Timestamp;

use crate::support::{Postgres, wait_until};

/// An executor on one URL with its audit log, and the eyes of an operator.
pub(super) struct Stage {
    pub(super) executor: Executor,
    pub(super) audit: Audit,
    pub(super) own: OwnSessions,
    pub(super) identity: ServerIdentity,
    eyes: tokio_postgres::Client,
    _directory: tempfile::TempDir,
}

pub(super) fn policy() -> Policy {
    Policy {
        access: Access::Confirm,
        profile: "checkout".into(),
        bulk_limit: 20,
        protected_roles: Vec::new(),
    }
}

pub(super) fn conninfo(url: &str) -> Conninfo {
    Conninfo::resolve(url, &Environment::empty()).unwrap().0
}

pub(super) async fn sampling(url: &str) -> Connection {
    connect::open(&conninfo(url), Purpose::Sampling).await.unwrap()
}

impl Stage {
    /// Operations as superuser, straight to the server.
    pub(super) async fn on(server: &Postgres) -> Self {
        Self::with(server, &server.url("postgres", "postgres"), policy(), None).await
    }

    /// Operations over `url`, falling back on `sampling`. The operator saw the sessions over the same way.
    pub(super) async fn with(
        server: &Postgres,
        url: &str,
        policy: Policy,
        sampling: Option<Connection>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().join("pooltop/audit.jsonl"), "ada", "bastion");
        let own = OwnSessions::default();
        let fallback: Sampling = Arc::new(move || sampling.clone());
        let setup = Setup {
            conninfo: conninfo(url),
            policy,
            audit: audit.clone(),
            own: own.clone(),
            sampling: fallback,
            clock: Clock::real(),
        };
        let eyes = server.client().await;
        let identity = identity_of(server, &eyes).await;
        Self { executor: Executor::new(setup).unwrap(), audit, own, identity, eyes, _directory: directory }
    }

    /// A session as an operator sees it now.
    pub(super) async fn see(&self, pid: i32) -> Arc<Backend> {
        self.find(pid).await.unwrap_or_else(|| panic!("no backend {pid}"))
    }

    pub(super) async fn find(&self, pid: i32) -> Option<Arc<Backend>> {
        let sql =
            "SELECT *, backend_xid IS NOT NULL AS has_xid, host(client_addr) AS addr, usename::text AS owner,
                          datname::text AS base FROM pg_stat_activity WHERE pid = $1";
        let row = self.eyes.query_opt(sql, &[&pid]).await.unwrap()?;
        let moment = |name: &str| row.get::<_, Option<jiff::Timestamp>>(name).map(Timestamp::from);
        let text = |name: &str| row.get::<_, Option<String>>(name).unwrap_or_default();
        let session = Session {
            id: BackendId { pid, start: moment("backend_start") },
            kind: BackendKind::parse(row.get::<_, Option<String>>("backend_type").as_deref()),
            application_name: text("application_name").as_str().into(),
            user: text("owner").as_str().into(),
            database: text("base").as_str().into(),
            client: Client::Unknown,
            leader_pid: None,
        };
        let wait = Wait {
            class: text("wait_event_type").as_str().into(),
            event: text("wait_event").as_str().into(),
        };
        Some(Arc::new(Backend {
            session: Arc::new(session),
            state: State::parse(row.get::<_, Option<String>>("state").as_deref()),
            state_change: moment("state_change"),
            xact_start: moment("xact_start"),
            query_start: moment("query_start"),
            wait: Some(Arc::new(wait)),
            has_xid: row.get("has_xid"),
            has_xmin: false,
            query: Some(text("query").as_str().into()),
            query_id: None,
        }))
    }

    /// Waits until a session is in a state, and sees it there.
    pub(super) async fn see_in(&self, pid: i32, state: State) -> Arc<Backend> {
        wait_until("the session is in its state", async || {
            self.find(pid).await.is_some_and(|backend| backend.state == state)
        })
        .await;
        self.see(pid).await
    }

    pub(super) async fn is_there(&self, pid: i32) -> bool {
        self.find(pid).await.is_some()
    }

    pub(super) fn operation(&self, kind: OperationKind, victims: &[Arc<Backend>]) -> Operation {
        Operation {
            kind,
            target: "db1".into(),
            aim: Aim::Sessions {
                identity: self.identity.clone(),
                victims: victims.iter().cloned().map(Victim::from_seen).collect(),
            },
            reason: Some("idle in transaction since 09:00".into()),
        }
    }

    /// Asks, says yes, and carries out; returns every report.
    pub(super) async fn run(&mut self, operation: Operation) -> Vec<OperationReport> {
        let mut reports = Vec::new();
        self.executor.execute(say_yes(operation), |report| reports.push(report)).await;
        reports
    }

    pub(super) async fn terminate(&mut self, victims: &[Arc<Backend>]) -> Vec<Outcome> {
        let reports = self.run(self.operation(OperationKind::Terminate, victims)).await;
        outcomes(reports.last().unwrap())
    }

    pub(super) fn audited(&self) -> Vec<AuditRecord> {
        self.audit.last(1000, |_| true).unwrap()
    }
}

/// Confirms without a policy in the way, so that it is the executor that is tested.
pub(super) fn say_yes(operation: Operation) -> Confirmed<Operation> {
    let mut question = Question::new(operation, &policy(), &Surroundings::default()).unwrap();
    assert_eq!(question.left_out(), [], "everybody is asked about");
    question.answer(&Answer::Yes).unwrap().unwrap()
}

pub(super) fn outcomes(report: &OperationReport) -> Vec<Outcome> {
    report.outcomes.iter().map(|entry| entry.outcome).collect()
}

pub(super) fn message(reports: &[OperationReport], place: usize) -> &str {
    &reports.last().unwrap().outcomes[place].message
}

/// The server as a sample over TCP would tell.
async fn identity_of(server: &Postgres, eyes: &tokio_postgres::Client) -> ServerIdentity {
    let row = eyes.query_one("SELECT pg_postmaster_start_time(), pg_is_in_recovery()", &[]).await.unwrap();
    ServerIdentity {
        postmaster_start: row.get::<_, jiff::Timestamp>(0).into(),
        address: Some(format!("127.0.0.1:{}", server.port).as_str().into()),
        in_recovery: row.get(1),
    }
}

/// The same as a connection to a URL tells.
pub(super) async fn identity(url: &str) -> ServerIdentity {
    sampling(url).await.identity().clone()
}
