//! The list of the profiles that are watched together, under the verdict of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::model::time::Timestamp;
use crate::ui::format;
use crate::ui::layers::sheet::AnySheet as _;
use crate::ui::paint::{Paint, cells, put, put_cut, put_line};
use crate::ui::panels::verdict;
use crate::ui::state::fleet::Fleet;
use crate::ui::theme::Meaning;

/// Draws it; returns where the terminal's cursor stands, if something is typed.
pub(super) fn draw(
    fleet: &Fleet,
    paint: &Paint<'_>,
    now: Timestamp,
    (area, buf): (Rect, &mut Buffer),
) -> Option<Position> {
    header(fleet, paint, now, (Rect { height: 1, ..area }, buf));
    let place = Rect { y: area.y + 1, height: 2, ..area }.intersection(area);
    match fleet.selected().and_then(|member| member.moment.as_ref()) {
        Some(moment) => verdict::draw(&moment.verdict, paint, place, buf),
        None => put(buf, place, " Connecting.", paint.style(Meaning::Muted), paint.glyphs),
    }
    fleet.sheet.draw(paint, area, buf)
}

/// How many profiles there are, how many of them are in trouble, and the time.
fn header(fleet: &Fleet, paint: &Paint<'_>, now: Timestamp, (area, buf): (Rect, &mut Buffer)) {
    let clock = Line::from(paint.span(format!("{} ", format::clock(now, paint.zone)), Meaning::Text));
    let room = area.width.saturating_sub(cells(&clock) + 1);
    put_line(
        buf,
        Rect { x: area.right().saturating_sub(cells(&clock)), width: cells(&clock).min(area.width), ..area },
        &clock,
    );
    let members = &fleet.standing.members;
    let mut line = Line::from(vec![
        Span::raw(" "),
        paint.span("fleet", Meaning::Title),
        paint.span(format!("  {} profiles", members.len()), Meaning::Muted),
    ]);
    let looks = members
        .iter()
        .map(|member| member.moment.as_ref().map(|moment| verdict::look(moment.verdict.kind, paint)));
    let looks: Vec<_> = looks.collect();
    for (meaning, word) in GROUPS {
        let mut in_it = looks.iter().flatten().filter(|(_, look)| look == meaning);
        if let Some((sign, look)) = in_it.next() {
            let many = in_it.count() + 1;
            line.push_span(Span::raw("   "));
            line.push_span(paint.span(format!("{sign} {many} {word}"), *look));
        }
    }
    let connecting = looks.iter().filter(|look| look.is_none()).count();
    if connecting > 0 {
        line.push_span(paint.span(format!("   {connecting} connecting"), Meaning::Muted));
    }
    put_cut(buf, Rect { width: room, ..area }, &line, paint);
}

/// What verdicts of one look have in common, the worst first.
const GROUPS: &[(Meaning, &str)] = &[
    (Meaning::Danger, "critical"),
    (Meaning::Warning, "to look at"),
    (Meaning::Notice, "unclear"),
    (Meaning::Good, "healthy"),
];
