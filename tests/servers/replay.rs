//! A real server, recorded, and played again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Moment, Settings};
use pooltop::collect::Target;
use pooltop::connect::{Conninfo, Environment};
use pooltop::export::{self, Meta as Document};
use pooltop::model::clock::Clock;
use pooltop::model::own::OwnSessions;
use pooltop::model::time::Timestamp;
use pooltop::model::track::{Play, Travel};
use pooltop::monitor::{Monitor, Plan, RecordingOptions, Replay, TargetPlan};
use pooltop::record::{Bounds, Meta, Reader, RecordPhase};
use pooltop::source::postgres::PostgresOpener;
use pooltop::text::redact::Redaction;
use serde_json::Value;

use crate::support::{Postgres, PostgresOptions};

const INTERVAL: Duration = Duration::from_millis(200);

fn monitor(server: &Postgres) -> Monitor {
    let own = OwnSessions::default();
    let (info, _) = Conninfo::resolve(&server.url("postgres", "postgres"), &Environment::empty()).unwrap();
    let target = Target {
        name: "db1".into(),
        opener: Arc::new(PostgresOpener::new("db1".into(), info, own.clone())),
        interval: INTERVAL,
        deadline: Duration::from_secs(5),
    };
    let settings = Settings { interval: INTERVAL, ..Settings::default() };
    let targets = vec![TargetPlan { target, own, executor: None }];
    Monitor::start(
        Plan { targets, settings, history_bytes: 8 << 20, clock: Clock::real(), operations: None },
        None,
    )
}

async fn samples(monitor: &Monitor, wanted: u64) -> Arc<Moment> {
    let mut moments = monitor.moments();
    let seen = |moment: &Option<Arc<Moment>>| moment.as_ref().is_some_and(|moment| moment.samples >= wanted);
    let moment = moments.wait_for(seen).await.unwrap().clone();
    moment.unwrap()
}

/// The snapshot of a moment without what two programs may say differently about themselves.
fn snapshot(moment: &Moment, redaction: Redaction) -> Value {
    let meta = Document {
        profile: "shop".into(),
        window_s: 1.0,
        interval_s: INTERVAL.as_secs_f64(),
        redaction,
        operations: Vec::new(),
    };
    let mut document: Value = serde_json::from_str(&export::json(&export::snapshot(moment, &meta))).unwrap();
    document["pooltop_version"] = Value::Null;
    for target in document["targets"].as_array_mut().unwrap() {
        target["overhead"] = Value::Null;
    }
    document
}

async fn record(server: &Postgres, file: &Path, redaction: Redaction) -> (Monitor, Timestamp) {
    let monitor = monitor(server);
    // What came before the recording is in it, too.
    let before = samples(&monitor, 10).await;
    let meta = Meta { redaction, ..Meta::new("shop", Clock::real().now(), INTERVAL.as_secs_f64()) };
    let options = RecordingOptions { path: file.to_owned(), meta, bounds: Bounds::default() };
    let recording = monitor.record(options).await.unwrap();
    samples(&monitor, before.samples + 10).await;
    assert_eq!(recording.stop().await.phase, RecordPhase::Finished);
    (monitor, before.at)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_replay_is_the_snapshot_that_was_live() {
    let server = Postgres::start(&PostgresOptions::default());
    let _held = [
        server.hold("checkout-api", "BEGIN; SELECT 'card 4111', 42").await,
        server.hold("report", "SELECT 1").await,
    ];
    let directory = tempfile::tempdir().unwrap();
    for redaction in [Redaction::None, Redaction::Literals] {
        let file = directory.path().join(format!("{}.pooltop", redaction.as_str()));
        let (monitor, before) = record(&server, &file, redaction).await;
        let replay = Replay::start(Reader::open(&file).await.unwrap(), None, false).await.unwrap();
        let track = replay.track().borrow().clone();
        assert!(track.oldest <= before, "it begins with what was in memory");
        let mut compared = 0;
        for travel in [Travel::Oldest, Travel::To(before), Travel::Step(1), Travel::Newest, Travel::Step(-3)]
        {
            let played = replay.travel(travel).await.unwrap();
            let live = monitor.travel(played.at, Travel::To(played.at)).await.unwrap();
            assert_eq!(live.at, played.at, "{travel:?}");
            assert_eq!(snapshot(&played, redaction), snapshot(&live, redaction), "{travel:?}");
            compared += played.backends.len();
        }
        assert!(compared >= 8, "only {compared} backends were compared");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_steps_seeks_and_plays_to_its_end() {
    let server = Postgres::start(&PostgresOptions::default());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.pooltop");
    record(&server, &file, Redaction::Literals).await;
    let replay = Replay::start(Reader::open(&file).await.unwrap(), None, false).await.unwrap();
    let track = replay.track().borrow().clone();
    let go = async |travel| replay.travel(travel).await.unwrap().at;
    let first = go(Travel::Oldest).await;
    assert_eq!(first, track.oldest);
    let third = go(Travel::Step(2)).await;
    assert!(third > first);
    assert_eq!(go(Travel::Step(-2)).await, first);
    assert_eq!(go(Travel::Step(-9)).await, first, "there is nothing before");
    assert_eq!(go(Travel::To(third)).await, third);
    let glanced = replay.glance(first).await.unwrap();
    assert!(glanced.has_seen_anything(), "of the beginning, the first moment that shows something");
    assert_eq!(replay.moments().borrow().as_ref().unwrap().at, third, "a glance goes nowhere");
    assert_eq!(go(Travel::Newest).await, track.newest);
    assert_eq!(go(Travel::Step(5)).await, track.newest, "there is nothing after");
    // From the end it begins anew, and plays through.
    for play in [Play::Faster, Play::Faster, Play::Faster, Play::Faster, Play::Faster, Play::Toggle] {
        replay.play(play);
    }
    let mut playing = replay.playing();
    playing.wait_for(|playing| playing.running && (playing.speed - 16.0).abs() < 1e-9).await.unwrap();
    let mut moments = replay.moments();
    let mut seen = Vec::new();
    loop {
        let at = moments.borrow_and_update().as_ref().unwrap().at;
        seen.push(at);
        if at == track.newest && seen.len() > 1 {
            break;
        }
        moments.changed().await.unwrap();
    }
    assert!(seen.windows(2).skip(1).all(|pair| pair[0] <= pair[1]), "time runs forward: {seen:?}");
    playing.wait_for(|playing| playing.at_end).await.unwrap();
}
