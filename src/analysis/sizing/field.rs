//! The one table of what goes into the arithmetic: flags, questions, fields of the panel and their valid values.

use crate::text::{size, span};

use super::SizingError;

/// What a value is, and between which bounds it makes sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number, or one that stands for something else, with what it stands for.
    Count(f64, f64, Option<(f64, &'static str)>),
    /// A number with a fraction.
    Number(f64, f64),
    /// A span of time, in seconds; likewise.
    Span(f64, f64, Option<(f64, &'static str)>),
    /// An amount of memory, in bytes.
    Size(f64, f64),
    /// One word of several; its value is its place.
    Choice(&'static [&'static str]),
}

/// What a field is about: the sections of the panel and of help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// What opens connections.
    Application,
    /// How much there is to do.
    Load,
    /// What the server has.
    Server,
    /// What goes into the settings as it is.
    Settings,
}

impl Group {
    /// Every group, in order.
    pub const ALL: [Self; 4] = [Self::Application, Self::Load, Self::Server, Self::Settings];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Load => "Load",
            Self::Server => "Server",
            Self::Settings => "Settings",
        }
    }
}

/// What the table says about a field.
#[derive(Debug)]
pub struct Row {
    /// Its name: the flag is this behind `--`.
    pub word: &'static str,
    /// Its name in the panel, at most 16 cells.
    pub label: &'static str,
    /// Its section.
    pub group: Group,
    /// What it takes.
    pub kind: Kind,
    /// What it is where nobody says; `None`: not known, and what needs it is left out.
    pub default: Option<f64>,
    /// Whether it is asked for on a terminal.
    pub asked: bool,
    /// One sentence.
    pub about: &'static str,
}

macro_rules! fields {
    ($($name:ident $word:literal $label:literal, $group:ident, $kind:expr, $default:expr, $asked:literal, $about:literal;)+) => {
        /// What goes into the arithmetic.
        #[expect(clippy::doc_markdown, reason = "these comments are help texts; back-ticks would be printed")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $(#[doc = $about] $name,)+ }

        impl Field {
            /// Every field, in the order of help.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its row of the table.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => {
                        const ROW: &Row = &Row {
                            word: $word, label: $label, group: Group::$group, kind: $kind,
                            default: $default, asked: $asked, about: $about,
                        };
                        ROW
                    })+
                }
            }
        }
    };
}

/// From one up: what is counted exists.
const fn some(most: f64) -> Kind {
    Kind::Count(1.0, most, None)
}

const fn any(most: f64) -> Kind {
    Kind::Count(0.0, most, None)
}

const POOL_SIZE: Kind = Kind::Count(1.0, 100.0, Some((0.0, "unlimited")));
const OVERFLOW: Kind = Kind::Count(0.0, 100.0, Some((-1.0, "unlimited")));
/// `max_connections` can be at most 262143 (`MAX_BACKENDS`).
const BACKENDS: f64 = 262_143.0;
const DAY: f64 = 86_400.0;
const MIB: f64 = 1_048_576.0;

// The defaults of a pool are those of SQLAlchemy; those of a server are PostgreSQL's own.
fields! {
    Pods "pods" "pods", Application, some(10_000.0), Some(1.0), true,
        "Pods, containers or machines that run the application";
    Workers "workers" "workers", Application, some(1_000.0), Some(1.0), true,
        "Processes per pod; each has pools of its own";
    Pools "pools" "pools", Application, some(1_000.0), Some(1.0), true, "Pools per process";
    PoolSize "pool-size" "pool size", Application, POOL_SIZE, Some(5.0), true,
        "Connections that one pool keeps; for a pool with one bound, that bound";
    MaxOverflow "max-overflow" "max overflow", Application, OVERFLOW, Some(10.0), true,
        "Connections that one pool opens beyond its size; 0 for a pool with one bound";
    Services "services" "services", Application, some(1_000.0), Some(1.0), true,
        "Services with the same pools on this server";
    Poolers "poolers" "through poolers", Application, any(BACKENDS), Some(0.0), false,
        "Connections that poolers open at most: pool and reserve, of every database and user";
    Reserved "reserved" "reserved", Application, any(BACKENDS), Some(0.0), true,
        "Connections of everybody else: jobs, migrations, people, other applications";
    Rate "rate" "arrival rate /s", Load, Kind::Number(0.001, 1e7), None, true,
        "Requests a second that need a connection, over all pools";
    Hold "hold" "hold time", Load, Kind::Span(0.000_001, DAY, None), None, true,
        "How long a request holds its connection on average, such as 50ms";
    Threads "threads" "threads", Load, some(100_000.0), None, false,
        "Tasks of one process that take connections at the same time";
    Nested "nested" "nested", Load, some(1_000.0), Some(1.0), false,
        "Connections that one task holds at once";
    MaxConnections "max-connections" "max_connections", Server, some(BACKENDS), Some(100.0), true,
        "max_connections of the server";
    SuperuserReserved "superuser-reserved-connections" "superuser_res.", Server, any(BACKENDS), Some(3.0), false,
        "superuser_reserved_connections of the server";
    ReservedConnections "reserved-connections" "reserved_conn.", Server, any(BACKENDS), Some(0.0), false,
        "reserved_connections of the server (PostgreSQL 16 and newer)";
    Cores "cores" "cores", Server, some(4_096.0), None, true, "Cores of the database server";
    Spindles "spindles" "spindles", Server, any(10_000.0), Some(0.0), false,
        "Disks that turn and are not cached; an SSD counts 0";
    Memory "memory" "memory", Server, Kind::Size(64.0 * MIB, 1e15), None, false,
        "Memory of the database server, such as 32GiB";
    WorkMem "work-mem" "work_mem", Server, Kind::Size(65_536.0, 1e13), Some(4.0 * MIB), false,
        "work_mem of the server";
    Provider "provider" "provider", Server, Kind::Choice(super::provider::WORDS), None, false,
        "Who runs the server";
    PoolTimeout "pool-timeout" "pool timeout", Settings, Kind::Span(1.0, DAY, None), Some(30.0), false,
        "How long a request waits for a connection";
    PoolRecycle "pool-recycle" "pool recycle", Settings, Kind::Span(0.0, 365.0 * DAY, Some((-1.0, "never"))), Some(3_600.0), false,
        "Age at which a connection is replaced";
    PrePing "pre-ping" "pre-ping", Settings, Kind::Choice(&["false", "true"]), Some(1.0), false,
        "Whether a connection is tried before each checkout";
    PathIdleTimeout "path-idle-timeout" "path idle", Settings, Kind::Span(1.0, 365.0 * DAY, None), None, false,
        "After which a firewall or proxy on the way drops an idle connection";
    PoolMode "pool-mode" "pool mode", Settings, Kind::Choice(&["session", "transaction", "statement"]), None, false,
        "Mode of the pooler that the application connects through";
    RedisPoolSize "redis-pool-size" "redis pool size", Settings, some(10_000.0), None, false,
        "Connections of one process's pool to Redis";
}

impl Field {
    /// The field of that name.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.row().word == word)
    }

    /// Reads a value. `name` is what the person knows it by: a flag, a variable, a label.
    pub fn parse(self, text: &str, name: &str) -> Result<f64, SizingError> {
        let value = self.row().kind.read(text.trim());
        value.ok_or_else(|| SizingError::new(Some(self), name, text.trim(), self.valid()))
    }

    /// A value as [`Field::parse`] takes it.
    pub fn show(self, value: f64) -> String {
        self.row().kind.show(value)
    }

    /// Which values it takes, in words.
    pub fn valid(self) -> String {
        self.row().kind.valid()
    }
}

impl Kind {
    fn read(self, text: &str) -> Option<f64> {
        let (value, least, most, special) = match self {
            Self::Count(least, most, special) => (text.parse::<i32>().ok()?.into(), least, most, special),
            Self::Number(least, most) => {
                (text.trim_end_matches("/s").trim().parse().ok()?, least, most, None)
            }
            Self::Span(least, most, special) => {
                let written = special.filter(|(value, _)| text.parse() == Ok(*value));
                let seconds = || Some(span::parse_or_seconds(text)?.as_secs_f64());
                (written.map(|(value, _)| value).or_else(seconds)?, least, most, special)
            }
            Self::Size(least, most) => (size::parse(text)? as f64, least, most, None),
            Self::Choice(words) => {
                let place = words.iter().position(|word| word.eq_ignore_ascii_case(text))?;
                return Some(place as f64);
            }
        };
        let fits = (least..=most).contains(&value) || special.is_some_and(|(other, _)| same(other, value));
        fits.then_some(value)
    }

    /// A value as it is typed.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Choice(words) => words.get(whole(value)).copied().unwrap_or_default().to_owned(),
            Self::Size(..) => size::exact(whole(value) as u64),
            Self::Span(_, _, Some((special, _))) if same(special, value) => special.to_string(),
            Self::Span(..) => short(value),
            Self::Count(..) | Self::Number(..) => value.to_string(),
        }
    }

    fn valid(self) -> String {
        match self {
            Self::Count(least, most, special) => range(self, least, most, special),
            Self::Number(least, most) => format!("a number from {least} to {most}"),
            Self::Span(least, most, special) => {
                format!("a span of time such as 50ms, 30s, 1h, {}", range(self, least, most, special))
            }
            Self::Size(least, most) => {
                format!("a size such as 32GiB, {}", range(self, least, most, None))
            }
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}

fn range(kind: Kind, least: f64, most: f64, special: Option<(f64, &str)>) -> String {
    let other = special.map(|(value, means)| format!(", or {value} = {means}")).unwrap_or_default();
    let most = match kind {
        Kind::Size(..) => size::roughly(most),
        kind => kind.show(most),
    };
    format!("{} to {most}{other}", kind.show(least))
}

/// A span without a rest in the largest unit that leaves none: `50ms`, `30s`, `1h`.
fn short(seconds: f64) -> String {
    const UNITS: [(f64, &str); 6] =
        [(86_400e6, "d"), (3_600e6, "h"), (60e6, "m"), (1e6, "s"), (1e3, "ms"), (1.0, "us")];
    let micros = (seconds * 1e6).round();
    let whole = UNITS.iter().find(|(unit, _)| micros >= *unit && same(micros % unit, 0.0));
    whole.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", micros / unit))
}

/// Values are read from text or are whole numbers, so equal ones are the same bits.
fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < f64::EPSILON
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "values are bounded by their kind; what is negative counts as none"
)]
fn whole(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back_and_defaults_are_valid() {
        for field in Field::ALL {
            let row = field.row();
            assert_eq!(Field::find(row.word), Some(*field));
            assert!(row.label.len() <= 16 && !row.about.is_empty(), "{}", row.label);
            if let Some(default) = row.default {
                let shown = field.show(default);
                assert_eq!(field.parse(&shown, row.word), Ok(default), "{shown}");
            }
        }
    }

    #[test]
    fn values_are_read_within_their_bounds() {
        for (field, text, value) in [
            (Field::PoolSize, "1", Some(1.0)),
            (Field::PoolSize, "100", Some(100.0)),
            (Field::PoolSize, "0", Some(0.0)),
            (Field::PoolSize, "101", None),
            (Field::PoolSize, "-1", None),
            (Field::PoolSize, "5.5", None),
            (Field::PoolSize, "", None),
            (Field::MaxOverflow, "-1", Some(-1.0)),
            (Field::MaxOverflow, "-2", None),
            (Field::MaxOverflow, "101", None),
            (Field::PoolTimeout, "0", None),
            (Field::PoolTimeout, "1", Some(1.0)),
            (Field::PoolTimeout, "30s", Some(30.0)),
            (Field::PoolRecycle, "-1", Some(-1.0)),
            (Field::PoolRecycle, "-2", None),
            (Field::PoolRecycle, "1h", Some(3_600.0)),
            (Field::Hold, "50ms", Some(0.05)),
            (Field::Hold, "0", None),
            (Field::Rate, "30/s", Some(30.0)),
            (Field::Rate, "NaN", None),
            (Field::Rate, "-3", None),
            (Field::Memory, "32GiB", Some(34_359_738_368.0)),
            (Field::Memory, "1", None),
            (Field::PrePing, "True", Some(1.0)),
            (Field::PrePing, "yes", None),
            (Field::PoolMode, "transaction", Some(1.0)),
        ] {
            assert_eq!(field.parse(text, "it").ok(), value, "{field:?} {text:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_flag_the_value_and_what_is_valid() {
        for (field, text, said) in [
            (Field::PoolSize, "500", "'500' is no value for --pool-size: 1 to 100, or 0 = unlimited"),
            (Field::MaxOverflow, "-2", "'-2' is no value for --max-overflow: 0 to 100, or -1 = unlimited"),
            (
                Field::PoolRecycle,
                "-2",
                "'-2' is no value for --pool-recycle: a span of time such as 50ms, 30s, 1h, 0s to 365d, or -1 = never",
            ),
            (
                Field::PoolMode,
                "proxy",
                "'proxy' is no value for --pool-mode: one of session, transaction, statement",
            ),
        ] {
            let flag = format!("--{}", field.row().word);
            assert_eq!(field.parse(text, &flag).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn a_value_is_shown_as_it_is_read() {
        for (field, value, text) in [
            (Field::PoolSize, 5.0, "5"),
            (Field::Rate, 12.5, "12.5"),
            (Field::Hold, 0.05, "50ms"),
            (Field::Hold, 1.5, "1500ms"),
            (Field::PoolRecycle, -1.0, "-1"),
            (Field::PoolRecycle, 3_600.0, "1h"),
            (Field::WorkMem, 4_194_304.0, "4MiB"),
            (Field::PoolMode, 2.0, "statement"),
        ] {
            assert_eq!(field.show(value), text);
            assert_eq!(field.parse(text, "it"), Ok(value));
        }
    }
}
