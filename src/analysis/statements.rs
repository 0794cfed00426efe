//! Which statements keep connections busy: the load between two readings of `pg_stat_statements`.
//!
//! Little's law: the mean number of connections that execute a statement is the time spent in it, divided by the time that
//! passed. What connections are held for beyond all statements together is the application's own time inside its transactions.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::facts::{ServerFacts, StatementFacts};
use crate::model::sample::{PostgresSample, StateCounts};
use crate::text::Text;
use crate::text::redact::Redaction;

/// The load of one server by statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementLoad {
    /// Between the two readings, s; `None`: only one reading so far, the numbers are since the statistics began.
    pub window_s: Option<f64>,
    /// Mean connections in use in that time, executing or idle in a transaction.
    pub held: Option<f64>,
    /// Mean connections executing in that time, all statements together.
    pub executing: Option<f64>,
    /// By statement, the one that takes the most time first.
    pub rows: Vec<StatementRow>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementRow {
    /// `queryid`.
    pub query_id: i64,
    /// Normalised text; empty where the role may not read it.
    pub query: Text,
    /// Executions that ended in the window.
    pub calls: u64,
    /// Their time, ms.
    pub total_ms: f64,
    /// Their mean time, ms; `None` when there were none.
    pub mean_ms: Option<f64>,
    /// Shortest execution since the statistics began, ms.
    pub min_ms: Option<f64>,
    /// Longest execution since the statistics began, ms.
    pub max_ms: Option<f64>,
    /// Mean connections that executed it.
    pub busy: Option<f64>,
    /// Its part of the time of all statements, 0–1.
    pub share: Option<f64>,
}

impl StatementLoad {
    /// The part of the time in which connections were held that no statement ran, 0–1: the application's own. `None` where no
    /// connection was held for long enough to say.
    ///
    /// A statement counts when it ends, so a long one can make a window look fuller than it was; never below zero.
    pub fn application_share(&self) -> Option<f64> {
        let (held, executing) = (self.held?, self.executing?);
        (held >= 0.1).then(|| (1.0 - executing / held).max(0.0))
    }
}

/// What is remembered about one server's statements.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StatementTracker {
    facts: Option<Arc<ServerFacts>>,
    /// Sum and number of the samples' connections in use since those facts were read.
    held: (u64, u32),
    load: Option<Arc<StatementLoad>>,
}

impl StatementTracker {
    /// Learns from the next sample.
    pub(super) fn absorb(&mut self, sample: &PostgresSample) {
        if let Some(facts) = sample.facts.known()
            && self.facts.as_ref().is_none_or(|before| before.at < facts.at)
        {
            self.turn(facts);
        }
        if let Some(in_use) = in_use(sample) {
            self.held.0 += u64::from(in_use);
            self.held.1 += 1;
        }
    }

    /// Takes out of what is remembered what statements say.
    pub(super) fn redact(&mut self, redaction: Redaction) {
        self.facts = self.facts.as_ref().map(|facts| facts.redacted(redaction));
        for row in self.load.iter_mut().flat_map(|load| &mut Arc::make_mut(load).rows) {
            row.query = redaction.statement(&row.query).unwrap_or_default();
        }
    }

    /// The newest slow facts.
    pub(super) fn facts(&self) -> Option<&Arc<ServerFacts>> {
        self.facts.as_ref()
    }

    /// The newest load, where statements can be read.
    pub(super) fn load(&self) -> Option<Arc<StatementLoad>> {
        self.load.clone()
    }

    fn turn(&mut self, facts: &Arc<ServerFacts>) {
        let (sum, samples) = std::mem::take(&mut self.held);
        let before = self.facts.replace(Arc::clone(facts));
        let Some(now) = facts.statements.known() else {
            self.load = None;
            return;
        };
        let window = before.as_ref().and_then(|before| {
            let seconds = facts.at.seconds_since(before.at);
            let old = before.statements.known()?;
            (seconds > 0.0 && !was_reset(old, now)).then_some((seconds, old))
        });
        let mut load = match window {
            Some((seconds, old)) => between(seconds, old, now),
            None => {
                StatementLoad { rows: now.iter().map(since_the_start).collect(), ..StatementLoad::default() }
            }
        };
        load.held = window.filter(|_| samples > 0).map(|_| sum as f64 / f64::from(samples));
        load.rows.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms).then(a.query_id.cmp(&b.query_id)));
        self.load = Some(Arc::new(load));
    }
}

/// Connections in use; `None` when states could not be read.
fn in_use(sample: &PostgresSample) -> Option<u32> {
    let counts = sample.counts.unwrap_or_else(|| sample.backends.iter().collect::<StateCounts>());
    (counts.unknown == 0 || counts.unknown < counts.total())
        .then_some(counts.active + counts.idle_in_transaction + counts.aborted)
}

/// A counter that went back: the statistics were reset, or the statement was dropped from them and came again.
fn was_reset(old: &[StatementFacts], now: &[StatementFacts]) -> bool {
    let all = |rows: &[StatementFacts]| rows.first().and_then(|row| row.all_ms);
    match (all(old), all(now)) {
        (Some(old), Some(now)) => now < old,
        _ => false,
    }
}

fn between(seconds: f64, old: &[StatementFacts], now: &[StatementFacts]) -> StatementLoad {
    let known: HashMap<i64, &StatementFacts> = old.iter().map(|row| (row.query_id, row)).collect();
    let all = |rows: &[StatementFacts]| rows.first().and_then(|row| row.all_ms);
    let spent = all(now).zip(all(old)).map(|(now, old)| now - old);
    let mut rows: Vec<StatementRow> = now
        .iter()
        .map(|row| {
            // A statement that was not listed before was below the last one that was: all its time is new, at most.
            let before = known.get(&row.query_id).filter(|old| old.calls <= row.calls);
            let calls = row.calls - before.map_or(0, |old| old.calls);
            let total_ms = (row.total_ms - before.map_or(0.0, |old| old.total_ms)).max(0.0);
            StatementRow {
                calls,
                total_ms,
                mean_ms: (calls > 0).then(|| total_ms / calls as f64),
                busy: Some(total_ms / (seconds * 1e3)),
                share: spent.filter(|spent| *spent > 0.0).map(|spent| (total_ms / spent).min(1.0)),
                ..since_the_start(row)
            }
        })
        .collect();
    rows.retain(|row| row.calls > 0);
    StatementLoad {
        window_s: Some(seconds),
        held: None,
        executing: spent.map(|spent| spent / (seconds * 1e3)),
        rows,
    }
}

fn since_the_start(row: &StatementFacts) -> StatementRow {
    StatementRow {
        query_id: row.query_id,
        query: row.query.clone(),
        calls: row.calls,
        total_ms: row.total_ms,
        mean_ms: (row.calls > 0).then_some(row.mean_ms),
        min_ms: row.min_ms,
        max_ms: row.max_ms,
        busy: None,
        share: row.all_ms.filter(|all| *all > 0.0).map(|all| (row.total_ms / all).min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::{at, facts, row, sample};
    use crate::model::part::Part;

    fn statement(query_id: i64, calls: u64, total_ms: f64, all_ms: f64) -> StatementFacts {
        StatementFacts {
            query_id,
            query: Text::line(&format!("SELECT {query_id}")),
            calls,
            total_ms,
            mean_ms: total_ms / calls as f64,
            min_ms: Some(0.1),
            max_ms: Some(900.0),
            all_ms: Some(all_ms),
        }
    }

    /// Follows readings of statements at the given seconds; between them three connections are in use, one of them idle in
    /// a transaction.
    fn followed(readings: &[(u32, Vec<StatementFacts>)]) -> StatementLoad {
        let mut tracker = StatementTracker::default();
        let mut known = facts(100);
        for second in 0..=readings.last().map_or(0, |(second, _)| *second) {
            if let Some((_, statements)) = readings.iter().find(|(at, _)| *at == second) {
                known.at = at(f64::from(second));
                known.statements = Part::Known(statements.clone());
            }
            let now = f64::from(second);
            let rows = vec![
                row(1, "api").active(now - 0.1, "SELECT 1").build(),
                row(2, "api").active(now - 0.1, "SELECT 2").build(),
                row(3, "api").in_transaction(now - 0.1, "SELECT 2").build(),
                row(4, "api").idle(now - 0.1, "SELECT 2").build(),
            ];
            tracker.absorb(sample("db1", now, rows, &Arc::new(known.clone())).postgres().unwrap());
        }
        StatementLoad::clone(&tracker.load().unwrap())
    }

    #[test]
    fn the_load_of_a_statement_is_its_time_by_the_time_that_passed() {
        let load = followed(&[
            (0, vec![statement(1, 100, 50_000.0, 90_000.0), statement(2, 10, 1_000.0, 90_000.0)]),
            (30, vec![statement(1, 110, 65_000.0, 135_000.0), statement(2, 310, 31_000.0, 135_000.0)]),
        ]);
        assert_eq!(load.window_s, Some(30.0));
        let seen: Vec<_> =
            load.rows.iter().map(|row| (row.query_id, row.calls, row.busy, row.mean_ms)).collect();
        assert_eq!(seen, [(2, 300, Some(1.0), Some(100.0)), (1, 10, Some(0.5), Some(1500.0))]);
        assert_eq!(load.executing, Some(1.5));
        assert_eq!(load.held, Some(3.0));
        assert_eq!(load.application_share(), Some(0.5));
        assert!((load.rows[0].share.unwrap() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn one_reading_tells_of_the_time_since_the_statistics_began() {
        let load = followed(&[(0, vec![statement(1, 4, 400.0, 800.0)])]);
        assert_eq!((load.window_s, load.executing, load.application_share()), (None, None, None));
        assert_eq!((load.rows[0].calls, load.rows[0].busy, load.rows[0].share), (4, None, Some(0.5)));
    }

    #[test]
    fn after_a_reset_nothing_is_compared_with_what_was_before() {
        let load = followed(&[
            (0, vec![statement(1, 1000, 50_000.0, 90_000.0)]),
            (30, vec![statement(1, 3, 30.0, 30.0)]),
        ]);
        assert_eq!((load.window_s, load.rows[0].calls), (None, 3));
    }

    #[test]
    fn a_statement_that_nobody_ran_in_the_window_is_left_out() {
        let quiet = statement(1, 1000, 50_000.0, 90_000.0);
        let load = followed(&[(0, vec![quiet.clone()]), (30, vec![quiet])]);
        assert_eq!((load.rows.len(), load.executing), (0, Some(0.0)));
    }
}
