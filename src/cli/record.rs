//! `pooltop record`: a profile into a file, without a screen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::args::RecordArgs;
use super::dashboard::Signals;
use super::exit::{Exit, Failure};
use super::file::{file_safe, stamp};
use super::output::note;
use super::profile::{Running, Surroundings};
use super::start;
use crate::analysis::Moment;
use crate::model::clock::Clock;
use crate::model::target::TargetState;
use crate::model::time::Timestamp;
use crate::monitor::{Monitor, Recording, RecordingOptions};
use crate::record::{Bounds, ENDING, Meta, RecordPhase, RecordStatus};
use crate::text::Text;
use crate::text::redact::Redaction;
use crate::text::span::count;

/// What a recording has at least, so that retention has something to choose from.
const SMALLEST: u64 = 16 << 20;

/// `pooltop record [TARGET…] -o FILE`
pub async fn run(args: &RecordArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let mut running = Running::resolve(&args.target, &around)?;
    // Recording changes nothing, so nothing that could is even made.
    running.adjust(args.interval, true)?;
    if args.max_size.is_some_and(|most| most < SMALLEST) {
        return Err(Failure::usage("--max-size must be at least 16MiB").into());
    }
    for notice in &running.notices {
        note(notice);
    }
    let (clock, audit) = (Clock::real(), start::audit(&around));
    let redaction = args.redact.level();
    let path = match &args.output {
        Some(path) => path.clone(),
        None => own_file(&around, &running.name, clock.now())?,
    };
    let options = RecordingOptions {
        path,
        meta: meta(&running, redaction, clock.now()),
        bounds: Bounds { keep: args.keep, max_bytes: args.max_size },
    };
    let signals = Signals::listen()?;
    let monitor = Monitor::start(start::plan(&running, &audit, &clock), None);
    let recording = monitor.record(options).await.map_err(|error| Failure::usage(error.to_string()))?;
    note(&begun(&running, &recording.status().borrow(), redaction));
    Ok(watch_over(monitor, recording, signals, args.window).await)
}

/// What a recording of this profile says about itself.
pub(super) fn meta(running: &Running, redaction: Redaction, now: Timestamp) -> Meta {
    Meta {
        label: running.label.clone(),
        production: running.production,
        time_scale: running.time_scale,
        redaction,
        time_zone: running.zone().iana_name().map(Text::line),
        ..Meta::new(&running.name, now, running.interval.as_secs_f64())
    }
}

/// Where a recording goes that was given no name: a file among the recordings in the state directory.
pub(super) fn own_file(around: &Surroundings, profile: &str, now: Timestamp) -> std::io::Result<PathBuf> {
    let directory = around.paths.state.join("recordings");
    make_private(&directory)?;
    Ok(directory.join(format!("{}-{}.{ENDING}", file_safe(profile), stamp(now))))
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

/// Waits until the recording has to end, ends it, and says what came of it.
async fn watch_over(
    mut monitor: Monitor,
    recording: Recording,
    mut signals: Signals,
    window: Option<Duration>,
) -> Exit {
    tokio::spawn(tell_silent(monitor.moments()));
    let mut status = recording.status();
    let over = async {
        match window {
            Some(window) => tokio::time::sleep(window).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        number = signals.next() => Exit::Signal(number),
        () = over => Exit::Done,
        () = async { drop(status.wait_for(|status| status.phase != RecordPhase::Running).await) } => Exit::Incomplete,
        why = monitor.failed() => {
            note(&format!("pooltop: {why}"));
            Exit::Panic
        }
    };
    let seen = monitor.moments().borrow().as_ref().is_some_and(|moment| moment.samples > 0);
    let status = recording.stop().await;
    note(&done(&status));
    match (&status.phase, ended) {
        (RecordPhase::Stopped(_), Exit::Done | Exit::Signal(_)) => Exit::Incomplete,
        (_, Exit::Done) if !seen => Exit::Unreachable,
        (_, ended) => ended,
    }
}

/// Says which targets do not answer, once. They are tried again, and recorded as soon as they do.
async fn tell_silent(moments: watch::Receiver<Option<Arc<Moment>>>) {
    let Some(moment) = start::settled_among(moments, start::PATIENCE).await else { return };
    for target in moment.targets.iter().filter(|target| target.state != TargetState::Live) {
        note(&start::failure_lines(target));
    }
}

fn begun(running: &Running, status: &RecordStatus, redaction: Redaction) -> String {
    let kept = match redaction {
        Redaction::Literals => "values in statements are replaced by ?",
        Redaction::Queries => "statements are left out",
        Redaction::None => "WITH statements as they are, and the values in them",
    };
    let again = if status.frames > 0 { ", which goes on" } else { "" };
    format!("recording {} into {}{again} ({kept}); Ctrl-C ends it", running.name, status.path.display())
}

fn done(status: &RecordStatus) -> String {
    let (path, frames) = (status.path.display(), count(status.frames, "frame"));
    let lost = match status.lost {
        0 => String::new(),
        lost => format!(", {} lost because the disk was too slow", count(lost, "frame")),
    };
    let stopped = match &status.phase {
        RecordPhase::Stopped(reason) => format!("\nrecording stopped: {reason}"),
        RecordPhase::Running | RecordPhase::Finished => String::new(),
    };
    format!("{path}: {frames}, {:.1} MB{lost}{stopped}", status.bytes as f64 / 1e6)
}
