//! Starting a profile without a screen, and waiting until it can be judged.

use std::sync::Arc;
use std::time::Duration;

use super::profile::{Running, RunningTarget, Surroundings};
use crate::analysis::Moment;
use crate::collect::Target;
use crate::control::audit::Audit;
use crate::control::confirm::{Access, Policy};
use crate::control::executor::{Executor, Setup};
use crate::model::clock::Clock;
use crate::model::own::OwnSessions;
use crate::model::target::{TargetState, TargetStatus};
use crate::monitor::{MakeExecutor, Monitor, Plan, TargetPlan};
use crate::source::Opener;
use crate::source::pgbouncer::PgbouncerOpener;
use crate::source::postgres::PostgresOpener;

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
    Plan {
        targets: running.targets.iter().map(|target| target_plan(target, running, audit, clock)).collect(),
        settings: running.settings(),
        history_bytes: running.history_bytes,
        clock: clock.clone(),
    }
}

fn target_plan(target: &RunningTarget, running: &Running, audit: &Audit, clock: &Clock) -> TargetPlan {
    let own = OwnSessions::default();
    let (name, conninfo) = (target.name.clone(), target.conninfo.clone());
    let opener: Arc<dyn Opener> = if target.console {
        Arc::new(PgbouncerOpener::new(name.clone(), conninfo))
    } else {
        Arc::new(PostgresOpener::new(name.clone(), conninfo, own.clone()))
    };
    let operations = !target.console && running.policy.access != Access::ReadOnly;
    TargetPlan {
        target: Target {
            name,
            opener,
            interval: running.interval,
            deadline: (running.interval * 3).max(SHORTEST_DEADLINE),
        },
        executor: operations.then(|| executor(target, &running.policy, audit, &own, clock)),
        own,
    }
}

fn executor(
    target: &RunningTarget,
    policy: &Policy,
    audit: &Audit,
    own: &OwnSessions,
    clock: &Clock,
) -> MakeExecutor {
    let (conninfo, policy, audit, own, clock) =
        (target.conninfo.clone(), policy.clone(), audit.clone(), own.clone(), clock.clone());
    Box::new(move |sampling| Executor::new(Setup { conninfo, policy, audit, own, sampling, clock }))
}

/// Waits until every target has answered or failed to, and has told what it tells slowly; at most `patience`.
pub async fn settled(monitor: &Monitor, patience: Duration) -> Option<Arc<Moment>> {
    let mut moments = monitor.moments();
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
        Err(_) => monitor.moments().borrow().clone(),
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

/// Why a target did not answer, for standard error.
pub fn failure_lines(target: &TargetStatus) -> String {
    let mut lines = format!("{}: ", target.name);
    match &target.error {
        Some(error) => {
            lines.push_str(&error.message);
            if let Some(hint) = &error.hint {
                lines.push_str("\n  ");
                lines.push_str(hint);
            }
        }
        None => lines.push_str("no answer yet"),
    }
    lines
}
