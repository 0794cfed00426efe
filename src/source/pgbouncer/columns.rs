//! Cells of a console's answer by column name: every few versions some columns are added in the middle.

use bytes::Bytes;

use crate::connect::Answer;
use crate::model::backend::Client;
use crate::model::target::TargetError;
use crate::source::postgres::cells::Cell;
use crate::source::postgres::intern::Interner;
use crate::source::unreadable;
use crate::text::Text;

/// A row as the console client keeps it.
pub(super) type Row = [Option<Bytes>];

/// Where a column stands in an answer, if it has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(Option<usize>);

/// Finds columns once per answer. The empty name stands for one that is not wanted.
pub(super) fn find<const N: usize>(answer: &Answer, names: [&str; N]) -> [Column; N] {
    names.map(|name| Column(answer.column(name).filter(|_| !name.is_empty())))
}

/// The same for columns without which the answer is of no use; the error names the first one that is not there.
pub(super) fn need<const N: usize>(
    answer: &Answer,
    of: &str,
    names: [&str; N],
) -> Result<[Column; N], TargetError> {
    let absent = names.iter().find(|name| answer.column(name).is_none());
    match absent {
        Some(name) => Err(unreadable(&format!("{of} has no column `{name}`"))),
        None => Ok(find(answer, names)),
    }
}

impl Column {
    /// A column that is not there.
    pub(super) const NONE: Self = Self(None);

    /// Whether the answer has it.
    pub(super) fn exists(self) -> bool {
        self.0.is_some()
    }

    /// The raw bytes; `None` for NULL.
    pub(super) fn bytes(self, row: &Row) -> Option<&[u8]> {
        row.get(self.0?)?.as_deref()
    }

    /// The bytes, empty for NULL.
    pub(super) fn raw(self, row: &Row) -> &[u8] {
        self.bytes(row).unwrap_or_default()
    }

    /// A word of the pooler's own vocabulary, which is ASCII; empty for anything else.
    pub(super) fn word(self, row: &Row) -> &str {
        std::str::from_utf8(self.raw(row)).unwrap_or_default()
    }

    /// A text that many rows and samples share.
    pub(super) fn line(self, row: &Row, texts: &mut Interner) -> Text {
        line(self.raw(row), texts)
    }

    /// The same; `None` where there is no such column or nothing in it.
    pub(super) fn given(self, row: &Row, texts: &mut Interner) -> Option<Text> {
        self.bytes(row).filter(|bytes| !bytes.is_empty()).map(|bytes| line(bytes, texts))
    }

    /// A number. They come as text of whatever type, padded at times; some poolers write decimals.
    pub(super) fn number(self, row: &Row) -> Option<u64> {
        number(self.bytes(row)?)
    }

    /// A number of connections or the like.
    pub(super) fn count(self, row: &Row) -> Option<u32> {
        self.number(row).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A bound, where zero means that there is none.
    pub(super) fn bound(self, row: &Row) -> Option<u32> {
        self.count(row).filter(|bound| *bound > 0)
    }

    /// A switch: `1`, `yes`, `t`.
    pub(super) fn is_on(self, row: &Row) -> bool {
        matches!(self.word(row), "1" | "yes" | "t" | "true" | "on")
    }

    /// One end of a connection. PgBouncer writes `unix` for a Unix socket, beside a port that means nothing.
    pub(super) fn end(self, port: Self, row: &Row, texts: &mut Interner) -> Client {
        let port = port.count(row).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        match (self.raw(row), port) {
            (addr, _) if addr.starts_with(b"unix") || addr.starts_with(b"/") => Client::Local,
            ([] | b"?", _) | (_, None) => Client::Unknown,
            (_, Some(port)) => Client::Tcp { addr: self.line(row, texts), port },
        }
    }
}

/// A text that many rows and samples share.
pub(super) fn line(bytes: &[u8], texts: &mut Interner) -> Text {
    texts.line(Cell(Some(bytes)))
}

/// Digits at the start of a cell, up to a decimal point.
pub(super) fn number(cell: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(cell).ok()?.trim();
    text.split('.').next()?.parse().ok()
}
