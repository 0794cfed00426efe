//! Slow facts: settings, roles, databases, prepared transactions, top statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use self::settings::Values;
use self::top::TopStatements;
use super::statements::Statements;
use crate::connect::{Connection, RawText, Row, RowExt as _};
use crate::model::facts::{
    DatabaseFacts, OwnRole, PreparedTransaction, RoleFacts, ServerFacts, TimeoutOverride,
};
use crate::model::part::{Missing, Part};
use crate::model::target::{Privilege, TargetError};
use crate::model::time::Timestamp;
use crate::source::unreadable;
use crate::text::Text;

mod settings;
mod top;

/// How often they are read again.
const PERIOD: Duration = Duration::from_secs(30);
/// What is missing while they are.
pub(super) const WHAT: &str = "settings, roles and limits";

/// Reads the facts at their own cadence and keeps them in between.
///
/// They are read in the background, over the same connection and between the statements of two samples: a catalog that
/// answers slowly makes no sample late, and the first sample waits for none of it.
#[derive(Debug)]
pub(super) struct FactsReader {
    facts: Part<Arc<ServerFacts>>,
    /// By the monotonic clock.
    due: Duration,
    task: Option<AbortOnDropHandle<Outcome>>,
    /// `None` while the task has it.
    top: Option<TopStatements>,
    /// Statements and time since it was last asked for.
    spent: (u32, Duration),
}

/// What a reading in the background brings back.
#[derive(Debug)]
struct Outcome {
    facts: Result<ServerFacts, TargetError>,
    top: TopStatements,
    asked: u32,
    took: Duration,
}

impl FactsReader {
    pub(super) fn new() -> Self {
        let facts = Part::Missing(Missing::new(WHAT, "not read yet"));
        let top = Some(TopStatements::default());
        Self { facts, due: Duration::ZERO, task: None, top, spent: (0, Duration::ZERO) }
    }

    /// The newest facts. Ones that cannot be read any more stay as they were last read, with their time; ones that never
    /// could be are missing with the reason.
    pub(super) fn facts(&self) -> &Part<Arc<ServerFacts>> {
        &self.facts
    }

    /// Takes over what was read in the background, if it is finished.
    pub(super) async fn take_in(&mut self) {
        let Some(task) = self.task.take_if(|task| task.is_finished()) else { return };
        let facts = match task.await {
            Ok(outcome) => {
                self.spent = (outcome.asked, outcome.took);
                self.top = Some(outcome.top);
                outcome.facts
            }
            Err(panic) => Err(unreadable(&panic.to_string())),
        };
        match facts {
            Ok(facts) => self.facts = Part::Known(Arc::new(facts)),
            Err(error) if self.facts.known().is_none() => {
                self.facts = Part::Missing(Missing::new(WHAT, &error.message));
            }
            Err(_) => {}
        }
    }

    /// Starts to read them again, if that is due at the moment `now` of the monotonic clock.
    pub(super) fn keep_fresh(&mut self, connection: &Connection, sql: &Statements, now: Duration) {
        if now < self.due || self.task.is_some() {
            return;
        }
        self.due = now + PERIOD;
        let reading = read(connection.clone(), *sql, self.top.take().unwrap_or_default());
        self.task = Some(AbortOnDropHandle::new(tokio::spawn(reading)));
    }

    /// Statements and time that the facts took since this was last asked.
    pub(super) fn charge(&mut self) -> (u32, Duration) {
        std::mem::take(&mut self.spent)
    }
}

/// Reads everything once, in the foreground.
pub(super) async fn read_once(connection: &Connection, sql: &Statements) -> Result<ServerFacts, TargetError> {
    read(connection.clone(), *sql, TopStatements::default()).await.facts
}

async fn read(connection: Connection, sql: Statements, mut top: TopStatements) -> Outcome {
    let started = Instant::now();
    let (facts, asked) = match essential(&connection, &sql).await {
        Err(error) => (Err(error), 1),
        Ok(essential) => {
            let prepared = prepared(&connection, &sql, essential.settings.max_prepared_transactions).await;
            let (statements, asked) = top.read(&connection, &sql).await;
            (Ok(ServerFacts { prepared, statements, ..essential }), 4 + asked)
        }
    };
    Outcome { facts, top, asked, took: started.elapsed() }
}

/// What every role may read; prepared transactions and statements are left missing.
async fn essential(connection: &Connection, sql: &Statements) -> Result<ServerFacts, TargetError> {
    let role = connection.rows(sql.role, &[]).await?;
    let databases = connection.rows(sql.databases, &[]).await?;
    let roles = connection.rows(sql.roles, &[]).await?;
    let row = role.first().ok_or_else(|| unreadable("our own role is not in it"))?;
    let later = || Missing::new("", "");
    let (roles, overrides) = self::roles(&roles)?;
    Ok(ServerFacts {
        at: moment(row, "now")?,
        version: row.text("version")?,
        version_num: connection.version_num(),
        settings: Values::parse(&row.text("settings")?)?.settings(),
        replay_lag_s: row.value("replay_lag_s")?,
        own_role: own_role(row)?,
        databases: databases.iter().map(database).collect::<Result<_, _>>()?,
        roles,
        overrides,
        prepared: Part::Missing(later()),
        statements: Part::Missing(later()),
    })
}

fn moment(row: &Row, column: &str) -> Result<Timestamp, TargetError> {
    row.value::<jiff::Timestamp>(column).map(Timestamp::from)
}

fn own_role(row: &Row) -> Result<OwnRole, TargetError> {
    let superuser: bool = row.value("superuser")?;
    let privilege = match (superuser, row.value("sees_all")?) {
        (true, _) => Privilege::Superuser,
        (false, true) => Privilege::Monitor,
        (false, false) => Privilege::Limited,
    };
    Ok(OwnRole {
        name: row.text("role")?,
        privilege,
        can_signal_others: superuser || row.value("signals")?,
        can_use_reserved: superuser || row.value("uses_reserved")?,
        superuser,
    })
}

fn database(row: &Row) -> Result<DatabaseFacts, TargetError> {
    let counter = |column: &str| -> Result<Option<u64>, TargetError> {
        Ok(row.value::<Option<i64>>(column)?.and_then(|many| u64::try_from(many).ok()))
    };
    Ok(DatabaseFacts {
        name: row.text("name")?,
        connection_limit: u32::try_from(row.value::<i32>("connection_limit")?).ok(),
        encoding: row.text("encoding")?,
        transactions: counter("transactions")?.unwrap_or_default(),
        deadlocks: counter("deadlocks")?.unwrap_or_default(),
        sessions: counter("sessions")?,
        sessions_lost: counter("sessions_lost")?,
        stats_reset: row.value::<Option<jiff::Timestamp>>("stats_reset")?.map(Timestamp::from),
    })
}

/// Roles, with the time limits set for them everywhere, and the limits set for a database.
fn roles(rows: &[Row]) -> Result<(Vec<RoleFacts>, Vec<TimeoutOverride>), TargetError> {
    let mut roles = Vec::new();
    let mut limits: HashMap<(Option<Text>, Option<Text>), TimeoutOverride> = HashMap::new();
    for row in rows {
        let name = |column: &str| -> Result<Option<Text>, TargetError> {
            Ok(row.value::<Option<RawText<'_>>>(column)?.map(RawText::line))
        };
        let (role, database) = (name("role")?, name("database")?);
        match name("setting")? {
            None => roles.push(RoleFacts {
                name: role.unwrap_or_default(),
                connection_limit: row
                    .value::<Option<i32>>("connection_limit")?
                    .and_then(|n| n.try_into().ok()),
                superuser: row.value::<Option<bool>>("superuser")?.unwrap_or_default(),
                idle_in_transaction_timeout_ms: None,
                transaction_timeout_ms: None,
            }),
            Some(setting) => {
                let limit =
                    limits.entry((role.clone(), database.clone())).or_insert_with(|| TimeoutOverride {
                        role,
                        database,
                        idle_in_transaction_timeout_ms: None,
                        transaction_timeout_ms: None,
                    });
                settings::apply(limit, &setting);
            }
        }
    }
    Ok(settle(roles, limits.into_values().collect()))
}

/// Moves what is set for a role everywhere to the role.
fn settle(mut roles: Vec<RoleFacts>, limits: Vec<TimeoutOverride>) -> (Vec<RoleFacts>, Vec<TimeoutOverride>) {
    let mut overrides = Vec::new();
    for limit in limits {
        let of_role = limit.role.as_ref().filter(|_| limit.database.is_none());
        match of_role.and_then(|name| roles.iter_mut().find(|role| role.name == *name)) {
            Some(role) => {
                role.idle_in_transaction_timeout_ms = limit.idle_in_transaction_timeout_ms;
                role.transaction_timeout_ms = limit.transaction_timeout_ms;
            }
            None => overrides.push(limit),
        }
    }
    overrides.sort_by(|a, b| (&a.database, &a.role).cmp(&(&b.database, &b.role)));
    (roles, overrides)
}

async fn prepared(connection: &Connection, sql: &Statements, most: u32) -> Part<Vec<PreparedTransaction>> {
    if most == 0 {
        return Part::Known(Vec::new());
    }
    let read = |row: &Row| -> Result<PreparedTransaction, TargetError> {
        Ok(PreparedTransaction {
            gid: row.text("gid")?,
            prepared: moment(row, "prepared")?,
            owner: row.text("owner")?,
            database: row.text("database")?,
        })
    };
    let rows = connection.rows(sql.prepared, &[]).await;
    match rows.and_then(|rows| rows.iter().map(read).collect()) {
        Ok(prepared) => Part::Known(prepared),
        Err(error) => Part::Missing(Missing::new("prepared transactions", &error.message)),
    }
}
