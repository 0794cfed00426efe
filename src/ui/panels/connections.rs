//! The connections table with its tabs by state.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::tabs;
use crate::analysis::Moment;
use crate::ui::paint::{Paint, put_line};
use crate::ui::panels::Frame;
use crate::ui::state::connections::{Connections, RowId};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::{self, COLUMNS, Field, NARROW, Tab};
use crate::ui::widgets::table::Table;

/// Draws frame, tabs, heads and the rows that fit.
pub fn draw(
    (list, moment): (&Connections, &Moment),
    frame: &Frame,
    paint: &Paint<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let inner = if frame.bordered {
        paint.frame(area, buf, frame.focused, (tab_line(list, moment, paint), filter_line(list, paint)))
    } else if frame.narrow {
        area
    } else {
        put_line(buf, Rect { height: 1, ..area }, &tab_line(list, moment, paint));
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    };
    if list.rows.is_empty() {
        frame.draw_empty(paint, inner, buf);
        return;
    }
    let several = moment.servers.iter().flatten().count() > 1;
    let cell = |at: usize, field: &Field| match list.row(moment, at) {
        Some(row) => connections::cell(moment, row, *field, paint.glyphs),
        None => connections::Cell::plain(""),
    };
    Table {
        columns: if frame.narrow { &NARROW } else { columns(several) },
        rows: list.rows.len(),
        offset: list.offset,
        cursor: Some(list.at),
        focused: frame.focused,
        sort: Some(list.sort),
        cell: &cell,
        marked: &|at| list.row(moment, at).is_some_and(|row| list.marks.contains(&RowId::of(row))),
    }
    .draw(paint, inner, buf);
}

/// The target's column only where there are several: it is the second, so the others are both sides of it.
fn columns(several: bool) -> &'static [crate::ui::widgets::table::Column<Field>] {
    if several { &COLUMNS } else { &connections::ONE_TARGET }
}

fn tab_line<'t>(list: &Connections, moment: &Moment, paint: &Paint<'_>) -> Line<'t> {
    let names: Vec<_> = Tab::ALL
        .into_iter()
        .zip(list.counts)
        .map(|(tab, count)| (format!("{} {count}", tab.label()), tab == list.tab))
        .collect();
    let mut line = tabs::line(&names, paint);
    let [all, active, idle, in_transaction, aborted, _] = list.counts;
    let other = all.saturating_sub(active + idle + in_transaction + aborted);
    if other > 0 {
        line.push_span(paint.span(format!(" +{other} other "), Meaning::Muted));
    }
    let hidden = moment.backends.len().saturating_sub(all);
    if hidden > 0 {
        line.push_span(paint.span(format!(" {hidden} hidden "), Meaning::Warning));
    }
    line
}

/// What narrows the list, and the marks.
pub fn filter_line<'t>(list: &Connections, paint: &Paint<'_>) -> Line<'t> {
    let mut line = Line::default();
    if !list.marks.is_empty() {
        line.push_span(
            paint.span(format!(" {} {} marked ", paint.glyphs.check, list.marks.len()), Meaning::Marked),
        );
    }
    if let Some((name, _)) = &list.pools {
        line.push_span(paint.span(format!(" pool {name} "), Meaning::Accent));
    }
    if !list.typed.is_empty() {
        let look = if list.filter_error.is_some() { Meaning::Danger } else { Meaning::Accent };
        line.push_span(Span::styled(format!(" /{} ", list.typed), paint.style(look)));
    }
    line
}
