//! E10: more connections than the profile declares. The cause is to be established: one pool cannot exceed its
//! own bound, so there are more instances, connections made beside the pool, or sessions whose client is gone.

use super::{Evidence, Weight};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::Rule;
use crate::text::span::count;

const POINTS: f64 = 40.0;

pub(super) struct Bound;

impl Evidence for Bound {
    fn weigh(&self, pool: &PoolScene<'_>, _scene: &Scene<'_>, _before: f64) -> Option<Weight> {
        let bounds = pool.track.bounds.as_ref()?;
        let max = bounds.max?;
        let total = pool.track.pool.total;
        if total <= max {
            return None;
        }
        let declared = match bounds.instances {
            0 | 1 => format!("{max} declared"),
            instances => format!("{max} declared ({instances} instances of {})", max / instances),
        };
        Some(Weight {
            rule: Rule::PoolBoundExceeded,
            points: POINTS,
            claim: format!("{}, {declared}", count(total, "connection")),
            sentences: vec![format!("{} open, {declared}", count(total, "connection"))],
            backends: Vec::new(),
            since: None,
            learned: false,
            alternative: "more instances than declared, or connections made outside the pool",
            suggestion: "Count the processes that open this pool and correct instances, or find who connects beside it; \
                         sessions of clients that are gone end sooner with tcp_keepalives_idle = 60."
                .to_owned(),
        })
    }
}
