//! Reads recordings, also while they are written. What is in the file is judged like anything from outside.

pub(super) mod check;
mod track;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::codec::LARGEST;
use super::error::ReadError;
use super::lock::beside;
use super::meta::Meta;
use super::pack::{PackedFrame, PackedSample, PackedStart, Unpacker};
use super::schema;
use crate::model::past::Stretch;
use crate::model::time::Timestamp;
use crate::model::track::Track;
use crate::text::Text;

/// Rows that one stretch has at most: an hour of frames at the shortest interval.
const MOST_ROWS: i64 = 50_000;

/// An open recording.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: SqliteConnection,
    schema: i32,
    meta: Meta,
    /// What the file's version was when it was last asked whether it changed.
    version: i64,
}

/// A stretch with its place in the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its number; later stretches have higher ones.
    pub id: i64,
    /// It goes on where the one before ends. Otherwise nothing is known of the time between.
    pub follows: bool,
    /// What was recorded.
    pub stretch: Stretch,
}

/// Which stretch.
#[derive(Clone, Copy, Debug)]
enum Which {
    /// The last that begins at or before this time; the first, where there is none.
    At(Timestamp),
    After(i64),
    Before(i64),
}

/// A stretch as it lies in the file.
struct Raw {
    id: i64,
    follows: bool,
    start: PackedStart,
    frames: Vec<PackedFrame>,
}

impl Reader {
    /// Opens a recording for reading alone.
    pub async fn open(path: &Path) -> Result<Self, ReadError> {
        let logged = beside(path, "-wal").exists();
        // Nobody writes where there is no log. Where there is one, this process may be the one that writes, and closing
        // another handle would give up its locks.
        let frozen = if logged { false } else { check::header(path)?.is_logged };
        let failed = |error: sqlx::Error| ReadError::sqlite(path, &error);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(frozen)
            .pragma("trusted_schema", "OFF")
            .pragma("cell_size_check", "ON")
            .disable_statement_logging();
        let mut file = options.connect().await.map_err(failed)?;
        let schema = check::schema(path, &mut file).await?;
        let meta = Meta::select(&mut file).await.map_err(failed)?;
        let meta = meta.ok_or_else(|| ReadError::Empty { path: path.to_owned() })?;
        let version = version(&mut file).await.map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, schema, meta, version })
    }

    /// Closes it, and returns once it is closed. Dropping it closes it some time later.
    pub async fn close(self) {
        let _ = self.file.close().await;
    }

    /// What it says about itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The schema of the file; up to [`schema::SCHEMA`].
    pub fn schema(&self) -> i32 {
        self.schema
    }

    /// Whether anything was written since it was opened, or since this was last asked. Costs next to nothing.
    pub async fn has_changed(&mut self) -> Result<bool, ReadError> {
        let now = version(&mut self.file).await.map_err(|error| ReadError::sqlite(&self.path, &error))?;
        Ok(std::mem::replace(&mut self.version, now) != now)
    }

    /// How far it reaches, with what is worth finding in it. Files of schema 1 have no marks.
    pub async fn track(&mut self) -> Result<Track, ReadError> {
        let has_marks = schema::tables(self.schema).any(|table| table == "events");
        let interval = Duration::from_secs_f64(self.meta.interval_s.clamp(0.0, 3600.0));
        match track::read(&mut self.file, has_marks, interval).await {
            Ok(track) => track.ok_or_else(|| ReadError::Empty { path: self.path.clone() }),
            Err(error) => Err(ReadError::sqlite(&self.path, &error)),
        }
    }

    /// The stretch in which a time lies: the last that begins at or before it; the first, where there is none. The last
    /// one of a recording that is being written grows.
    pub async fn stretch_at(&mut self, at: Timestamp) -> Result<Recorded, ReadError> {
        let found = self.stretch(Which::At(at)).await?;
        found.ok_or_else(|| ReadError::Empty { path: self.path.clone() })
    }

    /// The next stretch, where there is one.
    pub async fn stretch_after(&mut self, id: i64) -> Result<Option<Recorded>, ReadError> {
        self.stretch(Which::After(id)).await
    }

    /// The stretch before, where there is one.
    pub async fn stretch_before(&mut self, id: i64) -> Result<Option<Recorded>, ReadError> {
        self.stretch(Which::Before(id)).await
    }

    async fn stretch(&mut self, which: Which) -> Result<Option<Recorded>, ReadError> {
        let raw = read(&mut self.file, which).await;
        let Some(raw) = raw.map_err(|error| ReadError::sqlite(&self.path, &error))? else { return Ok(None) };
        // Unpacking takes milliseconds, for which nobody else should wait.
        let unpacked = tokio::task::spawn_blocking(move || unpack(&raw)).await;
        let what = match unpacked {
            Ok(Ok(recorded)) => return Ok(Some(recorded)),
            Ok(Err(what)) => what,
            Err(error) => error.to_string(),
        };
        Err(ReadError::Damaged { path: self.path.clone(), what })
    }
}

/// SQLite's number for the state of the file as others left it.
async fn version(file: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(file).await
}

/// Reads a stretch in one view of the file, whatever is written meanwhile.
async fn read(file: &mut SqliteConnection, which: Which) -> sqlx::Result<Option<Raw>> {
    let mut view = file.begin().await?;
    let Some(id) = find(&mut view, which).await? else { return Ok(None) };
    let query = "SELECT at_us, follows, substr(state, 1, ?2) AS state, substr(learned, 1, ?2) AS learned \
                 FROM stretches WHERE id = ?1";
    let row = sqlx::query(query).bind(id).bind(most()).fetch_one(&mut *view).await?;
    let mut raw = Raw {
        id,
        follows: row.try_get("follows")?,
        start: PackedStart {
            at: Timestamp::from_micros(row.try_get("at_us")?),
            state: row.try_get("state")?,
            learned: row.try_get("learned")?,
            samples: Vec::new(),
        },
        frames: Vec::new(),
    };
    let places = frames(&mut view, &mut raw).await?;
    samples(&mut view, &mut raw, &places).await?;
    view.rollback().await?;
    Ok(Some(raw))
}

async fn find(view: &mut SqliteConnection, which: Which) -> sqlx::Result<Option<i64>> {
    let (query, key) = match which {
        Which::At(at) => {
            let query = "SELECT id FROM stretches WHERE at_us <= ? ORDER BY at_us DESC, id DESC LIMIT 1";
            let found = sqlx::query_scalar(query).bind(at.as_micros()).fetch_optional(&mut *view).await?;
            if found.is_some() {
                return Ok(found);
            }
            ("SELECT id FROM stretches WHERE id > ? ORDER BY id LIMIT 1", i64::MIN)
        }
        Which::After(id) => ("SELECT id FROM stretches WHERE id > ? ORDER BY id LIMIT 1", id),
        Which::Before(id) => ("SELECT id FROM stretches WHERE id < ? ORDER BY id DESC LIMIT 1", id),
    };
    sqlx::query_scalar(query).bind(key).fetch_optional(view).await
}

/// The frames without their samples, and which frame has which number.
async fn frames(view: &mut SqliteConnection, raw: &mut Raw) -> sqlx::Result<Vec<i64>> {
    let query =
        "SELECT id, at_us, substr(rest, 1, ?2) AS rest FROM frames WHERE stretch = ?1 ORDER BY id LIMIT ?3";
    let mut rows = sqlx::query(query).bind(raw.id).bind(most()).bind(MOST_ROWS).fetch(view);
    let mut places = Vec::new();
    while let Some(row) = rows.try_next().await? {
        places.push(row.try_get("id")?);
        let at = Timestamp::from_micros(row.try_get("at_us")?);
        raw.frames.push(PackedFrame { at, rest: row.try_get("rest")?, samples: Vec::new() });
    }
    Ok(places)
}

async fn samples(view: &mut SqliteConnection, raw: &mut Raw, places: &[i64]) -> sqlx::Result<()> {
    let query = "SELECT frame, target, substr(data, 1, ?2) AS data FROM samples WHERE stretch = ?1 ORDER BY id LIMIT ?3";
    let mut rows = sqlx::query(query).bind(raw.id).bind(most()).bind(MOST_ROWS).fetch(view);
    while let Some(row) = rows.try_next().await? {
        let target = row.try_get::<&str, _>("target")?.into();
        let sample = PackedSample { target, data: row.try_get("data")? };
        match row.try_get::<Option<i64>, _>("frame")? {
            None => raw.start.samples.push(sample),
            Some(frame) => {
                let place = places.binary_search(&frame).map_err(|_| {
                    sqlx::Error::Decode(
                        format!("a sample belongs to frame {frame}, which is not there").into(),
                    )
                })?;
                raw.frames[place].samples.push(sample);
            }
        }
    }
    Ok(())
}

/// Nothing that is longer was written by pooltop; cut, it fails to unpack.
fn most() -> i64 {
    i64::try_from(LARGEST).unwrap_or(i64::MAX)
}

fn unpack(raw: &Raw) -> Result<Recorded, String> {
    let broken = |at: Timestamp, error: &std::io::Error| {
        format!("what was recorded at {at} cannot be unpacked ({})", Text::line(&error.to_string()))
    };
    let mut unpacker = Unpacker::default();
    let mut stretch = unpacker.start(&raw.start).map_err(|error| broken(raw.start.at, &error))?;
    for frame in &raw.frames {
        let whole = unpacker.frame(frame).map_err(|error| broken(frame.at, &error))?;
        stretch.frames.push(whole.into());
    }
    Ok(Recorded { id: raw.id, follows: raw.follows, stretch })
}
