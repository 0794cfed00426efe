//! Pools: who came, who went, and what grew in those that stayed.

use std::collections::HashMap;

use super::{Change, Direction, Pair, Subject, Value, signed};
use crate::analysis::moment::PoolRow;
use crate::model::pool::{Pool, PoolKey};
use crate::text::Text;
use crate::text::span::{count, span_s};

/// Parts of a pool's sentence at most; the values have them all.
const PARTS: usize = 5;

/// How a number is written, and what it means when it grows.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Connections or requests: more of them is trouble.
    Trouble,
    /// Connections: more of them is neither good nor bad.
    Connections,
    /// Seconds that somebody waits.
    Wait,
    /// Of all time: only growth says something, because its owner may have begun to count anew.
    Total,
    /// What somebody configured.
    Bound,
}

/// A number of a pool.
struct Measure {
    what: &'static str,
    word: &'static str,
    kind: Kind,
    /// How much one more of it tells (for waits: a change at all).
    weight: u32,
    get: fn(&Pool) -> Option<f64>,
}

/// What is compared, the most telling first. The names are those of the schema of snapshots.
const MEASURES: [Measure; 15] = [
    measure("idle_in_transaction", "idle in transaction", Kind::Trouble, 6, |pool| {
        of(pool.idle_in_transaction)
    }),
    measure("idle_in_transaction_aborted", "in an aborted transaction", Kind::Trouble, 6, |pool| {
        of(pool.aborted)
    }),
    measure("pending", "waiting", Kind::Trouble, 8, |pool| of(pool.pending)),
    measure("max_wait_s", "wait", Kind::Wait, 40, |pool| pool.max_wait_s),
    measure("wait_avg_s", "mean wait", Kind::Wait, 30, |pool| pool.wait_avg_s),
    measure("stranded", "stranded", Kind::Trouble, 6, |pool| of(pool.stranded)),
    measure("timeouts", "timeouts", Kind::Total, 4, |pool| total(pool.timeouts)),
    measure("errors", "errors", Kind::Total, 4, |pool| total(pool.errors)),
    measure("size", "pool size", Kind::Bound, 20, |pool| of(pool.size)),
    measure("max", "maximum", Kind::Bound, 20, |pool| of(pool.max)),
    measure("total", "connections", Kind::Connections, 1, |pool| Some(pool.total.into())),
    measure("used", "in use", Kind::Connections, 1, |pool| of(pool.used)),
    measure("active", "active", Kind::Connections, 1, |pool| of(pool.active)),
    measure("idle", "idle", Kind::Connections, 0, |pool| of(pool.idle)),
    measure("use_avg_s", "mean use", Kind::Wait, 5, |pool| pool.use_avg_s),
];

const fn measure(
    what: &'static str,
    word: &'static str,
    kind: Kind,
    weight: u32,
    get: fn(&Pool) -> Option<f64>,
) -> Measure {
    Measure { what, word, kind, weight, get }
}

fn of(number: Option<u32>) -> Option<f64> {
    number.map(f64::from)
}

fn total(number: Option<u64>) -> Option<f64> {
    number.map(|number| number as f64)
}

pub(super) fn pools(pair: &Pair<'_>) -> Vec<Change> {
    let before: HashMap<&PoolKey, &Pool> = index(&pair.before.pools);
    let after: HashMap<&PoolKey, &Pool> = index(&pair.after.pools);
    let known = |pool: &&Pool| pair.comparable(&pool.key.target);
    let here = pair.after.pools.iter().map(|row| &row.pool).filter(known);
    let gone = pair.before.pools.iter().map(|row| &row.pool).filter(known);
    here.filter_map(|pool| match before.get(&pool.key) {
        Some(old) => changed(old, pool),
        None => Some(presence(pool, true)),
    })
    .chain(gone.filter(|pool| !after.contains_key(&pool.key)).map(|pool| presence(pool, false)))
    .collect()
}

fn index(rows: &[PoolRow]) -> HashMap<&PoolKey, &Pool> {
    rows.iter().map(|row| (&row.pool.key, &row.pool)).collect()
}

/// A pool that was not there before, or is not any more.
fn presence(pool: &Pool, came: bool) -> Change {
    let connections = count(pool.total, "connection");
    let held = pool.idle_in_transaction.filter(|held| *held > 0);
    let held = held.map(|held| format!(", {held} idle in transaction")).unwrap_or_default();
    let word = if came { "new, with" } else { "gone, had" };
    let total = Some(f64::from(pool.total));
    let (before, after) = if came { (None, total) } else { (total, None) };
    Change {
        subject: Subject::Pool,
        target: Some(pool.key.target.clone()),
        name: pool.name.clone(),
        direction: Direction::Neither,
        values: vec![Value { what: "total", before, after }],
        sentence: Text::line(&format!("{}: {word} {connections}{held}", pool.name)),
        weight: 120 + pool.total.min(79),
    }
}

fn changed(before: &Pool, after: &Pool) -> Option<Change> {
    let mut told = Told::default();
    for measure in &MEASURES {
        let value = Value { what: measure.what, before: (measure.get)(before), after: (measure.get)(after) };
        if value.before != value.after {
            told.tell(measure, value);
        }
    }
    if told.parts.is_empty() {
        return None;
    }
    told.parts.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let mut parts: Vec<String> = told.parts.into_iter().take(PARTS).map(|(_, part)| part).collect();
    // That the size is not the reason is half of the answer.
    if told.worse > 0 {
        parts.extend(same_bound(before, after));
    }
    let base = if told.worse > 0 || told.better > 0 { 400 } else { 100 };
    Some(Change {
        subject: Subject::Pool,
        target: Some(after.key.target.clone()),
        name: after.name.clone(),
        direction: match told.worse.cmp(&told.better) {
            std::cmp::Ordering::Greater => Direction::Worse,
            std::cmp::Ordering::Less => Direction::Better,
            std::cmp::Ordering::Equal => Direction::Neither,
        },
        values: told.values,
        sentence: Text::line(&format!("{}: {}", after.name, parts.join(", "))),
        weight: base + told.weight.min(if base == 400 { 190 } else { 90 }),
    })
}

/// The ceiling of a pool, where it is known and stayed what it was.
fn same_bound(before: &Pool, after: &Pool) -> Option<String> {
    let same = |old: Option<u32>, new: Option<u32>| new.filter(|_| old == new);
    let size = same(before.size, after.size).map(|size| format!("pool size unchanged ({size})"));
    size.or_else(|| same(before.max, after.max).map(|max| format!("maximum unchanged ({max})")))
}

/// What is to be said of one pool.
#[derive(Default)]
struct Told {
    values: Vec<Value>,
    parts: Vec<(u32, String)>,
    weight: u32,
    worse: u32,
    better: u32,
}

impl Told {
    fn tell(&mut self, measure: &Measure, value: Value) {
        let Some((part, weight, direction)) = tell(measure, value) else { return };
        self.values.push(value);
        self.parts.push((weight, part));
        self.weight = self.weight.saturating_add(weight);
        match direction {
            Direction::Worse => self.worse = self.worse.saturating_add(weight),
            Direction::Better => self.better = self.better.saturating_add(weight),
            Direction::Neither => {}
        }
    }
}

/// The words for a number that differs, how much it tells, and in which direction it points.
fn tell(measure: &Measure, value: Value) -> Option<(String, u32, Direction)> {
    let Measure { word, kind, weight, .. } = *measure;
    let (Some(before), Some(after)) = (value.before, value.after) else {
        return one_sided(measure, value).map(|part| (part, weight, Direction::Neither));
    };
    let difference = after - before;
    let by_count = |weight: u32| weight.saturating_mul(steps(difference));
    let bad = if difference > 0.0 { Direction::Worse } else { Direction::Better };
    match kind {
        Kind::Trouble => {
            Some((format!("{} {word} ({before:.0} → {after:.0})", signed(difference)), by_count(weight), bad))
        }
        Kind::Connections => Some((
            format!("{} {word} ({before:.0} → {after:.0})", signed(difference)),
            by_count(weight),
            Direction::Neither,
        )),
        Kind::Total if difference > 0.0 => {
            Some((format!("{} {word}", signed(difference)), by_count(weight), Direction::Worse))
        }
        Kind::Total => None,
        Kind::Bound => Some((format!("{word} {before:.0} → {after:.0}"), weight, Direction::Neither)),
        Kind::Wait => wait(word, before, after).map(|part| (part, weight, bad)),
    }
}

/// A difference as a weight.
fn steps(difference: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits, and never negative"
    )]
    let steps = difference.abs().clamp(0.0, 10_000.0) as u32;
    steps
}

/// `wait ×40 (50ms → 2s)`. What differs by less than a tenth or a millisecond is the same.
fn wait(word: &str, before: f64, after: f64) -> Option<String> {
    let (from, to) = (span_s(before), span_s(after));
    if (after - before).abs() < (before.max(after) / 10.0).max(0.001) {
        return None;
    }
    let times = if before > 0.0 { after / before } else { 0.0 };
    Some(match times {
        1_000.0.. => format!("{word} {from} → {to}"),
        2.0.. => format!("{word} ×{times:.0} ({from} → {to})"),
        _ => format!("{word} {from} → {to}"),
    })
}

/// A number that is known at one of the moments only.
fn one_sided(measure: &Measure, value: Value) -> Option<String> {
    let number = |number: f64| match measure.kind {
        Kind::Wait => span_s(number),
        _ => format!("{number:.0}"),
    };
    let word = measure.word;
    match (value.before, value.after) {
        (None, Some(after)) => Some(format!("{word} {} (not known before)", number(after))),
        (Some(before), None) => Some(format!("{word} no longer known (was {})", number(before))),
        _ => None,
    }
}
