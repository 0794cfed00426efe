//! Every metric: its name, unit, kind, what it means, and where it is read.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::read::{self, Read, judged};
use super::scene::Scene;
use crate::model::limit::Limit;

/// What kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A count since some beginning; its samples end in `_total`.
    Counter,
    /// Labels alone; its samples end in `_info`.
    Info,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Info => "info",
        }
    }
}

/// One metric.
pub struct Family {
    /// Its name without unit and suffix.
    name: &'static str,
    unit: Option<&'static str>,
    /// What kind.
    pub kind: Kind,
    /// What it means, in one sentence without a full stop.
    pub help: &'static str,
    /// Labels beyond `profile`, and those of its group.
    pub labels: &'static [&'static str],
    read: Read,
}

impl Family {
    /// The name of its samples, in both formats.
    pub fn sample(&self) -> String {
        let unit = self.unit.map(|unit| format!("_{unit}")).unwrap_or_default();
        let suffix = match self.kind {
            Kind::Gauge => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        format!("{}{unit}{suffix}", self.name)
    }

    const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    const fn counter(mut self) -> Self {
        self.kind = Kind::Counter;
        self
    }

    const fn info(mut self) -> Self {
        self.kind = Kind::Info;
        self
    }

    /// Writes what the scene has of it; nothing at all where it has nothing.
    pub(super) fn encode(&self, scene: &Scene<'_>, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let points = (self.read)(scene);
        if points.is_empty() {
            return Ok(());
        }
        let unit = self.unit.map(|unit| Unit::Other(unit.to_owned()));
        let kind = match self.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
            Kind::Info => MetricType::Info,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, unit.as_ref(), kind)?;
        for point in &points {
            match self.kind {
                Kind::Gauge => metric.encode_family(&point.series)?.encode_gauge(&point.value)?,
                Kind::Counter => metric
                    .encode_family(&point.series)?
                    .encode_counter::<NoLabelSet, _, u64>(&point.value, None)?,
                Kind::Info => metric.encode_info(&point.series)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sample())
    }
}

/// Labels of everything about a pool.
const POOL: &[&str] = &["target", "layer", "db_client_connection_pool_name"];
const TARGET: &[&str] = &["target"];
const LIMIT: &[&str] = &["target", "scope", "name"];
const STATE: &[&str] = &["target", "state"];
const NONE: &[&str] = &[];

const fn of(name: &'static str, help: &'static str, labels: &'static [&'static str], read: Read) -> Family {
    Family { name, unit: None, kind: Kind::Gauge, help, labels, read }
}

const fn pool(name: &'static str, help: &'static str, read: Read) -> Family {
    of(name, help, POOL, read)
}

const fn target(name: &'static str, help: &'static str, read: Read) -> Family {
    of(name, help, TARGET, read)
}

const fn limit(name: &'static str, help: &'static str, read: Read) -> Family {
    of(name, help, LIMIT, read)
}

const fn profile(name: &'static str, help: &'static str, read: Read) -> Family {
    of(name, help, NONE, read)
}

/// Every metric, in the order in which they are written. Those whose names begin with `db_client_connection` are named
/// as OpenTelemetry names them.
pub static FAMILIES: &[Family] = &[
    of(
        "db_client_connection_count",
        "Connections that are in use or idle",
        &["target", "layer", "db_client_connection_pool_name", "db_client_connection_state"],
        |scene| {
            read::pool_states(
                scene,
                "db_client_connection_state",
                &[("used", |pool| pool.used), ("idle", |pool| pool.idle)],
            )
        },
    ),
    pool(
        "db_client_connection_max",
        "The most connections that the pool may open, over all its instances",
        |scene| read::pools(scene, |pool| pool.max),
    ),
    pool("db_client_connection_idle_min", "Connections that the pool keeps open at least", |scene| {
        read::pools(scene, |pool| pool.min)
    }),
    pool(
        "db_client_connection_idle_max",
        "Connections that the pool keeps open when they are idle, as the application reports it",
        |scene| {
            read::pools(scene, |pool| {
                pool.size.filter(|_| pool.key.layer == crate::model::pool::Layer::Application)
            })
        },
    ),
    pool(
        "db_client_connection_pending_requests",
        "Requests or clients that are queued for a connection",
        |scene| read::pools(scene, |pool| pool.pending),
    ),
    pool("db_client_connection_timeouts", "Requests that gave up waiting for a connection", |scene| {
        read::counted(scene, |pool| pool.timeouts)
    })
    .counter(),
    of(
        "pooltop_pool",
        "What the pool is: its application, user and database where it has one of each",
        &[
            "target",
            "layer",
            "db_client_connection_pool_name",
            "application",
            "user",
            "database",
            "one_of_several",
        ],
        read::pool_info,
    )
    .info(),
    pool("pooltop_pool_open_connections", "Connections that are open", |scene| {
        read::pools(scene, |pool| Some(pool.total))
    }),
    of(
        "pooltop_pool_backends",
        "Backends of the pool on the server by state",
        &["target", "layer", "db_client_connection_pool_name", "state"],
        |scene| {
            read::pool_states(
                scene,
                "state",
                &[
                    ("active", |pool| pool.active),
                    ("idle_in_transaction", |pool| pool.idle_in_transaction),
                    ("idle_in_transaction_aborted", |pool| pool.aborted),
                ],
            )
        },
    ),
    pool("pooltop_pool_blocked_backends", "Backends of the pool that wait for a lock", |scene| {
        read::pools(scene, |pool| pool.active.map(|_| pool.blocked))
    }),
    pool(
        "pooltop_pool_utilization",
        "Connections in use as a share of the most that the pool may open",
        |scene| {
            read::pools(scene, |pool| {
                let max = pool.max.filter(|max| *max > 0)?;
                pool.used.map(|used| f64::from(used) / f64::from(max))
            })
        },
    )
    .in_unit("ratio"),
    pool("pooltop_pool_wait_mean", "Mean wait for a connection in the last minute", |scene| {
        read::pools(scene, |pool| pool.wait_avg_s)
    })
    .in_unit("seconds"),
    pool(
        "pooltop_pool_wait_longest",
        "How long the request has been queued that has waited the longest",
        |scene| read::pools(scene, |pool| pool.max_wait_s),
    )
    .in_unit("seconds"),
    pool("pooltop_pool_use_mean", "Mean time that a connection was in use in the last minute", |scene| {
        read::pools(scene, |pool| pool.use_avg_s)
    })
    .in_unit("seconds"),
    pool(
        "pooltop_pool_oldest_idle_in_transaction",
        "Age of the oldest backend that is idle in transaction",
        |scene| read::pools(scene, |pool| pool.oldest_idle_in_transaction_s),
    )
    .in_unit("seconds"),
    pool(
        "pooltop_pool_stranded_connections",
        "Connections that are held by somebody who does nothing with them",
        |scene| read::pools(scene, |pool| pool.stranded),
    ),
    pool(
        "pooltop_pool_leak_points",
        "What speaks for a leak, from 0 to 100; absent where nothing does",
        |scene| read::scenes(scene, |pool| pool.leak_points.map(u32::from)),
    ),
    pool(
        "pooltop_pool_overflow_connections",
        "Connections beyond the configured size of the pool",
        |scene| read::pools(scene, |pool| pool.overflow),
    ),
    pool(
        "pooltop_pool_overflow_max",
        "How many connections beyond its size the pool may open; absent without a bound",
        |scene| read::pools(scene, |pool| pool.max_overflow.filter(|most| *most >= 0)),
    ),
    pool("pooltop_pool_opened", "Connections that were opened while pooltop watched", |scene| {
        read::counted(scene, |pool| pool.opened)
    })
    .counter(),
    pool("pooltop_pool_closed", "Connections that were closed while pooltop watched", |scene| {
        read::counted(scene, |pool| pool.closed)
    })
    .counter(),
    pool("pooltop_pool_errors", "Connections or requests that failed, as their owner counts them", |scene| {
        read::counted(scene, |pool| pool.errors)
    })
    .counter(),
    pool(
        "pooltop_pool_recycled",
        "Connections that were replaced for their age, as their owner counts them",
        |scene| read::counted(scene, |pool| pool.recycled),
    )
    .counter(),
    profile(
        "pooltop_pools_left_out",
        "Pools that have no series because the profile has too many",
        |scene| read::profiles(scene, |profile| profile.moment.map(|_| profile.pools_left_out)),
    ),
    limit("pooltop_limit_used", "Connections that count against a limit, pooltop's own included", |scene| {
        read::limits(scene, |limit| Some(limit.used))
    }),
    limit("pooltop_limit_max", "The limit itself", |scene| read::limits(scene, |limit| limit.limit)),
    limit(
        "pooltop_limit_reserved",
        "Of the limit, what is kept for superusers and reserved roles, or opened only in need",
        |scene| read::limits(scene, |limit| limit.limit.map(|_| limit.reserved)),
    ),
    limit(
        "pooltop_limit_utilization",
        "What is used of a limit, without what is reserved, as a share",
        |scene| read::limits(scene, Limit::utilization),
    )
    .in_unit("ratio"),
    limit(
        "pooltop_limit_exhausted_in",
        "Time until a limit is reached if its use goes on growing; absent where it does not grow",
        |scene| read::limits(scene, |limit| limit.exhausted_in_s),
    )
    .in_unit("seconds"),
    profile(
        "pooltop_limits_left_out",
        "Limits that have no series because the profile has too many",
        |scene| read::profiles(scene, |profile| profile.moment.map(|_| profile.limits_left_out)),
    ),
    target("pooltop_target_up", "Whether the target was sampled within its last three intervals", |scene| {
        read::targets(scene, |target| Some(target.is_live()))
    }),
    of("pooltop_target_state", "1 for the state that the target is in", STATE, read::target_states),
    of(
        "pooltop_target",
        "What the target is",
        &["target", "kind", "endpoint", "version", "role"],
        read::target_info,
    )
    .info(),
    target("pooltop_target_sample_age", "Age of the last sample; absent before the first", |scene| {
        read::targets(scene, |target| target.age_s)
    })
    .in_unit("seconds"),
    target(
        "pooltop_target_round_trip",
        "How long a small statement took there and back, of a target that is only probed",
        |scene| read::live(scene, |target| target.status.round_trip.map(|span| span.as_secs_f64())),
    )
    .in_unit("seconds"),
    target(
        "pooltop_target_replay_lag",
        "Of a standby, how old the newest transaction is that it has replayed",
        |scene| read::live(scene, |target| target.status.replay_lag_s),
    )
    .in_unit("seconds"),
    of(
        "pooltop_backends",
        "Client backends of a server by state, without pooltop's own",
        STATE,
        read::backends,
    ),
    target("pooltop_backends_blocked", "Client backends of a server that wait for a lock", |scene| {
        read::targets(scene, |target| target.counts.map(|counts| counts.blocked))
    }),
    target(
        "pooltop_clients_waiting",
        "Clients or requests that are queued at a target, over all its pools",
        |scene| read::targets(scene, |target| target.waiting),
    ),
    target(
        "pooltop_oldest_idle_in_transaction",
        "Age of the oldest backend that is idle in transaction",
        |scene| read::targets(scene, |target| target.oldest.idle_in_transaction),
    )
    .in_unit("seconds"),
    target("pooltop_oldest_transaction", "Age of the oldest transaction of a client backend", |scene| {
        read::targets(scene, |target| target.oldest.transaction)
    })
    .in_unit("seconds"),
    target("pooltop_oldest_statement", "Age of the oldest statement that runs", |scene| {
        read::targets(scene, |target| target.oldest.statement)
    })
    .in_unit("seconds"),
    of("pooltop_findings", "Findings by rule and severity", &["rule", "severity"], judged::findings),
    of(
        "pooltop_finding_start_timestamp",
        "Since when a finding holds",
        &["target", "rule", "severity", "db_client_connection_pool_name"],
        judged::starts,
    )
    .in_unit("seconds"),
    of("pooltop_verdict", "1 for the kind of the verdict", &["kind"], judged::verdicts),
    profile("pooltop_targets_live", "Targets that are live", judged::live_targets),
    profile("pooltop_samples", "Samples that were taken in", |scene| {
        read::profiles(scene, |profile| profile.moment.map(|moment| moment.samples))
    })
    .counter(),
    target(
        "pooltop_samples_dropped",
        "Samples that were read and not taken in, because pooltop was behind",
        |scene| read::targets(scene, |target| Some(target.status.dropped)),
    )
    .counter(),
    target("pooltop_own_connections", "Connections that pooltop itself holds", |scene| {
        read::targets(scene, |target| Some(target.status.overhead.connections))
    }),
    target("pooltop_own_sample_statements", "Statements that pooltop sent for its last sample", |scene| {
        read::live(scene, |target| Some(target.status.overhead.statements_per_sample))
    }),
    target("pooltop_own_sample_duration", "How long the last sample took, network included", |scene| {
        read::live(scene, |target| Some(target.status.overhead.server_ms_per_sample / 1000.0))
    })
    .in_unit("seconds"),
    of("pooltop_build", "The program", &["version"], |_| read::build()).info(),
    of("pooltop_start_time", "When pooltop began to watch", NONE, |scene| {
        read::process(scene.process.started.as_micros() as f64 / 1e6)
    })
    .in_unit("seconds"),
    of("pooltop_scrapes", "Scrapes that were answered before this one", NONE, |scene| {
        read::process(scene.process.scrapes)
    })
    .counter(),
];
