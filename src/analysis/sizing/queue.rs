//! How many connections a load needs: Little's law, Erlang's waiting probability, and nested checkouts.

/// Square-root staffing: `a + BETA × √a`. 1.65 leaves every twentieth request waiting at 30 busy connections, every
/// seventh at 1: the quick rule, not a promise.
const BETA: f64 = 1.65;
/// The waiting probability below which a pool counts as comfortable.
pub const COMFORTABLE: f64 = 0.05;
/// More than this busy at once is no load of one server, but a mistake in a unit.
pub const MOST: f64 = 100_000.0;

/// Little's law: `λ × W`, the connections that are in use on average. Also the offered load in Erlang.
pub fn little(rate_per_s: f64, hold_s: f64) -> f64 {
    rate_per_s * hold_s
}

/// Square-root staffing: `⌈a + 1.65 √a⌉` connections for an offered load of `a`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "loads are bounded and positive")]
pub fn staffing(load: f64) -> u64 {
    // What is whole but for rounding is whole.
    (load + BETA * load.sqrt() - 1e-9).ceil().max(1.0) as u64
}

/// The connections that the load keeps busy on average, whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "loads are bounded and positive")]
pub fn least(load: f64) -> u64 {
    (load - 1e-9).ceil().max(1.0) as u64
}

/// Erlang C: the share of requests that find all `connections` in use and wait; 1 where they never catch up.
///
/// Assumes that requests arrive independently of each other (Poisson) and hold times vary (exponentially). Bursts
/// wait more often, constant hold times less.
pub fn waiting(connections: u64, load: f64) -> f64 {
    let blocked = (1..=connections).fold(1.0, |blocked, number| blocking(blocked, number, load));
    erlang_c(connections, load, blocked)
}

/// Erlang B of one connection more, from that of one less.
fn blocking(before: f64, connections: u64, load: f64) -> f64 {
    load * before / (connections as f64 + load * before)
}

fn erlang_c(connections: u64, load: f64, blocked: f64) -> f64 {
    let connections = connections as f64;
    if connections <= load { 1.0 } else { connections * blocked / (connections - load * (1.0 - blocked)) }
}

/// The fewest connections at which no more than `share` of the requests wait.
pub fn fewest(load: f64, share: f64) -> u64 {
    let (mut connections, mut blocked) = (0, 1.0);
    loop {
        connections += 1;
        blocked = blocking(blocked, connections, load);
        if erlang_c(connections, load, blocked) <= share {
            return connections;
        }
    }
}

/// Pool-locking: below this many connections, `threads` tasks that each hold `nested` at once can all wait for their last one.
/// `Tn × (Cm − 1) + 1`.
pub fn locking(threads: u64, nested: u64) -> u64 {
    threads * nested.saturating_sub(1) + 1
}

/// `2 × cores + spindles`: more busy connections than this do not get more done. Guidance, for all pools of a server
/// together; spindles are 0 where the data is cached.
pub fn ceiling(cores: u64, spindles: u64) -> u64 {
    2 * cores + spindles
}

/// A quarter more than the most that was in use at once: `⌈1.25 × peak⌉`.
pub fn for_peak(peak: u64) -> u64 {
    (peak * 5).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Load in Erlang; square-root staffing and the share that waits there; the fewest with at most 5 % waiting.
    const WORKED: [(f64, u64, f64, u64); 6] = [
        (1.0, 3, 0.0909, 4),
        (1.5, 4, 0.0746, 5),
        (2.0, 5, 0.0597, 6),
        (5.0, 9, 0.0805, 10),
        (10.0, 16, 0.0573, 17),
        (30.0, 40, 0.0552, 41),
    ];

    #[test]
    fn staffing_and_waiting_are_those_of_the_worked_examples() {
        for (load, staffed, waits, comfortable) in WORKED {
            assert_eq!((staffing(load), fewest(load, COMFORTABLE)), (staffed, comfortable), "{load}");
            assert!((waiting(staffed, load) - waits).abs() < 5e-5, "{load}: {}", waiting(staffed, load));
        }
    }

    #[test]
    fn one_server_is_the_textbook_queue() {
        for load in [0.1, 0.5, 0.9] {
            assert!((waiting(1, load) - load).abs() < 1e-12);
        }
    }

    #[test]
    fn requests_a_second_over_seconds_are_no_connections() {
        // "3 pods x 10 concurrent / 0.1 s = 300": 30 requests a second, each for 0.1 s, keep 3 connections busy.
        assert!((little(30.0, 0.1) - 3.0).abs() < 1e-12);
        // "100 users x 3 queries": every 10 s, 50 ms each. 1.5 Erlang, not 300 connections.
        assert!((little(100.0 * 3.0 / 10.0, 0.05) - 1.5).abs() < 1e-12);
    }

    #[test]
    fn many_small_pools_need_more_than_one() {
        assert_eq!((staffing(30.0), 3 * staffing(30.0 / 3.0)), (40, 48));
    }

    #[test]
    fn a_peak_of_twelve_is_answered_with_fifteen() {
        assert_eq!((for_peak(12), for_peak(1), for_peak(0)), (15, 2, 0));
        assert_eq!(ceiling(4, 1), 9);
    }

    #[test]
    fn nested_checkouts_have_a_floor() {
        assert_eq!((locking(3, 4), locking(8, 1), locking(1, 2)), (10, 1, 2));
    }

    proptest! {
        #[test]
        fn the_share_that_waits_is_a_share_and_falls_with_every_connection(load in 0.001_f64..500.0, more in 0_u64..60) {
            let least = waiting(staffing(load) + more, load);
            prop_assert!((0.0..=1.0).contains(&least));
            prop_assert!(waiting(staffing(load) + more + 1, load) <= least);
        }

        #[test]
        fn the_fewest_are_enough_and_one_less_is_not(load in 0.001_f64..500.0) {
            let found = fewest(load, COMFORTABLE);
            prop_assert!(waiting(found, load) <= COMFORTABLE);
            prop_assert!(found == 1 || waiting(found - 1, load) > COMFORTABLE);
        }

        #[test]
        fn staffing_leaves_one_in_seven_waiting_at_most(load in 1.0_f64..2000.0) {
            prop_assert!(waiting(staffing(load), load) < 1.0 / 7.0);
        }
    }
}
