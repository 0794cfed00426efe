//! E3: the floor of stranded connections rises from window to window and does not fall.
//!
//! It looks at stranded connections, not at connections: a pool that grows with its load grows, too, and then
//! stays as large as it was, while the number of its stranded connections stays zero.

use std::time::Duration;

use super::now::{PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span_s};

/// Points of a rise where nothing else speaks against the pool.
pub(super) const ALONE: f64 = 15.0;
/// Points of a rise beside a fall.
pub(super) const UNSTEADY: f64 = 7.0;
/// Points of a rise beside other evidence that counts the same connections.
pub(super) const BESIDE: f64 = 8.0;
/// Taken off for each fall.
pub(super) const FALL: f64 = 10.0;
/// Taken off for each stranded connection that came back, at most four.
pub(super) const RETURN: f64 = 8.0;
const RETURNS: usize = 4;
pub(super) const CAP: f64 = 75.0;
/// Fewer rises are chance.
pub(super) const RISES: u32 = 2;
/// Windows that the minima reach back.
pub(super) const WINDOWS: u32 = 10;

pub(super) struct Staircase;

impl Evidence for Staircase {
    fn weigh(&self, pool: &PoolNow<'_>, before: &[Weight]) -> Option<Weight> {
        let track = pool.track;
        let stairs = track.stranded_floor.staircase();
        let stranded: Vec<&Row<'_>> = pool.rows.iter().filter(|row| row.plight.is_stranded()).collect();
        if stairs.rises < RISES || stairs.gain == 0 || stranded.is_empty() {
            return None;
        }
        let beside = before.iter().any(|weight| weight.kind.counts_connections());
        let returned = track.habits.returned_within(memory(pool), pool.at);
        let rise = match (beside, stairs.falls) {
            (true, _) => BESIDE,
            (false, 0) => ALONE,
            (false, _) => UNSTEADY,
        };
        let taken = if beside { 0.0 } else { RETURN * returned.min(RETURNS) as f64 };
        let points = (rise * f64::from(stairs.rises)).min(CAP) - FALL * f64::from(stairs.falls) - taken;
        if points <= 0.0 {
            return None;
        }
        let connections = count(stranded.len() as u64, "connection");
        Some(Weight {
            points,
            claim: format!("{connections} stranded, and the number only grows"),
            sentences: vec![format!(
                "the floor of stranded connections rose {} times in {} and fell {} times (+{}), while {} were opened \
                 and {} came back",
                stairs.rises,
                span_s(track.stranded_floor.span_s()),
                stairs.falls,
                stairs.gain,
                track.pool.opened.unwrap_or(0),
                if returned == 0 { "none".to_owned() } else { returned.to_string() }
            )],
            backends: named(stranded.iter().copied()),
            since: oldest(stranded.iter().copied()),
            ..Weight::of(EvidenceKind::Staircase)
        })
    }
}

fn memory(pool: &PoolNow<'_>) -> Duration {
    pool.settings.thresholds.window * WINDOWS
}
