//! The pools list: how far it is rolled up, its order, its cursor.

use crate::analysis::Moment;
use crate::model::pool::PoolKey;
use crate::ui::view::pools::{Field, Line, RollUp, SORTS, lines, sort};

/// The list's state. [`Pools::refresh`] must follow every change.
#[derive(Debug)]
pub struct Pools {
    /// How far it is rolled up.
    pub level: RollUp,
    /// What it is sorted by, and whether the largest comes first.
    pub sort: (Field, bool),
    /// The pool under the cursor once a person moved it there; until then the cursor stays at the top.
    cursor: Option<PoolKey>,
    /// Row of the cursor.
    pub at: usize,
    /// First row drawn.
    pub offset: usize,
    /// The rows.
    pub lines: Vec<Line>,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            level: RollUp::Full,
            sort: (Field::Finding, true),
            cursor: None,
            at: 0,
            offset: 0,
            lines: Vec::new(),
        }
    }
}

impl Pools {
    /// Makes the rows anew. The cursor stays on its pool.
    pub fn refresh(&mut self, moment: &Moment) {
        self.lines = lines(moment, self.level);
        sort(&mut self.lines, self.sort.0, self.sort.1);
        let found = self.cursor.as_ref().and_then(|key| self.lines.iter().position(|line| line.key == *key));
        let place = if self.cursor.is_some() { self.at } else { 0 };
        self.at = found.unwrap_or(place).min(self.lines.len().saturating_sub(1));
        if self.cursor.is_some() {
            self.remember();
        }
    }

    /// The line under the cursor.
    pub fn selected(&self) -> Option<&Line> {
        self.lines.get(self.at)
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.lines.len().saturating_sub(1));
        self.remember();
    }

    /// Rolls up by the next level.
    pub fn roll_up(&mut self) {
        self.level = self.level.next();
        (self.at, self.offset, self.cursor) = (0, 0, None);
    }

    /// The next column to sort by.
    pub fn next_sort(&mut self) {
        let at = SORTS.iter().position(|field| *field == self.sort.0).map_or(0, |at| (at + 1) % SORTS.len());
        self.sort = (SORTS[at], SORTS[at].descends());
    }

    fn remember(&mut self) {
        self.cursor = self.selected().map(|line| line.key.clone());
    }
}
