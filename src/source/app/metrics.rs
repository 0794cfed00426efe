//! From the values of a metrics text to pools: labels say which value is whose.

use std::collections::{HashMap, HashSet};

use super::mapping::Mapping;
use super::names::{self, Family, HIKARI, JDBC, Meaning, Metric, PROCESS_START, SUPAVISOR};
use super::prometheus::{self, Series};
use super::recognised::{MOST_POOLS, Recognised};
use crate::model::app::{AppField, AppPool, AppPoolKind};
use crate::model::part::Missing;
use crate::text::Text;

/// What a label tells about the pool of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    Name,
    Database,
    User,
    State,
    /// Which of several processes or hosts counted.
    Instance,
    /// What kind of database, in OpenTelemetry's words.
    System,
}

/// Labels, the more telling name first. Dots of OpenTelemetry's names are underscores here.
const LABELS: &[(&str, Tells)] = &[
    ("db_client_connection_pool_name", Tells::Name),
    ("db_client_connections_pool_name", Tells::Name),
    ("pool_name", Tells::Name),
    ("pool", Tells::Name),
    ("tenant", Tells::Name),
    ("name", Tells::Name),
    ("db_name", Tells::Name),
    ("db_name", Tells::Database),
    ("database", Tells::Database),
    ("db", Tells::Database),
    ("user", Tells::User),
    ("username", Tells::User),
    ("db_client_connection_state", Tells::State),
    ("db_client_connections_state", Tells::State),
    ("state", Tells::State),
    ("instance", Tells::Instance),
    ("pod", Tells::Instance),
    ("hostname", Tells::Instance),
    ("pid", Tells::Instance),
    ("worker", Tells::Instance),
    ("mode", Tells::Instance),
    ("db_system_name", Tells::System),
    ("db_system", Tells::System),
];

/// Whose a value is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Whose {
    family: &'static str,
    name: String,
    user: String,
    instance: String,
}

/// A pool that is being put together.
struct Part {
    whose: Whose,
    family: Option<&'static Family>,
    database: String,
    pool: AppPool,
}

/// All of them, in the order in which they appear.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    at: HashMap<Whose, usize>,
    twice: Option<String>,
    too_many: bool,
    started: Vec<f64>,
}

/// The pools of a metrics text; `None` where it is no such text.
pub(super) fn read(text: &str, mapping: &Mapping) -> Option<Recognised> {
    let mut parts = Parts::default();
    let wanted = |name: &str| {
        // Names in quotes are judged once they are read.
        name == PROCESS_START || mapping.metric(name).is_some() || names::find(&plain(name)).is_some()
    };
    let is_metrics = prometheus::read(text, wanted, |series| parts.take(&series, mapping));
    is_metrics.then(|| parts.finish())
}

/// OpenTelemetry's own spelling as Prometheus used to write it.
fn plain(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains('.') { name.replace('.', "_").into() } else { name.into() }
}

/// What the first label of the list that is there says.
fn told(series: &Series<'_>, wanted: Tells) -> Option<(usize, String)> {
    LABELS.iter().filter(|(_, tells)| *tells == wanted).find_map(|(label, _)| {
        let mut labels = series.labels.iter().enumerate();
        let (at, (_, value)) = labels.find(|(_, (name, _))| plain(name) == *label)?;
        (!value.is_empty()).then(|| (at, value.to_string()))
    })
}

/// Everything that tells one process from another, as it is written.
fn instance(series: &Series<'_>) -> String {
    let is_telling = |name: &str| LABELS.contains(&(name, Tells::Instance));
    let said = series.labels.iter().filter(|(name, _)| is_telling(&plain(name)));
    said.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

impl Parts {
    fn take(&mut self, series: &Series<'_>, mapping: &Mapping) {
        if series.name == PROCESS_START {
            self.started.push(series.value);
        }
        if let Some((field, unit)) = mapping.metric(&series.name) {
            self.add(None, Meaning::Is(field), series.value * unit, (None, series));
        } else if let Some((metric, pool)) = names::find(&plain(&series.name)) {
            let meaning = match metric.meaning {
                Meaning::ByState => {
                    match told(series, Tells::State).as_ref().map(|(_, state)| state.as_str()) {
                        Some("used") => Meaning::Is(AppField::Used),
                        Some("idle") => Meaning::Is(AppField::Idle),
                        _ => return,
                    }
                }
                told => told,
            };
            self.add(Some(metric), meaning, series.value * metric.unit, (pool, series));
        }
    }

    fn add(
        &mut self,
        metric: Option<&'static Metric>,
        meaning: Meaning,
        value: f64,
        (pool, series): (Option<&str>, &Series<'_>),
    ) {
        let family = metric.map(|metric| metric.family);
        let Some(at) = self.at(family, pool, series) else { return };
        let pool = &mut self.list[at].pool;
        if metric.is_some_and(|metric| metric.name.contains("_npgsql_")) {
            pool.library = Some("Npgsql".into());
        }
        match meaning {
            // A second value of the same is another thing's: which, the labels do not tell.
            Meaning::Is(field) if pool.get(field).is_some() => {
                self.twice.get_or_insert_with(|| series.name.to_string());
            }
            Meaning::Is(field) => pool.set(field, value),
            Meaning::PartOf(field) => pool.add(field, value),
            Meaning::ByState => {}
        }
    }

    /// Where the pool of a value is in the list, put there if it is new.
    fn at(
        &mut self,
        family: Option<&'static Family>,
        pool: Option<&str>,
        series: &Series<'_>,
    ) -> Option<usize> {
        let named = told(series, Tells::Name);
        let told_database = told(series, Tells::Database);
        let is_name = |at: usize| named.as_ref().is_some_and(|(name, _)| *name == at);
        let database =
            told_database.filter(|(at, _)| !is_name(*at)).map(|(_, name)| name).unwrap_or_default();
        let user = told(series, Tells::User).map(|(_, user)| user).unwrap_or_default();
        let name = pool.map(str::to_owned).or(named.map(|(_, name)| name));
        let whose = Whose {
            family: family.map_or("", |family| family.title),
            name: name.unwrap_or_else(|| database.clone()),
            user,
            instance: instance(series),
        };
        let at = match self.at.get(&whose) {
            Some(at) => *at,
            None if self.list.len() >= MOST_POOLS => {
                self.too_many = true;
                return None;
            }
            None => self.insert(whose, family, series),
        };
        if self.list[at].database.is_empty() {
            self.list[at].database = database;
        }
        Some(at)
    }

    fn insert(&mut self, whose: Whose, family: Option<&'static Family>, series: &Series<'_>) -> usize {
        let is_redis = told(series, Tells::System).is_some_and(|(_, system)| system == "redis");
        let said = family.map_or_else(AppPoolKind::default, |family| family.kind);
        let pool = AppPool {
            kind: if is_redis { AppPoolKind::Redis } else { said },
            library: family.and_then(|family| family.library).map(Text::line),
            ..AppPool::default()
        };
        self.at.insert(whose.clone(), self.list.len());
        self.list.push(Part { whose, family, database: String::new(), pool });
        self.list.len() - 1
    }

    fn finish(mut self) -> Recognised {
        self.drop_copies();
        let mut titles: Vec<&str> = Vec::new();
        for family in self.list.iter().filter_map(|part| part.family) {
            if !titles.contains(&family.title) {
                titles.push(family.title);
            }
        }
        if self.list.iter().any(|part| part.family.is_none()) {
            titles.push("mapping");
        }
        let missing = self.missing();
        let identity = match self.started[..] {
            [started] => Some(started.to_bits()),
            _ => None,
        };
        Recognised {
            shape: Text::line(&format!("{} (Prometheus)", titles.join(", "))),
            pools: self.pools(),
            missing,
            identity,
            ..Recognised::default()
        }
    }

    /// Spring Boot shows each of its data sources, so also those of `HikariCP`, which tells more about them itself.
    fn drop_copies(&mut self) {
        let of = |family: &Family| self.list.iter().filter(|part| part.whose.family == family.title).count();
        if of(&JDBC) <= of(&HIKARI) {
            self.list.retain(|part| part.whose.family != JDBC.title);
        }
    }

    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        if let Some(name) = &self.twice {
            let why =
                format!("{name} has several values for one pool, told apart by labels that are unknown here");
            missing.push(Missing::new("pools that share their labels", &why));
        }
        if self.too_many {
            missing.push(Missing::new("further pools", &format!("only the first {MOST_POOLS} are read")));
        }
        if self.list.iter().any(|part| part.whose.family == SUPAVISOR.title) {
            let why =
                "Supavisor tells how many clients it has; in transaction mode they share fewer connections";
            missing.push(Missing::new("server connections of Supavisor", why));
        }
        missing
    }

    /// With names that tell them apart: a user or an instance stands in one where another of the same name differs in it.
    fn pools(self) -> Vec<AppPool> {
        let mut users: HashMap<(&str, &str), HashSet<&str>> = HashMap::new();
        let mut instances: HashMap<(&str, &str, &str), HashSet<&str>> = HashMap::new();
        for Part { whose, .. } in &self.list {
            users.entry((whose.family, &whose.name)).or_default().insert(&whose.user);
            instances.entry((whose.family, &whose.name, &whose.user)).or_default().insert(&whose.instance);
        }
        let named = |part: &Part| {
            let whose = &part.whose;
            let mut name = whose.name.clone();
            if !whose.user.is_empty() && users[&(whose.family, &*whose.name)].len() > 1 {
                name = format!("{name}/{}", whose.user);
            }
            if !whose.instance.is_empty() && instances[&(whose.family, &*whose.name, &*whose.user)].len() > 1
            {
                name = if name.is_empty() {
                    format!("({})", whose.instance)
                } else {
                    format!("{name} ({})", whose.instance)
                };
            }
            let said = |text: &str| (!text.is_empty()).then(|| Text::line(text));
            let (database, user) = (said(&part.database), said(&whose.user));
            AppPool { name: Text::line(&name), database, user, ..part.pool.clone() }
        };
        self.list.iter().map(named).collect()
    }
}
