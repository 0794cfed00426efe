//! Profiles that are watched together, one line each, the worst first.

use std::cmp::Ordering;
use std::time::Duration;

use super::Listing;
use crate::analysis::Moment;
use crate::model::finding::Severity;
use crate::model::limit::Limit;
use crate::model::target::TargetState;
use crate::model::time::Timestamp;
use crate::model::verdict::VerdictKind;
use crate::ui::contract::FleetMember;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::panels::{limits, verdict};
use crate::ui::theme::Meaning;
use crate::ui::widgets::gauge::Gauge;
use crate::ui::widgets::table::{Cell, Column};

/// The profiles of a fleet.
#[derive(Debug)]
pub struct Profiles;

/// How the profiles stand at a time.
#[derive(Debug)]
pub struct Standing {
    /// All of them.
    pub members: Vec<FleetMember>,
    /// By this machine's clock, for ages.
    pub now: Timestamp,
}

/// One of them.
#[derive(Debug)]
pub struct Row {
    /// The profile.
    pub member: FleetMember,
    /// For ages.
    now: Timestamp,
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its name.
    Name,
    /// Its label.
    Label,
    /// The kind of the verdict.
    Verdict,
    /// The limit that is nearest to its ceiling: whose it is.
    Limit,
    /// What is used of it.
    Used,
    /// The same as a gauge.
    Gauge,
    /// Requests and clients that queue for a connection.
    Waiting,
    /// Findings by severity.
    Findings,
    /// Targets that are live, of all.
    Targets,
    /// The sentence of the verdict.
    Sentence,
    /// Age of the oldest data.
    Age,
}

impl Row {
    fn moment(&self) -> Option<&Moment> {
        self.member.moment.as_deref()
    }

    fn limit(&self) -> Option<&Limit> {
        self.moment()?.limits.first()
    }

    /// `None` where no pool knows who waits.
    fn waiting(&self) -> Option<u64> {
        let mut known = self.moment()?.pools.iter().filter_map(|row| row.pool.pending).peekable();
        known.peek()?;
        Some(known.map(u64::from).sum())
    }

    fn findings(&self, severity: Severity) -> usize {
        let findings = self.moment().map_or(&[][..], |moment| &moment.findings);
        findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Live targets, and all of them.
    fn live(&self) -> (usize, usize) {
        let targets = self.moment().map_or(&[][..], |moment| &moment.targets);
        (targets.iter().filter(|target| target.state == TargetState::Live).count(), targets.len())
    }

    /// The age of the oldest data, counted on since the moment was made.
    fn age(&self) -> Option<Duration> {
        let targets = &self.moment()?.targets;
        targets.iter().filter_map(|target| Some(target.age? + self.now.age_of(target.at))).max()
    }
}

/// How much a profile needs a look: what was never seen stands between what is unclear and what is well.
fn badness(kind: Option<VerdictKind>) -> u8 {
    match kind {
        Some(VerdictKind::Healthy) => 0,
        None => 1,
        Some(kind) => u8::MAX - kind as u8,
    }
}

const SEVERITIES: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Notice];

impl Listing for Profiles {
    type Row = Row;
    type Field = Field;
    type Source<'a> = Standing;

    const TITLE: &'static str = "Profiles";
    const COLUMNS: &'static [Column<Field>] = &[
        Column::text(Field::Name, "profile", (10, 24), 100),
        Column::text(Field::Label, "label", (10, 12), 75),
        Column::text(Field::Verdict, "verdict", (13, 13), 98),
        Column::number(Field::Findings, "found", 8, 85),
        Column::number(Field::Waiting, "waits", 6, 90),
        Column::number(Field::Used, "used", 9, 95),
        Column::text(Field::Gauge, "", (10, 20), 70),
        Column::text(Field::Limit, "nearest limit", (13, 20), 45),
        Column::number(Field::Targets, "targets", 7, 80),
        Column::number(Field::Age, "age", 6, 50),
        Column::text(Field::Sentence, "", (20, 400), 65),
    ];
    const SORTS: &'static [(Field, bool)] = &[
        (Field::Verdict, true),
        (Field::Used, true),
        (Field::Waiting, true),
        (Field::Findings, true),
        (Field::Targets, false),
        (Field::Age, true),
        (Field::Name, false),
    ];
    const ABOVE: u16 = 3;

    fn rows(source: &Standing) -> Vec<Row> {
        source.members.iter().map(|member| Row { member: member.clone(), now: source.now }).collect()
    }

    fn heads(_: &Standing) -> Vec<String> {
        Vec::new()
    }

    fn empty(_: &Standing) -> String {
        "Connecting. The list fills with what the profiles answer.".to_owned()
    }

    fn key(row: &Row) -> String {
        row.member.name.to_string()
    }

    fn compare(left: &Row, right: &Row, field: Field) -> Ordering {
        match field {
            Field::Name => left.member.name.cmp(&right.member.name),
            Field::Label => left.member.label.cmp(&right.member.label),
            Field::Verdict | Field::Sentence => {
                let rank = |row: &Row| {
                    (badness(row.moment().map(|moment| moment.verdict.kind)), row.member.production)
                };
                rank(left).cmp(&rank(right))
            }
            Field::Limit | Field::Used | Field::Gauge => {
                let share = |row: &Row| row.limit().and_then(Limit::utilization).unwrap_or(-1.0);
                share(left).total_cmp(&share(right))
            }
            Field::Waiting => left.waiting().cmp(&right.waiting()),
            Field::Findings => {
                let counts = |row: &Row| SEVERITIES.map(|severity| row.findings(severity));
                counts(left).cmp(&counts(right))
            }
            Field::Targets => {
                let away = |row: &Row| row.live().1 - row.live().0;
                away(right).cmp(&away(left))
            }
            // To the second: what is as old as the rest stays where it is.
            Field::Age => {
                let seconds = |row: &Row| row.age().map(|age| age.as_secs());
                seconds(left).cmp(&seconds(right))
            }
        }
    }

    fn cell<'r>(row: &'r Row, field: Field, paint: &Paint<'_>) -> Cell<'r> {
        match field {
            Field::Name => Cell::plain(&*row.member.name),
            Field::Label => label(&row.member),
            Field::Verdict => verdict_cell(row, paint),
            Field::Sentence => {
                let sentence = row.moment().map(|moment| &*moment.verdict.sentence);
                Cell::muted(sentence.unwrap_or_default())
            }
            Field::Findings => findings(row, paint),
            Field::Waiting => match row.waiting() {
                None => Cell::muted(paint.glyphs.unknown),
                Some(0) => Cell::muted("0"),
                Some(waiting) => Cell::of(format::count(waiting), Meaning::Queued),
            },
            Field::Used | Field::Gauge | Field::Limit => match row.limit() {
                Some(limit) => nearest(limit, field, paint),
                None => Cell::muted(if field == Field::Used { paint.glyphs.unknown } else { "" }),
            },
            Field::Targets => targets(row, paint),
            Field::Age => match row.age() {
                Some(age) if age.as_secs() == 0 => Cell::muted("0s"),
                Some(age) if age.as_secs() < 10 => Cell::muted(format!("{}s", age.as_secs())),
                Some(age) => Cell::muted(format::age(age)),
                None => Cell::muted(paint.glyphs.unknown),
            },
        }
    }

    fn text(row: &Row) -> String {
        let label = row.member.label.as_deref().unwrap_or_default();
        let production = if row.member.production { " production" } else { "" };
        let verdict = row.moment().map(|moment| &moment.verdict);
        let verdict = verdict.map(|verdict| format!("{}: {}", verdict.kind.as_str(), verdict.sentence));
        let verdict = verdict.unwrap_or_else(|| CONNECTING.to_owned());
        format!("{} {label}{production} {verdict}", row.member.name)
    }
}

/// The verdict of a profile of which nothing is known yet.
const CONNECTING: &str = "connecting";

fn label(member: &FleetMember) -> Cell<'_> {
    match (member.label.as_deref(), member.production) {
        (Some(label), true) => Cell::of(label, Meaning::Production),
        (Some(label), false) => Cell::of(label, Meaning::Accent),
        (None, true) => Cell::of("PRODUCTION", Meaning::Production),
        (None, false) => Cell::muted(""),
    }
}

fn verdict_cell<'r>(row: &'r Row, paint: &Paint<'_>) -> Cell<'r> {
    let Some(moment) = row.moment() else {
        return Cell::muted(format!("{} {CONNECTING}", paint.glyphs.stale));
    };
    let (sign, meaning) = verdict::look(moment.verdict.kind, paint);
    Cell::of(format!("{sign} {}", moment.verdict.kind.as_str()), meaning)
}

/// How many of each severity, the worst first.
fn findings<'r>(row: &'r Row, paint: &Paint<'_>) -> Cell<'r> {
    let counts = SEVERITIES.map(|severity| (row.findings(severity), paint.severity(severity)));
    let mut found = counts.into_iter().filter(|(count, _)| *count > 0).peekable();
    let Some((_, (_, look))) = found.peek().copied() else { return Cell::muted("") };
    let texts: Vec<String> = found.map(|(count, (sign, _))| format!("{count}{sign}")).collect();
    Cell::of(texts.join(" "), look)
}

fn nearest<'r>(limit: &Limit, field: Field, paint: &Paint<'_>) -> Cell<'r> {
    let meaning = limits::meaning(limit);
    match field {
        Field::Gauge => {
            Cell::Gauge(Gauge { used: limit.used, limit: limit.limit, reserved: limit.reserved, meaning })
        }
        Field::Limit => Cell::muted(limits::name(limit)),
        _ => {
            let used = format::of(limit.used, limit.usable(), paint.glyphs.unknown);
            Cell::of(used, if meaning == Meaning::Accent { Meaning::Text } else { meaning })
        }
    }
}

fn targets<'r>(row: &'r Row, paint: &Paint<'_>) -> Cell<'r> {
    let (live, all) = row.live();
    let states = row.moment().into_iter().flat_map(|moment| &moment.targets).map(|target| target.state);
    let (sign, meaning) = match states.max() {
        None => return Cell::muted(paint.glyphs.unknown),
        Some(TargetState::Live) => (paint.glyphs.live, Meaning::Good),
        Some(TargetState::Stale) => (paint.glyphs.stale, Meaning::Warning),
        Some(TargetState::Refused | TargetState::Down) => (paint.glyphs.down, Meaning::Danger),
    };
    Cell::of(format!("{live}/{all} {sign}"), meaning)
}
