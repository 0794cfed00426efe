//! Clients and server connections.
//!
//! From PgBouncer as one `SHOW SOCKETS`: with `SHOW CLIENTS` and `SHOW SERVERS` one after the other nearly half of the links
//! are wrong on a busy pooler.

use std::collections::HashMap;

use super::ages::Ages;
use super::columns::{Column, Row, find, line, need};
use super::dialect::Dialect;
use super::pools::micros;
use crate::connect::Answer;
use crate::model::pooler::{ClientState, PoolerClient, PoolerServer, PoolerSockets};
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::Text;

/// One snapshot. Links are addresses, which are unique within it and reused after it.
pub(super) fn read(
    answer: &Answer,
    dialect: &Dialect,
    texts: &mut Interner,
) -> Result<PoolerSockets, TargetError> {
    let reader = Reader::new(answer)?;
    let (consoles, rows): (Vec<&Row>, Vec<&Row>) =
        answer.rows.iter().map(Vec::as_slice).partition(|row| reader.is_console(row, dialect));
    let ages = Ages::by_consoles(consoles.iter().filter_map(|row| reader.request_time.bytes(row)));
    let mut sockets = PoolerSockets {
        consoles: u32::try_from(consoles.len()).unwrap_or(u32::MAX),
        linked: true,
        ..PoolerSockets::default()
    };
    let (clients, servers): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(|row| reader.is_client(row));
    sockets.clients = clients.iter().map(|row| reader.client(row, ages, texts)).collect();
    sockets.servers = servers.iter().map(|row| reader.server(row, ages, texts)).collect();
    reader.link(&mut sockets, &clients, &servers);
    Ok(sockets)
}

/// What a client does, in the neutral words. `is_linked` where that is known.
pub(super) fn state(word: &str, is_linked: Option<bool>) -> ClientState {
    match word {
        // PgBouncer before 1.25 calls a client active that asked for nothing; it has no link then.
        "active" if is_linked == Some(false) => ClientState::Idle,
        "active" | "idle in transaction" => ClientState::Active,
        "waiting" | "queue" => ClientState::Waiting,
        "idle" | "pending" => ClientState::Idle,
        _ => ClientState::Other,
    }
}

/// Positions of everything in one answer.
struct Reader {
    kind: Column,
    user: Column,
    database: Column,
    state: Column,
    /// Address and port of the other end.
    remote: [Column; 2],
    /// The same of the pooler's own end.
    local: [Column; 2],
    connect_time: Column,
    request_time: Column,
    wait: [Column; 2],
    close_needed: Column,
    ptr: Column,
    link: Column,
    remote_pid: Column,
    application_name: Column,
    id: Column,
}

impl Reader {
    fn new(answer: &Answer) -> Result<Self, TargetError> {
        let [kind, user, database, state, ptr, link] =
            need(answer, "SHOW SOCKETS", ["type", "user", "database", "state", "ptr", "link"])?;
        let [connect_time, request_time, close_needed, remote_pid, application_name, id] = find(
            answer,
            ["connect_time", "request_time", "close_needed", "remote_pid", "application_name", "id"],
        );
        Ok(Self {
            kind,
            user,
            database,
            state,
            remote: find(answer, ["addr", "port"]),
            local: find(answer, ["local_addr", "local_port"]),
            connect_time,
            request_time,
            wait: find(answer, ["wait", "wait_us"]),
            close_needed,
            ptr,
            link,
            remote_pid,
            application_name,
            id,
        })
    }

    fn is_client(&self, row: &Row) -> bool {
        self.kind.raw(row) == b"C"
    }

    fn is_console(&self, row: &Row, dialect: &Dialect) -> bool {
        self.is_client(row) && dialect.is_console(self.database.raw(row))
    }

    /// `SHOW SOCKETS` writes `cl_active` and `sv_active` where the lists of clients and servers write `active`.
    fn state<'a>(&self, row: &'a Row) -> &'a [u8] {
        let word = self.state.raw(row);
        word.strip_prefix(b"cl_").or(word.strip_prefix(b"sv_")).unwrap_or(word)
    }

    fn pid(&self, row: &Row) -> Option<i32> {
        self.remote_pid.number(row).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0)
    }

    /// An identifier that stays valid, where the version has one.
    fn identifier(&self, row: &Row, texts: &mut Interner) -> (Text, bool) {
        match self.id.given(row, texts) {
            Some(id) => (id, true),
            None => (self.ptr.line(row, texts), false),
        }
    }

    fn client(&self, row: &Row, ages: Ages<'_>, texts: &mut Interner) -> PoolerClient {
        let (id, killable) = self.identifier(row, texts);
        let word = line(self.state(row), texts);
        let state = state(&word, Some(!self.link.raw(row).is_empty()));
        // Of a client that does not wait it is the age of its query; of one that the pooler could not even log in yet, zero.
        let wait = (state == ClientState::Waiting).then(|| micros(self.wait, row)).flatten();
        let [addr, port] = self.remote;
        PoolerClient {
            id,
            killable,
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: self.application_name.exists().then(|| self.application_name.line(row, texts)),
            client: addr.end(port, row, texts),
            client_pid: self.pid(row),
            state,
            word,
            wait_us: wait.filter(|wait| *wait > 0),
            age_s: ages.of(self.connect_time.raw(row)),
            server: None,
        }
    }

    fn server(&self, row: &Row, ages: Ages<'_>, texts: &mut Interner) -> PoolerServer {
        let ([addr, port], [local_addr, local_port]) = (self.remote, self.local);
        PoolerServer {
            id: self.identifier(row, texts).0,
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: self.application_name.exists().then(|| self.application_name.line(row, texts)),
            state: line(self.state(row), texts),
            server: addr.end(port, row, texts),
            local: local_addr.end(local_port, row, texts),
            pid: self.pid(row),
            client: None,
            close_needed: self.close_needed.is_on(row),
            age_s: ages.of(self.connect_time.raw(row)),
            request_age_s: ages.of(self.request_time.raw(row)),
        }
    }

    /// Turns links into places. Only where both ends name each other: in one snapshot they always do.
    fn link(&self, sockets: &mut PoolerSockets, clients: &[&Row], servers: &[&Row]) {
        let places: HashMap<&[u8], usize> =
            servers.iter().enumerate().map(|(place, row)| (self.ptr.raw(row), place)).collect();
        for (client, row) in clients.iter().enumerate() {
            let link = self.link.raw(row);
            let Some(&server) = places.get(link).filter(|_| !link.is_empty()) else { continue };
            let answers =
                servers.get(server).is_some_and(|row_of| self.link.raw(row_of) == self.ptr.raw(row));
            if answers {
                join(sockets, client, server);
            }
        }
    }
}

/// Notes that a server connection serves a client.
pub(super) fn join(sockets: &mut PoolerSockets, client: usize, server: usize) {
    let (Some(of_client), Some(of_server)) =
        (sockets.clients.get_mut(client), sockets.servers.get_mut(server))
    else {
        return;
    };
    // A client with several server connections, one per shard, is shown with the first.
    of_client.server = of_client.server.or(u32::try_from(server).ok());
    of_server.client = u32::try_from(client).ok();
}
