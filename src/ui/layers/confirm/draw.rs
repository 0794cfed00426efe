//! How the question looks.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Button, Confirm};
use crate::analysis::Moment;
use crate::model::operation::OperationKind;
use crate::model::time::Timestamp;
use crate::ui::format;
use crate::ui::layers::page::scroll_sign;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_cut, put_line, wrap};
use crate::ui::theme::Meaning;

/// What the question consists of on a screen of a given size.
struct Parts<'t> {
    place: Rect,
    rows: Vec<Line<'t>>,
    below: Vec<Line<'t>>,
    /// Rows inside the frame that do not belong to the list.
    fixed: u16,
}

impl Confirm {
    /// Draws it; returns where the terminal's cursor stands, if a name is typed.
    pub fn draw(&self, moment: &Moment, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let parts = self.parts(moment, paint, area);
        let title = Line::from(paint.span(format!(" {} ", self.title()), Meaning::Danger));
        let inner = paint.dialog(parts.place, buf, title, Meaning::Danger);
        let list = Rect { height: inner.height.saturating_sub(parts.fixed), ..inner };
        for (line, y) in parts.rows.iter().skip(self.offset).zip(list.y..list.bottom()) {
            put_cut(buf, Rect { y, height: 1, ..list }, line, paint);
        }
        scroll_sign(self.offset, parts.rows.len(), paint, list, buf);
        for (line, y) in parts.below.iter().zip(list.bottom() + 1..inner.bottom()) {
            put_line(buf, Rect { y, height: 1, ..inner }, line);
        }
        let bottom = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
        self.buttons(paint, bottom, buf)
    }

    /// Takes the size of the terminal: the list scrolls as far as its last row, no further.
    pub fn settle(&mut self, moment: &Moment, paint: &Paint<'_>, area: Rect) {
        let parts = self.parts(moment, paint, area);
        let shown = parts.place.height.saturating_sub(parts.fixed + 2);
        self.last = parts.rows.len().saturating_sub(shown.into());
        self.offset = self.offset.min(self.last);
    }

    fn parts<'t>(&self, moment: &Moment, paint: &Paint<'_>, area: Rect) -> Parts<'t> {
        let width = area.width.saturating_sub(2).min(110);
        let room = usize::from(width.saturating_sub(4));
        let rows = self.rows(self.clock(moment), room, paint);
        let below = self.below(room, paint);
        let fixed = u16::try_from(below.len()).unwrap_or(4) + if below.is_empty() { 2 } else { 3 };
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(fixed + 2);
        Parts { place: centred(area, width, height), rows, below, fixed }
    }

    /// `Terminate 3 sessions on db1?`
    fn title(&self) -> String {
        let target = self.question.target();
        let kind = match self.question.kind() {
            OperationKind::Cancel => "Cancel the statement of",
            OperationKind::Terminate => "Terminate",
            other => return format!("{} {} on {target}?", verb(other), self.question.subject()),
        };
        let many = self.question.asked().len();
        let what = match (self.age_s, many) {
            (Some(_), 1) => "idle transaction",
            (Some(_), _) => "idle transactions",
            (None, 1) => "session",
            (None, _) => "sessions",
        };
        format!("{kind} {many} {what} on {target}?")
    }

    /// The server's clock in the newest sample, for ages.
    fn clock(&self, moment: &Moment) -> Timestamp {
        let target = self.question.target();
        let place = moment.targets.iter().position(|status| status.name == *target);
        place.and_then(|place| moment.servers.get(place)?.as_ref()).map_or(moment.at, |server| server.at)
    }

    /// Between the list and the buttons: age, warnings about the whole, what is not known, what is wrong.
    fn below<'t>(&self, width: usize, paint: &Paint<'_>) -> Vec<Line<'t>> {
        let mut texts: Vec<(String, Meaning)> = Vec::new();
        if let Some(age) = self.age_s {
            let age = format::seconds(f64::from(age));
            texts.push((format!("idle for at least {age}; + only older, - younger too"), Meaning::Accent));
        }
        let left_out = self.question.left_out().len();
        if left_out > 0 && !self.question.asked().is_empty() {
            texts.push((
                format!("{left_out} left out, with the reason, at the end of the list"),
                Meaning::Notice,
            ));
        }
        let shared = self.shared_warnings().into_iter();
        texts.extend(shared.map(|text| (format!("{} {text}", paint.glyphs.warning), Meaning::Warning)));
        texts.extend(self.question.warnings().iter().map(|text| (text.to_string(), Meaning::Warning)));
        texts.extend(self.nobody_left());
        if let Some(why) = &self.radius_error {
            texts.push((format!("locks are not known: {why}"), Meaning::Warning));
        }
        if let Some(error) = &self.error {
            texts.push((error.clone(), Meaning::Danger));
        }
        let wrapped = texts.into_iter().flat_map(|(text, look)| {
            wrap(&text, width).into_iter().map(move |line| (line, look)).collect::<Vec<_>>()
        });
        wrapped.map(|(line, look)| Line::from(paint.span(line, look))).collect()
    }

    /// What to say where a yes would reach nobody.
    fn nobody_left(&self) -> Vec<(String, Meaning)> {
        let kind = self.question.kind();
        if let Some(why) = self.question.lost() {
            return vec![(format!("Nothing is left to do: it {why}."), Meaning::Warning)];
        }
        if !self.question.is_void() {
            return Vec::new();
        }
        let mut texts = vec![(format!("Nobody is left to {kind}."), Meaning::Warning)];
        if kind == OperationKind::Cancel {
            texts.push(("Esc, then K, asks about terminating instead.".to_owned(), Meaning::Accent));
        }
        texts
    }

    fn buttons(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let verb = verb(self.question.kind());
        if self.question.is_void() {
            put_line(buf, area, &Line::from(paint.span("[ Close ]", Meaning::ButtonFocus)));
            return None;
        }
        if let Some(name) = self.question.name_to_type().filter(|_| self.wants_name()) {
            return Some(self.name_line(name, verb, paint, (area, buf)));
        }
        let look = |button| if self.focus == button { Meaning::ButtonFocus } else { Meaning::Button };
        let line = Line::from(vec![
            paint.span("[ No ]", look(Button::No)),
            Span::raw("  "),
            paint.span(format!("[ {verb} ]"), look(Button::Yes)),
            paint.span("   y / n", Meaning::Muted),
        ]);
        put_line(buf, area, &line);
        None
    }

    fn name_line(
        &self,
        name: &str,
        verb: &str,
        paint: &Paint<'_>,
        (area, buf): (Rect, &mut Buffer),
    ) -> Position {
        let typed = self.name.value();
        let no = if typed.is_empty() { Meaning::ButtonFocus } else { Meaning::Button };
        let yes = if typed == name { Meaning::ButtonFocus } else { Meaning::Muted };
        let front = vec![
            paint.span("[ No ]", no),
            Span::raw("  "),
            paint.span(format!("[ {verb} ]"), yes),
            paint.span(format!("  type {name} to confirm: "), Meaning::Warning),
        ];
        let mut line = Line::from(front);
        let before = u16::try_from(line.width() + self.name.visual_cursor()).unwrap_or(0);
        line.push_span(paint.span(typed.to_owned(), Meaning::Text));
        put_line(buf, area, &line);
        if line.width() == usize::from(before) {
            put(
                buf,
                Rect { x: area.x + before.min(area.width), width: 1, ..area },
                "_",
                paint.style(Meaning::Muted),
                paint.glyphs,
            );
        }
        Position { x: (area.x + before).min(area.right()), y: area.y }
    }
}

/// The verb on the button.
fn verb(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Cancel => "Cancel the statement",
        OperationKind::Terminate => "Terminate",
        OperationKind::KillClient => "Kill client",
        OperationKind::KillDatabase => "Kill",
        OperationKind::Pause => "Pause",
        OperationKind::Resume => "Resume",
        OperationKind::Reconnect => "Reconnect",
    }
}
