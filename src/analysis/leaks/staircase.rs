//! E3: the floor of stranded connections rises from window to window and does not fall.
//!
//! It looks at stranded connections, not at connections: a pool that grows with its load grows, too, and then
//! stays as large as it was, while the number of its stranded connections stays zero.

use super::{Evidence, Weight};
use crate::analysis::scene::{PoolScene, Scene, ids};
use crate::model::finding::Rule;
use crate::text::span::{count, span_s};

/// Points of a rise where nothing else speaks against the pool.
const ALONE: f64 = 15.0;
/// Points of a rise beside a fall.
const UNSTEADY: f64 = 7.0;
/// Points of a rise beside other evidence.
const BESIDE: f64 = 8.0;
/// Taken off for each fall.
const FALL: f64 = 10.0;
/// Taken off for each stranded connection that came back, at most four.
const RETURN: f64 = 8.0;
const CAP: f64 = 75.0;

pub(super) struct Staircase;

impl Evidence for Staircase {
    fn weigh(&self, pool: &PoolScene<'_>, scene: &Scene<'_>, before: f64) -> Option<Weight> {
        let track = pool.track;
        let stairs = track.stranded_floor.staircase();
        let stranded = track.pool.stranded.filter(|stranded| *stranded > 1)?;
        if stairs.rises < 2 || stairs.gain == 0 {
            return None;
        }
        let rise = match (before > 0.0, stairs.falls) {
            (true, _) => BESIDE,
            (false, 0) => ALONE,
            (false, _) => UNSTEADY,
        };
        let returned = track.returns.len().min(4) as f64;
        let points = rise * f64::from(stairs.rises) - FALL * f64::from(stairs.falls) - RETURN * returned;
        if points <= 0.0 {
            return None;
        }
        let over = span_s(track.stranded_floor.span_s());
        let opened = track.pool.opened.unwrap_or(0);
        Some(Weight {
            rule: Rule::LeakGrowth,
            points: points.min(CAP),
            claim: format!("{} stranded, and the number only grows", count(stranded, "connection")),
            sentences: vec![format!(
                "the floor of stranded connections rose {} times in {over} and fell {} times (+{}), while {opened} were opened",
                stairs.rises, stairs.falls, stairs.gain
            )],
            backends: ids(pool.stranded.iter().filter_map(|index| scene.rows.get(*index))),
            since: None,
            learned: true,
            alternative: "new worker processes that start behind the same address",
            suggestion: "Look for a code path that takes a connection and does not give it back.".to_owned(),
        })
    }
}
