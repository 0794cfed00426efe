//! A recording that is being written: opened, filled, kept within its bounds, closed.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::error::{ReadError, RecordError};
use super::lock::{Lock, beside, private};
use super::meta::Meta;
use super::pack::{PackedFrame, PackedStart};
use super::plain::Change;
use super::reader::Reader;
use super::{rows, schema};
use crate::model::audit::AuditRecord;
use crate::model::time::Timestamp;

/// The log beside the file is cut back to this, bytes.
const LOG: u32 = 4 << 20;
/// How long a writer waits for a reader at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a recording reaches back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// What is older goes; `None` = nothing does.
    pub keep: Option<Duration>,
    /// Bytes that the file has at most: the oldest goes. A quarter above, the recording stops. `None` = the disk's end.
    pub max_bytes: Option<u64>,
}

/// The open file.
pub(super) struct Store {
    path: PathBuf,
    file: SqliteConnection,
    bounds: Bounds,
    stretch: Option<i64>,
    /// Frames in the file.
    frames: u64,
    /// Given back when the file is closed.
    _lock: Lock,
}

impl Store {
    /// Makes the file, or goes on with a recording of the same profile.
    pub(super) async fn open(path: &Path, meta: &Meta, bounds: Bounds) -> Result<Self, RecordError> {
        let lock = Lock::take(path)?;
        let is_new = make(path).map_err(|error| RecordError::io(path, &error))?;
        match Reader::open(path).await {
            // Also one whose writer was stopped before it wrote anything.
            Err(ReadError::Empty { .. }) => {}
            Ok(reader) => reader.close().await,
            Err(error) => return Err(error.into()),
        }
        let opened = Self::fill(path, meta, bounds, lock).await;
        if is_new && opened.is_err() {
            // Nothing was recorded; an empty file would only be in the way.
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(beside(path, ending));
            }
        }
        opened
    }

    async fn fill(path: &Path, meta: &Meta, bounds: Bounds, lock: Lock) -> Result<Self, RecordError> {
        let failed = |error: sqlx::Error| RecordError::sqlite(path, &error);
        let mut file = connect(path, bounds).await.map_err(failed)?;
        schema::migrator().run_direct(None, &mut file, false).await.map_err(|error| failed(error.into()))?;
        match Meta::select(&mut file).await.map_err(failed)? {
            None => meta.insert(&mut file).await.map_err(failed)?,
            Some(before) => same_kind(path, &before, meta)?,
        }
        // What was open when the last writer was stopped is not known to be open any more.
        sqlx::query("UPDATE findings SET closed_us = last_seen_us WHERE closed_us IS NULL")
            .execute(&mut file)
            .await
            .map_err(failed)?;
        let frames = number(&mut file, "SELECT count(*) FROM frames").await.map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, bounds, stretch: None, frames, _lock: lock })
    }

    /// The number of its newest finding.
    pub(super) async fn newest_finding(&mut self) -> Result<i64, RecordError> {
        self.number("SELECT coalesce(max(id), 0) FROM findings").await
    }

    /// Bytes of the file and its log.
    pub(super) fn bytes(&self) -> u64 {
        let length = |path| fs::metadata(path).map_or(0, |file| file.len());
        length(self.path.clone()) + length(beside(&self.path, "-wal"))
    }

    /// Frames in the file.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Begins a stretch, and lets go of what is out of bounds.
    pub(super) async fn start(&mut self, start: &PackedStart, follows: bool) -> Result<(), RecordError> {
        self.try_start(start, follows).await.map_err(|error| RecordError::sqlite(&self.path, &error))
    }

    async fn try_start(&mut self, start: &PackedStart, follows: bool) -> sqlx::Result<()> {
        // Without this a power failure would take back what the log still holds.
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut self.file).await?;
        self.trim(start.at).await?;
        let mut transaction = self.file.begin().await?;
        let stretch = rows::stretch(&mut transaction, start, follows).await?;
        transaction.commit().await?;
        self.stretch = Some(stretch);
        Ok(())
    }

    /// Adds a frame, with its operations for the plain tables. Without a stretch to which it belongs, nothing.
    pub(super) async fn frame(
        &mut self,
        frame: &PackedFrame,
        operations: &[AuditRecord],
    ) -> Result<(), RecordError> {
        let Some(stretch) = self.stretch else { return Ok(()) };
        let written = async {
            let mut transaction = self.file.begin().await?;
            rows::frame(&mut transaction, stretch, frame).await?;
            for operation in operations {
                rows::operation(&mut transaction, operation).await?;
            }
            transaction.commit().await
        };
        written.await.map_err(|error| RecordError::sqlite(&self.path, &error))?;
        self.frames += 1;
        Ok(())
    }

    /// Adds to the plain tables.
    pub(super) async fn plain(&mut self, at: Timestamp, changes: &[Change]) -> Result<(), RecordError> {
        if changes.is_empty() {
            return Ok(());
        }
        let written = async {
            let mut transaction = self.file.begin().await?;
            for change in changes {
                rows::change(&mut transaction, at, change).await?;
            }
            transaction.commit().await
        };
        written.await.map_err(|error| RecordError::sqlite(&self.path, &error))
    }

    /// Ends the recording: everything on disk, and one file where no reader keeps the log open.
    pub(super) async fn close(mut self) -> Result<(), RecordError> {
        let closed = async {
            sqlx::query("PRAGMA busy_timeout = 200").execute(&mut self.file).await?;
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.file).await?;
            // Refused while somebody reads; then the file stays as it is, and is as good.
            let _ = sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut self.file).await;
            self.file.close().await
        };
        closed.await.map_err(|error| RecordError::sqlite(&self.path, &error))
    }

    /// Lets go of whole stretches that are too old, or too many for the file.
    async fn trim(&mut self, now: Timestamp) -> sqlx::Result<()> {
        let before = self.frames;
        if let Some(keep) = self.bounds.keep {
            // A stretch is as old as the one after it.
            let deleted = sqlx::query(
                "DELETE FROM stretches WHERE id < (SELECT max(id) FROM stretches WHERE at_us <= ?)",
            );
            deleted.bind(now.minus(keep).as_micros()).execute(&mut self.file).await?;
        }
        if let Some(most) = self.bounds.max_bytes {
            // A little less, because the newest stretch is still to be written.
            while self.used_bytes().await? > most / 16 * 15 && self.let_go_of_oldest().await? {}
        }
        self.count_frames().await?;
        if self.frames < before {
            self.trim_plain().await?;
            self.give_back().await?;
        }
        Ok(())
    }

    /// Whether there was one besides the newest.
    async fn let_go_of_oldest(&mut self) -> sqlx::Result<bool> {
        let deleted = sqlx::query(
            "DELETE FROM stretches WHERE id = (SELECT min(id) FROM stretches) AND id < (SELECT max(id) FROM stretches)",
        );
        Ok(deleted.execute(&mut self.file).await?.rows_affected() > 0)
    }

    /// The plain tables reach back as far as the stretches do.
    async fn trim_plain(&mut self) -> sqlx::Result<()> {
        for statement in [
            "DELETE FROM pools WHERE at_us < (SELECT min(at_us) FROM stretches)",
            "DELETE FROM limits WHERE at_us < (SELECT min(at_us) FROM stretches)",
            "DELETE FROM events WHERE at_us < (SELECT min(at_us) FROM stretches)",
            "DELETE FROM operations WHERE at_us < (SELECT min(at_us) FROM stretches)",
            "DELETE FROM targets WHERE at_us < (SELECT min(at_us) FROM stretches)",
            "DELETE FROM findings WHERE closed_us < (SELECT min(at_us) FROM stretches)",
        ] {
            sqlx::query(statement).execute(&mut self.file).await?;
        }
        Ok(())
    }

    /// Gives free space back to the file system where it is worth moving pages for it.
    async fn give_back(&mut self) -> sqlx::Result<()> {
        let free = number(&mut self.file, "PRAGMA freelist_count").await?;
        let all = number(&mut self.file, "PRAGMA page_count").await?;
        if free * 8 > all {
            sqlx::query("PRAGMA incremental_vacuum").execute(&mut self.file).await?;
        }
        Ok(())
    }

    async fn used_bytes(&mut self) -> sqlx::Result<u64> {
        let all = number(&mut self.file, "PRAGMA page_count").await?;
        let free = number(&mut self.file, "PRAGMA freelist_count").await?;
        Ok(all.saturating_sub(free) * number(&mut self.file, "PRAGMA page_size").await?)
    }

    async fn count_frames(&mut self) -> sqlx::Result<()> {
        self.frames = number(&mut self.file, "SELECT count(*) FROM frames").await?;
        Ok(())
    }

    async fn number(&mut self, sql: &'static str) -> Result<i64, RecordError> {
        let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut self.file).await;
        number.map_err(|error| RecordError::sqlite(&self.path, &error))
    }
}

async fn number(file: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<u64> {
    let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(file).await?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// Makes an empty file that its owner alone can read, or takes back what others may do with the one that is there.
/// SQLite makes its log like the file. Whether it is new.
fn make(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = fs::metadata(path)?;
            if !there.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no ordinary file"));
            }
            keep_private(path, &there)?;
            Ok(there.len() == 0)
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path, there: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let open_to_others = there.permissions().mode() & 0o077;
    if open_to_others == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// A log, so that others can read while this one writes; space that can be given back, which has to be said before the log.
async fn connect(path: &Path, bounds: Bounds) -> sqlx::Result<SqliteConnection> {
    let options =
        SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging();
    let mut file = options.connect().await?;
    // The first that is written says whose the file is, whatever happens next.
    for pragma in [
        "auto_vacuum = INCREMENTAL",
        &format!("application_id = {}", schema::APPLICATION_ID),
        "journal_mode = WAL",
        "synchronous = NORMAL",
        &format!("journal_size_limit = {LOG}"),
    ] {
        sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(&mut file).await?;
    }
    if let Some(most) = bounds.max_bytes {
        let page = number(&mut file, "PRAGMA page_size").await?.max(512);
        let pages = (most + most / 4) / page;
        sqlx::query(AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).execute(&mut file).await?;
    }
    Ok(file)
}

/// Whether what comes can be added to what is there.
fn same_kind(path: &Path, before: &Meta, now: &Meta) -> Result<(), RecordError> {
    let holds = if before.profile != now.profile {
        format!("of '{}', not of '{}'", before.profile, now.profile)
    } else if before.redaction != now.redaction {
        format!("made with --redact {}, not {}", before.redaction.as_str(), now.redaction.as_str())
    } else {
        return Ok(());
    };
    Err(RecordError::Other { path: path.to_owned(), holds })
}
