//! What goes into a file goes without the values that people put into their statements.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::audit::AuditRecord;
use crate::model::event::Event;
use crate::model::past::{Checkpoint, Frame};
use crate::model::sample::Sample;
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::redact::{Redaction, Redactor};

/// A sentence may repeat a statement whose session is gone: statements are known at least for so long after they were seen.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Or until so many others were seen after them.
const MOST: usize = 5_000;

/// Redacts samples, and the sentences that may repeat the statements in them.
#[derive(Debug)]
pub(super) struct Censor {
    redaction: Redaction,
    /// Statements that were seen lately.
    young: HashSet<Text>,
    /// Those that were seen before.
    old: HashSet<Text>,
    /// Made of the known statements when a sentence asks for it.
    redactor: Option<Redactor>,
    turned: Option<Timestamp>,
}

impl Censor {
    pub(super) fn new(redaction: Redaction) -> Self {
        Self { redaction, young: HashSet::new(), old: HashSet::new(), redactor: None, turned: None }
    }

    /// The same without what may not leave.
    pub(super) fn frame(&mut self, frame: &Frame) -> Frame {
        Frame {
            at: frame.at,
            samples: frame.samples.iter().map(|sample| self.sample(sample)).collect(),
            statuses: self.statuses(&frame.statuses),
            events: frame.events.iter().map(|event| self.event(event)).collect(),
            operations: self.operations(&frame.operations),
        }
    }

    /// The same without what may not leave. What was learned has to come redacted: only the analysis can read it.
    pub(super) fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Checkpoint {
        Checkpoint {
            samples: checkpoint.samples.iter().map(|sample| self.sample(sample)).collect(),
            statuses: self.statuses(&checkpoint.statuses),
            operations: self.operations(&checkpoint.operations),
            ..checkpoint.clone()
        }
    }

    /// A sentence as it may leave.
    pub(super) fn sentence(&mut self, sentence: &Text) -> Text {
        let known = self.young.iter().chain(&self.old);
        self.redactor.get_or_insert_with(|| Redactor::new(self.redaction, known)).sentence(sentence)
    }

    fn event(&mut self, event: &Event) -> Event {
        Event { text: self.sentence(&event.text), ..event.clone() }
    }

    fn operations(&mut self, records: &[AuditRecord]) -> Vec<AuditRecord> {
        let redacted =
            |record: &AuditRecord| AuditRecord { message: self.sentence(&record.message), ..record.clone() };
        records.iter().map(redacted).collect()
    }

    fn statuses(&mut self, statuses: &[TargetStatus]) -> Vec<TargetStatus> {
        let mut statuses = statuses.to_vec();
        for error in statuses.iter_mut().filter_map(|status| status.error.as_mut()) {
            error.message = self.sentence(&error.message);
        }
        statuses
    }

    fn sample(&mut self, sample: &Arc<Sample>) -> Arc<Sample> {
        if let Some(body) = sample.postgres().filter(|_| self.redaction != Redaction::None) {
            self.turn(sample.received_at);
            let facts = body.facts.known().and_then(|facts| facts.statements.known());
            let top = facts.into_iter().flatten().map(|statement| &statement.query);
            let statements = body.backends.iter().filter_map(|backend| backend.query.as_ref());
            statements.chain(top).for_each(|statement| self.remember(statement));
        }
        sample.redacted(self.redaction)
    }

    fn remember(&mut self, statement: &Text) {
        if self.young.contains(statement) {
            return;
        }
        if !self.old.remove(statement) {
            self.redactor = None;
        }
        self.young.insert(statement.clone());
    }

    /// Forgets the statements that were not seen for long.
    fn turn(&mut self, now: Timestamp) {
        let turned = *self.turned.get_or_insert(now);
        if self.young.len() > MOST || now.age_of(turned) > REMEMBERED {
            self.old = std::mem::take(&mut self.young);
            (self.redactor, self.turned) = (None, Some(now));
        }
    }
}
