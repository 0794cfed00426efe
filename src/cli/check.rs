//! `pooltop check`: one line and an exit code, for systems that run checks.

use std::time::Duration;

use super::args::CheckArgs;
use super::dashboard::Signals;
use super::exit::Exit;
use super::output::{self, note};
use super::profile::{Running, Surroundings};
use super::serve::{Moments, Monitors};
use super::start;
use crate::export::plugin::{Checked, Report, Standing, check};
use crate::model::clock::Clock;

/// Checks once; with `--every`, until a signal or until nobody reads.
pub async fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let mut fleet = Running::resolve_all(&args.target, &around)?;
    for running in &mut fleet {
        running.adjust(args.interval, true)?;
        running.notices.iter().for_each(|notice| note(notice));
    }
    let (audit, clock) = (start::audit(&around), Clock::real());
    let mut monitors = Monitors::start(&fleet, &audit, &clock);
    let (moments, mut signals) = (monitors.moments(), Signals::listen()?);
    let mut exit = Exit::Unreachable;
    let mut due = Some(args.window);
    while let Some(window) = due {
        tokio::select! {
            () = watched(&moments, window, &clock) => {}
            number = signals.next() => {
                return Ok(if args.every.is_some() { exit } else { Exit::Signal(number) });
            }
            why = monitors.failed() => {
                note(&format!("pooltop: {why}"));
                return Ok(Exit::Panic);
            }
        }
        let report = report(&fleet, &moments);
        exit = exit_of(report.standing);
        let further = if args.every.is_none() { &report.further[..] } else { &[] };
        let lines: Vec<&str> = std::iter::once(&report.line).chain(further).map(String::as_str).collect();
        let is_read = output::is_taken(&(lines.join("\n") + "\n"));
        due = args.every.filter(|_| is_read);
    }
    Ok(exit)
}

/// Until every target has answered or failed to, and for so long at least.
async fn watched(moments: &[Moments], window: Duration, clock: &Clock) {
    let began = clock.monotonic();
    let patience = window.max(start::PATIENCE);
    let settled = moments.iter().map(|moments| start::settled_among(moments.clone(), patience));
    futures_util::future::join_all(settled).await;
    let left = window.saturating_sub(clock.monotonic().saturating_sub(began));
    tokio::time::sleep(left).await;
}

fn report(fleet: &[Running], moments: &[Moments]) -> Report {
    let moments: Vec<_> = moments.iter().map(|moments| moments.borrow().clone()).collect();
    let checked = fleet.iter().zip(&moments).map(|(running, moment)| Checked {
        profile: running.name.clone(),
        moment: moment.as_deref(),
        thresholds: running.settings().thresholds,
    });
    check(&checked.collect::<Vec<_>>())
}

fn exit_of(standing: Standing) -> Exit {
    match standing {
        Standing::Ok => Exit::Done,
        Standing::Warning => Exit::Warning,
        Standing::Critical => Exit::Critical,
        Standing::Unknown => Exit::Unreachable,
    }
}
