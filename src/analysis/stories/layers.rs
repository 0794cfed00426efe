//! Applications through their layers, pools of poolers, what applications report.

use super::super::fixture::{
    POOLER, app_sample, joined_sample, pool_of, pooled_client, pooler_body, pooler_facts, pooler_sample,
    queued_client, server_connection, sockets,
};
use super::*;
use crate::analysis::layers::LayerLine;
use crate::model::app::{AppAdvice, AppPool};
use crate::model::pool::Layer;
use crate::model::pooler::{PoolerFacts, PoolerSockets, PoolerState, PoolerTotals, PoolerUser};
use crate::model::target::TargetError;

fn profile(settings: Settings, others: &[(&str, TargetKind)]) -> Stage {
    let mut statuses = vec![status("db1", TargetKind::Postgres)];
    statuses.extend(others.iter().map(|(name, kind)| status(name, *kind)));
    Stage::new(settings, statuses)
}

fn line<'a>(moment: &'a Moment, name: &str) -> &'a LayerLine {
    let found = moment.layers.iter().find(|line| &*line.name == name);
    found.unwrap_or_else(|| panic!("{name} in {:?}", moment.layers))
}

fn server(second: f64, rows: &[Row]) -> Sample {
    sample("db1", second, rows.iter().map(Row::build).collect(), &Arc::new(facts(100)))
}

/// Four busy connections for `api`, of which one works, and one that waits.
fn half_used(second: f64) -> (PoolerSockets, Vec<Row>) {
    let mut clients: Vec<_> = (0..4).map(|number| pooled_client(number, "api-1")).collect();
    clients.push(queued_client(9, "api-2", 2_000));
    clients.push(pooled_client(10, "worker"));
    let servers = (0..4).map(|number| server_connection(10 + number)).collect();
    let rows = (0..4).map(|number| {
        let one = row(10 + number, "api-1").from(POOLER);
        if number == 0 {
            one.active(second - 5.0, "SELECT 1")
        } else {
            one.in_transaction(second - 5.0, "SELECT 1")
        }
    });
    (sockets(clients, servers, &[(0, 0), (1, 1), (2, 2), (3, 3)]), rows.collect())
}

#[test]
fn an_application_that_holds_what_it_does_not_use_is_stuck_in_itself() {
    let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer), ("api", TargetKind::App)]);
    let (sockets, rows) = half_used(10.0);
    let used =
        AppPool { used: Some(10), idle: Some(0), max: Some(10), pending: Some(3), ..AppPool::default() };
    stage.show(app_sample("api", 10.0, vec![used]));
    stage.show(joined_sample("bouncer", 10.0, "transaction", sockets, &Arc::new(pooler_facts(20))));
    let moment = stage.show(server(10.1, &rows));
    let found = line(&moment, "api-#");
    let [application, pooler, server] =
        [Layer::Application, Layer::Pooler, Layer::Server].map(|layer| found.stage(layer).unwrap());
    assert_eq!((application.used, application.max, application.waiting), (Some(10), Some(10), Some(3)));
    assert_eq!((pooler.used, pooler.max, pooler.waiting), (Some(4), Some(22), Some(1)));
    assert_eq!((server.used, server.working, server.holding), (Some(4), Some(1), Some(3)));
    assert!(pooler.shared, "worker has a client in the same pool");
    assert_eq!(found.checked_out_idle, Some(6));
    let stuck = found.stuck.as_ref().unwrap();
    assert_eq!(stuck.layer, Layer::Application);
    assert_eq!(
        &*stuck.why,
        "application says 10 of 10 used, pooler says 4 busy, server says 1 work: 6 checked out and not working"
    );
    assert_eq!(&*moment.pools[application.pools[0]].pool.name, "api");
    assert_eq!(&*moment.pools[pooler.pools[0]].pool.name, "shop/app");
    assert!(moment.pools[server.pools[0]].pool.via_pooler);
    assert!(line(&moment, "worker").stuck.is_none());
}

#[test]
fn a_queue_is_blamed_on_what_holds_the_connections_below_it() {
    let tell = |rows: Vec<Row>, sockets: PoolerSockets| {
        let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
        stage.show(joined_sample("bouncer", 10.0, "transaction", sockets, &Arc::new(pooler_facts(4))));
        let moment = stage.show(server(10.1, &rows));
        let found = line(&moment, "api-#").stuck.clone().unwrap();
        (found.layer, found.why.to_string())
    };
    let (sockets, rows) = half_used(10.0);
    let (layer, why) = tell(rows.clone(), sockets.clone());
    assert_eq!(layer, Layer::Application);
    assert!(why.ends_with("3 idle in transaction while 1 client queued"), "{why}");
    let working: Vec<Row> = (0..4).map(|n| row(10 + n, "api").from(POOLER).active(5.0, "SELECT 1")).collect();
    let (layer, why) = tell(working.clone(), sockets.clone());
    assert_eq!(layer, Layer::Pooler);
    assert!(why.ends_with("1 client queued at the pooler, the longest for 2s"), "{why}");
    let locked = working.into_iter().map(|row| row.waits("Lock", "relation")).collect();
    assert_eq!(tell(locked, sockets.clone()).0, Layer::Server);
    let mut cut_off = sockets;
    cut_off.servers.clear();
    cut_off.clients.truncate(5);
    for client in &mut cut_off.clients {
        client.server = None;
    }
    assert_eq!(tell(Vec::new(), cut_off).0, Layer::Server);
}

#[test]
fn what_cannot_be_matched_stands_in_a_line_of_its_own() {
    let mut stage = profile(fast(), &[("billing", TargetKind::App)]);
    let pool = AppPool { used: Some(1), idle: Some(1), max: Some(5), ..AppPool::default() };
    stage.show(app_sample("billing", 1.0, vec![pool]));
    let moment = stage.show(server(1.1, &[row(1, "web-1"), row(2, "psql").from("")]));
    assert_eq!(moment.layers.len(), 2, "{:?}", moment.layers);
    assert!(line(&moment, "billing").server.is_none());
    assert_eq!(line(&moment, "web-#").server.as_ref().unwrap().used, Some(0));
}

#[test]
fn several_poolers_are_one_stage_and_the_odd_one_is_pointed_at() {
    let two = [("bouncer-1", TargetKind::Pgbouncer), ("bouncer-2", TargetKind::Pgbouncer)];
    let mut stage = profile(fast(), &two);
    let facts = Arc::new(pooler_facts(4));
    let quiet = || sockets(vec![pooled_client(1, "api")], vec![server_connection(10)], &[(0, 0)]);
    stage.show(joined_sample("bouncer-1", 10.0, "transaction", quiet(), &facts));
    let mut queue = sockets(vec![queued_client(1, "api", 500)], vec![server_connection(30)], &[]);
    queue.servers[0].client = None;
    let moment = stage.show(joined_sample("bouncer-2", 10.1, "transaction", queue, &facts));
    let stage = line(&moment, "api").pooler.clone().unwrap();
    assert_eq!((stage.pools.len(), stage.used, stage.max, stage.waiting), (2, Some(1), Some(12), Some(1)));
    assert_eq!(&*moment.pools[stage.odd.unwrap()].pool.key.target, "bouncer-2");
}

#[test]
fn backends_of_a_pooler_are_one_pool_from_the_first_sample_on_whatever_they_are_called() {
    let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
    let pooled = || {
        let servers = (0..6).map(|number| server_connection(10 + number)).collect();
        sockets(vec![pooled_client(1, "a"), pooled_client(2, "b")], servers, &[])
    };
    let rows = |turn: i32| -> Vec<Row> {
        let direct = [row(1, "a").from(POOLER), row(2, "b").from("10.0.9.9")];
        let name = |number: i32| if (number + turn) % 2 == 0 { "a" } else { "b" };
        direct.into_iter().chain((0..6).map(|n| row(10 + n, name(n)).from(POOLER))).collect()
    };
    let facts = Arc::new(pooler_facts(20));
    stage.show(server(0.5, &rows(0)));
    let mut moment = stage.look();
    for turn in 1..8 {
        let now = f64::from(turn);
        stage.show(joined_sample("bouncer", now, "transaction", pooled(), &facts));
        moment = stage.show(server(now + 0.5, &rows(turn)));
    }
    let servers: Vec<_> =
        moment.pools.iter().filter(|row| row.pool.key.layer == Layer::Server && row.pool.total > 0).collect();
    let totals: Vec<(u32, bool)> = servers.iter().map(|row| (row.pool.total, row.pool.via_pooler)).collect();
    assert_eq!(servers.len(), 3, "{servers:?}");
    assert!(totals.contains(&(6, true)) && totals.contains(&(1, false)), "{totals:?}");
    assert_eq!(moment.findings, []);
    let gone = stage.show(server(9.0, &rows(0)[..2]));
    assert!(gone.pools.iter().any(|row| row.pool.key.application_name.as_deref() == Some("a")));
}

#[test]
fn a_pooler_s_bounds_stand_in_the_ladder_with_what_is_used_of_them() {
    let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
    let mut facts = pooler_facts(4);
    facts.databases[0].max_connections = Some(10);
    facts.databases[0].max_clients = Some(8);
    facts.config.max_user_connections = Some(9);
    let busy = PoolerUser { name: "app".into(), max_clients: Some(7), ..PoolerUser::default() };
    facts.users.push(busy);
    let (sockets, _) = half_used(10.0);
    let moment = stage.show(joined_sample("bouncer", 10.0, "transaction", sockets, &Arc::new(facts)));
    let told = |name: &str| {
        let limit = moment.limits.iter().find(|limit| &*limit.name == name);
        let limit = limit.unwrap_or_else(|| panic!("{name} in {:?}", moment.limits));
        (limit.scope, limit.used, limit.limit, limit.reserved)
    };
    assert_eq!(told("bouncer"), (LimitScope::Pooler, 7, Some(100), 0), "six clients and a console");
    assert_eq!(told("shop/app"), (LimitScope::Pool, 4, Some(6), 2), "the reserve is for later");
    assert_eq!(told("shop max_db_connections"), (LimitScope::Pooler, 4, Some(10), 0));
    assert_eq!(told("app max_user_connections"), (LimitScope::Pooler, 4, Some(9), 0));
    assert_eq!(told("shop clients"), (LimitScope::Pooler, 6, Some(8), 0));
    assert_eq!(told("user app clients"), (LimitScope::Pooler, 6, Some(7), 0));
    assert!(of(&moment, Rule::PoolUtilization).is_some(), "six of seven clients");
}

#[test]
fn a_pooler_without_room_for_clients_is_exhausted() {
    let with = |many: u32| {
        let clients = (0..many).map(|number| pooled_client(number, "web")).collect();
        let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
        stage.show(server(0.5, &[]));
        let sockets = sockets(clients, Vec::new(), &[]);
        stage.show(joined_sample("bouncer", 1.0, "transaction", sockets, &Arc::new(pooler_facts(20))))
    };
    assert_eq!(with(99).verdict.kind, VerdictKind::Exhausted);
    assert_eq!(&*with(99).verdict.sentence, "bouncer is full: 100 of 100 slots used");
    let near = with(95);
    assert_eq!(near.verdict.kind, VerdictKind::Saturated);
    assert_eq!(&*near.verdict.sentence, "bouncer: 96 of 100 clients (max_client_conn)");
    assert_eq!(with(70).findings, []);
}

/// Ten seconds of a pooler whose clients wait although it has no connection, with these facts.
fn locked_out(wait_ms: u64, change: impl Fn(&mut PoolerFacts)) -> Moment {
    let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
    let mut facts = pooler_facts(20);
    change(&mut facts);
    let facts = Arc::new(facts);
    let mut moment = stage.look();
    for second in 1..=12_u32 {
        let now = f64::from(second);
        stage.show(server(now, &[]));
        let clients = (0..3).map(|number| queued_client(number, "web-1", wait_ms)).collect();
        let sockets = sockets(clients, Vec::new(), &[]);
        moment = stage.show(joined_sample("bouncer", now, "transaction", sockets, &facts));
    }
    moment
}

#[test]
fn clients_that_wait_to_log_in_are_told_from_those_that_queue() {
    let moment = locked_out(0, |_| {});
    let finding = of(&moment, Rule::PoolWaiting).unwrap();
    assert_eq!(&*finding.title, "shop/app: 3 clients wait and the pooler has no connection to the server");
    let evidence = finding.evidence.join("; ");
    assert!(evidence.contains("wait to log in") && evidence.contains("web-1 10.0.7.0:40000"), "{evidence}");
    assert!(evidence.contains("is not paused"), "{evidence}");
    let old = locked_out(0, |facts| facts.state = None);
    let evidence = of(&old, Rule::PoolWaiting).unwrap().evidence.join("; ");
    assert!(evidence.contains("which this version does not show"), "{evidence}");
}

#[test]
fn a_pause_is_told_as_one_and_not_as_a_queue() {
    for (change, what) in [
        (
            (|facts: &mut PoolerFacts| facts.databases[0].paused = true) as fn(&mut PoolerFacts),
            "bouncer: database shop is paused; 3 clients wait",
        ),
        (|facts| facts.state = Some(PoolerState::Paused), "bouncer is paused as a whole; 3 clients wait"),
        (
            |facts| facts.state = Some(PoolerState::Suspended),
            "bouncer is suspended as a whole; 3 clients wait",
        ),
    ] {
        let moment = locked_out(9_000, change);
        assert_eq!(moment.verdict.kind, VerdictKind::Paused, "{what}");
        assert_eq!(&*moment.verdict.sentence, what);
        assert!(of(&moment, Rule::PoolWaiting).is_none());
    }
    let disabled = locked_out(9_000, |facts| facts.databases[0].disabled = true);
    assert!(of(&disabled, Rule::PoolPaused).unwrap().title.contains("new clients are refused"));
    assert!(of(&disabled, Rule::PoolWaiting).is_some(), "disabled is not paused");
    assert!(of(&locked_out(0, |_| {}), Rule::PoolPaused).is_none());
}

#[test]
fn many_logins_that_last_are_a_storm_and_a_few_are_not() {
    let with = |logins: u32| {
        let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
        let mut moment = stage.look();
        for second in 1..=8_u32 {
            let plain = sockets(Vec::new(), vec![server_connection(1)], &[]);
            let mut pool = pool_of(&plain, "transaction");
            pool.sv_login = Some(logins);
            stage.show(server(f64::from(second), &[]));
            moment = stage.show(pooler_sample("bouncer", f64::from(second), vec![pool]));
        }
        moment
    };
    let storm = with(9);
    assert_eq!(
        &*of(&storm, Rule::ServerLogins).unwrap().title,
        "shop/app: 9 server connections logging in at once"
    );
    assert_eq!(storm.verdict.kind, VerdictKind::Healthy, "busy, not full");
    assert!(of(&with(1), Rule::ServerLogins).is_none());
}

#[test]
fn a_session_s_statements_behind_transaction_mode_are_named() {
    let with = |mode: &str, statement: &str| {
        let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
        let plain = sockets(vec![pooled_client(1, "web")], vec![server_connection(10)], &[]);
        stage.show(joined_sample("bouncer", 1.0, mode, plain, &Arc::new(pooler_facts(20))));
        stage.show(server(
            1.5,
            &[row(10, "web").from(POOLER).idle(1.0, statement), row(11, "x").idle(1.0, "LISTEN x")],
        ))
    };
    let moment = with("transaction", "LISTEN orders");
    let finding = of(&moment, Rule::PoolerTransactionMode).unwrap();
    assert_eq!(finding.backends.iter().map(|id| id.pid).collect::<Vec<_>>(), [10]);
    assert!(finding.title.ends_with("LISTEN behind a pooler in transaction mode"), "{}", finding.title);
    assert!(of(&with("transaction", "NOTIFY orders"), Rule::PoolerTransactionMode).is_none());
    assert!(of(&with("session", "LISTEN orders"), Rule::PoolerTransactionMode).is_none());
}

#[test]
fn a_pooler_s_rates_are_worked_out_of_its_totals() {
    let mut stage = profile(fast(), &[("bouncer", TargetKind::Pgbouncer)]);
    let totals = |second: u64, assignments: bool| PoolerTotals {
        database: "shop".into(),
        transactions: Some(second * 10),
        queries: Some(second * 40),
        assignments: assignments.then_some(second * 10),
        transaction_us: Some(second * 10 * 20_000),
        wait_us: Some(second * 10 * 3_000),
        ..PoolerTotals::default()
    };
    for (seconds, assignments) in [(1..=10_u32, true), (11..=20, false), (1..=3, true)] {
        let mut moment = stage.look();
        for (step, second) in seconds.clone().enumerate() {
            let plain = sockets(Vec::new(), vec![server_connection(1)], &[]);
            let now = moment.at.as_micros().max(at(0.0).as_micros()) - at(0.0).as_micros();
            let mut next =
                pooler_sample("bouncer", now as f64 / 1e6 + 1.0, vec![pool_of(&plain, "transaction")]);
            pooler_body(&mut next).unwrap().totals =
                Part::Known(vec![totals(u64::from(second), assignments)]);
            moment = stage.show(next);
            if step == 0 && second == 1 {
                assert_eq!(moment.poolers[1].as_ref().unwrap().rates, [], "a restart, or the first reading");
            }
        }
        let rates = &moment.poolers[1].as_ref().unwrap().rates[0];
        let close =
            |value: Option<f64>, expected: f64| value.is_some_and(|value| (value - expected).abs() < 1e-9);
        assert!(close(rates.transactions_per_s, 10.0) && close(rates.queries_per_s, 40.0), "{rates:?}");
        assert!(close(rates.transaction_avg_s, 0.02) && close(rates.wait_per_s, 0.03), "{rates:?}");
        assert_eq!(rates.wait_avg_s.is_some(), assignments, "{rates:?}");
        let pool = &moment.pools.iter().find(|row| row.pool.key.layer == Layer::Pooler).unwrap().pool;
        assert_eq!((pool.wait_avg_s, pool.use_avg_s), (rates.wait_avg_s, rates.transaction_avg_s));
    }
}

fn reported(change: impl Fn(u64, &mut AppPool)) -> Moment {
    let mut stage = profile(fast(), &[("api", TargetKind::App)]);
    let mut moment = stage.look();
    for second in 1..=30_u32 {
        let mut pool =
            AppPool { used: Some(2), idle: Some(3), total: Some(5), max: Some(10), ..AppPool::default() };
        change(u64::from(second), &mut pool);
        stage.show(server(f64::from(second), &[row(1, "other")]));
        moment = stage.show(app_sample("api", f64::from(second), vec![pool]));
    }
    moment
}

#[test]
fn an_application_s_pool_is_a_pool_with_its_own_numbers() {
    let moment = reported(|second, pool| {
        (pool.opened, pool.closed) = (Some(second + 7), Some(second + 2));
        (pool.waits, pool.wait_s) = (Some(second * 2), Some(second as f64 * 0.5));
        (pool.timeouts, pool.errors) = (Some(4), Some(0));
        (pool.size, pool.overflow, pool.max_overflow) = (Some(5), Some(0), Some(5));
    });
    let pool = &moment.pools.iter().find(|row| row.pool.key.layer == Layer::Application).unwrap().pool;
    assert_eq!(
        (&*pool.name, pool.used, pool.idle, pool.total, pool.max),
        ("api", Some(2), Some(3), 5, Some(10))
    );
    assert_eq!(
        (pool.opened, pool.closed, pool.timeouts),
        (Some(29), Some(29), Some(4)),
        "seen since the start"
    );
    assert_eq!(pool.wait_avg_s, Some(0.25));
    assert_eq!((pool.size, pool.overflow, pool.max_overflow), (Some(5), Some(0), Some(5)));
    let limit = moment.limits.iter().find(|limit| limit.scope == LimitScope::Application).unwrap();
    assert_eq!((&*limit.name, limit.used, limit.limit), ("api", 2, Some(10)));
    assert_eq!(moment.findings, [], "time-outs of long ago are no news");
    assert_eq!(moment.targets[1].missing, []);
}

#[test]
fn counters_that_cannot_be_right_are_said_to_be_missing() {
    let moment = reported(|_, pool| (pool.opened, pool.closed) = (Some(12), Some(2)));
    let why = &moment.targets[1].missing[0].why;
    assert!(why.starts_with("12 created less 2 closed is 10, and 5 are open"), "{why}");
}

#[test]
fn what_an_application_counts_is_a_finding_when_it_grows() {
    let growing = |rule: Rule, change: fn(u64, &mut AppPool)| {
        of(&reported(change), rule).map(|finding| (finding.severity, finding.title.to_string()))
    };
    let (severity, title) =
        growing(Rule::PoolTimeouts, |second, pool| pool.timeouts = Some(second / 10)).unwrap();
    assert_eq!((severity, &*title), (Severity::Critical, "api: 3 requests gave up waiting for a connection"));
    let (severity, _) = growing(Rule::PoolErrors, |second, pool| pool.errors = Some(second / 20)).unwrap();
    assert_eq!(severity, Severity::Notice);
    let over = |_, pool: &mut AppPool| {
        (pool.size, pool.overflow, pool.max_overflow) = (Some(3), Some(2), Some(2));
    };
    assert_eq!(growing(Rule::PoolOverflow, over).unwrap().0, Severity::Warning);
    let not_yet = |_, pool: &mut AppPool| (pool.size, pool.overflow) = (Some(3), Some(-1));
    assert_eq!(growing(Rule::PoolOverflow, not_yet), None);
    let full = |_, pool: &mut AppPool| (pool.used, pool.idle, pool.total) = (Some(10), Some(0), Some(10));
    assert_eq!(growing(Rule::PoolUtilization, full).unwrap().0, Severity::Warning);
    let restarted = |second: u64, pool: &mut AppPool| pool.timeouts = Some(if second < 29 { 50 } else { 1 });
    assert_eq!(growing(Rule::PoolTimeouts, restarted), None, "a counter that began anew");
}

#[test]
fn one_process_of_several_is_no_restart_and_no_sum() {
    let mut stage = profile(fast(), &[("api", TargetKind::App)]);
    let mut moment = stage.look();
    for second in 1..=30_u32 {
        let timeouts = if second % 2 == 0 { 100 } else { 3 };
        let pool = AppPool { used: Some(2), max: Some(10), timeouts: Some(timeouts), ..AppPool::default() };
        let mut next = app_sample("api", f64::from(second), vec![pool]);
        let Body::App(body) = &mut next.body else { unreachable!() };
        body.one_of_several = true;
        let advice =
            AppAdvice { severity: Some("HIGH".into()), issue: "too small".into(), ..AppAdvice::default() };
        body.advice = vec![advice];
        moment = stage.show(next);
    }
    assert!(of(&moment, Rule::PoolTimeouts).is_none());
    let pool = &moment.pools[0].pool;
    assert!(pool.one_of_several);
    assert_eq!((pool.opened, moment.limits[0].growth_per_min), (None, None));
    assert_eq!(&*moment.recommendations[0].evidence[0], "api says so itself");
    assert!(line(&moment, "api").application.as_ref().unwrap().one_of_several);
}

#[test]
fn an_endpoint_that_is_silent_while_its_sessions_hold_transactions_is_not_down() {
    let with = |words: &str, code: Option<&str>, idle: bool| {
        let mut stage = profile(fast(), &[("api", TargetKind::App)]);
        let rows: Vec<Row> = pids(1, 6)
            .map(|pid| {
                if idle {
                    row(pid, "api").in_transaction(0.5, "SELECT 1")
                } else {
                    row(pid, "api").active(0.9, "SELECT 1")
                }
            })
            .collect();
        let status = stage.status("api").unwrap();
        (status.state, status.age) = (TargetState::Down, None);
        status.error = Some(TargetError {
            code: code.map(Into::into),
            message: format!("http://api:8000/health/database: {words}").as_str().into(),
            hint: None,
            refused: false,
            authentication: false,
        });
        stage.show(server(1.0, &rows))
    };
    let late = TargetError::no_answer(Duration::from_secs(2));
    let silent = with(&late, None, true);
    let finding = of(&silent, Rule::PoolTimeouts).unwrap();
    assert!(
        finding.title.contains("6 of its 6 connections in use lie idle in transaction"),
        "{}",
        finding.title
    );
    assert_eq!(silent.verdict.kind, VerdictKind::Saturated);
    let exhausted = "unhealthy: QueuePool limit of size 3 overflow 2 reached, connection timed out";
    for status in ["200", "503"] {
        assert!(of(&with(exhausted, Some(status), true), Rule::PoolTimeouts).is_some());
    }
    assert!(of(&with(&late, None, false), Rule::PoolTimeouts).is_none(), "its sessions work");
    for gone in ["Connection refused", "No route to host", "failed to lookup address information"] {
        assert!(of(&with(gone, None, true), Rule::PoolTimeouts).is_none(), "{gone}");
    }
}
