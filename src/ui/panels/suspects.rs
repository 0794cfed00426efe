//! Leak suspects with their evidence, and what else was found.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::analysis::Moment;
use crate::model::finding::Finding;
use crate::ui::format;
use crate::ui::paint::{Paint, put, put_line};
use crate::ui::panels::Frame;
use crate::ui::state::suspects::Suspects;
use crate::ui::theme::Meaning;
use crate::ui::view::suspects;

/// Draws the finding under the cursor with its evidence, and one line for each of the others as far as they fit.
pub fn draw(
    (list, moment): (&Suspects, &Moment),
    frame: &Frame,
    paint: &Paint<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let inner = if frame.bordered {
        paint.frame(area, buf, frame.focused, (title(moment, paint), Line::default()))
    } else {
        area
    };
    if list.rows.is_empty() {
        frame.draw_empty(paint, inner, buf);
        return;
    }
    let lines = lines(list, moment, paint);
    let (start, length) = block(list, &lines);
    let height = usize::from(inner.height);
    let offset = (start + length).saturating_sub(height).min(start);
    for ((_, line, at), y) in lines.iter().skip(offset).zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        put_line(buf, row, line);
        if *at {
            if frame.focused {
                buf.set_style(row, paint.style(Meaning::Selected));
            }
            put(
                buf,
                Rect { width: 1, ..row },
                paint.glyphs.cursor,
                paint.style(Meaning::Focus),
                paint.glyphs,
            );
        }
    }
}

/// Lines with the finding they belong to, and whether the cursor is on them.
fn lines<'t>(list: &Suspects, moment: &'t Moment, paint: &Paint<'_>) -> Vec<(usize, Line<'t>, bool)> {
    let mut lines = Vec::new();
    for (place, index) in list.rows.iter().enumerate() {
        let Some(finding) = moment.findings.get(*index) else { continue };
        let here = place == list.at;
        lines.push((place, head(finding, moment, paint), here));
        if here {
            for evidence in finding.evidence.iter().chain(&finding.alternative) {
                lines.push((place, detail(evidence), false));
            }
            if let Some(suggestion) = &finding.suggestion {
                lines.push((
                    place,
                    Line::from(paint.span(format!("     {suggestion}"), Meaning::Accent)),
                    false,
                ));
            }
        }
    }
    lines
}

/// First line and number of lines of the finding under the cursor.
fn block(list: &Suspects, lines: &[(usize, Line<'_>, bool)]) -> (usize, usize) {
    let start = lines.iter().position(|(place, ..)| *place == list.at).unwrap_or(0);
    (start, lines.iter().filter(|(place, ..)| *place == list.at).count())
}

fn title<'t>(moment: &Moment, paint: &Paint<'_>) -> Line<'t> {
    let leaks = suspects::leaks(moment);
    let others = moment.findings.len() - leaks;
    let mut line = Line::from(vec![
        Span::raw(" "),
        paint.span("Leak suspects", Meaning::Title),
        paint.span(format!(" {leaks} "), if leaks > 0 { Meaning::Danger } else { Meaning::Muted }),
    ]);
    if others > 0 {
        line.push_span(paint.span(
            format!(
                "{} {others} other {} ",
                paint.glyphs.dot,
                if others == 1 { "finding" } else { "findings" }
            ),
            Meaning::Muted,
        ));
    }
    line
}

fn head<'t>(finding: &'t Finding, moment: &Moment, paint: &Paint<'_>) -> Line<'t> {
    let (sign, look) = paint.severity(finding.severity);
    let word = suspects::word(finding);
    let since = format::time(finding.since, paint.zone);
    let age = format::age(moment.at.age_of(finding.since));
    Line::from(vec![
        Span::raw("  "),
        paint.span(format!("{sign} {word}"), look),
        Span::raw(" ".repeat(9_usize.saturating_sub(word.len()))),
        paint.span(&*finding.title, Meaning::Text),
        paint.span(format!("  since {since} ({age})"), Meaning::Muted),
    ])
}

fn detail(text: &str) -> Line<'_> {
    Line::from(vec![Span::raw("     "), Span::raw(text)])
}
