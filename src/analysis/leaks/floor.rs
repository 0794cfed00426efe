//! E9: the pool's own floor rises and does not fall. Context only: no test on the size of a pool can tell a leak from
//! a load that grows.

use super::now::PoolNow;
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::span_s;

pub(super) const POINTS: f64 = 10.0;
const RISES: u32 = 4;

pub(super) struct Floor;

impl Evidence for Floor {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let floor = &pool.track.floor;
        let stairs = floor.staircase();
        if stairs.rises < RISES || stairs.falls > 0 {
            return None;
        }
        let (over, total) = (span_s(floor.span_s()), pool.track.pool.total);
        Some(Weight {
            points: POINTS,
            claim: format!("grew to {total} connections and never shrank"),
            sentences: vec![format!(
                "the least number of open connections rose {} times in {over} and never fell (+{})",
                stairs.rises, stairs.gain
            )],
            ..Weight::of(EvidenceKind::Floor)
        })
    }
}
