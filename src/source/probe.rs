//! What a doctor finds out about one target: what is reachable, what is missing, and the statement or setting that helps.

use crate::model::part::Missing;
use crate::model::target::TargetError;
use crate::text::Text;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Works, but shows less than it could.
    Limited,
    /// Does not work.
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What, as a noun: `connection`, `statement texts`.
    pub what: Text,
    /// How it ended.
    pub health: Health,
    /// What was found, in one line.
    pub found: Text,
    /// The statement or setting that helps, where one does. Statements are separated by `; `.
    pub fix: Option<Text>,
}

impl Check {
    /// All is well.
    pub(super) fn good(what: &str, found: &str) -> Self {
        Self { what: what.into(), health: Health::Good, found: found.into(), fix: None }
    }

    /// Less than there could be.
    pub(super) fn limited(what: &str, found: &str, fix: &str) -> Self {
        Self { what: what.into(), health: Health::Limited, found: found.into(), fix: Some(fix.into()) }
    }

    /// The target cannot be used.
    pub(super) fn failed(what: &str, error: &TargetError) -> Self {
        let health = Health::Failed;
        Self { what: what.into(), health, found: error.message.clone(), fix: error.hint.clone() }
    }

    /// Something that a sample lacks.
    pub(super) fn missing(missing: &Missing) -> Self {
        let Missing { what, why, fix } = missing.clone();
        Self { what, health: Health::Limited, found: why, fix }
    }
}
