//! Starting a profile without a screen, and waiting until it can be judged.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::profile::{Running, RunningApp, RunningTarget, Surroundings};
use crate::analysis::Moment;
use crate::collect::Target;
use crate::control::audit::Audit;
use crate::control::confirm::{Access, Policy};
use crate::control::executor::{Executor, Setup, SoloSetup};
use crate::model::clock::Clock;
use crate::model::own::OwnSessions;
use crate::model::target::{TargetState, TargetStatus};
use crate::monitor::{MakeExecutor, Monitor, Plan, TargetPlan};
use crate::source::Opener;
use crate::source::app::AppOpener;
use crate::source::pgbouncer::PgbouncerOpener;
use crate::source::pooled::{self, PooledOpener};
use crate::source::postgres::PostgresOpener;
use crate::source::redis::RedisOpener;

/// How long targets may take to answer before a command goes on without them.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long one sample may take at least, however short the interval is.
const SHORTEST_DEADLINE: Duration = Duration::from_secs(3);

/// The audit log of this user, written in this user's and machine's name.
pub fn audit(around: &Surroundings) -> Audit {
    let operator = around.environment.user().unwrap_or("unknown");
    Audit::new(around.paths.audit.clone(), operator, &host_name())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Everything that a monitor needs to run this profile.
pub fn plan(running: &Running, audit: &Audit, clock: &Clock) -> Plan {
    let servers = running.targets.iter().map(|target| target_plan(target, running, audit, clock));
    Plan {
        targets: servers.chain(running.apps.iter().map(|app| app_plan(app, running))).collect(),
        settings: running.settings(),
        history_bytes: running.history_bytes,
        clock: clock.clone(),
        operations: Some(audit.follow(&running.name)),
    }
}

fn target_plan(target: &RunningTarget, running: &Running, audit: &Audit, clock: &Clock) -> TargetPlan {
    let own = OwnSessions::default();
    let (name, conninfo) = (target.name.clone(), target.conninfo.clone());
    let reading = reading(target, running);
    let opener: Arc<dyn Opener> = match reading {
        Reading::Console => Arc::new(PgbouncerOpener::new(name.clone(), conninfo)),
        Reading::Probe => Arc::new(PooledOpener::new(name.clone(), conninfo)),
        Reading::Redis => Arc::new(RedisOpener::new(name.clone(), conninfo)),
        Reading::Sample => Arc::new(PostgresOpener::new(name.clone(), conninfo, own.clone())),
    };
    let interval = match reading {
        Reading::Probe => running.interval.max(pooled::SHORTEST_INTERVAL),
        Reading::Console | Reading::Redis | Reading::Sample => running.interval,
    };
    let operations = reading != Reading::Probe && running.policy.access != Access::ReadOnly;
    TargetPlan {
        target: Target { name, opener, interval, deadline: (interval * 3).max(SHORTEST_DEADLINE) },
        executor: operations.then(|| executor((target, reading), &running.policy, audit, &own, clock)),
        own,
    }
}

/// An application is only ever read.
fn app_plan(app: &RunningApp, running: &Running) -> TargetPlan {
    let interval = running.asks_every(app);
    let opener = Arc::new(AppOpener::new(app.name.clone(), app.endpoint.clone(), interval));
    let deadline = (interval * 3).max(SHORTEST_DEADLINE);
    TargetPlan {
        target: Target { name: app.name.clone(), opener, interval, deadline },
        executor: None,
        own: OwnSessions::default(),
    }
}

/// What is read from a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A pooler's console.
    Console,
    /// The clients of a Redis server.
    Redis,
    /// Everything.
    Sample,
    /// Whether it answers, because another target of the profile shows the same sessions.
    Probe,
}

/// A pooled port is probed where the profile has a server that is reached directly, else sampled as a server.
fn reading(target: &RunningTarget, running: &Running) -> Reading {
    let is_pooled = |target: &RunningTarget| target.conninfo.is_pooled();
    let is_server = |target: &RunningTarget| !target.console && !target.conninfo.is_redis();
    if target.console {
        Reading::Console
    } else if target.conninfo.is_redis() {
        Reading::Redis
    } else if is_pooled(target) && running.targets.iter().any(|other| is_server(other) && !is_pooled(other)) {
        Reading::Probe
    } else {
        Reading::Sample
    }
}

fn executor(
    (target, reading): (&RunningTarget, Reading),
    policy: &Policy,
    audit: &Audit,
    own: &OwnSessions,
    clock: &Clock,
) -> MakeExecutor {
    let (conninfo, policy, audit, own, clock) =
        (target.conninfo.clone(), policy.clone(), audit.clone(), own.clone(), clock.clone());
    if matches!(reading, Reading::Console | Reading::Redis) {
        return MakeExecutor::Solo(Box::new(SoloSetup { conninfo, policy, audit, clock }));
    }
    MakeExecutor::Server(Box::new(move |sampling| {
        Executor::new(Setup { conninfo, policy, audit, own, sampling, clock })
    }))
}

/// Waits until every target has answered or failed to, and has told what it tells slowly; at most `patience`.
pub async fn settled(monitor: &Monitor, patience: Duration) -> Option<Arc<Moment>> {
    settled_among(monitor.moments(), patience).await
}

/// The same of a profile's moments alone.
pub async fn settled_among(
    mut moments: watch::Receiver<Option<Arc<Moment>>>,
    patience: Duration,
) -> Option<Arc<Moment>> {
    let newest = moments.clone();
    let wait = async {
        loop {
            let moment = moments.borrow_and_update().clone();
            if let Some(moment) = moment.filter(|moment| is_settled(moment)) {
                return Some(moment);
            }
            moments.changed().await.ok()?;
        }
    };
    match tokio::time::timeout(patience, wait).await {
        Ok(moment) => moment,
        Err(_) => newest.borrow().clone(),
    }
}

fn is_settled(moment: &Moment) -> bool {
    !moment.targets.is_empty()
        && moment.targets.iter().zip(&moment.servers).all(|(target, server)| match target.state {
            TargetState::Live | TargetState::Stale => {
                server.as_ref().is_none_or(|server| server.facts.is_some())
            }
            TargetState::Refused | TargetState::Down => target.error.is_some(),
        })
}

/// Why a target did not answer, for standard error. One that is named by its address stands in the message already.
pub fn failure_lines(target: &TargetStatus) -> String {
    let Some(error) = &target.error else { return format!("{}: no answer yet", target.name) };
    let is_named = error.message.contains(&*target.name);
    let name = if is_named { String::new() } else { format!("{}: ", target.name) };
    let hint = error.hint.as_ref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{name}{}{hint}", error.message)
}

#[cfg(test)]
mod tests {
    use super::super::args::TargetArgs;
    use super::*;
    use crate::config::{Config, Paths};
    use crate::connect::Environment;

    fn readings(args: &TargetArgs) -> Vec<Reading> {
        let around = Surroundings {
            paths: Paths::new("/nowhere/config.toml".into(), "/nowhere/state".into()),
            config: Config::default(),
            environment: Environment::empty(),
        };
        let running = Running::resolve(args, &around).unwrap();
        running.targets.iter().map(|target| reading(target, &running)).collect()
    }

    #[test]
    fn a_pooled_port_is_probed_only_beside_a_server_that_is_reached_directly() {
        let (direct, pooled) = ("postgres://u@db1/shop", "postgres://u@db1:6543/shop?pgbouncer=true");
        for (targets, expected) in [
            (&[direct, pooled][..], &[Reading::Sample, Reading::Probe][..]),
            (&[pooled, direct], &[Reading::Probe, Reading::Sample]),
            (&[pooled], &[Reading::Sample]),
            (&[pooled, "pgbouncer://stats@db1"], &[Reading::Sample, Reading::Console]),
            (&[pooled, "redis://cache"], &[Reading::Sample, Reading::Redis]),
        ] {
            let targets = targets.iter().map(ToString::to_string).collect();
            assert_eq!(readings(&TargetArgs { targets, ..TargetArgs::default() }), expected);
        }
    }

    #[test]
    fn a_direct_and_a_pooled_port_are_one_profile() {
        for pooled in [
            "url = 'postgres://u@db1:6543/shop?pgbouncer=true'",
            "url = 'postgres://u@db1:6543/shop'\nrole = 'pooled'",
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let text = format!(
                "[[profiles.shop.postgres]]\nurl = 'postgres://u@db1/shop'\n[[profiles.shop.postgres]]\n{pooled}\n"
            );
            std::fs::write(file.path(), text).unwrap();
            let around = Surroundings {
                paths: Paths::new(file.path().into(), "/nowhere/state".into()),
                config: crate::config::load(file.path()).unwrap().unwrap(),
                environment: Environment::empty(),
            };
            let running = Running::profile("shop", &around).unwrap();
            let read: Vec<Reading> = running.targets.iter().map(|target| reading(target, &running)).collect();
            assert_eq!(read, [Reading::Sample, Reading::Probe], "{pooled}");
        }
    }

    #[test]
    fn the_pooled_url_of_an_env_file_is_probed_where_the_file_has_both() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (direct, pooled) =
            ("DATABASE_URL=postgres://u@db1/shop\n", "DATABASE_POOL_URL=postgres://u@db1:6543/shop\n");
        for (lines, expected) in [
            (format!("{direct}{pooled}"), &[Reading::Sample, Reading::Probe][..]),
            (pooled.to_owned(), &[Reading::Sample]),
        ] {
            std::fs::write(file.path(), lines).unwrap();
            let env_file = Some(file.path().to_owned());
            assert_eq!(readings(&TargetArgs { env_file, ..TargetArgs::default() }), expected);
        }
    }
}
