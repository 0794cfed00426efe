//! `server.changed`: the server restarted, or another one answers under its name.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::scene::Scene;
use crate::model::finding::{Rule, Severity};
use crate::model::target::TargetName;

/// How long it stays news.
pub(super) const NEWS: Duration = Duration::from_secs(600);

/// Reads the newest restart or failover of each target from the events.
pub(super) struct ServerChanged;

impl Check for ServerChanged {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene
            .servers()
            .filter_map(|(_, status, server)| {
                let event = scene.events.iter().rev().find(|event| {
                    event.target == status.name
                        && event.kind.invalidates_selection()
                        && server.at.age_of(event.at) <= NEWS
                })?;
                let title = format!("{}: {}", status.name, event.text);
                let mut draft =
                    Draft::new(Rule::ServerChanged, Severity::Notice, TargetName::clone(&status.name), title);
                draft.since = Some(event.at);
                draft.evidence.push(format!("at {}: {}", scene.clock(event.at), event.text));
                draft.suggestion = Some("Marks and dialogs from before do not hold any more.".to_owned());
                Some(draft)
            })
            .collect()
    }
}
