//! The environment variables in which applications keep the sizes of their pools: read, and written back under the
//! same names.

use super::SizingError;
use super::draft::{Draft, Source};
use super::field::Field;

/// A name and what it stands for. Of two names for one field the upper one counts.
const NAMES: &[(&str, Field)] = &[
    ("DB_POOL_SIZE", Field::PoolSize),
    ("DB_MAX_OVERFLOW", Field::MaxOverflow),
    ("DB_POOL_TIMEOUT", Field::PoolTimeout),
    ("DB_POOL_RECYCLE", Field::PoolRecycle),
    ("DB_POOL_PRE_PING", Field::PrePing),
    ("DATABASE_POOL_SIZE", Field::PoolSize),
    ("DATABASE_POOL_MAX_OVERFLOW", Field::MaxOverflow),
    ("DATABASE_MAX_OVERFLOW", Field::MaxOverflow),
    ("DATABASE_POOL_TIMEOUT", Field::PoolTimeout),
    ("DATABASE_POOL_RECYCLE", Field::PoolRecycle),
    ("DATABASE_POOL_PRE_PING", Field::PrePing),
    ("POOL_SIZE", Field::PoolSize),
    ("POOL_TIMEOUT", Field::PoolTimeout),
    ("POOL_MODE", Field::PoolMode),
    ("REDIS_POOL_SIZE", Field::RedisPoolSize),
    ("REDIS_MAX_CONNECTIONS", Field::RedisPoolSize),
];

/// Whether an env file's variable is read here.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<&'static (&'static str, Field)> {
    NAMES.iter().find(|(known, _)| *known == name)
}

/// What a variable stands for.
pub fn field(name: &str) -> Option<Field> {
    find(name).map(|(_, field)| *field)
}

/// Puts the variables of an env file into a draft. Names that are not known are left out.
pub fn read(draft: &mut Draft, found: &[(String, String)]) -> Result<(), SizingError> {
    let mut seen: Vec<Field> = Vec::new();
    for (name, field) in NAMES {
        let Some((_, text)) = found.iter().find(|(given, _)| given == name) else { continue };
        let value = field.parse(text, name)?;
        draft.variables.push(name);
        if !seen.contains(field) {
            draft.set(*field, Source::EnvFile, value);
            seen.push(*field);
        }
    }
    // A plain POOL_SIZE is the bound of a pool that knows no overflow.
    let has = |name: &str| draft.variables.contains(&name);
    if has("POOL_SIZE")
        && !has("DB_POOL_SIZE")
        && !has("DATABASE_POOL_SIZE")
        && !seen.contains(&Field::MaxOverflow)
    {
        draft.set(Field::MaxOverflow, Source::EnvFile, 0.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(lines: &[(&str, &str)]) -> Result<Draft, SizingError> {
        let found: Vec<_> =
            lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut draft = Draft::default();
        read(&mut draft, &found).map(|()| draft)
    }

    #[test]
    fn every_name_that_applications_use_is_read() {
        for (lines, field, value) in [
            (&[("DB_POOL_SIZE", "20")][..], Field::PoolSize, Some(20.0)),
            (&[("DB_MAX_OVERFLOW", "-1")], Field::MaxOverflow, Some(-1.0)),
            (&[("DB_POOL_TIMEOUT", "30")], Field::PoolTimeout, Some(30.0)),
            (&[("DB_POOL_RECYCLE", "-1")], Field::PoolRecycle, Some(-1.0)),
            (&[("DB_POOL_PRE_PING", "True")], Field::PrePing, Some(1.0)),
            (&[("DATABASE_POOL_SIZE", "7")], Field::PoolSize, Some(7.0)),
            (&[("DATABASE_MAX_OVERFLOW", "3")], Field::MaxOverflow, Some(3.0)),
            (&[("POOL_SIZE", "10"), ("POOL_TIMEOUT", "60")], Field::PoolTimeout, Some(60.0)),
            (&[("POOL_MODE", "transaction")], Field::PoolMode, Some(1.0)),
            (&[("REDIS_POOL_SIZE", "10")], Field::RedisPoolSize, Some(10.0)),
            (&[("REDIS_MAX_CONNECTIONS", "50")], Field::RedisPoolSize, Some(50.0)),
            (&[("POOL_SIZE", "10"), ("DB_POOL_SIZE", "5")], Field::PoolSize, Some(5.0)),
            // A pool of one bound has no overflow; SQLAlchemy's has one although nobody says so.
            (&[("POOL_SIZE", "10")], Field::MaxOverflow, Some(0.0)),
            (&[("DB_POOL_SIZE", "10")], Field::MaxOverflow, Some(10.0)),
            (&[("DATABASE_POOL_URL", "postgres://h/d")], Field::Cores, None),
        ] {
            assert_eq!(draft(lines).unwrap().get(field), value, "{lines:?}");
        }
    }

    #[test]
    fn nonsense_is_refused_under_the_variables_name() {
        for (name, value, said) in [
            ("DB_POOL_SIZE", "500", "'500' is no value for DB_POOL_SIZE: 1 to 100, or 0 = unlimited"),
            ("DB_MAX_OVERFLOW", "-2", "DB_MAX_OVERFLOW: 0 to 100, or -1 = unlimited"),
            ("DB_POOL_TIMEOUT", "0", "DB_POOL_TIMEOUT"),
            ("DB_POOL_RECYCLE", "-5", "-1 = never"),
            ("POOL_MODE", "statements", "one of session, transaction, statement"),
            ("REDIS_POOL_SIZE", "many", "REDIS_POOL_SIZE: 1 to 10000"),
        ] {
            let error = draft(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
