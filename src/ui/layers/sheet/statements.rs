//! The statements that keep connections busy.

use std::cmp::Ordering;

use super::{Known, Listing};
use crate::analysis::statements::{StatementLoad, StatementRow};
use crate::model::target::TargetName;
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;
use crate::ui::view::connections::one_line;
use crate::ui::widgets::table::{Cell, Column};

/// Statements of every server of the profile.
#[derive(Debug)]
pub struct Statements;

/// One statement of one server.
#[derive(Debug)]
pub struct Row {
    target: TargetName,
    statement: StatementRow,
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its part of the time of all.
    Share,
    /// Mean connections that execute it.
    Busy,
    /// Executions.
    Calls,
    /// Their time.
    Total,
    /// Mean time.
    Mean,
    /// Longest since the statistics began.
    Max,
    /// Shortest since the statistics began.
    Min,
    /// Where.
    Target,
    /// Its text.
    Text,
}

impl Listing for Statements {
    type Row = Row;
    type Field = Field;
    type Source<'a> = Known<'a>;

    const TITLE: &'static str = "Statements";
    const COLUMNS: &'static [Column<Field>] = &[
        Column::number(Field::Share, "share", 6, 100),
        Column::number(Field::Busy, "busy", 6, 95),
        Column::number(Field::Calls, "calls", 7, 60),
        Column::number(Field::Total, "total", 7, 50),
        Column::number(Field::Mean, "mean", 7, 80),
        Column::number(Field::Max, "max", 7, 70),
        Column::number(Field::Min, "min", 7, 10),
        Column::text(Field::Target, "target", (8, 16), 20),
        Column::text(Field::Text, "statement", (12, 400), 90),
    ];
    const SORTS: &'static [(Field, bool)] = &[
        (Field::Share, true),
        (Field::Calls, true),
        (Field::Total, true),
        (Field::Mean, true),
        (Field::Max, true),
    ];

    fn rows(Known { moment, .. }: &Known<'_>) -> Vec<Row> {
        let loads = moment.targets.iter().zip(&moment.servers);
        loads
            .filter_map(|(target, server)| Some((target, server.as_ref()?.statements.as_ref()?)))
            .flat_map(|(target, load)| {
                load.rows.iter().map(|statement| Row {
                    target: TargetName::clone(&target.name),
                    statement: statement.clone(),
                })
            })
            .collect()
    }

    fn heads(Known { moment, .. }: &Known<'_>) -> Vec<String> {
        let loads = moment.targets.iter().zip(&moment.servers);
        loads
            .filter_map(|(target, server)| Some(head(&target.name, server.as_ref()?.statements.as_ref()?)))
            .collect()
    }

    fn empty(Known { moment, .. }: &Known<'_>) -> String {
        let facts = moment.servers.iter().flatten().filter_map(|server| server.facts.as_ref());
        let mut reasons = facts.filter_map(|facts| facts.statements.missing());
        match reasons.next() {
            Some(missing) => {
                let fix = missing.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
                format!("No statements: {}{fix}", missing.why)
            }
            None => "No statement ended in the last half minute.".to_owned(),
        }
    }

    fn key(row: &Row) -> String {
        format!("{} {}", row.target, row.statement.query_id)
    }

    fn compare(left: &Row, right: &Row, field: Field) -> Ordering {
        let number = |value: Option<f64>| value.unwrap_or(-1.0);
        let (left_row, right_row) = (&left.statement, &right.statement);
        let by = |get: fn(&StatementRow) -> f64| get(left_row).total_cmp(&get(right_row));
        match field {
            Field::Share | Field::Busy | Field::Total => by(|row| row.total_ms),
            Field::Calls => left_row.calls.cmp(&right_row.calls),
            Field::Mean => number(left_row.mean_ms).total_cmp(&number(right_row.mean_ms)),
            Field::Max => number(left_row.max_ms).total_cmp(&number(right_row.max_ms)),
            Field::Min => number(left_row.min_ms).total_cmp(&number(right_row.min_ms)),
            Field::Target => left.target.cmp(&right.target),
            Field::Text => left_row.query.cmp(&right_row.query),
        }
    }

    fn cell<'r>(row: &'r Row, field: Field, paint: &Paint<'_>) -> Cell<'r> {
        let statement = &row.statement;
        let span = |ms: Option<f64>| {
            ms.map_or(Cell::muted(paint.glyphs.unknown), |ms| Cell::plain(format::milliseconds(ms)))
        };
        match field {
            Field::Share => statement.share.map_or(Cell::muted(paint.glyphs.unknown), |share| {
                Cell::of(format!("{:.0} %", share * 100.0), Meaning::Accent)
            }),
            Field::Busy => statement
                .busy
                .map_or(Cell::muted(paint.glyphs.unknown), |busy| Cell::plain(format!("{busy:.2}"))),
            Field::Calls => Cell::plain(format::count(statement.calls)),
            Field::Total => span(Some(statement.total_ms)),
            Field::Mean => span(statement.mean_ms),
            Field::Max => span(statement.max_ms),
            Field::Min => span(statement.min_ms),
            Field::Target => Cell::muted(&*row.target),
            Field::Text if statement.query.is_empty() => Cell::muted("(text not visible to this role)"),
            Field::Text => Cell::plain(one_line(&statement.query)),
        }
    }

    fn query(row: &Row) -> Option<Text> {
        Some(row.statement.query.clone()).filter(|query| !query.is_empty())
    }

    fn text(row: &Row) -> String {
        format!("{} {}", row.target, row.statement.query)
    }
}

/// What the numbers of one server are about.
fn head(target: &str, load: &StatementLoad) -> String {
    let Some(window) = load.window_s else {
        return format!(
            "{target}: since the statistics began; the load of the last half minute comes with the next reading"
        );
    };
    let used = load
        .held
        .zip(load.executing)
        .map(|(held, executing)| format!(", {held:.1} connections in use, {executing:.1} of them executing"));
    let application = load.application_share().map(|share| {
        format!("; {:.0} % of the held time is the application, not the database", share * 100.0)
    });
    let (used, application) = (used.unwrap_or_default(), application.unwrap_or_default());
    format!("{target}: last {}{used}{application}", format::seconds(window))
}
