//! Targets, their limits, and the connections of servers by state.

use super::{Change, Direction, Pair, Subject, Value, gap, signed};
use crate::model::limit::{Limit, LimitScope};
use crate::model::sample::StateCounts;
use crate::model::target::{TargetName, TargetState, TargetStatus};
use crate::text::Text;

/// From this share on a limit that fills is worth more than what its pools do.
const NEAR: f64 = 0.8;

pub(super) fn targets(pair: &Pair<'_>) -> Vec<Change> {
    let after = pair.after.targets.iter().enumerate();
    after.filter_map(|(place, status)| target(pair, place, status)).collect()
}

fn target(pair: &Pair<'_>, place: usize, status: &TargetStatus) -> Option<Change> {
    let at = pair.before.targets.iter().position(|before| before.name == status.name)?;
    let before = pair.before.targets.get(at)?;
    let identity = |servers: &[Option<crate::analysis::moment::ServerView>], place: usize| {
        servers.get(place).and_then(Option::as_ref).map(|server| server.identity.clone())
    };
    let lives = identity(&pair.before.servers, at).zip(identity(&pair.after.servers, place));
    let (what, direction) = match lives {
        _ if super::is_connecting(before) => return None,
        _ if before.state != status.state => {
            let better = status.state == TargetState::Live;
            let why = status.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
            let what = format!("{} → {}{why}", word(before.state), word(status.state));
            (what, if better { Direction::Better } else { Direction::Worse })
        }
        Some((old, new)) if old.in_recovery != new.in_recovery => {
            let word = if new.in_recovery { "a standby now" } else { "the primary now" };
            (word.to_owned(), Direction::Neither)
        }
        Some((old, new)) if old.postmaster_start != new.postmaster_start => {
            ("restarted".to_owned(), Direction::Neither)
        }
        Some((old, new)) if old.address != new.address => {
            ("another server under the same name".to_owned(), Direction::Neither)
        }
        _ => return None,
    };
    Some(Change {
        subject: Subject::Target,
        target: Some(status.name.clone()),
        name: Text::line(&status.name),
        direction,
        values: Vec::new(),
        sentence: Text::line(&format!("{}: {what}", status.name)),
        weight: 900,
    })
}

fn word(state: TargetState) -> &'static str {
    match state {
        TargetState::Live => "live",
        TargetState::Stale => "stale",
        TargetState::Refused => "refused",
        TargetState::Down => "down",
    }
}

/// What cannot be compared.
pub(super) fn unknown(pair: &Pair<'_>) -> Vec<Text> {
    let known = |name: &TargetName| pair.before.targets.iter().any(|status| status.name == *name);
    let only_now = pair.after.targets.iter().map(|status| &status.name).filter(|name| !known(name));
    let names = pair.before.targets.iter().map(|status| &status.name).chain(only_now);
    names.filter_map(|name| reason(pair, name)).collect()
}

fn reason(pair: &Pair<'_>, name: &TargetName) -> Option<Text> {
    let (before, after) = (gap(pair.before, name), gap(pair.after, name));
    let said = match (before, after) {
        (Some(before), Some(after)) if before == after => format!("{before} at both moments"),
        (Some(before), Some(after)) => format!("{before} then, and {after} now"),
        (Some(before), None) => format!("{before} then"),
        (None, Some(after)) => format!("{after} now"),
        (None, None) => return None,
    };
    Some(Text::line(&format!("{name}: not compared, {said}")))
}

/// Limits of servers, databases, roles, poolers and Redis servers; those of pools stand with the pools.
pub(super) fn limits(pair: &Pair<'_>) -> Vec<Change> {
    let own = |limit: &&Limit| !matches!(limit.scope, LimitScope::Pool | LimitScope::Application);
    let after = pair.after.limits.iter().filter(own);
    let pairs = after.filter_map(|limit| {
        let same = |other: &&Limit| {
            (other.scope, &other.name, &other.target) == (limit.scope, &limit.name, &limit.target)
        };
        pair.before.limits.iter().find(same).map(|before| (before, limit))
    });
    pairs
        .filter(|(_, limit)| pair.comparable(&limit.target))
        .filter_map(|(before, after)| limit(before, after))
        .collect()
}

fn limit(before: &Limit, after: &Limit) -> Option<Change> {
    let used = Value { what: "used", before: Some(before.used.into()), after: Some(after.used.into()) };
    let usable =
        Value { what: "limit", before: before.usable().map(f64::from), after: after.usable().map(f64::from) };
    let values: Vec<Value> = [used, usable].into_iter().filter(|value| value.before != value.after).collect();
    if values.is_empty() {
        return None;
    }
    let grown = after.used > before.used;
    let share = after.utilization().unwrap_or(0.0);
    let moved = usable.before != usable.after;
    Some(Change {
        subject: Subject::Limit,
        target: Some(after.target.clone()),
        name: after.name.clone(),
        direction: match share >= NEAR {
            true if grown => Direction::Worse,
            false if before.utilization().is_some_and(|share| share >= NEAR) => Direction::Better,
            _ => Direction::Neither,
        },
        values,
        sentence: Text::line(&limit_sentence(before, after)),
        weight: match share >= NEAR {
            true if grown => 620,
            _ if moved => 350,
            _ => 150 + after.used.abs_diff(before.used).min(90),
        },
    })
}

fn limit_sentence(before: &Limit, after: &Limit) -> String {
    let used = if before.used == after.used {
        format!("{} used", after.used)
    } else {
        format!("{} → {}", before.used, after.used)
    };
    let ceiling = match (before.usable(), after.usable()) {
        (Some(old), Some(new)) if old == new => format!("of {new}"),
        (Some(old), Some(new)) => format!("of {new}, was {old}"),
        (None, Some(new)) => format!("of {new} (not known before)"),
        (Some(old), None) => format!("of a ceiling no longer known (was {old})"),
        (None, None) => "of an unknown ceiling".to_owned(),
    };
    format!("limit {} {}: {used} {ceiling}", after.scope.as_str(), after.name)
}

/// A state, in people's words, and its count.
type State = (&'static str, &'static str, fn(&StateCounts) -> u32);

/// The states of a server's connections.
const STATES: [State; 5] = [
    ("idle_in_transaction", "idle in transaction", |counts| counts.idle_in_transaction),
    ("idle_in_transaction_aborted", "in an aborted transaction", |counts| counts.aborted),
    ("blocked", "blocked", |counts| counts.blocked),
    ("active", "active", |counts| counts.active),
    ("idle", "idle", |counts| counts.idle),
];

pub(super) fn states(pair: &Pair<'_>) -> Vec<Change> {
    let counts = |moment: &crate::analysis::Moment, name: &TargetName| {
        let place = moment.targets.iter().position(|status| status.name == *name)?;
        moment.servers.get(place)?.as_ref().map(|server| server.counts)
    };
    let names = pair.after.targets.iter().map(|status| &status.name);
    names
        .filter(|name| pair.comparable(name))
        .filter_map(|name| states_of(name, &counts(pair.before, name)?, &counts(pair.after, name)?))
        .collect()
}

fn states_of(name: &TargetName, before: &StateCounts, after: &StateCounts) -> Option<Change> {
    let (mut values, mut parts) = (Vec::new(), Vec::new());
    for (what, word, get) in STATES {
        let (old, new) = (f64::from(get(before)), f64::from(get(after)));
        if (old - new).abs() > 0.0 {
            values.push(Value { what, before: Some(old), after: Some(new) });
            parts.push(format!("{} {word}", signed(new - old)));
        }
    }
    if parts.is_empty() {
        return None;
    }
    let held = |counts: &StateCounts| counts.idle_in_transaction + counts.aborted + counts.blocked;
    let sentence =
        format!("{name}: {} → {} connections: {}", before.total(), after.total(), parts.join(", "));
    Some(Change {
        subject: Subject::States,
        target: Some(name.clone()),
        name: Text::line(name),
        direction: match held(after).cmp(&held(before)) {
            std::cmp::Ordering::Greater => Direction::Worse,
            std::cmp::Ordering::Less => Direction::Better,
            std::cmp::Ordering::Equal => Direction::Neither,
        },
        values,
        sentence: Text::line(&sentence),
        weight: 250,
    })
}
