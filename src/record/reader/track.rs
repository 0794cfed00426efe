//! How far a recording reaches, and what is worth finding in it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::model::event::EventKind;
use crate::model::finding::Severity;
use crate::model::time::Timestamp;
use crate::model::track::{Mark, MarkKind, Track};
use crate::text::Text;

/// Marks of one kind at most, the newest.
const MOST: i64 = 2_000;
/// Between two stretches more time is a gap, if it is more than three intervals: an application alone answers only every
/// five seconds. A silence within a stretch is shorter than a stretch.
const SILENCE: Duration = Duration::from_secs(15);
/// Gaps at most, the newest.
const GAPS: i64 = 2_000;

/// What a word stands for; `None` = a later version's.
type Meaning = fn(&str) -> Option<MarkKind>;

/// Each kind of mark: what it is made of, newest first, as time, word and text.
const MARKS: [(Meaning, &str); 3] = [
    (
        |word| known::<Severity>(word).map(MarkKind::Finding),
        "SELECT at_us, severity, title FROM finding_steps ORDER BY rowid DESC LIMIT ?",
    ),
    (
        |_| Some(MarkKind::Operation),
        "SELECT at_us, operation, operation || coalesce(' pid ' || pid, ' client ' || client_id, \
         ' database ' || \"database\", '') || ' on ' || target || coalesce(': ' || outcome, '') \
         FROM operations WHERE NOT dry_run ORDER BY rowid DESC LIMIT ?",
    ),
    (
        |word| known::<EventKind>(word).map(MarkKind::Event),
        "SELECT at_us, kind, target || ': ' || text FROM events WHERE kind <> 'operation' ORDER BY rowid DESC LIMIT ?",
    ),
];

/// The track of a recording; `None` where nothing is in it.
pub(super) async fn read(
    file: &mut SqliteConnection,
    has_marks: bool,
    interval: Duration,
) -> sqlx::Result<Option<Track>> {
    let ends = "SELECT (SELECT coalesce((SELECT min(at_us) FROM frames WHERE stretch = s.id), s.at_us) \
                FROM stretches s ORDER BY id LIMIT 1), \
                (SELECT coalesce((SELECT max(at_us) FROM frames WHERE stretch = s.id), s.at_us) \
                FROM stretches s ORDER BY id DESC LIMIT 1)";
    let (Some(oldest), Some(newest)) =
        sqlx::query_as::<_, (Option<i64>, Option<i64>)>(ends).fetch_one(&mut *file).await?
    else {
        return Ok(None);
    };
    let oldest = Timestamp::from_micros(oldest);
    let newest = Timestamp::from_micros(newest).max(oldest);
    let mut marks = Vec::new();
    for (kind, query) in MARKS.into_iter().filter(|_| has_marks) {
        let rows = sqlx::query(query).bind(MOST).fetch_all(&mut *file).await?;
        for row in rows {
            marks.extend(mark(&row, kind)?);
        }
    }
    marks.sort_by_key(|mark| mark.at);
    Ok(Some(Track { oldest, newest, gaps: gaps(file, SILENCE.max(interval * 3)).await?, marks }))
}

/// A mark; `None` of a kind that a later version knows.
fn mark(row: &SqliteRow, kind: Meaning) -> sqlx::Result<Option<Mark>> {
    let at = Timestamp::from_micros(row.try_get(0)?);
    let text = Text::line(row.try_get(2)?);
    Ok(kind(row.try_get(1)?).map(|kind| Mark { at, kind, text }))
}

/// From the last frame of a stretch to the first of the next, where that does not follow or comes later than `silence`.
async fn gaps(file: &mut SqliteConnection, silence: Duration) -> sqlx::Result<Vec<(Timestamp, Timestamp)>> {
    let query = "WITH reach AS (SELECT id, follows, \
                 coalesce((SELECT min(at_us) FROM frames WHERE stretch = s.id), s.at_us) AS first, \
                 coalesce((SELECT max(at_us) FROM frames WHERE stretch = s.id), s.at_us) AS last FROM stretches s), \
                 turns AS (SELECT id, follows, lag(last) OVER (ORDER BY id) AS before, first FROM reach) \
                 SELECT before, first FROM turns WHERE before < first AND (NOT follows OR first - before > ?) \
                 ORDER BY id DESC LIMIT ?";
    let silence = i64::try_from(silence.as_micros()).unwrap_or(i64::MAX);
    let mut gaps: Vec<(i64, i64)> = sqlx::query_as(query).bind(silence).bind(GAPS).fetch_all(file).await?;
    gaps.reverse();
    let time = Timestamp::from_micros;
    Ok(gaps.into_iter().map(|(from, to)| (time(from), time(to))).collect())
}

/// The value that is written with this word.
fn known<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}
