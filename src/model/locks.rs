//! Who waits for whom.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Who holds what a waiter wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// A backend, by pid.
    Backend(i32),
    /// A prepared transaction, which has no backend. The index is into `ServerFacts::prepared` where known.
    Prepared,
}

/// `waiter` waits for `blocker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockEdge {
    /// The pid that waits.
    pub waiter: i32,
    /// Whom it waits for.
    pub blocker: Blocker,
    /// A soft edge: the blocker does not hold the lock, it only stands ahead in the queue.
    pub soft: bool,
}

/// One reading of the lock waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockPicture {
    /// When it was read, by the server's clock. Older than the sample when the lock query has its own cadence.
    pub at: Option<Timestamp>,
    /// Every wait, without duplicates.
    pub edges: Vec<LockEdge>,
    /// When each waiter began to wait, where the server says (PostgreSQL 14 and later).
    pub wait_start: Vec<(i32, Timestamp)>,
}

/// The blocking tree: roots that wait for nobody, ranked by whom they block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockingTree {
    /// Rows in the order in which they are drawn, each under its parent.
    pub rows: Vec<BlockingRow>,
    /// Pids that wait in a circle: a deadlock that the server has not yet resolved.
    pub cycles: Vec<Vec<i32>>,
    /// When the waits were read.
    pub at: Option<Timestamp>,
}

/// One row of the blocking tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockingRow {
    /// Who.
    pub who: Blocker,
    /// 0 for a root.
    pub depth: usize,
    /// How many wait for it, directly and through others.
    pub blocks: usize,
    /// How many it waits for besides the parent it is drawn under.
    pub also_waits_for: usize,
    /// Seconds that it has waited, where known.
    pub waited_s: Option<f64>,
    /// Drawn here because the waits form a circle.
    pub in_cycle: bool,
    /// A waiting statement with a queue behind it that would run if this one gave up: cancel it first.
    pub cancel_first: bool,
}
