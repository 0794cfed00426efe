//! The verdict: what is wrong, in one sentence.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::model::verdict::{Verdict, VerdictKind};
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
    put(buf, area, &head, paint.style(meaning).add_modifier(Modifier::BOLD), paint.glyphs);
    let start = u16::try_from(head.chars().count()).unwrap_or(area.width) + 2;
    let mut text = verdict.sentence.to_string();
    for evidence in &verdict.evidence {
        let _ = write!(text, " {} {evidence}", paint.glyphs.dot);
    }
    let style =
        paint.style(if verdict.kind == VerdictKind::Healthy { Meaning::Muted } else { Meaning::Text });
    let mut rest = text.as_str();
    for (index, y) in (area.y..area.bottom()).enumerate() {
        let x = if index == 0 { area.x + start } else { area.x + 3 };
        let row = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
        let last = y + 1 == area.bottom();
        let line = if last { rest.to_owned() } else { wrap(rest, row.width.into()).swap_remove(0) };
        put(buf, row, &line, style, paint.glyphs);
        rest = rest.get(line.len()..).unwrap_or_default().trim_start();
    }
}
