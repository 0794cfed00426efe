//! E7: connections that nobody used while the others were never free: a pool with a free connection would have used it.

use super::now::{PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span};

pub(super) const POINTS: f64 = 35.0;
/// Fewer are chance.
const LEAST: usize = 2;
/// How busy the others have to be, 0–1.
const BUSY: f64 = 0.8;

pub(super) struct Untouched;

impl Evidence for Untouched {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let habits = &pool.track.habits;
        if habits.busy < BUSY || habits.marks_releases() {
            return None;
        }
        let idle: Vec<&Row<'_>> = pool.frozen().collect();
        let newest = idle.iter().filter_map(|row| row.age).min()?;
        if idle.len() < LEAST {
            return None;
        }
        let others = pool.rows.len() - idle.len();
        let connections = count(idle.len() as u64, "connection");
        Some(Weight {
            points: POINTS,
            claim: format!("{connections} untouched while the others were never free"),
            sentences: vec![format!(
                "{connections} untouched for at least {} while the other {others} were busy {:.0} % of the time",
                span(newest),
                habits.busy * 100.0
            )],
            backends: named(idle.iter().copied()),
            since: oldest(idle.iter().copied()),
            ..Weight::of(EvidenceKind::Untouched)
        })
    }
}
