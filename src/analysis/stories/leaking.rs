//! Pools that leak, and how they are accused.

use super::*;

#[test]
fn transactions_that_pile_up_idle_go_from_watched_to_suspect_to_leak() {
    let moments = told(fast(), 40, |now| {
        let leaked = (0..6).map(|n| f64::from(n) * 5.0).take_while(move |since| *since < now);
        pids(1, 6)
            .zip(leaked)
            .map(|(pid, since)| row(pid, "api").born(since).in_transaction(since, "SELECT 1"))
            .collect()
    });
    let severities: Vec<_> = moments
        .iter()
        .map(|moment| of(moment, Rule::LeakIdleInTransaction).map(|finding| finding.severity))
        .collect();
    assert_eq!(severities[5], None, "nothing before the threshold");
    assert_eq!(severities.iter().flatten().next(), Some(&Severity::Notice));
    assert_eq!(severities[39], Some(Severity::Critical));
    assert!(severities.is_sorted(), "it only gets worse: {severities:?}");
    let last = moments.last().unwrap();
    assert_eq!(last.verdict.kind, VerdictKind::Leak);
    let sentence = "api leaks: 6 connections idle in transaction since 14:00, same last statement";
    assert!(last.verdict.sentence.starts_with(sentence), "{}", last.verdict.sentence);
    assert_eq!(leaks(&moments)[0].since, at(0.0));
    assert!(last.backends.iter().all(|row| row.suspect == Some(Severity::Critical)));
}

#[test]
fn aborted_transactions_count_and_are_told_apart() {
    let moments =
        told(fast(), 10, |_| pids(1, 4).map(|pid| row(pid, "api").aborted(-60.0, "SELECT 1/0")).collect());
    let finding = leaks(&moments)[0];
    assert_eq!(finding.severity, Severity::Critical);
    assert!(finding.evidence.iter().any(|e| e.starts_with("4 aborted: no locks left")), "{finding:?}");
}

#[test]
fn one_forgotten_transaction_is_a_suspect_at_five_thresholds() {
    let moments =
        told(fast(), 35, |_| vec![row(1, "job").in_transaction(0.0, "INSERT INTO t VALUES (1)").writes()]);
    let severity = |second: usize| leaks(&moments[..second])[0].severity;
    assert_eq!((severity(29), severity(30)), (Severity::Notice, Severity::Warning));
}

#[test]
fn one_on_each_instance_is_a_leak_of_the_application() {
    let moments = told(fast(), 20, |_| {
        pids(1, 8)
            .map(|pid| {
                row(pid, &format!("api-{pid}")).from(&format!("10.0.0.{pid}")).in_transaction(0.0, "SELECT 1")
            })
            .collect()
    });
    let last = moments.last().unwrap();
    assert_eq!(last.pools.len(), 8);
    assert!(leaks(&moments).iter().all(|finding| finding.severity == Severity::Critical));
    assert!(last.verdict.sentence.contains("8 connections from 8 clients"), "{}", last.verdict.sentence);
}

#[test]
fn connections_frozen_while_their_pool_opens_others_are_a_growing_floor() {
    // A connection every eight seconds is used once and then forgotten; a busy one stays.
    let moments = told(fast(), 120, |now| {
        let lost = (0..14).map(|n| f64::from(n) * 8.0).take_while(move |born| *born < now);
        pids(10, 14)
            .zip(lost)
            .map(|(pid, born)| row(pid, "api").born(born).idle(born + 0.1, "SELECT * FROM t WHERE id = $1"))
            .chain([row(1, "api").idle(now - 0.1, "SELECT * FROM t WHERE id = $1")])
            .collect()
    });
    let finding = leaks(&moments)[0];
    assert_eq!(finding.rule, Rule::LeakGrowth);
    assert!(finding.severity >= Severity::Warning, "{finding:?}");
    assert!(finding.evidence[0].contains("rose"), "{finding:?}");
    assert!(!finding.backends.is_empty() && finding.backends.iter().all(|id| id.pid >= 10));
}

#[test]
fn a_bound_that_is_exceeded_for_a_while_is_a_warning_with_its_arithmetic() {
    let pool = DeclaredPool {
        name: "frontend".into(),
        application_name: Some("podcast-*".to_owned()),
        max: Some(2),
        instances: 2,
        ..DeclaredPool::default()
    };
    let settings = Settings { pools: vec![pool], ..fast() };
    let moments = told(settings, 60, |now| pids(1, 5).map(|pid| busy(pid, "podcast-api", now)).collect());
    assert!(leaks(&moments[..20]).is_empty(), "a deployment may do that");
    let finding = leaks(&moments)[0];
    assert_eq!((finding.rule, finding.severity), (Rule::PoolBoundExceeded, Severity::Warning));
    assert_eq!(&*finding.title, "frontend: 5 connections, 4 declared (2 instances of 2)");
}

#[test]
fn what_a_pool_does_every_day_is_no_leak_there_and_the_sentence_says_what_is_usual() {
    // Job workers hold a transaction for eight seconds each time: past the threshold, and ordinary.
    let jobs = |now: f64| {
        pids(1, 3)
            .map(|pid| {
                let phase = (now + f64::from(pid) * 3.0) % 10.0;
                let one = row(pid, "jobs");
                if phase < 8.0 {
                    one.in_transaction(now - phase, "SELECT job()")
                } else {
                    one.idle(now - phase + 8.0, "COMMIT")
                }
            })
            .collect()
    };
    let moments = told(fast(), 100, jobs);
    assert!(leaks(&moments[30..]).is_empty(), "{:?}", leaks(&moments[30..]));
    assert!(worst_leak(&moments) < Some(Severity::Warning), "watched at first, never accused");
}
