//! E11: the application, or the pooler in front of it, says that connections are checked out which do nothing.
//!
//! The database cannot see who holds an idle connection; a pool that counts its own, or a pooler that names the
//! backends it has lent out, can. The rest of the analysis works without them. Each moment hands a [`ClientSide`] for
//! each pool whose layers are matched to the next sample of its server
//! ([`Analyser::tell`](crate::analysis::Analyser::tell)); a sample without one is a missing reading, not a zero.
//!
//! What is checked out and idle is proven by counting: of nine that are out, at least seven do nothing if only two
//! connections of the pool did anything for a while. An application that thinks between two statements is none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::now::{Plight, PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::backend::State;
use crate::model::leak::EvidenceKind;
use crate::model::pool::PoolKey;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::span::{count, span};

/// What the other end of a pool says about it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSide {
    /// The pool, as the server's side calls it.
    pub pool: PoolKey,
    /// Who says so, as sentences name it: `api's metrics`, `bouncer-1`.
    pub source: Text,
    /// When, by this machine's clock: two sides of the same moment are one reading.
    pub said: Timestamp,
    /// Connections that the application has checked out, over all instances; `None` where it does not say.
    pub checked_out: Option<u32>,
    /// Backends that a pooler has linked to a client, by pid; empty where there is none.
    pub linked: Vec<i32>,
}

/// What was told about one pool, remembered from sample to sample.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reported {
    source: Text,
    surplus: Option<Surplus>,
    linked: Vec<i32>,
    told: Option<Timestamp>,
}

/// More is checked out than can be in use.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Surplus {
    /// The first and the last reading that say so, by the clock of this machine.
    said: (Timestamp, Timestamp),
    /// The first sample of the server that says so, by its own clock.
    since: Timestamp,
    /// Fewest in every reading.
    least: u32,
    checked_out: u32,
    working: u32,
}

/// How the connections of a pool are in one sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// Not idle now.
    pub(super) working: u32,
    /// Not idle, or not for long.
    pub(super) recent: u32,
}

impl Use {
    /// Of these rows; idle for less than `patience` is not long.
    pub(super) fn of(rows: &[Row<'_>], patience: Duration) -> Self {
        let number = |which: &dyn Fn(&Row<'_>) -> bool| {
            u32::try_from(rows.iter().filter(|row| which(row)).count()).unwrap_or(u32::MAX)
        };
        let works = |row: &Row<'_>| row.backend.state != State::Idle;
        Self { working: number(&works), recent: number(&|row| works(row) || row.age_or_zero() < patience) }
    }
}

impl Reported {
    /// Takes over what is told beside a sample in which the pool's connections are used like this.
    pub(super) fn read(&mut self, side: &ClientSide, now: Use, at: Timestamp) {
        let checked_out = side.checked_out.unwrap_or(0);
        let surplus = checked_out.saturating_sub(now.recent);
        let before = self.surplus.take().filter(|_| surplus > 0);
        self.surplus = (surplus > 0).then(|| Surplus {
            said: (before.map_or(side.said, |before| before.said.0), side.said),
            since: before.map_or(at, |before| before.since),
            least: before.map_or(surplus, |before| before.least.min(surplus)),
            checked_out,
            working: now.working,
        });
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
        // One reading may be of another moment than the server's.
        let idle = reported.surplus.filter(|surplus| surplus.said.1 > surplus.said.0);
        let source = &reported.source;
        let mut sentences = Vec::new();
        if let Some(age) = held.iter().filter_map(|row| row.age).max() {
            let verb = if held.len() == 1 { "does" } else { "do" };
            sentences.push(format!(
                "{source} has lent out {} that {verb} nothing, the longest for {}",
                count(held.len() as u64, "backend"),
                span(age)
            ));
        }
        if let Some(Surplus { least, checked_out, working, .. }) = idle {
            sentences.push(format!(
                "{source} says {checked_out} checked out, the database sees {working} working"
            ));
            sentences.push(format!(
                "at least {least} of them did nothing for {} or longer, in every reading",
                span(patience)
            ));
        }
        let many = (held.len() as u64).max(idle.map_or(0, |surplus| u64::from(surplus.least)));
        (!sentences.is_empty()).then(|| Weight {
            points: POINTS,
            claim: format!("{} checked out and idle, says {source}", count(many, "connection")),
            sentences,
            backends: named(held.iter().copied()),
            since: oldest(held.iter().copied()).or(idle.map(|surplus| surplus.since)),
            learned: false,
            ..Weight::of(EvidenceKind::Reported)
        })
    }
}

/// Lent to a client that does nothing with it. One that waits on a lock or runs a statement works, and so does one that
/// is in its transaction for no longer than is usual in its pool.
fn is_held(row: &Row<'_>, reported: &Reported, patience: Duration) -> bool {
    let idle = row.backend.state == State::Idle || row.plight == Plight::Stuck;
    idle && row.age_or_zero() >= patience && reported.linked.binary_search(&row.backend.pid()).is_ok()
}
