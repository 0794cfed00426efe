//! Two moments side by side: what changed in between, the most telling first.
//!
//! What did not change is not listed. What is not known at one of the two moments has no difference: it is said as such,
//! never taken for zero.

mod findings;
mod pools;
mod targets;

use serde::Serialize;

use super::Moment;
use crate::model::target::{TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;
use crate::text::Text;

/// Changes that are listed at most; more than a screen or two is no comparison any more.
const MOST: usize = 60;

/// Two moments side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The earlier moment.
    pub from: Timestamp,
    /// The later one.
    pub to: Timestamp,
    /// What changed, the most telling first; bounded.
    pub changes: Vec<Change>,
    /// How many smaller changes are left out.
    pub left_out: usize,
    /// What cannot be compared, and why.
    pub unknown: Vec<Text>,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The verdict.
    Verdict,
    /// How a target stands.
    Target,
    /// A finding.
    Finding,
    /// A pool.
    Pool,
    /// A limit.
    Limit,
    /// The connections of a server by state.
    States,
}

/// Whether a change is one for the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// For the worse.
    Worse,
    /// For the better.
    Better,
    /// Neither, as far as can be told.
    Neither,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// On which target.
    pub target: Option<TargetName>,
    /// Its name: the pool's, the limit's, the finding's rule.
    pub name: Text,
    /// Whether it is for the worse.
    pub direction: Direction,
    /// The numbers that differ.
    pub values: Vec<Value>,
    /// All of it for people, in one sentence.
    pub sentence: Text,
    /// How much it tells: the higher the earlier it is listed.
    #[serde(skip)]
    weight: u32,
}

/// A number at both moments; `None` = not known then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Value {
    /// Its name in the schema of snapshots.
    pub what: &'static str,
    /// At the earlier moment.
    pub before: Option<f64>,
    /// At the later one.
    pub after: Option<f64>,
}

/// What changed between two moments, in whichever order they are given.
pub fn compare(one: &Moment, other: &Moment) -> Comparison {
    let (before, after) = if one.at <= other.at { (one, other) } else { (other, one) };
    let pair = Pair { before, after };
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(findings::verdict(&pair));
    changes.extend(targets::targets(&pair));
    changes.extend(findings::findings(&pair));
    changes.extend(pools::pools(&pair));
    changes.extend(targets::limits(&pair));
    changes.extend(targets::states(&pair));
    changes.sort_by(|left, right| {
        let key = |change: &Change| (change.subject, change.target.clone(), change.name.clone());
        right.weight.cmp(&left.weight).then_with(|| key(left).cmp(&key(right)))
    });
    let left_out = changes.len().saturating_sub(MOST);
    changes.truncate(MOST);
    Comparison { from: before.at, to: after.at, changes, left_out, unknown: targets::unknown(&pair) }
}

/// The two moments, in their order.
struct Pair<'a> {
    before: &'a Moment,
    after: &'a Moment,
}

impl Pair<'_> {
    /// Whether a target's data is known, and of the time, at both moments.
    fn comparable(&self, target: &TargetName) -> bool {
        [self.before, self.after].into_iter().all(|moment| gap(moment, target).is_none())
    }
}

/// Why nothing can be said of a target at a moment; `None` where something can.
fn gap(moment: &Moment, target: &TargetName) -> Option<&'static str> {
    let Some(place) = moment.targets.iter().position(|status| status.name == *target) else {
        return Some("it was not watched");
    };
    let server = moment.servers.get(place).and_then(Option::as_ref);
    let pooler = moment.poolers.get(place).and_then(Option::as_ref);
    let redis = moment.redis.get(place).and_then(Option::as_ref);
    let app = moment.apps.get(place).and_then(Option::as_ref);
    let unread =
        pooler.is_some_and(|view| view.unread.is_some()) || redis.is_some_and(|view| view.unread.is_some());
    let status = moment.targets.get(place);
    match status.map(|status| status.state) {
        _ if status.is_some_and(is_connecting) => Some("nothing of it was seen yet"),
        Some(TargetState::Refused) => Some("it refused the connection"),
        Some(TargetState::Down) => Some("it did not answer"),
        _ if server.is_some_and(|view| view.counts_only) => Some("only counts could be read"),
        _ if unread => Some("it could not be read"),
        _ if server.is_none() && pooler.is_none() && redis.is_none() && app.is_none() => {
            Some("nothing of it was seen yet")
        }
        _ => None,
    }
}

/// It was not reached yet, and nothing speaks against it.
fn is_connecting(status: &TargetStatus) -> bool {
    status.state == TargetState::Down && status.error.is_none() && status.age.is_none()
}

/// `+38`, `-3`.
fn signed(difference: f64) -> String {
    format!("{difference:+.0}")
}

#[cfg(test)]
mod tests;
