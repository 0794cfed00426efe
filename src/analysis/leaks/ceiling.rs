//! E8: every connection of a pool silent at its high-water mark, after steady traffic that stopped abruptly.
//!
//! Never an alarm alone: from the database's side a pool that is used up and a service that nobody calls are the same.

use super::now::{PoolNow, named};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span};

pub(super) const POINTS: f64 = 20.0;
/// A smaller pool has no ceiling to speak of.
const LEAST: usize = 3;
/// Share of samples before the silence in which the pool did something.
const STEADY: f64 = 0.6;

pub(super) struct Ceiling;

impl Evidence for Ceiling {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let (habits, thresholds) = (&pool.track.habits, &pool.settings.thresholds);
        let last = habits.last_active?;
        let silence = pool.at.age_of(last);
        let at_the_mark = pool.rows.len() >= LEAST && pool.rows.len() == pool.track.pool.peak as usize;
        let abrupt = silence >= thresholds.silent
            && habits.lively_before >= STEADY
            && last.age_of(pool.track.pool.first_seen) > thresholds.frozen;
        if !at_the_mark || !abrupt || habits.marks_releases() || !pool.rows.iter().all(|row| row.frozen) {
            return None;
        }
        let connections = count(pool.rows.len() as u64, "connection");
        Some(Weight {
            points: POINTS,
            claim: format!("all {connections} silent for {}", span(silence)),
            sentences: vec![format!(
                "all {connections}, as many as there ever were, silent since {} after steady traffic",
                pool.settings.time_of_day(last)
            )],
            backends: named(pool.rows.iter()),
            since: Some(last),
            ..Weight::of(EvidenceKind::Ceiling)
        })
    }
}
