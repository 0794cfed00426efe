//! How the question looks.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Button, Confirm};
use crate::analysis::Moment;
use crate::control::confirm::{Asked, LeftOut};
use crate::model::backend::Backend;
use crate::model::operation::{BlastRadius, OperationKind};
use crate::model::time::Timestamp;
use crate::text::width::{Align, fit};
use crate::ui::format;
use crate::ui::layers::page::scroll_sign;
use crate::ui::layout::centred;
use crate::ui::paint::{Paint, put, put_line, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::state_meaning;

impl Confirm {
    /// Draws it; returns where the terminal's cursor stands, if a name is typed.
    pub fn draw(&self, moment: &Moment, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let rows = self.rows(self.clock(moment), paint);
        let width = area.width.saturating_sub(2).min(110);
        let below = self.below(usize::from(width.saturating_sub(4)), paint);
        let fixed = u16::try_from(below.len()).unwrap_or(4) + if below.is_empty() { 4 } else { 5 };
        let list = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let height = fixed.saturating_add(list).min(area.height);
        let title = Line::from(paint.span(format!(" {} ", self.title()), Meaning::Danger));
        let inner = paint.dialog(centred(area, width, height), buf, title, Meaning::Danger);
        let list = Rect { height: inner.height.saturating_sub(fixed - 2), ..inner };
        for (line, y) in rows.iter().skip(self.offset).zip(list.y..list.bottom()) {
            put_line(buf, Rect { y, height: 1, ..list }, line);
        }
        scroll_sign(self.offset, rows.len(), paint, list, buf);
        for (line, y) in below.iter().zip(list.bottom() + 1..inner.bottom()) {
            put_line(buf, Rect { y, height: 1, ..inner }, line);
        }
        let bottom = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
        self.buttons(paint, bottom, buf)
    }

    /// `Terminate 3 sessions on db1?`
    fn title(&self) -> String {
        let kind = match self.question.kind() {
            OperationKind::Cancel => "Cancel the statement of",
            OperationKind::Terminate => "Terminate",
        };
        let many = self.question.asked().len();
        let what = match (self.age_s, many) {
            (Some(_), 1) => "idle transaction",
            (Some(_), _) => "idle transactions",
            (None, 1) => "session",
            (None, _) => "sessions",
        };
        format!("{kind} {many} {what} on {}?", self.question.operation().target)
    }

    /// The server's clock in the newest sample, for ages.
    fn clock(&self, moment: &Moment) -> Timestamp {
        let target = self.question.operation().target;
        let place = moment.targets.iter().position(|status| status.name == target);
        place.and_then(|place| moment.servers.get(place)?.as_ref()).map_or(moment.at, |server| server.at)
    }

    fn rows<'t>(&self, at: Timestamp, paint: &Paint<'_>) -> Vec<Line<'t>> {
        let asked = self.question.asked().iter().map(|asked| self.asked_row(asked, at, paint));
        let left_out = self.question.left_out().iter().map(|left| left_out_row(left, paint));
        asked.chain(left_out).collect()
    }

    fn asked_row<'t>(&self, asked: &Asked, at: Timestamp, paint: &Paint<'_>) -> Line<'t> {
        let backend = &asked.victim.seen;
        let mut line = session(backend, paint);
        let age = backend.state_change.map(|since| format::age(at.age_of(since))).unwrap_or_default();
        line.push_span(
            paint.span(format!("{:<8} {age:>7}  ", backend.state.short()), state_meaning(backend.state)),
        );
        let radius = self.radius.get(&backend.pid());
        line.push_span(paint.span(effect(backend, radius).join(", "), Meaning::Text));
        let warnings = asked.warnings.iter().chain(radius.into_iter().flat_map(|radius| &radius.warnings));
        let refused = radius.and_then(|radius| radius.refused.as_ref());
        for warning in warnings.chain(refused) {
            line.push_span(paint.span(format!("  {} {warning}", paint.glyphs.warning), Meaning::Warning));
        }
        line
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
        texts.extend(self.question.warnings().iter().map(|text| (text.to_string(), Meaning::Warning)));
        if self.question.asked().is_empty() {
            let kind = self.question.kind();
            texts.push((format!("Nobody is left to {kind}."), Meaning::Warning));
            if kind == OperationKind::Cancel {
                texts.push(("Esc, then K, asks about terminating instead.".to_owned(), Meaning::Accent));
            }
        }
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

    fn buttons(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let verb = match self.question.kind() {
            OperationKind::Cancel => "Cancel the statement",
            OperationKind::Terminate => "Terminate",
        };
        if self.question.asked().is_empty() {
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

/// Pid and application, in columns.
fn session<'t>(backend: &Backend, paint: &Paint<'_>) -> Line<'t> {
    let application = fit(&backend.session.application_name, 18, Align::Left, paint.glyphs.ellipsis);
    Line::from(vec![
        paint.span(format!("{:>7}  ", backend.pid()), Meaning::Title),
        paint.span(format!("{application} "), Meaning::Text),
    ])
}

fn left_out_row<'t>(left: &LeftOut, paint: &Paint<'_>) -> Line<'t> {
    let mut line = session(&left.victim.seen, paint);
    for span in &mut line.spans {
        span.style = paint.style(Meaning::Muted);
    }
    line.push_span(paint.span(format!("{} left out: {}", paint.glyphs.down, left.why), Meaning::Notice));
    line
}

/// What ending one session would do.
fn effect(backend: &Backend, radius: Option<&BlastRadius>) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(radius) = radius {
        if let Some(locks) = radius.locks.filter(|locks| *locks > 0) {
            parts.push(format!("{locks} locks"));
        }
        if !radius.frees.is_empty() {
            let waiters = if radius.frees.len() == 1 { "waiter" } else { "waiters" };
            parts.push(format!("frees {} {waiters}", radius.frees.len()));
        }
    }
    if backend.has_xid || radius.is_some_and(|radius| radius.may_have_written) {
        parts.push("may have written: rolled back".to_owned());
    }
    parts
}
