//! In what PgBouncer's relatives differ from it: one row each.

use crate::model::target::TargetKind;
use crate::text::Text;

/// How one pooler's console speaks.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Which pooler.
    pub(super) kind: TargetKind,
    /// Databases that stand for the console itself.
    pub(super) consoles: &'static [&'static str],
    /// Columns of `SHOW POOLS` that are there and always zero.
    pub(super) constant: &'static [&'static str],
    /// `cl_waiting` counts clients that want nothing; who queues is only seen in the list of clients.
    pub(super) waiting_is_idle: bool,
    /// How clients and server connections are listed.
    pub(super) lists: Lists,
    /// Microseconds in the unit of the times in `SHOW STATS` spent in queries and transactions, and of those waited.
    pub(super) stats_us: (u64, u64),
    /// Totals of `SHOW STATS` that stay zero whatever happens.
    pub(super) dead_totals: &'static [&'static str],
    /// `max_connections` and `current_connections` of `SHOW DATABASES` count clients.
    pub(super) databases_count_clients: bool,
    /// What is asked for seldom.
    pub(super) facts: &'static [Fact],
    /// What lets a user look who may not.
    pub(super) fix: &'static str,
}

/// How clients and server connections are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// `SHOW SOCKETS`: both in one snapshot.
    Sockets,
    /// `SHOW CLIENTS`, then `SHOW SERVERS`: moments apart, so a link of the one says nothing about the other.
    Pair(Names),
}

/// What a relative calls the columns that PgBouncer calls otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// A client's identifier.
    pub(super) client_id: &'static str,
    /// The identifier is one that `KILL_CLIENT` takes.
    pub(super) killable: bool,
    /// A server connection's identifier; empty = none.
    pub(super) server_id: &'static str,
    /// The database of a server connection.
    pub(super) server_database: &'static str,
    /// Of a server connection: the identifier of the client that it serves; empty = not told.
    pub(super) serves: &'static str,
    /// Age of a connection in seconds; empty = not told.
    pub(super) age: &'static str,
}

/// Something that changes seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Databases,
    Users,
    Config,
    Lists,
    /// PgBouncer 1.19 and later.
    State,
}

impl Fact {
    /// The statement.
    pub(super) fn statement(self) -> &'static str {
        match self {
            Self::Databases => "SHOW DATABASES",
            Self::Users => "SHOW USERS",
            Self::Config => "SHOW CONFIG",
            Self::Lists => "SHOW LISTS",
            Self::State => "SHOW STATE",
        }
    }

    /// What is missing without it.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Databases => "bounds of the pooler's databases",
            Self::Users => "bounds of the pooler's users",
            Self::Config => "the pooler's settings",
            Self::Lists => "the number of the pooler's clients",
            Self::State => "whether the pooler is paused",
        }
    }
}

const PGBOUNCER: Dialect = Dialect {
    kind: TargetKind::Pgbouncer,
    consoles: &["pgbouncer"],
    constant: &[],
    waiting_is_idle: false,
    lists: Lists::Sockets,
    stats_us: (1, 1),
    dead_totals: &[],
    databases_count_clients: false,
    facts: &[Fact::Databases, Fact::Users, Fact::Config, Fact::Lists, Fact::State],
    fix: "add the user to stats_users in pgbouncer.ini, then RELOAD",
};

/// The relatives. Odyssey's console has a database of any name, and it has no way to say that nothing waits: what it calls
/// `cl_waiting` are the clients without a server connection.
const RELATIVES: [Dialect; 3] = [
    Dialect {
        kind: TargetKind::Odyssey,
        consoles: &["console"],
        constant: &["sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us"],
        waiting_is_idle: true,
        lists: Lists::Pair(Names {
            client_id: "id",
            killable: true,
            server_id: "ptr",
            server_database: "database",
            serves: "",
            age: "",
        }),
        databases_count_clients: true,
        facts: &[Fact::Databases, Fact::Lists],
        fix: "give the console's user the role \"stat\" in odyssey.conf, then RELOAD",
        ..PGBOUNCER
    },
    Dialect {
        kind: TargetKind::Pgcat,
        consoles: &["pgcat", "pgbouncer"],
        lists: Lists::Pair(Names {
            client_id: "client_id",
            killable: false,
            server_id: "server_id",
            server_database: "database_name",
            serves: "",
            age: "age_seconds",
        }),
        stats_us: (1_000, 1),
        dead_totals: &["total_xact_time"],
        // Its LISTS leave out the clients that wait.
        facts: &[Fact::Databases],
        fix: "connect as admin_username of pgcat.toml",
        ..PGBOUNCER
    },
    Dialect {
        kind: TargetKind::Pgdog,
        consoles: &["admin"],
        lists: Lists::Pair(Names {
            client_id: "id",
            killable: false,
            server_id: "",
            server_database: "database",
            serves: "client_id",
            age: "age",
        }),
        stats_us: (1_000, 1_000),
        // Its LISTS are one row, in which `used_clients` stands twice.
        facts: &[Fact::Config],
        fix: "connect as the user of [admin] in pgdog.toml",
        ..PGBOUNCER
    },
];

/// The dialect of a pooler, by what it calls itself.
pub(super) fn of(version: &str) -> &'static Dialect {
    let version = version.to_ascii_lowercase();
    RELATIVES.iter().find(|relative| version.contains(relative.kind.as_str())).unwrap_or(&PGBOUNCER)
}

impl Dialect {
    /// Whether a database is the console itself.
    pub(super) fn is_console(&self, database: &[u8]) -> bool {
        self.consoles.iter().any(|console| console.as_bytes() == database)
    }

    /// What is asked for seldom, as far as this version knows it.
    pub(super) fn facts(&self, version: &Text) -> impl Iterator<Item = Fact> + use<> {
        let knows_state = release(version).is_some_and(|release| release >= (1, 19));
        self.facts.iter().copied().filter(move |fact| *fact != Fact::State || knows_state)
    }
}

/// The first two numbers in a version's text.
fn release(version: &str) -> Option<(u32, u32)> {
    let digits = version.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = version.get(digits..)?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolers_are_told_by_what_they_call_themselves() {
        for (version, kind) in [
            ("PgBouncer 1.18.0", TargetKind::Pgbouncer),
            ("odyssey 1.3 (git 1234)", TargetKind::Odyssey),
            ("PgCat 1.2.0", TargetKind::Pgcat),
            ("PgDog v0.1.54", TargetKind::Pgdog),
        ] {
            assert_eq!(of(version).kind, kind, "{version}");
        }
    }

    #[test]
    fn nothing_is_asked_that_a_version_does_not_know() {
        for (version, knows) in [
            ("PgBouncer 1.12.0", false),
            ("PgBouncer 1.18.0", false),
            ("PgBouncer 1.19.0", true),
            ("PgBouncer 1.25.2", true),
            ("PgBouncer 2.0.0", true),
            ("PgBouncer", false),
            ("odyssey 1.25", false),
        ] {
            let asked: Vec<Fact> = of(version).facts(&version.into()).collect();
            assert_eq!(asked.contains(&Fact::State), knows, "{version}");
        }
    }
}
