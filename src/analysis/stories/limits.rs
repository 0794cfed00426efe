//! Ceilings.

use super::*;

fn growing(per_minute: f64) -> Vec<Moment> {
    told(fast(), 60, move |now| {
        pids(1, 99)
            .take_while(|pid| f64::from(*pid) <= 40.0 + now / 60.0 * per_minute)
            .map(|pid| busy(pid, "api", now))
            .collect()
    })
}

#[test]
fn slots_count_our_own_sessions_and_leave_the_reserved_ones_out() {
    let moments = told(fast(), 1, |now| pids(1, 10).map(|pid| busy(pid, "api", now)).collect());
    let server = &moments[0].limits[0];
    assert_eq!((server.used, server.limit, server.reserved, server.usable()), (11, Some(100), 3, Some(97)));
    assert_eq!(server.exhausted_in_s, None, "one sample is no trend");
}

#[test]
fn steady_growth_gives_the_time_until_it_is_full() {
    let moments = growing(30.0);
    let server = &moments.last().unwrap().limits[0];
    assert!((server.growth_per_min.unwrap() - 30.0).abs() < 5.0, "{server:?}");
    let left = server.exhausted_in_s.unwrap();
    let expected = f64::from(97 - server.used) / 30.0 * 60.0;
    assert!((left - expected).abs() < expected / 4.0, "{left} s, expected {expected} s");
    assert_eq!(growing(0.0).last().unwrap().limits[0].exhausted_in_s, None);
}

#[test]
fn a_full_server_is_exhausted_and_says_who_holds_it() {
    let moments = told(fast(), 3, |now| pids(1, 96).map(|pid| busy(pid, "api", now)).collect());
    let last = moments.last().unwrap();
    assert_eq!(last.verdict.kind, VerdictKind::Exhausted);
    assert_eq!(&*last.verdict.sentence, "db1 is full: 97 of 97 slots used");
    let finding = of(last, Rule::ServerExhaustion).unwrap();
    assert!(finding.evidence.iter().any(|e| e.ends_with("api 96")), "{finding:?}");
}

#[test]
fn a_nearly_full_server_is_saturated_and_a_half_full_one_is_not() {
    let with = |count| told(fast(), 3, move |now| pids(1, count).map(|pid| busy(pid, "api", now)).collect());
    assert_eq!(with(80).last().unwrap().verdict.kind, VerdictKind::Saturated);
    assert_eq!(with(50).last().unwrap().verdict.kind, VerdictKind::Healthy);
}

#[test]
fn databases_and_roles_have_limits_of_their_own_and_the_nearest_comes_first() {
    let mut plain = facts(100);
    plain.databases[0].connection_limit = Some(20);
    plain.roles.push(crate::model::facts::RoleFacts {
        name: "app".into(),
        connection_limit: Some(11),
        ..plain.roles[0].clone()
    });
    plain.roles[1].superuser = false;
    let rows = pids(1, 10).map(|pid| busy(pid, "api", 1.0).build()).collect();
    let moment = Stage::single(fast()).show(sample("db1", 1.0, rows, &Arc::new(plain)));
    let scopes: Vec<_> = moment.limits.iter().map(|limit| (limit.scope, limit.used, limit.limit)).collect();
    assert_eq!(
        scopes,
        [
            (LimitScope::Role, 10, Some(11)),
            (LimitScope::Database, 10, Some(20)),
            (LimitScope::Server, 11, Some(100)),
        ]
    );
}
