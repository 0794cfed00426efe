//! What changed between two readings of a server's slow facts: events for the timeline.

use crate::model::event::{Event, EventKind};
use crate::model::facts::{DatabaseFacts, ServerFacts, Settings};
use crate::model::target::TargetName;
use crate::text::Text;
use crate::text::span::count;

/// What a setting is.
type Value = fn(&Settings) -> u64;

/// Settings whose change explains what the screen shows, in the words of `postgresql.conf`.
const WATCHED: [(&str, Value); 6] = [
    ("max_connections", |settings| settings.max_connections.into()),
    ("superuser_reserved_connections", |settings| settings.superuser_reserved.into()),
    ("reserved_connections", |settings| settings.reserved.into()),
    ("idle_in_transaction_session_timeout", |settings| settings.idle_in_transaction_timeout_ms),
    ("transaction_timeout", |settings| settings.transaction_timeout_ms.unwrap_or(0)),
    ("statement_timeout", |settings| settings.statement_timeout_ms),
];

/// Deadlocks and changed settings between two readings.
pub(super) fn between(target: &TargetName, old: &ServerFacts, new: &ServerFacts) -> Vec<Event> {
    let event = |kind, text: String| Event {
        at: new.at,
        target: TargetName::clone(target),
        kind,
        text: Text::line(&text),
    };
    let settings = WATCHED.iter().filter_map(|(name, value)| {
        let (before, now) = (value(&old.settings), value(&new.settings));
        (before != now).then(|| event(EventKind::Setting, format!("{name}: {before} is {now} now")))
    });
    let deadlocks = new.databases.iter().filter_map(|database| {
        let before = old.databases.iter().find(|before| before.name == database.name)?;
        let many = deadlocks(before, database)?;
        Some(event(EventKind::Deadlock, format!("{} in {}", count(many, "deadlock"), database.name)))
    });
    settings.chain(deadlocks).collect()
}

/// Deadlocks since the reading before; `None` where there was none, or the statistics were reset in between.
fn deadlocks(before: &DatabaseFacts, now: &DatabaseFacts) -> Option<u64> {
    now.deadlocks.checked_sub(before.deadlocks).filter(|many| *many > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::facts;

    fn changes(change: impl FnOnce(&mut ServerFacts)) -> Vec<(EventKind, String)> {
        let old = facts(100);
        let mut new = old.clone();
        change(&mut new);
        let events = between(&"db1".into(), &old, &new);
        events.into_iter().map(|event| (event.kind, event.text.to_string())).collect()
    }

    #[test]
    fn deadlocks_and_changed_settings_are_events() {
        let told = changes(|facts| {
            facts.databases[0].deadlocks += 2;
            facts.settings.max_connections = 200;
        });
        let database = facts(100).databases[0].name.clone();
        assert_eq!(
            told,
            [
                (EventKind::Setting, "max_connections: 100 is 200 now".to_owned()),
                (EventKind::Deadlock, format!("2 deadlocks in {database}")),
            ]
        );
    }

    #[test]
    fn nothing_new_and_reset_statistics_are_no_events() {
        assert_eq!(changes(|_| {}), []);
        let mut old = facts(100);
        old.databases[0].deadlocks = 9;
        assert!(between(&"db1".into(), &old, &facts(100)).is_empty());
    }
}
