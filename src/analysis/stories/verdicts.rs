//! The one sentence.

use super::*;

fn pooler(second: f64, waiting: u32, wait_s: u64) -> Sample {
    let pool = PoolerPool {
        database: "shop".into(),
        user: "app".into(),
        cl_waiting: Some(waiting),
        sv_active: Some(20),
        max_wait_us: Some(wait_s * 1_000_000),
        ..PoolerPool::default()
    };
    super::super::fixture::pooler_sample("bouncer-1", second, vec![pool])
}

#[test]
fn nobody_is_healthy_who_cannot_be_seen() {
    let facts = Arc::new(facts(100));
    let healthy = || {
        let mut stage = Stage::single(fast());
        stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
        stage
    };
    assert_eq!(healthy().look().verdict.kind, VerdictKind::Healthy);

    let mut stale = healthy();
    stale.status("db1").unwrap().state = TargetState::Stale;
    assert_eq!(stale.look().verdict.kind, VerdictKind::Unknown);

    let mut second = healthy();
    second.statuses.push(status("db2", TargetKind::Postgres));
    second.status("db2").unwrap().state = TargetState::Down;
    assert_eq!(second.look().verdict.kind, VerdictKind::Unknown);

    let mut probed = healthy();
    probed.statuses.push(status("db1-pooled", TargetKind::Postgres));
    probed.status("db1-pooled").unwrap().round_trip = Some(Duration::from_millis(2));
    assert_eq!(probed.look().verdict.kind, VerdictKind::Healthy);

    let mut slow = healthy();
    let mut counts_only = sample("db1", 2.0, Vec::new(), &facts);
    let Body::Postgres(body) = &mut counts_only.body else { unreachable!() };
    (body.counts_only, body.counts) = (true, Some(StateCounts { active: 5, ..StateCounts::default() }));
    let moment = slow.show(counts_only);
    assert_eq!(moment.verdict.kind, VerdictKind::Unknown);
    assert_eq!(moment.limits[0].used, 6);

    let mut unread = healthy();
    unread.statuses.push(status("bouncer-1", TargetKind::Pgbouncer));
    assert_eq!(unread.show(pooler(1.0, 0, 0)).verdict.kind, VerdictKind::Healthy);
    let mut refused = pooler(2.0, 0, 0);
    let Body::Pooler(body) = &mut refused.body else { unreachable!() };
    body.pools = Part::Missing(Missing::new("pools", "not allowed"));
    assert_eq!(unread.show(refused).verdict.kind, VerdictKind::Unknown);

    assert_eq!(super::super::fixture::without_privileges().verdict.kind, VerdictKind::Unknown);
    assert_eq!(super::super::fixture::connecting().verdict.kind, VerdictKind::Unknown);
    assert_eq!(Stage::new(fast(), Vec::new()).look().verdict.kind, VerdictKind::Unknown);
}

#[test]
fn a_server_that_does_not_answer_is_unreachable_and_one_without_slots_is_exhausted() {
    let mut stage = Stage::single(fast());
    let status = stage.status("db1").unwrap();
    status.state = TargetState::Refused;
    status.error = Some(too_many_clients());
    assert_eq!(stage.look().verdict.kind, VerdictKind::Exhausted);
    let status = stage.status("db1").unwrap();
    let mut error = too_many_clients();
    (error.code, error.message) = (Some("28P01".into()), "wrong password for db1".into());
    status.error = Some(error);
    let moment = stage.look();
    assert_eq!(moment.verdict.kind, VerdictKind::Unreachable);
    assert_eq!(&*moment.verdict.sentence, "db1 refuses: wrong password for db1");
}

#[test]
fn a_server_that_refuses_though_slots_seem_free_has_logins_in_progress() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
    let status = stage.status("db1").unwrap();
    (status.state, status.error) = (TargetState::Refused, Some(too_many_clients()));
    let moment = stage.look();
    assert!(of(&moment, Rule::ServerLogins).is_some());
    assert_eq!(moment.verdict.kind, VerdictKind::Exhausted);
    assert!(moment.verdict.sentence.contains("logins in progress"), "{}", moment.verdict.sentence);
}

#[test]
fn a_leak_hides_what_it_causes_and_names_who_suffers() {
    let moment = super::super::fixture::checkout_leak();
    assert_eq!(moment.verdict.kind, VerdictKind::Leak);
    assert_eq!(
        &*moment.verdict.sentence,
        "checkout-api leaks: 30 connections idle in transaction since 14:00; 6 clients queued; 4 sessions blocked; \
         full in about 6 min"
    );
}

#[test]
fn clients_that_queue_at_a_pooler_saturate_it_when_they_wait_long() {
    let mut stage = Stage::new(fast(), vec![status("bouncer-1", TargetKind::Pgbouncer)]);
    let moment = stage.show(pooler(1.0, 0, 0));
    assert_eq!(moment.verdict.kind, VerdictKind::Healthy);
    let moment = stage.show(pooler(2.0, 3, 2));
    assert_eq!(moment.verdict.kind, VerdictKind::Saturated);
    assert_eq!(&*moment.verdict.sentence, "shop/app: 3 clients queued, the longest for 2s");
    assert_eq!(moment.pools[0].pool.pending, Some(3));
    assert_eq!(moment.series.pending, [Some(0), Some(3)]);
}

#[test]
fn sessions_that_wait_for_nobody_knows_whom_are_not_healthy() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    let rows = vec![row(1, "api").active(0.0, "UPDATE t").waits("Lock", "tuple").build()];
    let mut unread = sample("db1", 1.0, rows, &facts);
    let Body::Postgres(body) = &mut unread.body else { unreachable!() };
    body.locks = Part::Missing(crate::model::part::Missing::new("locks", "the statement timed out"));
    let moment = stage.show(unread);
    assert_eq!(moment.verdict.kind, VerdictKind::Blocked);
    assert_eq!(&*moment.verdict.sentence, "1 session blocked by locks, in statements up to 1s old");
}

#[test]
fn a_slow_statement_is_worth_a_word_and_a_declared_time_out_is_respected() {
    let slow = |settings| told(settings, 40, |_| vec![row(1, "report").active(0.0, "SELECT slow()")]);
    let moments = slow(fast());
    assert_eq!(moments.last().unwrap().verdict.kind, VerdictKind::Slow);
    let pool = DeclaredPool {
        name: "reports".into(),
        application_name: Some("report".to_owned()),
        instances: 1,
        command_timeout_s: Some(60.0),
        ..DeclaredPool::default()
    };
    let moments = slow(Settings { pools: vec![pool], ..fast() });
    assert_eq!(moments.last().unwrap().verdict.kind, VerdictKind::Healthy);
}

#[test]
fn a_transaction_that_still_works_is_a_notice() {
    let moments = told(fast(), 40, |now| {
        vec![row(1, "batch").in_transaction(now - 1.0, "INSERT").transaction_since(-10.0).writes()]
    });
    let last = moments.last().unwrap();
    assert_eq!(of(last, Rule::TransactionLong).unwrap().severity, Severity::Notice);
    assert_eq!(last.verdict.kind, VerdictKind::Healthy);
}

#[test]
fn a_prepared_transaction_left_behind_comes_with_the_statement_that_ends_it() {
    let mut plain = facts(100);
    let left = PreparedTransaction {
        gid: "tx'1".into(),
        prepared: at(-3600.0),
        owner: "app".into(),
        database: "shop".into(),
    };
    plain.prepared = Part::Known(vec![left]);
    let moment = Stage::single(fast()).show(sample("db1", 1.0, Vec::new(), &Arc::new(plain)));
    let finding = of(&moment, Rule::TransactionPrepared).unwrap();
    assert!(finding.suggestion.as_ref().unwrap().ends_with("ROLLBACK PREPARED 'tx''1'"), "{finding:?}");
}

#[test]
fn a_prepared_transaction_is_as_old_as_when_it_was_last_seen() {
    let prepared = |second| PreparedTransaction {
        gid: "tx1".into(),
        prepared: at(second),
        owner: "app".into(),
        database: "shop".into(),
    };
    let threshold = fast().thresholds.prepared_transaction.as_secs_f64();
    for (seen_at, left_behind) in [(threshold + 1.0, true), (threshold - 1.0, false)] {
        let mut slow = facts(100);
        (slow.at, slow.prepared) = (at(seen_at), Part::Known(vec![prepared(0.0)]));
        let later = sample("db1", threshold + 2.0, Vec::new(), &Arc::new(slow));
        let moment = Stage::single(fast()).show(later);
        assert_eq!(of(&moment, Rule::TransactionPrepared).is_some(), left_behind, "seen at {seen_at}");
    }
}

#[test]
fn a_restart_is_told_for_a_while_and_what_was_counted_starts_anew() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    for second in 1..=70 {
        let now = f64::from(second);
        let rows = pids(1, 10 + second / 2).map(|pid| busy(pid, "api", now).build()).collect();
        stage.show(sample("db1", now, rows, &facts));
    }
    let mut after = sample("db1", 71.0, vec![busy(500, "api", 71.0).born(70.5).build()], &facts);
    let Body::Postgres(body) = &mut after.body else { unreachable!() };
    body.identity.postmaster_start = at(70.0);
    stage.events.push(Event {
        at: at(71.0),
        target: "db1".into(),
        kind: EventKind::Restart,
        text: "the server restarted".into(),
    });
    let moment = stage.show(after);
    assert_eq!(moment.limits[0].growth_per_min, None);
    assert_eq!(moment.pools[0].pool.closed, Some(45));
    assert!(of(&moment, Rule::ServerChanged).is_some());
    assert_eq!(moment.events.len(), 1, "told every time, remembered once");
}
