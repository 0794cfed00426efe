//! Asking before anything is done: which sessions, which not and why, and what the answer allows.
//!
//! Pure. It knows no connection and no executor; what it makes is the only thing that an executor takes.

mod pooler;
mod question;
mod redis;
pub(in crate::control) mod warning;
mod why;

use crate::text::Text;

pub use pooler::{NotHere, PoolLoad, PoolerAround};
pub use question::{Answer, AnswerError, Asked, Confirmed, LeftOut, PoolShare, Question, Surroundings};
pub use redis::ask_redis;
pub use why::Why;

/// Roles that no profile can give free: the provider's own, on whose sessions the service depends.
pub const ALWAYS_PROTECTED: [&str; 4] = ["rdsadmin", "azuresu", "cloudsqladmin", "supabase_admin"];

/// How much a profile allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is ever sent: there is no question, and no executor.
    ReadOnly,
    /// A yes is enough.
    Confirm,
    /// The profile's name must be typed, exactly.
    ConfirmName,
}

/// What a profile allows operations to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Whether and how they are confirmed.
    pub access: Access,
    /// The profile's name, or the endpoint of an ad-hoc one: what [`Access::ConfirmName`] wants typed.
    pub profile: Text,
    /// The most sessions that one operation may be aimed at.
    pub bulk_limit: usize,
    /// Roles whose sessions are left alone, besides [`ALWAYS_PROTECTED`].
    pub protected_roles: Vec<Text>,
}

impl Policy {
    /// Every role whose sessions are left alone.
    pub fn protected(&self) -> impl Iterator<Item = &str> {
        ALWAYS_PROTECTED.into_iter().chain(self.protected_roles.iter().map(Text::as_str))
    }

    /// Whether sessions of this role are left alone.
    pub fn protects(&self, user: &str) -> bool {
        self.protected().any(|role| role == user)
    }
}

/// The profile allows no operation at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{profile} is read-only: nothing is sent. Set access = \"confirm\" in the profile, or leave out --read-only"
)]
pub struct ReadOnly {
    /// The profile's name.
    pub profile: Text,
}
