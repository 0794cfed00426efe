//! `pooltop demo`: the dashboard on a throwaway server with a leaking application, or on a recorded incident.

use std::time::Duration;

use super::args::DemoArgs;
use super::dashboard::Show;
use super::exit::{Exit, Failure};
use super::output::note;
use super::profile::{Running, Surroundings};
use super::{replay, start};
use crate::connect::DsnKind;
use crate::demo::{self, Demo, DemoError, Options, Progress};
use crate::model::clock::Clock;
use crate::model::secret::ExposeSecret;
use crate::monitor::Replay;
use crate::record::Reader;
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
    let show =
        Show { running, plan, replay: None, record: None, feed: Feed::Demo, clock, audit, fleet: Vec::new() };
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

/// Plays the recorded incident out of a file of its own, which goes when the dashboard does.
async fn recorded(args: &DemoArgs, around: Surroundings) -> anyhow::Result<Exit> {
    let file = tempfile::Builder::new().prefix("pooltop-demo-").suffix(".pooltop").tempfile()?;
    std::fs::write(file.path(), demo::recorded())?;
    let reader = Reader::open(file.path()).await?;
    let (running, title) = (replay::recorded(reader.meta(), &around), reader.meta().title.clone());
    let playing = Replay::start(reader, None, true).await.map_err(|why| Failure::usage(why.to_string()))?;
    replay::show(playing, running, title, around, &args.look).await
}
