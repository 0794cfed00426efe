//! Names in a row, one of them chosen: the panels on small terminals, the states over the connections.

use ratatui::text::{Line, Span};

use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;

/// Names with the chosen one in the look of the cursor, so that it is seen without colours too.
pub fn line<'t>(names: &[(String, bool)], paint: &Paint<'_>) -> Line<'t> {
    let mut line = Line::default();
    for (index, (name, chosen)) in names.iter().enumerate() {
        if index > 0 {
            line.push_span(paint.span(paint.glyphs.bar, Meaning::Border));
        }
        let look = if *chosen { Meaning::Selected } else { Meaning::Muted };
        line.push_span(Span::styled(format!(" {name} "), paint.style(look)));
    }
    line
}
