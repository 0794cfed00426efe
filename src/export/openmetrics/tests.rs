use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;
use crate::analysis::fixture::{self, Stage, at, facts, row, sample, status};
use crate::analysis::{Moment, Settings};
use crate::model::target::{TargetKind, TargetState};

fn scrape(moments: &[(&str, Moment)], exposition: Exposition) -> String {
    let profiles = moments.iter().map(|(profile, moment)| Observed {
        profile: Text::line(profile),
        moment: Some(Arc::new(moment.clone())),
    });
    let now = moments.first().map_or(at(0.0), |(_, moment)| moment.at);
    let process = Process { started: at(0.0), now, scrapes: 3 };
    openmetrics(profiles.collect(), process, exposition).unwrap()
}

fn classic(moment: &Moment) -> String {
    scrape(&[("shop", moment.clone())], Exposition::Classic)
}

/// The samples of a metric: labels as they are written, and the value.
fn samples<'t>(text: &'t str, name: &str) -> BTreeMap<&'t str, f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    lines
        .filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'))
        .map(|(labels, value)| (labels, value.parse().unwrap()))
        .collect()
}

fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let all = samples(text, name);
    let mut found = all.iter().filter(|(have, _)| labels.iter().all(|label| have.contains(label)));
    let first = found.next().map(|(_, value)| *value);
    assert!(found.next().is_none(), "{name} {labels:?} is more than one series: {all:?}");
    first
}

/// Everything that the fixtures can show.
fn scenes() -> Vec<(&'static str, Moment)> {
    vec![
        ("leak", fixture::checkout_leak()),
        ("layers", fixture::stuck_in_layers()),
        ("hostile", fixture::hostile()),
        ("refused", fixture::refused()),
        ("stale", fixture::stale()),
        ("hidden", fixture::without_privileges()),
        ("empty", fixture::empty()),
        ("few", fixture::few()),
    ]
}

#[test]
fn numbers_are_those_of_the_moment() {
    let moment = fixture::checkout_leak();
    let text = classic(&moment);
    let row = moment.pools.iter().find(|row| &*row.pool.name == "background").unwrap();
    let pool = "db_client_connection_pool_name=\"background\"";
    let used = ["db_client_connection_state=\"used\"", pool];
    assert_eq!(value(&text, "db_client_connection_count", &used), row.pool.used.map(f64::from));
    assert_eq!(value(&text, "db_client_connection_max", &[pool]), Some(8.0));
    let limit = &moment.limits.iter().find(|limit| limit.scope.as_str() == "server").unwrap();
    let scope = "scope=\"server\"";
    assert_eq!(value(&text, "pooltop_limit_used", &[scope]), Some(f64::from(limit.used)));
    assert_eq!(value(&text, "pooltop_limit_utilization_ratio", &[scope]), limit.utilization());
    assert_eq!(value(&text, "pooltop_limit_exhausted_in_seconds", &[scope]), limit.exhausted_in_s);
    let counts = moment.servers[0].as_ref().unwrap().counts;
    let state = "state=\"idle_in_transaction\"";
    assert_eq!(
        value(&text, "pooltop_backends", &["target=\"db1\"", state]),
        Some(f64::from(counts.idle_in_transaction))
    );
    assert_eq!(value(&text, "pooltop_verdict", &["kind=\"leak\""]), Some(1.0));
    assert_eq!(value(&text, "pooltop_verdict", &["kind=\"healthy\""]), Some(0.0));
    let leak = ["rule=\"leak.idle_in_transaction\"", "severity=\"critical\""];
    let leaks = moment
        .findings
        .iter()
        .filter(|finding| finding.rule.as_str() == "leak.idle_in_transaction")
        .filter(|finding| finding.severity.as_str() == "critical");
    assert_eq!(value(&text, "pooltop_findings", &leak), Some(leaks.count() as f64));
    assert_eq!(value(&text, "pooltop_scrapes_total", &[]), Some(3.0));
}

#[test]
fn what_is_not_known_has_no_series() {
    let text = classic(&fixture::without_privileges());
    assert!(samples(&text, "db_client_connection_max").is_empty(), "nothing is declared");
    let hidden = fixture::without_privileges();
    for row in hidden.pools.iter().filter(|row| row.pool.used.is_none()) {
        let name = format!("db_client_connection_pool_name=\"{}\"", row.pool.name);
        let known = samples(&text, "db_client_connection_count");
        assert!(known.keys().all(|labels| !labels.contains(&name)), "{name}: {known:?}");
    }
    assert!(!text.contains("NaN"));
}

#[test]
fn a_target_that_is_not_live_has_only_what_says_so() {
    let mut moment = fixture::checkout_leak();
    for state in [TargetState::Stale, TargetState::Refused, TargetState::Down] {
        for target in &mut moment.targets {
            target.state = state;
        }
        let text = classic(&moment);
        for name in [
            "db_client_connection_count",
            "pooltop_pool_info",
            "pooltop_limit_used",
            "pooltop_backends",
            "pooltop_clients_waiting",
            "pooltop_oldest_idle_in_transaction_seconds",
            "pooltop_findings",
        ] {
            assert!(samples(&text, name).is_empty(), "{state:?} {name}");
        }
        assert_eq!(value(&text, "pooltop_target_up", &["target=\"db1\""]), Some(0.0));
        assert_eq!(value(&text, "pooltop_targets_live", &[]), Some(0.0));
        assert!(value(&text, "pooltop_target_sample_age_seconds", &["target=\"db1\""]).is_some());
    }
}

#[test]
fn the_age_of_a_sample_goes_on_while_nothing_arrives() {
    let moment = fixture::checkout_leak();
    let age = |seconds: u64| {
        let now = moment.at.plus(std::time::Duration::from_secs(seconds));
        let observed = Observed { profile: "shop".into(), moment: Some(Arc::new(moment.clone())) };
        let process = Process { started: at(0.0), now, scrapes: 0 };
        let text = openmetrics(vec![observed], process, Exposition::OpenMetrics).unwrap();
        value(&text, "pooltop_target_sample_age_seconds", &["target=\"db1\""]).unwrap()
    };
    assert!((age(30) - age(0) - 30.0).abs() < 1e-6);
}

/// Pools that differ by their client alone.
fn clients(rows: &[(&str, &str)]) -> Moment {
    let rows = rows.iter().zip(1..).map(|((name, addr), pid)| row(pid, name).from(addr).build()).collect();
    Stage::single(Settings::default()).show(sample("db1", 1.0, rows, &Arc::new(facts(100))))
}

#[test]
fn no_address_of_a_client_is_a_label_and_its_pools_are_one() {
    let text =
        classic(&clients(&[("web", "10.0.4.17"), ("web", "10.0.4.18"), ("api", "10.0.5.1"), ("x", "")]));
    assert!(!text.contains("10.0.") && !text.contains(" local\""), "{text}");
    let name = |name: &str| format!("db_client_connection_pool_name=\"{name} app@shop\"");
    assert_eq!(value(&text, "pooltop_pool_open_connections", &[&name("web")]), Some(2.0));
    assert_eq!(value(&text, "pooltop_pool_open_connections", &[&name("x")]), Some(1.0));
    let opened = samples(&text, "pooltop_pool_opened_total");
    assert!(
        opened.keys().all(|labels| !labels.contains("web")),
        "a sum that can fall is no counter: {opened:?}"
    );
    assert_eq!(opened.len(), 2);
}

#[test]
fn the_largest_pools_have_series_and_the_rest_is_counted() {
    let mut moment = clients(&[("web", "10.0.0.1")]);
    let first = moment.pools[0].clone();
    moment.pools = (0..MOST + 7)
        .map(|number| {
            let mut row = first.clone();
            row.pool.name = Text::line(&format!("pool-{number:04}"));
            row.pool.key.declared = Some(row.pool.name.clone());
            row.pool.total = u32::try_from(number).unwrap();
            row
        })
        .collect();
    let text = classic(&moment);
    assert_eq!(samples(&text, "pooltop_pool_open_connections").len(), MOST);
    assert_eq!(value(&text, "pooltop_pools_left_out", &[]), Some(7.0));
    assert!(!text.contains("pool-0006") && text.contains("pool-0007"));
}

#[test]
fn hostile_and_endless_names_stay_inside_their_label() {
    let long = "x".repeat(10_000);
    let evil = "a\"} 1\nup 0 \\ {b=\"c\"";
    let text = classic(&clients(&[(evil, "10.0.0.1"), (&long, "10.0.0.1")]));
    assert!(text.contains(r#"a\"} 1 up 0 \\ {b=\"c\""#), "{text}");
    assert!(text.lines().all(|line| line.starts_with(['#', 'd', 'p'])), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 1200));
}

#[test]
fn each_series_is_written_once_and_each_metric_is_declared() {
    for (name, moment) in scenes() {
        let text = scrape(&[(name, moment)], Exposition::OpenMetrics);
        assert!(text.ends_with("# EOF\n"));
        let mut seen = BTreeSet::new();
        let mut declared = "";
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# ") {
                declared = rest.split(' ').nth(1).unwrap();
            } else {
                assert!(line.starts_with(declared), "{line} under {declared}");
                let series = line.rsplit_once(' ').unwrap().0.to_owned();
                assert!(seen.insert(series), "{name}: twice {line}");
            }
        }
    }
}

#[test]
fn the_classic_text_has_the_same_samples_and_none_of_what_it_does_not_know() {
    let all = scenes();
    let (old, new) = (scrape(&all, Exposition::Classic), scrape(&all, Exposition::OpenMetrics));
    let lines = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&old), lines(&new));
    assert!(!old.contains("# EOF") && !old.contains("# UNIT") && !old.contains(" info\n"));
    assert!(old.contains("# TYPE pooltop_scrapes_total counter\n"));
    assert!(old.contains("# TYPE pooltop_build_info gauge\n"));
    assert!(new.contains("# TYPE pooltop_scrapes counter\n") && new.contains("# TYPE pooltop_build info\n"));
    assert!(new.contains("# UNIT pooltop_target_sample_age_seconds seconds\n"));
}

#[test]
fn several_profiles_share_a_metric_and_not_a_series() {
    let text = scrape(&[("one", fixture::few()), ("two", fixture::few())], Exposition::Classic);
    assert_eq!(text.matches("# TYPE pooltop_target_up gauge").count(), 1);
    let up = samples(&text, "pooltop_target_up");
    assert!(
        up.keys().any(|labels| labels.contains("profile=\"one\""))
            && up.keys().any(|labels| labels.contains("profile=\"two\""))
    );
}

#[test]
fn before_the_first_moment_only_the_process_speaks() {
    let process = Process { started: at(0.0), now: at(1.0), scrapes: 0 };
    let observed = Observed { profile: "shop".into(), moment: None };
    let text = openmetrics(vec![observed], process, Exposition::OpenMetrics).unwrap();
    assert!(text.contains("pooltop_build_info{") && !text.contains("shop"), "{text}");
}

#[test]
fn names_and_words_of_metrics_follow_the_rules() {
    let mut names = BTreeSet::new();
    for family in FAMILIES {
        let name = family.sample();
        assert!(name.starts_with("db_client_connection_") || name.starts_with("pooltop_"), "{name}");
        assert!(!family.help.contains(['\\', '\n', '"']) && !family.help.ends_with('.'), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
        assert!(names.insert(name.clone()), "{name} twice");
    }
}

/// The lint of Prometheus itself, where it is installed. It knows no OpenTelemetry names.
#[test]
fn promtool_has_nothing_to_say_but_that_a_name_of_opentelemetry_ends_in_count() {
    let process = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = process else { return };
    let text = scrape(&scenes(), Exposition::Classic);
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let others: Vec<&str> =
        said.lines().filter(|line| !line.starts_with("db_client_connection_count ")).collect();
    assert!(others.is_empty(), "{said}");
}

#[test]
fn applications_and_poolers_tell_what_they_know() {
    let statuses = vec![status("app", TargetKind::App)];
    let pool = crate::model::app::AppPool {
        name: "main".into(),
        used: Some(4),
        idle: Some(1),
        total: Some(5),
        pending: Some(2),
        max: Some(15),
        size: Some(5),
        overflow: Some(-1),
        max_overflow: Some(10),
        timeouts: Some(7),
        wait_avg_s: Some(0.25),
        ..Default::default()
    };
    let mut stage = Stage::new(Settings::default(), statuses);
    let text = classic(&stage.show(fixture::app_sample("app", 1.0, vec![pool])));
    for (name, expected) in [
        ("db_client_connection_max", 15.0),
        ("db_client_connection_idle_max", 5.0),
        ("db_client_connection_pending_requests", 2.0),
        ("db_client_connection_timeouts_total", 7.0),
        ("pooltop_pool_overflow_connections", -1.0),
        ("pooltop_pool_overflow_max", 10.0),
        ("pooltop_pool_wait_mean_seconds", 0.25),
        ("pooltop_clients_waiting", 2.0),
    ] {
        assert_eq!(value(&text, name, &[]), Some(expected), "{name}: {text}");
    }
    let text = classic(&fixture::stuck_in_layers());
    assert!(!samples(&text, "db_client_connection_pending_requests").is_empty());
}
