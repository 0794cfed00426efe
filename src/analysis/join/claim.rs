//! Which client a backend's row belongs to.
//!
//! Pooler and server are read one after the other, and in between a connection may have gone to another client. The
//! client that the pooler links with a connection is named as the holder of what the backend's row shows only where
//! the transaction (in session mode: the session) is proven to have lasted over both readings.

use std::collections::HashMap;

use super::{Side, Window};
use crate::model::backend::{Backend, State};
use crate::model::pooler::{PoolerClient, PoolerServer, PoolerSockets};
use crate::model::time::Timestamp;

/// Poolers give times in whole seconds: an age may be off by one at both ends.
const RESOLUTION_S: f64 = 2.0;

/// The pooler's snapshot before the newest one.
pub(in super::super) struct Past<'a> {
    window: Window,
    sockets: &'a PoolerSockets,
    /// By identifier, which may be reused: the connection found is compared in full.
    servers: HashMap<&'a str, usize>,
}

impl<'a> Past<'a> {
    pub(in super::super) fn new(window: Window, sockets: &'a PoolerSockets) -> Self {
        let servers =
            sockets.servers.iter().enumerate().map(|(index, server)| (&*server.id, index)).collect();
        Self { window, sockets, servers }
    }

    /// The client that this connection served then.
    fn client_of(&self, server: &PoolerServer) -> Option<&'a PoolerClient> {
        let then = self.sockets.servers.get(*self.servers.get(&*server.id)?)?;
        let same = then.pid == server.pid && then.local == server.local && then.server == server.server;
        self.sockets.clients.get(then.client.filter(|_| same)? as usize)
    }

    /// The same client had this connection then, too.
    fn agrees(&self, server: &PoolerServer, client: &PoolerClient) -> bool {
        self.client_of(server).is_some_and(|then| {
            then.id == client.id
                && then.client == client.client
                && then.client_pid == client.client_pid
                && then.user == client.user
                && then.database == client.database
        })
    }
}

/// One linked pair of client and server connection, and the backend at its end.
pub(in super::super) struct Serving<'a> {
    pub(in super::super) server: &'a PoolerServer,
    pub(in super::super) client: &'a PoolerClient,
    pub(in super::super) backend: &'a Backend,
    /// When the pooler was read.
    pub(in super::super) window: Window,
    /// The connection stays with its client until that leaves.
    pub(in super::super) session_mode: bool,
}

/// Whether what the backend's row shows is certain to be this client's.
pub(in super::super) fn serves(serving: &Serving<'_>, side: &Side<'_>, past: Option<&Past<'_>>) -> bool {
    let Some(since) = shown_since(serving.backend, serving.session_mode) else { return false };
    // By our clock, and at the latest.
    let since = side.ours(since).to;
    if serving.window.to <= side.window.from {
        return since <= serving.window.from;
    }
    // The pooler was read after the server. Nothing was answered since, so the transaction goes on. Of a rest that
    // says nothing: another client may have come and have no answer yet.
    let gap = serving.window.to.seconds_since(side.window.from) + RESOLUTION_S;
    let in_transaction = serving.backend.state != State::Idle;
    if in_transaction && serving.server.request_age_s.is_some_and(|age| age >= gap) {
        return true;
    }
    past.is_some_and(|past| {
        past.window.to <= side.window.from
            && past.agrees(serving.server, serving.client)
            && (since <= past.window.from || serving.session_mode && side.window.to <= serving.window.from)
    })
}

/// Since when the row shows what it shows: its transaction, or in session mode its rest.
fn shown_since(backend: &Backend, session_mode: bool) -> Option<Timestamp> {
    match backend.state {
        State::Active | State::Fastpath | State::IdleInTransaction => backend.xact_start,
        State::Aborted => backend.state_change,
        // Outside a transaction a linked connection is a race, except where it is lent for a whole session.
        State::Idle => backend.state_change.filter(|_| session_mode),
        State::Disabled | State::Starting | State::Unknown => None,
    }
}
