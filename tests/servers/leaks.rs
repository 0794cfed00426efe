//! Applications that leak and applications that only look like it, all at once on a real server; and the recordings
//! that are made of them.
//!
//! Everything takes a tenth of the time that it would take in earnest: thresholds are scaled by [`TIME_SCALE`].

mod further;
mod healthy;
mod leaking;
mod pool;
mod recorder;
mod scenario;
mod stage;
mod told;
mod traffic;
mod unseen;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use recorder::Recorder;
use scenario::Scenario;
use stage::{Stage, World};

const TIME_SCALE: f64 = 0.1;

/// Failures that the scenarios cause on purpose, as the server logs them.
const WANTED: [&str; 5] = [
    "division by zero",
    "canceling statement due to user request",
    "terminating connection due to administrator command",
    "connection to client lost",
    "COPY from stdin failed",
];

/// Starts the scenarios. They end with the set.
fn play(world: &Arc<World>, scenarios: &[&Scenario]) -> JoinSet<()> {
    scenarios.iter().map(|scenario| (scenario.play)(Stage::new(world, scenario.name))).collect()
}

/// A variable of the environment, or what is used without it.
fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name)
        .ok()
        .map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} cannot be {value}")))
}

/// What the server says went wrong and was not meant to.
fn mishaps(world: &World) -> Vec<String> {
    let log = world.server.log();
    let bad = |line: &&str| line.contains("ERROR:  ") || line.contains("FATAL:  ");
    let meant = |line: &str| WANTED.iter().any(|wanted| line.contains(wanted));
    log.lines().filter(bad).filter(|line| !meant(line)).map(str::to_owned).collect()
}

/// Not a test but the command that makes a labelled recording:
/// `cargo test --test servers leaks::record -- --ignored`. `CONTRIBUTING.md` names its settings.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes a recording"]
async fn record() {
    let seed = setting("POOLTOP_RECORDING_SEED", 1);
    let seconds = setting("POOLTOP_RECORDING_SECONDS", 90.0);
    let file = format!("target/leaks_s{seed}.jsonl.zst");
    let file = setting("POOLTOP_RECORDING_FILE", Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    let scenarios: Vec<&Scenario> = scenario::all().collect();
    let world = World::start(seconds, seed).await;
    let recorder = Recorder::start(&world, &scenarios).await;
    let mut playing = play(&world, &scenarios);
    let recording = recorder.run().await;
    while let Some(ended) = playing.try_join_next() {
        ended.expect("no scenario fails");
    }
    playing.shutdown().await;
    std::fs::write::<&PathBuf, _>(&file, recording).unwrap();
    assert_eq!(mishaps(&world), Vec::<String>::new(), "{} is not what it should be", file.display());
}
