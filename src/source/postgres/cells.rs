//! Binary columns by position, for the one answer that is large enough to matter.

use std::error::Error;
use std::net::IpAddr;

use crate::connect::{Row, Type};
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::source::unreadable;

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The bytes of one column as the server sent them, `None` for NULL.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::source) struct Cell<'a>(pub(in crate::source) Option<&'a [u8]>);

impl<'a> tokio_postgres::types::FromSql<'a> for Cell<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Cell<'a> {
    /// `int4`.
    pub(super) fn int4(self) -> Option<i32> {
        self.0?.try_into().ok().map(i32::from_be_bytes)
    }

    /// `int8`.
    pub(super) fn int8(self) -> Option<i64> {
        self.0?.try_into().ok().map(i64::from_be_bytes)
    }

    /// `timestamptz`; `infinity` is no moment.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        let micros = self.int8().filter(|micros| *micros != i64::MAX && *micros != i64::MIN)?;
        Some(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH)))
    }

    /// `bool`; NULL is false.
    pub(super) fn is_true(self) -> bool {
        self.0 == Some(&[1])
    }

    /// `inet`.
    pub(super) fn address(self) -> Option<IpAddr> {
        postgres_protocol::types::inet_from_sql(self.0?).ok().map(|inet| inet.addr())
    }

    /// A text of PostgreSQL's own vocabulary, which is ASCII.
    pub(super) fn word(self) -> Option<&'a str> {
        std::str::from_utf8(self.0?).ok()
    }

    /// The bytes, empty for NULL.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.0.unwrap_or_default()
    }
}

/// Where each wanted column stands in an answer, found once per answer.
pub(super) struct Positions<const N: usize>([usize; N]);

impl<const N: usize> Positions<N> {
    /// An error names the column that the answer lacks.
    pub(super) fn of(row: &Row, names: &[&str; N]) -> Result<Self, TargetError> {
        let mut positions = [0; N];
        for (position, name) in positions.iter_mut().zip(names) {
            *position = row
                .columns()
                .iter()
                .position(|column| column.name() == *name)
                .ok_or_else(|| unreadable(&format!("no column `{name}`")))?;
        }
        Ok(Self(positions))
    }

    /// The wanted columns of one row, in the order of the names.
    pub(super) fn cells<'a>(&self, row: &'a Row) -> [Cell<'a>; N] {
        self.0.map(|position| row.try_get(position).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_the_year_2000_and_infinity_is_none() {
        let at = |micros: i64| Cell(Some(&micros.to_be_bytes())).timestamp();
        assert_eq!(at(0).unwrap().to_string(), "2000-01-01T00:00:00.000000Z");
        assert_eq!(at(i64::MAX), None);
        assert_eq!(at(i64::MIN), None);
    }

    #[test]
    fn a_cell_of_the_wrong_width_is_none_and_never_a_panic() {
        let short = Cell(Some(&[1, 2]));
        assert_eq!(
            (short.int4(), short.int8(), short.timestamp(), short.address()),
            (None, None, None, None)
        );
        assert!(!short.is_true() && !Cell(None).is_true());
    }
}
