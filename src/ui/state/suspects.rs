//! The list of findings: its order and its cursor.

use crate::analysis::Moment;
use crate::model::finding::{Finding, FindingKey};
use crate::ui::view::suspects::order;

/// The list's state.
#[derive(Debug, Default)]
pub struct Suspects {
    /// The finding under the cursor once a person moved it there; until then the worst is.
    cursor: Option<FindingKey>,
    /// Row of the cursor.
    pub at: usize,
    /// Indices into [`Moment::findings`], leaks first.
    pub rows: Vec<usize>,
}

impl Suspects {
    /// Makes the rows anew. The cursor stays on its finding.
    pub fn refresh(&mut self, moment: &Moment) {
        self.rows = order(moment);
        let found = self
            .cursor
            .as_ref()
            .and_then(|key| self.rows.iter().position(|index| moment.findings[*index].is(key)));
        let place = if self.cursor.is_some() { self.at } else { 0 };
        self.at = found.unwrap_or(place).min(self.rows.len().saturating_sub(1));
        if self.cursor.is_some() {
            self.cursor = self.selected(moment).map(Finding::key);
        }
    }

    /// The finding under the cursor.
    pub fn selected<'m>(&self, moment: &'m Moment) -> Option<&'m Finding> {
        self.rows.get(self.at).and_then(|index| moment.findings.get(*index))
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: isize, moment: &Moment) {
        self.at = self.at.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.cursor = self.selected(moment).map(Finding::key);
    }
}
