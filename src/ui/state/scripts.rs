//! Keys in, state and effects out, through the real [`App`] with a clock that stands still.

pub(in crate::ui) mod fleet;
pub(in crate::ui) mod poolers;
pub(in crate::ui) mod time;

use std::sync::{Arc, LazyLock};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Event};
use super::connections::RowId;
use crate::analysis::{Moment, fixture};
use crate::control::confirm::{Access, Policy};
use crate::model::backend::State;
use crate::model::clock::Clock;
use crate::model::operation::OperationKind;
use crate::ui::command::Command;
use crate::ui::contract::{Effect, Feed, Input, Options, ProfileHeader};
use crate::ui::layers::Layer;
use crate::ui::layout::Panel;

/// The story of the demo, told once.
pub(in crate::ui) fn leak() -> Moment {
    static LEAK: LazyLock<Moment> = LazyLock::new(fixture::checkout_leak);
    LEAK.clone()
}

/// The app, a person at its keyboard, and what was asked of the outside so far.
pub(in crate::ui) struct Robot {
    pub(in crate::ui) app: App,
    pub(in crate::ui) clock: Clock,
    effects: Vec<Effect>,
}

pub(in crate::ui) fn header(access: Access, feed: Feed) -> ProfileHeader {
    ProfileHeader {
        name: "checkout".into(),
        label: None,
        production: access == Access::ConfirmName,
        feed,
        time_scale: 1.0,
        policy: Policy { access, profile: "checkout".into(), bulk_limit: 20, protected_roles: Vec::new() },
    }
}

impl Robot {
    pub(in crate::ui) fn with(moment: Moment, profile: ProfileHeader) -> Self {
        let clock = Clock::manual(moment.at);
        let app = App::new(Options::new(profile, clock.clone()).unwrap());
        let mut robot = Self { app, clock, effects: Vec::new() };
        robot.event(Event::Resize(120, 40));
        robot.show(moment);
        robot
    }

    fn on(moment: Moment) -> Self {
        Self::with(moment, header(Access::Confirm, Feed::Live))
    }

    pub(in crate::ui) fn event(&mut self, event: Event) {
        self.effects.extend(self.app.update(event));
    }

    pub(in crate::ui) fn show(&mut self, moment: Moment) {
        self.event(Event::Input(Input::Moment(Arc::new(moment))));
    }

    /// Presses keys: characters as they are, `<enter>` and the like by name; blanks only separate. The screen
    /// is drawn after each.
    pub(in crate::ui) fn press(&mut self, script: &str) -> &mut Self {
        for key in keys(script) {
            self.event(Event::Key(key));
            self.app.set_drawn();
        }
        self
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn executed(&mut self) -> Vec<(OperationKind, Vec<i32>)> {
        let executed = self.take().into_iter().filter_map(|effect| match effect {
            Effect::Execute(confirmed) => Some(confirmed.into_inner()),
            _ => None,
        });
        executed
            .map(|operation| (operation.kind, operation.victims().iter().map(|v| v.id().pid).collect()))
            .collect()
    }

    fn selected(&self) -> i32 {
        self.app.connections.selected(self.app.moment().unwrap()).unwrap().backend.pid()
    }

    pub(in crate::ui) fn asked(&self) -> Vec<i32> {
        match self.app.layers.last() {
            Some(Layer::Confirm(confirm)) => {
                confirm.question.asked().iter().map(|asked| asked.victim.id().pid).collect()
            }
            other => panic!("no question but {other:?}"),
        }
    }

    fn left_out(&self) -> Vec<String> {
        match self.app.layers.last() {
            Some(Layer::Confirm(confirm)) => {
                confirm.question.left_out().iter().map(|left| left.why.to_string()).collect()
            }
            other => panic!("no question but {other:?}"),
        }
    }

    fn toast(&self) -> String {
        self.app.toasts.iter().last().map(|(_, text)| text.to_string()).unwrap_or_default()
    }
}

fn keys(script: &str) -> Vec<KeyEvent> {
    let (mut keys, mut rest) = (Vec::new(), script);
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|tail| tail.split_once('>'));
        if let Some((name, tail)) = named.filter(|(name, _)| name.len() > 1) {
            keys.push(named_key(name));
            rest = tail;
            continue;
        }
        if c != ' ' {
            keys.push(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
        rest = &rest[c.len_utf8()..];
    }
    keys
}

fn named_key(name: &str) -> KeyEvent {
    if let Some(letter) = name.strip_prefix("ctrl-") {
        return KeyEvent::new(KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL);
    }
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "down" => KeyCode::Down,
        "pagedown" => KeyCode::PageDown,
        "right" => KeyCode::Right,
        "f9" => KeyCode::F(9),
        name => panic!("no key {name}"),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// The same moment later, without the backends that `keep` drops.
fn later(moment: &Moment, keep: impl Fn(i32) -> bool) -> Moment {
    let mut next = moment.clone();
    next.backends.retain(|row| keep(row.backend.pid()));
    next
}

#[test]
fn the_cursor_stays_on_its_backend_and_not_on_its_row() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("jjj");
    let pid = robot.selected();
    robot.show(later(&moment, |other| other == pid || other % 2 == 1));
    assert_eq!(robot.selected(), pid);
    robot.press("r");
    assert_eq!(robot.selected(), pid);
    robot.show(later(&moment, |other| other != pid));
    assert_ne!(robot.selected(), pid);
}

#[test]
fn a_cursor_that_nobody_moved_stays_at_the_top() {
    let moment = leak();
    let mut robot = Robot::on(later(&moment, |pid| pid > 18_205));
    let first = robot.selected();
    robot.show(moment);
    assert_ne!(robot.selected(), first);
    assert_eq!((robot.app.connections.at, robot.selected()), (0, 18_200));
}

#[test]
fn tabs_and_their_counts_add_up_under_a_filter() {
    let mut robot = Robot::on(leak());
    robot.press("/ application:checkout <enter>");
    let [all, active, idle, in_transaction, aborted, _] = robot.app.connections.counts;
    assert!(all > 0 && all == active + idle + in_transaction + aborted);
    assert!(all < robot.app.moment().unwrap().backends.len());
    robot.press("4");
    assert_eq!(robot.app.connections.rows.len(), in_transaction);
    robot.press("<esc>");
    assert_eq!(robot.app.connections.counts[0], robot.app.moment().unwrap().backends.len());
}

#[test]
fn filters_compare_invert_and_say_what_is_wrong() {
    for (filter, holds) in [
        ("pid:18203", vec![18_203]),
        ("blocks>2 application:migrate", vec![15_100]),
        ("tx>6m30s application:checkout-api", vec![18_200, 18_201]),
        ("application:migrate !alter", vec![]),
        ("state:aborted tx>1s", vec![]),
    ] {
        let mut robot = Robot::on(leak());
        robot.press("/");
        robot.event(Event::Paste(filter.to_owned()));
        let moment = robot.app.moment().unwrap();
        let mut pids: Vec<_> =
            robot.app.connections.rows.iter().map(|i| moment.backends[*i as usize].backend.pid()).collect();
        pids.sort_unstable();
        assert_eq!(pids, holds, "{filter}");
    }
    let mut robot = Robot::on(leak());
    robot.press("/ colour:red <enter>");
    assert!(robot.app.connections.filter_error.is_some() && robot.app.filter_line.is_some());
}

#[test]
fn esc_closes_then_clears_and_never_quits() {
    let mut robot = Robot::on(leak());
    robot.press("/ api <enter> <enter> ?");
    assert_eq!(robot.app.layers.len(), 2);
    robot.press("<esc> <esc>");
    assert!(robot.app.layers.is_empty() && robot.app.connections.is_filtered());
    robot.press("<esc>");
    assert!(!robot.app.connections.is_filtered());
    robot.press("<esc> <esc> <esc>");
    assert!(robot.app.end().is_none());
}

#[test]
fn quitting_asks_once_where_a_finding_was_never_exported() {
    let mut robot = Robot::on(leak());
    assert!(robot.press("q").app.end().is_none());
    assert!(robot.press("q").app.end().is_some());
    let mut exported = Robot::on(leak());
    exported.event(Event::Input(Input::Exported("a.json".into())));
    assert!(exported.press("q").app.end().is_some());
    let mut demo = Robot::with(leak(), header(Access::Confirm, Feed::Demo));
    assert!(demo.press("q").app.end().is_some());
    let mut healthy = Robot::on(fixture::few());
    assert!(healthy.press(":q<enter>").app.end().is_some());
}

#[test]
fn an_operation_needs_a_yes_and_no_is_at_hand() {
    let mut robot = Robot::on(leak());
    robot.press("K");
    assert_eq!(robot.asked(), [18_200]);
    robot.press("<enter>");
    assert!(robot.app.layers.is_empty() && robot.executed().is_empty());
    robot.press("K <tab> <enter>");
    assert_eq!(robot.executed(), [(OperationKind::Terminate, vec![18_200])]);
    robot.press("<f9> y");
    assert_eq!(robot.executed(), [(OperationKind::Terminate, vec![18_200])]);
}

#[test]
fn keys_from_before_the_question_was_drawn_and_pastes_never_answer_it() {
    let mut robot = Robot::on(leak());
    for key in keys("K y y <tab> <enter>") {
        robot.event(Event::Key(key));
    }
    assert_eq!(robot.asked(), [18_200]);
    robot.app.set_drawn();
    robot.event(Event::Paste("y\n".to_owned()));
    assert!(robot.executed().is_empty());
    assert_eq!(robot.asked(), [18_200]);
}

#[test]
fn production_wants_the_profiles_name_typed() {
    let mut robot = Robot::with(leak(), header(Access::ConfirmName, Feed::Live));
    robot.press("K y <enter>");
    assert_eq!(robot.asked(), [18_200]);
    assert!(robot.executed().is_empty());
    robot.event(Event::Paste("checkout".to_owned()));
    robot.press("<esc> K <enter>");
    assert!(robot.app.layers.is_empty(), "an empty name is No");
    robot.press("K checkout <enter>");
    assert_eq!(robot.executed(), [(OperationKind::Terminate, vec![18_200])]);
}

#[test]
fn who_moves_on_leaves_the_open_question() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("<space> <space> K");
    assert_eq!(robot.asked(), [18_200, 18_201]);
    robot.show(later(&moment, |pid| pid != 18_200));
    assert_eq!(robot.asked(), [18_201]);
    robot.press("y");
    assert_eq!(robot.executed(), [(OperationKind::Terminate, vec![18_201])]);
}

#[test]
fn marks_hidden_by_the_filter_are_listed_and_left_out() {
    let mut robot = Robot::on(leak());
    robot.press("<space> <space>");
    robot.press("/ pid:18201 <enter> K");
    assert_eq!(robot.asked(), [18_201]);
    assert_eq!(robot.left_out(), ["marked, but hidden by the filter"]);
    robot.press("y");
    assert_eq!(robot.app.connections.marks.len(), 1, "the hidden one stays marked");
}

#[test]
fn a_restart_closes_the_question_and_clears_the_marks() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("<space> K");
    let mut restarted = moment.clone();
    let server = restarted.servers[0].as_mut().unwrap();
    server.identity.postmaster_start = moment.at;
    robot.show(restarted);
    assert!(robot.app.layers.is_empty() && robot.app.connections.marks.is_empty());
    assert!(robot.toast().contains("marks are cleared"), "{}", robot.toast());
}

#[test]
fn nothing_operates_in_read_only_in_a_recording_or_in_the_past() {
    for (access, feed) in
        [(Access::ReadOnly, Feed::Live), (Access::Confirm, Feed::Recording("incident".into()))]
    {
        let mut robot = Robot::with(leak(), header(access, feed));
        robot.press("K X C <enter> K");
        assert!(!robot.app.layers.iter().any(|layer| matches!(layer, Layer::Confirm(_))));
        assert!(robot.take().is_empty());
    }
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.show(Moment { at: moment.at.plus(std::time::Duration::from_secs(1)), ..moment });
    robot.press(", K");
    assert!(robot.app.layers.is_empty() && robot.toast().contains("past"));
    robot.press("> K");
    assert_eq!(robot.asked(), [18_200]);
}

#[test]
fn cancel_is_no_cure_for_an_idle_transaction() {
    let mut robot = Robot::on(leak());
    robot.press("C");
    assert!(robot.asked().is_empty());
    assert!(robot.left_out()[0].contains("terminate ends it"), "{:?}", robot.left_out());
    robot.press("<esc> 2 C y");
    let executed = robot.executed();
    assert_eq!((executed.len(), executed[0].0), (1, OperationKind::Cancel));
}

#[test]
fn terminate_on_a_suspect_asks_about_its_members() {
    let mut robot = Robot::on(leak());
    robot.press("<tab> K");
    assert_eq!(robot.app.focus, Panel::Suspects);
    assert_eq!(robot.asked().len(), 20, "the bulk limit, oldest first");
    assert!(robot.left_out().iter().all(|why| why.contains("bulk limit")));
    assert_eq!(robot.asked()[0], 18_200);
}

#[test]
fn idle_transactions_are_counted_live_by_age_and_filter() {
    let mut robot = Robot::on(leak());
    robot.press("X");
    assert!(robot.asked().is_empty(), "none is ten minutes old");
    robot.press("-");
    let five_minutes = robot.asked().len();
    robot.press("-");
    assert!(0 < five_minutes && five_minutes < robot.asked().len());
    robot.press("+");
    assert_eq!(robot.asked().len(), five_minutes);
    robot.press("<esc> / pid:18200 <enter> X -");
    assert_eq!(robot.asked(), [18_200]);
}

#[test]
fn frozen_stands_still_and_goes_on_in_the_present() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("f");
    robot.show(later(&moment, |pid| pid > 18_210));
    assert_eq!(robot.app.moment().unwrap().backends.len(), moment.backends.len());
    robot.press("f");
    assert!(robot.app.moment().unwrap().backends.len() < moment.backends.len());
}

#[test]
fn a_frozen_row_that_is_gone_cannot_be_asked_about() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("f");
    robot.show(later(&moment, |pid| pid != 18_200));
    robot.press("K");
    assert!(robot.asked().is_empty());
    assert_eq!(robot.left_out(), ["ended in the meantime"]);
}

#[test]
fn enter_on_a_pool_shows_its_connections_only() {
    let mut robot = Robot::on(leak());
    robot.app.focus = Panel::Pools;
    robot.press("<enter>");
    let moment = robot.app.moment().unwrap();
    assert_eq!(robot.app.focus, Panel::Connections);
    assert!(robot.app.connections.rows.iter().all(|index| {
        &*moment.backends[*index as usize].backend.session.application_name == "checkout-api"
    }));
}

#[test]
fn rolling_up_loses_nobody() {
    let mut robot = Robot::on(fixture::many(500));
    let total: u32 = robot.app.pools.lines.iter().filter_map(|line| line.used).sum();
    let most = robot.app.pools.lines.len();
    for _ in 0..5 {
        robot.press("v");
        let lines = &robot.app.pools.lines;
        assert_eq!(lines.iter().filter_map(|line| line.used).sum::<u32>(), total);
        assert_eq!(lines.iter().map(|line| line.pools).sum::<usize>(), most);
    }
}

#[test]
fn the_calculator_takes_every_key_and_operates_on_nothing() {
    let mut robot = Robot::on(leak());
    robot.press("z K X C 4 <right> <enter> <tab> j ?");
    assert_eq!(robot.app.layers.len(), 2, "help stands over it");
    robot.press("<esc>");
    assert!(matches!(robot.app.layers.last(), Some(Layer::Size(_))));
    assert!(robot.take().is_empty());
    robot.press("y");
    assert!(matches!(&robot.take()[..], [Effect::Copy(text)] if text.contains("usable")));
    for close in ["<esc>", "q", "z"] {
        robot.press("z").press(close);
        while matches!(robot.app.layers.last(), Some(Layer::Size(_))) {
            robot.press("<esc>");
        }
        assert!(robot.app.layers.is_empty() && robot.app.end().is_none(), "{close}");
    }
    robot.press(":size<enter>");
    assert!(matches!(robot.app.layers.last(), Some(Layer::Size(_))));
}

#[test]
fn opening_a_connection_asks_what_it_holds() {
    let mut robot = Robot::on(leak());
    robot.press("<enter>");
    let effects = robot.take();
    assert!(
        matches!(&effects[..], [Effect::Inspect(operation)] if operation.victims()[0].id().pid == 18_200)
    );
    robot.press("K");
    assert_eq!(robot.asked(), [18_200]);
}

#[test]
fn a_typed_password_is_handed_over_and_shown_nowhere() {
    let mut moment = fixture::refused();
    moment.targets[0].needs_secret = true;
    let mut robot = Robot::on(moment);
    robot.press("p hunter2");
    assert!(!format!("{:?}", robot.app.layers).contains("hunter2"));
    robot.press("<enter>");
    let effects = robot.take();
    assert!(matches!(&effects[..], [Effect::Secret(target, _)] if &**target == "db1"));
    assert!(!format!("{effects:?}").contains("hunter2"));
}

#[test]
fn marks_follow_the_session_and_go_with_it() {
    let moment = leak();
    let mut robot = Robot::on(moment.clone());
    robot.press("4 a");
    let marked = robot.app.connections.marks.len();
    assert!(marked > 1);
    assert!(
        moment.backends.iter().filter(|row| row.backend.state == State::IdleInTransaction).count() == marked
    );
    robot.show(later(&moment, |pid| pid != 18_200));
    assert_eq!(robot.app.connections.marks.len(), marked - 1);
    assert!(!robot.app.connections.marks.contains(&RowId::of(
        &moment.backends[moment.backends.iter().position(|row| row.backend.pid() == 18_200).unwrap()]
    )));
    robot.press("u");
    assert!(robot.app.connections.marks.is_empty());
}
