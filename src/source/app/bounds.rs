//! Bounds of pools from an application's `config` answer.

use serde_json::{Map, Value};

use super::json::{DEEPEST, names};
use super::recognised::MOST_POOLS;
use super::shapes::{folded, number};
use crate::model::app::{AppField, AppPool, AppPoolKind};

/// A bound that a `config` answer gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bound {
    name: String,
    is_redis: bool,
    size: Option<f64>,
    max_overflow: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

/// The bounds that a `config` answer gives, wherever they stand in it.
pub(super) fn all(value: &Value) -> Vec<Bound> {
    fn look(value: &Value, path: &mut Vec<String>, found: &mut Vec<Bound>) {
        let Some(object) = value.as_object().filter(|_| path.len() <= DEEPEST && found.len() < MOST_POOLS)
        else {
            return;
        };
        for is_redis in [false, true] {
            found.extend(bound(object, path, is_redis));
        }
        for (key, value) in object {
            path.push(key.clone());
            look(value, path, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    look(value, &mut Vec::new(), &mut found);
    found
}

/// The bound of an object. Flat ones have the kind of pool before the setting: `redis_max_connections`.
fn bound(object: &Map<String, Value>, path: &[String], is_redis: bool) -> Option<Bound> {
    let under_redis = path.iter().any(|step| folded(step).starts_with("redis"));
    let prefixes: &[&str] = match (is_redis, under_redis) {
        (true, true) => &["", "redis"],
        (true, false) => &["redis"],
        (false, true) => return None,
        (false, false) => &["", "database", "db", "sqlalchemy"],
    };
    let value = |names: &[&str]| {
        object.iter().find_map(|(key, value)| {
            let key = folded(key);
            let is_it = prefixes
                .iter()
                .any(|prefix| key.strip_prefix(prefix).is_some_and(|key| names.contains(&key)));
            number(value).filter(|_| is_it)
        })
    };
    let name = names(path).pop().filter(|name| name != "config");
    let bound = Bound {
        name: name.unwrap_or_default(),
        is_redis,
        size: value(&["poolsize"]),
        max_overflow: value(&["maxoverflow", "poolmaxoverflow"]),
        min: value(&["minsize", "minconnections", "poolminsize"]),
        max: value(&["maxsize", "maxconnections", "poolmaxsize"]),
    };
    let is_any =
        bound.size.is_some() || bound.max_overflow.is_some() || bound.min.is_some() || bound.max.is_some();
    is_any.then_some(bound)
}

impl Bound {
    /// Fills the pool's bounds where this one is the pool's: by name, or for all of its kind.
    pub(super) fn fill(&self, pool: &mut AppPool) {
        let is_its = self.name.is_empty() || *self.name == *pool.name;
        if !is_its || self.is_redis != (pool.kind == AppPoolKind::Redis) {
            return;
        }
        let fields = [
            (AppField::Size, self.size),
            (AppField::MaxOverflow, self.max_overflow),
            (AppField::Min, self.min),
            (AppField::Max, self.max),
        ];
        for (field, value) in fields {
            if let Some(value) = value.filter(|_| pool.get(field).is_none()) {
                pool.set(field, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_found_under_their_names_and_in_flat_settings() {
        let pool = |name: &str, kind| AppPool { name: name.into(), kind, ..AppPool::default() };
        for (config, name, kind, size, more, max) in [
            (
                json!({ "pool_size": 10, "max_overflow": 20 }),
                "main",
                AppPoolKind::Database,
                Some(10),
                Some(20),
                None,
            ),
            (
                json!({ "database": { "pool_size": 10, "max_overflow": -1 }, "redis": { "max_connections": 15 } }),
                "main",
                AppPoolKind::Database,
                Some(10),
                Some(-1),
                None,
            ),
            (
                json!({ "redis": { "max_connections": 15 } }),
                "cache",
                AppPoolKind::Redis,
                None,
                None,
                Some(15),
            ),
            (
                json!({ "redis_pools": { "cache": { "max_connections": 15 } } }),
                "cache",
                AppPoolKind::Redis,
                None,
                None,
                Some(15),
            ),
            (
                json!({ "redis_pools": { "cache": { "max_connections": 15 } } }),
                "queue",
                AppPoolKind::Redis,
                None,
                None,
                None,
            ),
            (
                json!({ "redis_max_connections": 15, "db_pool_size": 5 }),
                "cache",
                AppPoolKind::Redis,
                None,
                None,
                Some(15),
            ),
            (
                json!({ "redis_max_connections": 15, "db_pool_size": 5 }),
                "x",
                AppPoolKind::Database,
                Some(5),
                None,
                None,
            ),
            (
                json!({ "database_pools": { "a": { "pool_size": 1 }, "b": { "pool_size": 2 } } }),
                "b",
                AppPoolKind::Database,
                Some(2),
                None,
                None,
            ),
            (json!({ "pools": { "a": { "pool_size": 1 } } }), "b", AppPoolKind::Database, None, None, None),
            (json!([1, 2]), "b", AppPoolKind::Database, None, None, None),
        ] {
            let mut pool = pool(name, kind);
            for bound in all(&config) {
                bound.fill(&mut pool);
            }
            assert_eq!((pool.size, pool.max_overflow, pool.max), (size, more, max), "{config}");
        }
    }
}
