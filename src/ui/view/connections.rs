//! The connections as a list: the tabs by state, the columns, the order.

use std::cmp::Ordering;

use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::model::backend::{Backend, State};
use crate::model::finding::Severity;
use crate::model::time::Timestamp;
use crate::ui::format;
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Meaning;
pub use crate::ui::widgets::table::Cell;
use crate::ui::widgets::table::Column;

/// The tabs over the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tab {
    /// Every connection.
    #[default]
    All,
    /// Running a statement.
    Active,
    /// Outside a transaction.
    Idle,
    /// Idle in transaction, not aborted.
    InTransaction,
    /// Idle in an aborted transaction.
    Aborted,
    /// Waiting on a lock; part of the others.
    Blocked,
}

impl Tab {
    /// Every tab, in order.
    pub const ALL: [Self; 6] =
        [Self::All, Self::Active, Self::Idle, Self::InTransaction, Self::Aborted, Self::Blocked];

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Idle => "idle",
            Self::InTransaction => "in tx",
            Self::Aborted => "aborted",
            Self::Blocked => "blocked",
        }
    }

    /// Whether a connection belongs there. States that no tab names (`disabled`, `starting`, hidden) are under `all` only.
    pub fn holds(self, backend: &Backend) -> bool {
        match self {
            Self::All => true,
            Self::Active => matches!(backend.state, State::Active | State::Fastpath),
            Self::Idle => backend.state == State::Idle,
            Self::InTransaction => backend.state == State::IdleInTransaction,
            Self::Aborted => backend.state == State::Aborted,
            Self::Blocked => backend.waits_on_lock(),
        }
    }

    /// The tab `by` places further, round about.
    pub fn step(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        let len = Self::ALL.len();
        Self::ALL[(at + len).saturating_add_signed(by) % len]
    }
}

/// What a column of the connections shows and sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Process id.
    Pid,
    /// The target, where there are several.
    Target,
    /// `application_name`.
    Application,
    /// User.
    User,
    /// Database.
    Database,
    /// Client address and port.
    Client,
    /// State.
    State,
    /// What it waits for.
    Wait,
    /// Time in this state.
    Age,
    /// Age of the transaction.
    Transaction,
    /// How many wait for it.
    Blocks,
    /// Running or last statement.
    Query,
}

const PID: Column<Field> = Column { field: Field::Pid, head: "pid", min: 7, max: 7, keep: 80, right: true };
const APPLICATION: Column<Field> =
    Column { field: Field::Application, head: "application", min: 12, max: 20, keep: 95, right: false };
const USER: Column<Field> =
    Column { field: Field::User, head: "user", min: 8, max: 14, keep: 30, right: false };
const DATABASE: Column<Field> =
    Column { field: Field::Database, head: "database", min: 8, max: 14, keep: 35, right: false };
const CLIENT: Column<Field> =
    Column { field: Field::Client, head: "client", min: 16, max: 22, keep: 40, right: false };
const STATE: Column<Field> =
    Column { field: Field::State, head: "state", min: 8, max: 8, keep: 90, right: false };
const WAIT: Column<Field> =
    Column { field: Field::Wait, head: "wait", min: 13, max: 16, keep: 60, right: false };
const AGE: Column<Field> = Column { field: Field::Age, head: "age", min: 7, max: 7, keep: 85, right: true };
const TRANSACTION: Column<Field> =
    Column { field: Field::Transaction, head: "tx", min: 7, max: 7, keep: 100, right: true };
const BLOCKS: Column<Field> =
    Column { field: Field::Blocks, head: "blocks", min: 7, max: 7, keep: 70, right: true };
const QUERY: Column<Field> =
    Column { field: Field::Query, head: "last statement", min: 26, max: 400, keep: 55, right: false };
const TARGET: Column<Field> =
    Column { field: Field::Target, head: "target", min: 8, max: 12, keep: 50, right: false };

/// The columns, in the order in which they stand.
pub static ONE_TARGET: [Column<Field>; 11] =
    [PID, APPLICATION, USER, DATABASE, CLIENT, STATE, WAIT, AGE, TRANSACTION, BLOCKS, QUERY];

/// The same with the target, where there are several.
pub static COLUMNS: [Column<Field>; 12] =
    [PID, TARGET, APPLICATION, USER, DATABASE, CLIENT, STATE, WAIT, AGE, TRANSACTION, BLOCKS, QUERY];

/// The columns of a screen that is narrower than sixty cells: the name and the number that matters.
pub static NARROW: [Column<Field>; 3] = [
    Column { field: Field::Application, head: "application", min: 12, max: 60, keep: 90, right: false },
    Column { field: Field::State, head: "state", min: 8, max: 8, keep: 80, right: false },
    Column { field: Field::Transaction, head: "tx", min: 7, max: 7, keep: 100, right: true },
];

/// The fields that `s` goes through.
pub const SORTS: [Field; 8] = [
    Field::Transaction,
    Field::Age,
    Field::Blocks,
    Field::Application,
    Field::State,
    Field::Client,
    Field::Query,
    Field::Pid,
];

impl Field {
    /// Whether the interesting end is the large one.
    pub fn descends(self) -> bool {
        matches!(self, Self::Transaction | Self::Age | Self::Blocks)
    }

    /// The head of its column.
    pub fn head(self) -> &'static str {
        COLUMNS.iter().find(|column| column.field == self).map_or("", |column| column.head)
    }
}

/// When its transaction began; an aborted one has none, so the age of its state counts.
fn transaction_start(backend: &Backend) -> Option<Timestamp> {
    match backend.state {
        State::Aborted => backend.state_change,
        _ => backend.xact_start,
    }
}

/// Sorts row indices in place. Ties keep the order of the moment, which is by target and pid.
pub fn sort(rows: &mut [u32], field: Field, descending: bool, moment: &Moment) {
    let row = |index: u32| moment.backends.get(index as usize);
    match field {
        Field::Pid => by(rows, descending, |i| row(i).map_or(0, |row| i64::from(row.backend.pid()))),
        Field::Blocks => by(rows, descending, |i| row(i).map_or(0, |row| i64::from(row.blocks_transitively))),
        Field::Age => by(rows, descending, |i| age_key(moment, row(i), |backend| backend.state_change)),
        Field::Transaction => by(rows, descending, |i| age_key(moment, row(i), transaction_start)),
        Field::State => by(rows, descending, |i| row(i).map(|row| row.backend.state)),
        Field::Target => by(rows, descending, |i| row(i).map(|row| row.target)),
        _ => rows.sort_by(|left, right| {
            let text = |index| row(index).map_or("", |row| text_of(&row.backend, field));
            directed(text(*left).cmp(text(*right)), descending)
        }),
    }
}

fn by<K: Ord>(rows: &mut [u32], descending: bool, key: impl Fn(u32) -> K) {
    let mut keyed: Vec<(K, u32)> = rows.iter().map(|row| (key(*row), *row)).collect();
    keyed.sort_unstable_by(|left, right| {
        directed(left.0.cmp(&right.0), descending).then(left.1.cmp(&right.1))
    });
    for (row, (_, sorted)) in rows.iter_mut().zip(keyed) {
        *row = sorted;
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// An age in microseconds; −1 for none, so that it ends below every age.
fn age_key(moment: &Moment, row: Option<&BackendRow>, since: impl Fn(&Backend) -> Option<Timestamp>) -> i64 {
    row.and_then(|row| {
        since(&row.backend)
            .map(|since| moment.sampled_at(row).as_micros().saturating_sub(since.as_micros()).max(0))
    })
    .unwrap_or(-1)
}

fn text_of(backend: &Backend, field: Field) -> &str {
    let session = &backend.session;
    match field {
        Field::Application => &session.application_name,
        Field::User => &session.user,
        Field::Database => &session.database,
        Field::Client => session.client.addr().map_or("", |addr| addr),
        Field::Wait => backend.wait.as_ref().map_or("", |wait| &wait.event),
        Field::Query => backend.query.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// How a state looks.
pub fn state_meaning(state: State) -> Meaning {
    match state {
        State::Active | State::Fastpath => Meaning::Active,
        State::Idle => Meaning::Idle,
        State::IdleInTransaction => Meaning::InTransaction,
        State::Aborted => Meaning::Aborted,
        State::Disabled | State::Starting | State::Unknown => Meaning::Muted,
    }
}

/// What the cell of `field` shows for `row`.
pub fn cell<'a>(moment: &'a Moment, row: &'a BackendRow, field: Field, glyphs: &Glyphs) -> Cell<'a> {
    let (backend, session) = (&*row.backend, &*row.backend.session);
    let age = |since: Option<Timestamp>| since.map(|since| format::age(moment.sampled_at(row).age_of(since)));
    let unknown = || Cell::muted(glyphs.unknown);
    match field {
        Field::Pid => Cell::plain(backend.pid().to_string()),
        Field::Target => Cell::muted(moment.targets.get(row.target).map_or("", |target| &*target.name)),
        Field::Application => match application(moment, row) {
            "" => unknown(),
            name => Cell::plain(name),
        },
        Field::User => Cell::muted(&*session.user),
        Field::Database => Cell::muted(&*session.database),
        Field::Client => Cell::muted(client(moment, row)),
        Field::State => Cell::of(
            state_word(row),
            if backend.waits_on_lock() { Meaning::Blocked } else { state_meaning(backend.state) },
        ),
        Field::Wait => wait_cell(backend, glyphs),
        Field::Age => age(backend.state_change).map_or_else(unknown, Cell::plain),
        Field::Transaction => age(transaction_start(backend))
            .map_or_else(unknown, |age| Cell::of(age, suspect_meaning(row.suspect))),
        Field::Blocks if row.blocks_transitively == 0 => unknown(),
        Field::Blocks => Cell::of(row.blocks_transitively.to_string(), Meaning::Blocked),
        Field::Query => backend.query.as_ref().map_or_else(unknown, |query| Cell::muted(one_line(query))),
    }
}

/// The application behind a connection: of a pooler's, that of the pooled client where it is certain.
fn application<'a>(moment: &'a Moment, row: &'a BackendRow) -> &'a str {
    let pooled = moment.path(row).filter(|path| path.certain).and_then(|path| path.client);
    let name = pooled.and_then(|client| client.application_name.as_ref()).filter(|name| !name.is_empty());
    name.unwrap_or(&row.backend.session.application_name)
}

/// The other end: of a pooler's connection the pooled client, behind `>` where it is certain to be the one whose transaction or
/// session the row shows, behind `~` where the pooler was only seen to serve it, and the pooler's name while it serves nobody.
fn client(moment: &Moment, row: &BackendRow) -> String {
    let Some(path) = moment.path(row) else { return row.backend.session.client.to_string() };
    match path.client {
        Some(client) => format!("{}{}", if path.certain { '>' } else { '~' }, client.client),
        None => format!(">{}", path.pooler.name),
    }
}

/// A statement without its line feeds and indents, as far as a row can show it.
pub fn one_line(query: &str) -> String {
    let mut line = String::new();
    for word in query.split_whitespace() {
        if line.len() > 400 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The state in a word; a backend that waits on a lock is blocked.
fn state_word(row: &BackendRow) -> &'static str {
    if row.is_pooltop {
        "pooltop"
    } else if row.backend.waits_on_lock() {
        "blocked"
    } else {
        row.backend.state.short()
    }
}

fn wait_cell<'a>(backend: &'a Backend, glyphs: &Glyphs) -> Cell<'a> {
    match &backend.wait {
        None => Cell::muted(glyphs.unknown),
        Some(wait) if wait.is_lock() => Cell::of(&*wait.event, Meaning::Blocked),
        Some(wait) => Cell::muted(&*wait.event),
    }
}

fn suspect_meaning(suspect: Option<Severity>) -> Meaning {
    match suspect {
        Some(Severity::Critical) => Meaning::Danger,
        Some(Severity::Warning) => Meaning::Warning,
        Some(Severity::Notice) | None => Meaning::Text,
    }
}
