//! One pool in one sample, as the evidence looks at it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::endings::{Ending, Shape};
use super::reported::Reported;
use crate::analysis::Settings;
use crate::analysis::members::Member;
use crate::analysis::roster::Track;
use crate::model::backend::{Backend, BackendId};
use crate::model::time::Timestamp;

/// What a connection is doing, or not doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plight {
    /// Busy, or idle for a while that means nothing.
    #[default]
    Fine,
    /// Silent for a good reason: it listens, holds an advisory lock, waits as a spare, or nobody may judge it.
    Excused,
    /// Idle for long. Deep in a last-in-first-out pool that is ordinary.
    Frozen,
    /// Frozen while its pool opened others.
    Abandoned,
    /// Idle without having been given back, in a pool whose releases leave a mark.
    CheckedOut,
    /// Idle in transaction for longer than its pool ever is.
    Stuck,
    /// In the middle of a statement, waiting for its own client.
    Unread,
}

impl Plight {
    /// Held by somebody who does nothing with it.
    pub(crate) fn is_stranded(self) -> bool {
        matches!(self, Self::Abandoned | Self::CheckedOut | Self::Stuck | Self::Unread)
    }
}

/// One connection of the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Among the members of its target.
    pub(super) index: usize,
    pub(super) member: &'a Member,
    pub(super) backend: &'a Backend,
    /// In its state for so long; `None` where that may not be seen.
    pub(super) age: Option<Duration>,
    /// Of its last statement, where it was looked at.
    pub(super) shape: Option<Shape>,
    pub(super) plight: Plight,
    /// Idle for long, whatever else it is; not when it is excused.
    pub(super) frozen: bool,
}

impl Row<'_> {
    /// Whether its last statement says that it was given back.
    pub(super) fn is_released(&self) -> bool {
        self.shape.is_some_and(|shape| shape.ending == Ending::Release)
    }

    /// The age, or nothing at all where it is not known.
    pub(super) fn age_or_zero(&self) -> Duration {
        self.age.unwrap_or_default()
    }
}

/// One pool in one sample.
pub(super) struct PoolNow<'a> {
    pub(super) track: &'a Track,
    /// By birth, then pid.
    pub(super) rows: Vec<Row<'a>>,
    pub(super) at: Timestamp,
    pub(super) settings: &'a Settings,
    /// What the application or its pooler says about it.
    pub(super) reported: Option<&'a Reported>,
}

impl<'a> PoolNow<'a> {
    pub(super) fn with(&self, plight: Plight) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(move |row| row.plight == plight)
    }

    pub(super) fn frozen(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(|row| row.frozen)
    }
}

/// The sessions of rows, the longest silent first.
pub(super) fn named<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Vec<BackendId> {
    let mut rows: Vec<&Row<'_>> = rows.collect();
    rows.sort_by_key(|row| (row.backend.state_change, row.backend.pid()));
    rows.into_iter().map(|row| row.backend.id()).collect()
}

/// Since when the longest silent of them is.
pub(super) fn oldest<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Option<Timestamp> {
    rows.filter_map(|row| row.backend.state_change).min()
}
