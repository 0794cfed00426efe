//! `pooltop terminate` and `pooltop cancel`: the same guards and the same audit as on the screen, without one.

use std::fmt::Write as _;
use std::sync::Arc;

use super::args::OperationArgs;
use super::exit::{Exit, Failure};
use super::output::{data, note};
use super::profile::{Running, Surroundings};
use super::start;
use crate::analysis::Moment;
use crate::analysis::moment::ServerView;
use crate::control::confirm::{Access, Answer, AnswerError, Question};
use crate::control::select::{NoSelector, Selector, select};
use crate::model::backend::{Backend, State};
use crate::model::clock::Clock;
use crate::model::operation::{Aim, Operation, OperationKind, OperationReport};
use crate::model::target::TargetName;
use crate::monitor::Monitor;
use crate::text::span;

/// Runs the command on every PostgreSQL target of the profile.
pub async fn run(kind: OperationKind, args: &OperationArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let running = prepare(args, &around)?;
    let clock = Clock::real();
    let mut monitor = Monitor::start(start::plan(&running, &start::audit(&around), &clock), None);
    let moment = start::settled(&monitor, start::PATIENCE).await;
    let Some(moment) = moment.filter(|moment| moment.servers.iter().any(Option::is_some)) else {
        return Err(no_answer(&monitor).into());
    };
    for target in moment.targets.iter().filter(|target| target.error.is_some()) {
        note(&start::failure_lines(target));
    }
    let mut exit = Exit::Done;
    for (index, server) in moment.servers.iter().enumerate() {
        let Some(server) = server else { continue };
        let chosen = choose(kind, args, &running, (&moment, index, server))?;
        let Some(question) = chosen else { continue };
        if act(args, question, &mut monitor).await? == Exit::Incomplete {
            exit = Exit::Incomplete;
        }
    }
    Ok(exit)
}

/// The profile with the overrides of the command line; everything that needs no server is checked here.
fn prepare(args: &OperationArgs, around: &Surroundings) -> anyhow::Result<Running> {
    let mut running = Running::resolve(&args.target, around)?;
    if running.targets.iter().all(|target| target.console || target.conninfo.is_redis()) {
        let text = "sessions are signalled on a PostgreSQL server: name one, other targets cannot do it";
        return Err(Failure::usage(text).into());
    }
    if select(&[], Clock::real().now(), &selector(args)).is_err() {
        return Err(Failure::usage(NoSelector.to_string()).into());
    }
    if let Some(limit) = args.limit {
        running.policy.bulk_limit = limit.get();
    }
    if args.yes && running.policy.access == Access::ConfirmName && args.confirm.is_none() {
        return Err(
            Failure::usage(format!("this profile wants its name: add --confirm {}", running.name)).into()
        );
    }
    for notice in &running.notices {
        note(notice);
    }
    Ok(running)
}

fn selector(args: &OperationArgs) -> Selector {
    Selector {
        pids: args.pid.clone(),
        idle_in_transaction_for: args.idle_in_transaction_for,
        application: args.application.clone(),
        user: args.user.clone(),
        database: args.database.clone(),
        client: args.client.clone(),
        allow_active: args.allow_active,
        // The bulk limit is applied by the question, after those that are left alone.
        limit: None,
    }
}

fn no_answer(monitor: &Monitor) -> Failure {
    let moment = monitor.moments().borrow().clone();
    let lines = moment.iter().flat_map(|moment| &moment.targets).map(start::failure_lines);
    Failure::unreachable(lines.collect::<Vec<_>>().join("\n"))
}

/// The question about the sessions of one target that the selectors name; `None` where there are none.
fn choose(
    kind: OperationKind,
    args: &OperationArgs,
    running: &Running,
    (moment, index, server): (&Moment, usize, &ServerView),
) -> anyhow::Result<Option<Question>> {
    let rows: Vec<Arc<Backend>> = moment
        .backends
        .iter()
        .filter(|row| row.target == index)
        .map(|row| Arc::clone(&row.backend))
        .collect();
    let selection = select(&rows, server.at, &selector(args))?;
    let target = moment.targets[index].name.clone();
    for pid in &selection.unknown_pids {
        note(&format!("{target}: no client backend has pid {pid}"));
    }
    for backend in &selection.active {
        note(&format!("{target}: {} {}", backend.pid(), why_left_alone(backend)));
    }
    if selection.victims.is_empty() {
        note(&format!("{target}: no session matches"));
        return Ok(None);
    }
    let reason = Some("chosen on the command line".into());
    let aim = Aim::Sessions { identity: server.identity.clone(), victims: selection.victims };
    let operation = Operation { kind, target: target.clone(), aim, reason };
    let question = Question::new(operation, &running.policy, &crate::ui::surroundings(moment, index))?;
    data(&listing(&target, &question, server))?;
    Ok(Some(question))
}

/// Why a session that the selectors match is not asked about.
fn why_left_alone(backend: &Backend) -> String {
    match backend.state {
        State::Unknown => {
            "is left alone: its state is hidden from this role, which GRANT pg_monitor would show".into()
        }
        ref state => format!("is {} and left alone; --pid or --allow-active takes it", state.as_str()),
    }
}

/// The exact targets, those that are left alone with the reason, and what to know before.
fn listing(target: &TargetName, question: &Question, server: &ServerView) -> String {
    let mut out = match question.asked().len() {
        0 => format!("{target}: nothing to {}\n", question.kind()),
        many => format!("{target}: {} {}\n", question.kind(), span::count(many as u64, "session")),
    };
    let age = |since: Option<_>| since.map_or("?".into(), |since| span::span(server.at.age_of(since)));
    for asked in question.asked() {
        let seen = &asked.victim.seen;
        let session = &seen.session;
        let _ = writeln!(
            out,
            "  {:>8}  {:<24} {:<16} {:<30} {:>8}  {}",
            seen.pid(),
            session.application_name,
            session.user,
            seen.state.as_str(),
            age(seen.state_change),
            session.client
        );
        for warning in &asked.warnings {
            let _ = writeln!(out, "            {warning}");
        }
    }
    for left in question.left_out() {
        let _ = writeln!(out, "  {:>8}  left alone: {}", left.victim.id().pid, left.why);
    }
    for warning in question.warnings() {
        let _ = writeln!(out, "  {warning}");
    }
    out
}

async fn act(args: &OperationArgs, mut question: Question, monitor: &mut Monitor) -> anyhow::Result<Exit> {
    if question.asked().is_empty() {
        return Ok(if args.yes { Exit::Incomplete } else { Exit::Done });
    }
    if !args.yes {
        let report = monitor.rehearse(&question.operation()).await;
        data(&outcomes(report.as_ref()))?;
        note("dry run: nothing was sent; --yes acts");
        return Ok(Exit::Done);
    }
    let answer = args.confirm.clone().map_or(Answer::Yes, Answer::Name);
    let confirmed =
        question.answer(&answer).map_err(|error: AnswerError| Failure::usage(error.to_string()))?;
    let Some(confirmed) = confirmed else { return Ok(Exit::Incomplete) };
    let mut reports = monitor.execute(confirmed);
    let mut last = None;
    while let Some(report) = reports.recv().await {
        last = Some(report);
    }
    data(&outcomes(last.as_ref()))?;
    let all = last.is_some_and(|report| report.outcomes.iter().all(|outcome| outcome.outcome.is_success()));
    Ok(if all { Exit::Done } else { Exit::Incomplete })
}

/// One line per session: the outcome's name, and what it means where that says more.
fn outcomes(report: Option<&OperationReport>) -> String {
    let Some(report) = report else { return String::from("nothing can be sent: the profile is read-only\n") };
    let mut out = String::new();
    for outcome in &report.outcomes {
        let (id, word, message) = (&outcome.id, outcome.outcome.as_str(), &outcome.message);
        // A rehearsal's "would be signalled" and a plain "signalled" need no second word beside them.
        let line = if message.strip_prefix("would be ").unwrap_or(message) == word {
            message.to_string()
        } else {
            format!("{word}: {message}")
        };
        let _ = writeln!(out, "  {id:>8}  {line}");
    }
    out
}
