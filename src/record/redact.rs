//! What goes into a file goes without the values that people put into their statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::audit::AuditRecord;
use crate::model::backend::Backend;
use crate::model::event::Event;
use crate::model::facts::ServerFacts;
use crate::model::part::Part;
use crate::model::past::{Checkpoint, Frame};
use crate::model::sample::{Body, Sample};
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
    /// Statements that were seen lately, as they may leave.
    young: HashMap<Text, Option<Text>>,
    /// Those that were seen before.
    old: HashMap<Text, Option<Text>>,
    /// Made of the known statements when a sentence asks for it.
    redactor: Option<Redactor>,
    turned: Option<Timestamp>,
}

impl Censor {
    pub(super) fn new(redaction: Redaction) -> Self {
        Self { redaction, young: HashMap::new(), old: HashMap::new(), redactor: None, turned: None }
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
            at: checkpoint.at,
            targets: checkpoint.targets.clone(),
            samples: checkpoint.samples.iter().map(|sample| self.sample(sample)).collect(),
            statuses: self.statuses(&checkpoint.statuses),
            operations: self.operations(&checkpoint.operations),
            learned: checkpoint.learned.clone(),
        }
    }

    /// A sentence as it may leave.
    pub(super) fn sentence(&mut self, sentence: &Text) -> Text {
        let known = self.young.keys().chain(self.old.keys());
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
        let Body::Postgres(body) = &sample.body else { return Arc::clone(sample) };
        if self.redaction == Redaction::None {
            return Arc::clone(sample);
        }
        self.turn(sample.received_at);
        let mut body = body.clone();
        for backend in &mut body.backends {
            if let Some(query) = &backend.query {
                let query = self.statement(query);
                *backend = Arc::new(Backend { query, ..Backend::clone(backend) });
            }
        }
        if let Part::Known(facts) = &mut body.facts {
            *facts = self.facts(facts);
        }
        Arc::new(Sample { body: Body::Postgres(body), ..Sample::clone(sample) })
    }

    fn facts(&mut self, facts: &Arc<ServerFacts>) -> Arc<ServerFacts> {
        let mut facts = ServerFacts::clone(facts);
        if let Part::Known(statements) = &mut facts.statements {
            for statement in statements {
                statement.query = self.statement(&statement.query).unwrap_or_default();
            }
        }
        Arc::new(facts)
    }

    fn statement(&mut self, sql: &Text) -> Option<Text> {
        if let Some(leaves) = self.young.get(sql) {
            return leaves.clone();
        }
        let leaves = self.old.remove(sql).unwrap_or_else(|| {
            self.redactor = None;
            self.redaction.statement(sql)
        });
        self.young.insert(sql.clone(), leaves.clone());
        leaves
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
