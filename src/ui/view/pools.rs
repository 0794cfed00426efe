//! The pools as a list, rolled up as far as asked: a thousand pools are a few lines when each is not the point.

use std::collections::HashMap;

use crate::analysis::Moment;
use crate::analysis::moment::PoolRow;
use crate::model::finding::Severity;
use crate::model::pool::{Layer, PoolKey};
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::{Cell, Column};

/// By what pools are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollUp {
    /// Not at all: application, user, database and client.
    #[default]
    Full,
    /// By application.
    Application,
    /// By user.
    User,
    /// By database.
    Database,
    /// By the client's network: /24, or /64.
    Subnet,
    /// By client address.
    Client,
}

impl RollUp {
    const ALL: [Self; 6] =
        [Self::Full, Self::Application, Self::User, Self::Database, Self::Subnet, Self::Client];

    /// The next one, round about.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|level| *level == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Its word, `None` where nothing is rolled up.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Application => Some("application"),
            Self::User => Some("user"),
            Self::Database => Some("database"),
            Self::Subnet => Some("subnet"),
            Self::Client => Some("client"),
        }
    }

    /// What pools share that stand in one line.
    fn key(self, pool: &PoolKey) -> PoolKey {
        let mut key = PoolKey {
            target: "".into(),
            layer: pool.layer,
            declared: None,
            application_name: None,
            user: None,
            database: None,
            client: None,
        };
        let known = |part: &Option<Text>| Some(part.clone().unwrap_or_else(|| "*".into()));
        match self {
            Self::Full => return pool.clone(),
            Self::Application => key.application_name = known(&pool.application_name),
            Self::User => key.user = known(&pool.user),
            Self::Database => key.database = known(&pool.database),
            Self::Subnet => {
                key.client = Some(Text::line(&subnet(pool.client.as_deref().unwrap_or_default())));
            }
            Self::Client => key.client = known(&pool.client),
        }
        key
    }
}

/// The network of an address: `10.0.4.*`, `2001:db8:0:1:*`. What is not an address stays as it is.
fn subnet(client: &str) -> String {
    match client.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.*")
        }
        Ok(std::net::IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}:*")
        }
        Err(_) => client.to_owned(),
    }
}

/// One line: a pool, or several that share a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What the pools share; stays the same from sample to sample.
    pub key: PoolKey,
    /// How many pools it is.
    pub pools: usize,
    /// Indices into [`Moment::pools`].
    pub members: Vec<usize>,
    /// The declared name, for a single pool.
    pub name: Option<Text>,
    /// In use.
    pub used: Option<u32>,
    /// Idle, outside a transaction.
    pub idle: Option<u32>,
    /// Idle in transaction.
    pub in_transaction: Option<u32>,
    /// Idle in an aborted transaction.
    pub aborted: Option<u32>,
    /// Queued for a connection.
    pub pending: Option<u32>,
    /// The most that were open at once.
    pub peak: u32,
    /// Ceiling; `None` as soon as one member's is not known.
    pub max: Option<u32>,
    /// Age of the oldest idle transaction, s.
    pub oldest_s: Option<f64>,
    /// Connections over time.
    pub trend: Vec<Option<u32>>,
    /// The worst finding.
    pub finding: Option<Severity>,
}

impl Line {
    fn new(key: PoolKey, index: usize, row: &PoolRow) -> Self {
        let pool = &row.pool;
        Self {
            key,
            pools: 1,
            members: vec![index],
            name: pool.key.declared.clone(),
            used: pool.used,
            idle: pool.idle,
            in_transaction: pool.idle_in_transaction,
            aborted: pool.aborted,
            pending: pool.pending,
            peak: pool.peak,
            max: pool.max,
            oldest_s: pool.oldest_idle_in_transaction_s,
            trend: row.trend.clone(),
            finding: row.finding,
        }
    }

    fn add(&mut self, index: usize, row: &PoolRow) {
        let pool = &row.pool;
        self.pools += 1;
        self.members.push(index);
        self.name = None;
        self.used = sum(self.used, pool.used);
        self.idle = sum(self.idle, pool.idle);
        self.in_transaction = sum(self.in_transaction, pool.idle_in_transaction);
        self.aborted = sum(self.aborted, pool.aborted);
        self.pending = sum(self.pending, pool.pending);
        self.peak += pool.peak;
        self.max = self.max.zip(pool.max).map(|(left, right)| left + right);
        self.oldest_s = larger(self.oldest_s, pool.oldest_idle_in_transaction_s);
        add_series(&mut self.trend, &row.trend);
        self.finding = self.finding.max(row.finding);
    }
}

/// The sum of what is known.
fn sum(left: Option<u32>, right: Option<u32>) -> Option<u32> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (known, None) | (None, known) => known,
    }
}

fn larger(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (known, None) | (None, known) => known,
    }
}

/// Adds two series that end at the same time.
fn add_series(into: &mut Vec<Option<u32>>, other: &[Option<u32>]) {
    if into.len() < other.len() {
        let mut longer = vec![None; other.len() - into.len()];
        longer.append(into);
        *into = longer;
    }
    let start = into.len() - other.len();
    for (left, right) in into.iter_mut().skip(start).zip(other) {
        *left = sum(*left, *right);
    }
}

/// Every line, not sorted, in the order of the moment.
pub fn lines(moment: &Moment, level: RollUp) -> Vec<Line> {
    let mut places: HashMap<PoolKey, usize> = HashMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for (index, row) in moment.pools.iter().enumerate() {
        let key = level.key(&row.pool.key);
        if let Some(line) = places.get(&key).and_then(|place| lines.get_mut(*place)) {
            line.add(index, row);
        } else {
            places.insert(key.clone(), lines.len());
            lines.push(Line::new(key, index, row));
        }
    }
    lines
}

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

/// The columns of pools that are not rolled up.
pub static COLUMNS: [Column<Field>; 12] = [
    Column { field: Field::Application, head: "application", min: 12, max: 26, keep: 95, right: false },
    Column { field: Field::User, head: "user", min: 6, max: 14, keep: 40, right: false },
    Column { field: Field::Database, head: "database", min: 8, max: 14, keep: 45, right: false },
    Column { field: Field::Client, head: "client", min: 12, max: 18, keep: 35, right: false },
    Column { field: Field::Used, head: "used/max", min: 9, max: 9, keep: 100, right: true },
    Column { field: Field::Idle, head: "idle", min: 5, max: 5, keep: 60, right: true },
    Column { field: Field::InTransaction, head: "in tx", min: 6, max: 6, keep: 90, right: true },
    Column { field: Field::Aborted, head: "abort", min: 6, max: 6, keep: 50, right: true },
    Column { field: Field::Queued, head: "queued", min: 7, max: 7, keep: 55, right: true },
    Column { field: Field::Oldest, head: "oldest", min: 7, max: 7, keep: 80, right: true },
    Column { field: Field::Trend, head: "recent", min: 10, max: 40, keep: 30, right: false },
    Column { field: Field::Finding, head: "finding", min: 10, max: 10, keep: 70, right: false },
];

/// The columns of pools that are rolled up.
pub static ROLLED: [Column<Field>; 10] = [
    Column { field: Field::Application, head: "", min: 12, max: 40, keep: 95, right: false },
    Column { field: Field::Pools, head: "pools", min: 6, max: 6, keep: 40, right: true },
    Column { field: Field::Used, head: "used/max", min: 9, max: 9, keep: 100, right: true },
    Column { field: Field::Idle, head: "idle", min: 5, max: 5, keep: 60, right: true },
    Column { field: Field::InTransaction, head: "in tx", min: 6, max: 6, keep: 90, right: true },
    Column { field: Field::Aborted, head: "abort", min: 6, max: 6, keep: 50, right: true },
    Column { field: Field::Queued, head: "queued", min: 7, max: 7, keep: 55, right: true },
    Column { field: Field::Oldest, head: "oldest", min: 7, max: 7, keep: 80, right: true },
    Column { field: Field::Trend, head: "recent", min: 10, max: 40, keep: 30, right: false },
    Column { field: Field::Finding, head: "finding", min: 10, max: 10, keep: 70, right: false },
];

/// The columns of a screen that is narrower than sixty cells.
pub static NARROW: [Column<Field>; 3] = [
    Column { field: Field::Application, head: "application", min: 12, max: 60, keep: 90, right: false },
    Column { field: Field::Used, head: "used/max", min: 9, max: 9, keep: 100, right: true },
    Column { field: Field::InTransaction, head: "in tx", min: 6, max: 6, keep: 80, right: true },
];

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

impl Line {
    /// Its name: the declared one, or the part of the key that says most.
    pub fn label(&self) -> &str {
        let key = &self.key;
        let parts = [&self.name, &key.application_name, &key.client, &key.database, &key.user];
        let known = parts.into_iter().flatten().find(|part| !part.is_empty());
        known.map_or("(empty)", Text::as_str)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_addresses() {
        for (client, network) in
            [("10.0.4.17", "10.0.4.*"), ("2001:db8:0:1:2::3", "2001:db8:0:1:*"), ("local", "local"), ("", "")]
        {
            assert_eq!(subnet(client), network);
        }
    }

    #[test]
    fn series_that_end_together_add_up_and_gaps_stay() {
        let mut into = vec![Some(1), None];
        add_series(&mut into, &[Some(5), None, None]);
        assert_eq!(into, [Some(5), Some(1), None]);
    }

    #[test]
    fn what_is_not_known_does_not_count_as_zero() {
        assert_eq!(sum(None, Some(3)), Some(3));
        assert_eq!(sum(None, None), None);
    }
}
