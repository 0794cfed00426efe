//! What holds for every story, however odd.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::leak::LeakState;

/// One connection of a made-up story.
#[derive(Clone, Copy, Debug)]
struct Part {
    application: usize,
    kind: u8,
    born: f64,
    since: f64,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = (0..3_usize, 0..8_u8, -5..30_i32, 0..40_i32).prop_map(|(application, kind, born, after)| {
        Part { application, kind, born: f64::from(born), since: f64::from(born + after) }
    });
    prop::collection::vec(part, 0..24)
}

/// The rows of a moment; `pid` numbers the connections.
fn rows(parts: &[Part], now: f64, pid: impl Fn(usize) -> i32) -> Vec<Row> {
    const RESET: &str = "SELECT pg_advisory_unlock_all(); RESET ALL";
    let alive = parts.iter().enumerate().filter(|(_, part)| part.born <= now);
    alive
        .map(|(index, part)| {
            let one = row(pid(index), ["web", "jobs", "psql"][part.application]).born(part.born);
            let since = part.since.min(now);
            match part.kind {
                0 => one.idle(now - 0.1, "COMMIT"),
                1 => one.idle(now - now % 3.0, RESET),
                2 => one.idle(since, "SELECT * FROM t WHERE id = $1"),
                3 => one.idle(since, RESET),
                4 => one.in_transaction(since, "UPDATE t SET x = $1").writes(),
                5 => one.aborted(since, "SELECT 1/0"),
                6 => one.active(since, "SELECT * FROM big").waits("Client", "ClientWrite"),
                _ => one.never_used(),
            }
        })
        .collect()
}

/// Score and state of each pool in each moment.
fn judged(moments: &[Moment]) -> Vec<BTreeMap<String, (u8, Option<LeakState>)>> {
    let of = |moment: &Moment| {
        let leaks =
            moment.pools.iter().filter_map(|row| Some((row.pool.name.to_string(), row.leak.as_ref()?)));
        leaks.map(|(name, leak)| (name, (leak.score, leak.state))).collect()
    };
    moments.iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_are_bounded_and_nothing_is_claimed_without_evidence(parts in parts()) {
        for moment in told(fast(), 45, |now| rows(&parts, now, |index| 100 + i32::try_from(index).unwrap())) {
            for leak in moment.pools.iter().filter_map(|row| row.leak.as_ref()) {
                prop_assert!(leak.score <= 100);
                prop_assert!(leak.evidence.iter().all(|one| one.points > 0.0 && one.points <= 85.0));
                prop_assert!(leak.evidence.iter().all(|one| !one.sentences.is_empty() && !one.alternative.is_empty()));
                prop_assert!(!leak.evidence.is_empty() && !leak.suggestion.is_empty());
                prop_assert!(leak.evidence.is_sorted_by(|a, b| a.points >= b.points));
                prop_assert!(leak.count as usize >= leak.connections.len());
            }
        }
    }

    #[test]
    fn the_order_of_rows_says_nothing(parts in parts()) {
        let up = told(fast(), 40, |now| rows(&parts, now, |index| 100 + i32::try_from(index).unwrap()));
        let down = told(fast(), 40, |now| rows(&parts, now, |index| 900 - i32::try_from(index).unwrap()));
        prop_assert_eq!(judged(&up), judged(&down));
    }

    #[test]
    fn samples_that_are_missed_are_not_silence(gaps in prop::collection::vec(1..9_u8, 12..30)) {
        // Four connections that are used all the time, and a pool that opens another one now and then.
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        let mut now = 0.0;
        for gap in gaps {
            now += f64::from(gap);
            let opened = pids(10, 20).take_while(|pid| f64::from(*pid - 10) * 9.0 <= now);
            let late = opened.map(|pid| busy(pid, "api", now).born(f64::from(pid - 10) * 9.0));
            let rows = pids(1, 4).map(|pid| busy(pid, "api", now)).chain(late);
            let moment = stage.show(sample("db1", now, rows.map(|row| row.build()).collect(), &facts));
            prop_assert!(moment.pools.iter().all(|row| row.leak.as_ref().is_none_or(|leak| leak.score < 30)));
        }
    }
}

#[test]
fn samples_of_nobody_and_of_one_are_fine() {
    for crowd in [0, 1] {
        let moments = told(fast(), 40, |now| pids(1, crowd).map(|pid| busy(pid, "api", now)).collect());
        assert!(moments.iter().all(|moment| moment.pools.iter().all(|row| row.leak.is_none())));
    }
}

#[test]
fn a_pid_that_another_session_has_now_is_another_connection() {
    // Each second the same pid is a new session: as many births as deaths, and nothing that lies there for long.
    let moments = told(fast(), 60, |now| {
        pids(1, 5).map(|pid| row(pid, "api").born(now - 0.5).idle(now - 0.4, "SELECT x FROM t")).collect()
    });
    assert_eq!(worst_leak(&moments), None);
    let last = &moments.last().unwrap().pools[0].pool;
    assert_eq!((last.opened, last.closed, last.stranded), (Some(295), Some(295), Some(0)));
}

#[test]
fn a_clock_that_jumps_ages_nobody() {
    // The server's clock goes an hour forward at second 20; what it stamped before is not an hour old for that.
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    let mut worst = 0;
    for second in 1..=30_u32 {
        let now = f64::from(second);
        let clock = if second < 20 { now } else { now + 3600.0 };
        let rows = pids(1, 8).map(|pid| {
            let used = if pid < 5 { clock - 0.2 } else { 16.0 };
            row(pid, "api").born(f64::from(pid)).in_transaction(used, "SELECT x FROM t").build()
        });
        let mut sample = sample("db1", clock, rows.collect(), &facts);
        sample.received_at = at(now);
        let moment = stage.show(sample);
        let leaks = moment.pools.iter().filter_map(|row| row.leak.as_ref());
        worst = leaks.map(|leak| leak.score).max().unwrap_or(0).max(worst);
    }
    assert!(worst < 85, "fourteen seconds old, not an hour: {worst}");
    assert!(worst > 0, "they are old enough to be named");
}
