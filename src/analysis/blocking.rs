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
