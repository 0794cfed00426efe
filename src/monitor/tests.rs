//! A story with losses, reconnects and gaps, taken in as a monitor would: whatever was live once is found again.

mod recording;

use std::sync::Arc;
use std::time::Duration;

use super::live::Live;
use super::past::{Past, Place, Taped};
use super::travel::Cursor;
use crate::analysis::fixture::{at, facts, pooler_sample, row, sample, status};
use crate::analysis::{Moment, Settings};
use crate::collect::{Mailbox, News};
use crate::model::audit::{AuditPhase, AuditRecord};
use crate::model::event::{Event, EventKind};
use crate::model::finding::Severity;
use crate::model::operation::{OperationKind, Outcome};
use crate::model::own::OwnSessions;
use crate::model::pooler::PoolerPool;
use crate::model::sample::Sample;
use crate::model::target::{TargetKind, TargetState, TargetStatus};
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;
use crate::model::track::{MarkKind, Travel};

/// A running profile, what it showed, and its clock.
struct Stage {
    live: Live,
    own: OwnSessions,
    shown: Vec<Arc<Moment>>,
    cursor: Cursor,
}

fn settings() -> Settings {
    Settings { thresholds: Thresholds::default().scaled(0.1), ..Settings::default() }
}

impl Stage {
    fn new(history_bytes: usize) -> Self {
        let mut stage = Self {
            live: Live::new(settings(), history_bytes),
            own: OwnSessions::default(),
            shown: Vec::new(),
            cursor: Cursor::default(),
        };
        stage.resume(0.0);
        stage
    }

    fn resume(&mut self, second: f64) {
        let targets = vec![("db1".into(), self.own.clone()), ("bouncer".into(), OwnSessions::default())];
        self.live.resume(targets, at(second));
    }

    async fn take(&mut self, second: f64, leave: impl FnOnce(&Mailbox)) -> Arc<Moment> {
        let mailbox = Mailbox::default();
        leave(&mailbox);
        let news: News = mailbox.take().await;
        let operations = if (second - 31.0).abs() < 0.1 { vec![record(second)] } else { Vec::new() };
        let (moment, track) = self.live.absorb(news, operations, at(second));
        assert_eq!(track.newest, moment.at);
        self.shown.push(Arc::clone(&moment));
        moment
    }

    fn go(&mut self, from: Timestamp, travel: Travel) -> Option<Arc<Moment>> {
        let Some(Place { stretch, start, frames }) = self.live.past.find(from, travel) else {
            return self.shown.last().cloned();
        };
        self.cursor.moment(stretch, &start, &frames).unwrap()
    }

    /// Those of what was shown that can still be found.
    fn kept(&self) -> &[Arc<Moment>] {
        let oldest = self.live.past.track(at(0.0)).oldest;
        let first = self.shown.iter().position(|moment| moment.at == oldest).unwrap();
        &self.shown[first..]
    }
}

fn record(second: f64) -> AuditRecord {
    AuditRecord {
        at: at(second),
        phase: AuditPhase::Outcome,
        operator: "ada".into(),
        host: "bastion".into(),
        profile: "shop".into(),
        target: "db1".into(),
        operation: OperationKind::Terminate,
        pid: Some(105),
        backend_start: None,
        application_name: "api".into(),
        user: "app".into(),
        database: None,
        client_id: None,
        client: None,
        dry_run: false,
        outcome: Some(Outcome::Ended),
        message: "ended".into(),
    }
}

fn event(second: f64, kind: EventKind, text: &str) -> Event {
    Event { at: at(second), target: "db1".into(), kind, text: text.into() }
}

/// A pool that leaks a transaction every three seconds until second 31.
fn server(second: f64, facts: &Arc<crate::model::facts::ServerFacts>) -> Arc<Sample> {
    let born = |leak: &i32| second < 31.0 && f64::from(*leak + 1) * 3.0 <= second;
    let leaks = (0..10).filter(born).map(|pid| {
        let since = f64::from(pid + 1) * 3.0;
        row(100 + pid, "api")
            .born(since - 1.0)
            .in_transaction(since, "SELECT 'x' FROM carts WHERE id = 7")
            .build()
    });
    let busy = (0..5).map(|pid| row(200 + pid, "web").idle(second - f64::from(pid % 3), "COMMIT").build());
    Arc::new(sample("db1", second, leaks.chain(busy).collect(), facts))
}

fn standing(name: &str, kind: TargetKind, state: TargetState, second: f64) -> TargetStatus {
    TargetStatus { state, at: at(second), ..status(name, kind) }
}

/// A minute and a half: a leak, an operation against it, a lost connection, a switch to another profile and back.
async fn told(history_bytes: usize, past_bytes: usize) -> Stage {
    let mut stage = Stage::new(history_bytes);
    stage.live.past = Past::new(past_bytes);
    let facts = Arc::new(facts(100));
    let membership = stage.own.enter(crate::model::backend::BackendId { pid: 1, start: None });
    let mut second_connection = None;
    for second in (1..=90).map(f64::from) {
        let (lost, switched) = ((40.0..47.0).contains(&second), (60.0..70.0).contains(&second));
        if switched {
            continue;
        }
        if (second - 70.0).abs() < 0.1 {
            stage.resume(second);
        }
        if (second - 20.0).abs() < 0.1 {
            second_connection =
                Some(stage.own.enter(crate::model::backend::BackendId { pid: 2, start: None }));
        }
        if (second - 25.0).abs() < 0.1 {
            second_connection = None;
        }
        let sampled = |mailbox: &Mailbox| {
            let live = standing("db1", TargetKind::Postgres, TargetState::Live, second);
            mailbox.sample(&server(second, &facts), live);
        };
        stage
            .take(second, |mailbox| {
                if !lost {
                    return sampled(mailbox);
                }
                mailbox.status(standing("db1", TargetKind::Postgres, TargetState::Down, second));
                if (second - 40.0).abs() < 0.1 {
                    mailbox.event(event(second, EventKind::Lost, "connection lost"));
                }
            })
            .await;
        let queue = PoolerPool {
            database: "shop".into(),
            user: "app".into(),
            cl_waiting: Some(if second > 50.0 { 3 } else { 0 }),
            sv_active: Some(5),
            ..PoolerPool::default()
        };
        let pooler = Arc::new(pooler_sample("bouncer", second + 0.4, vec![queue]));
        let live = standing("bouncer", TargetKind::Pgbouncer, TargetState::Live, second);
        stage.take(second + 0.4, |mailbox| mailbox.sample(&pooler, live)).await;
    }
    drop((membership, second_connection));
    stage
}

fn written(moment: &Moment) -> String {
    format!("{moment:?}")
}

#[tokio::test]
async fn every_moment_of_the_past_is_the_one_that_was_live_then() {
    let mut stage = told(64 << 20, 8 << 20).await;
    let kept = stage.kept().to_vec();
    assert_eq!(kept.len(), stage.shown.len(), "all of it fits");
    assert!(kept.iter().any(|moment| moment.findings.iter().any(|one| one.severity == Severity::Critical)));
    for moment in &kept {
        let found = stage.go(at(0.0), Travel::To(moment.at)).unwrap();
        assert_eq!(written(&found), written(moment));
    }
    let newest = kept.last().unwrap().at;
    assert_eq!(stage.go(newest, Travel::Oldest).unwrap().at, kept[0].at);
    assert_eq!(stage.go(kept[0].at, Travel::Newest).unwrap().at, newest);
}

#[tokio::test]
async fn steps_lead_through_every_moment_and_stop_at_the_ends() {
    let mut stage = told(64 << 20, 8 << 20).await;
    let kept = stage.kept().to_vec();
    let mut here = kept.last().unwrap().at;
    for moment in kept.iter().rev().skip(1) {
        let back = stage.go(here, Travel::Step(-1)).unwrap();
        assert_eq!(written(&back), written(moment));
        here = back.at;
    }
    assert_eq!(stage.go(here, Travel::Step(-1)).unwrap().at, kept[0].at);
    for moment in kept.iter().skip(1) {
        here = stage.go(here, Travel::Step(1)).unwrap().at;
        assert_eq!(here, moment.at);
    }
    assert_eq!(stage.go(here, Travel::Step(1)).unwrap().at, here);
    assert_eq!(stage.go(here, Travel::Step(-20)).unwrap().at, kept[kept.len() - 21].at);
    let between = kept[3].at.plus(Duration::from_millis(100));
    assert_eq!(stage.go(here, Travel::To(between)).unwrap().at, kept[3].at);
    assert_eq!(stage.go(here, Travel::To(at(-50.0))).unwrap().at, kept[0].at);
}

#[tokio::test]
async fn what_has_no_room_goes_a_stretch_at_a_time() {
    for (history_bytes, past_bytes) in [(120 << 10, 8 << 20), (64 << 20, 40 << 10)] {
        let mut stage = told(history_bytes, past_bytes).await;
        let kept = stage.kept().to_vec();
        let (many, all) = (kept.len(), stage.shown.len());
        assert!((10..all * 3 / 4).contains(&many), "{many} of {all}");
        for moment in &kept {
            assert_eq!(written(&stage.go(at(0.0), Travel::To(moment.at)).unwrap()), written(moment));
        }
        let track = stage.live.past.track(at(0.0));
        assert!(track.marks.iter().all(|mark| mark.at >= track.oldest));
    }
}

#[tokio::test]
async fn the_track_shows_what_happened_and_when_nobody_looked() {
    let stage = told(64 << 20, 8 << 20).await;
    let track = stage.live.past.track(at(0.0));
    assert_eq!((track.oldest, track.newest), (at(1.0), at(90.4)));
    assert_eq!(track.gaps, []);
    let of = |wanted: fn(&MarkKind) -> bool| -> Vec<(Timestamp, String)> {
        let marks = track.marks.iter().filter(|mark| wanted(&mark.kind));
        marks.map(|mark| (mark.at, mark.text.to_string())).collect()
    };
    assert_eq!(
        of(|kind| *kind == MarkKind::Operation),
        [(at(31.0), "terminate pid 105 on db1: ended".to_owned())]
    );
    assert_eq!(
        of(|kind| *kind == MarkKind::Event(EventKind::Lost)),
        [(at(40.0), "db1: connection lost".to_owned())]
    );
    let findings = of(|kind| matches!(kind, MarkKind::Finding(_)));
    assert!(!findings.is_empty() && findings.len() < 20, "{findings:?}");
    assert_eq!(stage.shown.last().unwrap().operations.len(), 1);
}

#[tokio::test]
async fn a_profile_that_did_not_run_for_long_has_a_gap() {
    let mut stage = Stage::new(64 << 20);
    let facts = Arc::new(facts(100));
    for second in [1.0, 2.0, 600.0] {
        if second > 2.0 {
            stage.resume(second);
        }
        let live = standing("db1", TargetKind::Postgres, TargetState::Live, second);
        stage.take(second, |mailbox| mailbox.sample(&server(second, &facts), live)).await;
    }
    assert_eq!(stage.live.past.track(at(0.0)).gaps, [(at(2.0), at(600.0))]);
}

#[tokio::test]
async fn a_tape_has_all_of_the_past_and_goes_on_without_a_hole() {
    let mut stage = told(64 << 20, 8 << 20).await;
    let mut tape = stage.live.past.tape();
    let facts = Arc::new(facts(100));
    for second in (91..=130).map(f64::from) {
        let live = standing("db1", TargetKind::Postgres, TargetState::Live, second);
        stage.take(second, |mailbox| mailbox.sample(&server(second, &facts), live)).await;
    }
    let mut stretches = std::mem::take(&mut tape.stretches);
    stage.live.past.interrupt();
    while let Some(taped) = tape.next().await {
        match taped {
            Taped::Checkpoint(start) => {
                stretches.push(crate::model::past::Stretch { start: (*start).clone(), frames: Vec::new() });
            }
            Taped::Frame(frame) => stretches.last_mut().unwrap().frames.push(frame),
            Taped::Missed => panic!("the reader was not behind"),
        }
    }
    let mut moments = Vec::new();
    for (number, stretch) in (0..).zip(&stretches) {
        let mut cursor = Cursor::default();
        for end in 1..=stretch.frames.len() {
            moments.extend(cursor.moment(number, &stretch.start, &stretch.frames[..end]).unwrap());
        }
    }
    assert_eq!(moments.len(), stage.shown.len());
    assert!(moments.iter().zip(&stage.shown).all(|(a, b)| written(a) == written(b)));
}

#[tokio::test]
async fn a_reader_that_is_behind_is_told_so() {
    let mut stage = Stage::new(64 << 20);
    let mut tape = stage.live.past.tape();
    for step in 0..400_u32 {
        let second = 1.0 + f64::from(step);
        let down = standing("db1", TargetKind::Postgres, TargetState::Down, second);
        stage.take(second, |mailbox| mailbox.status(down)).await;
    }
    assert!(matches!(tape.next().await, Some(Taped::Missed)));
    assert!(matches!(tape.next().await, Some(Taped::Checkpoint(_) | Taped::Frame(_))));
}
