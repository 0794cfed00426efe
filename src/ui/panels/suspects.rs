//! Leak suspects with their evidence, and what else was found.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::analysis::Moment;
use crate::model::finding::Finding;
use crate::model::leak::LeakView;
use crate::text::span::count;
use crate::text::width::width;
use crate::ui::format;
use crate::ui::paint::{Paint, put, put_cut, wrap};
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
    let lines = lines(list, moment, paint, inner);
    let (start, length) = block(list, &lines);
    let height = usize::from(inner.height);
    let offset = (start + length).saturating_sub(height).min(start);
    for ((_, line, at), y) in lines.iter().skip(offset).zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        put_cut(buf, row, line, paint);
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
fn lines<'t>(
    list: &Suspects,
    moment: &'t Moment,
    paint: &Paint<'_>,
    inner: Rect,
) -> Vec<(usize, Line<'t>, bool)> {
    let mut lines = Vec::new();
    let room = usize::from(inner.width);
    for (place, index) in list.rows.iter().enumerate() {
        let Some(finding) = moment.findings.get(*index) else { continue };
        let here = place == list.at;
        lines.push((place, head(finding, moment, room, paint), here));
        if here {
            let told =
                unfolded((finding, moment), room, evidence_rows(list.rows.len(), inner.height.into()), paint);
            lines.extend(told.into_iter().map(|line| (place, line, false)));
        }
    }
    lines
}

/// How many rows the evidence may take: all but its title and a third for the titles of the other findings.
fn evidence_rows(findings: usize, height: usize) -> usize {
    let others = findings.saturating_sub(1).min((height / 3).max(1));
    height.saturating_sub(1 + others)
}

/// The evidence, what else explains it and what to do, in at most `rows` rows; the last says how many are folded.
fn unfolded<'t>(
    (finding, moment): (&Finding, &Moment),
    room: usize,
    rows: usize,
    paint: &Paint<'_>,
) -> Vec<Line<'t>> {
    const INDENT: &str = "     ";
    let sizes = suspects::leak(moment, finding).map(|(_, leak)| (in_numbers(leak, paint), Meaning::Warning));
    let evidence = finding.evidence.iter().map(|text| (text.to_string(), Meaning::Text));
    let other = finding.alternative.iter();
    let other = other.map(|text| (format!("also explained by: {text}"), Meaning::Muted));
    let advice = finding.suggestion.iter().map(|text| (text.to_string(), Meaning::Accent));
    let texts = sizes.into_iter().chain(evidence).chain(other).chain(advice);
    let mut lines: Vec<Line<'_>> = texts
        .flat_map(|(text, look)| {
            let wrapped = wrap(&text, room.saturating_sub(INDENT.len() + 1));
            wrapped.into_iter().map(move |line| Line::from(paint.span(format!("{INDENT}{line}"), look)))
        })
        .collect();
    let folded = lines.len().saturating_sub(rows);
    lines.truncate(rows);
    if let Some(last) = lines.last_mut().filter(|_| folded > 0) {
        let more = format!(" {} {folded} more", paint.glyphs.dot);
        if last.width() + width(&more) <= room {
            last.push_span(paint.span(more, Meaning::Muted));
        }
    }
    lines
}

/// `14 connections · +4.0/min · full in ~3min · score 92`.
fn in_numbers(leak: &LeakView, paint: &Paint<'_>) -> String {
    let parts = [
        Some(count(u64::from(leak.count), "connection")),
        leak.growth_per_min.map(|growth| format!("+{growth:.1}/min")),
        leak.exhausted_in_s.map(|left| match left {
            left if left < 1.0 => "full".to_owned(),
            left => format!("full in {}", format::forecast(left)),
        }),
        Some(format!("score {} of 100", leak.score)),
        leak.library.map(|library| library.as_str().to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(&format!(" {} ", paint.glyphs.dot))
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

/// Sign, word and title; since when, as far as there is room.
fn head<'t>(finding: &'t Finding, moment: &Moment, room: usize, paint: &Paint<'_>) -> Line<'t> {
    let (sign, look) = paint.severity(finding.severity);
    let word = suspects::word(finding);
    let since = format::time(finding.since, paint.zone);
    let age = format::age(moment.at.age_of(finding.since));
    let mut line = Line::from(vec![
        Span::raw("  "),
        paint.span(format!("{sign} {word}"), look),
        Span::raw(" ".repeat(9_usize.saturating_sub(word.len()))),
        paint.span(&*finding.title, Meaning::Text),
    ]);
    let since = [format!("  since {since} ({age})"), format!("  since {since}"), format!("  {age}")];
    if let Some(since) = since.into_iter().find(|since| line.width() + width(since) < room) {
        line.push_span(paint.span(since, Meaning::Muted));
    }
    line
}
