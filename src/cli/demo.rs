//! `pooltop demo`: the dashboard on a throwaway server with a leaking application, or on a recorded incident.

use std::time::Duration;

use super::args::DemoArgs;
use super::dashboard::Show;
use super::exit::{Exit, Failure};
use super::output::note;
use super::profile::{Running, Surroundings};
use super::start;
use crate::collect::{Recording, Replay};
use crate::connect::DsnKind;
use crate::control::confirm::Access;
use crate::demo::{self, Demo, DemoError, Options, Progress};
use crate::model::clock::Clock;
use crate::model::own::OwnSessions;
use crate::model::secret::ExposeSecret;
use crate::monitor::{Plan, TargetPlan};
use crate::text::Text;
use crate::ui::Feed;

/// Runs the demo: live where PostgreSQL is installed, else recorded.
pub async fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(None)?;
    if args.recorded {
        return recorded(args, around).await;
    }
    let clock = Clock::real();
    match start_server(&clock).await {
        Ok(demo) => live(args, around, demo, clock).await,
        Err(error) if error.lacks_postgres() && !args.live => {
            note(
                "PostgreSQL is not installed here: playing a recorded incident (apt install postgresql for a live one)",
            );
            recorded(args, around).await
        }
        Err(error) => Err(Failure::usage(error.to_string()).into()),
    }
}

/// Starts the throwaway server. A signal while it starts drops it half-way, and its guardian cleans up.
async fn start_server(clock: &Clock) -> Result<Demo, DemoError> {
    let options = Options {
        path: std::env::var_os("PATH").unwrap_or_default(),
        temporary: std::env::temp_dir(),
        binaries: None,
    };
    let mut tell = |progress: Progress| note(&format!("demo: {progress} …"));
    Demo::start(&options, clock, &mut tell).await
}

async fn live(args: &DemoArgs, around: Surroundings, demo: Demo, clock: Clock) -> anyhow::Result<Exit> {
    let running = profile(&demo, &around)?;
    let audit = start::audit(&around);
    let plan = start::plan(&running, &audit, &clock);
    let show = Show { running, plan, feed: Feed::Demo, clock, audit };
    let result = show.run(around, &args.look).await;
    demo.stop().await;
    result
}

/// The demo as a profile of its own.
fn profile(demo: &Demo, around: &Surroundings) -> anyhow::Result<Running> {
    let (server, pooler) = (demo.dsn(), demo.pooler_dsn());
    let mut dsns = vec![(server.expose_secret(), DsnKind::Postgres)];
    dsns.extend(pooler.iter().map(|dsn| (dsn.expose_secret(), DsnKind::Console)));
    let mut running = Running::ad_hoc(&dsns, around)?;
    for (target, name) in running.targets.iter_mut().zip(["db1", "bouncer-1"]) {
        target.name = name.into();
    }
    running.interval = Duration::from_millis(500);
    Ok(as_shop(running))
}

/// Name, pools and pace of the demo's shop, live or recorded.
fn as_shop(mut running: Running) -> Running {
    running.name = "shop".into();
    running.policy.profile = running.name.clone();
    running.pools = Demo::declared_pools();
    running.time_scale = demo::TIME_SCALE;
    running
}

async fn recorded(args: &DemoArgs, around: Surroundings) -> anyhow::Result<Exit> {
    let recording = Recording::read(demo::recorded())?;
    let mut running = as_shop(Running::blank("".into(), &around.config));
    running.interval = Duration::from_secs_f64(recording.header.interval_s.clamp(0.1, 60.0));
    running.time_scale = recording.header.time_scale;
    running.policy.access = Access::ReadOnly;
    let clock = Clock::real();
    let targets = Replay::targets(&recording).into_iter().map(|replay| TargetPlan {
        target: replay.into_target(),
        own: OwnSessions::default(),
        executor: None,
    });
    let plan = Plan {
        targets: targets.collect(),
        settings: running.settings(),
        history_bytes: running.history_bytes,
        clock: clock.clone(),
        operations: None,
    };
    let (audit, feed) = (start::audit(&around), Feed::Recording(Text::line(&recording.header.title)));
    Show { running, plan, feed, clock, audit }.run(around, &args.look).await
}
