//! A list over the whole screen: filtered, sorted, copied like the connections. What it lists is a [`Listing`], made
//! from a moment or, for the fleet, from many.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Debug;

use crossterm::event::KeyEvent;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_input::Input as LineInput;

use super::page::scroll_sign;
use crate::analysis::Moment;
use crate::model::operation::OperationReport;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::model::track::Track;
use crate::text::Text;
use crate::ui::command::Command;
use crate::ui::paint::{Paint, put, put_line, wrap};
use crate::ui::state::connections::RowId;
use crate::ui::state::line;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::{Cell, Column, Table, scroll};

pub mod clients;
pub mod fleet;
pub mod layers;
pub mod statements;

/// What a sheet can list.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The moment that is shown.
    pub moment: &'a Moment,
    /// The newest, shown or not: it knows most of what happened.
    pub newest: &'a Moment,
    /// The past.
    pub track: Option<&'a Track>,
    /// What came of operations, and when.
    pub reports: &'a [(Timestamp, OperationReport)],
    /// For times of day.
    pub zone: &'a TimeZone,
}

/// A sheet over what is known of the profile that is shown.
pub trait Listed: AnySheet {
    /// Takes the rows of what is known; `area` is the whole screen.
    fn refresh(&mut self, known: &Known<'_>, area: Rect);
}

/// What a sheet lists.
pub trait Listing: Debug + 'static {
    /// One line of it.
    type Row: Debug + Send;
    /// What a column shows and sorts by.
    type Field: Copy + PartialEq + Debug + Send + 'static;
    /// What the rows are made from.
    type Source<'a>;

    /// Its name, in the frame.
    const TITLE: &'static str;
    /// Its columns.
    const COLUMNS: &'static [Column<Self::Field>];
    /// What `s` goes through, and whether the interesting end is the large one. The first is the order at the start.
    const SORTS: &'static [(Self::Field, bool)];
    /// Rows of the screen that stay free above it.
    const ABOVE: u16 = 2;

    /// The rows, in any order.
    fn rows(source: &Self::Source<'_>) -> Vec<Self::Row>;
    /// Lines above the table: what the numbers are about.
    fn heads(source: &Self::Source<'_>) -> Vec<String>;
    /// Instead of the table when there is nothing: why, and what to do.
    fn empty(source: &Self::Source<'_>) -> String;
    /// What stays the same while the numbers change: the cursor stays on it.
    fn key(row: &Self::Row) -> String;
    /// The order of two rows, the small one first.
    fn compare(left: &Self::Row, right: &Self::Row, field: Self::Field) -> Ordering;
    /// What a cell shows.
    fn cell<'r>(row: &'r Self::Row, field: Self::Field, paint: &Paint<'_>) -> Cell<'r>;
    /// All of the row as text, to be searched and copied.
    fn text(row: &Self::Row) -> String;
    /// The connection that Enter opens.
    fn connection(row: &Self::Row) -> Option<RowId> {
        let _ = row;
        None
    }
    /// The statement that it is about, whole.
    fn query(row: &Self::Row) -> Option<Text> {
        let _ = row;
        None
    }
    /// The time that it stands for: Enter goes there.
    fn time(row: &Self::Row) -> Option<Timestamp> {
        let _ = row;
        None
    }
    /// The client of a pooler or Redis server that it is: the target and its identifier there.
    fn client(row: &Self::Row) -> Option<(TargetName, Text)> {
        let _ = row;
        None
    }
}

/// A sheet whatever it lists.
pub trait AnySheet: Debug + Send {
    /// Moves, sorts, or begins to type the filter.
    fn command(&mut self, command: Command);
    /// Whether the filter is being typed.
    fn is_typing(&self) -> bool;
    /// A key of the filter.
    fn type_key(&mut self, key: KeyEvent);
    /// Text pasted into the filter.
    fn paste(&mut self, text: &str);
    /// Whether Esc has something to end before it closes the sheet.
    fn is_filtered(&self) -> bool;
    /// Ends the typing and clears the filter.
    fn clear_filter(&mut self);
    /// The selected row as text.
    fn copy(&self) -> Option<String>;
    /// The connection that the selected row is about.
    fn connection(&self) -> Option<RowId>;
    /// The statement that the selected row is about, whole.
    fn query(&self) -> Option<Text>;
    /// The time that the selected row stands for.
    fn time(&self) -> Option<Timestamp>;
    /// The client that the selected row is about.
    fn client(&self) -> Option<(TargetName, Text)>;
    /// Draws it; returns where the terminal's cursor stands, if something is typed.
    fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position>;
}

/// The state of one sheet.
#[derive(Debug)]
pub struct Sheet<L: Listing> {
    rows: Vec<L::Row>,
    listed: usize,
    heads: Vec<String>,
    empty: String,
    sort: (L::Field, bool),
    filter: String,
    typing: Option<LineInput>,
    cursor: Option<String>,
    at: usize,
    offset: usize,
    height: usize,
    steady: bool,
}

impl<L: Listing> Default for Sheet<L> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            listed: 0,
            heads: Vec::new(),
            empty: String::new(),
            sort: L::SORTS[0],
            filter: String::new(),
            typing: None,
            cursor: None,
            at: 0,
            offset: 0,
            height: 1,
            steady: false,
        }
    }
}

impl<L: Listing> Sheet<L> {
    /// A sheet that lists nothing yet.
    pub fn open() -> Box<dyn Listed>
    where
        Self: Listed,
    {
        Box::new(Self::default())
    }

    /// The same with a filter from the start.
    pub fn filtered(filter: String) -> Box<dyn Listed>
    where
        Self: Listed,
    {
        Box::new(Self { filter, ..Self::default() })
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<&L::Row> {
        self.rows.get(self.at)
    }

    /// What the rows are, in their order.
    #[cfg(test)]
    pub(in crate::ui) fn keys(&self) -> Vec<String> {
        self.rows.iter().map(L::key).collect()
    }

    /// Whether rows that are there keep their order, whatever they would be sorted by.
    pub fn keep_order(&mut self, steady: bool) {
        self.steady = steady;
    }

    /// The rows that pass the filter, in order. The cursor stays on its row.
    fn arrange(&mut self, source: &L::Source<'_>) {
        let mut rows = L::rows(source);
        self.listed = rows.len();
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        rows.retain(|row| passes(&L::text(row).to_lowercase(), &words));
        let (field, descending) = self.sort;
        rows.sort_by(|left, right| {
            let order = L::compare(left, right, field);
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| L::key(left).cmp(&L::key(right)))
        });
        if self.steady {
            let places: HashMap<String, usize> = self.rows.iter().map(L::key).zip(0..).collect();
            rows.sort_by_key(|row| places.get(&L::key(row)).copied().unwrap_or(usize::MAX));
        }
        self.rows = rows;
        let found = self.cursor.as_ref().and_then(|key| self.rows.iter().position(|row| L::key(row) == *key));
        self.at = found.unwrap_or(if self.cursor.is_some() { self.at } else { 0 });
        self.at = self.at.min(self.rows.len().saturating_sub(1));
    }

    fn go(&mut self, to: usize) {
        self.at = to.min(self.rows.len().saturating_sub(1));
        self.cursor = self.rows.get(self.at).map(L::key);
        self.offset = scroll(self.offset, Some(self.at), self.rows.len(), self.height);
    }

    fn next_sort(&mut self) {
        let at = L::SORTS.iter().position(|(field, _)| *field == self.sort.0).map_or(0, |at| at + 1);
        self.sort = L::SORTS[at % L::SORTS.len()];
    }

    fn titles<'t>(&self, paint: &Paint<'_>) -> Line<'t> {
        let mut title = Line::from(vec![
            paint.span(format!(" {} ", L::TITLE), Meaning::Title),
            paint.span(format!("{} ", self.rows.len()), Meaning::Muted),
        ]);
        if self.rows.len() < self.listed {
            title.push_span(paint.span(format!("of {} ", self.listed), Meaning::Muted));
        }
        if !self.filter.is_empty() && self.typing.is_none() {
            title.push_span(paint.span(format!("/ {} ", self.filter), Meaning::Accent));
        }
        title
    }
}

/// Every word stands in `text`; a word with `!` in front must not.
fn passes(text: &str, words: &[String]) -> bool {
    words.iter().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(word) => !text.contains(word),
        None => text.contains(word.as_str()),
    })
}

/// All of the screen between what stays free above and the footer.
fn place(area: Rect, above: u16) -> Rect {
    let height = area.height.saturating_sub(above + 1).max(3.min(area.height));
    Rect { y: area.y + area.height.min(above), height, ..area }.intersection(area)
}

impl<L> Listed for Sheet<L>
where
    L: for<'a> Listing<Source<'a> = Known<'a>>,
{
    fn refresh(&mut self, known: &Known<'_>, area: Rect) {
        self.take(known, area);
    }
}

impl<L: Listing> Sheet<L> {
    /// Takes the rows of `source`; `area` is the whole screen.
    pub fn take(&mut self, source: &L::Source<'_>, area: Rect) {
        let place = place(area, L::ABOVE);
        let width = usize::from(place.width.saturating_sub(4));
        self.heads = L::heads(source).iter().flat_map(|head| wrap(head, width)).collect();
        self.empty = L::empty(source);
        self.arrange(source);
        let above = self.heads.len() + 1 + usize::from(self.typing.is_some());
        self.height = usize::from(place.height.saturating_sub(2)).saturating_sub(above).max(1);
        self.offset = scroll(self.offset, Some(self.at), self.rows.len(), self.height);
    }
}

impl<L: Listing> AnySheet for Sheet<L> {
    fn command(&mut self, command: Command) {
        let page = self.height.saturating_sub(1).max(1);
        match command {
            Command::Up => self.go(self.at.saturating_sub(1)),
            Command::Down => self.go(self.at + 1),
            Command::PageUp => self.go(self.at.saturating_sub(page)),
            Command::PageDown => self.go(self.at + page),
            Command::First => self.go(0),
            Command::Last => self.go(usize::MAX),
            Command::Sort => self.next_sort(),
            Command::Reverse => self.sort.1 = !self.sort.1,
            Command::Filter => self.typing = Some(LineInput::new(self.filter.clone())),
            Command::Open | Command::Answer => self.typing = None,
            _ => {}
        }
    }

    fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    fn type_key(&mut self, key: KeyEvent) {
        if let Some(input) = &mut self.typing
            && line::key(input, key)
        {
            input.value().clone_into(&mut self.filter);
        }
    }

    fn paste(&mut self, text: &str) {
        if let Some(input) = &mut self.typing {
            line::paste(input, text);
            input.value().clone_into(&mut self.filter);
        }
    }

    fn is_filtered(&self) -> bool {
        self.typing.is_some() || !self.filter.is_empty()
    }

    fn clear_filter(&mut self) {
        self.typing = None;
        self.filter.clear();
    }

    fn copy(&self) -> Option<String> {
        self.rows.get(self.at).map(L::text)
    }

    fn connection(&self) -> Option<RowId> {
        self.rows.get(self.at).and_then(L::connection)
    }

    fn query(&self) -> Option<Text> {
        self.rows.get(self.at).and_then(L::query)
    }

    fn time(&self) -> Option<Timestamp> {
        self.rows.get(self.at).and_then(L::time)
    }

    fn client(&self) -> Option<(TargetName, Text)> {
        self.rows.get(self.at).and_then(L::client)
    }

    fn draw(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let mut inner = paint.dialog(place(area, L::ABOVE), buf, self.titles(paint), Meaning::Focus);
        let next = |inner: &mut Rect| {
            let line = Rect { height: 1.min(inner.height), ..*inner };
            *inner = Rect { y: inner.y + line.height, height: inner.height - line.height, ..*inner };
            line
        };
        let mut cursor = None;
        if let Some(input) = &self.typing {
            let place = next(&mut inner);
            let prompt = paint.span("/ ", Meaning::Accent);
            let typed = Line::from(vec![prompt, paint.span(input.value().to_owned(), Meaning::Text)]);
            put_line(buf, place, &typed);
            let x = place.x + 2 + u16::try_from(input.visual_cursor()).unwrap_or(0);
            cursor = Some(Position { x: x.min(place.right().saturating_sub(1)), y: place.y });
        }
        for head in &self.heads {
            put(buf, next(&mut inner), head, paint.style(Meaning::Muted), paint.glyphs);
        }
        if self.rows.is_empty() {
            let nothing = format!("Nothing here matches `{}`. Esc clears the filter.", self.filter);
            let text = if self.listed > 0 { &nothing } else { &self.empty };
            for text in wrap(text, inner.width.into()) {
                put(buf, next(&mut inner), &text, paint.style(Meaning::Muted), paint.glyphs);
            }
            return cursor;
        }
        let cell = |row: usize, field: &L::Field| L::cell(&self.rows[row], *field, paint);
        Table {
            columns: L::COLUMNS,
            rows: self.rows.len(),
            offset: self.offset,
            cursor: Some(self.at),
            focused: true,
            sort: Some(self.sort),
            cell: &cell,
            marked: &|_| false,
        }
        .draw(paint, inner, buf);
        let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        scroll_sign(self.offset, self.rows.len(), paint, body, buf);
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn every_word_of_the_filter_counts_and_an_exclamation_mark_inverts_it() {
        let words = |filter: &str| filter.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (filter, passed) in [
            ("", true),
            ("cart", true),
            ("cart api", true),
            ("!cart", false),
            ("!redis", true),
            ("cart !api", false),
            ("!", true),
        ] {
            assert_eq!(passes("api select from carts", &words(filter)), passed, "{filter}");
        }
    }
}
