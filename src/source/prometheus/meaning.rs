//! What each series means: the names under which `pooltop serve` exports pools and limits, read backwards.

use std::time::Duration;

use super::answer::Series;
use crate::model::backfill::{BackendNumber, Kept, LimitNumber, PoolName, PoolNumber, Traits, What};
use crate::model::limit::LimitScope;
use crate::model::pool::Layer;
use crate::model::target::TargetKind;
use crate::model::time::Timestamp;

const POOL: &str = "db_client_connection_pool_name";

/// The labels by which series are told apart. Whatever else a scrape adds (job, instance) is joined.
pub(super) const LABELS: &[&str] = &[
    "__name__",
    "target",
    "layer",
    POOL,
    "db_client_connection_state",
    "state",
    "scope",
    "name",
    "kind",
    "application",
    "user",
    "database",
];

/// What a series says, by its labels.
type Meaning = fn(&Series) -> Option<What>;

/// Metrics, and what their series say by their labels; `None` for those that say nothing to us.
const METRICS: &[(&str, Meaning)] = &[
    ("db_client_connection_count", |series| {
        let number = match series.label("db_client_connection_state") {
            "used" => PoolNumber::Used,
            "idle" => PoolNumber::Idle,
            _ => return None,
        };
        pool(series, number)
    }),
    ("db_client_connection_max", |series| pool(series, PoolNumber::Max)),
    ("db_client_connection_pending_requests", |series| pool(series, PoolNumber::Pending)),
    ("pooltop_pool_open_connections", |series| pool(series, PoolNumber::Open)),
    ("pooltop_pool_backends", |series| {
        let number = match series.label("state") {
            "active" => PoolNumber::Active,
            "idle_in_transaction" => PoolNumber::IdleInTransaction,
            "idle_in_transaction_aborted" => PoolNumber::Aborted,
            _ => return None,
        };
        pool(series, number)
    }),
    ("pooltop_pool_info", |series| {
        let traits = Traits {
            application: series.text("application"),
            user: series.text("user"),
            database: series.text("database"),
        };
        Some(What::Traits(pool_name(series)?, traits))
    }),
    ("pooltop_limit_used", |series| limit(series, LimitNumber::Used)),
    ("pooltop_limit_max", |series| limit(series, LimitNumber::Max)),
    ("pooltop_limit_reserved", |series| limit(series, LimitNumber::Reserved)),
    ("pooltop_backends", |series| {
        Some(What::Backends(match series.label("state") {
            "active" => BackendNumber::Active,
            "idle" => BackendNumber::Idle,
            "idle_in_transaction" => BackendNumber::IdleInTransaction,
            "idle_in_transaction_aborted" => BackendNumber::Aborted,
            "unknown" => BackendNumber::Unknown,
            _ => return None,
        }))
    }),
    ("pooltop_backends_blocked", |_| Some(What::Backends(BackendNumber::Blocked))),
    ("pooltop_clients_waiting", |_| Some(What::Queued)),
    ("pooltop_target_up", |_| Some(What::Up)),
    ("pooltop_target_info", |series| {
        let kind = KINDS.into_iter().find(|kind| kind.as_str() == series.label("kind"))?;
        Some(What::Is(kind))
    }),
];

const KINDS: [TargetKind; 8] = [
    TargetKind::Postgres,
    TargetKind::Pgbouncer,
    TargetKind::Odyssey,
    TargetKind::Pgcat,
    TargetKind::Pgdog,
    TargetKind::Pgpool,
    TargetKind::Redis,
    TargetKind::App,
];

const SCOPES: [LimitScope; 7] = [
    LimitScope::Server,
    LimitScope::Database,
    LimitScope::Role,
    LimitScope::Pool,
    LimitScope::Pooler,
    LimitScope::Redis,
    LimitScope::Application,
];

/// The names of the metrics as a regular expression.
pub(super) fn names() -> String {
    METRICS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("|")
}

/// A series in our words; `None` where it says nothing to us.
pub(super) fn kept(series: &Series, from: Timestamp, step: Duration, steps: usize) -> Option<Kept> {
    let name = series.label("__name__");
    let (_, means) = METRICS.iter().find(|(metric, _)| *metric == name)?;
    let target = series.text("target")?;
    Some(Kept { target: (&*target).into(), what: means(series)?, values: series.counts(from, step, steps) })
}

fn pool_name(series: &Series) -> Option<PoolName> {
    let layer = match series.label("layer") {
        "application" => Layer::Application,
        "pooler" => Layer::Pooler,
        "server" => Layer::Server,
        _ => return None,
    };
    Some(PoolName { layer, name: series.text(POOL)? })
}

fn pool(series: &Series, number: PoolNumber) -> Option<What> {
    Some(What::Pool(pool_name(series)?, number))
}

fn limit(series: &Series, number: LimitNumber) -> Option<What> {
    let scope = SCOPES.into_iter().find(|scope| scope.as_str() == series.label("scope"))?;
    Some(What::Limit(scope, series.text("name")?, number))
}
