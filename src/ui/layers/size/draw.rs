//! How the calculator looks: the sentence, the fields, what follows, and what the field under the cursor takes.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Side, Size};
use crate::analysis::sizing::draft::Source;
use crate::analysis::sizing::field::{Field, Group};
use crate::analysis::sizing::report::{self, Section, Tone};
use crate::text::width::{Align, fit, width};
use crate::ui::layers::page::{Page, scroll_sign};
use crate::ui::paint::{Paint, cells, put, put_cut, put_line, wrap};
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::scroll;

/// Cells of the fields: cursor, name, value, where it comes from.
const FIELDS: u16 = 36;
const LABEL: usize = 16;
const VALUE: usize = 10;
/// From here on fields and results stand side by side.
const BOTH: u16 = 68;
/// From here on a number and what it means stand on one line.
const ONE_LINE: usize = 60;

/// Where everything stands.
struct Places {
    headline: Rect,
    fields: Rect,
    results: Rect,
    hint: Rect,
}

/// The places inside a dialog's frame.
fn places(inner: Rect, side: Side, headline: usize) -> Places {
    let most = if inner.height < 12 { 3 } else { 4 };
    let head = u16::try_from(headline.min(most)).unwrap_or(1).min(inner.height);
    let hints = if inner.height < 12 { 1 } else { 2 }.min(inner.height - head);
    let gap = u16::from(inner.height >= 12);
    let body =
        Rect { y: inner.y + head + gap, height: inner.height.saturating_sub(head + gap + hints), ..inner };
    let (fields, results) = if inner.width >= BOTH {
        let left = Rect { width: FIELDS, ..body };
        (left, Rect { x: body.x + FIELDS + 2, width: body.width - FIELDS - 2, ..body })
    } else if side == Side::Fields {
        (body, Rect::ZERO)
    } else {
        (Rect::ZERO, body)
    };
    let hint = Rect { y: inner.bottom() - hints, height: hints, ..inner };
    Places { headline: Rect { height: head, ..inner }, fields, results, hint }
}

/// The dialog, and what is inside its frame: one cell of frame and one of margin at the sides.
fn dialog(area: Rect) -> (Rect, Rect) {
    let place = Page::place(area, usize::MAX);
    let inner = Rect {
        x: place.x + 2,
        y: place.y + 1,
        width: place.width.saturating_sub(4),
        height: place.height.saturating_sub(2),
    };
    (place, inner)
}

/// Headings and fields, as they stand below each other.
fn rows() -> Vec<Result<Field, Group>> {
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.push(Err(group));
        rows.extend(Field::ALL.iter().filter(|field| field.row().group == group).map(|field| Ok(*field)));
    }
    rows
}

impl Size {
    /// Scroll positions and lines for the size of the terminal.
    pub fn arrange(&mut self, paint: &Paint<'_>, area: Rect) {
        let (_, inner) = dialog(area);
        let places = places(inner, self.side, self.headline(inner.width).0.len());
        let rows = rows();
        let cursor = rows.iter().position(|row| *row == Ok(self.field()));
        // The heading above the first field of a group comes into sight with it.
        let cursor = cursor.map(|at| if at == 1 { 0 } else { at });
        self.offsets.0 = scroll(self.offsets.0, cursor, rows.len(), places.fields.height.into());
        let width = usize::from(places.results.width);
        self.lines = match &self.sizing {
            Ok(sizing) if width > 0 => {
                let sections = report::sections(&self.draft, sizing);
                sections.iter().flat_map(|section| section_lines(section, width, paint)).collect()
            }
            _ => Vec::new(),
        };
        self.height = usize::from(places.results.height).max(1);
        self.scroll(self.offsets.1);
    }

    /// The sentence, or what is wrong, in lines of that width.
    fn headline(&self, width: u16) -> (Vec<String>, Meaning) {
        let (text, meaning) = match (&self.error, &self.sizing) {
            (Some(error), _) | (None, Err(error)) => (error.to_string(), Meaning::Danger),
            (None, Ok(sizing)) => {
                let meaning = if sizing.budget.fits() { Meaning::Good } else { Meaning::Warning };
                (report::headline(sizing), meaning)
            }
        };
        (wrap(&text, width.into()), meaning)
    }

    /// Draws it; returns where the terminal's cursor stands, while something is typed.
    pub fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (place, _) = dialog(area);
        let about = self.pool.as_ref().map(|pool| format!("of {pool} ")).unwrap_or_default();
        let title = Line::from(paint.span(format!(" Pool size {about}"), Meaning::Title));
        let inner = paint.dialog(place, buf, title, Meaning::Focus);
        let (headline, meaning) = self.headline(inner.width);
        let places = places(inner, self.side, headline.len());
        column(&headline, paint, places.headline, meaning, buf);
        let hint = format!("{}: {}", self.field().row().about, self.field().valid());
        column(&wrap(&hint, inner.width.into()), paint, places.hint, Meaning::Muted, buf);
        self.results(paint, places.results, buf);
        self.fields(paint, places.fields, buf)
    }

    fn results(&self, paint: &Paint<'_>, place: Rect, buf: &mut Buffer) {
        for (line, y) in self.lines.iter().skip(self.offsets.1).zip(place.y..place.bottom()) {
            put_cut(buf, Rect { y, height: 1, ..place }, line, paint);
        }
        scroll_sign(self.offsets.1, self.lines.len(), paint, place, buf);
    }

    fn fields(&self, paint: &Paint<'_>, place: Rect, buf: &mut Buffer) -> Option<Position> {
        let mut cursor = None;
        for (row, y) in rows().into_iter().skip(self.offsets.0).zip(place.y..place.bottom()) {
            let place = Rect { y, height: 1, ..place };
            match row {
                Err(group) => {
                    put(buf, place, group.title(), paint.style(Meaning::Title), paint.glyphs);
                }
                Ok(field) => {
                    let here = field == self.field();
                    let line = self.field_line(field, here, paint);
                    put_line(buf, place, &line);
                    if here && self.side == Side::Fields {
                        buf.set_style(place, paint.style(Meaning::Selected));
                        let x = place.x + 2 + u16::try_from(LABEL + VALUE).unwrap_or(0);
                        cursor = self.input.as_ref().map(|_| Position { x: x.min(place.right()), y });
                    }
                }
            }
        }
        cursor
    }

    fn field_line<'t>(&self, field: Field, here: bool, paint: &Paint<'_>) -> Line<'t> {
        let (value, source) = self.draft.said(field);
        let typed = self.input.as_ref().filter(|_| here).map(|input| input.value().to_owned());
        let shown = typed.or_else(|| value.map(|value| field.show(value)));
        let shown = shown.unwrap_or_else(|| paint.glyphs.unknown.to_owned());
        let meaning = match source {
            _ if here && self.error.is_some() => Meaning::Danger,
            Some(Source::Typed) => Meaning::Accent,
            Some(_) => Meaning::Text,
            None => Meaning::Muted,
        };
        let sign = if here { paint.glyphs.cursor } else { " " };
        let source = source.map_or("default", Source::word);
        Line::from(vec![
            paint.span(sign, Meaning::Focus),
            paint.span(format!("{:<LABEL$} ", field.row().label), Meaning::Text),
            paint.span(fit(&shown, VALUE, Align::Right, paint.glyphs.ellipsis), meaning),
            paint.span(format!(" {}", if value.is_some() { source } else { "" }), Meaning::Muted),
        ])
    }
}

fn column(lines: &[String], paint: &Paint<'_>, place: Rect, meaning: Meaning, buf: &mut Buffer) {
    let last = usize::from(place.height).saturating_sub(1);
    for ((number, line), y) in lines.iter().enumerate().zip(place.y..place.bottom()) {
        // What does not fit shows that it goes on.
        let more = if number == last && lines.len() > last + 1 { "\n" } else { "" };
        put(
            buf,
            Rect { y, height: 1, ..place },
            &format!("{line}{more}"),
            paint.style(meaning),
            paint.glyphs,
        );
    }
}

fn section_lines(section: &Section, width: usize, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(paint.span(section.title.clone(), Meaning::Title))];
    for line in &section.lines {
        lines.extend(report_lines(line, width, paint));
    }
    lines.push(Line::default());
    lines
}

/// A number with what it means beside it, or below where there is no room.
fn report_lines(line: &report::Line, cells_wide: usize, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let meaning = match line.tone {
        Tone::Plain | Tone::Code => Meaning::Text,
        Tone::Good => Meaning::Good,
        Tone::Bad => Meaning::Warning,
    };
    if line.tone == Tone::Code {
        return vec![Line::from(paint.span(format!(" {}", line.value), meaning))];
    }
    let bare = line.label.is_empty() && line.value.is_empty();
    let mut head = Line::default();
    if !bare {
        let label = line.label.clone();
        let blanks = " ".repeat(LABEL.saturating_sub(width(&label)));
        head.push_span(paint.span(format!(" {label}{blanks} "), Meaning::Muted));
        head.push_span(paint.span(line.value.clone(), meaning));
    }
    let beside = !bare && cells_wide >= ONE_LINE;
    let indent = if beside { usize::from(cells(&head)).max(LABEL + VALUE) + 2 } else { 2 };
    let about = wrap(&line.about, cells_wide.saturating_sub(indent).max(1));
    let mut about = about.into_iter().filter(|text| !text.is_empty());
    let mut lines = Vec::new();
    if beside && let Some(first) = about.next() {
        head.push_span(Span::raw(" ".repeat(indent - usize::from(cells(&head)))));
        head.push_span(paint.span(first, Meaning::Muted));
    }
    if !bare {
        lines.push(head);
    }
    lines.extend(about.map(|text| Line::from(paint.span(format!("{:indent$}{text}", ""), Meaning::Muted))));
    lines
}
