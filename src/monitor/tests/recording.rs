//! A told story through a file: what is read again is what was live.

use tokio::sync::{oneshot, watch};

use super::*;
use crate::analysis::Settings;
use crate::analysis::fixture;
use crate::monitor::recorder::{Feeder, Trigger};
use crate::record::{Bounds, Meta, Reader, RecordPhase, RecordStatus, Recorder};
use crate::text::redact::Redaction;

/// Records the story and what followed it, and reads it again as moments.
async fn recorded(stage: &mut Stage, redaction: Redaction) -> (RecordStatus, Vec<Arc<Moment>>, Reader) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.pooltop");
    let meta = Meta { redaction, ..Meta::new("shop", at(0.0), 1.0) };
    let recorder = Recorder::start(&path, &meta, Bounds::default()).await.unwrap();
    let (to_moments, moments) = watch::channel(None);
    let (stop, stopped) = oneshot::channel();
    let feeder = Feeder { recorder, redaction };
    let task = tokio::spawn(feeder.run(stage.live.past.tape(), moments, stopped));
    let facts = Arc::new(facts(100));
    for second in (91..=130).map(f64::from) {
        let live = standing("db1", TargetKind::Postgres, TargetState::Live, second);
        let moment = stage.take(second, |mailbox| mailbox.sample(&server(second, &facts), live)).await;
        to_moments.send_replace(Some(moment));
        tokio::task::yield_now().await;
    }
    // Who listened is told the rest, and then that there is no more.
    stage.live.past.interrupt();
    let status = task.await.unwrap();
    drop(stop);
    let mut reader = Reader::open(&path).await.unwrap();
    let (mut read, mut after) = (Vec::new(), i64::MIN);
    while let Some(next) = reader.stretch_after(after).await.unwrap() {
        let mut cursor = Cursor::default();
        let frames = &next.stretch.frames;
        for end in 1..=frames.len() {
            read.extend(cursor.moment(1, &next.stretch.start, &frames[..end]).unwrap());
        }
        after = next.id;
    }
    (status, read, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_moment_that_is_read_from_a_file_is_the_one_that_was_live_then() {
    let mut stage = told(64 << 20, 8 << 20).await;
    let (status, read, mut reader) = recorded(&mut stage, Redaction::None).await;
    assert_eq!((status.phase, status.lost), (RecordPhase::Finished, 0));
    assert_eq!(read.len(), stage.shown.len());
    for (read, live) in read.iter().zip(&stage.shown) {
        assert_eq!(written(read), written(live));
    }
    let (track, live) = (reader.track().await.unwrap(), stage.live.past.track(at(0.0)));
    assert_eq!((track.oldest, track.newest, track.gaps), (live.oldest, live.newest, live.gaps));
    let of = |track: &[crate::model::track::Mark], operations: bool| {
        let wanted = |kind| match kind {
            MarkKind::Operation => operations,
            MarkKind::Event(_) => !operations,
            MarkKind::Finding(_) => false,
        };
        let marks = track.iter().filter(|mark| wanted(mark.kind));
        marks.map(|mark| mark.text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(&track.marks, true), of(&live.marks, true));
    assert_eq!(of(&track.marks, false), of(&live.marks, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_recording_says_the_same_without_the_values() {
    let mut stage = told(64 << 20, 8 << 20).await;
    let (_, read, _reader) = recorded(&mut stage, Redaction::Literals).await;
    let told = |moment: &Moment| {
        let findings =
            moment.findings.iter().map(|one| (one.rule, one.severity, one.since, one.backends.clone()));
        (moment.at, findings.collect::<Vec<_>>(), moment.verdict.kind, moment.pools.len())
    };
    for (read, live) in read.iter().zip(&stage.shown) {
        assert_eq!(told(read), told(live));
        assert!(!written(read).contains("id = 7"));
    }
    assert!(
        stage.shown.iter().any(|live| written(live).contains("id = 7")),
        "or there is nothing to take out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_begins_to_record_at_a_bad_finding_or_when_clients_wait_for_long() {
    let story = told(64 << 20, 8 << 20).await.shown;
    let waiting = |seconds| Trigger { waiting: Some(Duration::from_secs(seconds)), ..Trigger::default() };
    let bad = |severity| Trigger { severity: Some(severity), ..Trigger::default() };
    let first = |trigger: Trigger| {
        let (to_moments, moments) = watch::channel(None);
        let story = story.clone();
        let mut waits = Box::pin(trigger.wait(moments));
        async move {
            for moment in story {
                let at = moment.at;
                to_moments.send_replace(Some(moment));
                // The runtime lets nobody go on for ever without this.
                tokio::task::yield_now().await;
                if let Some(reason) = futures_util::future::FutureExt::now_or_never(waits.as_mut()) {
                    return Some((at, reason.unwrap().to_string()));
                }
            }
            drop(to_moments);
            assert_eq!(waits.await, None);
            None
        }
    };
    let (opened, title) = first(bad(Severity::Critical)).await.unwrap();
    let critical =
        |moment: &&Arc<Moment>| moment.findings.iter().any(|one| one.severity == Severity::Critical);
    let expected = story.iter().find(critical).unwrap();
    assert_eq!((opened, title), (expected.at, expected.findings[0].title.to_string()));
    // Three clients queue from second 51 on.
    let (began, reason) = first(waiting(5)).await.unwrap();
    assert!(began >= at(56.0) && began < at(58.0), "{began}");
    assert!(reason.contains("clients wait for 5"), "{reason}");
    assert_eq!(first(waiting(100)).await, None);
    assert_eq!(first(Trigger::default()).await, None);
}

#[test]
fn what_was_learned_of_a_thousand_sessions_is_small_beside_their_samples() {
    let mut analyser = crate::analysis::Analyser::new(Settings::default());
    let mut history = crate::history::History::default();
    let statuses = [status("db1", TargetKind::Postgres)];
    let facts = Arc::new(facts(1100));
    for second in 1..=120_u32 {
        history.push(Arc::new(sample("db1", f64::from(second), fixture::crowd(1000, second), &facts)));
        analyser.observe(&history, &statuses, &[], at(f64::from(second)));
    }
    let learned = analyser.save(at(120.0)).unwrap().len();
    // A stretch of twenty seconds that takes 28 kB a second has 560 kB.
    assert!(learned < 150 << 10, "{learned} bytes");
}
