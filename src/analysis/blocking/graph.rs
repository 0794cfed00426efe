//! The graph of lock waits: circles found in one walk, and for each node everyone who waits for it.

use std::collections::HashMap;
use std::ops::Range;

use crate::model::locks::{Blocker, LockPicture};

/// From a waiter to a blocker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) node: usize,
    pub(super) soft: bool,
}

/// Sessions and prepared transactions, numbered in order of pid.
#[derive(Debug)]
pub(super) struct Graph {
    who: Vec<Blocker>,
    blockers: Vec<Vec<Edge>>,
    waiters: Vec<Vec<usize>>,
    /// Strongly connected; a component comes after all that it waits for.
    components: Vec<Vec<usize>>,
    component_of: Vec<usize>,
    blocks: Vec<usize>,
}

impl Graph {
    /// The waits of `picture` by those for whom `waits` still holds, each once.
    pub(super) fn new(picture: &LockPicture, waits: impl Fn(i32) -> bool) -> Self {
        let mut edges: Vec<_> = picture
            .edges
            .iter()
            .filter(|edge| edge.blocker != Blocker::Backend(edge.waiter) && waits(edge.waiter))
            .map(|edge| (Blocker::Backend(edge.waiter), edge.blocker, edge.soft))
            .collect();
        // A hard wait sorts before the soft one for the same pair, which is then dropped.
        edges.sort_unstable();
        edges.dedup_by_key(|(waiter, blocker, _)| (*waiter, *blocker));
        let mut who: Vec<Blocker> =
            edges.iter().flat_map(|(waiter, blocker, _)| [*waiter, *blocker]).collect();
        who.sort_unstable();
        who.dedup();
        let index: HashMap<Blocker, usize> = who.iter().copied().zip(0..).collect();
        let mut graph = Self {
            blockers: vec![Vec::new(); who.len()],
            waiters: vec![Vec::new(); who.len()],
            components: Vec::new(),
            component_of: vec![usize::MAX; who.len()],
            blocks: vec![0; who.len()],
            who,
        };
        for (waiter, blocker, soft) in edges {
            let (waiter, blocker) = (index[&waiter], index[&blocker]);
            graph.blockers[waiter].push(Edge { node: blocker, soft });
            graph.waiters[blocker].push(waiter);
        }
        graph.find_components();
        graph.count_blocked();
        graph
    }

    pub(super) fn nodes(&self) -> Range<usize> {
        0..self.who.len()
    }

    pub(super) fn who(&self, node: usize) -> Blocker {
        self.who[node]
    }

    /// Whom `node` waits for directly.
    pub(super) fn blockers(&self, node: usize) -> &[Edge] {
        &self.blockers[node]
    }

    /// Who waits for `node` directly.
    pub(super) fn waiters(&self, node: usize) -> &[usize] {
        &self.waiters[node]
    }

    /// How many wait for `node`, directly and through others.
    pub(super) fn blocks(&self, node: usize) -> usize {
        self.blocks[node]
    }

    pub(super) fn components(&self) -> &[Vec<usize>] {
        &self.components
    }

    pub(super) fn component_of(&self, node: usize) -> usize {
        self.component_of[node]
    }

    pub(super) fn in_cycle(&self, node: usize) -> bool {
        self.components[self.component_of[node]].len() > 1
    }

    /// The circles, each by pid.
    pub(super) fn cycles(&self) -> Vec<Vec<i32>> {
        let pid = |node: &usize| match self.who[*node] {
            Blocker::Backend(pid) => Some(pid),
            Blocker::Prepared => None,
        };
        let mut cycles: Vec<Vec<i32>> = self
            .components
            .iter()
            .filter(|component| component.len() > 1)
            .map(|component| {
                let mut pids: Vec<i32> = component.iter().filter_map(pid).collect();
                pids.sort_unstable();
                pids
            })
            .collect();
        cycles.sort_unstable();
        cycles
    }

    /// Tarjan's walk with a stack of its own: chains are as long as there are connections.
    fn find_components(&mut self) {
        let mut walk = Walk::new(self.who.len());
        for start in 0..self.who.len() {
            if walk.order[start] == usize::MAX {
                walk.visit(start, &self.blockers, &mut self.components);
            }
        }
        for (number, component) in self.components.iter().enumerate() {
            for node in component {
                self.component_of[*node] = number;
            }
        }
    }

    /// Counts everyone behind each node, once each. Sets are bit sets, so a convoy in which everyone names everyone
    /// ahead costs one pass over its edges.
    fn count_blocked(&mut self) {
        let words = self.who.len().div_ceil(64);
        let mut behind: Vec<Vec<u64>> = vec![Vec::new(); self.components.len()];
        // Whoever waits for a component comes after it in the list, so walk it backwards.
        for number in (0..self.components.len()).rev() {
            let mut set = vec![0_u64; words];
            for node in &self.components[number] {
                for waiter in &self.waiters[*node] {
                    set[waiter / 64] |= 1 << (waiter % 64);
                    let other = self.component_of[*waiter];
                    if other != number {
                        for (word, more) in set.iter_mut().zip(&behind[other]) {
                            *word |= more;
                        }
                    }
                }
            }
            let count: usize = set.iter().map(|word| word.count_ones() as usize).sum();
            for node in &self.components[number] {
                let itself = set[node / 64] >> (node % 64) & 1;
                self.blocks[*node] = count - itself as usize;
            }
            behind[number] = set;
        }
    }
}

struct Walk {
    order: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
}

impl Walk {
    fn new(len: usize) -> Self {
        Self {
            order: vec![usize::MAX; len],
            low: vec![usize::MAX; len],
            on_stack: vec![false; len],
            stack: Vec::new(),
            next: 0,
        }
    }

    fn visit(&mut self, start: usize, edges: &[Vec<Edge>], components: &mut Vec<Vec<usize>>) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((node, edge)) = path.pop() {
            if let Some(next) = edges[node].get(edge).map(|edge| edge.node) {
                path.push((node, edge + 1));
                if self.order[next] == usize::MAX {
                    self.enter(next);
                    path.push((next, 0));
                } else if self.on_stack[next] {
                    self.low[node] = self.low[node].min(self.order[next]);
                }
                continue;
            }
            if let Some((parent, _)) = path.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
            }
            if self.low[node] == self.order[node] {
                components.push(self.leave(node));
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.order[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn leave(&mut self, root: usize) -> Vec<usize> {
        let mut component = Vec::new();
        while let Some(node) = self.stack.pop() {
            self.on_stack[node] = false;
            component.push(node);
            if node == root {
                break;
            }
        }
        component
    }
}
