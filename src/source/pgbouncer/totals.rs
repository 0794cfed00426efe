//! `SHOW STATS`: totals since the pooler started. The averages beside them change their meaning from version to version and
//! are a minute old, so rates are made from these.

use std::collections::HashMap;

use super::columns::{find, need};
use super::dialect::Dialect;
use crate::connect::Answer;
use crate::model::pooler::PoolerTotals;
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::Text;

/// One row per database, or per database and user where the pooler counts so. Rows of several servers or shards are summed.
pub(super) fn read(
    answer: &Answer,
    dialect: &Dialect,
    texts: &mut Interner,
) -> Result<Vec<PoolerTotals>, TargetError> {
    let [database] = need(answer, "SHOW STATS", ["database"])?;
    let told = |name: &'static str| if dialect.dead_totals.contains(&name) { "" } else { name };
    let [user, transactions, queries, assignments, errors] = find(
        answer,
        ["user", "total_xact_count", "total_query_count", "total_server_assignment_count", "total_errors"],
    );
    let [xact_time, query_time, wait_time] =
        find(answer, ["total_xact_time", "total_query_time", "total_wait_time"].map(told));
    let (unit, wait_unit) = dialect.stats_us;
    let mut totals: Vec<PoolerTotals> = Vec::with_capacity(answer.rows.len());
    let mut places: HashMap<(Text, Option<Text>), usize> = HashMap::new();
    for row in answer.rows.iter().filter(|row| !dialect.is_console(database.raw(row))) {
        let micros = |time: Option<u64>, unit: u64| time.map(|time| time.saturating_mul(unit));
        let total = PoolerTotals {
            database: database.line(row, texts),
            user: user.given(row, texts),
            transactions: transactions.number(row),
            queries: queries.number(row),
            assignments: assignments.number(row),
            transaction_us: micros(xact_time.number(row), unit),
            query_us: micros(query_time.number(row), unit),
            wait_us: micros(wait_time.number(row), wait_unit),
            errors: errors.number(row),
        };
        let place = *places.entry((total.database.clone(), total.user.clone())).or_insert(totals.len());
        match totals.get_mut(place) {
            Some(same) => add(same, &total),
            None => totals.push(total),
        }
    }
    Ok(totals)
}

fn add(total: &mut PoolerTotals, more: &PoolerTotals) {
    let sum = |one: &mut Option<u64>, other: Option<u64>| {
        *one = match (*one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
    };
    sum(&mut total.transactions, more.transactions);
    sum(&mut total.queries, more.queries);
    sum(&mut total.assignments, more.assignments);
    sum(&mut total.transaction_us, more.transaction_us);
    sum(&mut total.query_us, more.query_us);
    sum(&mut total.wait_us, more.wait_us);
    sum(&mut total.errors, more.errors);
}
