//! The tables of which `docs/findings.md` is made: rules, evidence, advice, error texts, and what stays unseen.

pub mod advice;
pub mod errors;
pub mod unseen;

pub use super::findings::about::{RULES, RuleRow, filled};
pub use super::findings::exhaustion::{EMPTY, NEARLY_FULL, SOON_S};
pub use super::leaks::about::{EvidenceRow, KINDS, points, states};
