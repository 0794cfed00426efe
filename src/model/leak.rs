//! What speaks for and against a pool's connections being leaked: score, state, evidence, connections, timeline.

use serde::{Deserialize, Serialize};

use super::backend::{BackendId, State};
use super::finding::{Rule, Severity};
use super::time::Timestamp;
use crate::text::Text;

/// How far the suspicion against a pool goes. Entered after three samples in a row, left slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakState {
    /// Worth watching: a notice.
    Watch,
    /// Needs a look: a warning.
    Suspect,
    /// Leaks: critical.
    Leak,
}

impl LeakState {
    /// The word used in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Suspect => "suspect",
            Self::Leak => "leak",
        }
    }

    /// The severity of the finding that says so.
    pub fn severity(self) -> Severity {
        match self {
            Self::Watch => Severity::Notice,
            Self::Suspect => Severity::Warning,
            Self::Leak => Severity::Critical,
        }
    }
}

/// The kinds of evidence. The numbers are those of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// E1: sessions idle in transaction for longer than is usual in their pool.
    IdleInTransaction,
    /// E2: checked out and silent, in a pool whose releases leave a mark.
    CheckedOut,
    /// E5: a statement that waits for its own client.
    ClientWait,
    /// E11: the application or its pooler says that connections are checked out which do nothing.
    Reported,
    /// E4: earlier generations of connections fell silent together and were replaced.
    Generations,
    /// E3: the floor of stranded connections rises and does not fall.
    Staircase,
    /// E6: silent connections that all ended with the same rare statement.
    Statement,
    /// E7: idle connections that nobody used while the others were busy.
    Untouched,
    /// E8: every connection silent at the pool's high-water mark.
    Ceiling,
    /// E9: the pool's floor rises and does not fall.
    Floor,
    /// E10: more connections than declared.
    Bound,
}

impl EvidenceKind {
    /// Its number in the documentation: `E1`.
    pub fn number(self) -> &'static str {
        match self {
            Self::IdleInTransaction => "E1",
            Self::CheckedOut => "E2",
            Self::Staircase => "E3",
            Self::Generations => "E4",
            Self::ClientWait => "E5",
            Self::Statement => "E6",
            Self::Untouched => "E7",
            Self::Ceiling => "E8",
            Self::Floor => "E9",
            Self::Bound => "E10",
            Self::Reported => "E11",
        }
    }

    /// The finding that a pool gets when this is its strongest evidence.
    pub fn rule(self) -> Rule {
        match self {
            Self::IdleInTransaction => Rule::LeakIdleInTransaction,
            Self::CheckedOut | Self::ClientWait | Self::Reported => Rule::LeakCheckedOut,
            Self::Staircase | Self::Generations | Self::Statement | Self::Untouched | Self::Floor => {
                Rule::LeakGrowth
            }
            Self::Ceiling => Rule::LeakCeiling,
            Self::Bound => Rule::PoolBoundExceeded,
        }
    }
}

/// One piece of evidence against one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakEvidence {
    /// Which kind.
    pub kind: EvidenceKind,
    /// What it adds to the score, 0–100.
    pub points: f64,
    /// Sentences that an operator can check; never empty.
    pub sentences: Vec<Text>,
    /// What else could explain it.
    pub alternative: Text,
}

/// A connection that the evidence names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakConnection {
    /// Which session.
    pub id: BackendId,
    /// Its state.
    pub state: State,
    /// In that state since, by the server's clock.
    pub since: Option<Timestamp>,
    /// How long that was at the newest sample, s.
    pub age_s: Option<f64>,
    /// The last statement as the server shows it, values included; `None` where it may not be seen or there was none.
    pub statement: Option<Text>,
    /// How many connections its pool opened while it lay idle, at most one per sample.
    pub witnesses: u32,
}

/// A pool over time; the vectors have the same length, one value per bucket, the newest last; gaps are `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakTimeline {
    /// Seconds per bucket.
    pub bucket_s: f64,
    /// Open connections, the most in each bucket.
    pub size: Vec<Option<u32>>,
    /// Stranded connections, the most in each bucket.
    pub stranded: Vec<Option<u32>>,
    /// Connections opened in each bucket.
    pub opened: Vec<Option<u32>>,
}

/// The client library or pooler that opens a pool's connections, as far as their statements and name tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Library {
    /// Python, asyncpg.
    Asyncpg,
    /// Python, SQLAlchemy over any driver.
    SqlAlchemy,
    /// Python, psycopg and its pool.
    Psycopg,
    /// Python, Django.
    Django,
    /// Ruby, Active Record.
    ActiveRecord,
    /// Java: pgjdbc, mostly below `HikariCP`.
    Jdbc,
    /// Go, pgx and pgxpool.
    Pgx,
    /// Go, `database/sql`.
    GoSql,
    /// JavaScript, node-postgres and what is built on it.
    NodePostgres,
    /// .NET, Npgsql.
    Npgsql,
    /// A pooler in between that runs a reset statement.
    PgBouncer,
}

impl Library {
    /// Every library.
    pub const ALL: [Self; 11] = [
        Self::Asyncpg,
        Self::SqlAlchemy,
        Self::Psycopg,
        Self::Django,
        Self::ActiveRecord,
        Self::Jdbc,
        Self::Pgx,
        Self::GoSql,
        Self::NodePostgres,
        Self::Npgsql,
        Self::PgBouncer,
    ];

    /// Its name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asyncpg => "asyncpg",
            Self::SqlAlchemy => "SQLAlchemy",
            Self::Psycopg => "psycopg",
            Self::Django => "Django",
            Self::ActiveRecord => "Active Record",
            Self::Jdbc => "HikariCP/pgjdbc",
            Self::Pgx => "pgx",
            Self::GoSql => "Go database/sql",
            Self::NodePostgres => "node-postgres",
            Self::Npgsql => "Npgsql",
            Self::PgBouncer => "PgBouncer",
        }
    }
}

/// Everything that speaks for a leak in one pool now, for the panel of suspects and the snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakView {
    /// 0–100: the sum of the evidence, capped.
    pub score: u8,
    /// How far the suspicion goes; `None` below watching, or before three samples in a row said so.
    pub state: Option<LeakState>,
    /// Since when it is in this state, by the server's clock.
    pub since: Option<Timestamp>,
    /// Connections that the evidence names.
    pub count: u32,
    /// How the number of stranded connections grows, per minute; `None` where nothing can be said about it.
    pub growth_per_min: Option<f64>,
    /// Seconds until the pool's or the server's bound is reached if it goes on like that, where that is known.
    pub exhausted_in_s: Option<f64>,
    /// The evidence, the strongest first; never empty.
    pub evidence: Vec<LeakEvidence>,
    /// The connections that it names, worst first; at most 64.
    pub connections: Vec<LeakConnection>,
    /// The pool over time.
    pub timeline: LeakTimeline,
    /// The client library, where it was recognised.
    pub library: Option<Library>,
    /// What to do, in that library's words.
    pub suggestion: Text,
}
