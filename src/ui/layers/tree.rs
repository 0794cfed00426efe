//! The blocking tree: who waits for whom, the worst root first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::page::{Page, scroll_sign};
use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::model::backend::State;
use crate::model::locks::{Blocker, BlockingRow};
use crate::ui::command::Command;
use crate::ui::format;
use crate::ui::paint::{Paint, put, put_cut};
use crate::ui::state::connections::RowId;
use crate::ui::theme::Meaning;
use crate::ui::view::connections::{one_line, state_meaning};
use crate::ui::widgets::table::scroll;

/// One row: on which target, who.
type Row = (usize, BlockingRow);

/// The tree and its cursor, which stays on its backend.
#[derive(Debug, Default)]
pub struct Tree {
    rows: Vec<Row>,
    circles: Vec<String>,
    cursor: Option<(usize, Blocker)>,
    at: usize,
    offset: usize,
    height: usize,
}

impl Tree {
    /// Takes the trees of every server of `moment`.
    pub fn refresh(&mut self, moment: &Moment, height: u16) {
        self.rows.clear();
        self.circles.clear();
        for (target, server) in moment.servers.iter().enumerate() {
            let Some(server) = server else { continue };
            self.rows.extend(server.tree.rows.iter().map(|row| (target, row.clone())));
            self.circles.extend(server.tree.cycles.iter().map(|pids| circle(pids)));
        }
        let found = self.cursor.and_then(|cursor| self.rows.iter().position(|row| key(row) == cursor));
        self.height = height.into();
        self.go(found.unwrap_or(self.at));
    }

    fn go(&mut self, to: usize) {
        self.at = to.min(self.rows.len().saturating_sub(1));
        self.cursor = self.rows.get(self.at).map(key);
        let shown = self.height.saturating_sub(self.circles.len());
        self.offset = scroll(self.offset, Some(self.at), self.rows.len(), shown);
    }

    /// Moves the cursor.
    pub fn command(&mut self, command: Command) {
        let page = self.height.saturating_sub(1).max(1);
        match command {
            Command::Up => self.go(self.at.saturating_sub(1)),
            Command::Down => self.go(self.at + 1),
            Command::PageUp => self.go(self.at.saturating_sub(page)),
            Command::PageDown => self.go(self.at + page),
            Command::First => self.go(0),
            Command::Last => self.go(usize::MAX),
            _ => {}
        }
    }

    /// The backend under the cursor; a prepared transaction has none.
    pub fn selected(&self, moment: &Moment) -> Option<RowId> {
        let (target, row) = self.rows.get(self.at)?;
        backend(moment, *target, row).map(RowId::of)
    }

    /// Draws it.
    pub fn draw(&self, moment: &Moment, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let title = Line::from(paint.span(" Blocking tree ", Meaning::Title));
        let mut inner =
            paint.dialog(Page::place(area, self.rows.len() + self.circles.len()), buf, title, Meaning::Focus);
        if self.rows.is_empty() {
            put(buf, inner, "Nobody waits on a lock.", paint.style(Meaning::Good), paint.glyphs);
            return;
        }
        for circle in &self.circles {
            put(buf, inner, circle, paint.style(Meaning::Danger), paint.glyphs);
            inner = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        }
        for (index, y) in (self.offset..self.rows.len()).zip(inner.y..inner.bottom()) {
            let place = Rect { y, height: 1, ..inner };
            put_cut(buf, place, &self.line(index, moment, paint), paint);
            if index == self.at {
                buf.set_style(place, paint.style(Meaning::Selected));
            }
        }
        scroll_sign(self.offset, self.rows.len(), paint, inner, buf);
    }

    fn line<'t>(&self, index: usize, moment: &Moment, paint: &Paint<'_>) -> Line<'t> {
        let cursor = if index == self.at { paint.glyphs.cursor } else { " " };
        let mut line = Line::from(vec![
            paint.span(cursor, Meaning::Focus),
            paint.span(self.branch(index, paint), Meaning::Border),
        ]);
        if let Some((target, row)) = self.rows.get(index) {
            line.extend(who(*target, row, moment, paint));
            line.extend(why(row, paint));
            let query = backend(moment, *target, row).and_then(|row| row.backend.query.clone());
            line.push_span(paint.span(format!("  {}", one_line(&query.unwrap_or_default())), Meaning::Muted));
        }
        line
    }

    /// The strokes left of a row, from the depths of the rows below it.
    fn branch(&self, index: usize, paint: &Paint<'_>) -> String {
        let depth = self.rows.get(index).map_or(0, |(_, row)| row.depth);
        let goes_on = |level: usize| {
            let below = self.rows.iter().skip(index + 1).map(|(_, row)| row.depth);
            below.take_while(|depth| *depth >= level).any(|depth| depth == level)
        };
        let stroke = |level: usize| match (level == depth, goes_on(level)) {
            (true, true) => paint.glyphs.branch,
            (true, false) => paint.glyphs.last,
            (false, true) => paint.glyphs.trunk,
            (false, false) => "   ",
        };
        (1..=depth).map(stroke).collect()
    }
}

fn key((target, row): &Row) -> (usize, Blocker) {
    (*target, row.who)
}

fn circle(pids: &[i32]) -> String {
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    format!("{} wait in a circle; the server will end one of them", pids.join(", "))
}

fn backend<'m>(moment: &'m Moment, target: usize, row: &BlockingRow) -> Option<&'m BackendRow> {
    let Blocker::Backend(pid) = row.who else { return None };
    moment.backends.iter().find(|row| row.target == target && row.backend.pid() == pid)
}

/// Who it is; of those that do not wait also what they do instead.
fn who<'t>(target: usize, row: &BlockingRow, moment: &Moment, paint: &Paint<'_>) -> Vec<Span<'t>> {
    let Some(found) = backend(moment, target, row) else {
        return vec![match row.who {
            Blocker::Backend(pid) => paint.span(format!("{pid} (not in this sample)  "), Meaning::Muted),
            Blocker::Prepared => paint.span("a prepared transaction  ", Meaning::Warning),
        }];
    };
    let backend = &found.backend;
    let word = if backend.state == State::IdleInTransaction { "" } else { "tx " };
    let age = backend.xact_start.map(|since| moment.sampled_at(found).age_of(since));
    let age = age.map(|age| format!(" {word}{}", format::age(age)));
    let name = paint.span(format!("{} {}  ", backend.pid(), backend.session.application_name), Meaning::Text);
    if row.waited_s.is_some() {
        return vec![name];
    }
    vec![
        name,
        paint.span(backend.state.short(), state_meaning(backend.state)),
        paint.span(format!("{}  ", age.unwrap_or_default()), Meaning::Muted),
    ]
}

/// What to do about it, how many wait behind it, how long it waits itself.
fn why<'t>(row: &BlockingRow, paint: &Paint<'_>) -> Vec<Span<'t>> {
    let notes = [
        (row.blocks > 0).then(|| format!("blocks {}", row.blocks)),
        row.waited_s.map(|waited| format!("waits {}", format::seconds(waited))),
        (row.also_waits_for > 0).then(|| format!("waits for {} more", row.also_waits_for)),
        row.in_cycle.then(|| "in a circle".to_owned()),
    ];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    let look = if row.blocks > 0 { Meaning::Blocked } else { Meaning::Muted };
    let advice = if row.cancel_first { "cancel this first: " } else { "" };
    vec![paint.span(advice, Meaning::Warning), paint.span(notes.join(", "), look)]
}
