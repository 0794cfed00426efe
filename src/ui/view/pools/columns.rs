//! The columns of the pools: what they show, how they sort, what stands in a cell.

use super::Line;
use crate::model::pool::Layer;
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::{Cell, Column};

/// What a column of the pools shows and sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Application, or the declared name.
    Application,
    /// User.
    User,
    /// Database.
    Database,
    /// Client address, or its network.
    Client,
    /// How many pools the line is.
    Pools,
    /// In use, of the ceiling.
    Used,
    /// Idle.
    Idle,
    /// Idle in transaction.
    InTransaction,
    /// Idle in an aborted transaction.
    Aborted,
    /// Queued for a connection.
    Queued,
    /// The oldest idle transaction.
    Oldest,
    /// Connections over time.
    Trend,
    /// The worst finding.
    Finding,
}

const USED: Column<Field> = Column::number(Field::Used, "used/max", 9, 100);
const IDLE: Column<Field> = Column::number(Field::Idle, "idle", 5, 60);
const IN_TRANSACTION: Column<Field> = Column::number(Field::InTransaction, "in tx", 6, 90);
const ABORTED: Column<Field> = Column::number(Field::Aborted, "abort", 6, 50);
const QUEUED: Column<Field> = Column::number(Field::Queued, "queued", 7, 55);
const OLDEST: Column<Field> = Column::number(Field::Oldest, "oldest", 7, 80);
const TREND: Column<Field> = Column::text(Field::Trend, "recent", (10, 40), 30);
const FINDING: Column<Field> = Column::text(Field::Finding, "finding", (10, 10), 70);

/// The columns of pools that are not rolled up.
pub static COLUMNS: [Column<Field>; 12] = [
    Column::text(Field::Application, "application", (12, 26), 95),
    Column::text(Field::User, "user", (8, 14), 40),
    Column::text(Field::Database, "database", (8, 14), 45),
    Column::text(Field::Client, "client", (12, 18), 35),
    USED,
    IDLE,
    IN_TRANSACTION,
    ABORTED,
    QUEUED,
    OLDEST,
    TREND,
    FINDING,
];

/// The columns of pools that are rolled up.
pub static ROLLED: [Column<Field>; 10] = [
    Column::text(Field::Application, "", (12, 40), 95),
    Column::number(Field::Pools, "pools", 6, 40),
    USED,
    IDLE,
    IN_TRANSACTION,
    ABORTED,
    QUEUED,
    OLDEST,
    TREND,
    FINDING,
];

/// The columns of a screen that is narrower than sixty cells.
pub static NARROW: [Column<Field>; 3] =
    [Column::text(Field::Application, "application", (12, 60), 90), USED, IN_TRANSACTION];

/// The fields that `s` goes through. The first is the order of trouble.
pub const SORTS: [Field; 7] = [
    Field::Finding,
    Field::Used,
    Field::InTransaction,
    Field::Queued,
    Field::Oldest,
    Field::Idle,
    Field::Application,
];

impl Field {
    /// Whether the interesting end is the large one.
    pub fn descends(self) -> bool {
        self != Self::Application
    }
}

/// Sorts lines. Ties go by the highest count ever seen, then by name: both stay while the numbers move.
pub fn sort(lines: &mut [Line], field: Field, descending: bool) {
    lines.sort_by(|left, right| {
        let order = match field {
            Field::Finding => left.finding.cmp(&right.finding),
            Field::Used => left.used.cmp(&right.used),
            Field::InTransaction => left.in_transaction.cmp(&right.in_transaction),
            Field::Queued => left.pending.cmp(&right.pending),
            Field::Oldest => left.oldest_s.unwrap_or(-1.0).total_cmp(&right.oldest_s.unwrap_or(-1.0)),
            Field::Idle => left.idle.cmp(&right.idle),
            _ => left.label().cmp(right.label()),
        };
        let order = if descending { order.reverse() } else { order };
        order.then_with(|| right.peak.cmp(&left.peak)).then_with(|| left.key.cmp(&right.key))
    });
}

/// What the cell of `field` shows for `line`.
pub fn cell<'a>(line: &'a Line, field: Field, paint: &Paint<'_>) -> Cell<'a> {
    let unknown = paint.glyphs.unknown;
    let part = |part: &'a Option<Text>| part.as_ref().map_or(Cell::muted("*"), |part| Cell::muted(&**part));
    match field {
        Field::Application => match layer_word(line) {
            Some(word) => Cell::plain(format!("{word}: {}", line.label())),
            None => Cell::plain(line.label()),
        },
        Field::User => part(&line.key.user),
        Field::Database => part(&line.key.database),
        Field::Client => part(&line.key.client),
        Field::Pools => Cell::muted(line.pools.to_string()),
        Field::Used => match line.used {
            Some(used) => Cell::of(format::of(used, line.max, unknown), used_meaning(used, line.max)),
            None => Cell::muted(unknown),
        },
        Field::Idle => number(line.idle, Meaning::Muted, unknown),
        Field::InTransaction => number(line.in_transaction, Meaning::InTransaction, unknown),
        Field::Aborted => number(line.aborted, Meaning::Aborted, unknown),
        Field::Queued => number(line.pending, Meaning::Queued, unknown),
        Field::Oldest => line.oldest_s.map_or(Cell::muted(unknown), |age| Cell::plain(format::seconds(age))),
        Field::Trend => Cell::Trend((&line.trend).into(), Meaning::Accent),
        Field::Finding => finding_cell(line, paint),
    }
}

/// A count; zero is quiet.
fn number<'a>(value: Option<u32>, meaning: Meaning, unknown: &'static str) -> Cell<'a> {
    match value {
        None => Cell::muted(unknown),
        Some(0) => Cell::muted("0"),
        Some(value) => Cell::of(format::count(value.into()), meaning),
    }
}

fn used_meaning(used: u32, max: Option<u32>) -> Meaning {
    match max {
        Some(max) if used >= max => Meaning::Danger,
        Some(max) if used * 5 >= max * 4 => Meaning::Warning,
        _ => Meaning::Text,
    }
}

fn finding_cell<'a>(line: &Line, paint: &Paint<'_>) -> Cell<'a> {
    line.finding.map_or(Cell::plain(""), |severity| {
        let (sign, meaning) = paint.severity(severity);
        Cell::of(format!("{sign} {}", severity.as_str()), meaning)
    })
}

/// Where a pool is seen, if not on the server, which is the ordinary case: the target's name, or its layer.
fn layer_word(line: &Line) -> Option<&str> {
    match line.key.layer {
        Layer::Server => None,
        _ if !line.key.target.is_empty() => Some(&line.key.target),
        Layer::Pooler => Some("pooler"),
        Layer::Application => Some("application"),
    }
}
