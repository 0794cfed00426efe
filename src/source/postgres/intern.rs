//! One allocation for every text, however many rows and samples show it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher, RandomState};
use std::sync::Arc;

use super::cells::Cell;
use crate::model::backend::Wait;
use crate::text::Text;

/// Texts and waits by a keyed 64-bit hash of the bytes they came from.
///
/// The bytes themselves are not kept: that two of them collide has a chance of one in 2⁶⁴ per comparison, and the key
/// is secret, so nobody can arrange it.
#[derive(Debug, Default)]
pub(in crate::source) struct Interner {
    hash: RandomState,
    lines: HashMap<u64, Text>,
    blocks: HashMap<u64, Text>,
    waits: HashMap<u64, Arc<Wait>>,
}

impl Interner {
    /// Hash of some columns, NULL and empty told apart.
    pub(super) fn fingerprint(&self, cells: &[Cell<'_>]) -> u64 {
        let mut hasher = self.hash.build_hasher();
        feed(&mut hasher, cells);
        hasher.finish()
    }

    /// Hash of the first `some` columns, and of all.
    pub(super) fn fingerprints(&self, cells: &[Cell<'_>], some: usize) -> (u64, u64) {
        let (first, rest) = cells.split_at(some);
        let mut hasher = self.hash.build_hasher();
        feed(&mut hasher, first);
        let print = hasher.finish();
        feed(&mut hasher, rest);
        (print, hasher.finish())
    }

    /// One clean line.
    pub(in crate::source) fn line(&mut self, cell: Cell<'_>) -> Text {
        let key = self.fingerprint(&[cell]);
        self.lines.entry(key).or_insert_with(|| Text::line_bytes(cell.bytes())).clone()
    }

    /// Clean lines, for a statement.
    pub(super) fn block(&mut self, cell: Cell<'_>) -> Text {
        let key = self.fingerprint(&[cell]);
        self.blocks.entry(key).or_insert_with(|| Text::block_bytes(cell.bytes())).clone()
    }

    /// A wait; `None` where the class is NULL.
    pub(super) fn wait(&mut self, class: Cell<'_>, event: Cell<'_>) -> Option<Arc<Wait>> {
        class.0?;
        let key = self.fingerprint(&[class, event]);
        let wait = self.waits.entry(key).or_insert_with(|| {
            Arc::new(Wait { class: Text::line_bytes(class.bytes()), event: Text::line_bytes(event.bytes()) })
        });
        Some(Arc::clone(wait))
    }

    /// Starts anew when more texts are known than `rows` rows can show: statements with ever new literals would
    /// otherwise stay for good. Rows that did not change keep theirs.
    pub(in crate::source) fn trim(&mut self, rows: usize) {
        for texts in [&mut self.lines, &mut self.blocks] {
            if texts.len() > 4 * rows + 1024 {
                texts.clear();
            }
        }
        if self.waits.len() > 1024 {
            self.waits.clear();
        }
    }
}

fn feed(hasher: &mut impl Hasher, cells: &[Cell<'_>]) {
    for cell in cells {
        match cell.0 {
            None => hasher.write_u32(u32::MAX),
            Some(bytes) => {
                hasher.write_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1));
                hasher.write(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_share_one_text_until_there_are_far_too_many() {
        let mut interner = Interner::default();
        let first = interner.line(Cell(Some(b"app")));
        assert!(first.shares_allocation_with(&interner.line(Cell(Some(b"app")))));
        for number in 0..2000_u32 {
            interner.block(Cell(Some(&number.to_be_bytes())));
        }
        interner.trim(10);
        assert!(interner.blocks.is_empty());
        assert!(first.shares_allocation_with(&interner.line(Cell(Some(b"app")))), "few lines stay");
    }

    #[test]
    fn null_is_not_empty_and_borders_between_columns_count() {
        let interner = Interner::default();
        let of = |cells: &[Option<&[u8]>]| {
            interner.fingerprint(&cells.iter().map(|bytes| Cell(*bytes)).collect::<Vec<_>>())
        };
        assert_ne!(of(&[None]), of(&[Some(b"")]));
        assert_ne!(of(&[Some(b"ab"), Some(b"c")]), of(&[Some(b"a"), Some(b"bc")]));
        let cells = [Cell(Some(b"a")), Cell(None), Cell(Some(b"b"))];
        let both = (interner.fingerprint(&cells[..2]), interner.fingerprint(&cells));
        assert_eq!(interner.fingerprints(&cells, 2), both);
    }
}
