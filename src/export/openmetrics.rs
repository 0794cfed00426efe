//! Metrics of running profiles, for Prometheus and everything that reads its formats.
//!
//! Each scrape is encoded from the newest moments alone, so that a pool that is gone leaves no series behind. What is
//! not known has no series; a target that is not live has none but those that say so.

mod classic;
mod families;
mod labels;
mod read;
mod scene;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::analysis::Moment;
use crate::model::time::Timestamp;
use crate::text::Text;

use classic::Classic;
pub use families::{FAMILIES, Family, Kind};
use scene::Scene;

/// The most pools and limits of one profile that have series; what is smaller is only counted.
pub const MOST: usize = 2000;

/// The most findings of one profile that have series of their own.
pub const MOST_FINDINGS: usize = 500;

/// One profile as it is scraped.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its name.
    pub profile: Text,
    /// The newest moment; `None` before the first.
    pub moment: Option<Arc<Moment>>,
}

/// What a scrape says about the process that answers it.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// When it began to watch.
    pub started: Timestamp,
    /// This machine's clock at the scrape.
    pub now: Timestamp,
    /// Scrapes answered before this one.
    pub scrapes: u64,
}

/// Which of the two text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own text format 0.0.4, which every reader understands.
    Classic,
}

impl Exposition {
    /// What the format is called in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Every metric of the profiles as text.
pub fn openmetrics(
    profiles: Vec<Observed>,
    process: Process,
    exposition: Exposition,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { profiles, process }));
    match exposition {
        Exposition::OpenMetrics => {
            let mut text = String::new();
            encode(&mut text, &registry)?;
            Ok(text)
        }
        Exposition::Classic => {
            let mut text = Classic::default();
            encode(&mut text, &registry)?;
            Ok(text.into_text())
        }
    }
}

#[derive(Debug)]
struct Scrape {
    profiles: Vec<Observed>,
    process: Process,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let scene = Scene::new(&self.profiles, self.process);
        FAMILIES.iter().try_for_each(|family| family.encode(&scene, &mut encoder))
    }
}

#[cfg(test)]
mod tests;
