//! `server.logins`: the server says it is full although fewer slots are used than it has.
//!
//! Up to PostgreSQL 17 a connection that is still authenticating holds a slot and is not in `pg_stat_activity`.

use super::{Check, Draft};
use crate::analysis::scene::Scene;
use crate::analysis::verdict::TOO_MANY_CONNECTIONS;
use crate::model::finding::{Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::target::{TargetName, TargetState, TargetStatus};

/// Compares what the server answers with what was counted.
pub(super) struct Logins;

impl Check for Logins {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.statuses.iter().filter_map(|status| refused_too_early(status, scene)).collect()
    }
}

fn refused_too_early(status: &TargetStatus, scene: &Scene<'_>) -> Option<Draft> {
    let error = status.error.as_ref().filter(|_| status.state != TargetState::Down)?;
    let server = |limit: &&Limit| limit.scope == LimitScope::Server && limit.target == status.name;
    let limit = scene.limits.iter().find(server)?;
    let usable = limit.usable().filter(|usable| limit.used < *usable)?;
    if error.code.as_deref() != Some(TOO_MANY_CONNECTIONS) {
        return None;
    }
    let title = format!(
        "{} refuses connections though {} of {usable} slots are seen in use: logins in progress",
        status.name, limit.used
    );
    let mut draft =
        Draft::new(Rule::ServerLogins, Severity::Critical, TargetName::clone(&status.name), title);
    draft.evidence = vec![
        error.message.to_string(),
        "connections that still authenticate hold a slot and are not in pg_stat_activity".to_owned(),
    ];
    draft.alternative = Some("slots taken and freed again since the last sample");
    draft.suggestion = Some(
        "Look for clients that reconnect in a loop, slow DNS or LDAP in pg_hba.conf, and a short \
         authentication_timeout."
            .to_owned(),
    );
    Some(draft)
}
