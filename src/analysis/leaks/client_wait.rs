//! E5: a statement that waits for its own client: a result that nobody reads, a COPY that nobody feeds.

use super::now::{Plight, PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span};

pub(super) const FIRST: f64 = 30.0;
pub(super) const EACH_MORE: f64 = 25.0;
/// Added when one waits for three thresholds.
pub(super) const OLD: f64 = 20.0;
pub(super) const CAP: f64 = 80.0;

pub(super) struct ClientWait;

impl Evidence for ClientWait {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        let unread: Vec<&Row<'_>> = pool.with(Plight::Unread).collect();
        let age = unread.iter().filter_map(|row| row.age).max()?;
        let old = if age >= pool.settings.thresholds.client_wait * 3 { OLD } else { 0.0 };
        let statements = count(unread.len() as u64, "statement");
        let event =
            |row: &&Row<'_>| row.backend.wait.as_ref().is_some_and(|wait| &*wait.event == "ClientWrite");
        let writes = unread.iter().filter(|row| event(row)).count();
        Some(Weight {
            points: (FIRST + EACH_MORE * (unread.len() - 1) as f64 + old).min(CAP),
            claim: format!("{statements} waiting for the client, the longest for {}", span(age)),
            sentences: vec![format!(
                "{statements} wait for their own client for up to {}: {writes} for it to read a result, {} for it to \
                 send more (open rows, cursor or COPY?)",
                span(age),
                unread.len() - writes
            )],
            backends: named(unread.iter().copied()),
            since: oldest(unread.iter().copied()),
            ..Weight::of(EvidenceKind::ClientWait)
        })
    }
}
