//! Recommendations: what to change so that it does not come back.
//!
//! One row per rule in [`RULES`], one small file per family. Where a finding says that something is wrong, and for how
//! long, the advice starts from it; what no finding tells is looked up in what is remembered of the last minutes.
//!
//! Not to be known from outside, and so no rule: whether a pool checks connections before use (a driver's ping leaves no
//! statement in `pg_stat_statements`), and timeouts that a pooler or an application does not count.

mod ceiling;
mod churn;
mod errors;
mod given;
mod idle_transactions;
mod leak;
mod locking;
mod overflow;
mod own_words;
mod path;
mod redis;
mod server;
mod size;
mod small;
mod transaction_mode;
mod under_use;
mod waiting;

use std::collections::HashSet;

use given::Given;

use super::reference::advice::{self as text, AdviceRow};
use super::scene::{PoolScene, Scene};
use crate::model::finding::{AdviceSeverity, Finding, Recommendation};
use crate::text::Text;

/// What comes first, however severe the rest: with a leak no size is right, and what fails goes before what is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Leak,
    Timeouts,
    Budget,
    Blocking,
    Wait,
    Churn,
    UnderUse,
    /// In an application's own words: nobody here knows how much they are worth.
    Told,
}

/// One rule.
struct Row {
    /// For tests, which name the rules shortly.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests tell rules apart by name"))]
    id: &'static str,
    class: Class,
    /// As the documentation tells it.
    text: &'static AdviceRow,
    check: fn(&Given<'_>) -> Vec<Advice>,
}

const fn row(
    id: &'static str,
    class: Class,
    text: &'static AdviceRow,
    check: fn(&Given<'_>) -> Vec<Advice>,
) -> Row {
    Row { id, class, text, check }
}

/// Every rule; R20's first half ("pre-ping is off") cannot be seen and is part of the suggestion of R9.
const RULES: [Row; 22] = [
    row("R1", Class::Wait, &text::HIGH_WAITS, waiting::long_waits),
    row("R2", Class::Wait, &text::NEARLY_EXHAUSTED, waiting::nearly_exhausted),
    row("R3", Class::Wait, &text::OVERFLOW, overflow::constant),
    row("R4", Class::Timeouts, &text::TIMEOUTS, waiting::timeouts),
    row("R5", Class::UnderUse, &text::UNDER_USED, under_use::idle_pools),
    row("R6", Class::Budget, &text::TOO_MANY, server::exhausted),
    row("R7", Class::Budget, &text::OVERCOMMITTED, server::overcommitted),
    row("R8", Class::Churn, &text::STALE, path::stale),
    row("R9", Class::Timeouts, &text::BROKEN, errors::broken),
    row("R10", Class::Timeouts, &text::UNSAFE, transaction_mode::unsafe_statements),
    row("R11", Class::Churn, &text::DOUBLE_RESET, transaction_mode::double_reset),
    row("R12", Class::Blocking, &text::UNGUARDED, idle_transactions::unguarded),
    row("R13", Class::Churn, &text::RECONNECTS, churn::reconnects),
    row("R14", Class::Wait, &text::SATURATED, ceiling::saturated),
    row("R15", Class::Budget, &text::MEMORY, server::memory),
    row("R16", Class::Leak, &text::BOUND, leak::bound_exceeded),
    row("R17", Class::Leak, &text::LEAK, leak::leaking),
    row("R18", Class::Budget, &text::SMALL, small::direct),
    row("R19", Class::Blocking, &text::LOCKED, locking::nested),
    row("R20", Class::Churn, &text::PINGS, errors::pings),
    row("redis", Class::Budget, &text::IDLE_REDIS, redis::idle_clients),
    row("own", Class::Told, &text::FROM_APPLICATIONS, own_words::of_applications),
];

/// Advice before it is ranked.
#[derive(Clone, Debug)]
struct Advice {
    pool: Option<Text>,
    severity: AdviceSeverity,
    /// How much of the pool or server is affected, 0–1 and above; ranks within a rule.
    share: f64,
    /// In other words than the rule's.
    issue: Option<Text>,
    suggestion: String,
    evidence: Vec<String>,
    formula: Option<String>,
}

impl Advice {
    /// About a server as a whole.
    fn new(severity: AdviceSeverity, suggestion: impl Into<String>) -> Self {
        Self {
            pool: None,
            severity,
            share: 0.0,
            issue: None,
            suggestion: suggestion.into(),
            evidence: Vec::new(),
            formula: None,
        }
    }

    /// About one pool.
    fn on(pool: &PoolScene<'_>, severity: AdviceSeverity, suggestion: impl Into<String>) -> Self {
        Self { pool: Some(pool.track.pool.name.clone()), ..Self::new(severity, suggestion) }
    }

    fn finish(self, row: &Row) -> Recommendation {
        Recommendation {
            pool: self.pool,
            severity: self.severity,
            issue: self.issue.unwrap_or_else(|| row.text.issue.into()),
            suggestion: Text::line(&self.suggestion),
            evidence: self.evidence.iter().map(|sentence| Text::line(sentence)).collect(),
            formula: self.formula.as_deref().map(Text::line),
        }
    }
}

/// All advice, what should be done first coming first.
pub(super) fn advise(scene: &Scene<'_>, findings: &[Finding]) -> Vec<Recommendation> {
    ranked(&Given::new(scene, findings)).into_iter().map(|(row, advice)| advice.finish(row)).collect()
}

fn ranked(given: &Given<'_>) -> Vec<(&'static Row, Advice)> {
    let of_row = |row: &'static Row| (row.check)(given).into_iter().map(move |advice| (row, advice));
    let mut all: Vec<(&Row, Advice)> = RULES.iter().flat_map(of_row).collect();
    // Stable: rules of a class keep their order where all else is equal.
    all.sort_by(|(a_row, a), (b_row, b)| {
        let by_share = b.share.total_cmp(&a.share);
        a_row.class.cmp(&b_row.class).then(b.severity.cmp(&a.severity)).then(by_share)
    });
    // A pool that waits is also nearly exhausted: the same remedy is said once.
    let mut said: HashSet<(Option<Text>, String)> = HashSet::new();
    all.retain(|(_, advice)| said.insert((advice.pool.clone(), advice.suggestion.clone())));
    all
}

#[cfg(test)]
mod tests;
