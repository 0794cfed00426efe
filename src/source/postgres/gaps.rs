//! What a reading could not see, and what would show it.

use super::activity::Activity;
use super::quoted;
use crate::model::backend::{BackendKind, State};
use crate::model::part::Missing;

/// What is missing from a reading of rows; `left` of our own sessions have lost their client.
pub(super) fn of(activity: &Activity, left: usize) -> Vec<Missing> {
    let many = |wanted: fn(&crate::model::backend::Backend) -> bool| {
        activity.backends.iter().filter(|backend| wanted(backend)).count()
    };
    let hidden = many(|backend| backend.session.kind == BackendKind::Hidden);
    let untracked = many(|backend| backend.state == State::Disabled);
    let mut missing = Vec::new();
    if hidden > 0 {
        let role = quoted(&activity.user);
        missing.push(
            Missing::new(
                "states, ages and statements of other roles",
                &format!("{hidden} sessions are hidden: role {role} is not a member of pg_monitor"),
            )
            .with_fix(&format!("GRANT pg_monitor TO {role}")),
        );
    }
    if untracked > 0 {
        missing.push(
            Missing::new(
                "what some sessions do",
                &format!("track_activities is off in {untracked} sessions"),
            )
            .with_fix("ALTER SYSTEM SET track_activities = on; SELECT pg_reload_conf()"),
        );
    }
    if left > 0 {
        missing.push(Missing::new(
            "slots of our own",
            &format!(
                "{left} sessions of this pooltop lost their network; the server ends them by its keepalives"
            ),
        ));
    }
    missing
}

/// Everything but counts.
pub(super) fn counts_only() -> Missing {
    Missing::new(
        "sessions one by one",
        "reading them took too long three times in a row; only counts are read",
    )
}
