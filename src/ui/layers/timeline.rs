//! What happened, newest first; above it what came of the last operations, session by session.

use ratatui::text::{Line, Span};

use crate::analysis::Moment;
use crate::model::event::{Event, EventKind};
use crate::model::operation::{OperationReport, Outcome};
use crate::model::target::{TargetError, TargetState, TargetStatus};
use crate::ui::format;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::one_line;

/// The lines of the timeline.
pub fn lines(
    moment: &Moment,
    reports: &[OperationReport],
    width: u16,
    paint: &Paint<'_>,
) -> Vec<Line<'static>> {
    let mut lines: Vec<_> = reports.iter().rev().flat_map(|report| operation(report, paint)).collect();
    for target in &moment.targets {
        lines.extend(trouble(target, width, paint));
    }
    for happened in moment.events.iter().rev() {
        let mut line = event(happened, paint);
        line.insert(1, paint.span(format!("{:<12} ", &*happened.target), Meaning::Accent));
        lines.push(Line::from(line));
    }
    if lines.is_empty() {
        lines.push(Line::from(paint.span("Nothing happened since pooltop began to watch.", Meaning::Muted)));
    }
    lines
}

/// An event without its target.
pub fn event(event: &Event, paint: &Paint<'_>) -> Vec<Span<'static>> {
    vec![
        paint.span(format!("{}  ", format::time(event.at, paint.zone)), Meaning::Muted),
        paint.span(one_line(&event.text), event_look(event.kind)),
    ]
}

fn operation(report: &OperationReport, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let settled = if report.settled { "" } else { ", watching whether they go" };
    let head = format!("{} on {}: {}{settled}", report.kind, report.target, summary(report));
    let mut lines = vec![Line::from(paint.span(head, Meaning::Title))];
    for outcome in &report.outcomes {
        lines.push(Line::from(vec![
            paint.span(format!("  {:>7}  ", outcome.id), Meaning::Text),
            paint.span(format!("{:<12}", outcome.outcome.as_str()), look(outcome.outcome)),
            paint.span(outcome.message.to_string(), Meaning::Muted),
        ]));
    }
    lines.push(Line::default());
    lines
}

/// The words of a target that is not live, in full.
fn trouble(target: &TargetStatus, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let Some(error) = target.error.as_ref().filter(|_| target.state != TargetState::Live) else {
        return Vec::new();
    };
    let mut lines: Vec<_> = wrap(&said(&target.name, error), width.into())
        .into_iter()
        .map(|line| Line::from(paint.span(line, Meaning::Danger)))
        .collect();
    for line in error.hint.iter().flat_map(|hint| wrap(hint, width.into())) {
        lines.push(Line::from(paint.span(line, Meaning::Accent)));
    }
    lines.push(Line::default());
    lines
}

/// The server's own words, with its SQLSTATE once.
pub fn said(name: &str, error: &TargetError) -> String {
    match &error.code {
        Some(code) if !error.message.contains(&**code) => format!("{name}: {} ({code})", error.message),
        _ => format!("{name}: {}", error.message),
    }
}

fn event_look(kind: EventKind) -> Meaning {
    match kind {
        EventKind::Restart | EventKind::Failover | EventKind::Lost => Meaning::Danger,
        EventKind::Gap | EventKind::ClockJump | EventKind::Jump | EventKind::Deadlock => Meaning::Warning,
        EventKind::Connected | EventKind::Operation | EventKind::Setting | EventKind::Recovered => {
            Meaning::Text
        }
    }
}

fn look(outcome: Outcome) -> Meaning {
    match outcome {
        Outcome::Signalled | Outcome::Ended => Meaning::Good,
        Outcome::Gone | Outcome::Changed => Meaning::Notice,
        Outcome::Denied | Outcome::Refused | Outcome::Unconfirmed => Meaning::Warning,
    }
}

/// `3 ended, 1 changed`.
pub fn summary(report: &OperationReport) -> String {
    const ORDER: [Outcome; 7] = [
        Outcome::Ended,
        Outcome::Signalled,
        Outcome::Unconfirmed,
        Outcome::Gone,
        Outcome::Changed,
        Outcome::Denied,
        Outcome::Refused,
    ];
    let count = |outcome| report.outcomes.iter().filter(|row| row.outcome == outcome).count();
    let parts = ORDER.into_iter().map(|outcome| (count(outcome), outcome)).filter(|(count, _)| *count > 0);
    parts.map(|(count, outcome)| format!("{count} {}", outcome.as_str())).collect::<Vec<_>>().join(", ")
}
