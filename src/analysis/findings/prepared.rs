//! `transaction.prepared`: a prepared transaction was left behind. It has no backend to terminate, survives
//! restarts, holds its locks and holds back vacuum.

use super::{Check, Draft};
use crate::analysis::moment::ServerView;
use crate::analysis::scene::Scene;
use crate::model::facts::PreparedTransaction;
use crate::model::finding::{Rule, Severity};
use crate::model::locks::Blocker;
use crate::model::target::TargetName;
use crate::text::span::{count, span};

/// Looks at `pg_prepared_xacts`.
pub(super) struct Prepared;

impl Check for Prepared {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene
            .servers()
            .filter_map(|(index, _, server)| left_behind(scene.target(index), server, scene))
            .collect()
    }
}

fn left_behind(target: TargetName, server: &ServerView, scene: &Scene<'_>) -> Option<Draft> {
    let threshold = scene.settings.thresholds.prepared_transaction;
    let facts = server.facts.as_ref()?;
    // Facts are older than the sample: one that was there then may be gone by now, so nobody ages it further.
    let age = |one: &PreparedTransaction| facts.at.age_of(one.prepared);
    let prepared = facts.prepared.known()?;
    let mut old: Vec<_> = prepared.iter().filter(|one| age(one) >= threshold).collect();
    old.sort_by_key(|one| one.prepared);
    let oldest = *old.first()?;
    let blocks = server.tree.rows.iter().any(|row| row.who == Blocker::Prepared);
    let severity = if blocks { Severity::Critical } else { Severity::Warning };
    let transactions = count(old.len() as u64, "prepared transaction");
    let title = format!("{transactions} left behind, oldest {}", span(age(oldest)));
    let mut draft = Draft::new(Rule::TransactionPrepared, severity, target, title);
    draft.since = Some(oldest.prepared);
    let sentence = |one: &&PreparedTransaction| {
        format!("'{}' of {} in {}, prepared {} ago", one.gid, one.owner, one.database, span(age(one)))
    };
    draft.evidence = old.iter().take(5).map(sentence).collect();
    if blocks {
        draft.evidence.push("sessions wait for a lock that a prepared transaction holds".to_owned());
    }
    draft.alternative = Some("a transaction manager that is about to commit it");
    draft.suggestion = Some(format!(
        "Ask its transaction manager; else, in database {}: ROLLBACK PREPARED '{}'",
        oldest.database,
        oldest.gid.replace('\'', "''")
    ));
    Some(draft)
}
