//! The one sentence that sums the findings up.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// What kind of trouble, in the order in which one hides the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictKind {
    /// No target can be seen.
    Unreachable,
    /// No slot is left.
    Exhausted,
    /// A pool leaks.
    Leak,
    /// Sessions wait for each other.
    Blocked,
    /// Nearly no slot is left.
    Saturated,
    /// A pooler is paused.
    Paused,
    /// Statements run long.
    Slow,
    /// Too little can be seen to judge.
    Unknown,
    /// Nothing found, and everything seen.
    Healthy,
}

impl VerdictKind {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Exhausted => "exhausted",
            Self::Leak => "leak",
            Self::Blocked => "blocked",
            Self::Saturated => "saturated",
            Self::Paused => "paused",
            Self::Slow => "slow",
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
        }
    }
}

/// The verdict with its sentence and evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What kind.
    pub kind: VerdictKind,
    /// One sentence.
    pub sentence: Text,
    /// Further sentences that support it.
    pub evidence: Vec<Text>,
}
