//! A named problem, with evidence in sentences; and what to do about it.

use serde::{Deserialize, Serialize};

use super::backend::BackendId;
use super::pool::PoolKey;
use super::target::TargetName;
use super::time::Timestamp;
use crate::text::Text;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; a watched suspect.
    Notice,
    /// Needs a look; a suspect.
    Warning,
    /// Needs a hand now; a leak.
    Critical,
}

impl Severity {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The name of a rule; the words are a contract with the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rule {
    /// Sessions idle in transaction past the threshold.
    #[serde(rename = "leak.idle_in_transaction")]
    LeakIdleInTransaction,
    /// Connections checked out and silent.
    #[serde(rename = "leak.checked_out")]
    LeakCheckedOut,
    /// A pool, or its stranded part, that only grows.
    #[serde(rename = "leak.growth")]
    LeakGrowth,
    /// All connections of a pool silent at its ceiling.
    #[serde(rename = "leak.ceiling")]
    LeakCeiling,
    /// More connections than declared.
    #[serde(rename = "pool.bound_exceeded")]
    PoolBoundExceeded,
    /// Requests queue for a connection.
    #[serde(rename = "pool.waiting")]
    PoolWaiting,
    /// A pool is nearly used up.
    #[serde(rename = "pool.utilization")]
    PoolUtilization,
    /// Overflow in constant use.
    #[serde(rename = "pool.overflow")]
    PoolOverflow,
    /// Requests gave up waiting.
    #[serde(rename = "pool.timeouts")]
    PoolTimeouts,
    /// Connections fail.
    #[serde(rename = "pool.errors")]
    PoolErrors,
    /// A pooler is paused.
    #[serde(rename = "pool.paused")]
    PoolPaused,
    /// The server's slots run out.
    #[serde(rename = "server.exhaustion")]
    ServerExhaustion,
    /// Declared pools together exceed the server.
    #[serde(rename = "server.budget")]
    ServerBudget,
    /// The server refuses though slots seem free: logins in progress.
    #[serde(rename = "server.logins")]
    ServerLogins,
    /// Backends wait on something other than locks.
    #[serde(rename = "server.wait")]
    ServerWait,
    /// Restart, failover or another server behind the name.
    #[serde(rename = "server.changed")]
    ServerChanged,
    /// Sessions wait for each other's locks.
    #[serde(rename = "lock.chain")]
    LockChain,
    /// A statement runs long.
    #[serde(rename = "query.slow")]
    QuerySlow,
    /// Something that breaks behind a transaction pooler.
    #[serde(rename = "pooler.transaction_mode")]
    PoolerTransactionMode,
    /// Redis clients near their limit.
    #[serde(rename = "redis.clients")]
    RedisClients,
    /// Connections open and close all the time.
    #[serde(rename = "connection.churn")]
    ConnectionChurn,
    /// A transaction open for long that still works.
    #[serde(rename = "transaction.long")]
    TransactionLong,
    /// A prepared transaction left behind.
    #[serde(rename = "transaction.prepared")]
    TransactionPrepared,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 23] = [
        Self::LeakIdleInTransaction,
        Self::LeakCheckedOut,
        Self::LeakGrowth,
        Self::LeakCeiling,
        Self::PoolBoundExceeded,
        Self::PoolWaiting,
        Self::PoolUtilization,
        Self::PoolOverflow,
        Self::PoolTimeouts,
        Self::PoolErrors,
        Self::PoolPaused,
        Self::ServerExhaustion,
        Self::ServerBudget,
        Self::ServerLogins,
        Self::ServerWait,
        Self::ServerChanged,
        Self::LockChain,
        Self::QuerySlow,
        Self::PoolerTransactionMode,
        Self::RedisClients,
        Self::ConnectionChurn,
        Self::TransactionLong,
        Self::TransactionPrepared,
    ];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeakIdleInTransaction => "leak.idle_in_transaction",
            Self::LeakCheckedOut => "leak.checked_out",
            Self::LeakGrowth => "leak.growth",
            Self::LeakCeiling => "leak.ceiling",
            Self::PoolBoundExceeded => "pool.bound_exceeded",
            Self::PoolWaiting => "pool.waiting",
            Self::PoolUtilization => "pool.utilization",
            Self::PoolOverflow => "pool.overflow",
            Self::PoolTimeouts => "pool.timeouts",
            Self::PoolErrors => "pool.errors",
            Self::PoolPaused => "pool.paused",
            Self::ServerExhaustion => "server.exhaustion",
            Self::ServerBudget => "server.budget",
            Self::ServerLogins => "server.logins",
            Self::ServerWait => "server.wait",
            Self::ServerChanged => "server.changed",
            Self::LockChain => "lock.chain",
            Self::QuerySlow => "query.slow",
            Self::PoolerTransactionMode => "pooler.transaction_mode",
            Self::RedisClients => "redis.clients",
            Self::ConnectionChurn => "connection.churn",
            Self::TransactionLong => "transaction.long",
            Self::TransactionPrepared => "transaction.prepared",
        }
    }

    /// A leak finding: the suspects panel shows these.
    pub fn is_leak(self) -> bool {
        self.as_str().starts_with("leak.") || self == Self::PoolBoundExceeded
    }
}

/// A named problem on something, with evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// On which target.
    pub target: TargetName,
    /// On which pool, if on one.
    pub pool: Option<PoolKey>,
    /// The pool's name for people.
    pub pool_name: Option<Text>,
    /// The backends concerned, worst first.
    pub backends: Vec<BackendId>,
    /// Since when.
    pub since: Timestamp,
    /// One line: `checkout-api: 14 connections idle in transaction, oldest 4m12s`.
    pub title: Text,
    /// Sentences that an operator can check, the strongest first.
    pub evidence: Vec<Text>,
    /// What else could explain it.
    pub alternative: Option<Text>,
    /// What to do.
    pub suggestion: Option<Text>,
}

/// Which finding it is, from sample to sample: what is wrong, where, and in which pool.
pub type FindingKey = (Rule, TargetName, Option<PoolKey>);

impl Finding {
    /// What stays the same while it holds.
    pub fn key(&self) -> FindingKey {
        (self.rule, self.target.clone(), self.pool.clone())
    }

    /// Whether it is the finding of this key.
    pub fn is(&self, (rule, target, pool): &FindingKey) -> bool {
        self.rule == *rule && self.target == *target && self.pool == *pool
    }
}

/// Advice with its arithmetic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The pool's name for people.
    pub pool: Option<Text>,
    /// `low`, `medium` or `high`.
    pub severity: AdviceSeverity,
    /// What is wrong.
    pub issue: Text,
    /// What to do.
    pub suggestion: Text,
    /// Sentences with numbers.
    pub evidence: Vec<Text>,
    /// The formula with its numbers filled in.
    pub formula: Option<Text>,
}

/// How urgent advice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdviceSeverity {
    /// When there is time.
    Low,
    /// Soon.
    Medium,
    /// Now.
    High,
}
