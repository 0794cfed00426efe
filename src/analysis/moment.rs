//! A moment: the newest samples and what they mean, made once per sample and shared by screen, exports and commands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layers::LayerLine;
use super::statements::StatementLoad;
use crate::model::app::AppAdvice;
use crate::model::audit::AuditRecord;
use crate::model::backend::Backend;
use crate::model::event::Event;
use crate::model::facts::ServerFacts;
use crate::model::finding::{Finding, Recommendation, Severity};
use crate::model::leak::LeakView;
use crate::model::limit::Limit;
use crate::model::locks::BlockingTree;
use crate::model::part::Missing;
use crate::model::pool::Pool;
use crate::model::pooler::{ClientState, PoolerClient, PoolerFacts, PoolerServer, PoolerSockets};
use crate::model::redis::{RedisClient, RedisCounters};
use crate::model::sample::{ServerIdentity, StateCounts};
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;
use crate::text::Text;

/// Everything known at one moment of a running profile.
#[derive(Clone, Debug)]
pub struct Moment {
    /// This machine's clock when it was made.
    pub at: Timestamp,
    /// Samples seen so far, over all targets.
    pub samples: u64,
    /// Every target of the profile, in the profile's order. [`BackendRow::target`] and others index it.
    pub targets: Vec<TargetStatus>,
    /// What each PostgreSQL target's newest sample says about the server; parallel to `targets`.
    pub servers: Vec<Option<ServerView>>,
    /// What each pooler target's newest sample says; parallel to `targets`.
    pub poolers: Vec<Option<PoolerView>>,
    /// What each Redis target's newest sample says; parallel to `targets`.
    pub redis: Vec<Option<RedisView>>,
    /// What each application target's newest answer says; parallel to `targets`.
    pub apps: Vec<Option<AppView>>,
    /// Every client backend that may be shown, by target and pid.
    pub backends: Vec<BackendRow>,
    /// Every client of a pooler and of a Redis server, by target, those that wait longest first.
    pub clients: Vec<ClientRow>,
    /// Every pool, the most troubled first.
    pub pools: Vec<PoolRow>,
    /// Each application through its layers, those that are stuck first.
    pub layers: Vec<LayerLine>,
    /// Every limit, the nearest to its ceiling first.
    pub limits: Vec<Limit>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What to do, the most urgent first.
    pub recommendations: Vec<Recommendation>,
    /// The one sentence.
    pub verdict: Verdict,
    /// What happened, newest last; bounded.
    pub events: Vec<Event>,
    /// Operations on this profile with their outcomes, newest last; bounded. Filled in by whoever runs the profile.
    pub operations: Vec<Arc<AuditRecord>>,
    /// Counts by state over time, the live PostgreSQL targets together (all, when none is live); gaps are `None`.
    pub series: StateSeries,
}

/// One PostgreSQL target's newest sample, without its rows.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// When it was sampled, by the server's clock: ages of its backends count from here.
    pub at: Timestamp,
    /// Which server, in which life.
    pub identity: ServerIdentity,
    /// Client backends by state, pooltop's own apart.
    pub counts: StateCounts,
    /// Sessions of this very process.
    pub own_sessions: u32,
    /// Processes that do not count against `max_connections`.
    pub other_processes: Vec<(Text, u32)>,
    /// Only counts could be read.
    pub counts_only: bool,
    /// Slow facts, where known.
    pub facts: Option<Arc<ServerFacts>>,
    /// Who waits for whom.
    pub tree: BlockingTree,
    /// Which statements keep its connections busy, where that can be read.
    pub statements: Option<Arc<StatementLoad>>,
}

/// One pooler target's newest sample.
#[derive(Clone, Debug)]
pub struct PoolerView {
    /// When it was sampled.
    pub at: Timestamp,
    /// Why its pools are not known now, where they could not be read.
    pub unread: Option<Missing>,
    /// Its clients and server connections, where they could be read.
    pub sockets: Option<Arc<PoolerSockets>>,
    /// Slow facts, where known.
    pub facts: Option<Arc<PoolerFacts>>,
    /// Its rates over the last minute, per database, where the pooler counts so per user.
    pub rates: Vec<PoolerRates>,
    /// Server connections that are old enough to be in the servers' samples, and how many of them were found there.
    pub joined: (u32, u32),
}

/// What a pooler did in the last minute, worked out of its totals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerRates {
    /// Database as the pooler names it.
    pub database: Text,
    /// User, where the pooler counts per user.
    pub user: Option<Text>,
    /// Transactions per second.
    pub transactions_per_s: Option<f64>,
    /// Queries per second.
    pub queries_per_s: Option<f64>,
    /// Errors per second.
    pub errors_per_s: Option<f64>,
    /// Mean wait of those that got a server connection, s; `None` where the pooler does not count these.
    pub wait_avg_s: Option<f64>,
    /// Seconds waited per second, by all clients that got a server connection in the end.
    pub wait_per_s: Option<f64>,
    /// Mean length of a transaction, s.
    pub transaction_avg_s: Option<f64>,
    /// Mean length of a query, s.
    pub query_avg_s: Option<f64>,
}

/// One application target's newest answer.
#[derive(Clone, Debug)]
pub struct AppView {
    /// When it was complete.
    pub at: Timestamp,
    /// What it was recognised as.
    pub shape: Text,
    /// From the request to the end of the answer, µs.
    pub round_trip_us: u64,
    /// Answers come from one of several processes.
    pub one_of_several: bool,
    /// What the application advises, in its own words.
    pub advice: Vec<AppAdvice>,
}

/// One Redis target's newest sample, without its clients.
#[derive(Clone, Debug)]
pub struct RedisView {
    /// When it was sampled.
    pub at: Timestamp,
    /// Its numbers, where they may be read.
    pub counters: Option<RedisCounters>,
    /// Clients without a name, which cannot be told from each other.
    pub nameless: u32,
    /// Why its clients are not known now, where they could not be read.
    pub unread: Option<Missing>,
}

/// One backend with what the analysis knows about it.
#[derive(Clone, Debug)]
pub struct BackendRow {
    /// Index into [`Moment::targets`].
    pub target: usize,
    /// The row as sampled, shared with the history.
    pub backend: Arc<Backend>,
    /// Index into [`Moment::pools`].
    pub pool: usize,
    /// Direct blockers; 0 stands for a prepared transaction.
    pub blocked_by: Vec<i32>,
    /// Pids that wait for it directly.
    pub blocks: Vec<i32>,
    /// Everyone who waits for it, directly or through others.
    pub blocks_transitively: u32,
    /// The severity of the leak finding that names it, if one does.
    pub suspect: Option<Severity>,
    /// Held by somebody who does nothing with it, as far as can be told.
    pub stranded: bool,
    /// How many connections its pool opened while it lay idle, at most one per sample.
    pub witnesses: u32,
    /// Another pooltop's session: shown as what it is.
    pub is_pooltop: bool,
    /// The pooler's connection that it is the other end of, where one of the profile's poolers owns it.
    pub via: Option<Via>,
}

/// The way from a backend to the pooled client that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    /// Index into [`Moment::targets`] of the pooler.
    pub pooler: usize,
    /// Index into the pooler's [`PoolerSockets::servers`] of the connection that ends at the backend.
    pub server: usize,
    /// Index into [`Moment::clients`] of the client whose transaction (in session mode: whose session) the backend's
    /// row shows. `None` = nobody's, or not certain: the pooler was read a little before or after the server, and in
    /// between the connection may have gone to somebody else.
    pub client: Option<usize>,
    /// Index into [`Moment::clients`] of the client that the pooler linked with it when the pooler was read.
    pub linked: Option<usize>,
    /// What the pairing of connection and backend rests on.
    pub proof: Proof,
    /// The connection goes to another client after each transaction or statement.
    pub lent: bool,
}

/// What says that a pooler's server connection ends at a backend, the weakest first. The process id always agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// User and database agree; no ports can be compared (Unix socket, hidden from our role, not told by the pooler).
    Pid,
    /// The port agrees, user and database, but not the address: translated on the way.
    Port,
    /// Address and port agree.
    Wire,
}

/// One client of a pooler or of a Redis server.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// Index into [`Moment::targets`].
    pub target: usize,
    /// Index into [`Moment::pools`].
    pub pool: Option<usize>,
    /// The row as sampled.
    pub seen: SeenClient,
    /// Index into [`Moment::backends`] of the backend that serves it now.
    pub backend: Option<usize>,
}

impl ClientRow {
    /// The client, if it is a pooler's.
    pub fn pooled(&self) -> Option<&PoolerClient> {
        match &self.seen {
            SeenClient::Pooler(sockets, index) => sockets.clients.get(*index),
            SeenClient::Redis(..) => None,
        }
    }

    /// The client, if it is a Redis server's.
    pub fn redis(&self) -> Option<&RedisClient> {
        match &self.seen {
            SeenClient::Redis(clients, index) => clients.get(*index),
            SeenClient::Pooler(..) => None,
        }
    }
}

/// A client as its server shows it, shared with the history.
#[derive(Clone, Debug)]
pub enum SeenClient {
    /// Of a pooler.
    Pooler(Arc<PoolerSockets>, usize),
    /// Of a Redis server.
    Redis(Arc<Vec<RedisClient>>, usize),
}

/// One pool with its recent past.
#[derive(Clone, Debug)]
pub struct PoolRow {
    /// The pool now.
    pub pool: Pool,
    /// Index into [`Moment::targets`].
    pub target: usize,
    /// Total connections over time, oldest first, one value per bucket of [`StateSeries::bucket_s`]; gaps are `None`.
    pub trend: Vec<Option<u32>>,
    /// Connections idle in transaction (aborted included) over the same buckets.
    pub idle_in_transaction_trend: Vec<Option<u32>>,
    /// Severity of the worst finding on it.
    pub finding: Option<Severity>,
    /// Index into [`Moment::findings`] of that finding.
    pub finding_index: Option<usize>,
    /// What speaks for a leak in it; `None` where nothing does.
    pub leak: Option<Arc<LeakView>>,
}

/// Counts by state over time. All vectors have the same length; the last entry is the newest.
#[derive(Clone, Debug, Default)]
pub struct StateSeries {
    /// Seconds per entry.
    pub bucket_s: f64,
    /// Counts, or a gap.
    pub counts: Vec<Option<StateCounts>>,
    /// Requests queued at poolers, or a gap.
    pub pending: Vec<Option<u32>>,
    /// Utilization of the nearest limit, 0–1 and above, or a gap.
    pub utilization: Vec<Option<f64>>,
}

/// The way from an application to the server, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    /// The pooler.
    pub pooler: &'a TargetStatus,
    /// The pooler's connection that ends at the backend.
    pub server: Option<&'a PoolerServer>,
    /// The client.
    pub client: Option<&'a PoolerClient>,
    /// The client is certain to be the one whose transaction or session the backend's row shows; otherwise it is the
    /// one that the pooler last linked with the connection.
    pub certain: bool,
    /// The backend.
    pub backend: Option<&'a BackendRow>,
}

impl Moment {
    /// The way through a pooler to a backend; `None` where none of the profile's poolers owns it.
    pub fn path<'a>(&'a self, row: &'a BackendRow) -> Option<Path<'a>> {
        let via = row.via?;
        let sockets = self.poolers.get(via.pooler)?.as_ref()?.sockets.as_ref()?;
        let client = via.client.or(via.linked).and_then(|index| self.clients.get(index));
        Some(Path {
            pooler: self.targets.get(via.pooler)?,
            server: sockets.servers.get(via.server),
            client: client.and_then(ClientRow::pooled),
            certain: via.client.is_some(),
            backend: Some(row),
        })
    }

    /// The way of a pooler's client; `None` for another kind of client.
    pub fn path_of_client<'a>(&'a self, row: &'a ClientRow) -> Option<Path<'a>> {
        let SeenClient::Pooler(sockets, index) = &row.seen else { return None };
        let client = sockets.clients.get(*index)?;
        let backend = row.backend.and_then(|backend| self.backends.get(backend));
        let certain = backend.and_then(|backend| backend.via?.client);
        Some(Path {
            pooler: self.targets.get(row.target)?,
            server: client.server.and_then(|server| sockets.servers.get(server as usize)),
            client: Some(client),
            certain: certain
                .and_then(|index| self.clients.get(index))
                .is_some_and(|one| std::ptr::eq(one, row)),
            backend,
        })
    }

    /// Whether any target has answered up to here.
    pub fn has_seen_anything(&self) -> bool {
        self.servers.iter().any(Option::is_some)
            || self.poolers.iter().any(Option::is_some)
            || self.redis.iter().any(Option::is_some)
            || self.apps.iter().any(Option::is_some)
    }

    /// The clients that wait in a pool, those that wait longest first.
    pub fn waiting(&self, pool: usize) -> impl Iterator<Item = &ClientRow> {
        let waits =
            |row: &&ClientRow| row.pooled().is_some_and(|client| client.state == ClientState::Waiting);
        self.clients.iter().filter(move |row| row.pool == Some(pool)).filter(waits)
    }

    /// When the sample of a row was taken, by its server's clock.
    pub fn sampled_at(&self, row: &BackendRow) -> Timestamp {
        self.servers.get(row.target).and_then(Option::as_ref).map_or(self.at, |server| server.at)
    }
}
