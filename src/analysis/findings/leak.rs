//! `leak.*` and `pool.bound_exceeded`: one finding per pool, named by its strongest evidence.

use super::{Check, Draft};
use crate::analysis::leaks;
use crate::analysis::scene::Scene;

/// Asks the detector.
pub(super) struct Leak;

impl Check for Leak {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| leaks::draft(pool, scene)).collect()
    }
}
