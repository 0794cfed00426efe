//! Each kind of evidence in a story of its own, and how suspicion comes and goes.

use super::*;
use crate::analysis::ClientSide;
use crate::model::leak::{EvidenceKind, LeakState, LeakView, Library};

const RESET: &str = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";

/// What is said about a pool in the last moment.
fn view(moments: &[Moment]) -> &LeakView {
    let last = moments.last().unwrap();
    last.pools.iter().find_map(|row| row.leak.as_deref()).unwrap_or_else(|| panic!("{:?}", last.pools))
}

fn points(view: &LeakView, kind: EvidenceKind) -> f64 {
    view.evidence.iter().filter(|one| one.kind == kind).map(|one| one.points).sum()
}

/// Requests that are over within a second, released with a reset.
fn released(pids: impl Iterator<Item = i32>, now: f64) -> Vec<Row> {
    pids.map(|pid| row(pid, "api").idle(now - 0.3 * f64::from(pid % 3), RESET)).collect()
}

#[test]
fn e2_an_idle_connection_without_the_mark_of_a_release_is_checked_out() {
    let moments = told(fast(), 30, |now| {
        let held = pids(10, 4).map(|pid| row(pid, "api").idle(5.0, "SELECT total FROM orders WHERE id = 7"));
        released(pids(1, 4), now).into_iter().chain(held).collect()
    });
    let view = view(&moments);
    assert!((points(view, EvidenceKind::CheckedOut) - 80.0).abs() < 1e-9, "{view:?}");
    assert_eq!((view.state, view.library), (Some(LeakState::Leak), Some(Library::Asyncpg)));
    assert_eq!(view.connections.iter().map(|one| one.id.pid).collect::<Vec<_>>(), [10, 11, 12, 13]);
    assert_eq!(view.connections[0].statement.as_deref(), Some("SELECT total FROM orders WHERE id = 7"));
    assert!(view.suggestion.starts_with("Look for pool.acquire() without a release"), "{}", view.suggestion);
    let finding = leaks(&moments)[0];
    assert_eq!((finding.rule, finding.severity), (Rule::LeakCheckedOut, Severity::Critical));
    assert!(finding.evidence[0].contains("last ran `SELECT total FROM orders WHERE id = ?`"), "{finding:?}");
}

#[test]
fn e2_a_program_that_never_resets_under_the_same_name_is_not_checked_out() {
    // It used its connections for a while, never with the mark, and then went quiet.
    let moments = told(fast(), 60, |now| {
        let other = pids(10, 4).map(|pid| row(pid, "api").idle(now.min(20.0), "SELECT total FROM orders"));
        released(pids(1, 6), now).into_iter().chain(other).collect()
    });
    assert_eq!(worst_leak(&moments), None);
}

#[test]
fn e4_generations_that_fell_silent_together_are_left_behind() {
    let moments = told(fast(), 80, |now| {
        (0..4)
            .map(|generation| (generation, f64::from(generation) * 18.0))
            .take_while(|(_, born)| *born <= now)
            .flat_map(|(generation, born)| {
                pids(10 * (generation + 1), 4)
                    .map(move |pid| row(pid, "api").born(born).idle(now.min(born + 17.0), "SELECT x FROM t"))
            })
            .collect()
    });
    let view = view(&moments);
    assert!(points(view, EvidenceKind::Generations) >= 55.0, "{view:?}");
    assert!(view.suggestion.contains("tcp_keepalives_idle"), "{}", view.suggestion);
    assert_eq!(leaks(&moments)[0].rule, Rule::LeakGrowth);
}

#[test]
fn e5_statements_that_wait_for_their_client_and_those_that_do_not() {
    let read = |count: i32, query: &'static str, event: &'static str| {
        told(fast(), 40, move |now| {
            let class = if event.starts_with("Client") { "Client" } else { "IO" };
            let stuck = pids(10, count).map(|pid| row(pid, "api").active(2.0, query).waits(class, event));
            pids(1, 3).map(|pid| busy(pid, "api", now)).chain(stuck).collect()
        })
    };
    let unread = read(2, "SELECT * FROM big", "ClientWrite");
    assert!((points(view(&unread), EvidenceKind::ClientWait) - 75.0).abs() < 1e-9);
    assert_eq!(leaks(&unread)[0].rule, Rule::LeakCheckedOut);
    let unfed = read(2, "COPY t FROM STDIN", "ClientRead");
    assert_eq!(view(&unfed).state, Some(LeakState::Leak));
    // Its rows go to somebody slow: a backup or an export.
    assert_eq!(worst_leak(&read(2, "COPY t TO STDOUT", "ClientWrite")), None);
    assert_eq!(worst_leak(&read(2, "SELECT * FROM big", "DataFileRead")), None);
}

#[test]
fn e5_a_copy_that_moves_on_is_at_work() {
    let told = |step: u64| {
        let mut stage = Stage::single(fast());
        let mut moments = Vec::new();
        for second in 1..=40_u32 {
            let now = f64::from(second);
            let mut slow = facts(100);
            slow.at = at(now);
            slow.copies =
                Part::Known(vec![(10, 100 + step * u64::from(second)), (11, 7 * step * u64::from(second))]);
            let copies = pids(10, 2).map(|pid| row(pid, "etl").active(0.0, "COPY t FROM STDIN"));
            let rows = copies.map(|row| row.waits("Client", "ClientRead").build()).collect();
            moments.push(stage.show(sample("db1", now, rows, &Arc::new(slow))));
        }
        worst_leak(&moments)
    };
    assert_eq!(told(10), None);
    assert_eq!(told(0), Some(Severity::Critical));
}

#[test]
fn e6_e8_a_pool_that_wedges_with_a_rare_statement() {
    let moments = told(fast(), 70, |now| {
        pids(1, 6)
            .map(|pid| {
                let leaked = 30.0 + f64::from(pid);
                if now < leaked {
                    let usual = ["SELECT a FROM t", "SELECT b FROM t", "COMMIT"];
                    let query = usual[pid.unsigned_abs() as usize % 3];
                    row(pid, "api").idle(now - 0.2, query)
                } else {
                    row(pid, "api").idle(leaked, "SELECT leaked FROM t")
                }
            })
            .collect()
    });
    let view = view(&moments);
    assert!(
        points(view, EvidenceKind::Statement) > 40.0 && points(view, EvidenceKind::Ceiling) > 0.0,
        "{view:?}"
    );
    assert_eq!(view.state, Some(LeakState::Suspect));
}

#[test]
fn e7_connections_that_nobody_uses_while_the_others_are_never_free() {
    let moments = told(fast(), 60, |now| {
        let idle = pids(10, 3).map(|pid| row(pid, "api").idle(1.0, "SELECT x FROM t"));
        pids(1, 4).map(|pid| row(pid, "api").active(now - 0.5, "SELECT y FROM t")).chain(idle).collect()
    });
    let view = view(&moments);
    assert!((points(view, EvidenceKind::Untouched) - 35.0).abs() < 1e-9, "{view:?}");
    assert_eq!(view.state, Some(LeakState::Watch), "watched, not accused");
}

#[test]
fn e9_a_pool_that_only_grows_is_context_and_no_alarm() {
    let moments = told(fast(), 90, |now| {
        let open = pids(1, 15).take_while(|pid| f64::from(*pid) * 6.0 <= now + 6.0);
        open.map(|pid| busy(pid, "api", now).born(f64::from(pid) * 6.0 - 6.0)).collect()
    });
    assert!((points(view(&moments), EvidenceKind::Floor) - 10.0).abs() < 1e-9);
    assert_eq!(worst_leak(&moments), None);
}

#[test]
fn e11_what_the_other_end_says_settles_it() {
    let facts = Arc::new(facts(100));
    let told = |checked_out: Option<u32>, linked: &[i32], every: u32| {
        let mut stage = Stage::single(fast());
        let mut moments: Vec<Moment> = Vec::new();
        for second in 1..=30_u32 {
            let now = f64::from(second);
            if let Some(moment) = moments.last().filter(|_| second % every == 0) {
                let pool = moment.pools[0].pool.key.clone();
                let source = "bouncer-1".into();
                let linked = linked.to_vec();
                let said = moment.at;
                stage.tell("db1", vec![ClientSide { pool, source, said, checked_out, linked }]);
            }
            let idle = pids(1, 6).map(|pid| row(pid, "api").idle(0.0, "SELECT x FROM t").build());
            moments.push(stage.show(sample("db1", now, idle.collect(), &facts)));
        }
        moments
    };
    assert_eq!(worst_leak(&told(None, &[], 1)), None, "idle connections alone say nothing");
    let surplus = told(Some(4), &[], 1);
    assert_eq!(leaks(&surplus)[0].rule, Rule::LeakCheckedOut);
    assert!(leaks(&surplus)[0].title.contains("4 connections checked out and idle, says bouncer-1"));
    let linked = told(None, &[2, 5], 2);
    assert_eq!(leaks(&linked)[0].backends.iter().map(|id| id.pid).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(worst_leak(&told(Some(0), &[99], 1)), None, "nothing is checked out");
}

#[test]
fn a_suspect_that_comes_back_is_an_event_and_its_pool_is_no_suspect_any_more() {
    let moments = told(fast(), 40, |now| {
        pids(1, 4)
            .map(|pid| match now {
                now if now < 30.0 => row(pid, "api").in_transaction(1.0, "SELECT slow_call()"),
                now => row(pid, "api").idle(now - 0.5, "COMMIT"),
            })
            .collect()
    });
    assert_eq!(worst_leak(&moments), Some(Severity::Critical));
    let last = moments.last().unwrap();
    assert!(last.pools.iter().all(|row| row.leak.is_none()) && leaks(&moments).is_empty());
    let told: Vec<&str> = last
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Recovered)
        .map(|event| &*event.text)
        .collect();
    assert_eq!(
        told,
        ["api: 4 connections unleaked, the longest after 28s", "api: no suspect any more"],
        "each once, when it happens"
    );
}

#[test]
fn a_growing_number_of_stranded_connections_has_a_forecast() {
    let moments = told(fast(), 100, |now| {
        let lost = pids(10, 30).take_while(|pid| f64::from(*pid - 10) * 4.0 <= now);
        lost.map(|pid| {
            let born = f64::from(pid - 10) * 4.0;
            row(pid, "api").born(born).in_transaction(born, "SELECT x FROM t")
        })
        .collect()
    });
    let view = view(&moments);
    let growth = view.growth_per_min.unwrap();
    assert!((13.0..17.0).contains(&growth), "one in four seconds: {growth}");
    let left = view.exhausted_in_s.unwrap();
    assert!((240.0..360.0).contains(&left), "70 slots at 15 a minute: {left}");
    assert_eq!(view.timeline.size.len(), view.timeline.stranded.len());
    assert!(view.timeline.opened.iter().flatten().sum::<u32>() >= 24);
}

#[test]
fn a_declared_pool_is_judged_by_what_it_declares() {
    let pool = |idle_timeout_s, command_timeout_s| DeclaredPool {
        name: "frontend".into(),
        application_name: Some("api".to_owned()),
        min: Some(2),
        instances: 1,
        idle_timeout_s,
        command_timeout_s,
        ..DeclaredPool::default()
    };
    // Statements that wait for their client are no suspects before the pool's own time limit.
    let unread = |seconds| {
        let settings = Settings { pools: vec![pool(None, Some(seconds))], ..fast() };
        let moments = told(settings, 40, |_| {
            pids(1, 2)
                .map(|pid| row(pid, "api").active(0.0, "SELECT").waits("Client", "ClientWrite"))
                .collect()
        });
        worst_leak(&moments)
    };
    assert_eq!((unread(60.0), unread(5.0)), (None, Some(Severity::Critical)));
    // A connection that outlives the pool's idle time-out is frozen earlier.
    let frozen = |seconds: Option<f64>| {
        let settings = Settings { pools: vec![pool(seconds, None)], ..fast() };
        let moments = told(settings, 20, |now| {
            let opened = pids(10, 20).take_while(|pid| f64::from(*pid - 10) * 2.0 <= now);
            let born = |pid: i32| f64::from(pid - 10) * 2.0;
            opened.map(|pid| row(pid, "api").born(born(pid)).idle(born(pid), "SELECT x FROM t")).collect()
        });
        moments.last().unwrap().pools[0].pool.stranded
    };
    assert!(frozen(Some(4.0)) > frozen(None));
}
