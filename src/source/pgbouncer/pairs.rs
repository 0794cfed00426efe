//! `SHOW CLIENTS` and `SHOW SERVERS` of PgBouncer's relatives, which have no snapshot of both.

use std::collections::HashMap;

use super::columns::{Column, Row, find, line, need};
use super::dialect::{Dialect, Names};
use super::sockets::{join, state};
use crate::connect::Answer;
use crate::model::pooler::{ClientState, PoolerClient, PoolerPool, PoolerServer, PoolerSockets};
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::Text;

/// Reads both lists. They are linked where a server connection names its client: that is true at the moment of the list of
/// server connections, whatever the client did at the moment of its own.
pub(super) fn read(
    clients: &Answer,
    servers: &Answer,
    names: Names,
    dialect: &Dialect,
    texts: &mut Interner,
) -> Result<PoolerSockets, TargetError> {
    let client_columns = Clients::new(clients, names)?;
    let server_columns = Servers::new(servers, names)?;
    let (consoles, rows): (Vec<&Row>, Vec<&Row>) = clients
        .rows
        .iter()
        .map(Vec::as_slice)
        .partition(|row| dialect.is_console(client_columns.database.raw(row)));
    let mut sockets = PoolerSockets {
        consoles: u32::try_from(consoles.len()).unwrap_or(u32::MAX),
        linked: server_columns.serves.exists(),
        clients: rows.iter().map(|row| client_columns.client(row, names.killable, texts)).collect(),
        servers: servers.rows.iter().map(|row| server_columns.server(row, texts)).collect(),
    };
    let places: HashMap<&[u8], usize> =
        rows.iter().enumerate().map(|(place, row)| (client_columns.id.raw(row), place)).collect();
    for (server, row) in servers.rows.iter().enumerate() {
        let link = server_columns.serves.raw(row);
        if let Some(&client) = places.get(link).filter(|_| !link.is_empty()) {
            join(&mut sockets, client, server);
        }
    }
    texts.trim(clients.rows.len() + servers.rows.len());
    Ok(sockets)
}

/// Clients that queue, for a pooler whose list of pools does not tell.
pub(super) fn count_queued(pools: &mut [PoolerPool], sockets: &PoolerSockets) {
    let mut queued: HashMap<(&Text, &Text), u32> = HashMap::new();
    for client in sockets.clients.iter().filter(|client| client.state == ClientState::Waiting) {
        *queued.entry((&client.database, &client.user)).or_default() += 1;
    }
    for pool in pools {
        let counted = queued.get(&(&pool.database, &pool.user)).copied().unwrap_or_default();
        pool.cl_waiting = pool.cl_waiting.or(Some(counted));
    }
}

struct Clients {
    id: Column,
    database: Column,
    user: Column,
    state: Column,
    application_name: Column,
    remote: [Column; 2],
    age: Column,
}

impl Clients {
    fn new(answer: &Answer, names: Names) -> Result<Self, TargetError> {
        let [database, user, state] = need(answer, "SHOW CLIENTS", ["database", "user", "state"])?;
        // Odyssey before 1.4 has no identifier but the address.
        let [id, ptr, application_name, age] =
            find(answer, [names.client_id, "ptr", "application_name", names.age]);
        let id = if id.exists() { id } else { ptr };
        Ok(Self { id, database, user, state, application_name, remote: find(answer, ["addr", "port"]), age })
    }

    fn client(&self, row: &Row, killable: bool, texts: &mut Interner) -> PoolerClient {
        let word = line(self.state.raw(row), texts);
        let [addr, port] = self.remote;
        let id = self.id.line(row, texts);
        PoolerClient {
            killable: killable && !id.is_empty() && !id.starts_with("0x"),
            id,
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: self.application_name.exists().then(|| self.application_name.line(row, texts)),
            client: addr.end(port, row, texts),
            client_pid: None,
            state: state(&word, None),
            word,
            // What these poolers call a wait is a constant, or the longest one so far.
            wait_us: None,
            age_s: self.age.number(row).map(|age| age as f64),
            server: None,
        }
    }
}

struct Servers {
    id: Column,
    database: Column,
    user: Column,
    state: Column,
    application_name: Column,
    remote: [Column; 2],
    local: [Column; 2],
    pid: Column,
    serves: Column,
    age: Column,
}

impl Servers {
    fn new(answer: &Answer, names: Names) -> Result<Self, TargetError> {
        let [database, user, state] = need(answer, "SHOW SERVERS", [names.server_database, "user", "state"])?;
        let [id, application_name, pid, serves, age] =
            find(answer, [names.server_id, "application_name", "remote_pid", names.serves, names.age]);
        Ok(Self {
            id,
            database,
            user,
            state,
            application_name,
            remote: find(answer, ["addr", "port"]),
            local: find(answer, ["local_addr", "local_port"]),
            pid,
            serves,
            age,
        })
    }

    fn server(&self, row: &Row, texts: &mut Interner) -> PoolerServer {
        let ([addr, port], [local_addr, local_port]) = (self.remote, self.local);
        let pid = self.pid.number(row).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0);
        PoolerServer {
            // Where there is no identifier, the backend's is one.
            id: if self.id.exists() { self.id.line(row, texts) } else { self.pid.line(row, texts) },
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: self.application_name.exists().then(|| self.application_name.line(row, texts)),
            state: self.state.line(row, texts),
            server: addr.end(port, row, texts),
            local: local_addr.end(local_port, row, texts),
            pid,
            client: None,
            close_needed: false,
            age_s: self.age.number(row).map(|age| age as f64),
            request_age_s: None,
        }
    }
}
