//! What a configuration file says, as plain values.

use std::path::PathBuf;
use std::time::Duration;

use super::problem::{Document, Located};
use crate::model::finding::Severity;
use crate::model::pool::{DeclaredPool, DeclaredRedisPool};
use crate::model::secret::SecretString;
use crate::model::target::Role;
use crate::model::thresholds::Thresholds;
use crate::text::Text;

/// A whole configuration file. The default is what an empty file says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The profile used when none is named; it exists.
    pub default_profile: Option<String>,
    /// Name of the theme. Whether it exists is not checked here.
    pub theme: Option<Located<String>>,
    /// Times in UTC rather than local.
    pub utc: Option<bool>,
    /// Budget of the history in bytes.
    pub history: Option<u64>,
    /// Keys that differ from the built-in ones. Whether places, keys and commands exist is not checked here.
    pub keys: Vec<KeyOverride>,
    /// Profiles, in the order of the file; their names are unique.
    pub profiles: Vec<Profile>,
    /// What is odd but not wrong, one line each.
    pub notices: Vec<Text>,
    /// The file, to show lines of it in errors that are found later.
    pub document: Document,
}

impl Config {
    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// Names of all profiles, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.profiles.iter().map(|profile| profile.name.as_str())
    }
}

/// One line of `[keys.PLACE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOverride {
    /// Where the key is pressed.
    pub place: Located<String>,
    /// The key.
    pub key: Located<String>,
    /// The command, or `none`, which frees the key.
    pub command: Located<String>,
}

/// What operations need in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// There are none.
    ReadOnly,
    /// A yes.
    Confirm,
    /// The profile's name, typed.
    ConfirmName,
}

impl Access {
    /// The words of the file.
    pub const NAMES: [(&str, Self); 3] =
        [("read-only", Self::ReadOnly), ("confirm", Self::Confirm), ("confirm-name", Self::ConfirmName)];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Confirm => "confirm",
            Self::ConfirmName => "confirm-name",
        }
    }
}

/// The targets of one system and how they are to be watched.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, unique in the file.
    pub name: String,
    /// Shown in the header.
    pub label: Option<Text>,
    /// Framed in the theme's danger colour.
    pub production: bool,
    /// What operations need.
    pub access: Access,
    /// The most sessions that one operation ends.
    pub bulk_limit: usize,
    /// Time between samples.
    pub interval: Duration,
    /// PostgreSQL servers.
    pub postgres: Vec<PostgresTarget>,
    /// Consoles of poolers.
    pub poolers: Vec<PoolerTarget>,
    /// Metrics endpoints of applications.
    pub apps: Vec<AppTarget>,
    /// Redis servers.
    pub redis: Vec<RedisTarget>,
    /// What pools are expected.
    pub pools: Vec<PoolSettings>,
    /// What Redis pools are expected.
    pub redis_pools: Vec<DeclaredRedisPool>,
    /// When a value becomes a finding; real time, not yet scaled.
    pub thresholds: Thresholds,
    /// Roles whose sessions are never ended, besides those of the providers.
    pub protected_roles: Vec<Text>,
    /// A file with `DATABASE_URL`, as written: relative to the configuration's directory.
    pub env_file: Option<PathBuf>,
    /// A command to run when a finding opens or closes.
    pub on_finding: Option<Vec<String>>,
    /// Only for findings at least this severe.
    pub on_finding_severity: Severity,
    /// Begin to record at a finding of this severity.
    pub record_when: Option<Severity>,
    /// Begin to record when somebody has waited for a connection so long.
    pub record_when_waiting: Option<Duration>,
    /// Budget of the history in bytes, instead of the file's.
    pub history: Option<u64>,
    /// Times in UTC, instead of the file's choice.
    pub utc: Option<bool>,
    /// Name of the theme, instead of the file's.
    pub theme: Option<Located<String>>,
    /// Factor on every threshold's time; 1 except in demos and tests.
    pub time_scale: f64,
}

impl Profile {
    /// The expected pools as the analysis wants them.
    pub fn declared_pools(&self) -> Vec<DeclaredPool> {
        self.pools.iter().map(|pool| pool.declared.clone()).collect()
    }
}

/// A PostgreSQL server, or a pooled port of one.
#[derive(Clone, Debug)]
pub struct PostgresTarget {
    /// Unique in the profile.
    pub name: String,
    /// URL or keyword string; may hold a password.
    pub url: Located<SecretString>,
    /// Prints the password; run again at every connect.
    pub password_command: Option<Vec<String>>,
    /// What it is said to be; found out where absent.
    pub role: Option<Role>,
    /// Cores of the server, for advice.
    pub cores: Option<u32>,
    /// Memory of the server in bytes, for advice.
    pub memory: Option<u64>,
    /// Who runs it (`rds`, `supabase`, …), for advice.
    pub provider: Option<Text>,
    /// After which something between application and server drops an idle connection.
    pub path_idle_timeout: Option<Duration>,
}

/// The console of a pooler.
#[derive(Clone, Debug)]
pub struct PoolerTarget {
    /// Unique in the profile.
    pub name: String,
    /// URL or keyword string; may hold a password.
    pub url: Located<SecretString>,
    /// Prints the password; run again at every connect.
    pub password_command: Option<Vec<String>>,
}

/// An application's metrics endpoint.
#[derive(Clone, Debug)]
pub struct AppTarget {
    /// Unique in the profile.
    pub name: String,
    /// `http://` or `https://`.
    pub url: Located<SecretString>,
    /// Bearer token.
    pub bearer: Option<SecretString>,
    /// Further headers.
    pub headers: Vec<(String, SecretString)>,
    /// Where in its answer the values of a pool are: our word, their field.
    pub mapping: Vec<(String, String)>,
    /// Answering takes a connection of the very pool that is reported.
    pub own_probe: bool,
    /// Time between two readings, where it is not the usual one.
    pub interval: Option<Duration>,
}

/// A Redis server.
#[derive(Clone, Debug)]
pub struct RedisTarget {
    /// Unique in the profile.
    pub name: String,
    /// `redis://` or `rediss://`; may hold a password.
    pub url: Located<SecretString>,
    /// Prints the password; run again at every connect.
    pub password_command: Option<Vec<String>>,
}

/// An expected pool, with the settings that made its bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolSettings {
    /// The pool as the analysis wants it: `max` and `instances` worked out.
    pub declared: DeclaredPool,
    /// `pool_size`; 0 = unlimited.
    pub pool_size: Option<u32>,
    /// `max_overflow`; −1 = unlimited.
    pub max_overflow: Option<i64>,
    /// How long a request waits for a connection.
    pub pool_timeout: Option<Duration>,
    /// Age at which a connection is replaced; `None` also for −1, never.
    pub recycle: Option<Duration>,
    /// Connections are tried before each checkout.
    pub pre_ping: Option<bool>,
    /// Statements after which a connection is replaced; 0 = never.
    pub max_queries: Option<u32>,
    /// Processes per pod.
    pub workers: Option<u32>,
    /// Pods.
    pub pods: Option<u32>,
}
