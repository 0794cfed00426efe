//! `pooltop profiles` and `pooltop config`.

use std::fmt::Write as _;
use std::path::Path;

use super::args::{ConfigCommand, ConfigFile, ProfilesCommand};
use super::exit::{Exit, Failure};
use super::output::{data, note};
use super::profile::{Running, Surroundings};
use crate::config::edit::{self, NewProfile, NewTarget};
use crate::config::{self, Access, Paths};
use crate::connect::{self, DsnKind, Purpose, RedisConnection};
use crate::export;
use crate::model::target::TargetError;
use crate::model::thresholds::Thresholds;
use crate::source::app::{AppOpener, Endpoint};
use crate::source::pgbouncer::PgbouncerOpener;
use crate::source::{Opener as _, Source};

/// `pooltop profiles …`
pub async fn run(command: &ProfilesCommand) -> anyhow::Result<Exit> {
    match command {
        ProfilesCommand::List(file) => list(&read(file)?),
        ProfilesCommand::Show { name, file } => show(name, &read(file)?),
        ProfilesCommand::Test { name, file } => test(name, &read(file)?).await,
        ProfilesCommand::Remove { name, file } => {
            let path = path(file)?;
            edit::remove(&path, name)?;
            note(&format!("removed '{name}' from {}", path.display()));
            Ok(Exit::Done)
        }
        ProfilesCommand::Add { name, urls, label, production, read_only, file } => {
            let profile = NewProfile {
                name: name.clone(),
                label: label.clone(),
                production: *production,
                access: read_only.then_some(Access::ReadOnly),
                targets: urls
                    .iter()
                    .map(|url| NewTarget { url: url.clone(), ..NewTarget::default() })
                    .collect(),
            };
            add(&profile, &path(file)?)
        }
    }
}

/// `pooltop config …`
pub fn configuration(command: &ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Path(file) => data(&format!("{}\n", path(file)?.display()))?,
        ConfigCommand::Example => data(config::example())?,
        ConfigCommand::Check(file) => check(file)?,
        ConfigCommand::Rules { profile, file } => data(&rules(profile.as_deref(), file)?)?,
    }
    Ok(Exit::Done)
}

/// Alert rules by the thresholds of a profile, else by the defaults.
fn rules(profile: Option<&str>, file: &ConfigFile) -> anyhow::Result<String> {
    let thresholds = match profile {
        Some(name) => Running::profile(name, &read(file)?)?.settings().thresholds,
        None => Thresholds::default(),
    };
    Ok(export::rules::rules(&thresholds))
}

fn path(file: &ConfigFile) -> anyhow::Result<std::path::PathBuf> {
    Ok(Paths::discover(file.config.as_deref())?.config)
}

fn read(file: &ConfigFile) -> anyhow::Result<Surroundings> {
    Surroundings::read(file.config.as_deref())
}

/// Reads the file and resolves every profile, so that connection strings and themes are checked too.
fn check(file: &ConfigFile) -> anyhow::Result<()> {
    let around = read(file)?;
    for notice in &around.config.notices {
        note(notice);
    }
    super::look::theme_exists(around.config.theme.as_ref(), &around)?;
    let names: Vec<String> = around.config.names().map(str::to_owned).collect();
    for name in &names {
        let running = Running::profile(name, &around)?;
        for notice in &running.notices {
            note(&format!("profile '{name}': {notice}"));
        }
        super::look::theme_exists(running.theme.as_ref(), &around)?;
    }
    super::look::keymap(&around)?;
    let missing = if around.paths.config.exists() { "" } else { " (no such file; that is fine)" };
    let profiles = crate::text::span::count(names.len() as u64, "profile");
    data(&format!("{}: {profiles}, no mistake{missing}\n", around.paths.config.display()))?;
    Ok(())
}

fn list(around: &Surroundings) -> anyhow::Result<Exit> {
    let mut out = String::new();
    for profile in &around.config.profiles {
        let default = around.config.default_profile.as_deref() == Some(profile.name.as_str());
        let _ = writeln!(
            out,
            "{} {:<20} {:<12} {:<13} {}",
            if default { '*' } else { ' ' },
            profile.name,
            profile.label.as_deref().unwrap_or("-"),
            profile.access.as_str(),
            summary(&profile.name, around)
        );
    }
    data(&out)?;
    if out.is_empty() {
        note(&format!(
            "no profile in {}; `pooltop profiles add NAME URL` saves one",
            around.paths.config.display()
        ));
    }
    Ok(Exit::Done)
}

/// The endpoints of a profile in one line.
pub fn summary(name: &str, around: &Surroundings) -> String {
    match Running::profile(name, around) {
        Ok(running) => running.endpoints().join(", "),
        Err(error) => format!("cannot be used: {error:#}"),
    }
}

fn show(name: &str, around: &Surroundings) -> anyhow::Result<Exit> {
    let running = Running::profile(name, around)?;
    let mut out = format!("profile     {name}\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key:<11} {value}");
    };
    line("label", running.label.as_deref().unwrap_or("-"));
    line("production", if running.production { "yes" } else { "no" });
    let access = around.config.profile(name).map_or("confirm", |profile| profile.access.as_str());
    line("access", access);
    line("bulk limit", &running.policy.bulk_limit.to_string());
    line("interval", &crate::text::span::span(running.interval));
    for target in &running.targets {
        let kind = match target.console {
            true => "pooler",
            false if target.conninfo.is_redis() => "redis",
            false => "postgres",
        };
        line(kind, &format!("{} {} as {}", target.name, target.conninfo.endpoint(), target.conninfo.user()));
    }
    for app in &running.apps {
        line("app", &format!("{} {}", app.name, app.endpoint.endpoint()));
    }
    for pool in &running.pools {
        let bound = pool.max.map_or("no bound".into(), |max| format!("at most {max} x {}", pool.instances));
        line("pool", &format!("{} {bound}", pool.name));
    }
    for pool in &running.redis_pools {
        let globs: Vec<&str> =
            [&pool.name, &pool.library, &pool.user].into_iter().flatten().map(String::as_str).collect();
        let bound = pool.max.map_or("no bound".into(), |max| format!("at most {max} x {}", pool.instances));
        line("redis pool", &format!("{} {bound}", globs.join(" ")));
    }
    data(&out)?;
    for notice in &running.notices {
        note(notice);
    }
    Ok(Exit::Done)
}

/// Connects to every target once.
async fn test(name: &str, around: &Surroundings) -> anyhow::Result<Exit> {
    let running = Running::profile(name, around)?;
    let mut answers = true;
    for target in &running.targets {
        let outcome = if target.console {
            let opener = PgbouncerOpener::new(target.name.clone(), target.conninfo.clone());
            opener.open(None).await.map(|source| source.describe().version.unwrap_or_default().to_string())
        } else if target.conninfo.is_redis() {
            RedisConnection::open(&target.conninfo).await.map(|_| "Redis answers".to_owned())
        } else {
            let opened = connect::open(&target.conninfo, Purpose::Probe).await;
            opened.map(|connection| format!("PostgreSQL {}", connection.version()))
        };
        answers &= tell(&target.name, outcome)?;
    }
    for app in &running.apps {
        let opener = AppOpener::new(app.name.clone(), app.endpoint.clone(), running.asks_every(app));
        let asked = opener.open(None).await;
        let shape = |source: Box<dyn Source>| source.describe().version.unwrap_or_default().to_string();
        answers &= tell(&app.name, asked.map(shape))?;
    }
    Ok(if answers { Exit::Done } else { Exit::Unreachable })
}

/// Says how a target answered, and returns whether it did.
fn tell(name: &str, outcome: Result<String, TargetError>) -> anyhow::Result<bool> {
    match outcome {
        Ok(line) => {
            data(&format!("{name}: ok, {line}\n"))?;
            Ok(true)
        }
        Err(error) => {
            let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("\n  {hint}"));
            note(&format!("{name}: {error}{hint}"));
            Ok(false)
        }
    }
}

/// Saves a profile after looking at its addresses; a password is never written.
fn add(profile: &NewProfile, path: &Path) -> anyhow::Result<Exit> {
    for target in &profile.targets {
        match DsnKind::of(&target.url)? {
            DsnKind::Name => {
                let text = format!("'{}' is no URL and no keyword string", target.url);
                return Err(Failure::usage(text).into());
            }
            DsnKind::Postgres | DsnKind::Console | DsnKind::Redis => {
                connect::Conninfo::resolve(&target.url, &connect::Environment::empty())?;
            }
            DsnKind::Http => {
                Endpoint::new(&target.url).map_err(|why| Failure::usage(format!("the address is {why}")))?;
            }
        }
    }
    edit::add(path, profile)?;
    note(&format!(
        "saved '{}' in {}; try it with: pooltop profiles test {}",
        profile.name,
        path.display(),
        profile.name
    ));
    Ok(Exit::Done)
}
