//! Stories told second by second, and what the analysis must and must not say about them.

mod layers;
mod leaking;
mod limits;
mod not_leaking;
mod pools;
mod properties;
mod recorded;
mod redis;
mod sides;
mod suspicion;
mod verdicts;

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{Row, Stage, at, facts, row, sample, status, too_many_clients, with_waits};
use super::{Moment, Settings};
use crate::model::event::{Event, EventKind};
use crate::model::facts::PreparedTransaction;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::limit::LimitScope;
use crate::model::part::{Missing, Part};
use crate::model::pool::DeclaredPool;
use crate::model::pooler::PoolerPool;
use crate::model::sample::{Body, Sample, StateCounts};
use crate::model::target::{TargetKind, TargetState};
use crate::model::thresholds::Thresholds;
use crate::model::verdict::VerdictKind;

/// Thresholds ten times as short: a minute is six seconds.
fn fast() -> Settings {
    Settings { thresholds: Thresholds::default().scaled(0.1), ..Settings::default() }
}

/// Tells a story for so many seconds and returns every moment of it.
fn told(settings: Settings, seconds: u32, rows: impl Fn(f64) -> Vec<Row>) -> Vec<Moment> {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(settings);
    (1..=seconds)
        .map(|second| {
            let now = f64::from(second);
            stage.show(sample("db1", now, rows(now).iter().map(Row::build).collect(), &facts))
        })
        .collect()
}

/// The findings of the last moment that are about leaks.
fn leaks(moments: &[Moment]) -> Vec<&Finding> {
    moments
        .last()
        .map(|moment| moment.findings.iter().filter(|f| f.rule.is_leak()).collect())
        .unwrap_or_default()
}

/// The worst that was ever said about leaks.
fn worst_leak(moments: &[Moment]) -> Option<Severity> {
    let findings = moments.iter().flat_map(|moment| &moment.findings);
    findings.filter(|finding| finding.rule.is_leak()).map(|finding| finding.severity).max()
}

fn of(moment: &Moment, rule: Rule) -> Option<&Finding> {
    moment.findings.iter().find(|finding| finding.rule == rule)
}

fn pids(from: i32, count: i32) -> impl Iterator<Item = i32> {
    from..from + count
}

/// A request of a pool that never closes: each connection is used for a moment every few seconds.
fn busy(pid: i32, application: &str, now: f64) -> Row {
    row(pid, application).idle(now - f64::from(pid % 5), "COMMIT")
}

#[test]
fn an_analyser_survives_a_clock_that_goes_back() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    for second in [100.0, 101.0, 5.0, 6.0] {
        stage.show(sample("db1", second, vec![row(1, "api").build()], &facts));
    }
    let moment = stage.look();
    assert_eq!(moment.samples, 4);
    assert_eq!(moment.servers[0].as_ref().unwrap().at, at(6.0));
    assert!(moment.at.age_of(at(0.0)) >= Duration::from_secs(100));
}
