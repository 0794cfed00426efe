//! What is paused at poolers: as they show it, and as our own operations left it where they do not show it (yet).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::App;
use crate::analysis::Moment;
use crate::control::dialect::Dialect;
use crate::model::operation::{AimId, OperationKind, OperationReport, Outcome, PoolScope, PoolerWords};
use crate::model::pooler::{PoolerFacts, PoolerState};
use crate::model::target::TargetName;

/// What our own operations left paused or resumed.
#[derive(Debug, Default)]
pub struct Pauses(BTreeMap<(TargetName, PoolScope), Own>);

#[derive(Debug)]
struct Own {
    paused: bool,
    /// The facts that were known then: those tell nothing about it, newer ones do.
    facts: Option<Arc<PoolerFacts>>,
}

impl Pauses {
    /// Learns from what came of an operation.
    fn learn(&mut self, report: &OperationReport, moment: &Moment) {
        for entry in report.outcomes.iter().filter(|_| report.settled) {
            let AimId::Pools(scope) = &entry.id else { continue };
            let Some(paused) = left_paused(report.kind, entry.outcome) else { continue };
            let facts = facts_of(moment, &report.target).cloned();
            self.0.insert((TargetName::clone(&report.target), scope.clone()), Own { paused, facts });
        }
    }

    /// Everything that is paused, by target. In the `past` only what the poolers showed then.
    pub fn list(&self, moment: &Moment, past: bool) -> Vec<(TargetName, PoolScope)> {
        let mut found: Vec<(TargetName, PoolScope)> = Vec::new();
        for status in &moment.targets {
            let Some(facts) = facts_of(moment, &status.name) else { continue };
            found.extend(shown(facts).map(|scope| (TargetName::clone(&status.name), scope)));
        }
        for (key, own) in self.0.iter().filter(|(key, own)| !past && own.counts(&key.0, &key.1, moment)) {
            found.retain(|other| other != key);
            if own.paused {
                found.push(key.clone());
            }
        }
        found.sort();
        found
    }
}

impl Own {
    /// Whether it says more than the pooler's newest facts.
    fn counts(&self, target: &str, scope: &PoolScope, moment: &Moment) -> bool {
        let Some(newest) = facts_of(moment, target) else { return true };
        let newer = self.facts.as_ref().is_none_or(|known| !Arc::ptr_eq(known, newest));
        !newer || !shows(target, scope, moment)
    }
}

/// Whether the pooler's lists show that these pools are paused at all.
fn shows(target: &str, scope: &PoolScope, moment: &Moment) -> bool {
    let Some(status) = moment.targets.iter().find(|status| *status.name == *target) else { return false };
    let words = PoolerWords { kind: status.kind, version: status.version.clone().unwrap_or_default() };
    let dialect = Dialect::of(&words);
    match (&scope.database, &scope.user) {
        (None, _) => {
            dialect.shows_global_pause()
                && facts_of(moment, target).is_some_and(|facts| facts.state.is_some())
        }
        (Some(_), None) => dialect.shows_paused_databases(),
        (Some(_), Some(_)) => false,
    }
}

/// What an operation left: paused, running, or as it was.
fn left_paused(kind: OperationKind, outcome: Outcome) -> Option<bool> {
    use OperationKind::{KillDatabase, Pause, Resume};
    match (kind, outcome) {
        (Pause, Outcome::Signalled | Outcome::Unconfirmed | Outcome::Changed)
        | (KillDatabase, Outcome::Signalled | Outcome::Unconfirmed) => Some(true),
        (Resume, Outcome::Signalled | Outcome::Changed | Outcome::Gone) => Some(false),
        _ => None,
    }
}

fn facts_of<'m>(moment: &'m Moment, target: &str) -> Option<&'m Arc<PoolerFacts>> {
    let place = moment.targets.iter().position(|status| *status.name == *target)?;
    moment.poolers.get(place)?.as_ref()?.facts.as_ref()
}

/// What a pooler shows as paused.
fn shown(facts: &PoolerFacts) -> impl Iterator<Item = PoolScope> {
    let all = (facts.state == Some(PoolerState::Paused)).then(PoolScope::default);
    let databases = facts.databases.iter().filter(|database| database.paused);
    all.into_iter().chain(databases.map(|row| PoolScope { database: Some(row.name.clone()), user: None }))
}

impl App {
    /// Keeps in mind what an operation left paused.
    pub(super) fn note_pauses(&mut self, report: &OperationReport) {
        if let Some(moment) = self.reel.newest() {
            self.pauses.learn(report, moment);
        }
    }

    /// The line that stays as long as something is paused: `bouncer-1: database shop`.
    pub(in crate::ui) fn banner(&self) -> Option<String> {
        let paused = self.pauses.list(self.reel.shown()?, self.is_past());
        let parts: Vec<String> = paused.iter().map(|(target, scope)| format!("{target}: {scope}")).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
