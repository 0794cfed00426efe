//! Recordings after the fact: `pooltop replay`, `pooltop diff`, and the moment that a snapshot is made of.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::args::{DiffArgs, DiffFormat, LookArgs, ReplayArgs};
use super::dashboard::Show;
use super::exit::{Exit, Failure};
use super::output::data;
use super::profile::{Running, Surroundings};
use super::start;
use crate::analysis::Moment;
use crate::control::confirm::Access;
use crate::export;
use crate::model::clock::Clock;
use crate::model::time::Timestamp;
use crate::model::track::Track;
use crate::model::when::{self, Around};
use crate::monitor::{Plan, Replay, first_moment, moment_at};
use crate::record::{Meta, Reader};
use crate::text::Text;
use crate::text::redact::Redaction;
use crate::ui::Feed;

/// `pooltop replay`
pub(super) async fn run(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.configuration.config.as_deref())?;
    let recording = Opened::open(&args.file).await?;
    let from = args.at.as_deref().map(|typed| recording.time(typed)).transpose()?;
    let (running, meta) = (recorded(recording.reader.meta(), &around), recording.reader.meta().clone());
    let replay = Replay::start(recording.reader, from, !args.paused).await;
    let replay = replay.map_err(|why| Failure::usage(why.to_string()))?;
    show(replay, running, meta.title, around, &args.look).await
}

/// The dashboard on a recording.
pub(super) async fn show(
    replay: Replay,
    running: Running,
    title: Text,
    around: Surroundings,
    look: &LookArgs,
) -> anyhow::Result<Exit> {
    let (clock, audit) = (Clock::real(), start::audit(&around));
    let (plan, replay) = (Plan::nothing(&clock), Some(replay));
    Show {
        running,
        plan,
        replay,
        record: None,
        feed: Feed::Recording(title),
        clock,
        audit,
        fleet: Vec::new(),
    }
    .run(around, look)
    .await
}

/// What was recorded as a profile in which nothing can be done.
pub(super) fn recorded(meta: &Meta, around: &Surroundings) -> Running {
    let blank = Running::blank(meta.profile.clone(), &around.config);
    let mut running = Running {
        label: meta.label.clone(),
        production: meta.production,
        interval: Duration::from_secs_f64(meta.interval_s.clamp(0.1, 3600.0)),
        time_scale: meta.time_scale,
        recorded_in: meta.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()),
        ..blank
    };
    running.policy.access = Access::ReadOnly;
    running
}

/// A recording that is open, with how far it reaches.
pub(super) struct Opened {
    reader: Reader,
    track: Track,
    zone: TimeZone,
}

impl Opened {
    /// Opens it, or says what is wrong with it.
    pub(super) async fn open(file: &Path) -> Result<Self, Failure> {
        let wrong = |error: crate::record::ReadError| Failure::usage(error.to_string());
        let mut reader = Reader::open(file).await.map_err(wrong)?;
        let track = reader.track().await.map_err(wrong)?;
        let zone = reader.meta().time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        Ok(Self { reader, track, zone: zone.unwrap_or_else(TimeZone::system) })
    }

    /// What it says about itself.
    pub(super) fn meta(&self) -> &Meta {
        self.reader.meta()
    }

    /// What it reaches back to.
    pub(super) fn since(&self) -> Timestamp {
        self.track.oldest
    }

    /// A time that was typed, by the clocks of whoever recorded; spans count from the end.
    fn time(&self, typed: &str) -> Result<Timestamp, Failure> {
        let Track { oldest, newest, .. } = self.track;
        let around = Around { from: newest, newest, zone: &self.zone };
        let at = when::parse(typed, around).map_err(|error| Failure::usage(error.to_string()))?;
        if (oldest..=newest).contains(&at) {
            return Ok(at);
        }
        let text = format!("{typed} is not in the recording, which reaches from {oldest} to {newest}");
        Err(Failure::usage(text))
    }

    /// The moment of a time that was typed; the end without one.
    pub(super) async fn moment(&mut self, typed: Option<&str>) -> Result<Arc<Moment>, Failure> {
        let at = typed.map(|typed| self.time(typed)).transpose()?;
        self.moment_of(at.unwrap_or(self.track.newest)).await
    }

    async fn moment_of(&mut self, at: Timestamp) -> Result<Arc<Moment>, Failure> {
        moment_at(&mut self.reader, at).await.map_err(|why| Failure::usage(why.to_string()))
    }
}

/// `pooltop diff`
pub(super) async fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    let mut recording = Opened::open(&args.file).await?;
    let before = match &args.from {
        Some(typed) => recording.moment(Some(typed)).await?,
        None => first_moment(&mut recording.reader).await.map_err(|why| Failure::usage(why.to_string()))?,
    };
    let after = recording.moment(args.to.as_deref()).await?;
    let comparison = export::comparison(&before, &after, Redaction::Literals);
    data(&match args.format {
        DiffFormat::Text => export::comparison_text(&comparison, &recording.zone),
        DiffFormat::Json => export::comparison_json(&comparison),
    })?;
    Ok(Exit::Done)
}
