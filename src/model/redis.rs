//! What a Redis server returned: its clients and its counters.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::backend::Client;
use super::part::{Missing, Part};
use crate::text::Text;

/// One reading of a Redis server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedisSample {
    /// `redis_version`.
    pub version: Text,
    /// Numbers of `INFO clients` and `INFO stats`.
    pub counters: Part<RedisCounters>,
    /// `CLIENT LIST`, our own connection left out.
    pub clients: Part<Arc<Vec<RedisClient>>>,
    /// What this sample could not see.
    pub missing: Vec<Missing>,
}

/// Numbers of a Redis server; what this version does not give is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisCounters {
    /// `connected_clients`: replicas are not among them, our own connection is.
    pub connected: Option<u32>,
    /// `connected_slaves`: they count against `maxclients` too.
    pub replicas: Option<u32>,
    /// `cluster_connections`: so do the other nodes' connections (7.0 and later).
    pub cluster: Option<u32>,
    /// `maxclients`.
    pub max_clients: Option<u32>,
    /// `blocked_clients`: waiting in BLPOP and the like.
    pub blocked: Option<u32>,
    /// `pubsub_clients` (7.4 and later).
    pub pubsub: Option<u32>,
    /// `rejected_connections` since the start.
    pub rejected: Option<u64>,
    /// `total_connections_received` since the start.
    pub received: Option<u64>,
    /// `evicted_clients` since the start (7.0 and later).
    pub evicted: Option<u64>,
    /// `uptime_in_seconds`: smaller than before is a restart.
    pub uptime_s: Option<u64>,
}

/// One client of a Redis server. Ages are whole seconds, as Redis gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisClient {
    /// `id`: unique while the server runs.
    pub id: u64,
    /// `addr`: the client's end.
    pub client: Client,
    /// `name` from CLIENT SETNAME; empty when it set none.
    pub name: Text,
    /// `user` of the ACL.
    pub user: Text,
    /// `lib-name` and `lib-ver` (7.2 and later): `redis-py 5.0.1`.
    pub library: Option<Text>,
    /// Number of the database.
    pub db: u32,
    /// Connected for so long, s.
    pub age_s: u64,
    /// Since its last command, s.
    pub idle_s: u64,
    /// `flags`: N normal, b blocked, P pub/sub, x in MULTI, S replica, M master, O monitor, …
    pub flags: Text,
    /// Channels and patterns it is subscribed to.
    pub subscriptions: u32,
    /// `cmd`: its last command.
    pub command: Text,
    /// `omem`: memory of its output buffer, bytes.
    pub output_bytes: u64,
    /// `tot-mem`: all its memory, bytes.
    pub total_bytes: Option<u64>,
}

impl RedisCounters {
    /// What counts against `maxclients`, our own connection included.
    pub fn held(&self) -> Option<u32> {
        let others = self.replicas.unwrap_or(0).saturating_add(self.cluster.unwrap_or(0));
        self.connected.map(|connected| connected.saturating_add(others))
    }
}

impl RedisClient {
    /// Redis knows no checking out. A connection counts as idle when it sent nothing for a second and waits for nothing: it is
    /// not in a blocking command, not subscribed and not inside MULTI. The shortest time that Redis tells is one second.
    pub fn is_idle(&self) -> bool {
        self.idle_s >= 1 && !self.is_blocked() && !self.is_pubsub() && !self.flags.contains('x')
    }

    /// Waiting in a blocking command.
    pub fn is_blocked(&self) -> bool {
        self.flags.contains('b')
    }

    /// Subscribed to something.
    pub fn is_pubsub(&self) -> bool {
        self.flags.contains('P') || self.subscriptions > 0
    }

    /// A client of an application: no replica, no master, no monitor.
    pub fn is_normal(&self) -> bool {
        !self.flags.contains(['S', 'M', 'O'])
    }
}
