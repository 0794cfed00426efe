//! The verdict: what is wrong, in one sentence.

use std::fmt::Write as _;

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
    let mut text = verdict.sentence.to_string();
    for evidence in &verdict.evidence {
        let _ = write!(text, " {} {evidence}", paint.glyphs.dot);
    }
    if area.width < 60 {
        return draw_narrow(&head, &text, (paint, meaning), area, buf);
    }
    let room = Rect { x: start, width: area.right().saturating_sub(start), ..area };
    let style =
        paint.style(if verdict.kind == VerdictKind::Healthy { Meaning::Muted } else { Meaning::Text });
    let mut lines = wrap(&text, room.width.into());
    let last = lines.split_off(lines.len().min(usize::from(area.height.saturating_sub(1)))).join(" ");
    for (line, y) in lines.iter().chain([&last]).zip(area.y..area.bottom()) {
        put(buf, Rect { y, height: 1, ..room }, line, style, paint.glyphs);
    }
}

/// On a narrow screen the sentence goes on under its kind.
fn draw_narrow(
    head: &str,
    text: &str,
    (paint, meaning): (&Paint<'_>, Meaning),
    area: Rect,
    buf: &mut Buffer,
) {
    let mut lines = wrap(&format!("{} {text}", head.trim_start()), usize::from(area.width) - 2);
    let last = lines.split_off(lines.len().min(usize::from(area.height.saturating_sub(1)))).join(" ");
    let inner = Rect { x: area.x + 1, width: area.width - 1, ..area };
    for (line, y) in lines.iter().chain([&last]).zip(area.y..area.bottom()) {
        put(buf, Rect { y, height: 1, ..inner }, line, paint.style(Meaning::Text), paint.glyphs);
    }
    put(buf, area, head, paint.style(meaning).add_modifier(Modifier::BOLD), paint.glyphs);
}
