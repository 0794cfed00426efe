//! What must not raise an alarm, by the numbers of the list of false positives.

use super::*;

/// Returns the last moment.
fn is_never_suspect(seconds: u32, rows: impl Fn(f64) -> Vec<Row>) -> Moment {
    let mut moments = told(fast(), seconds, rows);
    let worst = worst_leak(&moments);
    assert!(worst < Some(Severity::Warning), "{:?}", leaks(&moments));
    moments.pop().unwrap()
}

#[test]
fn f1_start_up_growth_to_a_plateau() {
    is_never_suspect(120, |now| {
        let open = if now < 20.0 { (now / 2.0).ceil() } else { 10.0 };
        pids(1, 10)
            .take_while(|pid| f64::from(*pid) <= open)
            .map(|pid| busy(pid, "api", now).born(f64::from(pid) * 2.0))
            .collect()
    });
}

#[test]
fn f2_f3_bursts_and_fluctuation_between_minimum_and_maximum() {
    is_never_suspect(120, |now| {
        let open = if now % 20.0 < 8.0 { 10 } else { 3 };
        let start = (now / 20.0).floor() * 20.0;
        pids(1, open).map(|pid| busy(pid, "api", now).born(if pid <= 3 { -100.0 } else { start })).collect()
    });
}

#[test]
fn f6_f9_deep_idle_connections_of_a_lifo_pool_that_opens_no_others() {
    let last = is_never_suspect(120, |now| {
        let deep = pids(2, 9).map(|pid| row(pid, "api").idle(-60.0, "SELECT 1"));
        deep.chain([row(1, "api").active(now - 0.1, "SELECT 1")]).collect()
    });
    assert_eq!(last.pools[0].pool.stranded, Some(0), "the pool opened no other");
}

#[test]
fn f11_traffic_that_stops() {
    is_never_suspect(150, |now| {
        pids(1, 10).map(|pid| row(pid, "api").idle(now.min(25.0), "SELECT 1")).collect()
    });
}

#[test]
fn f8_connections_that_are_replaced_while_others_lie_given_back() {
    // Each is renewed after 20 seconds; an asyncpg pool leaves its reset as the last statement.
    const RESET: &str = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";
    let last = is_never_suspect(200, |now| {
        let oldest = pids(1, 3).map(|pid| row(pid, "api").idle(-30.0, RESET));
        let born = (now / 5.0).floor() * 5.0;
        #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
        let pid = 100 + (now / 5.0) as i32;
        oldest.chain([row(pid, "api").born(born).idle(now - 0.2, RESET)]).collect()
    });
    assert_eq!(last.pools[0].pool.stranded, Some(0), "given back");
}

#[test]
fn f13_f14_f15_long_statements_and_transactions_that_go_on() {
    is_never_suspect(120, |now| {
        vec![
            row(1, "report").active(-100.0, "SELECT sum(x) FROM big"),
            row(2, "batch")
                .in_transaction(now - 2.0, "INSERT INTO t VALUES ($1)")
                .transaction_since(-100.0)
                .writes(),
            row(3, "view").in_transaction(now - now % 4.0, "SELECT 1"),
        ]
    });
}

#[test]
fn f16_a_declared_job_that_holds_its_transaction() {
    let pool = DeclaredPool {
        name: "jobs".into(),
        application_name: Some("jobs".to_owned()),
        instances: 1,
        holds_transactions: true,
        ..DeclaredPool::default()
    };
    let moments = told(Settings { pools: vec![pool], ..fast() }, 60, |_| {
        pids(1, 5).map(|pid| row(pid, "jobs").in_transaction(-60.0, "SELECT job()")).collect()
    });
    assert_eq!(worst_leak(&moments), None);
}

#[test]
fn f17_f18_listeners_and_lock_holders_that_are_silent_while_others_come() {
    let last = is_never_suspect(150, |now| {
        let listeners = pids(1, 4).map(|pid| row(pid, "events").idle(-60.0, "LISTEN orders"));
        let born = (now / 10.0).floor() * 10.0;
        #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
        let pid = 100 + (now / 10.0) as i32;
        listeners.chain([row(pid, "events").born(born).idle(now, "SELECT 1")]).collect()
    });
    assert_eq!(last.pools[0].pool.stranded, Some(0), "they listen");
}

#[test]
fn f22_a_poolers_server_connections_with_changing_names_are_one_pool() {
    let moments = told(fast(), 60, |now| {
        pids(1, 4)
            .map(|pid| {
                #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
                let application = (now as i32 + pid) % 3;
                row(pid, ["cart", "search", "billing"][application.unsigned_abs() as usize])
                    .idle(now - 0.1, "COMMIT")
            })
            .collect()
    });
    assert_eq!(worst_leak(&moments), None);
    let pools: Vec<_> = moments.last().unwrap().pools.iter().filter(|row| row.pool.total > 0).collect();
    assert_eq!(pools.len(), 1);
    assert!(pools[0].pool.via_pooler);
    assert_eq!(pools[0].pool.key.application_name, None);
}

#[test]
fn a_driver_that_names_itself_after_login_is_no_pooler() {
    let moments = told(fast(), 30, |now| {
        let name = if now < 5.0 { "PostgreSQL JDBC Driver" } else { "orders" };
        vec![
            row(1, name).born(0.0).idle(now, "SELECT 1"),
            row(2, "PostgreSQL JDBC Driver").idle(now, "SELECT 1"),
        ]
    });
    assert!(moments.last().unwrap().pools.iter().all(|row| !row.pool.via_pooler));
}

#[test]
fn f24_a_convoy_is_a_lock_finding_and_no_leak() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    let rows = |now: f64| {
        let waiting =
            pids(2, 15).map(|pid| row(pid, "api").active(0.0, "UPDATE t").waits("Lock", "relation"));
        waiting.chain([row(1, "migrate").active(now - 0.5, "ALTER TABLE t")]).map(|row| row.build()).collect()
    };
    let waits: Vec<_> = (2..17).map(|pid| (pid, 1, 0.0)).collect();
    let moments: Vec<_> = (1..=20)
        .map(f64::from)
        .map(|now| stage.show(with_waits(sample("db1", now, rows(now), &facts), &waits)))
        .collect();
    assert_eq!(worst_leak(&moments), None);
    let last = moments.last().unwrap();
    assert_eq!(last.verdict.kind, VerdictKind::Blocked);
    assert_eq!(&*last.verdict.sentence, "pid 1 (migrate) blocks 15 sessions, the longest for 20s");
    assert_eq!(of(last, Rule::QuerySlow), None, "they are slow because they wait");
}

#[test]
fn f25_somebody_thinking_in_psql() {
    is_never_suspect(60, |_| {
        vec![row(1, "psql").owner("anna", "shop").from("").in_transaction(-20.0, "SELECT 1")]
    });
}

#[test]
fn f26_an_application_that_crashes_and_starts_over() {
    is_never_suspect(150, |now| {
        let born = (now / 7.0).floor() * 7.0;
        #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
        let first = 100 + (now / 7.0) as i32 * 10;
        pids(first, 5).map(|pid| row(pid, "api").born(born).idle(born + 0.5, "SELECT 1")).collect()
    });
}

#[test]
fn other_pooltops_and_backups_are_shown_as_what_they_are() {
    let moments = told(fast(), 100, |now| {
        vec![
            row(1, "pooltop").idle(now, "SELECT 1"),
            row(2, "pg_dump").active(-600.0, "COPY public.orders TO stdout").transaction_since(-3600.0),
        ]
    });
    let last = moments.last().unwrap();
    assert!(last.backends[0].is_pooltop && !last.backends[1].is_pooltop);
    assert_eq!(last.findings, []);
}
