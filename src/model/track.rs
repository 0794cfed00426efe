//! The way through the past: how far it reaches, what stands beside it, and how one moves along it.

use serde::{Deserialize, Serialize};

use super::audit::AuditRecord;
use super::event::{Event, EventKind};
use super::finding::{Finding, Severity};
use super::operation::Outcome;
use super::time::Timestamp;
use crate::text::Text;

/// How far the past reaches, with what is worth finding in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// The oldest moment that can be shown.
    pub oldest: Timestamp,
    /// The newest.
    pub newest: Timestamp,
    /// Times of which nothing is known, oldest first.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// What happened, oldest first; bounded.
    pub marks: Vec<Mark>,
}

impl Track {
    /// Whether it reaches from one time to another.
    pub fn covers(&self, oldest: Timestamp, newest: Timestamp) -> bool {
        self.oldest <= oldest && newest <= self.newest
    }
}

/// Something that happened at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: MarkKind,
    /// In a few words: a finding's title, an operation with its outcome, an event's text.
    pub text: Text,
}

impl Mark {
    /// A finding that opened at this time, or became worse.
    pub fn finding(at: Timestamp, finding: &Finding) -> Self {
        Self { at, kind: MarkKind::Finding(finding.severity), text: finding.title.clone() }
    }

    /// Something that happened.
    pub fn event(event: &Event) -> Self {
        let text = Text::line(&format!("{}: {}", event.target, event.text));
        Self { at: event.at, kind: MarkKind::Event(event.kind), text }
    }

    /// An operation with its outcome, on so many sessions or clients at once.
    pub fn operation(record: &AuditRecord, many: usize) -> Self {
        let whom = match (many, record.pid) {
            (1, Some(pid)) => format!(" pid {pid}"),
            (1, None) => String::new(),
            (several, _) => format!(" {several}"),
        };
        let outcome = record.outcome.map_or("unconfirmed", Outcome::as_str);
        let text = Text::line(&format!("{}{whom} on {}: {outcome}", record.operation, record.target));
        Self { at: record.at, kind: MarkKind::Operation, text }
    }
}

/// What a [`Mark`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A finding that opened, or became worse.
    Finding(Severity),
    /// An operation that was carried out.
    Operation,
    /// An event.
    Event(EventKind),
}

/// A way to another moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// So many moments on; negative into the past.
    Step(isize),
    /// To the oldest.
    Oldest,
    /// To the newest: live, where there is a live one.
    Newest,
    /// To the last moment at or before this time; the oldest, where there is none.
    To(Timestamp),
}

/// How a replay goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Play {
    /// Goes on, or stands still.
    Toggle,
    /// The next faster, or slower, of [`Playing::SPEEDS`].
    Faster,
    /// See [`Play::Faster`].
    Slower,
}

/// How a replay stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playing {
    /// It goes on by itself.
    pub running: bool,
    /// So many times as fast as life; one of [`Playing::SPEEDS`].
    pub speed: f64,
    /// The last moment is shown.
    pub at_end: bool,
}

impl Playing {
    /// How fast a replay can go.
    pub const SPEEDS: [f64; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
}
