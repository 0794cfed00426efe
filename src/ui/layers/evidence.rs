//! A finding with all of its evidence and the connections that it names.

use ratatui::text::{Line, Span};

use crate::analysis::Moment;
use crate::model::finding::Finding;
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::{one_line, state_meaning};
use crate::ui::view::suspects::{members, word};

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
    let mut lines = head(moment, finding, paint);
    let mut section = |head: &'static str, texts: &mut dyn Iterator<Item = &Text>, look: Meaning| {
        for (index, text) in texts.enumerate() {
            if index == 0 {
                lines.push(Line::default());
                lines.push(Line::from(paint.span(head, Meaning::Muted)));
            }
            for line in wrap(text, usize::from(width.saturating_sub(2))) {
                lines.push(Line::from(vec![Span::raw("  "), paint.span(line, look)]));
            }
        }
    };
    section("evidence", &mut finding.evidence.iter(), Meaning::Text);
    section("also explained by", &mut finding.alternative.iter(), Meaning::Text);
    section("what to do", &mut finding.suggestion.iter(), Meaning::Accent);
    for advice in moment.recommendations.iter().filter(|advice| advice.pool == finding.pool_name) {
        let texts = [&advice.issue, &advice.suggestion];
        section("recommendation", &mut texts.into_iter().chain(&advice.formula), Meaning::Text);
    }
    connections(moment, finding, paint, &mut lines);
    lines
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

fn connections(moment: &Moment, finding: &Finding, paint: &Paint<'_>, lines: &mut Vec<Line<'static>>) {
    let members = members(moment, finding);
    if members.is_empty() {
        return;
    }
    lines.push(Line::default());
    lines.push(Line::from(paint.span(format!("connections ({})", members.len()), Meaning::Muted)));
    for row in members.iter().filter_map(|index| moment.backends.get(*index)) {
        let backend = &row.backend;
        let age = backend.state_change.map(|since| format::age(moment.sampled_at(row).age_of(since)));
        let state = format!("{:<8} {:>7}  ", backend.state.short(), age.unwrap_or_default());
        lines.push(Line::from(vec![
            paint.span(format!("  {:>7}  ", backend.pid()), Meaning::Text),
            paint.span(state, state_meaning(backend.state)),
            paint.span(one_line(backend.query.as_deref().unwrap_or_default()), Meaning::Muted),
        ]));
    }
}
