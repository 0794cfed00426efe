//! A busy server made up for tests and benchmarks: the same one for the same seed.

use std::sync::Arc;
use std::time::Duration;

use crate::model::backend::{Backend, BackendId, BackendKind, Client, Session, State, Wait};
use crate::model::part::{Missing, Part};
use crate::model::past::{Checkpoint, Frame};
use crate::model::sample::{Body, PostgresSample, Sample, ServerIdentity};
use crate::model::target::{Overhead, TargetKind, TargetName, TargetState, TargetStatus, Wire};
use crate::model::time::Timestamp;
use crate::text::Text;

/// When the made-up server begins: 2026-11-21 09:20 UTC.
pub const BEGIN: Timestamp = Timestamp::from_micros(1_795_252_800_000_000);
/// Stands as a literal in every statement of the made-up server.
pub const CANARY: &str = "canary-4711";

/// A server with so many sessions, some of which do something between two samples.
#[derive(Debug)]
pub struct Server {
    target: TargetName,
    backends: Vec<Arc<Backend>>,
    statements: Vec<Text>,
    changing: usize,
    now: Timestamp,
    dice: u64,
}

impl Server {
    /// `changing` of the `backends` do something between two samples, each time others.
    pub fn new(backends: usize, changing: usize) -> Self {
        let statements = (0..60).map(|n| {
            Text::block(&format!(
                "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id\n\
                 WHERE o.status = '{CANARY}' AND o.region_{n} = $1 ORDER BY o.placed_at DESC LIMIT $2"
            ))
        });
        let mut server = Self {
            target: "db1".into(),
            backends: Vec::new(),
            statements: statements.collect(),
            changing,
            now: BEGIN,
            dice: 0x9e37_79b9_7f4a_7c15,
        };
        server.backends = (0..backends).map(|n| server.backend(n)).collect();
        server
    }

    /// The time passes, and the server is read.
    pub fn sample(&mut self, after: Duration) -> Arc<Sample> {
        self.now = self.now.plus(after);
        let mut left = if after.is_zero() { 0 } else { self.changing };
        for which in 0..self.backends.len() {
            // Each of the rest is as likely as any other.
            if self.roll(self.backends.len() - which) < left {
                let changed = self.moved_on(&self.backends[which].clone());
                self.backends[which] = Arc::new(changed);
                left -= 1;
            }
        }
        let body = PostgresSample {
            identity: ServerIdentity { postmaster_start: BEGIN, address: None, in_recovery: false },
            wire: Wire::Direct,
            backends: self.backends.clone(),
            own_sessions: 1,
            other_processes: vec![("checkpointer".into(), 1)],
            counts_only: false,
            counts: None,
            locks: Part::Known(Arc::default()),
            facts: Part::Missing(Missing::new("facts", "not read yet")),
            missing: Vec::new(),
        };
        let received_at = self.now.plus(Duration::from_micros(1_234));
        let (target, at, overhead) = (self.target.clone(), self.now, Overhead::default());
        Arc::new(Sample { target, at, received_at, overhead, body: Body::Postgres(body) })
    }

    /// What a profile takes in with the next sample.
    pub fn frame(&mut self, after: Duration) -> Arc<Frame> {
        let sample = self.sample(after);
        let (at, statuses) = (sample.received_at, vec![self.status()]);
        Arc::new(Frame { at, samples: vec![sample], statuses, events: Vec::new(), operations: Vec::new() })
    }

    /// All that is known now.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let sample = self.sample(Duration::ZERO);
        Checkpoint {
            at: sample.received_at,
            targets: vec![self.target.clone()],
            samples: vec![sample],
            seen: 0,
            statuses: vec![self.status()],
            operations: Vec::new(),
            learned: vec![7; 1000].into(),
        }
    }

    fn status(&self) -> TargetStatus {
        TargetStatus {
            name: self.target.clone(),
            kind: TargetKind::Postgres,
            endpoint: "db1:5432/shop".into(),
            state: TargetState::Live,
            age: Some(Duration::from_millis(3)),
            error: None,
            retry_in: None,
            needs_secret: false,
            version: Some("17.2".into()),
            role: None,
            privilege: None,
            wire: Some(Wire::Direct),
            round_trip: None,
            replay_lag_s: None,
            overhead: Overhead::default(),
            dropped: 0,
            missing: Vec::new(),
            at: self.now,
        }
    }

    fn backend(&mut self, n: usize) -> Arc<Backend> {
        let pid = 10_000 + i32::try_from(n).unwrap_or(i32::MAX);
        let session = Session {
            id: BackendId { pid, start: Some(self.a_moment_ago()) },
            kind: BackendKind::Client,
            application_name: Text::line(&format!("checkout-{}", n % 10)),
            user: "app".into(),
            database: "shop".into(),
            client: Client::Tcp {
                addr: Text::line(&format!("10.0.{}.{}", n / 250, n % 250)),
                port: self.port(),
            },
            leader_pid: None,
        };
        let idle = Backend {
            session: Arc::new(session),
            state: State::Idle,
            state_change: Some(self.a_moment_ago()),
            xact_start: None,
            query_start: Some(self.a_moment_ago()),
            wait: Some(Arc::new(Wait { class: "Client".into(), event: "ClientRead".into() })),
            has_xid: false,
            has_xmin: false,
            query: Some(self.statement()),
            query_id: None,
        };
        Arc::new(idle)
    }

    /// The session after its next step: a statement begins, waits inside its transaction, or the transaction ends.
    fn moved_on(&mut self, before: &Backend) -> Backend {
        let (began, changed) = (self.a_moment_ago(), self.a_moment_ago());
        let waits = Arc::new(Wait { class: "Client".into(), event: "ClientRead".into() });
        let next = Backend { state_change: Some(changed), ..before.clone() };
        match before.state {
            State::Idle => Backend {
                state: State::Active,
                xact_start: Some(began),
                query_start: Some(changed),
                wait: None,
                has_xmin: true,
                query: Some(self.statement()),
                ..next
            },
            State::Active => {
                Backend { state: State::IdleInTransaction, wait: Some(waits), has_xmin: false, ..next }
            }
            _ => Backend { state: State::Idle, xact_start: None, ..next },
        }
    }

    fn a_moment_ago(&mut self) -> Timestamp {
        let micros = self.roll(1_000_000) as u64;
        self.now.minus(Duration::from_micros(micros))
    }

    fn statement(&mut self) -> Text {
        let which = self.roll(self.statements.len());
        self.statements[which].clone()
    }

    fn port(&mut self) -> u16 {
        u16::try_from(32_768 + self.roll(28_000)).unwrap_or(u16::MAX)
    }

    /// Up to, and without, `most`.
    fn roll(&mut self, most: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice >> 11).unwrap_or(usize::MAX) % most.max(1)
    }
}
