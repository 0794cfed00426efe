//! The verdict: what is wrong, in one sentence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::model::verdict::{Verdict, VerdictKind};
use crate::text::width::width;
use crate::ui::paint::{Paint, put, wrap};
use crate::ui::theme::Meaning;

/// The sign and look of a verdict.
pub fn look(kind: VerdictKind, paint: &Paint<'_>) -> (&'static str, Meaning) {
    match kind {
        VerdictKind::Unreachable | VerdictKind::Exhausted | VerdictKind::Leak => {
            (paint.glyphs.critical, Meaning::Danger)
        }
        VerdictKind::Blocked | VerdictKind::Saturated | VerdictKind::Paused | VerdictKind::Slow => {
            (paint.glyphs.warning, Meaning::Warning)
        }
        VerdictKind::Unknown => (paint.glyphs.stale, Meaning::Notice),
        VerdictKind::Healthy => (paint.glyphs.check, Meaning::Good),
    }
}

/// Draws the kind and the sentence over all rows of `area`; its evidence where there is room left.
pub fn draw(verdict: &Verdict, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    if area.width < 12 {
        return;
    }
    let (sign, meaning) = look(verdict.kind, paint);
    let head = format!(" {sign} {}", verdict.kind.as_str().to_uppercase());
    let style = paint.style(meaning).add_modifier(Modifier::BOLD).remove_modifier(Modifier::UNDERLINED);
    put(buf, area, &head, style, paint.glyphs);
    let start = area.x + u16::try_from(width(&head)).unwrap_or(area.width) + 2;
    if area.width < 60 {
        return draw_narrow(&head, verdict, (paint, meaning), area, buf);
    }
    let room = Rect { x: start, width: area.right().saturating_sub(start), ..area };
    let style =
        paint.style(if verdict.kind == VerdictKind::Healthy { Meaning::Muted } else { Meaning::Text });
    let lines = fitting("", verdict, paint, (room.width.into(), area.height.into()));
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, Rect { y, height: 1, ..room }, line, style, paint.glyphs);
    }
}

/// The sentence in at most `height` lines, with as much of the evidence as fits whole. What the sentence says
/// already is not said again, and what is cut is cut between words.
fn fitting(
    start: &str,
    verdict: &Verdict,
    paint: &Paint<'_>,
    (cells, height): (usize, usize),
) -> Vec<String> {
    let mut text = format!("{start}{}", verdict.sentence);
    for evidence in verdict.evidence.iter().filter(|evidence| !verdict.sentence.contains(&***evidence)) {
        let longer = format!("{text} {} {evidence}", paint.glyphs.dot);
        if wrap(&longer, cells).len() > height {
            break;
        }
        text = longer;
    }
    let mut lines = wrap(&text, cells);
    if lines.len() > height {
        lines.truncate(height);
        if let Some(last) = lines.last_mut() {
            while width(last) + 1 > cells && last.contains(' ') {
                last.truncate(last.rfind(' ').unwrap_or(0));
            }
            last.push_str(paint.glyphs.ellipsis);
        }
    }
    lines
}

/// On a narrow screen the sentence goes on under its kind.
fn draw_narrow(
    head: &str,
    verdict: &Verdict,
    (paint, meaning): (&Paint<'_>, Meaning),
    area: Rect,
    buf: &mut Buffer,
) {
    let start = format!("{} ", head.trim_start());
    let lines = fitting(&start, verdict, paint, (usize::from(area.width) - 2, area.height.into()));
    let inner = Rect { x: area.x + 1, width: area.width - 1, ..area };
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, Rect { y, height: 1, ..inner }, line, paint.style(Meaning::Text), paint.glyphs);
    }
    put(buf, area, head, paint.style(meaning).add_modifier(Modifier::BOLD), paint.glyphs);
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::ui::glyphs::UNICODE;
    use crate::ui::theme::{Depth, Themes};

    #[test]
    fn evidence_is_whole_or_not_there_and_a_sentence_is_cut_between_words() {
        let theme = Themes::built_in().load("dark", Depth::True).unwrap();
        let paint = Paint { theme: &theme, glyphs: &UNICODE, zone: &TimeZone::UTC };
        let verdict = Verdict {
            kind: VerdictKind::Leak,
            sentence: "checkout leaks".into(),
            evidence: vec!["leaks".into(), "ten sessions".into()],
        };
        for (cells, height, lines) in [
            (40, 1, vec!["checkout leaks · ten sessions"]),
            (20, 1, vec!["checkout leaks"]),
            (20, 2, vec!["checkout leaks · ten", "sessions"]),
            (12, 1, vec!["checkout…"]),
        ] {
            assert_eq!(fitting("", &verdict, &paint, (cells, height)), lines, "{cells}x{height}");
        }
    }
}
