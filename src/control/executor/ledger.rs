//! The trace of operations: intents before anything is sent, outcomes after.

use super::tally::Tally;
use crate::control::audit::Audit;
use crate::model::audit::{AuditPhase, AuditRecord};
use crate::model::clock::Clock;
use crate::model::operation::{Aim, Operation, Outcome};
use crate::text::Text;

/// Writes what an executor does into the audit log, in the name of one profile.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) audit: Audit,
    pub(super) profile: Text,
    pub(super) clock: Clock,
}

impl Ledger {
    /// What is meant, on the disk before anything is sent.
    pub(super) async fn intend(&self, operation: &Operation) -> Result<(), String> {
        let reason = operation.reason.clone().unwrap_or_default();
        self.append(self.records(operation, false, AuditPhase::Intent, |_| (None, reason.clone()))).await
    }

    /// What came of it.
    pub(super) async fn conclude(
        &self,
        operation: &Operation,
        tally: &Tally,
        dry_run: bool,
    ) -> Result<(), String> {
        let records = self.records(operation, dry_run, AuditPhase::Outcome, |place| match tally.of(place) {
            Some(entry) => (Some(entry.outcome), entry.message.clone()),
            None => (None, Text::default()),
        });
        self.append(records).await
    }

    async fn append(&self, records: Vec<AuditRecord>) -> Result<(), String> {
        let audit = self.audit.clone();
        let written = tokio::task::spawn_blocking(move || audit.append(&records)).await;
        written.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    fn records(
        &self,
        operation: &Operation,
        dry_run: bool,
        phase: AuditPhase,
        what: impl Fn(usize) -> (Option<Outcome>, Text),
    ) -> Vec<AuditRecord> {
        let blank = AuditRecord {
            at: self.clock.now(),
            phase,
            operator: self.audit.operator().clone(),
            host: self.audit.host().clone(),
            profile: self.profile.clone(),
            target: operation.target.clone(),
            operation: operation.kind,
            pid: None,
            backend_start: None,
            application_name: Text::default(),
            user: Text::default(),
            database: None,
            client_id: None,
            client: None,
            dry_run,
            outcome: None,
            message: Text::default(),
        };
        let mut records = about(&operation.aim, &blank);
        for (place, record) in records.iter_mut().enumerate() {
            (record.outcome, record.message) = what(place);
        }
        records
    }
}

/// One record for each thing that is aimed at, in its order.
fn about(aim: &Aim, blank: &AuditRecord) -> Vec<AuditRecord> {
    match aim {
        Aim::Sessions { victims, .. } => {
            let record = |session: &crate::model::backend::Session| AuditRecord {
                pid: Some(session.id.pid),
                backend_start: session.id.start,
                application_name: session.application_name.clone(),
                user: session.user.clone(),
                ..blank.clone()
            };
            victims.iter().map(|victim| record(&victim.seen.session)).collect()
        }
        Aim::Pools(_, scope) => vec![AuditRecord {
            database: scope.database.clone(),
            user: scope.user.clone().unwrap_or_default(),
            ..blank.clone()
        }],
        Aim::PooledClient(_, client) => vec![AuditRecord {
            application_name: client.application_name.clone().unwrap_or_default(),
            user: client.user.clone(),
            database: Some(client.database.clone()),
            client_id: Some(client.id.clone()),
            client: Some(Text::line(&client.client.to_string())),
            ..blank.clone()
        }],
        Aim::RedisClient(client) => vec![AuditRecord {
            application_name: client.name.clone(),
            user: client.user.clone(),
            client_id: Some(Text::line(&client.id.to_string())),
            client: Some(Text::line(&client.client.to_string())),
            ..blank.clone()
        }],
    }
}
