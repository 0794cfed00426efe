//! E10: more connections than the profile declares. The cause is to be established: one pool cannot exceed its
//! own bound, so there are more instances, connections made beside the pool, or sessions whose client is gone.

use std::time::Duration;

use super::now::PoolNow;
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::count;

pub(super) const POINTS: f64 = 40.0;
/// A rolling deployment or a renewed connection exceeds a pool's bound for a while.
pub(super) const REPLACING: Duration = Duration::from_secs(30);

pub(super) struct Bound;

impl Evidence for Bound {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let bounds = pool.track.bounds.as_ref()?;
        let max = bounds.max?;
        let since = pool.track.habits.exceeded_since?;
        if pool.at.age_of(since) < REPLACING {
            return None;
        }
        let total = count(pool.track.pool.total, "connection");
        let declared = match bounds.instances {
            0 | 1 => format!("{max} declared"),
            instances => format!("{max} declared ({instances} instances of {})", max / instances),
        };
        Some(Weight {
            points: POINTS,
            claim: format!("{total}, {declared}"),
            sentences: vec![format!("{total} open, {declared}")],
            since: Some(since),
            learned: false,
            ..Weight::of(EvidenceKind::Bound)
        })
    }
}
