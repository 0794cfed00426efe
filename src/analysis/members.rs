//! The sessions of one target from sample to sample: who came, who went, who moved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::leaks::endings::Ending;
use super::leaks::now::Plight;
use super::leaks::stranded::is_exempt;
use crate::model::backend::{Backend, BackendId, Session, State};
use crate::model::time::Timestamp;

/// What is remembered about one session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) session: Arc<Session>,
    /// Its pool's slot in the roster.
    pub(super) slot: usize,
    pub(super) state: State,
    pub(super) state_change: Option<Timestamp>,
    /// How many connections its pool opened while this one lay idle. A pool with a free connection opens no
    /// other, so each such birth says that this one was not free.
    pub(super) witnesses: u32,
    /// What it was doing in the newest sample.
    pub(super) plight: Plight,
    /// When pooltop first saw it.
    pub(super) first_seen: Timestamp,
    /// It ran a statement at least once.
    pub(super) used: bool,
    /// It listens for notifications, whatever it ran since.
    pub(super) listens: bool,
    /// Backups and monitors: nobody judges them.
    pub(super) exempt: bool,
    /// How often it was seen to be given back with a release's mark, and without one.
    pub(super) marked: u32,
    pub(super) unmarked: u32,
    /// Since when every sample saw it wait for its client in the same statement.
    pub(super) client_wait_since: Option<Timestamp>,
    /// When it was first seen waiting on a lock in this statement.
    pub(super) waiting_since: Option<Timestamp>,
    /// The last application name that was not empty, and when it was seen.
    pub(super) named: Option<(Arc<Session>, Timestamp)>,
}

impl Member {
    pub(super) fn id(&self) -> BackendId {
        self.session.id
    }

    /// A session that is new to pooltop.
    pub(super) fn new(backend: &Backend, slot: usize, at: Timestamp) -> Self {
        let mut member = Self {
            session: Arc::clone(&backend.session),
            slot,
            state: backend.state,
            state_change: backend.state_change,
            witnesses: 0,
            plight: Plight::default(),
            first_seen: at,
            used: false,
            listens: false,
            exempt: is_exempt(&backend.session.application_name),
            marked: 0,
            unmarked: 0,
            client_wait_since: None,
            waiting_since: None,
            named: None,
        };
        member.follow(backend, at);
        member
    }

    /// Takes over what the newest sample says. `true` when the session did something since the last one.
    pub(super) fn follow(&mut self, backend: &Backend, at: Timestamp) -> bool {
        let moved = self.state_change != backend.state_change || self.state != backend.state;
        if moved {
            self.witnesses = 0;
        }
        self.waiting_since = match (backend.waits_on_lock(), self.waiting_since) {
            (true, Some(since)) if !moved => Some(since),
            (true, _) => Some(at),
            (false, _) => None,
        };
        self.client_wait_since = match (waits_for_client(backend), self.client_wait_since) {
            (true, Some(since)) if !moved => Some(since),
            (true, _) => Some(at),
            (false, _) => None,
        };
        self.used |= backend.query_start.is_some();
        if !backend.session.application_name.is_empty() {
            self.named = Some((Arc::clone(&backend.session), at));
        }
        self.state = backend.state;
        self.state_change = backend.state_change;
        if !self.has_session(&backend.session) {
            self.exempt = is_exempt(&backend.session.application_name);
        }
        self.session = Arc::clone(&backend.session);
        moved
    }

    /// Whether the session still says the same about itself. Sessions that are read back are no longer shared.
    pub(super) fn has_session(&self, session: &Arc<Session>) -> bool {
        Arc::ptr_eq(&self.session, session) || self.session == *session
    }

    /// Learns from the statement that left it idle.
    pub(super) fn ended(&mut self, ending: Ending) {
        match ending {
            Ending::Listen => self.listens = true,
            Ending::Release => {
                self.listens = false;
                self.marked = self.marked.saturating_add(1);
            }
            Ending::Housekeeping | Ending::Work => self.unmarked = self.unmarked.saturating_add(1),
        }
    }
}

/// Runs a statement and waits for whoever asked for it.
fn waits_for_client(backend: &Backend) -> bool {
    let active = matches!(backend.state, State::Active | State::Fastpath);
    active && backend.wait.as_ref().is_some_and(|wait| &*wait.class == "Client")
}

/// One step of the merge of the members with a sample's rows, both sorted by pid.
pub(super) enum Step<'a> {
    /// Still there.
    Stayed(Member, &'a Arc<Backend>),
    /// Came.
    Born(&'a Arc<Backend>),
    /// Went.
    Died(Member),
}

/// Walks both lists once. A pid that another session has now is a death and a birth.
pub(super) fn merge(members: Vec<Member>, rows: &[Arc<Backend>], mut step: impl FnMut(Step<'_>)) {
    let mut members = members.into_iter().peekable();
    for row in rows {
        while let Some(gone) = members.next_if(|member| member.id().pid < row.pid()) {
            step(Step::Died(gone));
        }
        match members.next_if(|member| member.id().pid == row.pid()) {
            Some(same) if same.id() == row.id() => step(Step::Stayed(same, row)),
            Some(other) => {
                step(Step::Died(other));
                step(Step::Born(row));
            }
            None => step(Step::Born(row)),
        }
    }
    for gone in members {
        step(Step::Died(gone));
    }
}
