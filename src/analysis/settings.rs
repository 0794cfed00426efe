//! What the analysis judges by.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use jiff::tz::TimeZone;

use crate::model::pool::{DeclaredPool, DeclaredRedisPool};
use crate::model::target::TargetName;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;
use crate::text::Text;

/// What a profile says about the machine that a server runs on and the way to it, for advice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its cores.
    pub cores: Option<u32>,
    /// Its memory, bytes.
    pub memory: Option<u64>,
    /// Who runs it (`rds`, `supabase`, …).
    pub provider: Option<Text>,
    /// After which something between application and server drops an idle connection.
    pub path_idle_timeout: Option<Duration>,
}

/// Thresholds, what the profile declares, and how sentences give times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// When a value becomes a finding; already scaled where the profile has a `time_scale`.
    pub thresholds: Thresholds,
    /// Pools that the profile declares.
    pub pools: Vec<DeclaredPool>,
    /// Redis pools that the profile declares.
    pub redis_pools: Vec<DeclaredRedisPool>,
    /// Machines of PostgreSQL targets that the profile describes.
    pub machines: HashMap<TargetName, Machine>,
    /// Time between two samples. Longer than 1.75 of it is a missed one.
    pub interval: Duration,
    /// How far back curves go.
    pub span: Duration,
    /// The zone in which sentences give times of day.
    #[serde(with = "super::saved::zone")]
    pub time_zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            pools: Vec::new(),
            redis_pools: Vec::new(),
            machines: HashMap::new(),
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
