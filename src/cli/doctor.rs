//! `pooltop doctor`: what can be reached and seen, and the statement or setting that helps where it cannot.

use std::fmt::Write as _;

use super::args::DoctorArgs;
use super::exit::{Exit, Failure};
use super::output::{data, note};
use super::profile::{Running, RunningTarget, Surroundings};
use crate::analysis::reference::errors::{self, ErrorRow};
use crate::analysis::reference::{RULES, filled};
use crate::model::own::OwnSessions;
use crate::source::app::AppOpener;
use crate::source::pgbouncer::PgbouncerOpener;
use crate::source::postgres::PostgresOpener;
use crate::source::probe::{Check, Health};
use crate::source::redis::RedisOpener;

/// Probes every target over a connection of its own. Exit 3 where none of them could be used.
pub async fn run(args: &DoctorArgs) -> anyhow::Result<Exit> {
    if let Some(message) = &args.explain {
        data(&explain(message)?)?;
        return Ok(Exit::Done);
    }
    let around = Surroundings::read(args.target.config.as_deref())?;
    let running = Running::resolve(&args.target, &around)?;
    for notice in &running.notices {
        note(notice);
    }
    let mut usable = 0;
    for target in &running.targets {
        let checks = probe(target).await;
        usable += usize::from(!checks.iter().any(|check| check.health == Health::Failed));
        data(&report(&target.name, &target.conninfo.endpoint(), &checks))?;
    }
    for app in &running.apps {
        let opener = AppOpener::new(app.name.clone(), app.endpoint.clone(), running.asks_every(app));
        let checks = opener.probe().await;
        usable += usize::from(!checks.iter().any(|check| check.health == Health::Failed));
        data(&report(&app.name, &app.endpoint.endpoint(), &checks))?;
    }
    Ok(if usable > 0 { Exit::Done } else { Exit::Unreachable })
}

fn explain(message: &str) -> Result<String, Failure> {
    let rows: Vec<String> = errors::explain(message).map(explained).collect();
    if rows.is_empty() {
        return Err(Failure::usage(
            "no message like this is known: give it as it was written, without what the application put around it, \
             or look into docs/findings.md",
        ));
    }
    Ok(rows.concat())
}

/// Who says it and what it means; below it the findings that explain it, and what to do.
fn explained(row: &ErrorRow) -> String {
    let code = row.code.map(|code| format!(" ({code})")).unwrap_or_default();
    let mut out = format!("{}{code}: {}\n", row.from, row.means);
    for about in row.rules.iter().filter_map(|rule| RULES.iter().find(|about| about.rule == *rule)) {
        let (name, means, remedy) = (about.rule.as_str(), filled(about.means), filled(about.remedy));
        let _ = writeln!(out, "  {name}  {means}\n      {remedy}");
    }
    out
}

async fn probe(target: &RunningTarget) -> Vec<Check> {
    let (name, conninfo) = (target.name.clone(), target.conninfo.clone());
    if target.console {
        PgbouncerOpener::new(name, conninfo).probe().await
    } else if conninfo.is_redis() {
        RedisOpener::new(name, conninfo).probe().await
    } else {
        PostgresOpener::new(name, conninfo, OwnSessions::default()).probe().await
    }
}

/// One line per check; below it what helps, ready to paste.
fn report(name: &str, endpoint: &str, checks: &[Check]) -> String {
    let mut out = if endpoint == name { format!("{endpoint}\n") } else { format!("{name}  {endpoint}\n") };
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or_default();
    for check in checks {
        let word = match check.health {
            Health::Good => "ok     ",
            Health::Limited => "limited",
            Health::Failed => "FAILED ",
        };
        let _ = writeln!(out, "  {word}  {:<width$}  {}", check.what, check.found);
        for fix in check.fix.iter().flat_map(|fix| lines(check.health, fix)) {
            let _ = writeln!(out, "           {:<width$}    {fix}", "");
        }
    }
    out
}

/// Several statements stand on lines of their own; what to try after a failure is one sentence.
fn lines(health: Health, fix: &str) -> Vec<&str> {
    if health == Health::Failed { vec![fix] } else { fix.split("; ").collect() }
}
