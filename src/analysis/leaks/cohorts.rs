//! Connections that were opened together: spares of a pool that fills itself, and generations that died together.

use std::ops::Range;
use std::time::Duration;

use super::now::Row;
use crate::model::backend::State;
use crate::model::time::Timestamp;

/// Births this close together are one cohort: what a pool opens when it starts. Real time, not scaled: it is how long
/// a few logins take.
pub(super) const GAP: Duration = Duration::from_secs(2);

/// Splits rows, sorted by birth, into cohorts.
pub(super) fn cohorts(rows: &[Row<'_>]) -> Vec<Range<usize>> {
    let mut cohorts = Vec::new();
    let mut start = 0;
    for index in 1..=rows.len() {
        let apart = |at: usize| match (born(&rows[at - 1]), born(&rows[at])) {
            (Some(earlier), Some(later)) => later.age_of(earlier) > GAP,
            _ => true,
        };
        if index == rows.len() || apart(index) {
            cohorts.push(start..index);
            start = index;
        }
    }
    cohorts
}

/// When the connection was opened.
pub(super) fn born(row: &Row<'_>) -> Option<Timestamp> {
    row.backend.id().start
}

/// When one of them last did something.
pub(super) fn last_moved(rows: &[Row<'_>]) -> Option<Timestamp> {
    rows.iter().filter_map(|row| row.backend.state_change).max()
}

/// Of a cohort of several in which somebody still works, those that were never used: a pool keeps them ready.
pub(super) fn spares(rows: &[Row<'_>], frozen: Duration, at: Timestamp) -> Vec<usize> {
    let mut spares = Vec::new();
    for cohort in cohorts(rows).into_iter().filter(|cohort| cohort.len() > 1) {
        let members = &rows[cohort.clone()];
        let works = members.iter().any(|row| row.backend.state == State::Active)
            || last_moved(members).is_some_and(|moved| at.age_of(moved) < frozen);
        if works {
            spares.extend(cohort.filter(|index| !rows[*index].member.used));
        }
    }
    spares
}
