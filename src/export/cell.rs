//! One field as one cell of a table: numbers as they are, text safe for a spreadsheet, nothing for what is not
//! known.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::snapshot::{Overhead, TargetError, Via};
use crate::model::finding::{AdviceSeverity, Rule, Severity};
use crate::model::limit::LimitScope;
use crate::model::operation::{OperationKind, Outcome};
use crate::model::part::Missing;
use crate::model::pool::Layer;
use crate::model::target::{Privilege, Role, TargetKind, TargetState};
use crate::model::time::Timestamp;
use crate::text::{Text, escape};

/// What can stand in a cell.
pub(super) trait Cell {
    /// The cell's text, escaped for CSV.
    fn cell(&self) -> String;
}

/// The word by which a value is written in files.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn escaped(text: &str) -> String {
    escape::csv(text).into_owned()
}

macro_rules! cells {
    ($show:expr => $($type:ty),* $(,)?) => {
        $(impl Cell for $type {
            fn cell(&self) -> String {
                let show: fn(&Self) -> String = $show;
                show(self)
            }
        })*
    };
}

// Numbers, times and our own words need no escaping, and a negative number stays one.
cells!(|value| value.to_string() => bool, i32, u16, u32, i64, u64, f64, Timestamp);
cells!(|value| word(value) => AdviceSeverity, Layer, LimitScope, OperationKind, Outcome, Privilege, Role, Rule, Severity, TargetKind, TargetState);
cells!(|value| escaped(value) => Text, String, &'static str, Arc<str>);
cells!(|pids| pids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ") => Vec<i32>);
cells!(|lines| escaped(&lines.join("\n")) => Vec<Text>);
cells!(|missing| {
    let lines: Vec<_> = missing.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    escaped(&lines.join("\n"))
} => Vec<Missing>);
cells!(|error| {
    let code = error.code.as_ref().map_or(Cow::Borrowed(""), |code| format!("{code}: ").into());
    escaped(&format!("{code}{}", error.message))
} => TargetError);
cells!(|cost| {
    format!(
        "{} connections {} statements {:.3} ms",
        cost.connections, cost.statements_per_sample, cost.server_ms_per_sample
    )
} => Overhead);
cells!(|via| {
    let known = [&via.client, &via.application_name, &via.user].into_iter().flatten();
    let parts: Vec<&str> = std::iter::once(&*via.pooler).chain(known.map(|part| &**part)).collect();
    escaped(&parts.join(" "))
} => Via);

impl<T: Cell> Cell for Option<T> {
    fn cell(&self) -> String {
        self.as_ref().map(Cell::cell).unwrap_or_default()
    }
}
