//! `transaction.prepared`: a prepared transaction was left behind. It has no backend to terminate, survives
//! restarts, holds its locks and holds back vacuum.

use super::{Check, Draft};
use crate::analysis::scene::Scene;
use crate::model::finding::{Rule, Severity};
use crate::model::locks::Blocker;
use crate::model::target::TargetName;
use crate::text::span::{count, span};

/// Looks at `pg_prepared_xacts`.
pub(super) struct Prepared;

impl Check for Prepared {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let threshold = scene.settings.thresholds.prepared_transaction;
        let mut drafts = Vec::new();
        for (index, _, server) in scene.servers() {
            let prepared = server.facts.as_ref().and_then(|facts| facts.prepared.known());
            let mut old: Vec<_> = prepared
                .into_iter()
                .flatten()
                .filter(|transaction| server.at.age_of(transaction.prepared) >= threshold)
                .collect();
            old.sort_by_key(|transaction| transaction.prepared);
            let Some(oldest) = old.first() else { continue };
            let blocks = server.tree.rows.iter().any(|row| row.who == Blocker::Prepared);
            let severity = if blocks { Severity::Critical } else { Severity::Warning };
            let age = span(server.at.age_of(oldest.prepared));
            let transactions = count(old.len() as u64, "prepared transaction");
            let title = format!("{transactions} left behind, oldest {age}");
            let target = TargetName::clone(&scene.target(index));
            let mut draft = Draft::new(Rule::TransactionPrepared, severity, target, title);
            draft.since = Some(oldest.prepared);
            draft.evidence = old
                .iter()
                .take(5)
                .map(|one| {
                    let age = span(server.at.age_of(one.prepared));
                    format!("'{}' of {} in {}, prepared {age} ago", one.gid, one.owner, one.database)
                })
                .collect();
            if blocks {
                draft.evidence.push("sessions wait for a lock that a prepared transaction holds".to_owned());
            }
            draft.alternative = Some("a transaction manager that is about to commit it");
            draft.suggestion = Some(format!(
                "Ask its transaction manager; else, in database {}: ROLLBACK PREPARED '{}'",
                oldest.database,
                oldest.gid.replace('\'', "''")
            ));
            drafts.push(draft);
        }
        drafts
    }
}
