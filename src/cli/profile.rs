//! From what was typed and what the configuration says to what runs.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;

use super::args::TargetArgs;
use super::exit::Failure;
use super::hook::Hook;
use crate::analysis::sizing::provider;
use crate::analysis::{Machine, Settings};
use crate::config::{self, Config, Located, Paths, Profile};
use crate::connect::{Conninfo, DsnKind, Environment};
use crate::control::confirm::{Access, Policy};
use crate::model::pool::{DeclaredPool, DeclaredRedisPool};
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::target::{Role, TargetName};
use crate::model::thresholds::Thresholds;
use crate::monitor::Trigger;
use crate::source::prometheus::Prometheus;
use crate::text::{Text, nearest};

mod apps;
mod history;
mod saved;

pub use apps::RunningApp;

/// Time between samples where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(1);
/// Shorter than this, sampling would be a load of its own.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Most sessions of one operation where no profile says otherwise.
const BULK_LIMIT: usize = 20;

/// What the user's files and the environment say.
pub struct Surroundings {
    /// Where the files are.
    pub paths: Paths,
    /// The configuration; what an empty file says where there is none.
    pub config: Config,
    /// libpq's variables.
    pub environment: Environment,
}

impl Surroundings {
    /// Reads the configuration.
    pub fn read(config: Option<&Path>) -> anyhow::Result<Self> {
        let paths = Paths::discover(config)?;
        let found = config::load(&paths.config)?;
        if found.is_none() && config.is_some() {
            return Err(Failure::usage(format!("{} does not exist", paths.config.display())).into());
        }
        Ok(Self { paths, config: found.unwrap_or_default(), environment: Environment::from_process() })
    }
}

/// One target that can be reached.
#[derive(Clone, Debug)]
pub struct RunningTarget {
    /// Its name.
    pub name: TargetName,
    /// How it is reached.
    pub conninfo: Conninfo,
    /// What was typed or saved. May hold a password.
    pub dsn: SecretString,
    /// A pooler's console rather than a server.
    pub console: bool,
    /// What the profile says that it is.
    pub role: Option<Role>,
}

/// A profile, saved or made up from what was typed, that can run.
#[derive(Clone, Debug)]
pub struct Running {
    /// The saved profile's name, else the endpoints.
    pub name: Text,
    /// Whether it is a saved one.
    pub saved: bool,
    /// Shown in the header.
    pub label: Option<Text>,
    /// Framed in the danger colour.
    pub production: bool,
    /// What operations need.
    pub policy: Policy,
    /// In the order of the profile.
    pub targets: Vec<RunningTarget>,
    /// Applications, in the order of the profile; after the other targets on the screen.
    pub apps: Vec<RunningApp>,
    /// Time between samples.
    pub interval: Duration,
    /// Budget of the history in bytes.
    pub history_bytes: usize,
    /// What keeps the history that memory does not.
    pub history_from: Option<Prometheus>,
    /// When a value becomes a finding, not yet scaled.
    pub thresholds: Thresholds,
    /// Factor on every threshold's time.
    pub time_scale: f64,
    /// Expected pools.
    pub pools: Vec<DeclaredPool>,
    /// Expected Redis pools.
    pub redis_pools: Vec<DeclaredRedisPool>,
    /// What the profile says about the servers' machines, for advice.
    pub machines: HashMap<TargetName, Machine>,
    /// Times in UTC.
    pub utc: bool,
    /// Times by the clocks of whoever recorded what is shown.
    pub recorded_in: Option<TimeZone>,
    /// Name of the theme, with its place in the configuration.
    pub theme: Option<Located<String>>,
    /// A command to tell about findings.
    pub hook: Option<Hook>,
    /// When it begins to record by itself.
    pub trigger: Trigger,
    /// What is odd but not wrong, one line each.
    pub notices: Vec<Text>,
}

impl Running {
    /// The targets that were typed: one profile, or URLs; none: the default profile, else libpq's environment.
    pub fn resolve(args: &TargetArgs, around: &Surroundings) -> anyhow::Result<Self> {
        let mut running = match (&args.targets[..], &args.env_file) {
            ([], Some(file)) => Self::from_env_file(file, around)?,
            (_, Some(_)) => {
                return Err(Failure::usage("--env-file names the targets itself: leave out TARGET").into());
            }
            ([], None) => match &around.config.default_profile {
                Some(name) => Self::profile(name, around)?,
                None => Self::ad_hoc(&[("", DsnKind::Postgres)], around)?,
            },
            (typed, None) => Self::typed(typed, around)?,
        };
        running.notices.extend(around.config.notices.iter().cloned());
        Ok(running)
    }

    /// What was typed as one or more profiles: several names are a fleet, anything else is one profile as
    /// [`Self::resolve`] understands it.
    pub fn resolve_all(args: &TargetArgs, around: &Surroundings) -> anyhow::Result<Vec<Self>> {
        let is_name = |typed: &String| DsnKind::of(typed).is_ok_and(|kind| kind == DsnKind::Name);
        if args.targets.len() < 2 || args.env_file.is_some() || !args.targets.iter().all(is_name) {
            return Ok(vec![Self::resolve(args, around)?]);
        }
        let mut seen = HashSet::new();
        let names = args.targets.iter().filter(|name| seen.insert(name.as_str()));
        let mut fleet = names.map(|name| Self::profile(name, around)).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(first) = fleet.first_mut() {
            first.notices.extend(around.config.notices.iter().cloned());
        }
        Ok(fleet)
    }

    fn typed(typed: &[String], around: &Surroundings) -> anyhow::Result<Self> {
        let kinds: Vec<DsnKind> = typed.iter().map(|dsn| DsnKind::of(dsn)).collect::<Result<_, _>>()?;
        let names = kinds.iter().filter(|kind| **kind == DsnKind::Name).count();
        match names {
            0 => {
                let pairs: Vec<(&str, DsnKind)> = typed.iter().map(String::as_str).zip(kinds).collect();
                let mut running = Self::ad_hoc(&pairs, around)?;
                if typed.iter().any(|dsn| config::holds_password(dsn)) {
                    running.notices.push(
                        "a password on the command line can be read by every user of this machine; \
                         PGPASSWORD, ~/.pgpass or a profile with password_command keep it to yourself"
                            .into(),
                    );
                }
                Ok(running)
            }
            1 if typed.len() == 1 => Self::profile(&typed[0], around),
            all if all == typed.len() => {
                Err(Failure::usage("this command works on one profile at a time; name one").into())
            }
            _ => {
                Err(Failure::usage("profiles and URLs cannot be mixed: name one profile, or URLs only")
                    .into())
            }
        }
    }

    /// A saved profile.
    pub fn profile(name: &str, around: &Surroundings) -> anyhow::Result<Self> {
        let Some(profile) = around.config.profile(name) else {
            return Err(unknown_profile(name, around).into());
        };
        let mut running = Self::of_profile(profile, &around.config);
        if let Some(file) = &profile.env_file {
            let beside = around.paths.config.parent().unwrap_or(Path::new(""));
            running.add_env_file(&beside.join(file), around)?;
        }
        for target in &profile.postgres {
            let mut conninfo = running.located(&target.url, around)?;
            if let Some(argv) = &target.password_command {
                conninfo = conninfo.with_password_command(argv.clone());
            }
            running.add(&target.name, (&target.url.value, conninfo), false, target.role);
            running.describe_machine(target);
        }
        for target in &profile.poolers {
            let mut conninfo = running.located(&target.url, around)?;
            if let Some(argv) = &target.password_command {
                conninfo = conninfo.with_password_command(argv.clone());
            }
            running.add(&target.name, (&target.url.value, conninfo), true, None);
        }
        for target in &profile.redis {
            let mut conninfo = running.located(&target.url, around)?;
            if let Some(argv) = &target.password_command {
                conninfo = conninfo.with_password_command(argv.clone());
            }
            running.add(&target.name, (&target.url.value, conninfo), false, None);
        }
        for target in &profile.apps {
            running.add_app(target, around)?;
        }
        running.history_from = history::source(profile, &around.config)?;
        running.note_unknown_providers(profile);
        if running.targets.is_empty() && running.apps.is_empty() {
            let text = format!(
                "profile '{name}' names no PostgreSQL server, pooler, Redis server or application; add one in {}",
                around.paths.config.display()
            );
            return Err(Failure::usage(text).into());
        }
        Ok(running)
    }

    fn of_profile(profile: &Profile, config: &Config) -> Self {
        let name = Text::line(&profile.name);
        Self {
            saved: true,
            label: profile.label.clone(),
            production: profile.production,
            policy: Policy {
                access: match profile.access {
                    config::Access::ReadOnly => Access::ReadOnly,
                    config::Access::Confirm => Access::Confirm,
                    config::Access::ConfirmName => Access::ConfirmName,
                },
                profile: name.clone(),
                bulk_limit: profile.bulk_limit,
                protected_roles: profile.protected_roles.clone(),
            },
            interval: profile.interval,
            history_bytes: history::budget(profile.history.or(config.history)),
            thresholds: profile.thresholds.clone(),
            time_scale: profile.time_scale,
            pools: profile.declared_pools(),
            redis_pools: profile.redis_pools.clone(),
            utc: profile.utc.or(config.utc).unwrap_or(false),
            theme: profile.theme.as_ref().or(config.theme.as_ref()).cloned(),
            hook: profile
                .on_finding
                .clone()
                .map(|command| Hook { command, at_least: profile.on_finding_severity }),
            trigger: Trigger { severity: profile.record_when, waiting: profile.record_when_waiting },
            ..Self::blank(name, config)
        }
    }

    /// No targets yet, and defaults for everything else.
    pub fn blank(name: Text, config: &Config) -> Self {
        Self {
            policy: Policy {
                access: Access::Confirm,
                profile: name.clone(),
                bulk_limit: BULK_LIMIT,
                protected_roles: Vec::new(),
            },
            name,
            saved: false,
            label: None,
            production: false,
            targets: Vec::new(),
            apps: Vec::new(),
            interval: INTERVAL,
            history_bytes: history::budget(config.history),
            history_from: None,
            thresholds: Thresholds::default(),
            time_scale: 1.0,
            pools: Vec::new(),
            redis_pools: Vec::new(),
            machines: HashMap::new(),
            utc: config.utc.unwrap_or(false),
            recorded_in: None,
            theme: config.theme.clone(),
            hook: None,
            trigger: Trigger::default(),
            notices: Vec::new(),
        }
    }

    /// A profile made up from URLs and keyword strings, named by its endpoints.
    pub fn ad_hoc(typed: &[(&str, DsnKind)], around: &Surroundings) -> anyhow::Result<Self> {
        let mut running = Self::blank(Text::default(), &around.config);
        for (dsn, kind) in typed {
            let console = match kind {
                DsnKind::Postgres | DsnKind::Redis => false,
                DsnKind::Console => true,
                DsnKind::Http => {
                    running.add_typed_app(dsn)?;
                    continue;
                }
                DsnKind::Name => return Err(unknown_profile(dsn, around).into()),
            };
            let dsn = SecretString::from((*dsn).to_owned());
            let conninfo = running.conninfo(&dsn, around)?;
            let endpoint = conninfo.endpoint();
            running.add(&endpoint, (&dsn, conninfo), console, None);
        }
        running.named_by_endpoints();
        Ok(running)
    }

    fn from_env_file(file: &Path, around: &Surroundings) -> anyhow::Result<Self> {
        let mut running = Self::blank(Text::default(), &around.config);
        running.add_env_file(file, around)?;
        running.named_by_endpoints();
        Ok(running)
    }

    /// Adds `DATABASE_URL` as a server and `DATABASE_POOL_URL` as its pooled port.
    fn add_env_file(&mut self, file: &Path, around: &Surroundings) -> anyhow::Result<()> {
        let found = crate::connect::EnvFile::read(file)?;
        let urls = [
            ("DATABASE_URL", &found.database_url, None),
            ("DATABASE_POOL_URL", &found.pool_url, Some(Role::Pooled)),
        ];
        let before = self.targets.len();
        for (variable, url, role) in urls {
            if let Some(url) = url {
                let conninfo = self
                    .conninfo(url, around)
                    .with_context(|| format!("{} in {}", variable, file.display()))?;
                let name = conninfo.endpoint();
                self.add(&name, (url, conninfo), false, role);
            }
        }
        if self.targets.len() == before {
            let text = format!("{} has neither DATABASE_URL nor DATABASE_POOL_URL", file.display());
            return Err(Failure::usage(text).into());
        }
        Ok(())
    }

    fn conninfo(&mut self, url: &SecretString, around: &Surroundings) -> Result<Conninfo, Failure> {
        let (conninfo, notices) = Conninfo::resolve(url.expose_secret(), &around.environment)
            .map_err(|error| Failure::usage(error.to_string()))?;
        for notice in notices {
            // Two targets of one environment or file have the same thing to say.
            if !self.notices.contains(notice.text()) {
                self.notices.push(notice.text().clone());
            }
        }
        Ok(conninfo)
    }

    /// The same for an address of the configuration: an error shows where it stands.
    fn located(
        &mut self,
        url: &Located<SecretString>,
        around: &Surroundings,
    ) -> Result<Conninfo, config::ConfigError> {
        self.conninfo(&url.value, around)
            .map_err(|error| around.config.document.error(url.span.clone(), &error.to_string(), ""))
    }

    /// Adds a target; a name that is taken gets a number.
    fn add(
        &mut self,
        name: &str,
        (dsn, conninfo): (&SecretString, Conninfo),
        console: bool,
        role: Option<Role>,
    ) {
        let conninfo = if role == Some(Role::Pooled) { conninfo.through_pooler() } else { conninfo };
        let name = self.free_name(name);
        self.targets.push(RunningTarget { name, conninfo, dsn: dsn.clone(), console, role });
    }

    fn named_by_endpoints(&mut self) {
        self.name = Text::line(&self.endpoints().join(", "));
        self.policy.profile = self.name.clone();
    }

    /// Keeps what the profile says about the machine of the target that was added last.
    fn describe_machine(&mut self, target: &config::PostgresTarget) {
        let machine = Machine {
            cores: target.cores,
            memory: target.memory,
            provider: target.provider.clone(),
            path_idle_timeout: target.path_idle_timeout,
        };
        if let Some(added) = self.targets.last().filter(|_| machine != Machine::default()) {
            self.machines.insert(TargetName::clone(&added.name), machine);
        }
    }

    /// A provider that nobody knows costs advice, not the profile.
    fn note_unknown_providers(&mut self, profile: &Profile) {
        for target in &profile.postgres {
            let Some(word) = target.provider.as_deref().filter(|word| provider::find(word).is_none()) else {
                continue;
            };
            let known = provider::WORDS.join(", ");
            let text = format!("target '{}': provider '{word}' is not known; known: {known}", target.name);
            self.notices.push(Text::line(&text));
        }
    }

    /// Where all targets are, without any secret.
    pub fn endpoints(&self) -> Vec<String> {
        let servers = self.targets.iter().map(|target| target.conninfo.endpoint());
        servers.chain(self.apps.iter().map(|app| app.endpoint.endpoint())).map(|it| it.to_string()).collect()
    }

    /// Overrides from the command line.
    pub fn adjust(&mut self, interval: Option<Duration>, read_only: bool) -> Result<(), Failure> {
        if let Some(interval) = interval {
            if interval < SHORTEST_INTERVAL {
                return Err(Failure::usage("--interval must be at least 100ms"));
            }
            self.interval = interval;
        }
        if read_only {
            self.policy.access = Access::ReadOnly;
        }
        Ok(())
    }

    /// What the analysis judges by.
    pub fn settings(&self) -> Settings {
        Settings {
            thresholds: self.thresholds.scaled(self.time_scale),
            pools: self.pools.clone(),
            redis_pools: self.redis_pools.clone(),
            machines: self.machines.clone(),
            interval: self.interval,
            time_zone: self.zone(),
            ..Settings::default()
        }
    }

    /// For times of day.
    pub fn zone(&self) -> TimeZone {
        match &self.recorded_in {
            _ if self.utc => TimeZone::UTC,
            Some(zone) => zone.clone(),
            None => TimeZone::system(),
        }
    }
}

fn unknown_profile(name: &str, around: &Surroundings) -> Failure {
    let file: &PathBuf = &around.paths.config;
    let known: Vec<&str> = around.config.names().collect();
    let help = match nearest(name, around.config.names()) {
        Some(near) => format!("did you mean '{near}'?"),
        None if known.is_empty() => {
            format!("{} has no profile yet; `pooltop profiles add NAME URL` saves one", file.display())
        }
        None => format!("known: {}", known.join(", ")),
    };
    Failure::usage(format!("'{name}' is neither a profile nor a URL nor a keyword string: {help}"))
}
