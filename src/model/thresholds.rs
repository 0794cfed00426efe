//! When a value becomes a finding. Plain numbers with the defaults argued for in `docs/`; a profile can change each.

pub mod table;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use table::{FIELDS, Kind};

/// Thresholds of the analysis. Durations are real time; `time_scale` compresses them for demos and tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Idle in transaction (by `state_change`) before a session is watched. Pools are asked for a decision at five times it.
    pub idle_in_transaction: Duration,
    /// Idle in transaction before terminating is proposed by default.
    pub terminate_idle_in_transaction: Duration,
    /// A transaction open for longer is reported, even when it still works.
    pub long_transaction: Duration,
    /// A statement running for longer is slow.
    pub slow_query: Duration,
    /// A statement running for longer is a finding.
    pub long_query: Duration,
    /// A lock wait longer than this is a finding.
    pub lock_wait: Duration,
    /// A prepared transaction older than this is left over.
    pub prepared_transaction: Duration,
    /// Share of the usable slots (0–1) above which the server is saturated.
    pub utilization: f64,
    /// Share of a pool's own bound (0–1) above which the pool is nearly used up.
    pub pool_utilization: f64,
    /// Share of the allowed overflow (0–1) above which the pool's size is too small for its ordinary load: overflow is
    /// for bursts, and its connections are closed after each use.
    pub overflow: f64,
    /// Mean wait for a connection worth advice: taking a free one from a pool costs microseconds, so this is a queue.
    pub wait: Duration,
    /// Mean wait for a connection that people feel: more than an ordinary query takes.
    pub long_wait: Duration,
    /// How far back the usual and the highest load of a pool are looked for.
    pub load_window: Duration,
    /// Share of its open connections (0–1) below which a pool is larger than its load.
    pub under_use: f64,
    /// How long it must have been so; half an hour outlasts the lull between two jobs.
    pub under_use_for: Duration,
    /// How long a condition must hold.
    pub sustained: Duration,
    /// More new connections than this in one sample are an event in the timeline, never a finding.
    pub jump: u32,
    /// A pool is not judged before it has been seen for this long.
    pub warm_up: Duration,
    /// Length of one window of minima for growth.
    pub window: Duration,
    /// Idle without having been given back, in a pool whose releases leave a mark, before it counts as held.
    pub checked_out: Duration,
    /// Idle for so long is frozen: longer than twice any sensible time between two uses, shorter than the idle time-outs
    /// of common pools, so that what leaked outlives what is healthy.
    pub frozen: Duration,
    /// Waiting for its client in the middle of a statement before that is suspicious.
    pub client_wait: Duration,
    /// A connection that has been idle for so long when another is opened was not free: a pool busy enough to open one
    /// has touched its free ones within seconds.
    pub settled: Duration,
    /// All of a pool silent for so long, after steady traffic, is worth a word.
    pub silent: Duration,
    /// What was learned about a pool's statements counts half after so long.
    pub half_life: Duration,
    /// Score (0–100) from which a pool is watched.
    pub watch: f64,
    /// Score from which it is a suspect. The weakest real leak on record scored 50: never raise it beyond that.
    pub suspect: f64,
    /// Score from which it leaks.
    pub leak: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            idle_in_transaction: Duration::from_secs(60),
            terminate_idle_in_transaction: Duration::from_secs(600),
            long_transaction: Duration::from_secs(300),
            slow_query: Duration::from_secs(1),
            long_query: Duration::from_secs(300),
            lock_wait: Duration::from_secs(5),
            prepared_transaction: Duration::from_secs(300),
            utilization: 0.8,
            pool_utilization: 0.8,
            overflow: 0.5,
            wait: Duration::from_millis(5),
            long_wait: Duration::from_millis(50),
            load_window: Duration::from_secs(600),
            under_use: 0.3,
            under_use_for: Duration::from_secs(1800),
            sustained: Duration::from_secs(60),
            jump: 3,
            warm_up: Duration::from_secs(60),
            window: Duration::from_secs(60),
            checked_out: Duration::from_secs(60),
            frozen: Duration::from_secs(120),
            client_wait: Duration::from_secs(60),
            settled: Duration::from_secs(30),
            silent: Duration::from_secs(150),
            half_life: Duration::from_secs(600),
            watch: 30.0,
            suspect: 50.0,
            leak: 75.0,
        }
    }
}

impl Thresholds {
    /// Every duration multiplied by `scale` (0.1 in the demo: what takes a minute takes six seconds).
    #[must_use]
    pub fn scaled(&self, scale: f64) -> Self {
        let mut scaled = self.clone();
        for field in FIELDS {
            if let Kind::Span(of) = field.kind {
                let span = of(&mut scaled);
                *span = span.mul_f64(scale.clamp(0.001, 1000.0));
            }
        }
        scaled
    }
}
