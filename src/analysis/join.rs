//! Which backend each server connection of a pooler ends at.
//!
//! A pooler tells the process id that the server gave it. That is not enough: another server may have the same process
//! id, a pooler in between makes them up, and the two samples are from slightly different moments. So the address and
//! port at the pooler's end must be those that the server sees, and where they cannot be compared, user, database and
//! age must agree and the other connections to the same server must have found their backends there, too. What
//! remains in doubt is not joined.

mod claim;
mod reasons;
#[cfg(test)]
mod tests;

pub(super) use claim::{Past, Serving, serves};
pub(super) use reasons::{Sights, reasons};

use serde::{Deserialize, Serialize};

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::moment::Proof;
use crate::model::backend::{BackendId, BackendKind, Client, Session};
use crate::model::pooler::{PoolerDatabase, PoolerFacts, PoolerServer, PoolerSockets};
use crate::model::sample::Sample;
use crate::model::time::Timestamp;

/// How far the ages of a connection at its two ends may lie apart, s: poolers give whole seconds of their own clock.
const AGE_SLACK_S: f64 = 3.0;

/// Server connections younger than this may not be in the server's sample yet, s.
const SETTLED_S: f64 = 3.0;

/// Between which two moments of this machine's clock a sample was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Window {
    pub(super) fn of(sample: &Sample) -> Self {
        let took = Duration::try_from_secs_f64(sample.overhead.server_ms_per_sample / 1000.0);
        Self { from: sample.received_at.minus(took.unwrap_or_default()), to: sample.received_at }
    }
}

/// The sessions of one PostgreSQL target.
pub(super) struct Side<'a> {
    /// Index of the target.
    pub(super) target: usize,
    /// When they were read, by this machine's clock.
    pub(super) window: Window,
    /// When they were read, by the server's.
    at: Timestamp,
    /// Where the server says that it is.
    address: Option<&'a str>,
    sessions: Vec<&'a Session>,
    by_pid: HashMap<i32, usize>,
}

impl<'a> Side<'a> {
    /// The sessions of a PostgreSQL sample; `None` when it has none, or is not one.
    pub(super) fn new(target: usize, sample: &'a Sample) -> Option<Self> {
        let body = sample.postgres().filter(|body| !body.counts_only)?;
        let sessions: Vec<&Session> = body.backends.iter().map(|backend| &*backend.session).collect();
        let by_pid = sessions.iter().enumerate().map(|(row, session)| (session.id.pid, row)).collect();
        let address = body.identity.address.as_deref();
        Some(Self { target, window: Window::of(sample), at: sample.at, address, sessions, by_pid })
    }

    /// A moment of the server's clock by ours: not before the first, not after the second.
    pub(super) fn ours(&self, moment: Timestamp) -> Window {
        let shift = |end: Timestamp| {
            Timestamp::from_micros(end.as_micros() - self.at.as_micros() + moment.as_micros())
        };
        Window { from: shift(self.window.from), to: shift(self.window.to) }
    }

    /// Whether some of its sessions hide their client's port from us.
    pub(super) fn hides_ports(&self) -> bool {
        self.sessions.iter().any(|session| session.kind == BackendKind::Hidden)
    }
}

/// The server connections of one pooler.
pub(super) struct Pooled<'a> {
    /// Index of the target.
    pub(super) target: usize,
    /// When they were read.
    pub(super) window: Window,
    pub(super) sockets: &'a PoolerSockets,
    databases: HashMap<&'a str, &'a PoolerDatabase>,
}

impl<'a> Pooled<'a> {
    pub(super) fn new(
        target: usize,
        window: Window,
        sockets: &'a PoolerSockets,
        facts: Option<&'a PoolerFacts>,
    ) -> Self {
        let databases = facts.into_iter().flat_map(|facts| &facts.databases);
        let databases = databases.map(|database| (&*database.name, database)).collect();
        Self { target, window, sockets, databases }
    }

    /// The session has the user and the database that this connection logs in with.
    fn agrees(&self, server: &PoolerServer, session: &Session) -> bool {
        let database = self.databases.get(&*server.database);
        let name =
            database.and_then(|database| database.server_database.as_ref()).unwrap_or(&server.database);
        let user = database.and_then(|database| database.force_user.as_ref()).unwrap_or(&server.user);
        session.database == *name && (session.user == *user || session.user == server.user)
    }
}

/// The backend that a server connection ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into the sides.
    pub(super) side: usize,
    /// Index into the backends of the sample.
    pub(super) row: usize,
    pub(super) proof: Proof,
}

/// What came of a pooler's server connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    /// Parallel to [`PoolerSockets::servers`].
    pub(super) places: Vec<Option<Place>>,
    /// Connections that are old enough to be in every server's sample and have a process id.
    pub(super) settled: u32,
    /// Of these: paired.
    pub(super) paired: u32,
    /// Of these: a backend has the process id, but it is not the other end.
    pub(super) contradicted: u32,
    /// Of these: several backends could be it.
    pub(super) ambiguous: u32,
    /// Of these: the same connection is shown by a pooler target before this one.
    pub(super) doubled: u32,
}

/// What one server connection finds.
#[derive(Clone, Copy)]
enum Found {
    Nothing,
    Contradiction,
    Several,
    Double,
    One(Place),
}

/// Pairs the server connections of all poolers with the sessions of all servers. Each backend has one other end.
pub(super) fn pair(poolers: &[Pooled<'_>], sides: &[Side<'_>]) -> Vec<Pairing> {
    let mut found: Vec<Vec<Found>> = poolers.iter().map(|pooler| search(pooler, sides)).collect();
    for (pooler, found) in poolers.iter().zip(&mut found) {
        vote(pooler, sides, found);
    }
    settle_claims(&mut found);
    poolers.iter().zip(found).map(|(pooler, found)| sum_up(pooler.sockets, &found)).collect()
}

/// The sessions of a server that are poolers' connections.
pub(super) fn owned(poolers: &[Pooled<'_>], side: &Side<'_>) -> Vec<BackendId> {
    let pairings = pair(poolers, std::slice::from_ref(side));
    let places = pairings.iter().flat_map(|pairing| &pairing.places).flatten();
    places.map(|place| side.sessions[place.row].id).collect()
}

fn search(pooler: &Pooled<'_>, sides: &[Side<'_>]) -> Vec<Found> {
    pooler.sockets.servers.iter().map(|server| best(pooler, server, sides)).collect()
}

/// The backend for which most speaks.
fn best(pooler: &Pooled<'_>, server: &PoolerServer, sides: &[Side<'_>]) -> Found {
    let Some(pid) = server.pid.filter(|pid| *pid > 0) else { return Found::Nothing };
    let mut best = Found::Nothing;
    for (side, sessions) in sides.iter().enumerate() {
        let Some(row) = sessions.by_pid.get(&pid).copied() else { continue };
        let Some(proof) = proof(pooler, server, sessions, sessions.sessions[row]) else {
            if matches!(best, Found::Nothing) {
                best = Found::Contradiction;
            }
            continue;
        };
        let place = Place { side, row, proof };
        best = match best {
            Found::One(other) if other.proof > proof => Found::One(other),
            Found::One(other) if other.proof == proof => nearer(server, sides, other, place),
            Found::Several if proof < Proof::Wire => Found::Several,
            _ => Found::One(place),
        };
    }
    best
}

/// Of two backends that are as likely, the one on the server that the pooler says it is connected to.
fn nearer(server: &PoolerServer, sides: &[Side<'_>], one: Place, other: Place) -> Found {
    match (is_at(server, &sides[one.side]), is_at(server, &sides[other.side])) {
        (true, false) => Found::One(one),
        (false, true) => Found::One(other),
        _ => Found::Several,
    }
}

/// The server says of itself that it is where the pooler is connected to.
fn is_at(server: &PoolerServer, side: &Side<'_>) -> bool {
    match &server.server {
        Client::Tcp { .. } => side.address.is_some_and(|address| address == server.server.to_string()),
        Client::Local | Client::Unknown => false,
    }
}

/// What speaks for the pair beside the process id; `None` when something speaks against it.
fn proof(pooler: &Pooled<'_>, server: &PoolerServer, side: &Side<'_>, session: &Session) -> Option<Proof> {
    let agrees = || pooler.agrees(server, session);
    match (&server.local, &session.client) {
        (Client::Tcp { addr, port }, Client::Tcp { addr: seen, port: seen_port }) => {
            if port != seen_port {
                return None;
            }
            if same_address(addr, seen) { Some(Proof::Wire) } else { agrees().then_some(Proof::Port) }
        }
        (Client::Tcp { .. }, Client::Local) | (Client::Local, Client::Tcp { .. }) => None,
        (Client::Local, Client::Local) if !matches!(server.server, Client::Local) => None,
        (Client::Unknown, _) | (Client::Local, Client::Local) | (_, Client::Unknown) => {
            (agrees() && same_age(pooler, server, side, session)).then_some(Proof::Pid)
        }
    }
}

/// Both ends are as old as each other, and the backend was there when the pooler was read.
fn same_age(pooler: &Pooled<'_>, server: &PoolerServer, side: &Side<'_>, session: &Session) -> bool {
    let Some(start) = session.id.start.map(|start| side.ours(start)) else { return true };
    if start.from > pooler.window.to {
        return false;
    }
    let age = pooler.window.to.seconds_since(start.to);
    server.age_s.is_none_or(|told| (told - age).abs() <= AGE_SLACK_S)
}

fn same_address(one: &str, other: &str) -> bool {
    let parse = |address: &str| address.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    one == other || parse(one).is_some_and(|address| parse(other) == Some(address))
}

/// Drops pairs without an address to prove them when the other connections to the same server did not find their
/// backends there: a process id in common is chance, most of them in common is not.
fn vote(pooler: &Pooled<'_>, sides: &[Side<'_>], found: &mut [Found]) {
    let weak = |found: &Found| matches!(found, Found::One(place) if place.proof < Proof::Wire);
    if !found.iter().any(weak) {
        return;
    }
    let mut asked: HashMap<&Client, u32> = HashMap::new();
    let mut hits: HashMap<(&Client, usize), u32> = HashMap::new();
    for (server, found) in pooler.sockets.servers.iter().zip(&*found) {
        if let Found::One(place) = found {
            *hits.entry((&server.server, place.side)).or_default() += 1;
        }
        if is_settled(server) || matches!(found, Found::One(_)) {
            *asked.entry(&server.server).or_default() += 1;
        }
    }
    for (server, found) in pooler.sockets.servers.iter().zip(found) {
        let Found::One(place) = *found else { continue };
        let hits = hits.get(&(&server.server, place.side)).copied().unwrap_or(0);
        let asked = asked.get(&server.server).copied().unwrap_or(0);
        if place.proof < Proof::Wire && hits * 2 <= asked && !is_at(server, &sides[place.side]) {
            *found = Found::Contradiction;
        }
    }
}

fn is_settled(server: &PoolerServer) -> bool {
    server.pid.is_some_and(|pid| pid > 0) && server.age_s.is_none_or(|age| age >= SETTLED_S)
}

/// One connection per backend: the best proven; of two pooler targets that show the same one, the first.
fn settle_claims(found: &mut [Vec<Found>]) {
    let mut claims: HashMap<(usize, usize), (Proof, usize, usize)> = HashMap::new();
    for pooler in 0..found.len() {
        for server in 0..found[pooler].len() {
            let Found::One(place) = found[pooler][server] else { continue };
            let claim = (place.proof, pooler, server);
            let held = claims.entry((place.side, place.row)).or_insert(claim);
            if *held == claim {
                continue;
            }
            let (proof, by, at) = *held;
            if place.proof > proof {
                *held = claim;
                found[by][at] = Found::Several;
            } else if place.proof < proof {
                found[pooler][server] = Found::Several;
            } else if by != pooler {
                found[pooler][server] = Found::Double;
            } else {
                found[by][at] = Found::Several;
                found[pooler][server] = Found::Several;
            }
        }
    }
}

fn sum_up(sockets: &PoolerSockets, found: &[Found]) -> Pairing {
    let mut pairing = Pairing::default();
    for (server, found) in sockets.servers.iter().zip(found) {
        let place = match found {
            Found::One(place) => Some(*place),
            _ => None,
        };
        pairing.places.push(place);
        if !is_settled(server) {
            continue;
        }
        pairing.settled += 1;
        match found {
            Found::One(_) => pairing.paired += 1,
            Found::Contradiction => pairing.contradicted += 1,
            Found::Several => pairing.ambiguous += 1,
            Found::Double => pairing.doubled += 1,
            Found::Nothing => {}
        }
    }
    pairing
}
