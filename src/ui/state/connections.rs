//! The connections list: tab, order, filter, cursor, marks, and the rows that result.

use std::collections::HashSet;

use super::filter::{Filter, FilterError, Matcher};
use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::model::backend::BackendId;
use crate::model::pool::PoolKey;
use crate::ui::view::connections::{Field, SORTS, Tab, sort};

/// Which connection, whatever row it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowId {
    /// Index into [`Moment::targets`].
    pub target: usize,
    /// The session.
    pub backend: BackendId,
}

impl RowId {
    /// Of a row.
    pub fn of(row: &BackendRow) -> Self {
        Self { target: row.target, backend: row.backend.id() }
    }
}

/// The list's state. [`Connections::refresh`] must follow every change.
#[derive(Debug)]
pub struct Connections {
    /// The tab.
    pub tab: Tab,
    /// What it is sorted by, and whether the largest comes first.
    pub sort: (Field, bool),
    /// What was typed as filter; parsed or not.
    pub typed: String,
    /// Why what was typed is no filter; the one before still holds.
    pub filter_error: Option<FilterError>,
    filter: Filter,
    /// Only connections of these pools: what `enter` on a pool shows.
    pub pools: Option<(String, Vec<PoolKey>)>,
    /// What is marked, shown or not.
    pub marks: HashSet<RowId>,
    /// The connection under the cursor once a person moved it there; until then the cursor stays at the top,
    /// where the list puts what matters most.
    cursor: Option<RowId>,
    /// Row of the cursor.
    pub at: usize,
    /// First row drawn.
    pub offset: usize,
    /// The rows, as indices into [`Moment::backends`].
    pub rows: Vec<u32>,
    /// Rows that match the filter, by tab.
    pub counts: [usize; 6],
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            tab: Tab::All,
            sort: (Field::Transaction, true),
            typed: String::new(),
            filter_error: None,
            filter: Filter::default(),
            pools: None,
            marks: HashSet::new(),
            cursor: None,
            at: 0,
            offset: 0,
            rows: Vec::new(),
            counts: [0; 6],
        }
    }
}

impl Connections {
    /// Makes rows and counts anew. The cursor stays on its connection; where that is gone, on its place.
    pub fn refresh(&mut self, moment: &Moment) {
        let chosen = self.chosen_pools(moment);
        let mut matcher = Matcher::new(&self.filter, moment);
        self.rows.clear();
        self.counts = [0; 6];
        for (index, row) in moment.backends.iter().enumerate() {
            if chosen.as_ref().is_some_and(|chosen| !chosen.contains(&row.pool)) || !matcher.matches(row) {
                continue;
            }
            for (count, tab) in self.counts.iter_mut().zip(Tab::ALL) {
                *count += usize::from(tab.holds(&row.backend));
            }
            if self.tab.holds(&row.backend) {
                self.rows.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        sort(&mut self.rows, self.sort.0, self.sort.1, moment);
        self.place_cursor(moment);
    }

    fn chosen_pools(&self, moment: &Moment) -> Option<HashSet<usize>> {
        let (_, keys) = self.pools.as_ref()?;
        let keys: HashSet<&PoolKey> = keys.iter().collect();
        let chosen = moment.pools.iter().enumerate().filter(|(_, row)| keys.contains(&row.pool.key));
        Some(chosen.map(|(index, _)| index).collect())
    }

    fn place_cursor(&mut self, moment: &Moment) {
        let found = self.cursor.and_then(|cursor| {
            self.rows
                .iter()
                .position(|index| moment.backends.get(*index as usize).map(RowId::of) == Some(cursor))
        });
        let place = if self.cursor.is_some() { self.at } else { 0 };
        self.at = found.unwrap_or(place).min(self.rows.len().saturating_sub(1));
        if self.cursor.is_some() {
            self.cursor = self.selected(moment).map(RowId::of);
        }
    }

    /// The row under the cursor.
    pub fn selected<'m>(&self, moment: &'m Moment) -> Option<&'m BackendRow> {
        self.row(moment, self.at)
    }

    /// The row at a place of the list.
    pub fn row<'m>(&self, moment: &'m Moment, at: usize) -> Option<&'m BackendRow> {
        self.rows.get(at).and_then(|index| moment.backends.get(*index as usize))
    }

    /// Moves the cursor by rows. From here on it stays on its connection.
    pub fn step(&mut self, by: isize, moment: &Moment) {
        self.at = self.at.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.cursor = self.selected(moment).map(RowId::of);
    }

    /// Takes what is typed as the filter. What is not a filter leaves the one before in force.
    pub fn type_filter(&mut self, typed: &str) {
        typed.clone_into(&mut self.typed);
        match Filter::parse(typed) {
            Ok(filter) => (self.filter, self.filter_error) = (filter, None),
            Err(error) => self.filter_error = Some(error),
        }
    }

    /// Whether rows are hidden by filter or pool.
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty() || self.pools.is_some() || self.filter_error.is_some()
    }

    /// Shows everything again.
    pub fn clear_filter(&mut self) {
        self.type_filter("");
        self.pools = None;
    }

    /// Whether filter and pool let a row through, whatever its state.
    pub fn lets_through<'m>(&'m self, moment: &'m Moment) -> impl FnMut(&BackendRow) -> bool + 'm {
        let chosen = self.chosen_pools(moment);
        let mut matcher = Matcher::new(&self.filter, moment);
        move |row| chosen.as_ref().is_none_or(|chosen| chosen.contains(&row.pool)) && matcher.matches(row)
    }

    /// Marks the row under the cursor, or takes its mark away.
    pub fn toggle_mark(&mut self, moment: &Moment) {
        if let Some(id) = self.selected(moment).map(RowId::of)
            && !self.marks.remove(&id)
        {
            self.marks.insert(id);
        }
    }

    /// Marks every row of the list.
    pub fn mark_shown(&mut self, moment: &Moment) {
        let shown = self.rows.iter().filter_map(|index| moment.backends.get(*index as usize));
        self.marks.extend(shown.map(RowId::of));
    }

    /// The next column to sort by.
    pub fn next_sort(&mut self) {
        let at = SORTS.iter().position(|field| *field == self.sort.0).map_or(0, |at| (at + 1) % SORTS.len());
        self.sort = (SORTS[at], SORTS[at].descends());
    }

    /// Drops marks on sessions that are gone.
    pub fn forget_gone(&mut self, moment: &Moment) {
        if !self.marks.is_empty() {
            let there: HashSet<RowId> = moment.backends.iter().map(RowId::of).collect();
            self.marks.retain(|id| there.contains(id));
        }
    }
}
