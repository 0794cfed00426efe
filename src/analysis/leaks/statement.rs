//! E6: silent connections that nearly all ended with the same statement, although that is a rare one here: the code
//! path that does not give back.
//!
//! Never enough alone: a burst of one endpoint leaves the deep connections of a last-in-first-out pool just so.

use std::collections::HashMap;

use super::cohorts::GAP;
use super::endings::{Ending, beginning};
use super::now::{PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::backend::State;
use crate::model::leak::EvidenceKind;
use crate::text::fingerprint::fingerprint;
use crate::text::span::count;

/// Fewer silent connections, or fewer statements known, say nothing.
const SILENT: usize = 3;
const KNOWN: f64 = 8.0;
/// Rarer by chance than this.
const CHANCE: f64 = 1e-3;
/// A statement that makes half of the traffic is no code path of its own.
const COMMON: f64 = 0.5;
/// Points per power of ten.
pub(super) const PER_DECADE: f64 = 8.0;
/// Below a suspect.
pub(super) const CAP: f64 = 45.0;
/// The same where the pool lives and none of them is witnessed to have been unavailable.
pub(super) const CAP_UNWITNESSED: f64 = 14.0;
/// How much of their own doing the silent ones still make in the mix.
const OWN_SHARE: f64 = 0.8;

pub(super) struct Statement;

impl Evidence for Statement {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let alive = is_alive(pool);
        let silent: Vec<&Row<'_>> = pool.frozen().filter(|row| says_something(row, alive)).collect();
        let mix = &pool.track.habits.mix;
        if silent.len() < SILENT || mix.total() < KNOWN {
            return None;
        }
        let (hash, same) = most_common(&silent)?;
        if same.first()?.shape.is_none_or(|shape| shape.ending != Ending::Work) {
            return None;
        }
        let own = same.len() as f64 * OWN_SHARE;
        let others = (mix.total() - own).max(1.0);
        let share = ((mix.count(hash) - own) / others).max(1.0 / (mix.total() + 2.0));
        let chance = at_least(same.len(), silent.len(), share);
        if share >= COMMON || chance >= CHANCE {
            return None;
        }
        let unwitnessed = alive && same.iter().all(|row| row.member.witnesses == 0);
        let cap = if unwitnessed { CAP_UNWITNESSED } else { CAP };
        let query = same.first()?.backend.query.as_deref().unwrap_or_default();
        let query = fingerprint(&beginning(query));
        Some(Weight {
            points: (-PER_DECADE * chance.max(1e-12).log10()).min(cap),
            claim: format!("{} silent after the same rare statement", count(same.len() as u64, "connection")),
            sentences: vec![format!(
                "{} of {} silent connections last ran `{}`, which is {:.0} % of this pool's statements",
                same.len(),
                silent.len(),
                super::short(&query),
                share * 100.0
            )],
            backends: named(same.iter().copied()),
            since: oldest(same.iter().copied()),
            ..Weight::of(EvidenceKind::Statement)
        })
    }
}

/// Something of the pool moved lately, or works.
fn is_alive(pool: &PoolNow<'_>) -> bool {
    pool.rows.iter().any(|row| {
        row.backend.state == State::Active || row.age.is_some_and(|age| age < pool.settings.thresholds.frozen)
    })
}

/// One whose last statement is of the application's doing: not given back, used, and in a pool that lives for longer
/// than what every session runs at its birth.
fn says_something(row: &Row<'_>, alive: bool) -> bool {
    let settled = || {
        let (born, moved) = (row.backend.id().start, row.backend.state_change);
        born.zip(moved).is_some_and(|(born, moved)| moved.age_of(born) > GAP)
    };
    row.shape.is_some() && row.member.used && !row.is_released() && (!alive || settled())
}

/// The statement that most of the rows ended with, and those rows.
fn most_common<'r, 'a>(rows: &[&'r Row<'a>]) -> Option<(u64, Vec<&'r Row<'a>>)> {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for row in rows {
        *counts.entry(row.shape?.hash).or_default() += 1;
    }
    let (hash, _) = counts.into_iter().max_by_key(|(hash, many)| (*many, *hash))?;
    let same = rows.iter().copied().filter(|row| row.shape.is_some_and(|shape| shape.hash == hash)).collect();
    Some((hash, same))
}

/// How likely at least `hits` of `tries` are by chance, each with probability `p` (binomial tail).
fn at_least(hits: usize, tries: usize, p: f64) -> f64 {
    let p = p.clamp(1e-6, 1.0 - 1e-9);
    // The term for no hit at all, and each from the one before.
    let mut term = (1.0 - p).powi(i32::try_from(tries).unwrap_or(i32::MAX));
    let mut tail = if hits == 0 { term } else { 0.0 };
    for hit in 1..=tries {
        term *= (tries - hit + 1) as f64 / hit as f64 * p / (1.0 - p);
        if hit >= hits {
            tail += term;
        }
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_tail_is_right_at_its_ends_and_in_between() {
        for (hits, tries, p, expected) in [
            (0, 10, 0.3, 1.0),
            (10, 10, 0.5, 1.0 / 1024.0),
            (2, 2, 0.1, 0.01),
            (1, 3, 0.5, 0.875),
            (3, 5, 0.2, 0.05792),
        ] {
            let tail = at_least(hits, tries, p);
            assert!((tail - expected).abs() < 1e-9, "{hits} of {tries} at {p}: {tail}");
        }
    }
}
