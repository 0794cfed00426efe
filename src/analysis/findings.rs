//! The rules: one small file each, one row each in [`CHECKS`].

pub(super) mod about;
mod blocked;
pub(super) mod budget;
mod churn;
pub(super) mod exhaustion;
mod leak;
mod logins;
mod long_transaction;
mod memory;
mod paused;
mod pooler_bounds;
mod prepared;
mod redis_clients;
mod reported;
mod server_changed;
mod slow_query;
mod transaction_mode;
mod utilization;
mod wait;
mod waiting;

use std::time::Duration;

use super::scene::{PoolScene, Scene};
use crate::model::backend::BackendId;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

pub(super) use memory::Memory;

/// One rule, or a family of rules that share what they look at.
///
/// A check looks at one moment and says what is wrong in it. It keeps nothing: how long something has been so is
/// remembered for it, by rule, target and pool, so at most one draft of a rule may name the same pool.
pub(super) trait Check: Sync {
    /// Everything this rule finds now.
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft>;
}

/// Every rule. The order is that in which equally severe findings are shown.
const CHECKS: &[&dyn Check] = &[
    &leak::Leak,
    &exhaustion::Exhaustion,
    &logins::Logins,
    &redis_clients::RedisClients,
    &paused::Paused,
    &waiting::Waiting,
    &reported::Reported,
    &blocked::Blocked,
    &pooler_bounds::PoolerBounds,
    &pooler_bounds::LoginStorm,
    &utilization::Utilization,
    &budget::Budget,
    &transaction_mode::TransactionMode,
    &prepared::Prepared,
    &wait::Wait,
    &slow_query::SlowQuery,
    &long_transaction::LongTransaction,
    &server_changed::ServerChanged,
    &churn::Churn,
];

/// A finding before it is known how long it has been so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    pub(super) target: TargetName,
    pub(super) pool: Option<(crate::model::pool::PoolKey, Text)>,
    pub(super) backends: Vec<BackendId>,
    /// Since when, where the data says it; else since it was first found.
    pub(super) since: Option<Timestamp>,
    /// It must have been so for this long before it is said.
    pub(super) sustained: Duration,
    pub(super) title: String,
    /// Sentences that an operator can check, the strongest first.
    pub(super) evidence: Vec<String>,
    pub(super) alternative: Option<&'static str>,
    pub(super) suggestion: Option<String>,
}

impl Draft {
    /// A draft about a target as a whole.
    pub(super) fn new(rule: Rule, severity: Severity, target: TargetName, title: String) -> Self {
        Self {
            rule,
            severity,
            target,
            pool: None,
            backends: Vec::new(),
            since: None,
            sustained: Duration::ZERO,
            title,
            evidence: Vec::new(),
            alternative: None,
            suggestion: None,
        }
    }

    /// A draft about one pool.
    pub(super) fn on_pool(rule: Rule, severity: Severity, pool: &PoolScene<'_>, title: String) -> Self {
        let key = pool.track.pool.key.clone();
        let target = TargetName::clone(&key.target);
        Self { pool: Some((key, pool.track.pool.name.clone())), ..Self::new(rule, severity, target, title) }
    }

    fn finish(self, since: Timestamp) -> Finding {
        let (pool, pool_name) = self.pool.unzip();
        Finding {
            rule: self.rule,
            severity: self.severity,
            target: self.target,
            pool,
            pool_name,
            backends: self.backends,
            since: self.since.unwrap_or(since),
            title: Text::line(&self.title),
            evidence: self.evidence.iter().map(|sentence| Text::line(sentence)).collect(),
            alternative: self.alternative.map(Text::line),
            suggestion: self.suggestion.as_deref().map(Text::line),
        }
    }
}

/// Runs every rule. The worst findings come first.
pub(super) fn find(scene: &Scene<'_>, memory: &mut Memory) -> Vec<Finding> {
    let drafts: Vec<Draft> = CHECKS.iter().flat_map(|check| check.check(scene)).collect();
    let mut findings = memory.publish(drafts, scene);
    // Stable: rules keep their order within a severity.
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.backends.len().cmp(&a.backends.len())));
    findings
}
