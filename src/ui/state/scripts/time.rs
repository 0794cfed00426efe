//! Through the past, through a replay, and two moments side by side.

use std::time::Duration;

use super::*;
use crate::model::finding::Severity;
use crate::model::time::Timestamp;
use crate::model::track::{Mark, MarkKind, Play, Playing, Track, Travel};
use crate::ui::contract::RecordingState;
use crate::ui::state::reel::Hold;

/// The story some seconds later, or earlier.
fn moment(second: i64) -> Moment {
    let moment = leak();
    let span = Duration::from_secs(second.unsigned_abs());
    let at = if second < 0 { moment.at.minus(span) } else { moment.at.plus(span) };
    Moment { at, ..moment }
}

fn at(second: i64) -> Timestamp {
    moment(second).at
}

/// A past that begins ten minutes before the first moment that the screen saw.
pub(in crate::ui) fn track() -> Track {
    let mark = |second, kind, text: &str| Mark { at: at(second), kind, text: text.into() };
    Track {
        oldest: at(-600),
        newest: at(2),
        gaps: vec![(at(-500), at(-420))],
        marks: vec![
            mark(
                -300,
                MarkKind::Finding(Severity::Warning),
                "checkout-api: 9 connections idle in transaction",
            ),
            mark(-200, MarkKind::Operation, "terminate 18203: ended"),
            mark(-120, MarkKind::Finding(Severity::Critical), "checkout-api leaks"),
        ],
    }
}

/// Three moments in sight, the newest at second 2, and ten minutes beyond.
pub(in crate::ui) fn travelling() -> Robot {
    let mut robot = Robot::on(moment(0));
    robot.show(moment(1));
    robot.show(moment(2));
    robot.event(Event::Input(Input::Track(Arc::new(track()))));
    robot.clock.advance(Duration::from_secs(2));
    robot
}

pub(in crate::ui) fn replaying(running: bool) -> Robot {
    let feed = Feed::Recording("incident.pooltop".into());
    let mut robot = Robot::with(moment(0), header(Access::ReadOnly, feed));
    robot.event(Event::Input(Input::Track(Arc::new(track()))));
    robot.event(Event::Input(Input::Playing(Playing { running, speed: 2.0, at_end: false })));
    robot
}

/// What was asked for: ticket, from, way.
fn travels(robot: &mut Robot) -> Vec<(u64, Timestamp, Travel)> {
    let ways = robot.take().into_iter().filter_map(|effect| match effect {
        Effect::Travel { ticket, from, travel } => Some((ticket, from, travel)),
        _ => None,
    });
    ways.collect()
}

impl Robot {
    fn answer(&mut self, ticket: u64, second: i64) {
        self.event(Event::Input(Input::Past { ticket, moment: Ok(Arc::new(moment(second))) }));
    }

    fn shown(&self) -> Timestamp {
        self.app.moment().unwrap().at
    }

    fn copied(&mut self) -> Option<String> {
        self.take().into_iter().find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        })
    }
}

#[test]
fn what_is_at_hand_is_shown_at_once_and_the_rest_is_asked_for() {
    let mut robot = travelling();
    robot.press(", ,");
    assert_eq!((robot.shown(), robot.app.reel.hold()), (at(0), Hold::Past));
    assert!(travels(&mut robot).is_empty());
    robot.press(",");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, from, Travel::Step(-1))] if *from == at(0)), "{asked:?}");
    robot.press(", ,");
    assert!(travels(&mut robot).is_empty(), "steps add up while one is on its way");
    assert_eq!(robot.shown(), at(0));
    robot.answer(asked[0].0, -1);
    assert_eq!(robot.shown(), at(-1));
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, from, Travel::Step(-2))] if *from == at(-1)), "{asked:?}");
    robot.answer(asked[0].0, -3);
    robot.press(".");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, from, Travel::Step(1))] if *from == at(-3)), "{asked:?}");
    robot.answer(asked[0].0, 2);
    assert_eq!(robot.app.reel.hold(), Hold::Following, "the newest is the present");
}

#[test]
fn the_present_goes_on_while_a_moment_is_on_its_way_and_an_answer_nobody_waits_for_is_dropped() {
    let mut robot = travelling();
    robot.press("<");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::Oldest)]), "{asked:?}");
    robot.show(moment(3));
    assert_eq!(robot.shown(), at(3));
    robot.press(">");
    robot.answer(asked[0].0, -600);
    assert_eq!((robot.shown(), robot.app.reel.hold()), (at(3), Hold::Following));
    robot.press("<");
    let again = travels(&mut robot);
    robot.answer(asked[0].0, -600);
    assert_eq!(robot.shown(), at(3), "the answer to the first question is not that to the second");
    robot.answer(again[0].0, -600);
    assert_eq!(robot.shown(), at(-600));
    robot.press("<esc>");
    assert_eq!(robot.app.reel.hold(), Hold::Following);
}

#[test]
fn a_way_that_leads_nowhere_says_why_and_leaves_the_screen_where_it_was() {
    let mut robot = travelling();
    robot.press("<");
    let ticket = travels(&mut robot)[0].0;
    robot.event(Event::Input(Input::Past { ticket, moment: Err("prometheus did not answer".into()) }));
    assert_eq!((robot.shown(), robot.toast()), (at(2), "prometheus did not answer".to_owned()));
    assert!(!robot.app.journey.is_waiting());
}

#[test]
fn without_a_longer_past_the_oldest_kept_is_where_it_begins() {
    let mut robot = Robot::on(moment(0));
    robot.show(moment(1));
    for key in [",", ",", "<", "{"] {
        robot.press(key);
        assert_eq!(robot.shown(), at(0));
    }
    assert_eq!(robot.toast(), "The past begins at 14:07:00.");
    assert!(travels(&mut robot).is_empty());
}

#[test]
fn from_mark_to_mark_the_moment_is_the_one_that_shows_what_happened() {
    let mut robot = travelling();
    robot.press("(");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::To(to))] if *to == at(-120)), "{asked:?}");
    assert_eq!(robot.toast(), "At 14:05:00: checkout-api leaks");
    robot.answer(asked[0].0, -121);
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, from, Travel::Step(1))] if *from == at(-121)), "{asked:?}");
    robot.answer(asked[0].0, -119);
    assert_eq!(robot.shown(), at(-119));
    robot.press("(");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::To(to))] if *to == at(-200)), "{asked:?}");
    robot.answer(asked[0].0, -200);
    robot.press(")");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::To(to))] if *to == at(-120)), "{asked:?}");
    robot.answer(asked[0].0, -120);
    robot.press(")");
    assert!(travels(&mut robot).is_empty());
    assert_eq!(robot.toast(), "Nothing happened after this.");
}

#[test]
fn a_typed_time_is_gone_to_or_explained() {
    let mut robot = travelling();
    robot.press("@ 25:99 <enter>");
    let Some(Layer::GoTo(goto)) = robot.app.layers.last() else { panic!("the line stays") };
    assert!(goto.error.as_ref().is_some_and(|error| error.contains("'25:99' is no time")));
    robot.press("<esc> @ -5m <enter>");
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::To(to))] if *to == at(-298)), "{asked:?}");
    assert!(robot.app.layers.is_empty());
    robot.answer(asked[0].0, -298);
    robot.press("@ 14:07:01 <enter>");
    assert_eq!(robot.shown(), at(1), "this one is at hand");
    robot.press("@ 13:00 <enter>");
    assert_eq!(robot.toast(), "The past begins at 13:57:00.");
    robot.press(">").press(":").event(Event::Paste("goto 14:07:00".to_owned()));
    robot.press("<enter>");
    assert_eq!(robot.shown(), at(0));
    robot.press(":").event(Event::Paste("goto noon".to_owned()));
    robot.press("<enter>");
    assert!(robot.toast().contains("'noon' is no time"), "{}", robot.toast());
}

#[test]
fn in_a_replay_the_keys_play_it_and_every_way_goes_through_the_recording() {
    let mut robot = replaying(false);
    robot.press("f + -");
    let plays: Vec<_> = robot.take();
    assert!(
        matches!(
            &plays[..],
            [Effect::Play(Play::Toggle), Effect::Play(Play::Faster), Effect::Play(Play::Slower)]
        ),
        "{plays:?}"
    );
    for (key, way) in [(",", Travel::Step(-1)), (">", Travel::Newest), ("<", Travel::Oldest)] {
        robot.press(key);
        let asked = travels(&mut robot);
        assert_eq!(asked.last().map(|asked| asked.2), Some(way), "{key}");
        robot.answer(asked[0].0, -100);
        assert_eq!((robot.shown(), robot.app.reel.hold()), (at(-100), Hold::Following), "{key}");
    }
    robot.show(moment(-99));
    assert_eq!(robot.shown(), at(-99), "it goes on from there");
    robot.press("K");
    assert!(robot.app.layers.is_empty() && robot.toast().contains("recording"), "{}", robot.toast());
    robot.press("*");
    assert!(robot.take().is_empty() && robot.toast().contains("recording already"));
}

#[test]
fn only_a_replay_has_a_speed() {
    let mut robot = travelling();
    robot.press("+");
    assert!(robot.take().is_empty());
    assert_eq!(robot.toast(), "Only a replay has a speed.");
}

#[test]
fn the_time_of_a_replay_is_that_of_the_recording() {
    let mut robot = replaying(true);
    robot.clock.advance(Duration::from_secs(86_400));
    assert_eq!(robot.app.time(robot.clock.now()), at(0));
    robot.show(moment(1));
    assert_eq!(robot.app.time(robot.clock.now()), at(1));
}

#[test]
fn a_recording_begins_ends_and_fails_out_loud() {
    let state = |problem: Option<&str>| RecordingState {
        file: "incident.pooltop".into(),
        since: at(-600),
        bytes: 12_400_000,
        frames: 900,
        problem: problem.map(Into::into),
    };
    let mut robot = travelling();
    robot.press("*");
    assert!(matches!(&robot.take()[..], [Effect::Record(true)]));
    robot.event(Event::Input(Input::Recording(Some(state(None)))));
    assert_eq!(robot.toast(), "Recording into incident.pooltop");
    robot.press("*");
    assert!(matches!(&robot.take()[..], [Effect::Record(false)]));
    robot.event(Event::Input(Input::Recording(None)));
    assert_eq!(robot.toast(), "Recorded into incident.pooltop, 12 MB");
    assert!(robot.press("q").app.end().is_some(), "what is in a file is not lost");
    let mut robot = travelling();
    robot.event(Event::Input(Input::Recording(Some(state(Some("the disk is full"))))));
    assert_eq!(robot.toast(), "Recording into incident.pooltop stopped: the disk is full");
    assert!(robot.press("q").app.end().is_none());
}

#[test]
fn the_timeline_is_searched_and_leads_to_its_moments() {
    let mut robot = travelling();
    robot.press("t / leaks <enter> <enter>");
    assert!(robot.app.layers.is_empty());
    let asked = travels(&mut robot);
    assert!(matches!(&asked[..], [(_, _, Travel::To(to))] if *to == at(-120)), "{asked:?}");
}

#[test]
fn a_kept_moment_is_compared_with_and_else_that_of_five_minutes_before() {
    let mut robot = travelling();
    robot.press("=");
    let effects = robot.take();
    let [Effect::Glance { ticket, at: when }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*when, at(-298));
    let mut before = moment(-298);
    before.findings.clear();
    robot.event(Event::Input(Input::Past { ticket: *ticket, moment: Ok(Arc::new(before)) }));
    assert_eq!(robot.app.reel.hold(), Hold::Following, "a glance goes nowhere");
    let page = |robot: &Robot| match robot.app.layers.last() {
        Some(Layer::Page(page)) => page.lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        other => panic!("no page but {other:?}"),
    };
    let text = page(&robot);
    assert!(text.starts_with("since 14:02:02, 5m00s until 14:07:02") && text.contains("new "), "{text}");
    robot.press("=");
    assert!(robot.app.layers.is_empty());
    robot.press(", ' > =");
    assert!(page(&robot).starts_with("since 14:07:01, 1s until 14:07:02"), "{}", page(&robot));
    robot.press("<esc> , ' ");
    assert_eq!(robot.toast(), "No moment is kept any more.");
}

#[test]
fn rows_statements_and_findings_can_be_copied_wherever_they_stand() {
    let statement = |robot: &Robot| {
        let row = robot.app.connections.selected(robot.app.moment().unwrap()).unwrap();
        row.backend.query.as_ref().unwrap().to_string()
    };
    let mut robot = Robot::on(leak());
    let query = statement(&robot);
    let copied = robot.press("y").copied().unwrap();
    assert!(copied.starts_with("18200 checkout-api") && copied.ends_with(&query), "{copied}");
    assert_eq!(robot.press("<ctrl-y>").copied().unwrap(), query);
    robot.press("<enter>");
    assert_eq!(robot.press("<ctrl-y>").copied().unwrap(), query);
    robot.press("<esc> <tab>");
    let title = robot.app.moment().unwrap().findings[0].title.to_string();
    assert!(robot.press("y").copied().unwrap().starts_with(&title));
    assert!(robot.press("<enter> y").copied().unwrap().starts_with(&title));
    assert_eq!(robot.press("<ctrl-y>").copied(), None);
    assert!(robot.toast().contains("No statement"), "{}", robot.toast());
    robot.press("<esc> <tab>");
    let copied = robot.press("y").copied().unwrap();
    assert!(copied.contains("idle in transaction") && copied.contains(" in use"), "{copied}");
    robot.press("b");
    assert!(robot.press("y").copied().unwrap().contains("18203"));
    assert!(robot.press("<ctrl-y>").copied().is_some());
}
