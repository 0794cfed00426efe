//! How the screen looks, cell by cell and style by style; and that nothing breaks it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::contract::{Feed, Input};
use super::state::app::Event;
use super::state::scripts::fleet;
use super::state::scripts::poolers::pooled;
use super::state::scripts::time::{replaying, travelling};
use super::state::scripts::{Robot, header, leak};
use super::theme::{Depth, Meaning, Themes};
use crate::analysis::statements::{StatementLoad, StatementRow};
use crate::analysis::{Moment, fixture};
use crate::control::confirm::Access;
use crate::model::operation::BlastRadius;
use crate::model::pooler::ConsoleRight;

fn robot(mut moment: Moment, width: u16, height: u16) -> Robot {
    let at = moment.at;
    moment.targets.iter_mut().for_each(|target| target.at = at);
    let mut robot = Robot::with(moment, header(Access::Confirm, Feed::Live));
    robot.event(Event::Resize(width, height));
    robot
}

fn drawn(robot: &Robot) -> Buffer {
    let mut buffer = Buffer::empty(robot.app.area);
    robot.app.draw_into(robot.clock.now(), robot.app.area, &mut buffer);
    buffer
}

fn text(robot: &Robot) -> String {
    let buffer = drawn(robot);
    let row = |y: u16| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_screen_in_every_shape() {
    for (width, height) in [(40, 12), (80, 24), (120, 40)] {
        insta::assert_debug_snapshot!(format!("leak_{width}x{height}"), drawn(&robot(leak(), width, height)));
    }
    insta::assert_snapshot!("leak_200x60", text(&robot(leak(), 200, 60)));
}

#[test]
fn the_screen_with_nobody_without_data_and_without_an_answer() {
    for (name, moment) in [
        ("empty", fixture::empty()),
        ("connecting", fixture::connecting()),
        ("refused", fixture::refused()),
        ("unprivileged", fixture::without_privileges()),
        ("hostile", fixture::hostile()),
    ] {
        insta::assert_snapshot!(name, text(&robot(moment, 100, 30)));
    }
    insta::assert_debug_snapshot!("stale", drawn(&robot(fixture::stale(), 100, 30)));
}

#[test]
fn the_fleet_in_every_shape() {
    for (width, height) in [(40, 12), (80, 24), (120, 20), (200, 20)] {
        let mut robot = fleet::fleet(fleet::several());
        robot.event(Event::Resize(width, height));
        robot.press("j");
        insta::assert_snapshot!(format!("fleet_{width}x{height}"), text(&robot));
    }
    insta::assert_snapshot!("fleet_empty", text(&fleet::fleet(Vec::new())));
}

#[test]
fn the_layers() {
    for (name, script) in [
        ("detail", "4 <down> <down> <enter>"),
        ("evidence", "<tab> <enter>"),
        ("tree", "b"),
        ("help", "?"),
        ("palette", ": frz"),
        ("export", "e"),
        ("frozen", "f"),
        ("filter", "/ colour:red"),
    ] {
        let mut robot = robot(leak(), 100, 30);
        robot.press(script);
        insta::assert_snapshot!(name, text(&robot));
    }
    let mut robot = Robot::with(leak(), header(Access::ConfirmName, Feed::Live));
    robot.press("<tab> K check");
    insta::assert_debug_snapshot!("question", drawn(&robot));
}

/// The leak, on a server whose statements are counted.
fn with_statements(window_s: Option<f64>) -> Moment {
    let mut moment = leak();
    let row = |query_id: i64, query: &str, calls: u64, total_ms: f64| StatementRow {
        query_id,
        query: query.into(),
        calls,
        total_ms,
        mean_ms: Some(total_ms / calls as f64),
        min_ms: Some(0.2),
        max_ms: Some(total_ms / 2.0),
        busy: window_s.map(|window_s| total_ms / window_s / 1e3),
        share: Some(total_ms / 60e3),
    };
    let load = StatementLoad {
        window_s,
        held: window_s.map(|_| 8.0),
        executing: window_s.map(|_| 2.0),
        rows: vec![
            row(1, "UPDATE orders SET status = $1 WHERE id = $2", 400, 36_000.0),
            row(2, "SELECT * FROM carts WHERE id = $1", 12_000, 18_000.0),
            row(3, "", 2, 600.0),
        ],
    };
    for server in moment.servers.iter_mut().flatten() {
        server.statements = Some(load.clone().into());
    }
    moment
}

#[test]
fn the_statements_as_a_list_that_filters_sorts_and_says_what_it_is_about() {
    let mut robot = robot(with_statements(Some(30.0)), 100, 20);
    robot.press("w");
    insta::assert_debug_snapshot!("statements", drawn(&robot));
    robot.press("s s s");
    assert!(text(&robot).contains("mean↓"), "{}", text(&robot));
    robot.press("/ carts <enter>");
    let filtered = text(&robot);
    assert!(
        filtered.contains("Statements 1 of 3 / carts") && !filtered.contains("UPDATE orders"),
        "{filtered}"
    );
    robot.press("<esc>");
    assert!(text(&robot).contains("Statements 3"), "{}", text(&robot));
    robot.press("<esc>");
    assert!(!text(&robot).contains("Statements"), "{}", text(&robot));
}

#[test]
fn the_statements_say_why_there_are_none_and_fit_every_size() {
    for (width, height) in [(40, 12), (80, 24), (200, 60)] {
        let mut without = robot(leak(), width, height);
        without.press("w");
        assert!(text(&without).contains("pg_stat_statements"), "{}", text(&without));
        let mut first = robot(with_statements(None), width, height);
        first.press("w");
        assert!(text(&first).contains("since the statistics began"), "{}", text(&first));
        assert!(text(&first).contains(" 60 %") && text(&first).contains("UPDATE"), "{}", text(&first));
    }
}

#[test]
fn the_layers_of_an_application_and_its_clients() {
    let moment = fixture::stuck_in_layers();
    for (name, width, script) in
        [("layers_120", 120, "d"), ("layers_80", 80, "d"), ("clients_120", 120, "c"), ("clients_80", 80, "c")]
    {
        let mut robot = robot(moment.clone(), width, 24);
        robot.press(script);
        insta::assert_snapshot!(name, text(&robot));
    }
    let mut robot = robot(moment.clone(), 120, 40);
    insta::assert_snapshot!("pooled_120x40", text(&robot));
    robot.press("<enter>");
    assert!(text(&robot).contains("10.0.7.0:40000 as app -> bouncer-1 shop/app"), "{}", text(&robot));
    robot.press("<esc> <tab> <tab> <enter>");
    assert!(text(&robot).contains("Clients 10 / bouncer-1 shop/app"), "{}", text(&robot));
}

#[test]
fn from_a_finding_one_key_leads_to_its_connections_marked() {
    for script in ["<tab> m", "<tab> <enter> m"] {
        let mut robot = robot(leak(), 120, 40);
        robot.press(script);
        let named = leak().findings[0].backends.len();
        assert_eq!(robot.app.connections.marks.len(), named, "{script}");
        assert!(robot.app.layers.is_empty());
        assert!(text(&robot).contains(&format!("terminate {named} marked")), "{}", text(&robot));
    }
}

#[test]
fn the_calculator_in_every_shape() {
    let script = "z 3 <down> 4 <down> <down> 20";
    for (width, height) in [(40, 12), (80, 24)] {
        let mut robot = robot(leak(), width, height);
        robot.press(script);
        insta::assert_debug_snapshot!(format!("size_{width}x{height}"), drawn(&robot));
    }
    for (width, height) in [(120, 40), (200, 60)] {
        let mut robot = robot(leak(), width, height);
        robot.press(script);
        insta::assert_snapshot!(format!("size_{width}x{height}"), text(&robot));
    }
    let mut results = robot(leak(), 40, 12);
    results.press(script).press("<tab>");
    insta::assert_snapshot!("size_results_40x12", text(&results));
    let mut wrong = robot(leak(), 80, 24);
    wrong.press("z <down> <down> <down> 500");
    assert!(
        text(&wrong).contains("'500' is no value for pool size: 1 to 100, or 0 = unlimited"),
        "{}",
        text(&wrong)
    );
}

#[test]
fn what_is_paused_and_the_question_before_a_pause() {
    let paused = pooled("PgBouncer 1.18.0", ConsoleRight::Admin, true);
    for (width, height) in [(80, 24), (120, 40)] {
        let name = format!("paused_{width}x{height}");
        insta::assert_debug_snapshot!(name, drawn(&robot(paused.clone(), width, height)));
    }
    let mut robot = robot(pooled("PgBouncer 1.18.0", ConsoleRight::Admin, false), 80, 24);
    robot.press("P <enter>");
    insta::assert_debug_snapshot!("question_pause", drawn(&robot));
}

/// Ten minutes beyond what the screen keeps, one step into the past.
fn in_the_past(width: u16, height: u16) -> Robot {
    let mut robot = travelling();
    robot.event(Event::Resize(width, height));
    robot.press(",");
    robot
}

#[test]
fn the_past_and_a_replay_have_a_ruler_and_say_so_in_every_shape() {
    for (width, height) in [(40, 12), (80, 24), (120, 40)] {
        insta::assert_debug_snapshot!(format!("past_{width}x{height}"), drawn(&in_the_past(width, height)));
        let mut replay = replaying(false);
        replay.event(Event::Resize(width, height));
        insta::assert_debug_snapshot!(format!("replay_{width}x{height}"), drawn(&replay));
        assert!(text(&replay).contains("REPLAY") && text(&replay).contains("paused"), "{}", text(&replay));
    }
    let mut waiting = in_the_past(120, 40);
    waiting.press("<");
    assert!(text(&waiting).contains("PAST 14:07:01, 1s ago …"), "{}", text(&waiting));
    let mut present = travelling();
    assert!(!text(&present).contains("┃ live"), "{}", text(&present));
    assert!(text(present.press("_")).contains("┃ live"), "{}", text(&present));
}

/// The story six minutes earlier, with fewer held connections and nothing found.
fn before_it_began() -> Moment {
    let mut moment = leak();
    moment.at = moment.at.minus(std::time::Duration::from_secs(360));
    moment.findings.clear();
    moment.verdict.kind = crate::model::verdict::VerdictKind::Healthy;
    let held = |row: &&mut crate::analysis::moment::PoolRow| row.pool.idle_in_transaction > Some(2);
    for row in moment.pools.iter_mut().filter(held) {
        (row.pool.idle_in_transaction, row.pool.total) = (Some(2), 9);
    }
    moment.limits[0].used = 31;
    moment
}

#[test]
fn the_layers_of_time() {
    for (width, height) in [(40, 12), (80, 24)] {
        for (name, script) in [("goto", "@ noon <enter>"), ("timeline", "t"), ("compare", "=")] {
            let mut robot = in_the_past(width, height);
            robot.app.journey.kept = Some(before_it_began().into());
            robot.press(script);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&robot));
        }
    }
}

#[test]
fn a_profile_called_like_its_only_target_is_named_once() {
    for (moment, times) in [(fixture::few(), 1), (leak(), 2)] {
        let mut profile = header(Access::Confirm, Feed::Live);
        profile.name = "db1".into();
        let head = text(&Robot::with(moment, profile)).lines().next().unwrap_or_default().to_owned();
        assert_eq!(head.matches("db1").count(), times, "{head}");
    }
}

#[test]
fn what_is_true_of_every_session_is_said_once_below_the_list() {
    let mut robot = robot(leak(), 80, 24);
    robot.press("4 <space> <down> <space> <down> <space> K");
    let asked = robot.asked();
    assert_eq!(asked.len(), 3);
    let radius = |pid: &i32| BlastRadius {
        pid: *pid,
        locks: Some(1),
        relations: Vec::new(),
        advisory_locks: None,
        frees: vec![1; usize::from(*pid == asked[0])],
        may_have_written: true,
        holds_snapshot: false,
        refused: None,
        warnings: ["role app is a superuser".into()]
            .into_iter()
            .chain((*pid == asked[1]).then(|| "it is alone with this".into()))
            .collect(),
    };
    let result = Ok(asked.iter().map(radius).collect());
    robot.event(Event::Input(Input::Radius { target: "db1".into(), result }));
    let text = text(&robot);
    assert_eq!(text.matches("role app is a superuser").count(), 1, "{text}");
    let below = |first: &str, second: &str| text.find(first) < text.find(second);
    assert!(below("it is alone with this", "role app is a superuser"), "{text}");
    for whole in ["frees 1 waiter, may have written: rolled back, 1 lock", "it is alone with this"] {
        assert!(text.contains(whole), "{whole}: {text}");
    }
}

#[test]
fn without_frames_the_first_line_is_a_bar_while_the_screen_stands_still() {
    for (width, height) in [(40, 12), (80, 24)] {
        let mut robot = robot(leak(), width, height);
        robot.press("f");
        let (frozen, buffer) = (robot.app.paint().style(Meaning::Frozen), drawn(&robot));
        assert!((0..width).all(|x| Some(buffer[(x, 0)].bg) == frozen.bg), "{width}x{height}");
        assert!(text(&robot).contains("FROZEN"), "{width}x{height}");
    }
}

#[test]
fn without_frames_the_age_of_the_past_is_said_too() {
    for (width, height) in [(40, 12), (80, 24)] {
        let text = text(&robot(fixture::stale(), width, height));
        assert_eq!(text.matches(" stale 14s").count(), if width < 60 { 1 } else { 3 }, "{text}");
    }
}

#[test]
fn the_tabs_name_the_level_of_the_pools() {
    let mut robot = robot(leak(), 80, 24);
    robot.press("v");
    assert!(text(&robot).contains("by application"), "{}", text(&robot));
}

#[test]
fn two_findings_are_both_seen_however_long_the_evidence_is() {
    for (width, height) in [(80, 24), (100, 30), (120, 40)] {
        let mut robot = robot(leak(), width, height);
        robot.press("<tab>");
        let (text, moment) = (text(&robot), leak());
        let titles = moment.findings.iter().filter(|finding| text.contains(&finding.title[..24]));
        assert!(titles.count() >= 2, "{width}x{height}: {text}");
    }
}

#[test]
fn ascii_draws_nothing_else() {
    for (width, height) in [(40, 12), (80, 24), (120, 40), (200, 60)] {
        let mut robot = robot(leak(), width, height);
        robot.app.options.ascii = true;
        for script in
            ["", "K", "<esc> z", "<tab>", "<esc> b", "<esc> <enter>", "<esc> : f", "<esc> @", "<esc> _"]
        {
            robot.press(script);
            assert!(text(&robot).is_ascii(), "{width}x{height} {script}");
        }
        for mut robot in [in_the_past(width, height), replaying(true)] {
            robot.app.options.ascii = true;
            robot.event(Event::Resize(width, height));
            for script in ["", "t", "<esc> ' > =", "<esc> ? <pagedown>"] {
                robot.press(script);
                assert!(text(&robot).is_ascii(), "{width}x{height} {script}: {}", text(&robot));
            }
        }
    }
}

#[test]
fn without_colours_every_cell_is_colourless_and_the_cursor_is_seen() {
    let mut robot = robot(leak(), 120, 40);
    robot.app.options.theme = Themes::built_in().load("dark", Depth::None).unwrap();
    let buffer = drawn(&robot);
    assert!(buffer.content().iter().all(|cell| cell.fg == ratatui::buffer::Cell::EMPTY.fg));
    assert!(buffer.content().iter().any(|cell| cell.modifier.contains(ratatui::style::Modifier::REVERSED)));
}

#[test]
fn no_size_no_scene_and_no_layer_breaks_it() {
    let scenes = [leak(), fixture::empty(), fixture::refused(), fixture::hostile(), fixture::stale()];
    let layers = [
        "",
        "?",
        "<enter>",
        "b",
        "K",
        "X -",
        "e",
        "o",
        ": f",
        "/ zzz",
        "t",
        "d",
        "c",
        "c / x",
        "w",
        "w / x",
        "<tab> <enter>",
        "v v",
        "q",
        "z 999",
        "z <tab>",
        "@ noon <enter>",
        "=",
        "_",
    ];
    for moment in scenes {
        for (width, height) in
            [(0, 0), (1, 1), (20, 5), (40, 12), (59, 20), (80, 24), (100, 30), (171, 41), (300, 100)]
        {
            let mut robot = robot(moment.clone(), width, height);
            for script in layers {
                robot.press(script);
                drawn(&robot);
                robot.press("<esc> <esc> <esc>");
            }
            robot.event(Event::Resize(80, 24));
            drawn(&robot);
        }
    }
}

#[test]
fn columns_do_not_move_from_sample_to_sample() {
    let heads = |moment: Moment| {
        let text = text(&robot(moment, 120, 40));
        text.lines()
            .filter(|line| line.contains("used/max") || line.contains("tx↓"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(heads(leak()), heads(fixture::few()));
}

#[test]
fn a_frame_drawn_twice_is_the_same_frame() {
    let robot = robot(leak(), 120, 40);
    assert_eq!(drawn(&robot), drawn(&robot));
    assert_eq!(drawn(&robot).area, Rect::new(0, 0, 120, 40));
}

#[test]
fn a_pooled_target_says_that_it_queues_with_the_application_and_a_probed_one_how_fast_it_answers() {
    use crate::model::target::Wire;
    use std::time::Duration;
    let pooled = |width: u16, round_trip: Option<Duration>| {
        let mut moment = fixture::few();
        moment.targets[0].wire = Some(Wire::Pooled);
        moment.targets[0].round_trip = round_trip;
        text(&robot(moment, width, 12)).lines().next().unwrap_or_default().to_owned()
    };
    for (width, round_trip, expected) in [
        (140, None, "pooled, queues with the application"),
        (60, None, "pooled"),
        (140, Some(Duration::from_millis(4)), "pooled 4ms"),
        (60, Some(Duration::from_millis(4)), "pooled 4ms"),
    ] {
        let line = pooled(width, round_trip);
        assert!(line.contains(expected), "{width}: {line}");
    }
}
