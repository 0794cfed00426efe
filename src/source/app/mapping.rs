//! Where the numbers of a pool are, as the profile says: our word, and a path or the name of a metric.

use serde_json::Value;

use super::recognised::MOST_POOLS;
use super::shapes::{folded, number};
use crate::model::app::{AppField, AppPool};
use crate::text::Text;

/// Stands for the names of the pools in a path.
const EACH: &str = "*";

/// A profile's mapping; empty where it has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mapping(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    field: AppField,
    unit: f64,
    /// As it was written: also the name of a metric.
    written: String,
    path: Vec<String>,
}

impl Mapping {
    /// Words and places as the configuration has them. `Err` names a word that is none.
    pub(super) fn new(pairs: &[(String, String)]) -> Result<Self, String> {
        let entry = |(word, place): &(String, String)| {
            let (field, unit) =
                AppField::of(word).ok_or_else(|| format!("`mapping` has no word `{word}`"))?;
            Ok(Entry { field, unit, written: place.clone(), path: path(place) })
        };
        pairs.iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a metric is by its name.
    pub(super) fn metric(&self, name: &str) -> Option<(AppField, f64)> {
        let is_it = |entry: &&Entry| entry.written == name || entry.path.len() == 1 && entry.path[0] == name;
        self.0.iter().find(is_it).map(|entry| (entry.field, entry.unit))
    }

    /// The pools that the paths lead to: one without a name, or one for each name at a `*`.
    pub(super) fn pools(&self, value: &Value) -> Vec<AppPool> {
        let mut pools: Vec<AppPool> = Vec::new();
        for entry in &self.0 {
            let mut found = Vec::new();
            follow(value, &entry.path, "", &mut found);
            for (name, number) in found {
                let name = Text::line(&name);
                let at = pools.iter().position(|pool| pool.name == name).unwrap_or_else(|| {
                    pools.push(AppPool { name, ..AppPool::default() });
                    pools.len() - 1
                });
                pools[at].set(entry.field, number * entry.unit);
            }
        }
        pools
    }
}

/// `/a/b/*/c` as a JSON pointer, with `~1` and `~0` for `/` and `~`; or `a.b.*.c`.
fn path(written: &str) -> Vec<String> {
    match written.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect(),
        None => written.split('.').map(str::to_owned).collect(),
    }
}

fn follow(value: &Value, path: &[String], name: &str, found: &mut Vec<(String, f64)>) {
    let Some((step, rest)) = path.split_first() else {
        if let Some(number) = number(value).filter(|_| found.len() < MOST_POOLS) {
            found.push((name.to_owned(), number));
        }
        return;
    };
    match value {
        Value::Object(object) if step == EACH => {
            for (key, value) in object {
                follow(value, rest, &joined(name, key), found);
            }
        }
        Value::Array(array) if step == EACH => {
            for (at, value) in array.iter().enumerate() {
                let key = value.get("name").and_then(Value::as_str).map_or(at.to_string(), str::to_owned);
                follow(value, rest, &joined(name, &key), found);
            }
        }
        Value::Object(object) => {
            if let Some(value) = object.get(step) {
                follow(value, rest, name, found);
            }
        }
        Value::Array(array) => {
            if let Some(value) = step.parse().ok().and_then(|at: usize| array.get(at)) {
                follow(value, rest, name, found);
            }
        }
        _ => {}
    }
}

fn joined(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{name}/{key}") }
}

/// Fields that are called like this are probably one of our words; the better known name first.
const LIKELY: &[(&str, &[&str])] = &[
    ("used", &["used", "inuse", "active", "busy", "checkedout", "acquired", "borrowed", "activeconnections"]),
    ("idle", &["idle", "free", "available", "checkedin", "idleconnections"]),
    ("total", &["total", "open", "connections", "totalconnections", "size"]),
    ("pending", &["pending", "waiting", "queued", "waiters"]),
    ("max", &["max", "limit", "capacity", "maxsize", "poolsize", "maxconnections"]),
];

/// Every number of an answer with its path, at most so many.
pub(super) fn numbers(value: &Value, most: usize) -> Vec<(Vec<String>, f64)> {
    fn walk(value: &Value, path: &mut Vec<String>, most: usize, found: &mut Vec<(Vec<String>, f64)>) {
        if found.len() >= most {
            return;
        }
        let mut each = |key: String, value: &Value| {
            path.push(key);
            walk(value, path, most, found);
            path.pop();
        };
        match value {
            Value::Object(object) => object.iter().for_each(|(key, value)| each(key.clone(), value)),
            Value::Array(array) => {
                for (at, value) in array.iter().enumerate() {
                    each(at.to_string(), value);
                }
            }
            other => found.extend(number(other).map(|number| (path.clone(), number))),
        }
    }
    let mut found = Vec::new();
    walk(value, &mut Vec::new(), most, &mut found);
    found
}

/// How a path is written in a mapping.
pub(super) fn written(path: &[String]) -> String {
    if path.iter().any(|step| step.contains(['.', '/'])) {
        let steps: Vec<String> = path.iter().map(|step| step.replace('~', "~0").replace('/', "~1")).collect();
        format!("/{}", steps.join("/"))
    } else {
        path.join(".")
    }
}

/// A line for the profile, made of the fields whose names give them away; where none does, of the first number.
pub(super) fn proposal(numbers: &[(Vec<String>, f64)]) -> Option<String> {
    let last = |path: &[String]| path.last().map(|last| folded(last)).unwrap_or_default();
    let likely = |(word, names): &(&str, &[&str])| {
        let called = |name: &str| numbers.iter().find(|(path, _)| last(path) == name);
        let ends = |name: &str| numbers.iter().find(|(path, _)| last(path).ends_with(name));
        let found =
            names.iter().find_map(|name| called(name)).or_else(|| names.iter().find_map(|name| ends(name)));
        let (path, _) = found?;
        Some(format!("{word} = \"{}\"", written(&starred(path, numbers))))
    };
    let mut entries: Vec<String> = LIKELY.iter().filter_map(likely).collect();
    if entries.is_empty() {
        entries.push(format!("used = \"{}\"", written(&numbers.first()?.0)));
    }
    Some(format!("mapping = {{ {} }}", entries.join(", ")))
}

/// The path with a `*` where another number has the same path but for one step: there the pools' names stand.
fn starred(path: &[String], numbers: &[(Vec<String>, f64)]) -> Vec<String> {
    let differs = |other: &[String]| {
        let mut steps = (0..path.len()).filter(|at| other.get(*at) != path.get(*at));
        let first = steps.next()?;
        (other.len() == path.len() && steps.next().is_none() && first + 1 < path.len()).then_some(first)
    };
    let mut out = path.to_vec();
    if let Some(at) = numbers.iter().find_map(|(other, _)| differs(other)) {
        EACH.clone_into(&mut out[at]);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(pairs: &[(&str, &str)]) -> Mapping {
        let owned = |(word, place): &(&str, &str)| ((*word).to_owned(), (*place).to_owned());
        Mapping::new(&pairs.iter().map(owned).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn paths_lead_to_one_pool_or_to_one_for_each_name() {
        let answer = json!({
            "pool": { "busy": 3, "waited_ms": 250, "a/b": { "c.d": "7" } },
            "pools": { "read": { "n": { "busy": 1 }, "cap": 5 }, "write": { "n": { "busy": 2 } } },
            "list": [ { "name": "x", "busy": 4 }, { "busy": 5 } ],
        });
        let got = |pairs: &[(&str, &str)]| {
            let line = |pool: &AppPool| {
                format!("{}:{:?}/{:?} {:?}", pool.name, pool.used, pool.max, pool.wait_avg_s)
            };
            mapping(pairs).pools(&answer).iter().map(line).collect::<Vec<_>>().join("; ")
        };
        for (pairs, expected) in [
            (&[("used", "pool.busy"), ("wait_avg_ms", "pool.waited_ms")][..], ":Some(3)/None Some(0.25)"),
            (&[("used", "/pool/a~1b/c.d")], ":Some(7)/None None"),
            (
                &[("used", "pools.*.n.busy"), ("max", "/pools/*/cap")],
                "read:Some(1)/Some(5) None; write:Some(2)/None None",
            ),
            (&[("used", "list.*.busy")], "x:Some(4)/None None; 1:Some(5)/None None"),
            (&[("used", "list.1.busy")], ":Some(5)/None None"),
            (&[("used", "nowhere"), ("max", "pool.busy.deeper")], ""),
        ] {
            assert_eq!(got(pairs), expected, "{pairs:?}");
        }
        assert!(Mapping::new(&[("bsy".into(), "a".into())]).unwrap_err().contains("`bsy`"));
    }

    #[test]
    fn a_proposal_is_a_mapping_that_finds_what_it_was_made_of() {
        for (answer, expected) in [
            (
                json!({ "stats": { "busy": 3, "capacity": 9 } }),
                r#"mapping = { used = "stats.busy", max = "stats.capacity" }"#,
            ),
            (
                json!({ "p": { "a": { "active": 1, "free": 2 }, "b": { "active": 3, "free": 4 } } }),
                r#"mapping = { used = "p.*.active", idle = "p.*.free" }"#,
            ),
            (json!({ "a.b": { "limit": 3 } }), r#"mapping = { max = "/a.b/limit" }"#),
            (json!({ "zzz": 3 }), r#"mapping = { used = "zzz" }"#),
        ] {
            assert_eq!(proposal(&numbers(&answer, 100)).as_deref(), Some(expected));
        }
        assert_eq!(proposal(&numbers(&json!({ "ok": true }), 100)), None);
    }
}
