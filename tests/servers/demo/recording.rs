//! The recorded incident for machines without PostgreSQL: how it is made, and that it tells the demo's story.

use std::path::Path;
use std::time::Duration;

use pooltop::analysis::Settings;
use pooltop::collect::recording::{Header, Writer};
use pooltop::collect::{Mailbox, Recording, Replay, spawn};
use pooltop::demo::{self, Demo};
use pooltop::model::clock::Clock;
use pooltop::model::own::OwnSessions;
use pooltop::model::verdict::VerdictKind;
use pooltop::monitor::{Monitor, Plan, TargetPlan};
use tokio::task::JoinSet;

use super::start;
use super::story::{finds, plan, until};

/// How long the recording is: the story, and a while to look around in it.
const LENGTH: Duration = Duration::from_secs(75);

/// Not a test but the command that makes the file, to be run when the shape of samples or the story has changed:
/// `cargo test --test servers demo::recording::record -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes assets/incident.jsonl.zst"]
async fn record() {
    let demo = start(&mut Vec::new()).await;
    let (clock, mailbox, mut tasks) = (Clock::real(), Mailbox::default(), JoinSet::new());
    let header = Header {
        time_scale: demo::TIME_SCALE,
        ..Header::new("a shop that leaks transactions", clock.now(), 0.5)
    };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    let handles = plan(&demo).targets.into_iter().map(|plan| plan.target);
    let handles: Vec<_> =
        handles.map(|target| spawn(target, clock.clone(), mailbox.clone(), &mut tasks)).collect();
    while clock.monotonic() < LENGTH {
        for sample in mailbox.take().await.samples.into_values().flatten() {
            writer.push(&sample).unwrap();
        }
    }
    drop(handles);
    tasks.shutdown().await;
    demo.stop().await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/incident.jsonl.zst");
    std::fs::write(file, writer.finish().unwrap()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_recorded_incident_tells_the_same_story() {
    let recording = Recording::read(demo::recorded()).unwrap();
    assert!((recording.header.time_scale - demo::TIME_SCALE).abs() < 1e-9);
    let targets = Replay::targets(&recording).into_iter().map(|replay| TargetPlan {
        target: replay.into_target(),
        own: OwnSessions::default(),
        executor: None,
    });
    let settings = Settings {
        thresholds: Demo::thresholds(),
        pools: Demo::declared_pools(),
        interval: Duration::from_secs_f64(recording.header.interval_s),
        ..Settings::default()
    };
    let clock = Clock::manual(recording.header.recorded_at);
    let monitor = Monitor::start(
        Plan { targets: targets.collect(), settings, history_bytes: 8 << 20, clock, operations: None },
        None,
    );
    let leak = until(&monitor, "a leak", |moment| moment.verdict.kind == VerdictKind::Leak).await;
    assert!(leak.verdict.sentence.contains("checkout"), "{}", leak.verdict.sentence);
    until(&monitor, "a lock chain", |moment| finds(moment, "lock.chain")).await;
}
