//! What came of each session so far, for the report and for the audit.

use crate::control::audit::Audit;
use crate::model::audit::{AuditPhase, AuditRecord};
use crate::model::operation::{Operation, OperationReport, Outcome, VictimOutcome};
use crate::model::time::Timestamp;
use crate::text::Text;

/// The outcomes of one operation, in its order.
pub(super) struct Tally {
    report: OperationReport,
}

impl Tally {
    /// Nobody was reached yet.
    pub(super) fn new(operation: &Operation) -> Self {
        let unreached = |victim: &crate::model::operation::Victim| VictimOutcome {
            id: victim.id(),
            outcome: Outcome::Refused,
            message: "nothing was sent".into(),
        };
        let report = OperationReport {
            kind: operation.kind,
            target: operation.target.clone(),
            outcomes: operation.victims.iter().map(unreached).collect(),
            settled: false,
        };
        Self { report }
    }

    /// What came of one session.
    pub(super) fn set(&mut self, place: usize, outcome: Outcome, message: &str) {
        if let Some(entry) = self.report.outcomes.get_mut(place) {
            entry.outcome = outcome;
            entry.message = Text::line(message);
        }
    }

    /// Another outcome, after what was said before.
    pub(super) fn amend(&mut self, place: usize, outcome: Outcome, more: &str) {
        if let Some(entry) = self.report.outcomes.get_mut(place) {
            entry.outcome = outcome;
            entry.message = Text::line(&format!("{}; {more}", entry.message));
        }
    }

    /// Adds a remark to every session.
    pub(super) fn remark(&mut self, remark: &str) {
        for place in 0..self.report.outcomes.len() {
            self.amend(place, self.report.outcomes[place].outcome, remark);
        }
    }

    /// The report so far.
    pub(super) fn so_far(&self) -> OperationReport {
        self.report.clone()
    }

    /// The final report.
    pub(super) fn settled(mut self) -> OperationReport {
        self.report.settled = true;
        self.report
    }

    fn of(&self, place: usize) -> Option<&VictimOutcome> {
        self.report.outcomes.get(place)
    }
}

/// What every record of one operation has in common.
pub(super) struct Trail<'a> {
    pub(super) audit: &'a Audit,
    pub(super) profile: &'a Text,
    pub(super) operation: &'a Operation,
    pub(super) dry_run: bool,
}

impl Trail<'_> {
    /// One record per session, written before anything is sent.
    pub(super) fn intents(&self, at: Timestamp) -> Vec<AuditRecord> {
        let reason = self.operation.reason.clone().unwrap_or_default();
        self.records(at, AuditPhase::Intent, |_| (None, reason.clone()))
    }

    /// One record per session, of what came of it.
    pub(super) fn outcomes(&self, at: Timestamp, tally: &Tally) -> Vec<AuditRecord> {
        self.records(at, AuditPhase::Outcome, |place| match tally.of(place) {
            Some(entry) => (Some(entry.outcome), entry.message.clone()),
            None => (None, Text::default()),
        })
    }

    fn records(
        &self,
        at: Timestamp,
        phase: AuditPhase,
        what: impl Fn(usize) -> (Option<Outcome>, Text),
    ) -> Vec<AuditRecord> {
        let victims = self.operation.victims.iter().enumerate();
        victims
            .map(|(place, victim)| {
                let (session, (outcome, message)) = (&victim.seen.session, what(place));
                AuditRecord {
                    at,
                    phase,
                    operator: self.audit.operator().clone(),
                    host: self.audit.host().clone(),
                    profile: self.profile.clone(),
                    target: self.operation.target.clone(),
                    operation: self.operation.kind,
                    pid: session.id.pid,
                    backend_start: session.id.start,
                    application_name: session.application_name.clone(),
                    user: session.user.clone(),
                    dry_run: self.dry_run,
                    outcome,
                    message,
                }
            })
            .collect()
    }
}
