//! What the analysis judges by.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::pool::{DeclaredPool, DeclaredRedisPool};
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// Thresholds, what the profile declares, and how sentences give times.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a value becomes a finding; already scaled where the profile has a `time_scale`.
    pub thresholds: Thresholds,
    /// Pools that the profile declares.
    pub pools: Vec<DeclaredPool>,
    /// Redis pools that the profile declares.
    pub redis_pools: Vec<DeclaredRedisPool>,
    /// Time between two samples. Longer than 1.75 of it is a missed one.
    pub interval: Duration,
    /// How far back curves go.
    pub span: Duration,
    /// The zone in which sentences give times of day.
    pub time_zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            pools: Vec::new(),
            redis_pools: Vec::new(),
            interval: Duration::from_secs(1),
            span: Duration::from_secs(600),
            time_zone: TimeZone::UTC,
        }
    }
}

impl Settings {
    /// Time of day in the operator's zone: `14:02`.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        let local = at.to_jiff().to_zoned(self.time_zone.clone());
        format!("{:02}:{:02}", local.hour(), local.minute())
    }
}
