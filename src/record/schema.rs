//! What a recording's tables are, and the steps by which an older file gets there.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// `ptop`, in the header of the file: by this it is known as a recording.
pub(super) const APPLICATION_ID: i32 = 0x7074_6f70;
/// The newest schema, which this version writes.
pub const SCHEMA: i32 = 2;

/// Version, name and text of each migration, oldest first. What is here stays as it is.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "moments", include_str!("migrations/0001_moments.sql")),
    (2, "plain", include_str!("migrations/0002_plain.sql")),
];

/// Tables that a file of each schema has at least.
const TABLES: [(i32, &str); 11] = [
    (1, "meta"),
    (1, "stretches"),
    (1, "frames"),
    (1, "samples"),
    (2, "pools"),
    (2, "limits"),
    (2, "findings"),
    (2, "finding_steps"),
    (2, "operations"),
    (2, "events"),
    (2, "targets"),
];

/// Brings a file to [`SCHEMA`].
pub(super) fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

/// The tables of a schema.
pub(super) fn tables(schema: i32) -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().filter(move |(since, _)| *since <= schema).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn no_migration_was_ever_edited() {
        let sums = [0x8b33_fe88_863d_067a, 0xf716_4077_367a_3f60];
        for ((version, _, sql), sum) in MIGRATIONS.into_iter().zip(sums) {
            let digest = Sha256::digest(sql);
            let found = u64::from_be_bytes(digest[..8].try_into().unwrap());
            assert_eq!(found, sum, "migration {version} was edited; put the change into a new one");
        }
        assert_eq!(MIGRATIONS.map(|(version, ..)| version), [1, 2]);
        assert_eq!(i64::from(SCHEMA), MIGRATIONS[MIGRATIONS.len() - 1].0);
    }

    #[test]
    fn the_application_id_of_the_first_migration_is_the_one_that_is_looked_for() {
        assert!(MIGRATIONS[0].2.contains(&format!("PRAGMA application_id = {APPLICATION_ID};")));
        for (version, _, sql) in MIGRATIONS {
            assert!(sql.contains(&format!("PRAGMA user_version = {version};")));
        }
    }
}
