//! The whole document as JSON.

use super::snapshot::Snapshot;

/// The document, indented, with a line feed at its end.
pub fn json(snapshot: &Snapshot) -> String {
    // Plain structs with string keys cannot fail to serialise; numbers that JSON lacks become null.
    let mut out = serde_json::to_string_pretty(snapshot).unwrap_or_default();
    out.push('\n');
    out
}
