//! Who waits for whom: from lock waits to a forest whose roots wait for nobody, ranked by whom they block.

mod graph;

use std::collections::HashMap;

use crate::model::backend::Backend;
use crate::model::locks::{Blocker, BlockingRow, BlockingTree, LockPicture};
use crate::model::sample::PostgresSample;
use crate::model::time::Timestamp;

use graph::Graph;

/// What one session has to do with the locks of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waits {
    /// Direct blockers, sorted; 0 stands for a prepared transaction.
    pub blocked_by: Vec<i32>,
    /// Pids that wait for it directly, sorted.
    pub blocks: Vec<i32>,
    /// Everyone who waits for it, directly or through others.
    pub blocks_transitively: u32,
}

/// The blocking tree and, by pid, what each session in it has to do with it.
#[derive(Clone, Debug, Default)]
pub struct Blocking {
    /// The tree in the order in which it is drawn.
    pub tree: BlockingTree,
    /// By pid, for those involved only.
    pub waits: HashMap<i32, Waits>,
}

/// How long a waiter has waited as pooltop saw it: for servers that do not say it themselves.
pub(super) type Observed<'a> = &'a dyn Fn(i32) -> Option<Timestamp>;

/// Builds the tree of one sample.
///
/// The lock waits may be older than the sample: waiters that are gone or have stopped waiting are left out.
pub(super) fn blocking(sample: &PostgresSample, at: Timestamp, observed: Observed<'_>) -> Blocking {
    let Some(picture) = sample.locks.known().filter(|picture| !picture.edges.is_empty()) else {
        return Blocking::default();
    };
    let graph = Graph::new(picture, |pid| still_waits(&sample.backends, pid));
    let waited = waiting_times(picture, &graph, at, observed);
    let forest = Forest::grow(&graph, &waited, &sample.backends);
    Blocking {
        tree: BlockingTree { rows: forest.rows(), cycles: graph.cycles(), at: picture.at },
        waits: waits(&graph),
    }
}

fn find(backends: &[std::sync::Arc<Backend>], pid: i32) -> Option<&Backend> {
    let index = backends.binary_search_by_key(&pid, |backend| backend.pid()).ok()?;
    Some(&*backends[index])
}

/// Whether a waiter still waits, as far as the sample shows it.
fn still_waits(backends: &[std::sync::Arc<Backend>], pid: i32) -> bool {
    match find(backends, pid) {
        Some(backend) => backend.waits_on_lock() || !backend.is_visible(),
        // Not a client backend (autovacuum, parallel worker): not in the sample, so nothing speaks against it.
        None => true,
    }
}

fn waiting_times(
    picture: &LockPicture,
    graph: &Graph,
    at: Timestamp,
    observed: Observed<'_>,
) -> Vec<Option<f64>> {
    let said: HashMap<i32, Timestamp> = picture.wait_start.iter().copied().collect();
    let since = |who: &Blocker| match who {
        Blocker::Backend(pid) => said.get(pid).copied().or_else(|| observed(*pid)),
        Blocker::Prepared => None,
    };
    graph
        .nodes()
        .map(|node| {
            let waits = !graph.blockers(node).is_empty();
            since(&graph.who(node)).filter(|_| waits).map(|since| at.age_of(since).as_secs_f64())
        })
        .collect()
}

fn waits(graph: &Graph) -> HashMap<i32, Waits> {
    let pid = |node: usize| match graph.who(node) {
        Blocker::Backend(pid) => pid,
        Blocker::Prepared => 0,
    };
    graph
        .nodes()
        .filter(|node| graph.who(*node) != Blocker::Prepared)
        .map(|node| {
            let mut blocked_by: Vec<i32> = graph.blockers(node).iter().map(|edge| pid(edge.node)).collect();
            let mut blocks: Vec<i32> = graph.waiters(node).iter().map(|waiter| pid(*waiter)).collect();
            blocked_by.sort_unstable();
            blocks.sort_unstable();
            let blocks_transitively = u32::try_from(graph.blocks(node)).unwrap_or(u32::MAX);
            (pid(node), Waits { blocked_by, blocks, blocks_transitively })
        })
        .collect()
}

/// Each waiter under one of those it waits for.
struct Forest<'a> {
    graph: &'a Graph,
    waited: &'a [Option<f64>],
    backends: &'a [std::sync::Arc<Backend>],
    parent: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl<'a> Forest<'a> {
    fn grow(graph: &'a Graph, waited: &'a [Option<f64>], backends: &'a [std::sync::Arc<Backend>]) -> Self {
        let len = graph.nodes().len();
        let mut forest =
            Self { graph, waited, backends, parent: vec![None; len], children: vec![Vec::new(); len] };
        for circle in graph.components() {
            forest.place(circle);
        }
        for node in graph.nodes() {
            if let Some(parent) = forest.parent[node] {
                forest.children[parent].push(node);
            }
        }
        for node in graph.nodes() {
            let mut children = std::mem::take(&mut forest.children[node]);
            forest.rank(&mut children);
            forest.children[node] = children;
        }
        forest
    }

    /// Gives each member of a component its parent: one outside where there is one. In a circle, one member hangs
    /// there (or is the root) and the others under those of the circle that they wait for.
    fn place(&mut self, circle: &[usize]) {
        let outside = |node: usize| self.best_blocker(node);
        let head = circle.iter().copied().max_by(|a, b| {
            (outside(*a).is_some(), self.wait_of(*a), std::cmp::Reverse(*a))
                .partial_cmp(&(outside(*b).is_some(), self.wait_of(*b), std::cmp::Reverse(*b)))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let Some(head) = head else { return };
        self.parent[head] = outside(head);
        let mut placed = vec![head];
        let mut next = 0;
        while let Some(node) = placed.get(next).copied() {
            next += 1;
            for waiter in self.graph.waiters(node) {
                if self.graph.component_of(*waiter) == self.graph.component_of(head)
                    && !placed.contains(waiter)
                {
                    self.parent[*waiter] = Some(node);
                    placed.push(*waiter);
                }
            }
        }
    }

    /// Of those that `node` waits for outside its circle: one that waits for nobody, else the one that has waited
    /// the longest.
    fn best_blocker(&self, node: usize) -> Option<usize> {
        self.graph
            .blockers(node)
            .iter()
            .map(|edge| edge.node)
            .filter(|blocker| self.graph.component_of(*blocker) != self.graph.component_of(node))
            .max_by(|a, b| {
                let key = |blocker: usize| {
                    let is_root = self.graph.blockers(blocker).is_empty();
                    (is_root, self.wait_of(blocker), std::cmp::Reverse(blocker))
                };
                key(*a).partial_cmp(&key(*b)).unwrap_or(std::cmp::Ordering::Equal)
            })
    }

    fn wait_of(&self, node: usize) -> f64 {
        self.waited[node].unwrap_or(0.0)
    }

    /// Those who block the most first, then those whose waiters have waited the longest.
    fn rank(&self, nodes: &mut [usize]) {
        let waited_for = |node: usize| -> f64 {
            self.wait_of(node)
                + self.graph.waiters(node).iter().map(|waiter| self.wait_of(*waiter)).sum::<f64>()
        };
        let mut keyed: Vec<_> =
            nodes.iter().map(|node| (self.graph.blocks(*node), waited_for(*node), *node)).collect();
        keyed.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        for (slot, (_, _, node)) in nodes.iter_mut().zip(keyed) {
            *slot = node;
        }
    }

    fn rows(&self) -> Vec<BlockingRow> {
        let mut roots: Vec<usize> = self.graph.nodes().filter(|node| self.parent[*node].is_none()).collect();
        self.rank(&mut roots);
        let mut rows = Vec::with_capacity(self.parent.len());
        let mut stack: Vec<(usize, usize)> = roots.into_iter().rev().map(|root| (root, 0)).collect();
        while let Some((node, depth)) = stack.pop() {
            rows.push(self.row(node, depth));
            stack.extend(self.children[node].iter().rev().map(|child| (*child, depth + 1)));
        }
        rows
    }

    fn row(&self, node: usize, depth: usize) -> BlockingRow {
        let blockers = self.graph.blockers(node).len();
        BlockingRow {
            who: self.graph.who(node),
            depth,
            blocks: self.graph.blocks(node),
            also_waits_for: blockers.saturating_sub(usize::from(self.parent[node].is_some())),
            waited_s: self.waited[node],
            in_cycle: self.graph.in_cycle(node),
            cancel_first: self.is_waiting_with_a_queue(node),
        }
    }

    /// A waiting statement that others queue behind, and nothing else in the way of them: those who wait for it
    /// would run if it gave up. Only waits for relations queue like that: whoever waits for a row of a waiter would
    /// just meet the next one.
    fn is_waiting_with_a_queue(&self, node: usize) -> bool {
        let blockers = self.graph.blockers(node);
        if blockers.is_empty() || self.graph.in_cycle(node) {
            return false;
        }
        self.graph.waiters(node).iter().any(|waiter| {
            let edges = self.graph.blockers(*waiter);
            let queued = edges.iter().any(|edge| edge.node == node && edge.soft)
                || self.waits_for_relation(node) && self.waits_for_relation(*waiter);
            queued && !edges.iter().any(|edge| blockers.iter().any(|blocker| blocker.node == edge.node))
        })
    }

    fn waits_for_relation(&self, node: usize) -> bool {
        let Blocker::Backend(pid) = self.graph.who(node) else { return false };
        let wait = find(self.backends, pid).and_then(|backend| backend.wait.as_ref());
        wait.is_some_and(|wait| wait.is_lock() && &*wait.event == "relation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::{Row, at, facts, row, sample, with_waits};
    use crate::model::locks::LockEdge;
    use crate::model::part::Part;
    use crate::model::sample::Body;

    /// Waiters wait for `wait`; everyone else is idle in transaction. Waits are `(waiter, blocker, since)`.
    fn sampled(waits: &[(i32, i32, f64)], wait: &'static str) -> crate::model::sample::Sample {
        let mut pids: Vec<i32> = waits.iter().flat_map(|(waiter, blocker, _)| [*waiter, *blocker]).collect();
        pids.sort_unstable();
        pids.dedup();
        let rows = pids.into_iter().filter(|pid| *pid != 0).map(|pid| {
            let one: Row = row(pid, "shop");
            match waits.iter().find(|(waiter, _, _)| *waiter == pid) {
                Some((_, _, since)) => one.active(*since, "UPDATE t SET n = 1").waits("Lock", wait).build(),
                None => one.in_transaction(-60.0, "UPDATE t SET n = 1").build(),
            }
        });
        with_waits(sample("db1", 100.0, rows.collect(), &std::sync::Arc::new(facts(1000))), waits)
    }

    fn built(waits: &[(i32, i32, f64)], wait: &'static str) -> Blocking {
        let sample = sampled(waits, wait);
        blocking(sample.postgres().unwrap(), sample.at, &|_| None)
    }

    /// The tree as people draw it: `pid` indented by depth, with whom it blocks.
    fn drawn(blocking: &Blocking) -> Vec<String> {
        let rows = blocking.tree.rows.iter();
        rows.map(|row| {
            let who = match row.who {
                Blocker::Backend(pid) => pid.to_string(),
                Blocker::Prepared => "prepared".to_owned(),
            };
            let cancel = if row.cancel_first { " cancel first" } else { "" };
            let circle = if row.in_cycle { " circle" } else { "" };
            let also =
                if row.also_waits_for > 0 { format!(" +{}", row.also_waits_for) } else { String::new() };
            format!("{}{who} blocks {}{also}{cancel}{circle}", "  ".repeat(row.depth), row.blocks)
        })
        .collect()
    }

    #[test]
    fn a_chain_hangs_under_its_root_and_counts_everyone_behind() {
        let chain = built(&[(2, 1, 10.0), (3, 2, 20.0), (4, 3, 30.0)], "transactionid");
        assert_eq!(drawn(&chain), ["1 blocks 3", "  2 blocks 2", "    3 blocks 1", "      4 blocks 0"]);
        assert_eq!(chain.waits[&3].blocked_by, [2]);
        assert_eq!(chain.waits[&1].blocks, [2]);
        assert_eq!(chain.waits[&1].blocks_transitively, 3);
        assert_eq!(chain.tree.rows[1].waited_s, Some(90.0));
    }

    #[test]
    fn roots_that_block_the_most_come_first_and_then_those_waited_for_the_longest() {
        let forest = built(&[(11, 1, 10.0), (12, 2, 50.0), (13, 2, 60.0), (14, 3, 5.0)], "transactionid");
        let roots: Vec<_> = forest.tree.rows.iter().filter(|row| row.depth == 0).map(|row| row.who).collect();
        assert_eq!(roots, [Blocker::Backend(2), Blocker::Backend(3), Blocker::Backend(1)]);
    }

    #[test]
    fn one_who_waits_for_several_is_drawn_once_under_the_root_and_says_so() {
        // 3 waits for the root 1 and for 2, which waits for 1 itself.
        let tree = built(&[(2, 1, 10.0), (3, 1, 20.0), (3, 2, 20.0)], "transactionid");
        assert_eq!(drawn(&tree), ["1 blocks 2", "  2 blocks 1", "  3 blocks 0 +1"]);
        assert_eq!(tree.waits[&1].blocks_transitively, 2, "counted once");
    }

    #[test]
    fn a_convoy_of_six_hundred_in_which_everyone_names_everyone_ahead_is_one_root() {
        for (size, edges) in [(100, 100 * 99 / 2), (600, 600 * 599 / 2)] {
            let waits: Vec<_> = (2..=size)
                .flat_map(|waiter| (1..waiter).map(move |ahead| (waiter, ahead, f64::from(waiter))))
                .collect();
            assert_eq!(waits.len(), edges);
            let convoy = built(&waits, "transactionid");
            assert_eq!(convoy.tree.rows.len(), usize::try_from(size).unwrap());
            assert_eq!(convoy.tree.rows[0].blocks, usize::try_from(size - 1).unwrap());
            assert!(convoy.tree.rows[1..].iter().all(|row| row.depth == 1));
            assert_eq!(convoy.tree.rows[1].who, Blocker::Backend(2));
        }
    }

    #[test]
    fn a_chain_of_ten_thousand_does_not_exhaust_the_stack() {
        let waits: Vec<_> = (1..10_000).map(|pid| (pid + 1, pid, 1.0)).collect();
        let chain = built(&waits, "transactionid");
        assert_eq!(chain.tree.rows.last().map(|row| row.depth), Some(9_999));
        assert_eq!(chain.waits[&1].blocks_transitively, 9_999);
    }

    #[test]
    fn a_circle_is_named_and_everyone_in_it_is_drawn_once() {
        let tree = built(&[(1, 2, 10.0), (2, 3, 20.0), (3, 1, 30.0), (4, 1, 40.0)], "transactionid");
        assert_eq!(tree.tree.cycles, [vec![1, 2, 3]]);
        assert_eq!(
            drawn(&tree),
            ["1 blocks 3 +1 circle", "  3 blocks 3 circle", "    2 blocks 3 circle", "  4 blocks 0"]
        );
    }

    #[test]
    fn a_prepared_transaction_can_be_the_root() {
        let tree = built(&[(7, 0, 10.0)], "relation");
        assert_eq!(drawn(&tree), ["prepared blocks 1", "  7 blocks 0"]);
        assert_eq!(tree.waits[&7].blocked_by, [0]);
    }

    #[test]
    fn a_waiting_ddl_with_a_queue_behind_it_is_the_one_to_cancel() {
        let queue = [(2, 1, 10.0), (3, 2, 20.0), (4, 2, 21.0)];
        assert_eq!(
            drawn(&built(&queue, "relation")),
            ["1 blocks 3", "  2 blocks 2 cancel first", "    3 blocks 0", "    4 blocks 0"]
        );
        // Behind a row the next one would just take its place.
        assert!(built(&queue, "tuple").tree.rows.iter().all(|row| !row.cancel_first));
        // Those behind also wait for the root itself: cancelling the second frees nobody.
        let all = built(&[(2, 1, 10.0), (3, 2, 20.0), (3, 1, 20.0)], "relation");
        assert!(all.tree.rows.iter().all(|row| !row.cancel_first));
    }

    #[test]
    fn a_soft_wait_says_by_itself_that_the_one_ahead_only_queues() {
        let mut sample = sampled(&[(2, 1, 10.0), (3, 2, 20.0)], "tuple");
        let Body::Postgres(body) = &mut sample.body else { unreachable!() };
        let edge = |waiter, blocker, soft| LockEdge { waiter, blocker: Blocker::Backend(blocker), soft };
        let edges = vec![edge(2, 1, false), edge(3, 2, true), edge(3, 2, true)];
        body.locks =
            Part::Known(std::sync::Arc::new(LockPicture { at: None, edges, wait_start: Vec::new() }));
        let tree = blocking(sample.postgres().unwrap(), sample.at, &|_| Some(at(90.0)));
        assert!(tree.tree.rows[1].cancel_first);
        assert_eq!(
            tree.tree.rows[1].waited_s,
            Some(10.0),
            "as pooltop saw it, where the server does not say"
        );
    }

    #[test]
    fn waiters_that_moved_on_since_the_locks_were_read_are_left_out() {
        let mut sample = sampled(&[(2, 1, 10.0), (3, 1, 20.0)], "transactionid");
        let Body::Postgres(body) = &mut sample.body else { unreachable!() };
        body.backends[1] = row(2, "shop").idle(99.0, "COMMIT").build();
        let tree = blocking(sample.postgres().unwrap(), sample.at, &|_| None);
        assert_eq!(drawn(&tree), ["1 blocks 1", "  3 blocks 0"]);
    }

    #[test]
    fn nothing_waits_when_nothing_waits() {
        assert_eq!(built(&[], "relation").tree.rows, []);
    }
}
