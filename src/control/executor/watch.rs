//! Looking whether sessions are still there.

use super::line::failure;
use super::server::{Param, Server};
use crate::connect::{Connection, RowExt as _, Type};
use crate::model::operation::Victim;
use crate::model::target::TargetError;
use crate::model::time::Timestamp;

/// What one look saw.
#[derive(Debug)]
pub(super) struct Look {
    /// The server is the one that was meant, in the same life.
    pub(super) same_server: bool,
    /// The server's clock.
    pub(super) at: Timestamp,
    /// Which of the sessions are still there, as indexes into what was asked.
    pub(super) still_there: Vec<usize>,
}

/// Looks at the server, and at these sessions on it.
pub(super) async fn look(
    connection: &Connection,
    server: &Server,
    victims: &[&Victim],
) -> Result<Look, TargetError> {
    let pids: Vec<i32> = victims.iter().map(|victim| victim.id().pid).collect();
    let starts = starts(victims);
    let sessions: [Param<'_>; 2] = [(&pids, Type::INT4_ARRAY), (&starts, Type::TIMESTAMPTZ_ARRAY)];
    let params: Vec<Param<'_>> = sessions.into_iter().chain(server.params()).collect();
    let rows = connection.rows(include_str!("watch_120000.sql"), &params).await?;
    let row = rows.first().ok_or_else(|| failure("a look at the server returned no row"))?;
    let (at, places): (jiff::Timestamp, Vec<i64>) = (row.value("at")?, row.value("still_there")?);
    Ok(Look {
        same_server: row.value("same_server")?,
        at: at.into(),
        still_there: places.into_iter().filter_map(index).collect(),
    })
}

/// When each session began, in the driver's type: to the microsecond.
pub(super) fn starts(victims: &[&Victim]) -> Vec<Option<jiff::Timestamp>> {
    victims.iter().map(|victim| victim.id().start.map(Timestamp::to_jiff)).collect()
}

/// SQL counts from one.
pub(super) fn index(place: i64) -> Option<usize> {
    usize::try_from(place).ok()?.checked_sub(1)
}
