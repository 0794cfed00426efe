//! The recorded incident for machines without PostgreSQL: how it is made, and that it tells the demo's story.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pooltop::demo::{self, Demo};
use pooltop::model::clock::Clock;
use pooltop::model::track::{MarkKind, Travel};
use pooltop::model::verdict::VerdictKind;
use pooltop::monitor::{Monitor, RecordingOptions, Replay};
use pooltop::record::{Bounds, Meta, Reader, RecordPhase};

use super::start;
use super::story::{finds, plan};

/// How long the recording is: the story, and a while to look around in it.
const LENGTH: Duration = Duration::from_secs(75);

fn asset() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/incident.pooltop")
}

/// Not a test but the command that makes the file, to be run when the shape of samples or the story has changed:
/// `cargo test --test servers demo::recording::record -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes assets/incident.pooltop"]
async fn record() {
    let _ = std::fs::remove_file(asset());
    let demo = start(&mut Vec::new()).await;
    let clock = Clock::real();
    let monitor = Monitor::start(plan(&demo), None);
    let meta = Meta {
        title: "a shop that leaks transactions".into(),
        time_scale: demo::TIME_SCALE,
        time_zone: Some("UTC".into()),
        ..Meta::new("shop", clock.now(), 0.5)
    };
    let options = RecordingOptions { path: asset(), meta, bounds: Bounds::default() };
    let recording = monitor.record(options).await.unwrap();
    tokio::time::sleep(LENGTH).await;
    assert_eq!(recording.stop().await.phase, RecordPhase::Finished);
    drop(monitor);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_incident_tells_the_same_story() {
    let reader = Reader::open(&asset()).await.unwrap();
    assert!((reader.meta().time_scale - demo::TIME_SCALE).abs() < 1e-9);
    let replay = Replay::start(reader, None, false).await.unwrap();
    let track = replay.track().borrow().clone();
    let named = |word: &str| track.marks.iter().any(|mark| mark.text.contains(word));
    assert!(track.marks.iter().any(|mark| matches!(mark.kind, MarkKind::Finding(_))) && named("checkout"));
    let (mut leaks, mut chains, mut last) = (0, 0, None);
    loop {
        let moment = replay.travel(Travel::Step(1)).await.unwrap();
        if last == Some(moment.at) {
            break;
        }
        last = Some(moment.at);
        let leak = moment.verdict.kind == VerdictKind::Leak && moment.verdict.sentence.contains("checkout");
        leaks += u32::from(leak);
        chains += u32::from(finds(&moment, "lock.chain"));
    }
    assert!(leaks > 20 && chains > 20, "{leaks} moments tell of the leak, {chains} of the chain");
    assert_eq!(last, Some(track.newest), "it can be gone through to its end");
    assert!(Demo::declared_pools().iter().all(|pool| !pool.name.is_empty()));
}
