//! From the rows of `pg_stat_activity` to backends that share whatever did not change.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroI64;
use std::sync::Arc;

use super::cells::{Cell, Positions};
use super::intern::Interner;
use crate::connect::{APPLICATION_NAME, Row};
use crate::model::backend::{Backend, BackendId, BackendKind, Client, Session, State};
use crate::model::own::OwnSessions;
use crate::model::sample::ServerIdentity;
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::source::unreadable;
use crate::text::Text;

/// What makes a session: the first columns of [`BACKEND`].
const SESSION: usize = 9;
/// The columns of a backend.
const BACKEND: [&str; 19] = [
    "pid",
    "backend_start",
    "backend_type",
    "datname",
    "usename",
    "application_name",
    "client_addr",
    "client_port",
    "leader_pid",
    "state",
    "state_change",
    "xact_start",
    "query_start",
    "wait_event_type",
    "wait_event",
    "has_xid",
    "has_xmin",
    "query",
    "query_id",
];
/// What our own row says about the server.
const SERVER: [&str; 5] = ["now", "postmaster_start", "server_addr", "server_port", "in_recovery"];

/// One reading of `pg_stat_activity`.
#[derive(Debug)]
pub(super) struct Activity {
    /// Facts from our own row.
    pub(super) server: Server,
    /// The user we are connected as.
    pub(super) user: Text,
    /// Client backends other than our own, by pid.
    pub(super) backends: Vec<Arc<Backend>>,
    /// Sessions of this process.
    pub(super) own: Vec<BackendId>,
    /// Other processes by kind.
    pub(super) others: Vec<(Text, u32)>,
}

/// Time and identity of the server that answered.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) now: Timestamp,
    pub(super) identity: ServerIdentity,
}

impl Server {
    /// From our own row, in which alone these columns are set.
    pub(super) fn find(rows: &[Row]) -> Result<(Self, usize), TargetError> {
        let Some(first) = rows.first() else { return Err(unreadable("no rows")) };
        let positions = Positions::of(first, &SERVER)?;
        let found = rows.iter().enumerate().find_map(|(index, row)| {
            let [now, start, addr, port, recovery] = positions.cells(row);
            let address = addr.address().map(|addr| match port.int4() {
                Some(port) if addr.is_ipv6() => Text::line(&format!("[{addr}]:{port}")),
                Some(port) => Text::line(&format!("{addr}:{port}")),
                None => Text::line(&addr.to_string()),
            });
            let in_recovery = recovery.is_true();
            let identity = ServerIdentity { postmaster_start: start.timestamp()?, address, in_recovery };
            Some((Self { now: now.timestamp()?, identity }, index))
        });
        found.ok_or_else(|| unreadable("our own session is not in it"))
    }
}

/// Decodes readings, remembering the last one.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    known: HashMap<i32, Known>,
    texts: Interner,
    reading: u64,
}

/// A row as it was last seen.
#[derive(Debug)]
struct Known {
    session_print: u64,
    print: u64,
    backend: Arc<Backend>,
    reading: u64,
}

impl Decoder {
    /// A row in which nothing changed yields the very same backend as in the reading before.
    pub(super) fn decode(&mut self, rows: &[Row], own: &OwnSessions) -> Result<Activity, TargetError> {
        let (server, own_index) = Server::find(rows)?;
        let positions = Positions::of(&rows[own_index], &BACKEND)?;
        let mut sorter = Sorter::default();
        self.reading += 1;
        for (index, row) in rows.iter().enumerate() {
            let cells = positions.cells(row);
            let Some(backend) = self.backend(&cells) else { continue };
            if index == own_index || is_own(&backend, own) {
                sorter.own.push(backend.id());
            } else {
                sorter.sort(backend);
            }
        }
        let user = self.texts.line(positions.cells(&rows[own_index])[4]);
        self.known.retain(|_, known| known.reading == self.reading);
        self.texts.trim(rows.len());
        Ok(sorter.finish(server, user))
    }

    /// `None` for a row without a pid, which no server has.
    fn backend(&mut self, cells: &[Cell<'_>; BACKEND.len()]) -> Option<Arc<Backend>> {
        let pid = cells[0].int4()?;
        let (session_print, print) = self.texts.fingerprints(cells, SESSION);
        let session = match self.known.get_mut(&pid) {
            Some(known) if known.print == print => {
                known.reading = self.reading;
                return Some(Arc::clone(&known.backend));
            }
            Some(known) if known.session_print == session_print => Arc::clone(&known.backend.session),
            _ => Arc::new(self.session(pid, cells)),
        };
        let backend = Arc::new(self.activity(session, cells));
        let known = Known { session_print, print, backend: Arc::clone(&backend), reading: self.reading };
        self.known.insert(pid, known);
        Some(backend)
    }

    fn session(&mut self, pid: i32, cells: &[Cell<'_>; BACKEND.len()]) -> Session {
        let kind = BackendKind::parse(cells[2].word());
        let client = match (cells[6].address(), cells[7].int4()) {
            (Some(addr), Some(port)) => Client::Tcp {
                addr: self.texts.line(Cell(Some(addr.to_string().as_bytes()))),
                port: u16::try_from(port).unwrap_or_default(),
            },
            (None, Some(_)) => Client::Local,
            (_, None) => Client::Unknown,
        };
        Session {
            id: BackendId { pid, start: cells[1].timestamp() },
            kind,
            database: self.texts.line(cells[3]),
            user: self.texts.line(cells[4]),
            application_name: self.texts.line(cells[5]),
            client,
            leader_pid: cells[8].int4(),
        }
    }

    fn activity(&mut self, session: Arc<Session>, cells: &[Cell<'_>; BACKEND.len()]) -> Backend {
        let hidden = session.kind == BackendKind::Hidden;
        Backend {
            session,
            state: State::parse(cells[9].word()),
            state_change: cells[10].timestamp(),
            xact_start: cells[11].timestamp(),
            query_start: cells[12].timestamp(),
            wait: self.texts.wait(cells[13], cells[14]),
            has_xid: cells[15].is_true(),
            has_xmin: cells[16].is_true(),
            // What stands there in a hidden row is `<insufficient privilege>`.
            query: (!hidden && cells[17].0.is_some()).then(|| self.texts.block(cells[17])),
            query_id: cells[18].int8().and_then(NonZeroI64::new),
        }
    }
}

/// A session of this process. Where the wire is not proven direct, the backend may be a pooler's, which serves an
/// application a moment later: ours goes by no name there, and whoever goes by another one is not ours.
fn is_own(backend: &Backend, own: &OwnSessions) -> bool {
    let name = &backend.session.application_name;
    own.contains(backend.id()) && (name.is_empty() || name.starts_with(APPLICATION_NAME))
}

#[derive(Default)]
struct Sorter {
    backends: Vec<Arc<Backend>>,
    own: Vec<BackendId>,
    others: BTreeMap<Text, u32>,
}

impl Sorter {
    fn sort(&mut self, backend: Arc<Backend>) {
        match &backend.session.kind {
            BackendKind::Client => self.backends.push(backend),
            // The server's own processes are hidden too, but have no user or no database.
            BackendKind::Hidden if has_owner(&backend.session) => self.backends.push(backend),
            kind => *self.others.entry(process_name(kind)).or_default() += 1,
        }
    }

    fn finish(mut self, server: Server, user: Text) -> Activity {
        self.backends.sort_unstable_by_key(|backend| backend.pid());
        let others = self.others.into_iter().collect();
        Activity { server, user, backends: self.backends, own: self.own, others }
    }
}

fn has_owner(session: &Session) -> bool {
    !session.user.is_empty() && !session.database.is_empty()
}

/// What a process that holds no slot is called; `hidden` where the role may not see it.
pub(super) fn process_name(kind: &BackendKind) -> Text {
    match kind {
        BackendKind::Client => "client backend".into(),
        BackendKind::Hidden => "hidden".into(),
        BackendKind::ParallelWorker => "parallel worker".into(),
        BackendKind::WalSender => "walsender".into(),
        BackendKind::Other(word) => word.clone(),
    }
}
