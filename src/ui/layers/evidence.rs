//! A finding with all of its evidence and the connections that it names; of a leak also its pool over time.

use ratatui::text::{Line, Span};

use crate::analysis::Moment;
use crate::analysis::moment::PoolRow;
use crate::model::finding::Finding;
use crate::model::leak::{LeakConnection, LeakTimeline, LeakView};
use crate::text::Text;
use crate::ui::format;
use crate::ui::layers::timeline;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::{one_line, state_meaning};
use crate::ui::view::suspects::{leak, members, word};
use crate::ui::widgets::sparkline;

/// Cells of a label left of a curve.
const LABEL: u16 = 12;
/// Cells of the points left of a piece of evidence.
const POINTS: usize = 11;

/// The lines for a finding, or for one that no longer holds.
pub fn lines(
    moment: &Moment,
    finding: Option<&Finding>,
    width: u16,
    paint: &Paint<'_>,
) -> Vec<Line<'static>> {
    let Some(finding) = finding else {
        return vec![Line::from(paint.span("This finding no longer holds.", Meaning::Good))];
    };
    let mut page = Writer { lines: head(moment, finding, paint), width, paint };
    let leak = leak(moment, finding);
    match leak {
        Some((_, view)) => page.weighed(view),
        None => {
            page.section("evidence", &mut finding.evidence.iter(), Meaning::Text);
            page.section("also explained by", &mut finding.alternative.iter(), Meaning::Text);
        }
    }
    page.section("what to do", &mut finding.suggestion.iter(), Meaning::Accent);
    // What the finding itself says to do is not said twice.
    let more = moment.recommendations.iter().filter(|advice| {
        advice.pool == finding.pool_name && Some(&advice.suggestion) != finding.suggestion.as_ref()
    });
    for advice in more {
        let texts = [&advice.issue, &advice.suggestion];
        page.section("recommendation", &mut texts.into_iter().chain(&advice.formula), Meaning::Text);
    }
    match leak {
        Some((row, view)) => {
            page.curves(&view.timeline);
            page.events(moment, row);
            page.stranded(view);
        }
        None => page.connections(moment, finding),
    }
    page.lines
}

fn head(moment: &Moment, finding: &Finding, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let (sign, look) = paint.severity(finding.severity);
    let title = Line::from(vec![
        paint.span(format!("{sign} {} ", word(finding)), look),
        paint.span(finding.title.to_string(), Meaning::Title),
    ]);
    let since = format!(
        "{} {dot} since {} ({}) {dot} {}",
        finding.rule.as_str(),
        format::time(finding.since, paint.zone),
        format::age(moment.at.age_of(finding.since)),
        finding.target,
        dot = paint.glyphs.dot,
    );
    vec![title, Line::from(paint.span(since, Meaning::Muted))]
}

struct Writer<'a> {
    lines: Vec<Line<'static>>,
    width: u16,
    paint: &'a Paint<'a>,
}

impl Writer<'_> {
    fn heading(&mut self, head: String) {
        self.lines.push(Line::default());
        self.lines.push(Line::from(self.paint.span(head, Meaning::Muted)));
    }

    fn indented(&mut self, text: &str, look: Meaning) {
        self.labelled("", 2, text, look);
    }

    /// A text behind a label; its further lines stand below its first.
    fn labelled(&mut self, label: &str, indent: usize, text: &str, look: Meaning) {
        for (index, line) in
            wrap(text, usize::from(self.width).saturating_sub(indent)).into_iter().enumerate()
        {
            let label = if index == 0 { label } else { "" };
            let label = self.paint.span(format!("{label:<indent$}"), Meaning::Muted);
            self.lines.push(Line::from(vec![label, self.paint.span(line, look)]));
        }
    }

    fn section(&mut self, head: &str, texts: &mut dyn Iterator<Item = &Text>, look: Meaning) {
        for (index, text) in texts.enumerate() {
            if index == 0 {
                self.heading(head.to_owned());
            }
            self.indented(text, look);
        }
    }

    /// What speaks for a leak, with what each piece of evidence adds to the score, and what else explains it.
    fn weighed(&mut self, view: &LeakView) {
        let library = view.library.map(|library| format!(", opened by {}", library.as_str()));
        self.heading(format!("evidence: score {} of 100{}", view.score, library.unwrap_or_default()));
        for evidence in &view.evidence {
            let points = format!("  +{:.0} {}", evidence.points, evidence.kind.number());
            for (index, sentence) in evidence.sentences.iter().enumerate() {
                self.labelled(if index == 0 { &points } else { "" }, POINTS, sentence, Meaning::Text);
            }
            let other = format!("also explained by: {}", evidence.alternative);
            self.labelled("", POINTS, &other, Meaning::Muted);
        }
    }

    /// Size, stranded connections and births over time.
    fn curves(&mut self, timeline: &LeakTimeline) {
        let span = timeline.bucket_s * timeline.size.len() as f64;
        self.heading(format!("the pool in the last {}", format::seconds(span)));
        let top = |values: &[Option<u32>]| values.iter().flatten().max().copied().unwrap_or(0);
        // Size and stranded share a scale, so that the one is seen to eat the other.
        let size = top(&timeline.size);
        for (label, values, top, look) in [
            ("open", &timeline.size, size, Meaning::Accent),
            ("stranded", &timeline.stranded, size, Meaning::Danger),
            ("opened", &timeline.opened, top(&timeline.opened), Meaning::Notice),
        ] {
            let room = self.width.saturating_sub(LABEL + 8);
            let mut line = Line::from(self.paint.span(format!("  {label:<10}"), Meaning::Muted));
            line.extend(sparkline::spans(values, room, top, look, self.paint));
            let now = values.last().copied().flatten();
            let now = now.map_or(self.paint.glyphs.unknown.to_owned(), |now| now.to_string());
            line.push_span(self.paint.span(format!(" {now:>5}"), Meaning::Text));
            self.lines.push(line);
        }
    }

    /// What happened on the pool's server in that time: jumps, restarts, recoveries, operations.
    fn events(&mut self, moment: &Moment, row: &PoolRow) {
        let target = moment.targets.get(row.target).map(|target| &target.name);
        let events: Vec<_> =
            moment.events.iter().rev().filter(|event| Some(&event.target) == target).take(8).collect();
        for (index, event) in events.into_iter().enumerate() {
            if index == 0 {
                self.heading("what happened there".to_owned());
            }
            let mut line = Line::from(Span::raw("  "));
            line.extend(timeline::event(event, self.paint));
            self.lines.push(line);
        }
    }

    fn stranded(&mut self, view: &LeakView) {
        if view.connections.is_empty() {
            return;
        }
        self.heading(format!("connections ({}); m marks them in the list", view.count));
        for connection in &view.connections {
            self.connection(connection);
        }
    }

    fn connection(&mut self, connection: &LeakConnection) {
        let age = connection.age_s.map(format::seconds).unwrap_or_default();
        let born = match connection.witnesses {
            0 => String::new(),
            opened => format!("{opened} opened meanwhile  "),
        };
        let statement = connection.statement.as_deref().unwrap_or_default();
        self.lines.push(Line::from(vec![
            self.paint.span(format!("  {:>7}  ", connection.id.pid), Meaning::Text),
            self.paint
                .span(format!("{:<8} {age:>7}  ", connection.state.short()), state_meaning(connection.state)),
            self.paint.span(born, Meaning::Warning),
            self.paint.span(one_line(statement), Meaning::Muted),
        ]));
    }

    fn connections(&mut self, moment: &Moment, finding: &Finding) {
        let members = members(moment, finding);
        if members.is_empty() {
            return;
        }
        self.heading(format!("connections ({})", members.len()));
        for row in members.iter().filter_map(|index| moment.backends.get(*index)) {
            let backend = &row.backend;
            let age = backend.state_change.map(|since| format::age(moment.sampled_at(row).age_of(since)));
            let state = format!("{:<8} {:>7}  ", backend.state.short(), age.unwrap_or_default());
            self.lines.push(Line::from(vec![
                self.paint.span(format!("  {:>7}  ", backend.pid()), Meaning::Text),
                self.paint.span(state, state_meaning(backend.state)),
                self.paint.span(one_line(backend.query.as_deref().unwrap_or_default()), Meaning::Muted),
            ]));
        }
    }
}
