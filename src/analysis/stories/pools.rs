//! Pools and their counts.

use super::*;

#[test]
fn opened_closed_and_peak_are_counted_from_the_first_sample_on() {
    let moments = told(fast(), 3, |now| {
        let rows: &[i32] = [&[1, 2, 3][..], &[2, 3, 4, 5][..], &[5][..]]
            [if now < 2.0 { 0 } else { usize::from(now > 2.0) + 1 }];
        rows.iter().map(|pid| busy(*pid, "api", now)).collect()
    });
    let pool = &moments[2].pools[0].pool;
    assert_eq!((pool.opened, pool.closed, pool.peak, pool.total), (Some(2), Some(4), 4, 1));
}

#[test]
fn a_pid_that_another_session_has_is_a_close_and_an_open() {
    let moments = told(fast(), 2, |now| vec![busy(1, "api", now).born(now)]);
    let pool = &moments[1].pools[0].pool;
    assert_eq!((pool.opened, pool.closed), (Some(1), Some(1)));
}

#[test]
fn a_missed_sample_is_a_gap_in_every_curve() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    let mut moment = stage.look();
    for second in [1.0, 2.0, 5.0, 6.0] {
        moment = stage.show(sample("db1", second, vec![row(1, "api").build()], &facts));
    }
    assert_eq!(moment.pools[0].trend, [Some(1), Some(1), None, None, Some(1), Some(1)]);
    let seen: Vec<bool> = moment.series.counts.iter().map(Option::is_some).collect();
    assert_eq!(seen, [true, true, false, false, true, true]);
    let nearest: Vec<bool> = moment.series.utilization.iter().map(Option::is_some).collect();
    assert_eq!(nearest, seen);
    let (now, curve) = (moment.limits[0].utilization().unwrap(), moment.series.utilization[5].unwrap());
    assert!((now - curve).abs() < 1e-4, "{now} and {curve}");
}

#[test]
fn more_pools_than_can_be_told_apart_are_counted_as_other() {
    let moments =
        told(fast(), 3, |now| (1..=600).map(|pid| busy(pid, &format!("{}x", letters(pid)), now)).collect());
    let last = moments.last().unwrap();
    assert_eq!(last.pools.len(), 513);
    let total: u32 = last.pools.iter().map(|row| row.pool.total).sum();
    assert_eq!(total, 600, "nobody is lost");
    let other = last.pools.iter().find(|row| &*row.pool.name == "other").unwrap();
    assert_eq!(other.pool.total, 88);
    for row in &last.backends {
        assert!(last.pools[row.pool].pool.total > 0);
    }
}

#[test]
fn what_is_counted_as_other_is_nobody_to_accuse() {
    let stuck = |pid| row(pid, &format!("{}x", letters(pid))).aborted(-60.0, "SELECT 1/0");
    let moments = told(fast(), 3, |_| (1..=600).map(stuck).collect());
    let (others, pools): (Vec<_>, Vec<_>) =
        moments.last().unwrap().pools.iter().partition(|row| &*row.pool.name == "other");
    assert_eq!(others.iter().map(|row| row.leak.is_some()).collect::<Vec<_>>(), [false]);
    assert!(pools.iter().all(|row| row.leak.is_some()));
}

fn letters(number: i32) -> String {
    number
        .to_string()
        .chars()
        .map(|digit| char::from(b'a' + u8::try_from(digit.to_digit(10).unwrap()).unwrap()))
        .collect()
}

#[test]
fn a_pool_that_is_gone_is_shown_for_a_minute_and_then_no_longer() {
    let moments =
        told(Settings::default(), 80, |now| if now < 5.0 { vec![row(1, "cron")] } else { Vec::new() });
    assert_eq!(moments[30].pools.len(), 1);
    assert_eq!(moments[30].pools[0].pool.total, 0);
    assert_eq!(moments[79].pools.len(), 0);
}

#[test]
fn a_declared_pool_is_shown_even_when_nobody_is_connected() {
    let pool = DeclaredPool {
        name: "nightly".into(),
        max: Some(5),
        instances: 1,
        application_name: Some("night*".to_owned()),
        ..DeclaredPool::default()
    };
    let moments = told(Settings { pools: vec![pool], ..fast() }, 1, |_| vec![row(1, "api")]);
    let nightly = moments[0].pools.iter().find(|row| &*row.pool.name == "nightly").unwrap();
    assert_eq!((nightly.pool.total, nightly.pool.max), (0, Some(5)));
}

#[test]
fn declared_pools_that_cannot_be_told_apart_are_judged_together() {
    let pool = |name: &str, max| DeclaredPool {
        name: name.into(),
        user: Some("app".to_owned()),
        max: Some(max),
        instances: 2,
        command_timeout_s: Some(f64::from(max)),
        ..DeclaredPool::default()
    };
    let settings = Settings { pools: vec![pool("frontend", 10), pool("background", 8)], ..fast() };
    let moments = told(settings, 1, |now| vec![busy(1, "api", now)]);
    let pool = &moments[0].pools[0].pool;
    assert_eq!((&*pool.name, pool.max, pool.total), ("frontend + background", Some(36), 1));
    assert_eq!(pool.key.user.as_deref(), Some("app"));
}

#[test]
fn many_connections_at_once_are_an_event_and_no_finding() {
    let moments = told(fast(), 3, |now| {
        let count = if now < 2.0 { 2 } else { 9 };
        pids(1, count).map(|pid| busy(pid, "api", now)).collect()
    });
    let last = moments.last().unwrap();
    assert_eq!(last.findings, []);
    assert_eq!(&*last.events[0].text, "api: +7 connections in one sample");
}

#[test]
fn what_opened_during_a_gap_did_not_open_at_once() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
    let many =
        |now| sample("db1", now, pids(1, 30).map(|pid| busy(pid, "api", now).build()).collect(), &facts);
    assert_eq!(stage.show(many(60.0)).events, []);
}

#[test]
fn hidden_states_are_unknown_and_not_zero() {
    let moment = super::super::fixture::without_privileges();
    let billing = moment.pools.iter().find(|row| row.pool.total == 11).unwrap();
    assert_eq!((billing.pool.used, billing.pool.idle, billing.pool.unknown), (None, None, 11));
}

#[test]
fn a_sample_that_came_twice_in_a_second_or_late_changes_nothing_but_the_newest() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
    let once = stage.look();
    let again = stage.look();
    assert_eq!(once.pools[0].trend, again.pools[0].trend);
    assert_eq!(once.pools[0].pool, again.pools[0].pool);
}

#[test]
fn findings_and_backends_point_at_their_pools() {
    let moment = super::super::fixture::checkout_leak();
    for row in &moment.pools {
        if let Some(index) = row.finding_index {
            assert_eq!(moment.findings[index].pool.as_ref(), Some(&row.pool.key));
        }
    }
    for row in &moment.backends {
        let key = &moment.pools[row.pool].pool.key;
        assert_eq!(moment.targets[row.target].name, key.target);
    }
    let suspects = moment.backends.iter().filter(|row| row.suspect.is_some()).count();
    assert_eq!(suspects, 30);
}

#[test]
fn stepping_back_tells_the_story_as_it_was_told_then() {
    let (stage, then) = super::super::fixture::checkout_leak_stage(200);
    let (later, _) = super::super::fixture::checkout_leak_stage(260);
    let mut again = super::super::Analyser::new(Settings { pools: stage_pools(), ..Settings::default() });
    let past = again.observe(&later.history.up_to(at(200.0)), &stage.statuses, &[], at(200.0));
    assert_eq!(past.verdict, then.verdict);
    assert_eq!(past.findings, then.findings);
    assert_eq!(
        past.pools.iter().map(|row| &row.trend).collect::<Vec<_>>(),
        then.pools.iter().map(|row| &row.trend).collect::<Vec<_>>()
    );
}

fn stage_pools() -> Vec<DeclaredPool> {
    super::super::fixture::checkout_pools()
}
