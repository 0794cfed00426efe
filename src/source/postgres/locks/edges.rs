//! Edges of the waits-for graph from the locks on the objects that somebody waits for.

use crate::model::locks::{Blocker, LockEdge};
use crate::model::time::Timestamp;

/// One row of `pg_locks`.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    /// Which object, as text that is equal for the same object only.
    pub(super) object: Vec<u8>,
    /// `None`: a prepared transaction.
    pub(super) pid: Option<i32>,
    pub(super) mode: Mode,
    pub(super) granted: bool,
    pub(super) wait_start: Option<Timestamp>,
    /// Whom the server says this waiter waits for; `None` where it was not asked.
    pub(super) blockers: Option<Vec<i32>>,
}

/// The eight lock modes, weakest first; an unknown one conflicts with everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode(usize);

const MODES: [&[u8]; 8] = [
    b"AccessShareLock",
    b"RowShareLock",
    b"RowExclusiveLock",
    b"ShareUpdateExclusiveLock",
    b"ShareLock",
    b"ShareRowExclusiveLock",
    b"ExclusiveLock",
    b"AccessExclusiveLock",
];

/// Which modes conflict, one bit per mode in the order of [`MODES`]; the table of PostgreSQL's chapter on explicit locking.
const CONFLICTS: [u8; 8] =
    [0b1000_0000, 0b1100_0000, 0b1111_0000, 0b1111_1000, 0b1110_1100, 0b1111_1100, 0b1111_1110, 0b1111_1111];

impl Mode {
    pub(super) fn parse(name: &[u8]) -> Self {
        Self(MODES.iter().position(|mode| *mode == name).unwrap_or(MODES.len() - 1))
    }

    fn conflicts_with(self, other: Self) -> bool {
        CONFLICTS[self.0] & (1 << other.0) != 0
    }
}

/// Every wait once, sorted.
pub(super) fn build(mut locks: Vec<Lock>) -> Vec<LockEdge> {
    locks.sort_by(|a, b| a.object.cmp(&b.object).then_with(|| queue_place(a).cmp(&queue_place(b))));
    let mut edges = Vec::new();
    for group in locks.chunk_by(|a, b| a.object == b.object) {
        let holders_end = group.iter().take_while(|lock| lock.granted).count();
        let (holders, queue) = group.split_at(holders_end);
        for (place, waiter) in queue.iter().enumerate() {
            match &waiter.blockers {
                Some(blockers) => told(waiter, blockers, group, &mut edges),
                None => derived(waiter, holders, &queue[..place], &mut edges),
            }
        }
    }
    edges.sort_unstable();
    // Parallel workers repeat their leader; a hard edge says more than a soft one for the same pair.
    edges.dedup_by(|next, kept| (next.waiter, next.blocker) == (kept.waiter, kept.blocker));
    edges
}

/// Holders first, then the queue by time; whoever has only just begun to wait has no time yet and is last.
fn queue_place(lock: &Lock) -> (bool, bool, Option<Timestamp>, Option<i32>) {
    (!lock.granted, lock.wait_start.is_none(), lock.wait_start, lock.pid)
}

/// What the server said. It names holders and those ahead in the queue alike.
fn told(waiter: &Lock, blockers: &[i32], group: &[Lock], edges: &mut Vec<LockEdge>) {
    let Some(pid) = waiter.pid else { return };
    for blocker in blockers {
        let of_blocker = |granted| group.iter().any(|l| l.pid == Some(*blocker) && l.granted == granted);
        edges.push(LockEdge {
            waiter: pid,
            blocker: if *blocker == 0 { Blocker::Prepared } else { Blocker::Backend(*blocker) },
            soft: of_blocker(false) && !of_blocker(true),
        });
    }
}

/// Everyone who holds the object in a conflicting mode, and of the queue only the nearest in the way: the rest follows
/// from there, and a convoy of a thousand needs a thousand edges and not half a million.
fn derived(waiter: &Lock, holders: &[Lock], ahead: &[Lock], edges: &mut Vec<LockEdge>) {
    let Some(pid) = waiter.pid else { return };
    let in_the_way = |other: &&Lock| other.pid != Some(pid) && waiter.mode.conflicts_with(other.mode);
    let blocker = |lock: &Lock| lock.pid.map_or(Blocker::Prepared, Blocker::Backend);
    for holder in holders.iter().filter(in_the_way) {
        edges.push(LockEdge { waiter: pid, blocker: blocker(holder), soft: false });
    }
    if let Some(before) = ahead.iter().rev().find(in_the_way) {
        edges.push(LockEdge { waiter: pid, blocker: blocker(before), soft: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(object: &str, pid: i32, mode: &[u8], granted: bool) -> Lock {
        Lock {
            object: object.into(),
            pid: (pid != 0).then_some(pid),
            mode: Mode::parse(mode),
            granted,
            wait_start: (!granted).then(|| Timestamp::from_micros(1_000 + i64::from(pid))),
            blockers: None,
        }
    }

    fn edge(waiter: i32, blocker: i32, soft: bool) -> LockEdge {
        let blocker = if blocker == 0 { Blocker::Prepared } else { Blocker::Backend(blocker) };
        LockEdge { waiter, blocker, soft }
    }

    const SHARE: &[u8] = b"AccessShareLock";
    const EXCLUSIVE: &[u8] = b"AccessExclusiveLock";

    #[test]
    fn conflicts_are_symmetric() {
        for a in 0..8 {
            for b in 0..8 {
                assert_eq!(Mode(a).conflicts_with(Mode(b)), Mode(b).conflicts_with(Mode(a)), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_waiting_ddl_is_in_the_way_of_readers_behind_it_but_the_reader_that_holds_is_not() {
        let locks = vec![
            lock("t", 1, SHARE, true),
            lock("t", 2, EXCLUSIVE, false),
            lock("t", 3, SHARE, false),
            lock("t", 4, SHARE, false),
        ];
        assert_eq!(build(locks), [edge(2, 1, false), edge(3, 2, true), edge(4, 2, true)]);
    }

    #[test]
    fn a_convoy_of_a_hundred_has_two_edges_per_waiter_at_most() {
        let mut locks = vec![lock("row", 1, EXCLUSIVE, true)];
        locks.extend((2..=101).map(|pid| lock("row", pid, EXCLUSIVE, false)));
        let edges = build(locks);
        assert_eq!(edges.len(), 199);
        assert!(edges.contains(&edge(101, 1, false)) && edges.contains(&edge(101, 100, true)));
    }

    #[test]
    fn what_the_server_says_is_taken_without_duplicates_and_softness_is_found_out() {
        let mut waiter = lock("t", 3, SHARE, false);
        waiter.blockers = Some(vec![2, 2, 0, 9]);
        let locks = vec![waiter, lock("t", 2, EXCLUSIVE, false), lock("t", 9, EXCLUSIVE, true)];
        // 2 waits without being asked about: derived from the table.
        assert_eq!(build(locks), [edge(2, 9, false), edge(3, 2, true), edge(3, 9, false), edge(3, 0, false)]);
    }

    #[test]
    fn a_prepared_transaction_blocks_without_a_pid() {
        let locks = vec![lock("x", 0, EXCLUSIVE, true), lock("x", 5, SHARE, false)];
        assert_eq!(build(locks), [edge(5, 0, false)]);
    }
}
