//! Each rule fires, and does not where it nearly would; what is told first; what a leak silences.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::analysis::fixture::{
    POOLER, Row, Stage, app_sample, at, checkout_leak, facts, few, joined_sample, pooled_client,
    pooler_facts, queued_client, row, sample, server_connection, sockets, status,
};
use crate::analysis::settings::Machine;
use crate::analysis::{Moment, Settings};
use crate::model::app::AppPool;
use crate::model::facts::{ServerFacts, StatementFacts};
use crate::model::part::Part;
use crate::model::pool::DeclaredPool;
use crate::model::target::TargetKind;
use crate::model::thresholds::Thresholds;

/// Thresholds ten times as short: a minute is six seconds.
fn fast() -> Settings {
    Settings { thresholds: Thresholds::default().scaled(0.1), ..Settings::default() }
}

fn on_machine(settings: Settings, machine: Machine) -> Settings {
    Settings { machines: HashMap::from([("db1".into(), machine)]), ..settings }
}

fn declaring(settings: Settings, pool: DeclaredPool) -> Settings {
    let named = DeclaredPool { name: "api".into(), application_name: Some("api*".into()), ..pool };
    Settings { pools: vec![named], ..settings }
}

/// A server with these facts for so many seconds.
fn server(
    settings: Settings,
    seconds: u32,
    facts: &dyn Fn(f64) -> ServerFacts,
    rows: &dyn Fn(f64) -> Vec<Row>,
) -> Moment {
    let mut stage = Stage::single(settings);
    let mut moment = stage.look();
    for second in 1..=seconds {
        let now = f64::from(second);
        let rows = rows(now).iter().map(Row::build).collect();
        moment = stage.show(sample("db1", now, rows, &Arc::new(facts(now))));
    }
    moment
}

fn plain(_: f64) -> ServerFacts {
    facts(100)
}

fn many(count: i32, one: impl Fn(i32) -> Row) -> Vec<Row> {
    (1..=count).map(one).collect()
}

/// An application that reports this pool for so many seconds, with fast thresholds.
fn app(seconds: u32, pool: impl Fn(u64) -> AppPool) -> Moment {
    let mut stage = Stage::new(fast(), vec![status("api", TargetKind::App)]);
    let mut moment = stage.look();
    for second in 1..=seconds {
        moment = stage.show(app_sample("api", f64::from(second), vec![pool(second.into())]));
    }
    moment
}

/// `SQLAlchemy`'s ten and twenty beyond, of which so many are in use.
fn sqlalchemy(used: u32) -> AppPool {
    AppPool {
        used: Some(used),
        total: Some(used.max(10)),
        size: Some(10),
        overflow: Some(i64::from(used) - 10),
        max_overflow: Some(20),
        ..AppPool::default()
    }
}

/// A pool of the server behind a pooler, with this as its last statement.
fn behind(mode: &str, statement: &str) -> Moment {
    let statuses = vec![status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
    let mut stage = Stage::new(fast(), statuses);
    let plain = sockets(vec![pooled_client(1, "web")], vec![server_connection(10)], &[]);
    stage.show(joined_sample("bouncer", 1.0, mode, plain, &Arc::new(pooler_facts(20))));
    let rows = vec![row(10, "web").from(POOLER).idle(1.0, statement).build()];
    stage.show(sample("db1", 1.5, rows, &Arc::new(facts(100))))
}

/// Readings of two statements, 30 s apart: in between so many pings and so many others.
fn statements(second: f64, pings: u64, others: u64) -> ServerFacts {
    let later = second >= 30.0;
    let one = |query_id, query: &str, more: u64| {
        let calls = if later { 10 + more } else { 10 };
        let total_ms = calls as f64;
        StatementFacts {
            query_id,
            query: query.into(),
            calls,
            total_ms,
            mean_ms: 1.0,
            min_ms: None,
            max_ms: None,
            all_ms: Some(if later { 20.0 + (pings + others) as f64 } else { 20.0 }),
        }
    };
    let mut facts = facts(100);
    facts.at = at(if later { 30.0 } else { 0.0 });
    facts.statements = Part::Known(vec![one(1, "SELECT $1", pings), one(2, "SELECT * FROM t", others)]);
    facts
}

fn lost(second: f64, sessions: u64) -> ServerFacts {
    let mut facts = facts(100);
    facts.at = at(if second >= 30.0 { 30.0 } else { 0.0 });
    facts.databases[0].sessions_lost = Some(if second >= 30.0 { 7 + sessions } else { 7 });
    facts
}

fn given<'a>(moment: &'a Moment, id: &str) -> Option<&'a Recommendation> {
    let row = RULES.iter().find(|row| row.id == id).unwrap();
    moment.recommendations.iter().find(|advice| *advice.issue == *row.text.issue)
}

/// It is given on the first, saying this, and not on the others.
fn fires(id: &str, severity: AdviceSeverity, says: &str, on: &Moment, but_not_on: &[Moment]) {
    let advice = given(on, id).unwrap_or_else(|| panic!("{id} in {:#?}", on.recommendations));
    assert_eq!(advice.severity, severity, "{advice:#?}");
    let formula = advice.formula.as_deref().unwrap_or_default();
    assert!(advice.suggestion.contains(says) || formula.contains(says), "{advice:#?}");
    assert!(!advice.evidence.is_empty());
    for (number, moment) in but_not_on.iter().enumerate() {
        assert_eq!(given(moment, id), None, "{id}: near miss {number}");
    }
}

use AdviceSeverity::{High, Low, Medium};

#[test]
fn r1_waits_are_answered_with_a_quarter_more_than_the_peak() {
    let waiting = |wait_s| app(30, move |_| AppPool { wait_avg_s: Some(wait_s), ..sqlalchemy(12) });
    fires("R1", Low, "then pool_size: 10 -> 15", &waiting(0.004), &[waiting(0.0004)]);
    fires("R1", Low, ", max_overflow: 20 -> 15", &waiting(0.004), &[]);
    fires("R1", Medium, "⌈1.25 × 12⌉ = 15", &waiting(0.006), &[]);
    let queued = |pending, wait| {
        app(30, move |_| AppPool { pending: Some(pending), max_wait_s: Some(wait), ..sqlalchemy(30) })
    };
    fires("R1", Medium, "pool_size", &queued(3, 2.0), &[queued(0, 0.0)]);
    fires("R1", High, "pool_size", &queued(3, 6.0), &[]);
}

#[test]
fn r1_half_of_what_a_pooler_waits_is_nearly_too_long() {
    let queued = |limit| {
        let mut stage = Stage::new(fast(), vec![status("bouncer", TargetKind::Pgbouncer)]);
        let mut facts = pooler_facts(20);
        facts.config.query_wait_timeout_s = Some(limit);
        let one = sockets(vec![queued_client(1, "web", 2_000)], vec![server_connection(10)], &[]);
        stage.show(joined_sample("bouncer", 1.0, "transaction", one, &Arc::new(facts)))
    };
    assert_eq!(given(&queued(4.0), "R1").unwrap().severity, High);
    assert_eq!(given(&queued(5.0), "R1").unwrap().severity, Medium);
}

#[test]
fn r2_a_pool_that_stays_above_four_fifths() {
    let used = |used| app(30, move |_| sqlalchemy(used));
    fires("R2", Medium, "-> 32", &used(25), &[used(23)]);
    fires("R2", High, "⌈1.25 × 29⌉ = 37", &used(29), &[]);
}

#[test]
fn r3_overflow_in_constant_use_moves_into_the_size() {
    let used = |used| app(30, move |_| sqlalchemy(used));
    let unlimited = app(30, |_| AppPool { max_overflow: Some(-1), ..sqlalchemy(60) });
    let none = app(30, |_| AppPool { max_overflow: Some(0), ..sqlalchemy(10) });
    fires(
        "R3",
        Medium,
        "pool_size: 10 -> 21, max_overflow: 20 -> 9",
        &used(21),
        &[used(20), unlimited, none],
    );
}

#[test]
fn r4_requests_that_gave_up_are_counted_by_the_minute() {
    let counted = |more: u64| {
        app(30, move |second| AppPool { timeouts: Some(5 + second / 10 * more), ..sqlalchemy(30) })
    };
    let moment = counted(1);
    fires("R4", High, "pool_size", &moment, &[counted(0)]);
    let told = &given(&moment, "R4").unwrap().evidence[0];
    assert!(told.contains("3 requests gave up") && told.ends_with("6 a minute"), "{told}");
}

#[test]
fn r5_a_pool_far_larger_than_its_load_for_half_an_hour() {
    let busy = |busy: i32, settings: Settings, seconds| {
        server(settings, seconds, &plain, &|now| {
            many(20, |pid| {
                let one = row(pid, "api");
                if pid <= busy {
                    one.active(now - 0.1, "SELECT 1")
                } else {
                    one.idle(now - f64::from(pid % 7), "COMMIT")
                }
            })
        })
    };
    let floor = declaring(
        fast(),
        DeclaredPool { min: Some(20), max: Some(40), instances: 1, ..DeclaredPool::default() },
    );
    let misses = [busy(6, fast(), 190), busy(3, fast(), 120), busy(3, floor, 190)];
    fires("R5", Low, "max(0, ⌈1.25 × 3⌉ + 1) = 5", &busy(3, fast(), 190), &misses);
}

#[test]
fn r6_slots_that_run_out_are_shared_by_process() {
    let open = |count, leaks: bool| {
        server(fast(), 2, &plain, &move |now| {
            many(count, |pid| {
                if leaks && pid < 40 {
                    row(pid, "api").in_transaction(-400.0, "SELECT 1")
                } else {
                    row(pid, "api").idle(now - f64::from(pid % 5), "COMMIT")
                }
            })
        })
    };
    fires(
        "R6",
        Medium,
        "(100 − 3 superuser − 2 pooltop − 5 operations) / 1 = 90",
        &open(80, false),
        &[open(70, false)],
    );
    fires("R6", High, "max_connections", &open(93, false), &[]);
    let advice = open(93, true);
    let advice = given(&advice, "R6").unwrap();
    assert!(advice.suggestion.starts_with("End the leak first"), "{advice:#?}");
}

#[test]
fn r7_bounds_that_together_exceed_the_server() {
    let bounded = |max, instances| {
        let pool = DeclaredPool { max: Some(max), instances, ..DeclaredPool::default() };
        server(declaring(fast(), pool), 2, &plain, &|_| vec![row(1, "api-1")])
    };
    fires("R7", Medium, "102 − 97 = 5 too many", &bounded(20, 5), &[bounded(19, 5)]);
    let moment = bounded(20, 5);
    assert!(given(&moment, "R7").unwrap().suggestion.contains("20 -> 19 per process"));
}

#[test]
fn r8_connections_idle_for_nearly_as_long_as_the_way_keeps_them() {
    let path = Machine { path_idle_timeout: Some(Duration::from_secs(240)), ..Machine::default() };
    let idle = |since: f64, settings: Settings, keepalive| {
        let facts = move |_| {
            let mut facts = facts(100);
            facts.settings.tcp_keepalives_idle_s = keepalive;
            facts
        };
        server(settings, 2, &facts, &move |_| many(3, |pid| row(pid, "api").idle(since, "COMMIT")))
    };
    let there = || on_machine(Settings::default(), path.clone());
    let misses = [idle(-200.0, there(), 0), idle(-230.0, there(), 60), idle(-230.0, Settings::default(), 0)];
    fires("R8", Medium, "pool_recycle of at most 2m00s", &idle(-230.0, there(), 0), &misses);
    let azure =
        on_machine(Settings::default(), Machine { provider: Some("azure".into()), ..Machine::default() });
    assert!(given(&idle(-230.0, azure, 7200), "R8").is_some());
}

#[test]
fn r8_connections_that_die_at_the_age_at_which_the_way_drops_them() {
    let path = Machine { path_idle_timeout: Some(Duration::from_secs(240)), ..Machine::default() };
    let dying = |since: f64, own: Option<f64>| {
        let pool = DeclaredPool { idle_timeout_s: own, instances: 1, ..DeclaredPool::default() };
        server(declaring(on_machine(Settings::default(), path.clone()), pool), 4, &plain, &move |now| {
            let gone = many(if now < 3.0 { 3 } else { 0 }, |pid| row(pid, "api").idle(since, "COMMIT"));
            gone.into_iter().chain([row(9, "api").idle(now - 1.0, "COMMIT")]).collect()
        })
    };
    let misses = [dying(-100.0, None), dying(-236.0, Some(240.0))];
    fires("R8", Medium, "keepalives", &dying(-236.0, None), &misses);
}

#[test]
fn r9_connections_that_break_by_either_count() {
    let errors =
        |more: u64| app(30, move |second| AppPool { errors: Some(1 + second / 10 * more), ..sqlalchemy(3) });
    fires("R9", Medium, "pre-ping", &errors(1), &[errors(0)]);
    let lost = |sessions| server(fast(), 31, &move |now| lost(now, sessions), &|_| vec![row(1, "api")]);
    fires("R9", Medium, "pre-ping", &lost(3), &[lost(2)]);
}

#[test]
fn r10_and_r11_what_does_not_go_with_transaction_mode() {
    let reset = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";
    for (statement, instead) in [
        ("LISTEN orders", "session mode"),
        ("SET search_path = x", "SET LOCAL"),
        ("CREATE TEMP TABLE x (a int)", "ON COMMIT DROP"),
        ("SELECT pg_advisory_lock(1)", "pg_advisory_xact_lock"),
        ("PREPARE q AS SELECT 1", "max_prepared_statements"),
    ] {
        let misses = [behind("session", statement), behind("transaction", "SET LOCAL search_path = x")];
        fires("R10", High, instead, &behind("transaction", statement), &misses);
    }
    let misses = [behind("session", reset), behind("transaction", "RESET ALL")];
    fires("R11", Low, "reset=", &behind("transaction", reset), &misses);
}

#[test]
fn r12_old_idle_transactions_without_a_guard_aborted_or_not() {
    let idle = |age: f64, aborted: bool, guard_ms, settings: Settings| {
        let facts = move |_| {
            let mut facts = facts(100);
            facts.settings.idle_in_transaction_timeout_ms = guard_ms;
            facts
        };
        server(settings, 1, &facts, &move |_| {
            let one = row(1, "api");
            vec![if aborted { one.aborted(-age, "SELECT 1") } else { one.in_transaction(-age, "SELECT 1") }]
        })
    };
    let plain = Settings::default;
    let jobs = DeclaredPool { holds_transactions: true, instances: 1, ..DeclaredPool::default() };
    let misses = [
        idle(290.0, false, 0, declaring(plain(), jobs.clone())),
        idle(700.0, false, 0, declaring(plain(), jobs)),
        idle(700.0, false, 60_000, plain()),
        idle(20.0, true, 0, plain()),
    ];
    let says = "ALTER ROLE app SET idle_in_transaction_session_timeout = '300s'";
    fires("R12", High, says, &idle(700.0, false, 0, plain()), &misses);
    fires("R12", High, says, &idle(700.0, true, 0, plain()), &[]);
    fires("R12", High, "5 × 1m00s = 5m00s", &checkout_leak(), &[]);
}

#[test]
fn r13_reconnects_cost_milliseconds_a_second() {
    let churning = |each: f64| {
        server(fast(), 75, &plain, &move |now| {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a story")]
            let (first, next) = ((now * each) as i32, ((now + 1.0) * each) as i32);
            (first..next).map(|pid| row(pid, "api").born(now - 0.5).idle(now - 0.2, "COMMIT")).collect()
        })
    };
    fires("R13", Medium, "× 35 ms", &churning(2.0), &[churning(0.5)]);
}

#[test]
fn r14_more_running_at_once_than_the_processors_can() {
    let cores = Machine { cores: Some(2), ..Machine::default() };
    let active = |count, class: Option<(&'static str, &'static str)>, settings: Settings| {
        server(settings, 30, &plain, &move |now| {
            many(count, |pid| {
                let one = row(pid, "api").active(now - 0.1, "SELECT 1");
                class.map_or_else(|| one.clone(), |(class, event)| one.clone().waits(class, event))
            })
        })
    };
    let there = || on_machine(fast(), cores.clone());
    let misses = [
        active(4, None, there()),
        active(9, Some(("Lock", "transactionid")), there()),
        active(9, None, fast()),
    ];
    fires("R14", Medium, "2 × 2 cores + 0 spindles = 4 < 5", &active(5, None, there()), &misses);
    fires("R14", Medium, "< 5", &active(5, Some(("IO", "DataFileRead")), there()), &[]);
}

#[test]
fn r15_a_quarter_of_the_memory_for_connections() {
    let open = |count, memory: Option<u64>| {
        let machine = Machine { memory, ..Machine::default() };
        server(on_machine(fast(), machine), 1, &plain, &move |_| many(count, |pid| row(pid, "api")))
    };
    let misses = [open(50, Some(2_000_000_000)), open(60, None)];
    fires("R15", Low, "60 × 10 MB / 2.0 GB = 30 %", &open(60, Some(2_000_000_000)), &misses);
}

#[test]
fn r16_more_connections_than_declared() {
    let open = |count, settings: Settings| {
        server(settings, 40, &plain, &move |now| {
            many(count, |pid| row(pid, "api").idle(now - f64::from(pid % 3), "COMMIT"))
        })
    };
    let two = || {
        let pool = DeclaredPool { max: Some(2), instances: 1, ..DeclaredPool::default() };
        declaring(Settings::default(), pool)
    };
    fires("R16", High, "instances", &open(4, two()), &[open(2, two()), open(4, Settings::default())]);
}

#[test]
fn r17_a_leak_comes_first_with_its_evidence() {
    fires("R17", High, "End the transaction", &checkout_leak(), &[few()]);
    let moment = checkout_leak();
    let first = &moment.recommendations[0];
    assert_eq!(&*first.issue, "Connections leak");
    assert!(first.pool.as_deref().unwrap().contains("checkout-api"));
}

#[test]
fn r18_few_slots_that_applications_take_directly() {
    let on = |max, provider: Option<&str>, who: &'static str| {
        let machine = Machine { provider: provider.map(Into::into), ..Machine::default() };
        server(on_machine(fast(), machine), 1, &move |_| facts(max), &move |_| vec![row(1, who)])
    };
    let misses = [on(61, None, "api"), on(60, None, "psql")];
    fires("R18", Low, "A pooler in transaction mode", &on(60, None, "api"), &misses);
    fires("R18", Low, "port 6543", &on(90, Some("supabase"), "api"), &[]);
}

#[test]
fn r19_a_pool_that_waits_for_itself() {
    let stuck = |rows: fn(i32) -> Row| {
        let pool = DeclaredPool { max: Some(4), instances: 1, ..DeclaredPool::default() };
        server(declaring(Settings::default(), pool), 12, &plain, &move |_| many(4, rows))
    };
    let misses = [
        stuck(|pid| {
            let one = row(pid, "api");
            if pid == 4 { one.active(2.0, "SELECT 1") } else { one.in_transaction(2.0, "SELECT 1") }
        }),
        // One by one: that is a leak.
        stuck(|pid| row(pid, "api").in_transaction(-12.0 * f64::from(pid), "SELECT 1")),
        stuck(|pid| row(pid, "api").in_transaction(9.0, "SELECT 1")),
    ];
    let locked = stuck(|pid| row(pid, "api").in_transaction(1.0 + 0.1 * f64::from(pid), "SELECT 1"));
    fires("R19", High, "4 tasks × (2 connections each − 1) + 1 = 5", &locked, &misses);
}

#[test]
fn r20_more_than_three_pings_in_ten_calls() {
    let pinged = |pings, others| {
        server(fast(), 31, &move |now| statements(now, pings, others), &|_| vec![row(1, "api")])
    };
    fires("R20", Low, "checkouts/s", &pinged(310, 690), &[pinged(300, 700)]);
}

#[test]
fn a_leak_silences_every_larger_size_in_whichever_layer() {
    let told = |leaks: bool| {
        let statuses = vec![status("db1", TargetKind::Postgres), status("api", TargetKind::App)];
        let mut stage = Stage::new(Settings::default(), statuses);
        let mut moment = stage.look();
        for second in 1..=70 {
            let now = f64::from(second);
            let rows = many(12, |pid| {
                let one = row(pid, "api");
                if leaks { one.in_transaction(-400.0, "SELECT 1") } else { one.active(now - 0.1, "SELECT 1") }
            });
            let rows = rows.iter().map(Row::build).collect();
            stage.show(sample("db1", now, rows, &Arc::new(facts(100))));
            let waiting = AppPool { pending: Some(4), max_wait_s: Some(9.0), ..sqlalchemy(28) };
            moment = stage.show(app_sample("api", now, vec![waiting]));
        }
        moment
    };
    let grows = |moment: &Moment| {
        moment.recommendations.iter().any(|advice| advice.suggestion.contains("pool_size: 10 ->"))
    };
    let (healthy, leaking) = (told(false), told(true));
    assert!(grows(&healthy), "{:#?}", healthy.recommendations);
    assert!(!grows(&leaking), "{:#?}", leaking.recommendations);
    let wait = given(&leaking, "R1").unwrap();
    assert!(wait.suggestion.starts_with("End the leak first"), "{wait:#?}");
    let order: Vec<usize> = ["R17", "R12", "R1"]
        .iter()
        .map(|id| {
            let advice = given(&leaking, id).unwrap();
            leaking.recommendations.iter().position(|other| other == advice).unwrap()
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn within_a_class_the_worse_comes_first_and_then_the_more_affected() {
    let moment = server(Settings::default(), 1, &plain, &|_| {
        let small = many(4, |pid| {
            let one = row(pid, "small");
            if pid == 1 { one.in_transaction(-400.0, "SELECT 1") } else { one }
        });
        let large = many(4, |pid| row(10 + pid, "large").in_transaction(-400.0, "SELECT 1"));
        small.into_iter().chain(large).collect()
    });
    let guards: Vec<&str> = moment
        .recommendations
        .iter()
        .filter(|advice| advice.issue.starts_with("Idle transactions"))
        .filter_map(|advice| advice.pool.as_deref())
        .collect();
    assert_eq!(guards.len(), 2);
    assert!(guards[0].contains("large") && guards[1].contains("small"), "{guards:?}");
}

#[test]
fn a_healthy_moment_has_nothing_to_advise() {
    assert_eq!(few().recommendations, []);
}

#[test]
fn rules_have_names_of_their_own() {
    let names: HashSet<&str> = RULES.iter().map(|row| row.id).collect();
    assert_eq!(names.len(), RULES.len());
}
