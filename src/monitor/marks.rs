//! What is worth finding again in the past.

use std::collections::HashMap;
use std::time::Duration;

use crate::analysis::Moment;
use crate::model::audit::AuditRecord;
use crate::model::event::{Event, EventKind};
use crate::model::finding::{Finding, FindingKey, Severity};
use crate::model::past::Frame;
use crate::model::time::Timestamp;
use crate::model::track::Mark;

/// A finding that is away for less than this did not end.
const FLICKER: Duration = Duration::from_secs(10);

/// Notes what is new from one moment to the next: findings that opened or became worse, operations, events.
///
/// Give it every frame of a past, in order, with the moment that follows from it.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// When each finding was seen last, and how severe it was at worst.
    known: HashMap<FindingKey, (Timestamp, Severity)>,
    /// The newest event that was noted.
    last: Option<Event>,
}

impl Marks {
    /// The marks of one more moment.
    pub(super) fn note(&mut self, frame: &Frame, moment: &Moment) -> Vec<Mark> {
        let mut marks = operations(&frame.operations);
        marks.extend(self.events(&moment.events));
        self.known.retain(|_, (seen, _)| moment.at.age_of(*seen) <= FLICKER);
        let news = moment.findings.iter().filter(|finding| self.is_news(finding, moment.at));
        marks.extend(news.map(|finding| Mark::finding(moment.at, finding)));
        marks
    }

    /// Opened, or worse than ever since it did.
    fn is_news(&mut self, finding: &Finding, at: Timestamp) -> bool {
        let key = finding.key();
        let before = self.known.get(&key).map(|(_, worst)| *worst);
        self.known.insert(key, (at, before.map_or(finding.severity, |worst| worst.max(finding.severity))));
        before.is_none_or(|worst| finding.severity > worst)
    }

    /// Operations leave marks of their own.
    fn events(&mut self, events: &[Event]) -> Vec<Mark> {
        let known = self.last.as_ref().and_then(|last| events.iter().rposition(|event| event == last));
        let new = events.get(known.map_or(0, |known| known + 1)..).unwrap_or_default();
        if let Some(newest) = new.last() {
            self.last = Some(newest.clone());
        }
        new.iter().filter(|event| event.kind != EventKind::Operation).map(Mark::event).collect()
    }
}

/// One mark for several that came to the same.
fn operations(records: &[AuditRecord]) -> Vec<Mark> {
    let carried_out: Vec<&AuditRecord> = records.iter().filter(|record| !record.dry_run).collect();
    let same = |a: &&AuditRecord, b: &&AuditRecord| {
        (a.operation, &a.target, a.outcome) == (b.operation, &b.target, b.outcome)
    };
    let groups = carried_out.chunk_by(same);
    groups.filter_map(|group| Some(Mark::operation(group.first()?, group.len()))).collect()
}
