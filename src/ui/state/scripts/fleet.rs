//! Several profiles at once: constructed moments, keys, what is asked of the outside.

use super::*;
use crate::analysis::Moment;
use crate::model::clock::Clock;
use crate::model::verdict::VerdictKind;
use crate::ui::contract::FleetMember;

/// A profile of the fleet with what is known of it.
pub(in crate::ui) fn member(name: &str, moment: Option<&Moment>) -> FleetMember {
    FleetMember {
        name: name.into(),
        label: None,
        production: name.ends_with("-prod"),
        moment: moment.cloned().map(Arc::new),
    }
}

/// The screen on several profiles.
pub(in crate::ui) fn fleet(members: Vec<FleetMember>) -> Robot {
    let clock = Clock::manual(leak().at);
    let profile = header(Access::Confirm, Feed::Live);
    let options = Options { fleet: true, ..Options::new(profile, clock.clone()).unwrap() };
    let mut robot = Robot { app: App::new(options), clock, effects: Vec::new() };
    robot.event(Event::Resize(120, 40));
    robot.event(Event::Input(Input::Fleet(members)));
    robot
}

/// One of each kind.
pub(in crate::ui) fn several() -> Vec<FleetMember> {
    let quiet = healthy();
    vec![
        member("archive", Some(&quiet)),
        FleetMember { label: Some("STAGING".into()), ..member("billing", Some(&fixture::stale())) },
        member("cart-prod", Some(&quiet)),
        member("checkout-prod", Some(&leak())),
        member("mail", Some(&fixture::refused())),
        member("search", None),
        member("warehouse", Some(&fixture::without_privileges())),
    ]
}

/// Somebody with whom all is well.
pub(in crate::ui) fn healthy() -> Moment {
    let mut moment = fixture::few();
    moment.verdict.kind = VerdictKind::Healthy;
    moment.verdict.sentence = "Nothing to worry about: 12 of 97 connections are in use.".into();
    moment.findings.clear();
    moment
}

fn order(robot: &Robot) -> Vec<String> {
    robot.app.shown_fleet().unwrap().sheet.keys()
}

fn selected_name(robot: &Robot) -> String {
    robot.app.shown_fleet().unwrap().selected().unwrap().name.to_string()
}

#[test]
fn the_worst_profile_comes_first_and_what_is_well_comes_last() {
    let robot = fleet(several());
    let order = order(&robot);
    assert_eq!(order[..2], ["mail", "checkout-prod"]);
    assert_eq!(order[order.len() - 3..], ["search", "cart-prod", "archive"], "{order:?}");
}

#[test]
fn the_cursor_follows_its_profile_and_rows_stand_still_while_it_moves() {
    let mut robot = fleet(several());
    robot.press("jjj");
    let (name, before) = (selected_name(&robot), order(&robot));
    let mut members = several();
    members.iter_mut().find(|member| &*member.name == "archive").unwrap().moment = Some(leak().into());
    robot.event(Event::Input(Input::Fleet(members)));
    assert_eq!(order(&robot), before, "nothing moves under a cursor that moves");
    robot.clock.advance(std::time::Duration::from_secs(6));
    robot.event(Event::Tick);
    assert_ne!(order(&robot), before);
    assert_eq!(
        order(&robot)[2],
        "archive",
        "a production profile stands before another with the same verdict"
    );
    assert_eq!(selected_name(&robot), name);
}

#[test]
fn enter_opens_a_profile_and_the_ways_back_lead_to_the_list() {
    let mut robot = fleet(several());
    robot.press("j <enter>");
    let effects = robot.take();
    assert!(
        matches!(&effects[..], [Effect::SwitchProfile(name)] if &**name == "checkout-prod"),
        "{effects:?}"
    );
    for way in ["q", "<backspace>", ": fleet <enter>"] {
        robot.event(Event::Input(Input::Profile(header(Access::Confirm, Feed::Live))));
        robot.show(leak());
        assert!(robot.app.shown_fleet().is_none());
        robot.press("<esc> <esc> <esc>");
        assert!(robot.app.shown_fleet().is_none(), "Esc leads nowhere");
        robot.take();
        robot.press(way);
        assert!(matches!(robot.take()[..], [Effect::Fleet]), "{way}");
        assert_eq!(selected_name(&robot), "checkout-prod");
    }
    robot.press("<esc> <esc>");
    assert!(robot.app.end().is_none());
    robot.press("q");
    assert!(matches!(robot.take()[..], [Effect::Quit]));
}

#[test]
fn other_profiles_are_told_while_one_is_open_and_the_list_shows_them_afterwards() {
    let mut robot = fleet(vec![member("a", None), member("b", None)]);
    robot.press("<enter>");
    robot.event(Event::Input(Input::Profile(header(Access::Confirm, Feed::Live))));
    robot.show(leak());
    robot.event(Event::Input(Input::Fleet(vec![member("a", None), member("b", Some(&leak()))])));
    assert!(robot.app.shown_fleet().is_none());
    robot.press("q");
    assert_eq!(order(&robot), ["b", "a"]);
}

#[test]
fn the_filter_finds_names_labels_and_verdicts_and_esc_takes_it_away() {
    for (filter, names) in [
        ("production", vec!["checkout-prod", "cart-prod"]),
        ("staging", vec!["billing"]),
        ("connecting", vec!["search"]),
        ("healthy !prod", vec!["archive"]),
        ("nothing-like-it", vec![]),
    ] {
        let mut robot = fleet(several());
        robot.press("/");
        robot.event(Event::Paste(filter.to_owned()));
        robot.press("<enter>");
        assert_eq!(order(&robot), names, "{filter}");
        robot.press("<esc>");
        assert_eq!(order(&robot).len(), 7);
    }
}

#[test]
fn what_works_on_one_profile_says_so_and_nothing_is_sent() {
    let mut robot = fleet(several());
    robot.press(": terminate <enter>");
    assert!(robot.toast().contains("Enter opens the selected one"), "{}", robot.toast());
    robot.press("K C X p n e");
    assert!(robot.take().is_empty());
    let mut alone = Robot::on(leak());
    alone.press("<backspace>");
    assert!(alone.toast().contains("One profile runs"));
}

#[test]
fn two_hundred_profiles_and_none_at_all_can_be_moved_about_in() {
    let names: Vec<String> = (0..200).map(|number| format!("shop-{number:03}")).collect();
    let quiet = healthy();
    let mut robot = fleet(names.iter().map(|name| member(name, Some(&quiet))).collect());
    robot.press("G");
    assert_eq!(selected_name(&robot), "shop-199");
    robot.press("g s s s r <space>");
    assert_eq!(order(&robot).len(), 200);
    let mut empty = fleet(Vec::new());
    empty.press("j k G g / x <enter> <enter> y s r ? q q");
    assert!(matches!(empty.take().last(), Some(Effect::Quit)));
}
