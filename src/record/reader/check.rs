//! Whether a file is a recording that this version can read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use super::super::error::ReadError;
use super::super::schema::{APPLICATION_ID, SCHEMA, tables};
use crate::text::Text;

/// What the first bytes of a file say.
pub(in crate::record) struct Header {
    /// SQLite writes into a log beside the file.
    pub(in crate::record) is_logged: bool,
}

/// Reads the first bytes of a file that nobody writes into.
pub(in crate::record) fn header(path: &Path) -> Result<Header, ReadError> {
    let foreign = |what: &str| ReadError::Foreign { path: path.to_owned(), what: what.to_owned() };
    let failed = |source: io::Error| ReadError::Io { path: path.to_owned(), source };
    let there = fs::metadata(path).map_err(failed)?;
    if !there.is_file() {
        return Err(foreign("it is no ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(100).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.is_empty() {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    if !b"SQLite format 3\0".starts_with(&bytes[..bytes.len().min(16)]) {
        return Err(foreign("it is no SQLite file"));
    }
    if bytes.len() < 100 {
        return Err(ReadError::CutOff { path: path.to_owned(), is: there.len(), should_be: 4096 });
    }
    if number(&bytes, 68) != APPLICATION_ID.cast_unsigned() {
        return Err(foreign("it is a SQLite file of another program"));
    }
    let should_be = length(&bytes);
    if there.len() < should_be {
        return Err(ReadError::CutOff { path: path.to_owned(), is: there.len(), should_be });
    }
    Ok(Header { is_logged: bytes[18] == 2 })
}

/// How long the file is by its own words; 0 where they are not to be trusted.
fn length(bytes: &[u8]) -> u64 {
    let page = match u64::from(bytes[16]) << 8 | u64::from(bytes[17]) {
        1 => 65_536,
        page => page,
    };
    // The number of pages counts where the last writer knew of it: the change counter says the same twice.
    if number(bytes, 24) == number(bytes, 92) { page * u64::from(number(bytes, 28)) } else { 0 }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().copied().map_or(0, u32::from_be_bytes)
}

/// The schema of an open file, which this version can read.
pub(super) async fn schema(path: &Path, file: &mut SqliteConnection) -> Result<i32, ReadError> {
    let failed = |error: sqlx::Error| ReadError::sqlite(path, &error);
    let id: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *file).await.map_err(failed)?;
    if id != APPLICATION_ID {
        return Err(ReadError::Foreign {
            path: path.to_owned(),
            what: "it is a SQLite file of another program".into(),
        });
    }
    let schema: i32 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *file).await.map_err(failed)?;
    if schema > SCHEMA {
        let by =
            sqlx::query_scalar::<_, String>("SELECT pooltop_version FROM meta").fetch_optional(file).await;
        let by = by.ok().flatten().map_or_else(|| "of a later version".into(), |by| Text::line(&by));
        return Err(ReadError::Newer { path: path.to_owned(), by, schema });
    }
    if schema < 1 {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    has_tables(path, file, schema).await?;
    Ok(schema)
}

/// Whether every table is there and is one: a view in its place could keep SQLite busy for ever.
async fn has_tables(path: &Path, file: &mut SqliteConnection, schema: i32) -> Result<(), ReadError> {
    let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT'";
    let found = sqlx::query_scalar::<_, String>(query).fetch_all(file).await;
    let found = found.map_err(|error| ReadError::sqlite(path, &error))?;
    match tables(schema).find(|table| !found.iter().any(|name| name == table)) {
        None => Ok(()),
        Some(table) => {
            Err(ReadError::Damaged { path: path.to_owned(), what: format!("it has no table '{table}'") })
        }
    }
}
