//! The list in the question: each session with what ending it would do. What does not fit goes on in the next row.

use ratatui::text::{Line, Span};

use super::Confirm;
use crate::control::confirm::{Asked, LeftOut};
use crate::model::backend::Backend;
use crate::model::operation::BlastRadius;
use crate::model::time::Timestamp;
use crate::text::width::{Align, fit, width};
use crate::ui::format;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::state_meaning;

/// Cells before the application: the pid and a gap.
const INDENT: usize = 9;
/// Cells of the state and its age, with the gap before them.
const STATE: usize = 17;

impl Confirm {
    /// Who is asked about, then who is left out, in at most `room` cells.
    pub(super) fn rows<'t>(&self, at: Timestamp, room: usize, paint: &Paint<'_>) -> Vec<Line<'t>> {
        let names = self.name_cells().min(room.saturating_sub(INDENT + STATE));
        let shared = self.shared_warnings();
        let mut rows = self.consequences(room, paint);
        for asked in self.question.asked() {
            let mut facts = self.effects(asked);
            let own = self.warnings(asked).into_iter().filter(|warning| !shared.contains(warning));
            facts.extend(own.map(|text| (format!("{} {text}", paint.glyphs.warning), Meaning::Warning)));
            rows.extend(with_facts(session(&asked.victim.seen, at, names, paint), &facts, room, paint));
        }
        for left in self.question.left_out() {
            let facts = [(format!("{} left out: {}", paint.glyphs.down, left.why), Meaning::Notice)];
            rows.extend(with_facts(left_out(left, names, paint), &facts, room, paint));
        }
        rows
    }

    /// What an operation on something else than sessions would do, a sentence each.
    fn consequences<'t>(&self, room: usize, paint: &Paint<'_>) -> Vec<Line<'t>> {
        let mut rows = Vec::new();
        for sentence in self.question.consequences() {
            let mut sign = paint.glyphs.dot;
            for part in wrap(sentence, room.saturating_sub(2)) {
                rows.push(Line::from(vec![
                    paint.span(format!("{sign} "), Meaning::Muted),
                    paint.span(part, Meaning::Text),
                ]));
                sign = " ";
            }
        }
        rows
    }

    /// The widest application, so that the facts begin in one column and as early as they can.
    fn name_cells(&self) -> usize {
        let asked = self.question.asked().iter().map(|asked| &asked.victim);
        let all = asked.chain(self.question.left_out().iter().map(|left| &left.victim));
        all.map(|victim| width(&victim.seen.session.application_name)).max().unwrap_or(0).clamp(4, 18)
    }

    /// What is to be said about every session of the list, and so is said once.
    pub(super) fn shared_warnings(&self) -> Vec<String> {
        let mut asked = self.question.asked().iter();
        let mut shared = asked.next().map(|first| self.warnings(first)).unwrap_or_default();
        for other in asked {
            let others = self.warnings(other);
            shared.retain(|warning| others.contains(warning));
        }
        shared
    }

    fn warnings(&self, asked: &Asked) -> Vec<String> {
        let radius = self.radius.get(&asked.victim.seen.pid());
        let known = radius.into_iter().flat_map(|radius| radius.warnings.iter().chain(&radius.refused));
        let mut found: Vec<String> = Vec::new();
        for warning in asked.warnings.iter().chain(known) {
            if !found.iter().any(|said| **said == **warning) {
                found.push(warning.to_string());
            }
        }
        found
    }

    /// What ending one session would do, the most telling first.
    fn effects(&self, asked: &Asked) -> Vec<(String, Meaning)> {
        let backend = &asked.victim.seen;
        let radius = self.radius.get(&backend.pid());
        let written = backend.has_xid || radius.is_some_and(|radius| radius.may_have_written);
        let parts = [
            radius.and_then(frees),
            written.then(|| "may have written: rolled back".to_owned()),
            radius.and_then(held),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if text.is_empty() { Vec::new() } else { vec![(text, Meaning::Text)] }
    }
}

fn frees(radius: &BlastRadius) -> Option<String> {
    match radius.frees.len() {
        0 => None,
        1 => Some("frees 1 waiter".to_owned()),
        many => Some(format!("frees {many} waiters")),
    }
}

fn held(radius: &BlastRadius) -> Option<String> {
    match radius.locks {
        None | Some(0) => None,
        Some(1) => Some("1 lock".to_owned()),
        Some(many) => Some(format!("{many} locks")),
    }
}

/// Pid and application, in columns.
fn who<'t>(backend: &Backend, names: usize, paint: &Paint<'_>) -> Line<'t> {
    let application = fit(&backend.session.application_name, names, Align::Left, paint.glyphs.ellipsis);
    Line::from(vec![
        paint.span(format!("{:>7}  ", backend.pid()), Meaning::Title),
        paint.span(application, Meaning::Text),
    ])
}

fn session<'t>(backend: &Backend, at: Timestamp, names: usize, paint: &Paint<'_>) -> Line<'t> {
    let mut line = who(backend, names, paint);
    let age = backend.state_change.map(|since| format::age(at.age_of(since))).unwrap_or_default();
    let state = format!(" {:<8} {age:>7}", backend.state.short());
    line.push_span(paint.span(state, state_meaning(backend.state)));
    line
}

fn left_out<'t>(left: &LeftOut, names: usize, paint: &Paint<'_>) -> Line<'t> {
    let mut line = who(&left.victim.seen, names, paint);
    for span in &mut line.spans {
        span.style = paint.style(Meaning::Muted);
    }
    line
}

/// The facts behind a session as long as they fit, the others under it.
fn with_facts<'t>(
    mut line: Line<'t>,
    facts: &[(String, Meaning)],
    room: usize,
    paint: &Paint<'_>,
) -> Vec<Line<'t>> {
    let fits = |line: &Line<'_>, text: &str| line.width() + 2 + width(text) <= room;
    let mut rows = Vec::new();
    for (text, look) in facts {
        if rows.is_empty() && fits(&line, text) {
            line.push_span(paint.span(format!("  {text}"), *look));
            continue;
        }
        for part in wrap(text, room.saturating_sub(INDENT)) {
            rows.push(Line::from(vec![Span::raw(" ".repeat(INDENT)), paint.span(part, *look)]));
        }
    }
    rows.insert(0, line);
    rows
}
