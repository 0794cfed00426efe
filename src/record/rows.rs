//! The statements that write rows.

use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::pack::{PackedFrame, PackedSample, PackedStart};
use super::plain::{Change, Peaks};
use crate::model::audit::AuditRecord;
use crate::model::event::Event;
use crate::model::finding::{Finding, Severity};
use crate::model::limit::Limit;
use crate::model::pool::Pool;
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::text::Text;

/// The beginning of a stretch; gives its number.
pub(super) async fn stretch(
    to: &mut SqliteConnection,
    start: &PackedStart,
    follows: bool,
) -> sqlx::Result<i64> {
    let stretch = sqlx::query("INSERT INTO stretches (at_us, follows, state, learned) VALUES (?, ?, ?, ?)")
        .bind(start.at.as_micros())
        .bind(follows)
        .bind(&start.state)
        .bind(&start.learned)
        .execute(&mut *to)
        .await?
        .last_insert_rowid();
    samples(to, stretch, None, &start.samples).await?;
    Ok(stretch)
}

/// A frame of a stretch.
pub(super) async fn frame(to: &mut SqliteConnection, stretch: i64, frame: &PackedFrame) -> sqlx::Result<()> {
    let id = sqlx::query("INSERT INTO frames (stretch, at_us, rest) VALUES (?, ?, ?)")
        .bind(stretch)
        .bind(frame.at.as_micros())
        .bind(&frame.rest)
        .execute(&mut *to)
        .await?
        .last_insert_rowid();
    samples(to, stretch, Some(id), &frame.samples).await
}

async fn samples(
    to: &mut SqliteConnection,
    stretch: i64,
    frame: Option<i64>,
    samples: &[PackedSample],
) -> sqlx::Result<()> {
    for sample in samples {
        sqlx::query("INSERT INTO samples (stretch, frame, target, data) VALUES (?, ?, ?, ?)")
            .bind(stretch)
            .bind(frame)
            .bind(&*sample.target)
            .bind(&sample.data)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

/// Something that happened.
async fn event(to: &mut SqliteConnection, event: &Event) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO events VALUES (?, ?, ?, ?)")
        .bind(event.at.as_micros())
        .bind(&*event.target)
        .bind(word(&event.kind))
        .bind(event.text.as_str())
        .execute(to)
        .await
        .map(drop)
}

/// An operation that was carried out, or rehearsed.
pub(super) async fn operation(to: &mut SqliteConnection, record: &AuditRecord) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(record.at.as_micros())
        .bind(record.operator.as_str())
        .bind(record.host.as_str())
        .bind(&*record.target)
        .bind(record.operation.as_str())
        .bind(record.pid)
        .bind(record.application_name.as_str())
        .bind(record.user.as_str())
        .bind(record.database.as_deref())
        .bind(record.client_id.as_deref())
        .bind(record.client.as_deref())
        .bind(record.dry_run)
        .bind(record.outcome.map(crate::model::operation::Outcome::as_str))
        .bind(record.message.as_str())
        .execute(to)
        .await
        .map(drop)
}

/// What changed in the plain tables.
pub(super) async fn change(to: &mut SqliteConnection, at: Timestamp, change: &Change) -> sqlx::Result<()> {
    match change {
        Change::Target(status) => target(to, at, status).await,
        Change::Pool(row, peaks) => pool(to, at, row, peaks).await,
        Change::Limit(row, peak) => limit(to, at, row, *peak).await,
        Change::Opened(id, finding) => {
            opened(to, *id, finding, at).await?;
            step(to, *id, finding, at).await
        }
        Change::Worse(id, finding) => step(to, *id, finding, at).await,
        Change::Seen(id, finding, worst) => seen(to, *id, finding, *worst, at).await,
        Change::Event(row) => event(to, row).await,
        Change::Closed(id, seen) => {
            sqlx::query("UPDATE findings SET last_seen_us = ?1, closed_us = ?1 WHERE id = ?2")
                .bind(seen.as_micros())
                .bind(id)
                .execute(to)
                .await
                .map(drop)
        }
    }
}

async fn target(to: &mut SqliteConnection, at: Timestamp, status: &TargetStatus) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(at.as_micros())
        .bind(&*status.name)
        .bind(status.kind.as_str())
        .bind(status.endpoint.as_str())
        .bind(word(&status.state))
        .bind(status.version.as_deref())
        .bind(status.role.map(|role| word(&role)))
        .bind(status.error.as_ref().map(|error| error.message.as_str()))
        .execute(to)
        .await
        .map(drop)
}

async fn pool(to: &mut SqliteConnection, at: Timestamp, pool: &Pool, peaks: &Peaks) -> sqlx::Result<()> {
    let text = |text: &Option<Text>| text.as_deref().map(str::to_owned);
    sqlx::query(
        "INSERT INTO pools VALUES \
         (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(at.as_micros())
    .bind(&*pool.key.target)
    .bind(word(&pool.key.layer))
    .bind(pool.name.as_str())
    .bind(text(&pool.key.application_name))
    .bind(text(&pool.key.user))
    .bind(text(&pool.key.database))
    .bind(text(&pool.key.client))
    .bind(pool.total)
    .bind(peaks.total)
    .bind(pool.used)
    .bind(peaks.used)
    .bind(pool.active)
    .bind(pool.idle)
    .bind(pool.idle_in_transaction)
    .bind(peaks.idle_in_transaction)
    .bind(pool.aborted)
    .bind(pool.blocked)
    .bind(pool.pending)
    .bind(peaks.pending)
    .bind(pool.max)
    .bind(pool.max_wait_s)
    .bind(pool.wait_avg_s)
    .bind(pool.use_avg_s)
    .bind(pool.oldest_idle_in_transaction_s)
    .bind(pool.stranded)
    .bind(whole(pool.timeouts))
    .bind(whole(pool.errors))
    .execute(to)
    .await
    .map(drop)
}

async fn limit(to: &mut SqliteConnection, at: Timestamp, limit: &Limit, peak: u32) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO limits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(at.as_micros())
        .bind(&*limit.target)
        .bind(limit.scope.as_str())
        .bind(limit.name.as_str())
        .bind(limit.used)
        .bind(peak)
        .bind(limit.limit)
        .bind(limit.reserved)
        .bind(limit.utilization())
        .bind(limit.growth_per_min)
        .bind(limit.exhausted_in_s)
        .execute(to)
        .await
        .map(drop)
}

async fn opened(to: &mut SqliteConnection, id: i64, finding: &Finding, at: Timestamp) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)")
        .bind(id)
        .bind(finding.rule.as_str())
        .bind(finding.severity.as_str())
        .bind(&*finding.target)
        .bind(finding.pool_name.as_deref())
        .bind(finding.title.as_str())
        .bind(lines(&finding.evidence))
        .bind(finding.suggestion.as_deref())
        .bind(finding.since.as_micros().min(at.as_micros()))
        .bind(at.as_micros())
        .execute(to)
        .await
        .map(drop)
}

async fn step(to: &mut SqliteConnection, id: i64, finding: &Finding, at: Timestamp) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO finding_steps VALUES (?, ?, ?, ?)")
        .bind(id)
        .bind(at.as_micros())
        .bind(finding.severity.as_str())
        .bind(finding.title.as_str())
        .execute(to)
        .await
        .map(drop)
}

async fn seen(
    to: &mut SqliteConnection,
    id: i64,
    finding: &Finding,
    worst: Severity,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE findings SET severity = ?, title = ?, evidence = ?, suggestion = ?, last_seen_us = ? WHERE id = ?",
    )
    .bind(worst.as_str())
    .bind(finding.title.as_str())
    .bind(lines(&finding.evidence))
    .bind(finding.suggestion.as_deref())
    .bind(at.as_micros())
    .bind(id)
    .execute(to)
    .await
    .map(drop)
}

fn lines(sentences: &[Text]) -> String {
    sentences.iter().map(Text::as_str).collect::<Vec<_>>().join("\n")
}

fn whole(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

/// The word by which a value is written in files.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
