//! What came of each session, client or group of pools so far, for the report and for the audit.

use crate::model::operation::{AimId, Operation, OperationReport, Outcome, VictimOutcome};
use crate::text::Text;

/// The outcomes of one operation, in its order.
pub(super) struct Tally {
    report: OperationReport,
}

impl Tally {
    /// Nobody was reached yet.
    pub(super) fn new(operation: &Operation) -> Self {
        let unreached =
            |id: AimId| VictimOutcome { id, outcome: Outcome::Refused, message: "nothing was sent".into() };
        let report = OperationReport {
            kind: operation.kind,
            target: operation.target.clone(),
            outcomes: operation.ids().into_iter().map(unreached).collect(),
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

    /// What came of one of them.
    pub(super) fn of(&self, place: usize) -> Option<&VictimOutcome> {
        self.report.outcomes.get(place)
    }
}
