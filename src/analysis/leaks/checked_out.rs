//! E2: idle without having been given back, in a pool whose releases leave a mark.
//!
//! asyncpg resets a session on every release, a session pooler discards everything: where most idle connections
//! end with such a statement, one that ends with something else is checked out, exactly.

use super::now::{Plight, PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::fingerprint::fingerprint;
use crate::text::span::{count, span};

pub(super) const FIRST: f64 = 25.0;
pub(super) const EACH_MORE: f64 = 20.0;
pub(super) const CAP: f64 = 80.0;

pub(super) struct CheckedOut;

impl Evidence for CheckedOut {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let held: Vec<&Row<'_>> = pool.with(Plight::CheckedOut).collect();
        let age = held.iter().filter_map(|row| row.age).max()?;
        let habits = &pool.track.habits;
        let connections = count(held.len() as u64, "connection");
        Some(Weight {
            points: (FIRST + EACH_MORE * (held.len() - 1) as f64).min(CAP),
            claim: format!("{connections} checked out and silent, the longest for {}", span(age)),
            sentences: vec![format!(
                "{connections} checked out and silent: {} of {} releases seen here end with a reset, {} not{}",
                habits.releases,
                habits.endings,
                if held.len() == 1 { "this one does" } else { "these do" },
                last_ran(&held)
            )],
            backends: named(held.iter().copied()),
            since: oldest(held.iter().copied()),
            ..Weight::of(EvidenceKind::CheckedOut)
        })
    }
}

fn last_ran(held: &[&Row<'_>]) -> String {
    let Some(first) = held.first().and_then(|row| row.backend.query.as_deref()) else { return String::new() };
    let shape = held.first().and_then(|row| row.shape);
    if held.iter().any(|row| row.shape != shape) {
        return String::new();
    }
    format!("; last ran `{}`", super::short(&fingerprint(&super::endings::beginning(first))))
}
