//! The advice that can follow from what is seen.
//!
//! In the texts `{name}` stands for the threshold of that name, as in the table of the rules.

/// One piece of advice as the documentation tells it.
#[derive(Clone, Copy, Debug)]
pub struct AdviceRow {
    /// What is wrong.
    pub issue: &'static str,
    /// When it is given, and how urgent.
    pub when: &'static str,
    /// What it says to do.
    pub says: &'static str,
}

/// High wait times.
pub const HIGH_WAITS: AdviceRow = AdviceRow {
    issue: "High wait times",
    when: "The mean wait for a connection is over {wait} (low) or {long_wait} (medium), or `pool.waiting` (medium; critical or half of `query_wait_timeout`: high).",
    says: "Shorten what holds connections; then the size: a quarter more than the most in use, within what the server has.",
};

/// Pool nearly exhausted.
pub const NEARLY_EXHAUSTED: AdviceRow = AdviceRow {
    issue: "Pool nearly exhausted",
    when: "`pool.utilization` on a pool in which nobody waits yet (medium; from 95 %: high).",
    says: "As for waits, with the share of the held time that is the application's.",
};

/// Overflow used constantly.
pub const OVERFLOW: AdviceRow = AdviceRow {
    issue: "Overflow used constantly",
    when: "`pool.overflow` at more than {overflow} of `max_overflow` (medium).",
    says: "As much of the overflow as is usually in use becomes `pool_size`; the total stays.",
};

/// Pool timeouts.
pub const TIMEOUTS: AdviceRow = AdviceRow {
    issue: "Pool timeouts",
    when: "`pool.timeouts` (high).",
    says: "As for waits, with timeouts by the minute.",
};

/// Pool larger than its load.
pub const UNDER_USED: AdviceRow = AdviceRow {
    issue: "Pool larger than its load",
    when: "95 % of the time in {under_use_for} less than {under_use} of a pool's open connections were in use, and it neither leaks nor is at its floor (low).",
    says: "The size that is enough, and what it frees.",
};

/// Too many connections.
pub const TOO_MANY: AdviceRow = AdviceRow {
    issue: "Too many connections",
    when: "`server.exhaustion` (medium; over 90 %, or at most 3 free: high).",
    says: "A cap per process out of what is usable, a pooler, `max_connections` last.",
};

/// Pools together over-committed.
pub const OVERCOMMITTED: AdviceRow = AdviceRow {
    issue: "Pools together over-committed",
    when: "`server.budget` (medium).",
    says: "Which bound to lower, and the smallest `max_connections` that would hold all.",
};

/// Stale connections.
pub const STALE: AdviceRow = AdviceRow {
    issue: "Stale connections",
    when: "Connections idle for over 90 % of `path_idle_timeout` (or the provider's), or that end in a batch at that age; not where the server's keepalives come first (medium).",
    says: "Keepalives, or recycling with pre-ping, and what that costs.",
};

/// Connection errors.
pub const BROKEN: AdviceRow = AdviceRow {
    issue: "Connection errors",
    when: "`pool.errors`, or 3 sessions that the server counts as killed, broken off or abandoned (medium).",
    says: "Pre-ping, retries, and the server's time limits that are set.",
};

/// Not safe in transaction pooling.
pub const UNSAFE: AdviceRow = AdviceRow {
    issue: "Not safe in transaction pooling",
    when: "`pooler.transaction_mode` (high).",
    says: "What to use instead, by kind of statement.",
};

/// Extra round trip per release.
pub const DOUBLE_RESET: AdviceRow = AdviceRow {
    issue: "Extra round trip per release",
    when: "asyncpg's reset behind a pooler in transaction mode (low).",
    says: "A `reset=` that does nothing, or no pool behind the pooler.",
};

/// Idle transactions are never ended by the server.
pub const UNGUARDED: AdviceRow = AdviceRow {
    issue: "Idle transactions are never ended by the server",
    when: "`leak.idle_in_transaction` is a warning, or a transaction, aborted or not, has been idle for five times {idle_in_transaction} (medium); critical, or for {terminate_idle_in_transaction}: high; and `idle_in_transaction_session_timeout` is 0 for the pool's role and database.",
    says: "`ALTER ROLE … SET idle_in_transaction_session_timeout` to five times {idle_in_transaction}.",
};

/// Reconnect churn.
pub const RECONNECTS: AdviceRow = AdviceRow {
    issue: "Reconnect churn",
    when: "`connection.churn` on a pool (medium).",
    says: "Pools, longer recycling; what connecting costs per second.",
};

/// More connections will not help.
pub const SATURATED: AdviceRow = AdviceRow {
    issue: "More connections will not help",
    when: "For 95 % of {load_window} more statements than 2 × `cores` could have been running: on processors, disks or inside the server (medium). Needs the profile's `cores`.",
    says: "Smaller pools, or a pooler, that let only so many run.",
};

/// Connections take much memory.
pub const MEMORY: AdviceRow = AdviceRow {
    issue: "Connections take much memory",
    when: "Connections at 10 MB each are over a quarter of the profile's `memory` (low).",
    says: "Fewer connections; the range that was measured.",
};

/// More connections than declared.
pub const BOUND: AdviceRow = AdviceRow {
    issue: "More connections than declared",
    when: "`pool.bound_exceeded` (high).",
    says: "What to count and look for.",
};

/// Connections leak.
pub const LEAK: AdviceRow = AdviceRow {
    issue: "Connections leak",
    when: "A `leak.*` finding that is a warning or worse (high).",
    says: "The way out in the library's words.",
};

/// Small instance.
pub const SMALL: AdviceRow = AdviceRow {
    issue: "Small instance",
    when: "At most 60 slots, or Supabase, and applications connect directly (low).",
    says: "The pooled port, or a pooler, with 10–15 connections.",
};

/// Pool-locking.
pub const LOCKED: AdviceRow = AdviceRow {
    issue: "Pool-locking",
    when: "A pool at its bound, all of it idle in transaction or blocked, stopped within {settled} of each other and for {lock_wait} (high).",
    says: "No second connection while one is held; else at least tasks × (connections − 1) + 1.",
};

/// Many statements are pings.
pub const PINGS: AdviceRow = AdviceRow {
    issue: "Many statements are pings",
    when: "More than 30 % of the listed calls are `SELECT` of a constant (low).",
    says: "What pre-ping costs a second.",
};

/// A Redis server near its ceiling, most of whose clients only lie idle.
pub const IDLE_REDIS: AdviceRow = AdviceRow {
    issue: "Most clients of the Redis server only lie idle",
    when: "`redis.clients` on the server as a whole, and at least half of its clients idle for {idle_in_transaction} \
           (medium).",
    says: "`CONFIG SET timeout` to five times {idle_in_transaction}; subscribers are spared, applications reconnect.",
};

/// What an application advises about its own pools.
pub const FROM_APPLICATIONS: AdviceRow = AdviceRow {
    issue: "What an application says about its own pool",
    when: "The application's endpoint answers with recommendations; its severity is taken over.",
    says: "The application's own words, named as such.",
};

/// Every piece of advice.
pub const ADVICE: [AdviceRow; 22] = [
    HIGH_WAITS,
    NEARLY_EXHAUSTED,
    OVERFLOW,
    TIMEOUTS,
    UNDER_USED,
    TOO_MANY,
    OVERCOMMITTED,
    STALE,
    BROKEN,
    UNSAFE,
    DOUBLE_RESET,
    UNGUARDED,
    RECONNECTS,
    SATURATED,
    MEMORY,
    BOUND,
    LEAK,
    SMALL,
    LOCKED,
    PINGS,
    IDLE_REDIS,
    FROM_APPLICATIONS,
];
