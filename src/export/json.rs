//! The whole document as JSON.

use serde::Serialize;

use super::snapshot::Snapshot;

/// The document, indented, with a line feed at its end.
pub fn json(snapshot: &Snapshot) -> String {
    pretty(snapshot)
}

/// Plain data as JSON, indented, with a line feed at its end.
pub(super) fn pretty(document: &impl Serialize) -> String {
    // Plain structs with string keys cannot fail to serialise; numbers that JSON lacks become null.
    let mut out = serde_json::to_string_pretty(document).unwrap_or_default();
    out.push('\n');
    out
}
