//! A moment: the newest samples and what they mean, made once per sample and shared by screen, exports and commands.

use std::sync::Arc;

use super::statements::StatementLoad;
use crate::model::backend::Backend;
use crate::model::event::Event;
use crate::model::facts::ServerFacts;
use crate::model::finding::{Finding, Recommendation, Severity};
use crate::model::limit::Limit;
use crate::model::locks::BlockingTree;
use crate::model::part::Missing;
use crate::model::pool::Pool;
use crate::model::pooler::{PoolerFacts, PoolerSockets};
use crate::model::redis::{RedisClient, RedisCounters};
use crate::model::sample::{ServerIdentity, StateCounts};
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;

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
    /// Every client backend that may be shown, by target and pid.
    pub backends: Vec<BackendRow>,
    /// Every client of a pooler and of a Redis server, by target, those that wait longest first.
    pub clients: Vec<ClientRow>,
    /// Every pool, the most troubled first.
    pub pools: Vec<PoolRow>,
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
    pub other_processes: Vec<(crate::text::Text, u32)>,
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
    /// Index into [`Moment::clients`]; `None` = no client is served now.
    pub client: Option<usize>,
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
}

impl Moment {
    /// When the sample of a row was taken, by its server's clock.
    pub fn sampled_at(&self, row: &BackendRow) -> Timestamp {
        self.servers.get(row.target).and_then(Option::as_ref).map_or(self.at, |server| server.at)
    }
}
