//! What changed between two moments, as a page.

use std::sync::Arc;

use ratatui::text::Line;

use crate::analysis::Moment;
use crate::analysis::compare::{Change, Comparison, Direction, compare};
use crate::text::Text;
use crate::text::span::{count, span};
use crate::ui::contract::Ticket;
use crate::ui::format;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;

/// The moment to compare with.
#[derive(Clone, Debug, Default)]
pub enum Before {
    /// None.
    #[default]
    Nothing,
    /// It is on its way.
    Asked(Ticket),
    /// It.
    Known(Arc<Moment>),
    /// It cannot be had: why.
    Missing(Text),
}

/// The lines of a comparison with `shown`.
pub fn lines(before: &Before, shown: &Moment, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let note = |text: &str, look| {
        wrap(text, width.into()).into_iter().map(|line| Line::from(paint.span(line, look))).collect()
    };
    match before {
        Before::Nothing | Before::Asked(_) => {
            note(&format!("Looking up the other moment {}", paint.glyphs.ellipsis), Meaning::Muted)
        }
        Before::Missing(why) => note(why, Meaning::Danger),
        Before::Known(before) if before.at == shown.at => note(
            "The kept moment is the one shown. Go to another to see what is different there.",
            Meaning::Muted,
        ),
        Before::Known(before) => told(&compare(before, shown), width, paint),
    }
}

fn told(comparison: &Comparison, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let (from, to) = (comparison.from, comparison.to);
    let head = format!(
        "since {}, {} until {}",
        format::time_on(from, to, paint.zone),
        span(to.age_of(from)),
        format::time(to, paint.zone)
    );
    let mut lines = vec![Line::from(paint.span(head, Meaning::Title)), Line::default()];
    lines.extend(comparison.changes.iter().flat_map(|change| item(change, width, paint)));
    if comparison.changes.is_empty() {
        lines.push(Line::from(paint.span("Nothing changed.", Meaning::Muted)));
    }
    if comparison.left_out > 0 {
        let text = format!("and {}", count(comparison.left_out as u64, "smaller change"));
        lines.push(Line::from(paint.span(text, Meaning::Muted)));
    }
    for unknown in &comparison.unknown {
        lines.extend(signed(paint.glyphs.unknown, unknown, (Meaning::Muted, Meaning::Muted), width, paint));
    }
    lines
}

fn item(change: &Change, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let (sign, look) = match change.direction {
        Direction::Worse => (paint.glyphs.warning, Meaning::Warning),
        Direction::Better => (paint.glyphs.check, Meaning::Good),
        Direction::Neither => (paint.glyphs.dot, Meaning::Muted),
    };
    signed(sign, &change.sentence, (look, Meaning::Text), width, paint)
}

/// A sentence behind a sign, its further lines below it.
fn signed(
    sign: &'static str,
    text: &str,
    (sign_look, look): (Meaning, Meaning),
    width: u16,
    paint: &Paint<'_>,
) -> Vec<Line<'static>> {
    let text = paint.glyphs.spell(text);
    let lines = wrap(&text, usize::from(width.saturating_sub(2))).into_iter().enumerate();
    let sign = |index| if index == 0 { format!("{sign} ") } else { "  ".to_owned() };
    lines
        .map(|(index, line)| Line::from(vec![paint.span(sign(index), sign_look), paint.span(line, look)]))
        .collect()
}
