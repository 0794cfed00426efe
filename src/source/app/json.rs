//! Pools in a JSON answer: objects of a known shape, wherever they stand in it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use super::mapping::Mapping;
use super::recognised::{MOST_POOLS, Recognised, Unwell};
use super::shapes::{self, folded};
use crate::model::app::{AppAdvice, AppPool, AppPoolKind};
use crate::model::part::Missing;
use crate::text::Text;

/// Deeper than this no endpoint puts its pools.
pub(super) const DEEPEST: usize = 6;
/// Objects that are looked at.
const MOST_OBJECTS: usize = 20_000;
/// Pieces of advice that are kept.
const MOST_ADVICE: usize = 64;

/// Words that wrap a pool rather than name it.
const WRAPPERS: &[&str] = &[
    "pool",
    "pools",
    "connectionpool",
    "connectionpools",
    "databasepools",
    "databasepool",
    "redispools",
    "redispool",
    "database",
    "databases",
    "db",
    "redis",
    "cache",
    "data",
    "result",
    "stats",
    "statistics",
    "status",
    "details",
    "metrics",
    "components",
    "checks",
    "health",
    "info",
    "sqlalchemy",
    "postgres",
    "postgresql",
    "asyncpg",
    "hikari",
    "poolstatus",
    "poolstats",
];

/// Words below which every step is a name, even one that wraps elsewhere: a Redis pool called `cache`.
const LISTS: &[&str] = &["pools", "connectionpools", "databasepools", "redispools", "databases"];

/// The steps of a path that name a pool.
pub(super) fn names(path: &[String]) -> Vec<String> {
    let is = |at: Option<usize>, words: &[&str]| {
        at.and_then(|at| path.get(at)).is_some_and(|step| words.contains(&folded(step).as_str()))
    };
    let named = (0..path.len()).filter(|at| is(at.checked_sub(1), LISTS) || !is(Some(*at), WRAPPERS));
    named.filter_map(|at| path.get(at).cloned()).collect()
}

/// Fields that tell one process from another.
const PROCESS: &[&str] = &[
    "pid",
    "processid",
    "workerpid",
    "workerid",
    "worker",
    "processstarttime",
    "startedat",
    "starttime",
    "instance",
    "instanceid",
    "hostname",
];

/// Objects that they stand in, besides the outermost.
const ABOUT_PROCESS: &[&str] = &["process", "worker", "server", "app", "application", "service", "meta"];

/// Words with which an application says that it is not well.
const UNWELL: &[&str] =
    &["unhealthy", "down", "error", "fail", "failed", "failure", "critical", "unavailable"];

/// What a JSON answer says. No pools: it has none of a known shape.
pub(super) fn read(value: &Value, mapping: &Mapping) -> Recognised {
    let mut search = Search::default();
    search.look(value, &mut Vec::new());
    let mut found = Recognised {
        advice: value.get("recommendations").map(advice).unwrap_or_default(),
        identity: identity(value),
        unwell: unwell(value),
        missing: search.missing(),
        ..Recognised::default()
    };
    if mapping.is_empty() {
        found.shape = Text::line(&format!("{} (JSON)", search.titles.join(", ")));
        found.pools = search.named();
    } else {
        found.shape = "mapping (JSON)".into();
        found.pools = mapping.pools(value);
    }
    found
}

#[derive(Default)]
struct Search {
    pools: Vec<(Vec<String>, AppPool)>,
    titles: Vec<&'static str>,
    objects: usize,
}

impl Search {
    fn look(&mut self, value: &Value, path: &mut Vec<String>) {
        if path.len() > DEEPEST || self.objects >= MOST_OBJECTS || self.pools.len() >= MOST_POOLS {
            return;
        }
        match value {
            Value::Object(object) => {
                self.objects += 1;
                if !self.take(object, path) {
                    for (key, value) in object {
                        self.deeper(key.clone(), value, path);
                    }
                }
            }
            Value::Array(array) => {
                for (at, value) in array.iter().enumerate() {
                    self.deeper(at.to_string(), value, path);
                }
            }
            _ => {}
        }
    }

    fn deeper(&mut self, step: String, value: &Value, path: &mut Vec<String>) {
        if value.is_object() || value.is_array() {
            path.push(step);
            self.look(value, path);
            path.pop();
        }
    }

    /// Takes an object that is a pool.
    fn take(&mut self, object: &Map<String, Value>, path: &[String]) -> bool {
        let Some((shape, mut pool)) = shapes::pool(object) else { return false };
        if !self.titles.contains(&shape.title) {
            self.titles.push(shape.title);
        }
        if path.iter().any(|step| folded(step).starts_with("redis")) {
            pool.kind = AppPoolKind::Redis;
        }
        let said = ["name", "pool_name", "pool", "source"];
        let said = said.iter().find_map(|key| object.get(*key)?.as_str()).filter(|name| !name.is_empty());
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(Text::line);
        (pool.database, pool.user) = (text("database"), text("user"));
        let mut names = names(path);
        if let Some(said) = said {
            // What is said stands for the place in a list.
            names.pop_if(|last| last.parse::<usize>().is_ok());
            names.push(said.to_owned());
        }
        self.pools.push((names, pool));
        true
    }

    /// With the shortest names that tell them apart: the last step where that does, else all of them.
    fn named(self) -> Vec<AppPool> {
        let last = |names: &[String]| names.last().cloned().unwrap_or_default();
        let lasts: Vec<String> = self.pools.iter().map(|(names, _)| last(names)).collect();
        let is_one = |name: &str| lasts.iter().filter(|other| *other == name).count() == 1;
        let named = |(names, pool): &(Vec<String>, AppPool)| {
            let short = last(names);
            let name = if is_one(&short) { short } else { names.join("/") };
            AppPool { name: Text::line(&name), ..pool.clone() }
        };
        self.pools.iter().map(named).collect()
    }

    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        if self.objects >= MOST_OBJECTS || self.pools.len() >= MOST_POOLS {
            missing.push(Missing::new("further pools", "the answer is too large to be searched as a whole"));
        }
        for (names, pool) in &self.pools {
            let open = pool.total.map(u64::from).or_else(|| {
                let open = i64::from(pool.size?) + pool.overflow?;
                u64::try_from(open).ok()
            });
            if let (Some(open), Some(opened), Some(closed)) = (open, pool.opened, pool.closed)
                && opened.checked_sub(closed) != Some(open)
            {
                let what = format!("lifetime counts of pool {}", names.last().map_or("", String::as_str));
                let why = format!(
                    "{opened} opened less {closed} closed are not the {open} that are open: counters were reset"
                );
                missing.push(Missing::new(what.trim_end_matches(" pool "), &why));
            }
        }
        missing
    }
}

/// `status` and the words beside it.
fn unwell(value: &Value) -> Option<Unwell> {
    let status = value.get("status").and_then(Value::as_str)?;
    let said = |key: &&str| match value.get(*key)? {
        Value::String(text) => Some(Text::line(text)),
        other => other.get("message").and_then(Value::as_str).map(Text::line),
    };
    let words = ["error", "message", "detail", "reason"].iter().find_map(said);
    UNWELL.contains(&status.to_lowercase().as_str()).then(|| Unwell { status: Text::line(status), words })
}

fn identity(value: &Value) -> Option<u64> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut said: Vec<(String, String)> = Vec::new();
    let mut take = |object: &Map<String, Value>| {
        for (key, value) in object {
            let key = folded(key);
            if PROCESS.contains(&key.as_str()) {
                said.extend(scalar(value).map(|value| (key, value)));
            }
        }
    };
    let object = value.as_object()?;
    take(object);
    // Not anywhere: the process of a database session stands in such answers too.
    let about = object.iter().filter(|(key, _)| ABOUT_PROCESS.contains(&folded(key).as_str()));
    about.filter_map(|(_, value)| value.as_object()).for_each(take);
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    (!said.is_empty()).then(|| hasher.finish())
}

/// The application's recommendations: objects, or sentences.
fn advice(value: &Value) -> Vec<AppAdvice> {
    let one = |value: &Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(Text::line);
        match value {
            Value::String(sentence) => {
                Some(AppAdvice { issue: Text::line(sentence), ..AppAdvice::default() })
            }
            Value::Object(_) => {
                let issue = text("issue").or_else(|| text("message"))?;
                let suggestion = text("suggestion").or_else(|| text("recommendation")).unwrap_or_default();
                Some(AppAdvice { pool: text("pool"), severity: text("severity"), issue, suggestion })
            }
            _ => None,
        }
    };
    value.as_array().map(|list| list.iter().filter_map(one).take(MOST_ADVICE).collect()).unwrap_or_default()
}
