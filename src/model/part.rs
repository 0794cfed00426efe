//! A value, or the reason why it is missing.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Why something is not known, and what would make it known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is missing, as a noun: `statement texts of other roles`.
    pub what: Text,
    /// Why: `role app is not a member of pg_monitor`.
    pub why: Text,
    /// The statement or setting that would show it: `GRANT pg_monitor TO app`.
    pub fix: Option<Text>,
}

impl Missing {
    /// Something missing that nothing here can fix.
    pub fn new(what: &str, why: &str) -> Self {
        Self { what: what.into(), why: why.into(), fix: None }
    }

    /// The same with the statement or setting that would show it.
    #[must_use]
    pub fn with_fix(mut self, fix: &str) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// One part of a sample: known, or missing with a reason. Missing is not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    /// It was read.
    Known(T),
    /// It could not be read.
    Missing(Missing),
}

impl<T> Part<T> {
    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Missing(_) => None,
        }
    }

    /// The reason, if missing.
    pub fn missing(&self) -> Option<&Missing> {
        match self {
            Self::Known(_) => None,
            Self::Missing(reason) => Some(reason),
        }
    }
}
