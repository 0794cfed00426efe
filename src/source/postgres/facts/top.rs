//! The statements that took the most time, where `pg_stat_statements` is installed.

use std::collections::HashMap;

use crate::connect::{Connection, RowExt as _, Type};
use crate::model::facts::StatementFacts;
use crate::model::part::{Missing, Part};
use crate::model::target::TargetError;
use crate::source::postgres::cells::Positions;
use crate::source::postgres::statements::Statements;
use crate::text::Text;

const WHAT: &str = "top statements";
/// Above so many known texts, those that are no longer at the top are forgotten.
const MANY: usize = 500;

/// Remembers texts, because reading them makes the server read its whole file of texts.
#[derive(Debug, Default)]
pub(super) struct TopStatements {
    texts: HashMap<i64, Text>,
}

/// Where the extension is, and what it calls the total time.
struct Extension {
    schema: Text,
    total: Text,
}

impl Extension {
    fn fill(&self, sql: &str) -> String {
        // `total_exec_time`, `min_exec_time`; before version 1.8 of the extension `total_time`, `min_time`.
        let beside = |first: &str| self.total.replacen("total", first, 1);
        sql.replace("{schema}", &self.schema)
            .replace("{total}", &self.total)
            .replace("{min}", &beside("min"))
            .replace("{max}", &beside("max"))
    }
}

impl TopStatements {
    /// The top statements, and how many statements it took to read them.
    pub(super) async fn read(
        &mut self,
        connection: &Connection,
        sql: &Statements,
    ) -> (Part<Vec<StatementFacts>>, u32) {
        let extension = match extension(connection, sql).await {
            Ok(Some(extension)) => extension,
            Ok(None) => return (Part::Missing(not_installed(connection)), 1),
            Err(error) => return (Part::Missing(Missing::new(WHAT, &error.message)), 1),
        };
        match self.top(connection, sql, &extension).await {
            Ok((top, asked)) => (Part::Known(top), 1 + asked),
            Err(error) => (Part::Missing(unusable(&error)), 2),
        }
    }

    async fn top(
        &mut self,
        connection: &Connection,
        sql: &Statements,
        extension: &Extension,
    ) -> Result<(Vec<StatementFacts>, u32), TargetError> {
        let rows = connection.rows(&extension.fill(sql.top), &[]).await?;
        let mut top = rows
            .iter()
            .map(|row| {
                let calls = u64::try_from(row.value::<i64>("calls")?).unwrap_or_default();
                let total_ms: f64 = row.value("total_ms")?;
                let mean_ms = total_ms / calls.max(1) as f64;
                Ok(StatementFacts {
                    query_id: row.value("query_id")?,
                    query: Text::default(),
                    calls,
                    total_ms,
                    mean_ms,
                    min_ms: row.value("min_ms")?,
                    max_ms: row.value("max_ms")?,
                    all_ms: row.value("all_ms")?,
                })
            })
            .collect::<Result<Vec<_>, TargetError>>()?;
        let asked = self.learn(connection, &extension.fill(sql.texts), &top).await?;
        for statement in &mut top {
            statement.query = self.texts.get(&statement.query_id).cloned().unwrap_or_default();
        }
        Ok((top, 1 + asked))
    }

    /// Asks for the texts that are not known yet.
    async fn learn(
        &mut self,
        connection: &Connection,
        sql: &str,
        top: &[StatementFacts],
    ) -> Result<u32, TargetError> {
        if self.texts.len() > MANY {
            self.texts.retain(|id, _| top.iter().any(|statement| statement.query_id == *id));
        }
        let unknown: Vec<i64> = top
            .iter()
            .map(|statement| statement.query_id)
            .filter(|id| !self.texts.contains_key(id))
            .collect();
        if unknown.is_empty() {
            return Ok(0);
        }
        let rows = connection.rows(sql, &[(&unknown, Type::INT8_ARRAY)]).await?;
        if let Some(first) = rows.first() {
            let positions = Positions::of(first, &["query_id", "query"])?;
            self.texts.extend(rows.iter().filter_map(|row| {
                let [id, query] = positions.cells(row);
                Some((id.int8()?, Text::block_bytes(query.bytes())))
            }));
        }
        Ok(1)
    }
}

async fn extension(connection: &Connection, sql: &Statements) -> Result<Option<Extension>, TargetError> {
    let rows = connection.rows(sql.extension, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let extension = Extension { schema: row.text("schema")?, total: row.text("total")? };
    Ok(Some(extension).filter(|extension| !extension.total.is_empty()))
}

fn not_installed(connection: &Connection) -> Missing {
    let place = connection.endpoint();
    Missing::new(WHAT, &format!("pg_stat_statements is not installed in the database of {place}"))
        .with_fix("CREATE EXTENSION pg_stat_statements")
}

fn unusable(error: &TargetError) -> Missing {
    let missing = Missing::new(WHAT, &error.message);
    match error.code.as_deref() {
        // object_not_in_prerequisite_state: created, but the library is not loaded.
        Some("55000") => missing.with_fix(
            "add pg_stat_statements to shared_preload_libraries in postgresql.conf and restart the server",
        ),
        _ => missing,
    }
}
