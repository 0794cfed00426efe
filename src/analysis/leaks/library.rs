//! Which client library a pool's connections come from.
//!
//! Told by habits that a library has everywhere, never by one application's statements: the name it gives itself, the
//! reset that it runs, how it writes column names and types. Unknown is an answer.

use serde::{Deserialize, Serialize};

use super::endings::beginning;
use crate::model::leak::Library;

/// A habit that gives a library away.
struct Habit {
    library: Library,
    tells: Tells,
}

enum Tells {
    /// A word of the `application_name`, lower case.
    Name(&'static str),
    /// All of these parts in one statement without its values, lower case.
    Statement(&'static [&'static str]),
    /// A statement that is nothing but this comment. A redacted one does not tell.
    Comment(&'static str),
}

const fn name(library: Library, word: &'static str) -> Habit {
    Habit { library, tells: Tells::Name(word) }
}

const fn statement(library: Library, parts: &'static [&'static str]) -> Habit {
    Habit { library, tells: Tells::Statement(parts) }
}

/// The first that fits decides: frameworks before the drivers below them.
const HABITS: [Habit; 29] = [
    name(Library::SqlAlchemy, "sqlalchemy"),
    name(Library::Django, "django"),
    name(Library::ActiveRecord, "rails"),
    name(Library::ActiveRecord, "puma"),
    name(Library::ActiveRecord, "sidekiq"),
    name(Library::Asyncpg, "asyncpg"),
    name(Library::Psycopg, "psycopg"),
    name(Library::Jdbc, "jdbc"),
    name(Library::Jdbc, "hikari"),
    name(Library::Npgsql, "npgsql"),
    name(Library::Pgx, "pgx"),
    name(Library::NodePostgres, "node"),
    name(Library::NodePostgres, "prisma"),
    name(Library::NodePostgres, "sequelize"),
    name(Library::NodePostgres, "typeorm"),
    // What each runs once per session, or around each checkout.
    statement(Library::Asyncpg, &["pg_advisory_unlock_all", "close all", "unlisten *", "reset all"]),
    statement(Library::Asyncpg, &["with recursive typeinfo_tree"]),
    statement(Library::Jdbc, &["set extra_float_digits"]),
    statement(Library::ActiveRecord, &["set client_min_messages to", "set standard_conforming_strings"]),
    statement(Library::ActiveRecord, &["set session timezone to"]),
    statement(Library::Npgsql, &["typname, ", "typreceive"]),
    Habit { library: Library::Pgx, tells: Tells::Comment("-- ping") },
    statement(Library::Pgx, &["from pg_type", "typname = any"]),
    // How column names and parameters are written.
    statement(Library::SqlAlchemy, &["$1::varchar"]),
    statement(Library::SqlAlchemy, &["$1::integer"]),
    statement(Library::Jdbc, &["1_0.", " from ", "1_0"]),
    statement(Library::ActiveRecord, &["select \"", "\".* from \""]),
    statement(Library::Django, &["select \"", "\".\"id\", \"", "\" from \""]),
    statement(Library::PgBouncer, &["discard all"]),
];

/// What is known about a pool's library. One session is looked at per sample, as long as the pool is of interest and
/// not too many were looked at: recognising costs more than the rest of the detector together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Recognition {
    /// The earliest habit in the table that was seen.
    best: usize,
    looks: u8,
}

/// A [`Recognition`] as it is saved: by library and number among its habits, because the table may change.
#[derive(Serialize, Deserialize)]
struct Saved {
    library: Option<Library>,
    habit: usize,
    looks: u8,
}

impl From<Recognition> for Saved {
    fn from(recognition: Recognition) -> Self {
        let library = recognition.library();
        let before = HABITS.iter().take(recognition.best);
        let habit = before.filter(|habit| Some(habit.library) == library).count();
        Self { library, habit, looks: recognition.looks }
    }
}

impl From<Saved> for Recognition {
    fn from(Saved { library, habit, looks }: Saved) -> Self {
        let mut own = HABITS.iter().enumerate().filter(|(_, habit)| Some(habit.library) == library);
        Self { best: own.nth(habit).map_or(HABITS.len(), |(index, _)| index), looks }
    }
}

/// Sessions looked at per pool.
const LOOKS: u8 = 64;

impl Default for Recognition {
    fn default() -> Self {
        Self { best: HABITS.len(), looks: 0 }
    }
}

impl Recognition {
    /// Which of so many sessions is next.
    pub(super) fn next(self, sessions: usize) -> Option<usize> {
        (self.looks < LOOKS && sessions > 0).then(|| usize::from(self.looks) % sessions)
    }

    /// Looks at one session: its name and its last statement.
    pub(super) fn look(&mut self, name: &str, statement: &str) {
        self.looks = self.looks.saturating_add(1);
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let told_by = beginning(statement).to_ascii_lowercase();
        self.best = first(self.best, |tells| match tells {
            Tells::Name(word) => words.contains(word),
            Tells::Statement(parts) => parts.iter().all(|part| told_by.contains(part)),
            Tells::Comment(comment) => statement.trim() == *comment,
        });
        if aliases_columns(&told_by) {
            let mapper = HABITS.iter().position(|habit| habit.library == Library::SqlAlchemy);
            self.best = self.best.min(mapper.unwrap_or(HABITS.len()));
        }
    }

    /// The library, where it was recognised.
    pub(super) fn library(self) -> Option<Library> {
        HABITS.get(self.best).map(|habit| habit.library)
    }
}

/// The first of the habits before `end` that is told, else `end`.
fn first(end: usize, tells: impl Fn(&Tells) -> bool) -> usize {
    HABITS.iter().take(end).position(|habit| tells(&habit.tells)).unwrap_or(end)
}

/// `select orders.id as orders_id`: each column under the name of its table, as SQLAlchemy's mapper writes them.
fn aliases_columns(statement: &str) -> bool {
    let words: Vec<&str> = statement.split([' ', ',', '\n']).filter(|word| !word.is_empty()).collect();
    words.windows(3).any(|three| {
        let [column, "as", alias] = three else { return false };
        column.split_once('.').is_some_and(|(table, name)| {
            alias.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')) == Some(name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, statements: &[&str]) -> Option<Library> {
        let mut recognition = Recognition::default();
        for statement in statements {
            recognition.look(name, statement);
        }
        recognition.library()
    }

    #[test]
    fn a_library_is_told_by_its_habits() {
        for (name, statement, library) in [
            (
                "api",
                "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
                Some(Library::Asyncpg),
            ),
            (
                "api",
                "SELECT orders.id AS orders_id, orders.total AS orders_total FROM orders",
                Some(Library::SqlAlchemy),
            ),
            ("api", "SELECT o FROM orders WHERE name = $1::VARCHAR", Some(Library::SqlAlchemy)),
            ("PostgreSQL JDBC Driver", "select 1", Some(Library::Jdbc)),
            ("api", "select o1_0.id,o1_0.total from orders o1_0", Some(Library::Jdbc)),
            ("puma: cluster worker 1", "select 1", Some(Library::ActiveRecord)),
            ("api", "SELECT \"orders\".* FROM \"orders\" LIMIT $1", Some(Library::ActiveRecord)),
            (
                "api",
                "SELECT \"shop_order\".\"id\", \"shop_order\".\"total\" FROM \"shop_order\"",
                Some(Library::Django),
            ),
            ("api", "-- ping", Some(Library::Pgx)),
            ("", "DISCARD ALL", Some(Library::PgBouncer)),
            ("nodepool", "select 1", None),
            ("api", "select id as order_id from orders", None),
        ] {
            assert_eq!(of(name, &[statement]), library, "{name} {statement}");
        }
        assert_eq!(
            of("django-api", &["DISCARD ALL"]),
            Some(Library::Django),
            "the framework, not what is below"
        );
    }
}
