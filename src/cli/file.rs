//! Snapshots: made from a moment, written to a file or to standard output.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::args::{Format, SnapshotArgs};
use super::exit::{Exit, Failure};
use super::output::{data, note};
use super::profile::{Running, Surroundings};
use super::replay::{self, Opened};
use super::start;
use crate::analysis::Moment;
use crate::control::audit::Audit;
use crate::export::{self, Meta, Page, Table};
use crate::model::audit::AuditRecord;
use crate::model::clock::Clock;
use crate::model::target::TargetState;
use crate::model::time::Timestamp;
use crate::monitor::Monitor;
use crate::text::redact::Redaction;
use crate::ui::SnapshotFormat;

/// Operations that a snapshot lists at most.
const OPERATIONS: usize = 200;

/// A snapshot to be written.
pub struct Job {
    moment: Arc<Moment>,
    meta: Meta,
}

impl Job {
    /// What the screen shows, with literals redacted.
    pub fn from_screen(running: &Running, since: Timestamp, moment: Arc<Moment>) -> Self {
        let window_s = moment.at.seconds_since(since).max(0.0);
        let operations = moment.operations.iter().map(|record| AuditRecord::clone(record)).collect();
        let (profile, redaction) = (running.name.clone(), Redaction::Literals);
        let interval_s = running.interval.as_secs_f64();
        Self { moment, meta: Meta { profile, window_s, interval_s, redaction, operations } }
    }

    /// What a look at a profile found, with the operations of the last hour.
    fn from_look(
        running: &Running,
        audit: &Audit,
        window_s: f64,
        redaction: Redaction,
        moment: Arc<Moment>,
    ) -> Self {
        let (profile, since) = (running.name.clone(), moment.at.minus(Duration::from_secs(3600)));
        let interval_s = running.interval.as_secs_f64();
        let ours = |record: &AuditRecord| record.profile == profile && record.at >= since;
        // A log that cannot be read costs the list of operations, not the snapshot.
        let operations = audit.last(OPERATIONS, ours).unwrap_or_default();
        Self { moment, meta: Meta { profile: profile.clone(), window_s, interval_s, redaction, operations } }
    }

    /// A moment of a recording that reaches back to `since`.
    fn from_recording(
        running: &Running,
        since: Timestamp,
        redaction: Redaction,
        moment: Arc<Moment>,
    ) -> Self {
        let mut job = Self::from_screen(running, since, moment);
        job.meta.redaction = redaction;
        job
    }

    fn render(&self, format: Format, table: Table) -> String {
        let report = export::report(&self.moment, &self.meta);
        let snapshot = &report.snapshot;
        match format {
            Format::Json => export::json(snapshot),
            Format::Csv => export::csv(snapshot, table),
            Format::Html => export::html(&report, Page::File),
            Format::Markdown => export::markdown(&report),
            Format::Text => export::text(snapshot),
        }
    }

    /// Writes into the working directory, or where that cannot be written, into `fallback`. Returns the path. A
    /// picture of the screen is written as it is.
    pub fn export(
        &self,
        format: SnapshotFormat,
        picture: Option<String>,
        fallback: &Path,
    ) -> anyhow::Result<PathBuf> {
        let (format, ending) = match format {
            SnapshotFormat::Json => (Some(Format::Json), "json"),
            SnapshotFormat::Csv => (Some(Format::Csv), "csv"),
            SnapshotFormat::Html => (Some(Format::Html), "html"),
            SnapshotFormat::Markdown => (Some(Format::Markdown), "md"),
            SnapshotFormat::Text => (Some(Format::Text), "txt"),
            SnapshotFormat::Svg => (None, "svg"),
        };
        let name = format!("pooltop-{}-{}.{ending}", file_safe(&self.meta.profile), stamp(self.moment.at));
        let document = format.map(|format| self.render(format, Table::default())).or(picture);
        let document = document.ok_or_else(|| anyhow::anyhow!("there is no screen to draw"))?;
        let here = std::env::current_dir().unwrap_or_default().join(&name);
        if export::write_atomically(&here, document.as_bytes()).is_ok() {
            return Ok(here);
        }
        std::fs::create_dir_all(fallback)?;
        let path = fallback.join(&name);
        export::write_atomically(&path, document.as_bytes())?;
        Ok(path)
    }
}

/// A profile's name as a part of a file's name.
pub(super) fn file_safe(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    name.chars().map(safe).take(60).collect()
}

/// `20261121T140731Z`
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `pooltop snapshot`
pub async fn run(args: &SnapshotArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let table = Table::parse(&args.table).ok_or_else(|| {
        let known: Vec<&str> = Table::NAMES.iter().map(|(name, _)| *name).collect();
        Failure::usage(format!("no table '{}'; known: {}", args.table, known.join(", ")))
    })?;
    let redaction = args.redact.level();
    let (job, exit) = match &args.recording {
        Some(file) => (recorded(file, args.at.as_deref(), redaction, &around).await?, Exit::Done),
        None => look(args, redaction, &around).await?,
    };
    let document = job.render(args.format, table);
    match &args.output {
        Some(path) => export::write_atomically(path, document.as_bytes())?,
        None => data(&document)?,
    }
    Ok(exit)
}

/// Watches the targets for as long as was asked.
async fn look(
    args: &SnapshotArgs,
    redaction: Redaction,
    around: &Surroundings,
) -> anyhow::Result<(Job, Exit)> {
    let mut running = Running::resolve(&args.target, around)?;
    // Reading changes nothing, so nothing that could is even made.
    running.adjust(args.interval, true)?;
    for notice in &running.notices {
        note(notice);
    }
    let audit = start::audit(around);
    let (moment, window_s) = watch(args.window, &running, &audit).await?;
    let exit = verdict(&moment);
    Ok((Job::from_look(&running, &audit, window_s, redaction, moment), exit))
}

/// A moment of a recording.
async fn recorded(
    file: &Path,
    at: Option<&str>,
    redaction: Redaction,
    around: &Surroundings,
) -> Result<Job, Failure> {
    let mut recording = Opened::open(file).await?;
    let moment = recording.moment(at).await?;
    let running = replay::recorded(recording.meta(), around);
    Ok(Job::from_recording(&running, recording.since(), redaction, moment))
}

/// Samples for as long as was asked, and until every target has answered or failed to.
pub(super) async fn watch(
    window: Duration,
    running: &Running,
    audit: &Audit,
) -> anyhow::Result<(Arc<Moment>, f64)> {
    let clock = Clock::real();
    let began = clock.now();
    let monitor = Monitor::start(start::plan(running, audit, &clock), None);
    start::settled(&monitor, window.max(start::PATIENCE)).await;
    let left = window.saturating_sub(clock.now().age_of(began));
    tokio::time::sleep(left).await;
    let moment = monitor.moments().borrow().clone();
    let moment = moment.ok_or_else(|| Failure::unreachable("no target answered"))?;
    Ok((moment, clock.now().seconds_since(began)))
}

/// The document is written in any case; the exit says whether anybody answered.
fn verdict(moment: &Moment) -> Exit {
    let silent: Vec<_> = moment.targets.iter().filter(|target| target.state != TargetState::Live).collect();
    for target in &silent {
        note(&start::failure_lines(target));
    }
    if silent.len() == moment.targets.len() { Exit::Unreachable } else { Exit::Done }
}
