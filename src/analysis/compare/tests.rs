use super::*;
use crate::analysis::fixture;
use crate::model::finding::Severity;
use crate::model::limit::LimitScope;

/// The leak as told, and a copy of it a little earlier that a test may change.
fn pair() -> (Moment, Moment) {
    let after = fixture::checkout_leak();
    let before = Moment { at: after.at.minus(std::time::Duration::from_secs(300)), ..after.clone() };
    (before, after)
}

fn sentences(before: &Moment, after: &Moment) -> Vec<String> {
    compare(before, after).changes.iter().map(|change| change.sentence.to_string()).collect()
}

fn pool<'m>(moment: &'m mut Moment, application: &str) -> &'m mut crate::model::pool::Pool {
    let named = |row: &&mut crate::analysis::moment::PoolRow| row.pool.name.starts_with(application);
    &mut moment.pools.iter_mut().find(named).unwrap().pool
}

#[test]
fn a_moment_compared_with_itself_has_nothing_to_say() {
    let (before, after) = pair();
    let comparison = compare(&before, &after);
    assert_eq!((&comparison.changes[..], comparison.left_out), (&[][..], 0));
    assert!(comparison.unknown.is_empty());
}

#[test]
fn what_grew_in_a_pool_is_one_sentence_that_names_what_did_not_change_beside_it() {
    let (mut before, mut after) = pair();
    for (moment, held, wait) in [(&mut before, 6, 0.05), (&mut after, 44, 2.0)] {
        let pool = pool(moment, "checkout-api");
        (pool.idle_in_transaction, pool.max_wait_s) = (Some(held), Some(wait));
        (pool.size, pool.pending) = (Some(20), Some(0));
    }
    let comparison = compare(&before, &after);
    let change = &comparison.changes[0];
    assert_eq!(
        &*change.sentence,
        "checkout-api app@shop 10.0.4.17: +38 idle in transaction (6 → 44), wait ×40 (50ms → 2s), pool size unchanged (20)"
    );
    assert_eq!((change.subject, change.direction), (Subject::Pool, Direction::Worse));
    let value = |what| change.values.iter().find(|value| value.what == what).unwrap();
    assert_eq!(
        (value("idle_in_transaction").before, value("idle_in_transaction").after),
        (Some(6.0), Some(44.0))
    );
    assert!(change.values.iter().all(|value| value.what != "pending"), "what is the same is not listed");
    assert_eq!(compare(&after, &before), comparison, "the order of the arguments is no matter");
}

#[test]
fn an_unknown_number_has_no_difference() {
    for (old, new, expected) in [
        (None, Some(2.0), "wait 2s (not known before)"),
        (Some(2.0), None, "wait no longer known (was 2s)"),
        (Some(0.0), Some(2.0), "wait 0ms → 2s"),
        (Some(2.0), Some(1.0), "wait 2s → 1s"),
        (Some(0.05), Some(2.0), "wait ×40 (50ms → 2s)"),
    ] {
        let (mut before, mut after) = pair();
        pool(&mut before, "checkout-api").max_wait_s = old;
        pool(&mut after, "checkout-api").max_wait_s = new;
        let told = sentences(&before, &after);
        assert!(told[0].starts_with(&format!("checkout-api app@shop 10.0.4.17: {expected}")), "{told:?}");
    }
    let (mut before, mut after) = pair();
    pool(&mut before, "checkout-api").timeouts = Some(9);
    pool(&mut after, "checkout-api").timeouts = Some(2);
    assert_eq!(sentences(&before, &after), [""; 0], "whose owner counts anew timed nothing out");
}

#[test]
fn the_verdict_comes_first_then_findings_by_severity_then_pools() {
    let (mut before, mut after) = pair();
    before.verdict.kind = crate::model::verdict::VerdictKind::Healthy;
    before.findings.clear();
    pool(&mut before, "checkout-api").idle_in_transaction = Some(0);
    after.findings[0].severity = Severity::Critical;
    let subjects: Vec<Subject> =
        compare(&before, &after).changes.iter().map(|change| change.subject).collect();
    assert_eq!(subjects[..2], [Subject::Verdict, Subject::Finding]);
    let place = |subject| subjects.iter().position(|other| *other == subject).unwrap();
    assert!(place(Subject::Finding) < place(Subject::Pool), "{subjects:?}");
    assert!(sentences(&before, &after)[0].starts_with("verdict: healthy → leak: "));
    let closed = sentences(
        &Moment { at: before.at, ..after.clone() },
        &Moment { at: after.at, findings: Vec::new(), ..after.clone() },
    );
    assert!(closed[0].starts_with("over, was critical: "), "{closed:?}");
}

#[test]
fn a_finding_judged_otherwise_is_a_change_and_one_that_stays_is_none() {
    for (old, new, word) in [
        (Severity::Warning, Severity::Critical, "was warning, is critical: "),
        (Severity::Critical, Severity::Warning, "was critical, is warning: "),
    ] {
        let (mut before, mut after) = pair();
        before.findings[0].severity = old;
        after.findings[0].severity = new;
        let told = sentences(&before, &after);
        assert!(told.len() == 1 && told[0].starts_with(word), "{told:?}");
    }
}

#[test]
fn pools_that_came_and_went_are_said_only_where_their_server_was_seen_at_both_moments() {
    let (mut before, after) = pair();
    before.pools.retain(|row| !row.pool.name.starts_with("checkout-api"));
    let told = sentences(&before, &after);
    assert!(
        told.iter().any(|line| line.starts_with("checkout-api app@shop 10.0.4.17: new, with ")),
        "{told:?}"
    );
    let told =
        sentences(&Moment { at: after.at, ..before.clone() }, &Moment { at: before.at, ..after.clone() });
    assert!(
        told.iter().any(|line| line.starts_with("checkout-api app@shop 10.0.4.17: gone, had ")),
        "{told:?}"
    );

    let mut unseen = before.clone();
    unseen.servers.fill(None);
    unseen.pools.clear();
    let comparison = compare(&unseen, &after);
    let of_server = |change: &Change| change.target.as_deref() == Some("db1");
    assert!(!comparison.changes.iter().any(|change| change.subject == Subject::Pool && of_server(change)));
    let unknown: Vec<&str> = comparison.unknown.iter().map(|text| &**text).collect();
    assert_eq!(unknown, ["db1: not compared, nothing of it was seen yet then"]);
}

#[test]
fn limits_and_states_that_moved_are_listed_with_their_ceiling() {
    let (mut before, mut after) = pair();
    for (moment, used) in [(&mut before, 51), (&mut after, 89)] {
        let limit = moment.limits.iter_mut().find(|limit| limit.scope == LimitScope::Server).unwrap();
        (limit.used, limit.limit, limit.reserved) = (used, Some(100), 3);
        let server = moment.servers[0].as_mut().unwrap();
        server.counts.idle_in_transaction = used - 40;
    }
    let comparison = compare(&before, &after);
    let limit = comparison.changes.iter().find(|change| change.subject == Subject::Limit).unwrap();
    assert!(limit.sentence.starts_with("limit server ") && limit.sentence.ends_with(": 51 → 89 of 97"));
    assert_eq!(limit.direction, Direction::Worse);
    let states = comparison.changes.iter().find(|change| change.subject == Subject::States).unwrap();
    assert!(states.sentence.contains("+38 idle in transaction"), "{}", states.sentence);
}

#[test]
fn a_target_that_went_away_or_began_anew_is_said() {
    let (before, mut after) = pair();
    after.targets[0].state = TargetState::Down;
    let told = sentences(&before, &after);
    assert_eq!(told, ["db1: live → down"]);
    let (mut before, mut after) = pair();
    (before.targets[0].state, before.targets[0].age) = (TargetState::Down, None);
    assert_eq!(sentences(&before, &after), [""; 0], "that it connects is no news");
    assert_eq!(&*compare(&before, &after).unknown[0], "db1: not compared, nothing of it was seen yet then");
    before.targets[0].error = Some(fixture::too_many_clients());
    assert_eq!(sentences(&before, &after), ["db1: down → live"]);
    let (before, _) = pair();
    after.servers[0].as_mut().unwrap().identity.postmaster_start = after.at;
    assert_eq!(sentences(&before, &after), ["db1: restarted"]);
}

#[test]
fn a_long_list_is_cut_and_says_by_how_much() {
    let (mut before, mut after) = pair();
    let row = after.pools[0].clone();
    for (moment, total) in [(&mut before, 1), (&mut after, 2)] {
        moment.pools = (0..200)
            .map(|number| {
                let mut row = row.clone();
                row.pool.key.application_name = Some(format!("app-{number}").as_str().into());
                row.pool.total = total;
                row
            })
            .collect();
    }
    let comparison = compare(&before, &after);
    assert_eq!((comparison.changes.len(), comparison.left_out), (MOST, 200 - MOST));
}
