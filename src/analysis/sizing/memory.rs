//! What connections cost in memory, as the range that was measured.

use serde::Serialize;

/// Private memory of a backend: fresh, and after a large sort was freed (measured on PostgreSQL 15 and 18).
const LEAST: f64 = 1e6;
const MOST: f64 = 12e6;
/// The rule of thumb for budgets.
const RULE: f64 = 10e6;
/// Sort and hash nodes that run at once in one statement of some size.
const NODES: f64 = 2.0;
/// The share of the server's memory above which connections take it from caching.
const SHARE: f64 = 0.25;

/// Memory of that many connections, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// How many.
    pub connections: u64,
    /// If all are fresh.
    pub least_bytes: f64,
    /// If all have done heavy work.
    pub most_bytes: f64,
    /// By the rule of thumb, 10 MB each.
    pub rule_bytes: f64,
    /// On top: `work_mem`, twice in each of them.
    pub work_mem_bytes: f64,
    /// The rule of thumb's share of the server's memory, where that is known.
    pub share: Option<f64>,
}

impl Memory {
    /// Of `connections` on a server with that much memory.
    pub fn of(connections: u64, work_mem: f64, memory: Option<f64>) -> Self {
        let many = connections as f64;
        Self {
            connections,
            least_bytes: many * LEAST,
            most_bytes: many * MOST,
            rule_bytes: many * RULE,
            work_mem_bytes: many * work_mem * NODES,
            share: memory.map(|memory| many * RULE / memory),
        }
    }

    /// Whether connections take more of the memory than they should.
    pub fn is_much(&self) -> bool {
        self.share.is_some_and(|share| share > SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_megabytes_each_is_a_rule_within_a_range() {
        let memory = Memory::of(100, 4e6, Some(8e9));
        assert_eq!((memory.least_bytes, memory.rule_bytes, memory.most_bytes), (100e6, 1e9, 1.2e9));
        assert_eq!((memory.work_mem_bytes, memory.share), (800e6, Some(0.125)));
        assert!(!memory.is_much() && Memory::of(100, 4e6, Some(2e9)).is_much());
        assert_eq!(Memory::of(100, 4e6, None).share, None);
    }
}
