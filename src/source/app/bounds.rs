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
        const DATABASE: AppPoolKind = AppPoolKind::Database;
        const REDIS: AppPoolKind = AppPoolKind::Redis;
        type Found = (Option<u32>, Option<i64>, Option<u32>);
        let check = |config: serde_json::Value, name: &str, kind, expected: Found| {
            let mut pool = AppPool { name: name.into(), kind, ..AppPool::default() };
            for bound in all(&config) {
                bound.fill(&mut pool);
            }
            assert_eq!((pool.size, pool.max_overflow, pool.max), expected, "{config}");
        };
        let (of_fifteen, unknown) = ((None, None, Some(15)), (None, None, None));
        let flat = json!({ "redis_max_connections": 15, "db_pool_size": 5 });
        let sized = json!({ "database": { "pool_size": 10, "max_overflow": -1 }, "redis": { "max_connections": 15 } });
        let named = json!({ "redis_pools": { "cache": { "max_connections": 15 } } });
        let pools = json!({ "database_pools": { "a": { "pool_size": 1 }, "b": { "pool_size": 2 } } });
        check(json!({ "pool_size": 10, "max_overflow": 20 }), "main", DATABASE, (Some(10), Some(20), None));
        check(sized, "main", DATABASE, (Some(10), Some(-1), None));
        check(json!({ "redis": { "max_connections": 15 } }), "cache", REDIS, of_fifteen);
        check(named.clone(), "cache", REDIS, of_fifteen);
        check(named, "queue", REDIS, unknown);
        check(flat.clone(), "cache", REDIS, of_fifteen);
        check(flat, "x", DATABASE, (Some(5), None, None));
        check(pools, "b", DATABASE, (Some(2), None, None));
        check(json!({ "pools": { "a": { "pool_size": 1 } } }), "b", DATABASE, unknown);
        check(json!([1, 2]), "b", DATABASE, unknown);
    }
}
