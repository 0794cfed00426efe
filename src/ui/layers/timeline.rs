//! What happened, newest first: findings, operations and what came of them, events. Enter goes to that moment.

use std::cmp::Ordering;

use ratatui::text::Span;

use super::sheet::{Known, Listing};
use crate::model::event::{Event, EventKind};
use crate::model::operation::{OperationReport, Outcome, VictimOutcome};
use crate::model::target::{TargetError, TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;
use crate::model::track::{Mark, MarkKind};
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::state::travel::gravity;
use crate::ui::theme::Meaning;
use crate::ui::view::connections::one_line;
use crate::ui::widgets::table::{Cell, Column};

/// The timeline of a profile.
#[derive(Debug)]
pub struct Timeline;

/// Something that happened.
#[derive(Debug)]
pub struct Row {
    at: Timestamp,
    time: String,
    what: What,
    target: Option<TargetName>,
    text: String,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// As the past keeps it.
    Mark(MarkKind),
    /// What came of an operation for one session.
    Outcome(Outcome),
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When.
    Time,
    /// How grave it is, as a sign.
    Sign,
    /// Where.
    Target,
    /// What.
    Text,
}

impl Listing for Timeline {
    type Row = Row;
    type Field = Field;
    type Source<'a> = Known<'a>;

    const TITLE: &'static str = "Timeline";
    const COLUMNS: &'static [Column<Field>] = &[
        Column::text(Field::Sign, "", (1, 1), 95),
        Column::text(Field::Time, "time", (8, 14), 100),
        Column::text(Field::Target, "target", (6, 16), 20),
        Column::text(Field::Text, "what happened", (20, 400), 90),
    ];
    const SORTS: &'static [(Field, bool)] = &[(Field::Time, true), (Field::Sign, true)];

    fn rows(known: &Known<'_>) -> Vec<Row> {
        let marks = known.track.map_or(&[][..], |track| &track.marks);
        let events = &known.newest.events;
        let mut rows: Vec<Row> = marks.iter().map(|mark| marked(mark, events, known)).collect();
        // Events stand in the track too, once there is one that reaches so far.
        let told = |event: &&Event| {
            marks.iter().any(|mark| mark.at == event.at && mark.kind == MarkKind::Event(event.kind))
        };
        rows.extend(events.iter().filter(|event| !told(event)).map(|event| happened(event, known)));
        rows.extend(known.reports.iter().flat_map(|(at, report)| outcomes(*at, report, known)));
        rows
    }

    fn heads(known: &Known<'_>) -> Vec<String> {
        known.moment.targets.iter().flat_map(trouble).collect()
    }

    fn empty(_: &Known<'_>) -> String {
        "Nothing happened since pooltop began to watch.".to_owned()
    }

    fn key(row: &Row) -> String {
        format!("{} {}", row.at, row.text)
    }

    fn compare(left: &Row, right: &Row, field: Field) -> Ordering {
        let of = |row: &Row| match row.what {
            What::Mark(kind) => gravity(kind),
            What::Outcome(_) => gravity(MarkKind::Operation),
        };
        match field {
            Field::Sign => of(left).cmp(&of(right)).then(left.at.cmp(&right.at)),
            Field::Target => left.target.cmp(&right.target),
            Field::Text => left.text.cmp(&right.text),
            Field::Time => left.at.cmp(&right.at),
        }
    }

    fn cell<'r>(row: &'r Row, field: Field, paint: &Paint<'_>) -> Cell<'r> {
        let (sign, look) = match row.what {
            What::Mark(MarkKind::Finding(severity)) => paint.severity(severity),
            What::Mark(MarkKind::Operation) => (paint.glyphs.operation, Meaning::Text),
            What::Mark(MarkKind::Event(kind)) => (paint.glyphs.event, event_look(kind)),
            What::Outcome(outcome) => (paint.glyphs.operation, look(outcome)),
        };
        match field {
            Field::Time => Cell::muted(row.time.as_str()),
            Field::Sign => Cell::of(sign, look),
            Field::Target => Cell::of(row.target.as_deref().unwrap_or_default(), Meaning::Accent),
            Field::Text => Cell::of(row.text.as_str(), look),
        }
    }

    fn text(row: &Row) -> String {
        let target = row.target.as_ref().map(|target| format!(" {target}:")).unwrap_or_default();
        let word = match row.what {
            What::Mark(MarkKind::Finding(severity)) => format!("{} finding: ", severity.as_str()),
            _ => String::new(),
        };
        format!("{}{target} {word}{}", row.time, row.text)
    }

    fn time(row: &Row) -> Option<Timestamp> {
        Some(row.at)
    }
}

fn row(at: Timestamp, what: What, target: Option<&TargetName>, text: &str, known: &Known<'_>) -> Row {
    let time = format::time_on(at, known.newest.at, known.zone);
    Row { at, time, what, target: target.cloned(), text: one_line(text) }
}

/// A mark. Which target an event was about stands with the event.
fn marked(mark: &Mark, events: &[Event], known: &Known<'_>) -> Row {
    let same = |event: &&Event| event.at == mark.at && MarkKind::Event(event.kind) == mark.kind;
    match events.iter().find(same) {
        Some(event) => happened(event, known),
        None => row(mark.at, What::Mark(mark.kind), None, &mark.text, known),
    }
}

fn happened(event: &Event, known: &Known<'_>) -> Row {
    row(event.at, What::Mark(MarkKind::Event(event.kind)), Some(&event.target), &event.text, known)
}

/// An event without its target.
pub fn event(event: &Event, paint: &Paint<'_>) -> Vec<Span<'static>> {
    vec![
        paint.span(format!("{}  ", format::time(event.at, paint.zone)), Meaning::Muted),
        paint.span(one_line(&event.text), event_look(event.kind)),
    ]
}

/// What came of an operation, session by session. What went well stands in the past already, all of it in one mark.
fn outcomes(at: Timestamp, report: &OperationReport, known: &Known<'_>) -> Vec<Row> {
    let settled = if report.settled { "" } else { ", watching whether it goes" };
    let text = |outcome: &VictimOutcome| {
        let VictimOutcome { id, outcome, message } = outcome;
        format!("{} {id}: {}, {message}{settled}", report.kind, outcome.as_str())
    };
    let outcome =
        |one: &VictimOutcome| row(at, What::Outcome(one.outcome), Some(&report.target), &text(one), known);
    let told = |one: &&VictimOutcome| known.track.is_none() || !one.outcome.is_success();
    report.outcomes.iter().filter(told).map(outcome).collect()
}

/// The words of a target that is not live, in full.
fn trouble(target: &TargetStatus) -> Vec<String> {
    let Some(error) = target.error.as_ref().filter(|_| target.state != TargetState::Live) else {
        return Vec::new();
    };
    std::iter::once(said(&target.name, error)).chain(error.hint.iter().map(ToString::to_string)).collect()
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
