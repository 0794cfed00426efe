//! The document of schema `pooltop.snapshot/1`. Names and order of the fields are a contract with the outside:
//! extend it, do not rename. What is not known is `null`, with the reason in the target's `missing`.

use serde::Serialize;

use super::cell::Cell;
use crate::model::finding::{AdviceSeverity, Rule, Severity};
use crate::model::limit::LimitScope;
use crate::model::operation::{OperationKind, Outcome};
use crate::model::part::Missing;
use crate::model::pool::Layer;
use crate::model::target::{Privilege, Role, TargetKind, TargetName, TargetState};
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;
use crate::text::Text;
use crate::text::redact::Redaction;

/// The name and version of the schema.
pub const SCHEMA: &str = "pooltop.snapshot/1";

/// Everything known at one moment, ready to be written in any format.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The version that wrote it.
    pub pooltop_version: &'static str,
    /// The profile, or the endpoint of an ad-hoc one.
    pub profile: Text,
    /// This machine's clock when it was taken.
    pub taken_at: Timestamp,
    /// How long pooltop had been watching, s.
    pub window_s: f64,
    /// Samples seen in that time, over all targets.
    pub samples: u64,
    /// What was taken out of statements.
    pub redaction: Redaction,
    /// Targets, in the order of the profile.
    pub targets: Vec<Target>,
    /// Limits, the nearest to its ceiling first.
    pub limits: Vec<Limit>,
    /// Pools, the most troubled first.
    pub pools: Vec<Pool>,
    /// Client backends, without pooltop's own.
    pub backends: Vec<Backend>,
    /// Clients of poolers and Redis servers.
    pub clients: Vec<Client>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What to do, the most urgent first.
    pub recommendations: Vec<Recommendation>,
    /// The one sentence.
    pub verdict: Verdict,
    /// What was done, oldest first.
    pub operations: Vec<Operation>,
}

/// A row of one of the lists: its columns in the order of the contract, and its cells for tables.
pub(super) trait Row {
    /// Names of the fields.
    const COLUMNS: &'static [&'static str];
    /// The fields as cells of a CSV, escaped.
    fn cells(&self) -> Vec<String>;
}

/// Defines the row of a list once: its fields are what JSON writes and what CSV has as columns.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Row for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];
            fn cells(&self) -> Vec<String> {
                vec![$(self.$field.cell()),*]
            }
        }
    };
}

row! {
    /// One thing that pooltop connects to.
    Target {
        /// Unique in the profile.
        name: TargetName,
        /// What it is.
        kind: TargetKind,
        /// `host:port/database`, without any secret.
        endpoint: Text,
        /// How current its data is.
        state: TargetState,
        /// Age of its last sample, s.
        age_s: Option<f64>,
        /// Why it is not live.
        error: Option<TargetError>,
        /// As the server writes it.
        version: Option<Text>,
        /// Whether it takes writes.
        role: Option<Role>,
        /// What our role may see.
        privilege: Option<Privilege>,
        /// What pooltop costs it.
        overhead: Overhead,
        /// What is not known, and why.
        missing: Vec<Missing>,
        /// Of a standby: how old the newest transaction is that it has replayed, s.
        replay_lag_s: Option<f64>,
    }
}

/// Why a target is not live.
#[derive(Clone, Debug, Serialize)]
pub struct TargetError {
    /// SQLSTATE, where a server gave one.
    pub code: Option<Text>,
    /// The failure, with the server's own words.
    pub message: Text,
}

/// What pooltop costs a target.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Overhead {
    /// Connections that pooltop holds there.
    pub connections: u32,
    /// Statements in the last sample.
    pub statements_per_sample: f64,
    /// Milliseconds that the last sample took, network included.
    pub server_ms_per_sample: f64,
}

row! {
    /// A ceiling with what is used of it.
    Limit {
        /// What kind of ceiling.
        scope: LimitScope,
        /// Of what.
        name: Text,
        /// Where.
        target: TargetName,
        /// Connections that count against it, pooltop's included.
        used: u32,
        /// The raw ceiling.
        limit: Option<u32>,
        /// Of it, kept for superusers and reserved roles.
        reserved: u32,
        /// `used / (limit − reserved)`, 0–1.
        utilization: Option<f64>,
        /// Growth of `used` per minute.
        growth_per_min: Option<f64>,
        /// Seconds until it is reached at that growth.
        exhausted_in_s: Option<f64>,
    }
}

row! {
    /// A set of connections of one owner, in one layer.
    Pool {
        /// Its name for people.
        name: Text,
        /// Where it is seen.
        layer: Layer,
        /// On which target.
        target: TargetName,
        /// `None` where the pool spans several.
        application_name: Option<Text>,
        /// Likewise.
        user: Option<Text>,
        /// Likewise.
        database: Option<Text>,
        /// Likewise.
        client: Option<Text>,
        /// In use; on the server side total − idle.
        used: Option<u32>,
        /// Idle outside a transaction.
        idle: Option<u32>,
        /// Idle in transaction, not aborted.
        idle_in_transaction: Option<u32>,
        /// Idle in an aborted transaction.
        idle_in_transaction_aborted: Option<u32>,
        /// Running a statement.
        active: Option<u32>,
        /// Requests queued for a connection.
        pending: Option<u32>,
        /// Open connections.
        total: u32,
        /// The most that were open at once.
        peak: u32,
        /// Floor over all instances.
        min: Option<u32>,
        /// Ceiling over all instances.
        max: Option<u32>,
        /// Configured size, as the application reports it.
        size: Option<u32>,
        /// Connections beyond that size, as the application reports it.
        overflow: Option<i64>,
        /// How many of these there may be.
        max_overflow: Option<i64>,
        /// How long the longest queued request has waited, s.
        max_wait_s: Option<f64>,
        /// Mean wait for a connection, s.
        wait_avg_s: Option<f64>,
        /// Mean time that a connection is in use, s.
        use_avg_s: Option<f64>,
        /// Requests that gave up waiting.
        timeouts: Option<u64>,
        /// Connections that failed.
        errors: Option<u64>,
        /// Connections replaced for their age.
        recycled: Option<u64>,
        /// By `state_change`, aborted included, s.
        oldest_idle_in_transaction_s: Option<f64>,
        /// Connections seen to open.
        opened: Option<u64>,
        /// Connections seen to close.
        closed: Option<u64>,
        /// Connections that nobody seems to use any more.
        stranded: Option<u32>,
    }
}

row! {
    /// One client backend of a PostgreSQL server.
    Backend {
        /// On which target.
        target: TargetName,
        /// Name of its pool.
        pool: Option<Text>,
        /// Process id on the server.
        pid: i32,
        /// When the session began.
        backend_start: Option<Timestamp>,
        /// Possibly empty.
        application_name: Text,
        /// User.
        user: Option<Text>,
        /// Database.
        database: Option<Text>,
        /// Address of the other end; `None` on a Unix socket.
        client: Option<Text>,
        /// Port of the other end; `None` on a Unix socket.
        client_port: Option<u16>,
        /// PostgreSQL's own word.
        state: Option<&'static str>,
        /// What it waits for.
        wait_event_type: Option<Text>,
        /// What it waits for.
        wait_event: Option<Text>,
        /// Since `state_change`, s.
        state_age_s: Option<f64>,
        /// Since `xact_start`, s; `None` outside a transaction and in an aborted one.
        transaction_age_s: Option<f64>,
        /// Since `query_start` of the running or last statement, s.
        query_age_s: Option<f64>,
        /// Since `backend_start`, s.
        backend_age_s: Option<f64>,
        /// It has a transaction id, so it may have written.
        writes: Option<bool>,
        /// The running or last statement, redacted.
        query: Option<Text>,
        /// As text, because it exceeds what JSON numbers keep.
        query_id: Option<String>,
        /// Direct blockers; 0 stands for a prepared transaction.
        blocked_by: Vec<i32>,
        /// Pids that wait for it directly.
        blocks: Vec<i32>,
        /// How many locks it holds.
        locks: Option<u32>,
        /// The pooled client that it serves.
        via: Option<Via>,
    }
}

/// The pooled client behind a backend.
#[derive(Clone, Debug, Serialize)]
pub struct Via {
    /// Name of the pooler's target.
    pub pooler: TargetName,
    /// Address of the client.
    pub client: Option<Text>,
    /// The client's application name.
    pub application_name: Option<Text>,
    /// The client's user.
    pub user: Option<Text>,
}

row! {
    /// One client of a pooler or of a Redis server.
    Client {
        /// On which target.
        target: TargetName,
        /// Name of its pool.
        pool: Option<Text>,
        /// The pooler's own identifier.
        id: Text,
        /// Application name.
        application_name: Option<Text>,
        /// User.
        user: Option<Text>,
        /// Database.
        database: Option<Text>,
        /// Address.
        client: Option<Text>,
        /// Port.
        client_port: Option<u16>,
        /// The pooler's own word.
        state: Text,
        /// How long it has been queued, s.
        wait_s: Option<f64>,
        /// How long it has been connected, s.
        age_s: Option<f64>,
        /// The backend that serves it.
        pid: Option<i32>,
    }
}

row! {
    /// A named problem, with evidence.
    Finding {
        /// Which rule.
        rule: Rule,
        /// How bad.
        severity: Severity,
        /// Name of its pool.
        pool: Option<Text>,
        /// The backends concerned, worst first.
        pids: Vec<i32>,
        /// Since when.
        since: Timestamp,
        /// One line.
        title: Text,
        /// Sentences that an operator can check.
        evidence: Vec<Text>,
        /// What to do.
        suggestion: Option<Text>,
    }
}

row! {
    /// Advice with its arithmetic.
    Recommendation {
        /// Name of its pool.
        pool: Option<Text>,
        /// How urgent.
        severity: AdviceSeverity,
        /// What is wrong.
        issue: Text,
        /// What to do.
        suggestion: Text,
        /// Sentences with numbers.
        evidence: Vec<Text>,
        /// The formula with its numbers filled in.
        formula: Option<Text>,
    }
}

row! {
    /// What was done to one session, client or group of pools, and what came of it.
    Operation {
        /// When.
        at: Timestamp,
        /// In which profile.
        profile: Text,
        /// On which target.
        target: TargetName,
        /// The verb.
        operation: OperationKind,
        /// Process id on the server; `None` = it was not aimed at a session.
        pid: Option<i32>,
        /// `backend_start`.
        backend_start: Option<Timestamp>,
        /// `application_name`.
        application_name: Text,
        /// User.
        user: Text,
        /// Nothing was sent.
        dry_run: bool,
        /// What came of it; `None` where the trace ends before that.
        outcome: Option<Outcome>,
        /// Why, or what the server said.
        message: Text,
        /// The pooler's database; `None` for sessions, for Redis, and where the whole pooler was meant.
        database: Option<Text>,
        /// The identifier of a pooler's or Redis server's client.
        client_id: Option<Text>,
        /// Where that client is connected from: `address:port`.
        client: Option<Text>,
    }
}
