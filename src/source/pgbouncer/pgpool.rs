//! pgpool-II: no console, but `SHOW POOL_…` on any of its connections, in simple queries only.
//!
//! Each of its processes serves one client at a time and keeps server connections per database and user for the next ones,
//! so a client is a process that has one. Who waits for a process waits in the listening socket's queue, where nobody
//! sees it.

use std::collections::HashMap;

use super::columns::{Column, Row, find, line, need};
use crate::connect::Answer;
use crate::model::backend::Client;
use crate::model::pooler::{ClientState, PoolerClient, PoolerFacts, PoolerPool, PoolerServer, PoolerSockets};
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::Text;

/// The servers behind it, by their number.
pub(super) type Nodes = HashMap<u64, Client>;

/// `SHOW POOL_NODES`.
pub(super) fn nodes(answer: &Answer, texts: &mut Interner) -> Result<Nodes, TargetError> {
    let [id, host, port] = need(answer, "SHOW POOL_NODES", ["node_id", "hostname", "port"])?;
    let node = |row: &Row, texts: &mut Interner| Some((id.number(row)?, host.end(port, row, texts)));
    Ok(answer.rows.iter().filter_map(|row| node(row, texts)).collect())
}

/// `SHOW POOL_POOLS`: a row per process, pool and server. The process that serves us shows by the pid of its backend.
pub(super) fn sockets(
    answer: &Answer,
    nodes: &Nodes,
    own_pid: i32,
    texts: &mut Interner,
) -> Result<PoolerSockets, TargetError> {
    let reader = Reader::new(answer)?;
    let mut sockets = PoolerSockets { linked: true, ..PoolerSockets::default() };
    let mut clients: HashMap<&[u8], u32> = HashMap::new();
    for row in &answer.rows {
        let Some(pid) = reader.pid(row) else { continue };
        let place = u32::try_from(sockets.servers.len()).unwrap_or(u32::MAX);
        let mut server = reader.server(row, pid, nodes, texts);
        if reader.connected.is_on(row) && pid == own_pid {
            sockets.consoles += 1;
        } else if reader.connected.is_on(row) {
            let count = u32::try_from(sockets.clients.len()).unwrap_or(u32::MAX);
            let client = *clients.entry(reader.process.raw(row)).or_insert(count);
            if client == count {
                sockets.clients.push(reader.client(row, place, texts));
            }
            server.client = Some(client);
        }
        sockets.servers.push(server);
    }
    texts.trim(answer.rows.len());
    Ok(sockets)
}

/// Pools as other poolers show them, counted from the connections.
pub(super) fn pools(sockets: &PoolerSockets) -> Vec<PoolerPool> {
    let mut pools: Vec<PoolerPool> = Vec::new();
    for server in &sockets.servers {
        let same = |pool: &&mut PoolerPool| pool.database == server.database && pool.user == server.user;
        let clients = sockets
            .clients
            .iter()
            .filter(|client| client.database == server.database && client.user == server.user);
        let count = |counted: &mut Option<u32>| *counted = Some(counted.unwrap_or(0).saturating_add(1));
        let is_active = &*server.state == ACTIVE;
        match pools.iter_mut().find(same) {
            Some(pool) => count(if is_active { &mut pool.sv_active } else { &mut pool.sv_idle }),
            None => pools.push(PoolerPool {
                database: server.database.clone(),
                user: server.user.clone(),
                cl_active: u32::try_from(clients.count()).ok(),
                sv_active: Some(u32::from(is_active)),
                sv_idle: Some(u32::from(!is_active)),
                pool_mode: Some(SESSION.into()),
                ..PoolerPool::default()
            }),
        }
    }
    pools
}

/// `SHOW POOL_STATUS`, which is its configuration.
pub(super) fn facts(answer: &Answer, sockets: Option<&PoolerSockets>) -> Result<PoolerFacts, TargetError> {
    let [item, value] = need(answer, "SHOW POOL_STATUS", ["item", "value"])?;
    let setting =
        |name: &str| answer.rows.iter().find(|row| item.word(row) == name).and_then(|row| value.count(row));
    let mut facts = PoolerFacts::default();
    let reserved = setting("reserved_connections").unwrap_or(0);
    let config = &mut facts.config;
    config.max_client_conn = setting("num_init_children").map(|children| children.saturating_sub(reserved));
    config.server_lifetime_s = setting("connection_life_time").filter(|span| *span > 0).map(f64::from);
    config.pool_mode = Some(SESSION.into());
    let used =
        |sockets: &PoolerSockets| u32::try_from(sockets.clients.len()).ok()?.checked_add(sockets.consoles);
    facts.used_clients = sockets.and_then(used);
    Ok(facts)
}

const ACTIVE: &str = "active";
const SESSION: &str = "session";

struct Reader {
    process: Column,
    place: [Column; 2],
    database: Column,
    user: Column,
    pid: Column,
    connected: Column,
    /// 4.3 and later.
    status: Column,
    /// 4.7 and later.
    remote: [Column; 2],
}

impl Reader {
    fn new(answer: &Answer) -> Result<Self, TargetError> {
        let [process, database, user, pid, connected] = need(
            answer,
            "SHOW POOL_POOLS",
            ["pool_pid", "database", "username", "pool_backendpid", "pool_connected"],
        )?;
        let [status, client_host, client_port, pool, node] =
            find(answer, ["status", "client_host", "client_port", "pool_id", "backend_id"]);
        Ok(Self {
            process,
            place: [pool, node],
            database,
            user,
            pid,
            connected,
            status,
            remote: [client_host, client_port],
        })
    }

    /// Of the backend; a place without a connection has none.
    fn pid(&self, row: &Row) -> Option<i32> {
        self.pid.number(row).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0)
    }

    fn client(&self, row: &Row, server: u32, texts: &mut Interner) -> PoolerClient {
        let [host, port] = self.remote;
        PoolerClient {
            id: self.process.line(row, texts),
            killable: false,
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: None,
            client: host.end(port, row, texts),
            client_pid: None,
            // It keeps its server connection until it goes, whatever it does.
            state: ClientState::Active,
            word: self.status.line(row, texts),
            wait_us: None,
            age_s: None,
            server: Some(server),
        }
    }

    fn server(&self, row: &Row, pid: i32, nodes: &Nodes, texts: &mut Interner) -> PoolerServer {
        let [pool, node] = self.place.map(|column| column.word(row));
        PoolerServer {
            id: Text::line(&format!("{}/{pool}/{node}", self.process.word(row))),
            database: self.database.line(row, texts),
            user: self.user.line(row, texts),
            application_name: None,
            state: line(if self.connected.is_on(row) { ACTIVE.as_bytes() } else { b"idle" }, texts),
            server: self.place[1].number(row).and_then(|node| nodes.get(&node).cloned()).unwrap_or_default(),
            local: Client::Unknown,
            pid: Some(pid),
            client: None,
            close_needed: false,
            age_s: None,
            request_age_s: None,
        }
    }
}
