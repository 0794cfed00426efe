//! Reading rows by column name, without a panic and without an encoding.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::error;
use crate::model::target::TargetError;
use crate::text::Text;

/// The bytes of a text column, in whatever encoding they are.
///
/// Our sessions run with `client_encoding = SQL_ASCII`: the server then converts nothing, and a statement of a
/// database in another encoding, or one cut in the middle of a character, fails no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawText<'a>(pub &'a [u8]);

impl RawText<'_> {
    /// As one clean line.
    pub fn line(self) -> Text {
        Text::line_bytes(self.0)
    }

    /// As clean lines, for statements.
    pub fn block(self) -> Text {
        Text::block_bytes(self.0)
    }
}

impl<'a> FromSql<'a> for RawText<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN)
            || ty.name() == "citext"
    }
}

/// Columns by name, with errors instead of panics.
pub trait RowExt {
    /// A value of the column; an error names the column and what it holds instead.
    fn value<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, TargetError>;

    /// One line of text; NULL is empty.
    fn text(&self, column: &str) -> Result<Text, TargetError>;
}

impl RowExt for Row {
    fn value<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, TargetError> {
        self.try_get(column).map_err(|cause| error::unreadable(column, &cause))
    }

    fn text(&self, column: &str) -> Result<Text, TargetError> {
        let raw: Option<RawText<'_>> = self.value(column)?;
        Ok(raw.map_or_else(Text::default, RawText::line))
    }
}
