//! Names of metrics that pools are known to have: one row each.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::app::{AppField, AppPoolKind};

/// Metrics that one library or program gives its pools.
#[derive(Debug)]
pub(super) struct Family {
    /// For people.
    pub(super) title: &'static str,
    /// The client library, where it is one.
    pub(super) library: Option<&'static str>,
    pub(super) kind: AppPoolKind,
}

const fn library(name: &'static str) -> Family {
    Family { title: name, library: Some(name), kind: AppPoolKind::Database }
}

const fn program(title: &'static str, kind: AppPoolKind) -> Family {
    Family { title, library: None, kind }
}

pub(super) static HIKARI: Family = library("HikariCP");
pub(super) static JDBC: Family = program("Micrometer JDBC", AppPoolKind::Database);
static GO_SQL: Family = library("database/sql");
static PGX: Family = library("pgxpool");
static R2DBC: Family = library("r2dbc-pool");
static SQLALCHEMY: Family = library("SQLAlchemy");
static PSYCOPG: Family = library("psycopg_pool");
static OTEL: Family = program("OpenTelemetry", AppPoolKind::Database);
static PGBOUNCER: Family = program("pgbouncer_exporter", AppPoolKind::Pooler);
static PGCAT: Family = program("PgCat", AppPoolKind::Pooler);
pub(super) static SUPAVISOR: Family = program("Supavisor", AppPoolKind::Pooler);

/// What a value is of its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This number.
    Is(AppField),
    /// A part of this number: several metrics, or several series of one, make it up.
    PartOf(AppField),
    /// Connections in the state that a label names: `used` or `idle`.
    ByState,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) family: &'static Family,
    pub(super) meaning: Meaning,
    /// What its unit is in ours: 0.001 for milliseconds.
    pub(super) unit: f64,
}

const fn is(name: &'static str, family: &'static Family, field: AppField) -> Metric {
    Metric { name, family, meaning: Meaning::Is(field), unit: 1.0 }
}

const fn part(name: &'static str, family: &'static Family, field: AppField) -> Metric {
    Metric { name, family, meaning: Meaning::PartOf(field), unit: 1.0 }
}

const fn states(name: &'static str, family: &'static Family) -> Metric {
    Metric { name, family, meaning: Meaning::ByState, unit: 1.0 }
}

impl Metric {
    const fn in_unit(self, unit: f64) -> Self {
        Self { unit, ..self }
    }
}

const MS: f64 = 1e-3;
const US: f64 = 1e-6;
const NS: f64 = 1e-9;

use AppField as F;

/// Every name. A counter's `_total` may be absent or present beyond what stands here.
static METRICS: &[Metric] = &[
    // HikariCP by Micrometer.
    is("hikaricp_connections", &HIKARI, F::Total),
    is("hikaricp_connections_active", &HIKARI, F::Used),
    is("hikaricp_connections_idle", &HIKARI, F::Idle),
    is("hikaricp_connections_pending", &HIKARI, F::Pending),
    is("hikaricp_connections_max", &HIKARI, F::Max),
    is("hikaricp_connections_min", &HIKARI, F::Min),
    is("hikaricp_connections_timeout", &HIKARI, F::Timeouts),
    is("hikaricp_connections_acquire_seconds_count", &HIKARI, F::Waits),
    is("hikaricp_connections_acquire_seconds_sum", &HIKARI, F::Wait),
    is("hikaricp_connections_usage_seconds_count", &HIKARI, F::Uses),
    is("hikaricp_connections_usage_seconds_sum", &HIKARI, F::Use),
    is("hikaricp_connections_creation_seconds_count", &HIKARI, F::Opened),
    // HikariCP's own tracker for Prometheus.
    is("hikaricp_active_connections", &HIKARI, F::Used),
    is("hikaricp_idle_connections", &HIKARI, F::Idle),
    is("hikaricp_pending_threads", &HIKARI, F::Pending),
    is("hikaricp_max_connections", &HIKARI, F::Max),
    is("hikaricp_min_connections", &HIKARI, F::Min),
    is("hikaricp_connection_timeout", &HIKARI, F::Timeouts),
    is("hikaricp_connection_acquired_nanos_count", &HIKARI, F::Waits),
    is("hikaricp_connection_acquired_nanos_sum", &HIKARI, F::Wait).in_unit(NS),
    is("hikaricp_connection_usage_millis_count", &HIKARI, F::Uses),
    is("hikaricp_connection_usage_millis_sum", &HIKARI, F::Use).in_unit(MS),
    is("hikaricp_connection_creation_millis_count", &HIKARI, F::Opened),
    // client_golang's collector of database/sql, then the older sqlstats.
    is("go_sql_max_open_connections", &GO_SQL, F::Max),
    is("go_sql_open_connections", &GO_SQL, F::Total),
    is("go_sql_in_use_connections", &GO_SQL, F::Used),
    is("go_sql_idle_connections", &GO_SQL, F::Idle),
    is("go_sql_wait_count", &GO_SQL, F::Waits),
    is("go_sql_wait_duration_seconds", &GO_SQL, F::Wait),
    part("go_sql_max_idle_closed", &GO_SQL, F::Closed),
    part("go_sql_max_idle_time_closed", &GO_SQL, F::Closed),
    part("go_sql_max_lifetime_closed", &GO_SQL, F::Closed),
    is("go_sql_stats_connections_max_open", &GO_SQL, F::Max),
    is("go_sql_stats_connections_open", &GO_SQL, F::Total),
    is("go_sql_stats_connections_in_use", &GO_SQL, F::Used),
    is("go_sql_stats_connections_idle", &GO_SQL, F::Idle),
    is("go_sql_stats_connections_waited_for", &GO_SQL, F::Waits),
    is("go_sql_stats_connections_blocked_seconds", &GO_SQL, F::Wait),
    part("go_sql_stats_connections_closed_max_idle", &GO_SQL, F::Closed),
    part("go_sql_stats_connections_closed_max_idle_time", &GO_SQL, F::Closed),
    part("go_sql_stats_connections_closed_max_lifetime", &GO_SQL, F::Closed),
    // pgxpool: several exporters, all of them its Stat. Whatever an application puts before `pgxpool_` is passed over.
    is("pgxpool_acquired_conns", &PGX, F::Used),
    is("pgxpool_acquired_connections", &PGX, F::Used),
    is("pgxpool_idle_conns", &PGX, F::Idle),
    is("pgxpool_idle_connections", &PGX, F::Idle),
    is("pgxpool_total_conns", &PGX, F::Total),
    is("pgxpool_total_connections", &PGX, F::Total),
    is("pgxpool_max_conns", &PGX, F::Max),
    is("pgxpool_max_connections", &PGX, F::Max),
    is("pgxpool_acquire", &PGX, F::Waits),
    is("pgxpool_acquires", &PGX, F::Waits),
    is("pgxpool_acquire_count", &PGX, F::Waits),
    is("pgxpool_acquire_duration_ns", &PGX, F::Wait).in_unit(NS),
    is("pgxpool_acquire_duration_nanoseconds", &PGX, F::Wait).in_unit(NS),
    is("pgxpool_acquire_duration_seconds", &PGX, F::Wait),
    is("pgxpool_canceled_acquire", &PGX, F::Timeouts),
    is("pgxpool_canceled_acquires", &PGX, F::Timeouts),
    is("pgxpool_canceled_acquire_count", &PGX, F::Timeouts),
    is("pgxpool_new_conns", &PGX, F::Opened),
    is("pgxpool_new_conns_count", &PGX, F::Opened),
    is("pgxpool_new_connections", &PGX, F::Opened),
    is("pgxpool_max_lifetime_destroy", &PGX, F::Recycled),
    is("pgxpool_max_lifetime_destroy_count", &PGX, F::Recycled),
    // Spring Boot, whatever the pool is, and r2dbc-pool.
    is("jdbc_connections_active", &JDBC, F::Used),
    is("jdbc_connections_idle", &JDBC, F::Idle),
    is("jdbc_connections_max", &JDBC, F::Max),
    is("jdbc_connections_min", &JDBC, F::Min),
    is("r2dbc_pool_acquired_connections", &R2DBC, F::Used),
    is("r2dbc_pool_allocated_connections", &R2DBC, F::Total),
    is("r2dbc_pool_idle_connections", &R2DBC, F::Idle),
    is("r2dbc_pool_pending_connections", &R2DBC, F::Pending),
    is("r2dbc_pool_max_allocated_connections", &R2DBC, F::Max),
    is("r2dbc_pool_acquired", &R2DBC, F::Used),
    is("r2dbc_pool_allocated", &R2DBC, F::Total),
    is("r2dbc_pool_idle", &R2DBC, F::Idle),
    is("r2dbc_pool_pending", &R2DBC, F::Pending),
    is("r2dbc_pool_max_allocated", &R2DBC, F::Max),
    // Gauges that applications make of SQLAlchemy's pool.
    is("db_pool_size", &SQLALCHEMY, F::Size),
    is("db_pool_checked_in_connections", &SQLALCHEMY, F::Idle),
    is("db_pool_checked_out_connections", &SQLALCHEMY, F::Used),
    is("db_pool_overflow_connections", &SQLALCHEMY, F::Overflow),
    is("db_pool_max_overflow_connections", &SQLALCHEMY, F::MaxOverflow),
    // psycopg_pool's get_stats().
    is("psycopg_pool_pool_min", &PSYCOPG, F::Min),
    is("psycopg_pool_pool_max", &PSYCOPG, F::Max),
    is("psycopg_pool_pool_size", &PSYCOPG, F::Total),
    is("psycopg_pool_pool_available", &PSYCOPG, F::Idle),
    is("psycopg_pool_min", &PSYCOPG, F::Min),
    is("psycopg_pool_max", &PSYCOPG, F::Max),
    is("psycopg_pool_size", &PSYCOPG, F::Total),
    is("psycopg_pool_available", &PSYCOPG, F::Idle),
    is("psycopg_pool_requests_waiting", &PSYCOPG, F::Pending),
    is("psycopg_pool_requests_num", &PSYCOPG, F::Waits),
    is("psycopg_pool_requests_wait_ms", &PSYCOPG, F::Wait).in_unit(MS),
    is("psycopg_pool_requests_errors", &PSYCOPG, F::Timeouts),
    is("psycopg_pool_connections_num", &PSYCOPG, F::Opened),
    is("psycopg_pool_connections_errors", &PSYCOPG, F::Errors),
    is("psycopg_pool_usage_ms", &PSYCOPG, F::Use).in_unit(MS),
    // OpenTelemetry since 1.26: times in seconds. The labels of 1.26 and of later versions differ.
    states("db_client_connection_count", &OTEL),
    is("db_client_connection_idle_min", &OTEL, F::Min),
    is("db_client_connection_max", &OTEL, F::Max),
    is("db_client_connection_pending_requests", &OTEL, F::Pending),
    is("db_client_connection_timeouts", &OTEL, F::Timeouts),
    is("db_client_connection_create_time_seconds_count", &OTEL, F::Opened),
    is("db_client_connection_create_time_count", &OTEL, F::Opened),
    is("db_client_connection_wait_time_seconds_count", &OTEL, F::Waits),
    is("db_client_connection_wait_time_seconds_sum", &OTEL, F::Wait),
    is("db_client_connection_wait_time_count", &OTEL, F::Waits),
    is("db_client_connection_wait_time_sum", &OTEL, F::Wait),
    is("db_client_connection_use_time_seconds_count", &OTEL, F::Uses),
    is("db_client_connection_use_time_seconds_sum", &OTEL, F::Use),
    is("db_client_connection_use_time_count", &OTEL, F::Uses),
    is("db_client_connection_use_time_sum", &OTEL, F::Use),
    // OpenTelemetry until 1.25: times in milliseconds, unless the name says seconds.
    states("db_client_connections_usage", &OTEL),
    is("db_client_connections_idle_min", &OTEL, F::Min),
    is("db_client_connections_max", &OTEL, F::Max),
    is("db_client_connections_pending_requests", &OTEL, F::Pending),
    is("db_client_connections_timeouts", &OTEL, F::Timeouts),
    is("db_client_connections_create_time_milliseconds_count", &OTEL, F::Opened),
    is("db_client_connections_create_time_seconds_count", &OTEL, F::Opened),
    is("db_client_connections_create_time_count", &OTEL, F::Opened),
    is("db_client_connections_wait_time_milliseconds_count", &OTEL, F::Waits),
    is("db_client_connections_wait_time_milliseconds_sum", &OTEL, F::Wait).in_unit(MS),
    is("db_client_connections_wait_time_count", &OTEL, F::Waits),
    is("db_client_connections_wait_time_sum", &OTEL, F::Wait).in_unit(MS),
    is("db_client_connections_use_time_milliseconds_count", &OTEL, F::Uses),
    is("db_client_connections_use_time_milliseconds_sum", &OTEL, F::Use).in_unit(MS),
    is("db_client_connections_use_time_count", &OTEL, F::Uses),
    is("db_client_connections_use_time_sum", &OTEL, F::Use).in_unit(MS),
    // What Npgsql 10 adds; before, it has OpenTelemetry's older names.
    is("db_client_connection_npgsql_pending_requests", &OTEL, F::Pending),
    is("db_client_connection_npgsql_timeouts", &OTEL, F::Timeouts),
    is("db_client_connection_npgsql_create_time_seconds_count", &OTEL, F::Opened),
    is("db_client_connection_npgsql_create_time_count", &OTEL, F::Opened),
    // prometheus-community/pgbouncer_exporter.
    is("pgbouncer_pools_server_active_connections", &PGBOUNCER, F::Used),
    part("pgbouncer_pools_server_idle_connections", &PGBOUNCER, F::Idle),
    part("pgbouncer_pools_server_used_connections", &PGBOUNCER, F::Idle),
    part("pgbouncer_pools_server_testing_connections", &PGBOUNCER, F::Idle),
    is("pgbouncer_pools_client_waiting_connections", &PGBOUNCER, F::Pending),
    is("pgbouncer_pools_client_maxwait_seconds", &PGBOUNCER, F::MaxWait),
    // PgCat. The size of a pool is one row per server behind it.
    is("pgcat_pools_sv_active", &PGCAT, F::Used),
    part("pgcat_pools_sv_idle", &PGCAT, F::Idle),
    part("pgcat_pools_sv_tested", &PGCAT, F::Idle),
    is("pgcat_pools_cl_waiting", &PGCAT, F::Pending),
    part("pgcat_pools_maxwait", &PGCAT, F::MaxWait),
    part("pgcat_pools_maxwait_us", &PGCAT, F::MaxWait).in_unit(US),
    part("pgcat_databases_pool_size", &PGCAT, F::Max),
    // Supavisor tells its clients only.
    is("supavisor_connections_active", &SUPAVISOR, F::Used),
    part("supavisor_pool_checkout_duration_count", &SUPAVISOR, F::Waits),
    part("supavisor_pool_checkout_duration_sum", &SUPAVISOR, F::Wait).in_unit(MS),
    part("supavisor_pool_checkout_duration_local_count", &SUPAVISOR, F::Waits),
    part("supavisor_pool_checkout_duration_local_sum", &SUPAVISOR, F::Wait).in_unit(MS),
    part("supavisor_pool_checkout_duration_remote_count", &SUPAVISOR, F::Waits),
    part("supavisor_pool_checkout_duration_remote_sum", &SUPAVISOR, F::Wait).in_unit(MS),
];

/// `HikariCP` by Dropwizard, whose names hold the pool's: `HikariPool_1_pool_ActiveConnections`.
static DROPWIZARD: &[Metric] = &[
    is("TotalConnections", &HIKARI, F::Total),
    is("ActiveConnections", &HIKARI, F::Used),
    is("IdleConnections", &HIKARI, F::Idle),
    is("PendingConnections", &HIKARI, F::Pending),
    is("MaxConnections", &HIKARI, F::Max),
    is("MinConnections", &HIKARI, F::Min),
    is("ConnectionTimeoutRate_total", &HIKARI, F::Timeouts),
    is("ConnectionCreation_count", &HIKARI, F::Opened),
];

/// Start time of the process, by which one of several is told from another.
pub(super) const PROCESS_START: &str = "process_start_time_seconds";

static BY_NAME: LazyLock<HashMap<&'static str, &'static Metric>> =
    LazyLock::new(|| METRICS.iter().map(|metric| (metric.name, metric)).collect());

/// The metric of a name, and the pool's name where that stands in it.
pub(super) fn find(name: &str) -> Option<(&'static Metric, Option<&str>)> {
    if let Some(metric) = exact(name) {
        return Some((metric, None));
    }
    let (before, after) = name.split_at(name.find("pool_")?);
    if before.ends_with("pgx") {
        return exact(&name[before.len() - 3..]).map(|metric| (metric, None));
    }
    let tail = after.strip_prefix("pool_")?;
    let pool = before.strip_suffix(['_', '.']).filter(|pool| !pool.is_empty())?;
    DROPWIZARD.iter().find(|metric| metric.name == tail).map(|metric| (metric, Some(pool)))
}

fn exact(name: &str) -> Option<&'static Metric> {
    let plain = name.strip_suffix("_total").unwrap_or(name);
    BY_NAME.get(plain).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_and_none_has_the_suffix_that_is_taken_off() {
        assert_eq!(BY_NAME.len(), METRICS.len());
        assert!(METRICS.iter().all(|metric| !metric.name.ends_with("_total")));
    }

    #[test]
    fn a_name_is_found_in_each_of_its_spellings() {
        for (name, expected) in [
            ("hikaricp_connections_active", Some((F::Used, None))),
            ("hikaricp_connections_timeout_total", Some((F::Timeouts, None))),
            ("db_pool_size_total", Some((F::Size, None))),
            ("api_pgxpool_acquired_conns", Some((F::Used, None))),
            ("pgxpool_canceled_acquire_count", Some((F::Timeouts, None))),
            ("HikariPool_1_pool_ActiveConnections", Some((F::Used, Some("HikariPool_1")))),
            ("_pool_ActiveConnections", None),
            ("process_pool_size", None),
            ("up", None),
        ] {
            let found = find(name).map(|(metric, pool)| {
                let (Meaning::Is(field) | Meaning::PartOf(field)) = metric.meaning else { panic!("{name}") };
                (field, pool)
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
