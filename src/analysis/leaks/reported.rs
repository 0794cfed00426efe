//! E11: the application, or the pooler in front of it, says that connections are checked out which do nothing.
//!
//! The database cannot see who holds an idle connection; a pool that counts its own, or a pooler that names the
//! backends it has lent out, can. The rest of the analysis works without them. Whoever joins the layers hands a
//! [`ClientSide`] to [`Analyser::tell`](crate::analysis::Analyser::tell) before each sample of the server it is
//! about; a sample without one is a missing reading, not a zero.

use std::time::Duration;

use super::now::{PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::backend::State;
use crate::model::leak::EvidenceKind;
use crate::model::pool::PoolKey;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::span::{count, span};

/// What the other end of a pool says about it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSide {
    /// The pool, as the server's side calls it.
    pub pool: PoolKey,
    /// Who says so, as sentences name it: `api's metrics`, `bouncer-1`.
    pub source: Text,
    /// Connections that the application has checked out, over all instances; `None` where it does not say.
    pub checked_out: Option<u32>,
    /// Backends that a pooler has linked to a client, by pid; empty where there is none.
    pub linked: Vec<i32>,
}

/// What was told about one pool, remembered from sample to sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported {
    source: Text,
    /// Fewest checked out beyond the busy ones, in every reading since.
    surplus: Option<(Timestamp, u32)>,
    linked: Vec<i32>,
    told: Option<Timestamp>,
}

impl Reported {
    /// Takes over what is told beside a sample in which `busy` of the pool's connections are not idle.
    pub(super) fn read(&mut self, side: &ClientSide, busy: u32, at: Timestamp) {
        let surplus = side.checked_out.map_or(0, |out| out.saturating_sub(busy));
        self.surplus = match self.surplus {
            _ if surplus == 0 => None,
            Some((since, least)) => Some((since, least.min(surplus))),
            None => Some((at, surplus)),
        };
        self.source = side.source.clone();
        self.linked.clone_from(&side.linked);
        self.linked.sort_unstable();
        self.told = Some(at);
    }

    /// Too old to be believed.
    pub(super) fn is_stale(&self, at: Timestamp, thresholds: &Thresholds) -> bool {
        self.told.is_none_or(|told| at.age_of(told) > thresholds.checked_out)
    }
}

/// Points of either report: enough for a suspect, because it is the only evidence that needs no inference.
pub(super) const POINTS: f64 = 50.0;

pub(super) struct ReportedIdle;

impl Evidence for ReportedIdle {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let reported = pool.reported?;
        let patience = pool.settings.thresholds.checked_out;
        let held: Vec<&Row<'_>> = pool.rows.iter().filter(|row| is_held(row, reported, patience)).collect();
        let idle = reported.surplus.filter(|(since, _)| pool.at.age_of(*since) >= patience);
        let source = &reported.source;
        let mut sentences = Vec::new();
        if let Some(age) = held.iter().filter_map(|row| row.age).max() {
            sentences.push(format!(
                "{source} has {} lent out that do nothing, the longest for {}",
                count(held.len() as u64, "backend"),
                span(age)
            ));
        }
        if let Some((since, least)) = idle {
            sentences.push(format!(
                "{source} counts {} more checked out than the database sees working, in every reading for {}",
                count(least, "connection"),
                span(pool.at.age_of(since))
            ));
        }
        let many = (held.len() as u64).max(idle.map_or(0, |(_, least)| u64::from(least)));
        (!sentences.is_empty()).then(|| Weight {
            points: POINTS,
            claim: format!("{} checked out and idle, says {source}", count(many, "connection")),
            sentences,
            backends: named(held.iter().copied()),
            since: oldest(held.iter().copied()).or(idle.map(|(since, _)| since)),
            learned: false,
            ..Weight::of(EvidenceKind::Reported)
        })
    }
}

/// Lent to a client that does nothing with it. One that waits on a lock or runs a statement works.
fn is_held(row: &Row<'_>, reported: &Reported, patience: Duration) -> bool {
    let idle = row.backend.state == State::Idle || row.backend.state.is_idle_in_transaction();
    idle && row.age_or_zero() >= patience && reported.linked.binary_search(&row.backend.pid()).is_ok()
}
