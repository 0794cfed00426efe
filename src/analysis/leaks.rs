//! The leak detector: pieces of evidence, each worth points and a sentence, added up per pool and sample.
//!
//! A new piece is a file here, a row in [`EVIDENCE`] and one in [`about::KINDS`]. What each looks at is one
//! [`PoolNow`](now::PoolNow): the connections of a pool in one sample with their plights, and what was learned about
//! the pool before.

pub(super) mod about;
mod bound;
mod ceiling;
mod checked_out;
mod client_wait;
mod cohorts;
mod detect;
pub(super) mod endings;
mod floor;
mod generations;
pub(super) mod habits;
mod idle_in_transaction;
pub(super) mod level;
mod library;
mod mix;
pub(super) mod now;
mod remedy;
pub(super) mod reported;
mod staircase;
mod statement;
pub(super) mod stranded;
mod untouched;
mod view;

pub(super) use detect::{Detector, Round};
pub(super) use view::{draft, view};

use serde::{Deserialize, Serialize};

use crate::model::backend::BackendId;
use crate::model::leak::EvidenceKind;
use crate::model::time::Timestamp;

use now::PoolNow;

/// One kind of evidence.
trait Evidence: Sync {
    /// What it weighs in this pool; `None` when there is none. `before` are the rows before it.
    fn weigh(&self, pool: &PoolNow<'_>, before: &[Weight]) -> Option<Weight>;
}

/// The kinds of evidence. Those that count connections come first, because others weigh less beside them; of equal
/// points the first row names the finding.
const EVIDENCE: [&dyn Evidence; 11] = [
    &idle_in_transaction::IdleInTransaction,
    &checked_out::CheckedOut,
    &client_wait::ClientWait,
    &reported::ReportedIdle,
    &generations::Generations,
    &staircase::Staircase,
    &statement::Statement,
    &untouched::Untouched,
    &ceiling::Ceiling,
    &floor::Floor,
    &bound::Bound,
];

/// What one piece of evidence says about one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weight {
    pub(super) kind: EvidenceKind,
    /// 0–100.
    pub(super) points: f64,
    /// The claim, without the pool's name: `14 connections idle in transaction, oldest 4m12s`.
    pub(super) claim: String,
    /// Sentences that an operator can check.
    pub(super) sentences: Vec<String>,
    /// The connections it names, the longest silent first.
    pub(super) backends: Vec<BackendId>,
    pub(super) since: Option<Timestamp>,
    /// It rests on what was learned since pooltop began to watch.
    pub(super) learned: bool,
}

impl Weight {
    /// Evidence of this kind that says nothing yet.
    fn of(kind: EvidenceKind) -> Self {
        Self {
            kind,
            points: 0.0,
            claim: String::new(),
            sentences: Vec::new(),
            backends: Vec::new(),
            since: None,
            learned: true,
        }
    }
}

impl EvidenceKind {
    /// It accuses connections one by one, so that its points of several pools add up to its cap; the others tell of
    /// a pool as a whole.
    fn cap_of_sum(self) -> Option<f64> {
        match self {
            Self::IdleInTransaction => Some(idle_in_transaction::CAP),
            Self::CheckedOut => Some(checked_out::CAP),
            Self::ClientWait => Some(client_wait::CAP),
            _ => None,
        }
    }

    fn counts_connections(self) -> bool {
        self.cap_of_sum().is_some()
    }
}

/// One pool with what speaks against it in the newest sample.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) weights: Vec<Weight>,
    /// Its own points, capped.
    pub(super) score: f64,
    /// Points of all pools of the same application together; at least its own.
    pub(super) judged: f64,
    /// Other pools of the same application with evidence against them.
    pub(super) others: usize,
}

impl Case {
    /// Takes out of its sentences what statements say: it stands between backticks.
    pub(super) fn forget_statements(&mut self) {
        for sentence in self.weights.iter_mut().flat_map(|weight| &mut weight.sentences) {
            if let (Some(from), Some(to)) = (sentence.find('`'), sentence.rfind('`')) {
                sentence.replace_range(from..=to, "?");
            }
        }
    }

    /// The strongest piece; of equal ones the first.
    pub(super) fn strongest(&self) -> Option<&Weight> {
        self.weights.iter().reduce(|best, weight| if weight.points > best.points { weight } else { best })
    }

    /// Points of what does not rest on history.
    fn certain(&self) -> f64 {
        self.weights.iter().filter(|weight| !weight.learned).map(|weight| weight.points).sum()
    }

    pub(super) fn exceeds_bound(&self) -> bool {
        self.weights.iter().any(|weight| weight.kind == EvidenceKind::Bound)
    }
}

/// The beginning of a statement, for a sentence.
fn short(statement: &str) -> String {
    const ROOM: usize = 60;
    if statement.chars().count() <= ROOM {
        return statement.to_owned();
    }
    let cut: String = statement.chars().take(ROOM - 1).collect();
    format!("{}…", cut.trim_end())
}
