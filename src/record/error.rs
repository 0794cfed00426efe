//! Why a recording cannot be written, or not read: one or two lines for a person.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::Text;

/// `SQLITE_CORRUPT`, `SQLITE_FULL`, `SQLITE_CANTOPEN`, `SQLITE_NOTADB`.
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const NO_DATABASE: u32 = 26;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else.
    #[error("{} is no recording of pooltop: {what}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// Written by a later version.
    #[error(
        "{} was written by pooltop {by}, schema {schema}; this version reads up to schema {}: use that version",
        path.display(),
        super::SCHEMA
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version that made it.
        by: Text,
        /// Its schema.
        schema: i32,
    },
    /// Its end is missing.
    #[error(
        "{} is cut off: {is} of {should_be} bytes are there. Copy it again, with {}-wal where there is one",
        path.display(),
        path.display()
    )]
    CutOff {
        /// Which file.
        path: PathBuf,
        /// Bytes that are there.
        is: u64,
        /// Bytes that its header tells of.
        should_be: u64,
    },
    /// Something in it is not as it was written.
    #[error(
        "{} is damaged: {what}. Copy it again; `sqlite3 {} .recover` shows what can be saved",
        path.display(),
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What, and where.
        what: String,
    },
    /// It was never filled.
    #[error("{} is empty: the recording was stopped before its first moment", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// It was not closed, and what is in its log cannot be read where it is.
    #[error(
        "{} was not closed, and its directory cannot be written, which reading its -wal file needs. Copy both files to a \
         directory of your own",
        path.display()
    )]
    Unclosed {
        /// Which file.
        path: PathBuf,
    },
}

impl ReadError {
    /// From what SQLite says.
    pub(super) fn sqlite(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_owned();
        match code(error) {
            Some(NO_DATABASE) => Self::Foreign { path, what: "it is no SQLite file".into() },
            Some(CANNOT_OPEN) => Self::Unclosed { path },
            _ => Self::Damaged { path, what: words(error) },
        }
    }
}

/// Why nothing can be recorded into a file.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Another process records into it.
    #[error("{} is being recorded into by {who}; choose another file, or stop that one first", path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
        /// Who does: `process 4711`.
        who: String,
    },
    /// It is there, and is nothing that could be added to.
    #[error("{0}. Nothing was changed; choose another file")]
    Unusable(#[from] ReadError),
    /// It is a recording of something else, or of another kind.
    #[error("{} holds a recording {holds}; choose another file", path.display())]
    Other {
        /// Which file.
        path: PathBuf,
        /// `of profile 'shop'`.
        holds: String,
    },
    /// It cannot be made or written.
    #[error("{} cannot be recorded into: {reason}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// In the operating system's or SQLite's words.
        reason: String,
    },
}

impl RecordError {
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Write { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn sqlite(path: &Path, error: &sqlx::Error) -> Self {
        let reason = match code(error) {
            Some(FULL) => "the disk is full, or the file has reached --max-size".to_owned(),
            Some(CORRUPT) => format!("it is damaged ({})", words(error)),
            _ => words(error),
        };
        Self::Write { path: path.to_owned(), reason }
    }
}

/// SQLite's result code without its extension.
fn code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    Some(code.parse::<u32>().ok()? & 0xff)
}

/// SQLite's own words, without what the library puts around them.
fn words(error: &sqlx::Error) -> String {
    let said = match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    Text::line(&said).to_string()
}
