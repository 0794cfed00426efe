//! Who waits for whom: asked only while somebody waits, and the less often the more it costs.

use std::sync::Arc;
use std::time::Duration;

use self::edges::Lock;
use super::activity::Activity;
use super::statements::Statements;
use crate::connect::{Connection, RawText, Row, RowExt as _, Type};
use crate::model::locks::LockPicture;
use crate::model::part::{Missing, Part};
use crate::model::target::TargetError;
use crate::model::time::Timestamp;

mod edges;

/// Up to so many waiters the server itself is asked whom each of them waits for; that stops its lock manager once per waiter.
const ASK_THE_SERVER: usize = 64;
/// The server ends one reading after this: a picture of the waits is not worth a sample.
const LIMIT: Duration = Duration::from_millis(500);
/// Never more often than this.
const LEAST_PAUSE: Duration = Duration::from_secs(2);
/// However much it costs.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause is so many times the server's time for one reading: a hundredth of the server's time at most.
const PAUSE_PER_COST: u32 = 100;

/// Reads the lock waits at their own cadence and keeps the picture in between.
#[derive(Debug)]
pub(super) struct LockReader {
    picture: Part<Arc<LockPicture>>,
    /// By the monotonic clock.
    due: Duration,
}

impl LockReader {
    pub(super) fn new() -> Self {
        Self { picture: Part::Known(Arc::default()), due: Duration::ZERO }
    }

    /// The waits for a reading of the activity at the moment `now` of the monotonic clock, and how many statements it took.
    pub(super) async fn read(
        &mut self,
        connection: &Connection,
        statements: &Statements,
        activity: &Activity,
        now: Duration,
    ) -> (Part<Arc<LockPicture>>, u32) {
        let waiting: Vec<i32> =
            activity.backends.iter().filter(|b| b.waits_on_lock()).map(|b| b.pid()).collect();
        if waiting.is_empty() {
            self.picture = Part::Known(Arc::new(empty(activity.server.now)));
            self.due = now;
            return (self.picture.clone(), 0);
        }
        if now < self.due {
            return (self.still(&waiting), 0);
        }
        self.ask(connection, statements, waiting.len(), now).await;
        (self.picture.clone(), 1)
    }

    async fn ask(&mut self, connection: &Connection, statements: &Statements, waiting: usize, now: Duration) {
        let few = waiting <= ASK_THE_SERVER;
        let rows = connection.rows_within(LIMIT, statements.waits, &[(&few, Type::BOOL)]).await;
        let (picture, cost) = match rows.and_then(|rows| decode(&rows)) {
            Ok((picture, cost)) => (Part::Known(Arc::new(picture)), cost),
            Err(error) => (Part::Missing(Missing::new("who waits for whom", &error.message)), LONGEST_PAUSE),
        };
        self.picture = picture;
        self.due = now + (cost * PAUSE_PER_COST).clamp(LEAST_PAUSE, LONGEST_PAUSE);
    }

    /// The last picture without those who no longer wait.
    fn still(&self, waiting: &[i32]) -> Part<Arc<LockPicture>> {
        let Part::Known(picture) = &self.picture else { return self.picture.clone() };
        let waits = |pid: i32| waiting.binary_search(&pid).is_ok();
        if picture.edges.iter().all(|edge| waits(edge.waiter)) {
            return self.picture.clone();
        }
        let mut picture = LockPicture::clone(picture);
        picture.edges.retain(|edge| waits(edge.waiter));
        picture.wait_start.retain(|(pid, _)| waits(*pid));
        Part::Known(Arc::new(picture))
    }
}

fn empty(at: Timestamp) -> LockPicture {
    LockPicture { at: Some(at), ..LockPicture::default() }
}

/// The picture, and the server's time for it.
fn decode(rows: &[Row]) -> Result<(LockPicture, Duration), TargetError> {
    let locks = rows.iter().map(lock).collect::<Result<Vec<_>, _>>()?;
    let mut times = None;
    if let Some(row) = rows.last() {
        let (now, asked): (jiff::Timestamp, jiff::Timestamp) = (row.value("now")?, row.value("asked")?);
        times = Some((Timestamp::from(now), Timestamp::from(asked)));
    }
    let mut wait_start: Vec<(i32, Timestamp)> = locks
        .iter()
        .filter(|lock| !lock.granted)
        .filter_map(|lock| Some((lock.pid?, lock.wait_start?)))
        .collect();
    wait_start.sort_unstable();
    wait_start.dedup_by_key(|(pid, _)| *pid);
    let picture = LockPicture { at: times.map(|(now, _)| now), edges: edges::build(locks), wait_start };
    Ok((picture, times.map_or(Duration::ZERO, |(now, asked)| now.age_of(asked))))
}

fn lock(row: &Row) -> Result<Lock, TargetError> {
    let text = |column: &str| row.value(column).map(|raw: RawText<'_>| raw.0.to_vec());
    Ok(Lock {
        object: text("object")?,
        pid: row.value("pid")?,
        mode: edges::Mode::parse(&text("mode")?),
        granted: row.value("granted")?,
        wait_start: row.value::<Option<jiff::Timestamp>>("waitstart")?.map(Timestamp::from),
        blockers: row.value("blockers")?,
    })
}
