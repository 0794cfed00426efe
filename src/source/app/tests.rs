//! Answers of every known shape, as libraries write them. Constructed from their documentation and source; that the
//! libraries do write them so is tested with a real application elsewhere.

use super::mapping::Mapping;
use super::recognised::{Recognised, read};
use crate::model::app::{AppField, AppPool, AppPoolKind};

fn recognised(body: &str) -> Recognised {
    read(body.as_bytes(), &Mapping::default()).unwrap_or_else(|why| panic!("{why}: {body}"))
}

/// A pool in one line: what is known of it, in the order of the words.
fn line(pool: &AppPool) -> String {
    let mut seen = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    for (word, field, _) in AppField::WORDS {
        if let Some(value) = pool.get(*field).filter(|_| !seen.contains(field)) {
            parts.push(format!("{word} {value}"));
        }
        seen.push(*field);
    }
    let kind = match pool.kind {
        AppPoolKind::Database => "",
        AppPoolKind::Redis => "redis ",
        AppPoolKind::Pooler => "pooler ",
    };
    format!("{kind}{}: {}", pool.name, parts.join(", "))
}

fn lines(found: &Recognised) -> Vec<String> {
    found.pools.iter().map(line).collect()
}

/// What is answered, as what it is recognised, and the pool in it.
const JSON: &[(&str, &str, &str)] = &[
    (
        r#"{"status":"healthy","pool_size":3,"checked_in":0,"checked_out":2,"overflow":-1,"total_connections":2}"#,
        "SQLAlchemy health (JSON)",
        ": used 2, idle 0, total 2, size 3, overflow -1",
    ),
    (
        r#"{"pool_size":5,"checked_in":2,"checked_out":3,"overflow":0,"max_overflow":10}"#,
        "SQLAlchemy health (JSON)",
        ": used 3, idle 2, total 5, max 15, size 5, overflow 0, max_overflow 10",
    ),
    (
        r#"{"database":{"pool":{"size":5,"checkedin":1,"checkedout":4,"overflow":0}}}"#,
        "SQLAlchemy (JSON)",
        ": used 4, idle 1, total 5, size 5, overflow 0",
    ),
    (
        r#"{"size":10,"free":7,"used":3,"waiting":0}"#,
        "asyncpg style (JSON)",
        ": used 3, idle 7, total 10, pending 0",
    ),
    (
        r#"{"size":4,"idle":1,"min_size":2,"max_size":8}"#,
        "asyncpg (JSON)",
        ": used 3, idle 1, total 4, min 2, max 8",
    ),
    (
        r#"{"pool_min":4,"pool_max":8,"pool_size":6,"requests_num":100,"requests_wait_ms":2500,"usage_ms":1500}"#,
        "psycopg_pool (JSON)",
        ": used 6, idle 0, total 6, pending 0, min 4, max 8, opened 0, timeouts 0, errors 0, waits 100, wait_s 2.5, \
             use_s 1.5",
    ),
    (
        r#"{"totalCount":10,"idleCount":2,"waitingCount":5,"expiredCount":0}"#,
        "node-postgres (JSON)",
        ": used 8, idle 2, total 10, pending 5",
    ),
    (
        r#"{"AcquireCount":7,"AcquireDuration":1500000000,"AcquiredConns":3,"CanceledAcquireCount":1,
               "ConstructingConns":0,"IdleConns":1,"MaxConns":4,"TotalConns":4,"NewConnsCount":9,"MaxLifetimeDestroyCount":2}"#,
        "pgxpool (JSON)",
        ": used 3, idle 1, total 4, max 4, opened 9, recycled 2, timeouts 1, waits 7, wait_s 1.5",
    ),
    (
        r#"{"acquired_conns":3,"idle_conns":1,"total_conns":4,"max_conns":4,"acquire_duration":17}"#,
        "pgxpool (JSON)",
        ": used 3, idle 1, total 4, max 4",
    ),
    (
        r#"{"MaxOpenConnections":0,"OpenConnections":5,"InUse":4,"Idle":1,"WaitCount":3,"WaitDuration":2000000000}"#,
        "database/sql (JSON)",
        ": used 4, idle 1, total 5, waits 3, wait_s 2",
    ),
    (
        r#"{"max_size":16,"size":5,"available":2,"waiting":0}"#,
        "deadpool (JSON)",
        ": used 3, idle 2, total 5, pending 0, max 16",
    ),
    (
        r#"{"connections":5,"idle_connections":1,"statistics":{"get_started":20,"get_timed_out":2,"connections_created":6}}"#,
        "bb8 (JSON)",
        ": used 4, idle 1, total 5, opened 6, timeouts 2, waits 20",
    ),
    (
        r#"{"acquiredSize":2,"allocatedSize":5,"idleSize":3,"pendingAcquireSize":0,"maxAllocatedSize":10}"#,
        "r2dbc-pool (JSON)",
        ": used 2, idle 3, total 5, pending 0, max 10",
    ),
    (
        r#"{"size":15,"connections":3,"busy":1,"dead":0,"idle":2,"waiting":0,"checkout_timeout":5}"#,
        "ActiveRecord (JSON)",
        ": used 1, idle 2, total 3, pending 0, max 15",
    ),
    (
        r#"{"ActiveConnections":4,"IdleConnections":6,"TotalConnections":10,"ThreadsAwaitingConnection":2,"MaximumPoolSize":10}"#,
        "HikariCP (JSON)",
        ": used 4, idle 6, total 10, pending 2, max 10",
    ),
    (r#"{"size":4,"num_idle":1,"max_connections":10}"#, "sqlx (JSON)", ": used 3, idle 1, total 4, max 10"),
    (
        r#"[{"source":"Repo","ready_conn_count":3,"checkout_queue_length":1}]"#,
        "DBConnection (JSON)",
        "Repo: idle 3, pending 1",
    ),
];

#[test]
fn each_shape_of_json_is_recognised() {
    for (body, shape, expected) in JSON {
        let found = recognised(body);
        assert_eq!(&*found.shape, *shape, "{body}");
        assert_eq!(lines(&found), [*expected], "{body}");
        assert_eq!(found.missing, [], "{body}");
    }
}

#[test]
fn the_administration_shape_has_pools_of_both_kinds_and_its_own_advice() {
    let found = recognised(
        r#"{"database_pools":{"main":{"active_connections":5,"peak_connections":12,"connections_created":15,
            "connections_closed":3,"average_wait_time":0.02,"pool_size":10,"overflow":2}},
           "redis_pools":{"cache":{"in_use_connections":2,"available_connections":8,"created_connections":10}},
           "recommendations":[{"pool":"main","issue":"High wait times","suggestion":"Increase pool_size to 15"},"sleep"]}"#,
    );
    assert_eq!(
        lines(&found),
        [
            "main: used 5, idle 7, total 12, size 10, overflow 2, peak 12, opened 15, closed 3, wait_avg_s 0.02",
            "redis cache: used 2, idle 8, total 10, opened 10"
        ]
    );
    let advice: Vec<_> = found.advice.iter().map(|advice| (&*advice.issue, &*advice.suggestion)).collect();
    assert_eq!(advice, [("High wait times", "Increase pool_size to 15"), ("sleep", "")]);
    assert_eq!(found.missing, []);
}

#[test]
fn lifetime_counts_that_do_not_add_up_are_said() {
    let found = recognised(
        r#"{"database_pools":{"main":{"active_connections":5,"connections_created":2,"connections_closed":3,
            "pool_size":10,"overflow":2}}}"#,
    );
    assert_eq!(&*found.missing[0].what, "lifetime counts of pool main");
    assert!(found.missing[0].why.contains("12 that are open"), "{:?}", found.missing);
}

#[test]
fn pools_are_named_by_the_steps_that_tell_them_apart() {
    let pool = r#"{"size":10,"free":7,"used":3}"#;
    for (body, names) in [
        (format!(r#"{{"pools":{{"read":{pool},"write":{pool}}}}}"#), &["read", "write"][..]),
        (format!(r#"{{"shop":{{"read":{pool}}},"stock":{{"read":{pool}}}}}"#), &["shop/read", "stock/read"]),
        (format!(r#"{{"data":{{"database":{{"pool":{pool}}}}}}}"#), &[""]),
        (format!("[{pool},{pool}]"), &["0", "1"]),
        (r#"[{"name":"a","size":1,"free":1,"used":0}]"#.to_owned(), &["a"]),
    ] {
        let found = recognised(&body);
        assert_eq!(found.pools.iter().map(|pool| &*pool.name).collect::<Vec<_>>(), names, "{body}");
    }
    let redis = recognised(&format!(r#"{{"redis":{{"pool":{pool}}}}}"#));
    assert_eq!(redis.pools[0].kind, AppPoolKind::Redis);
}

#[test]
fn an_application_that_is_not_well_says_so_in_its_words() {
    for (body, expected) in [
        (r#"{"status":"unhealthy","error":"connection refused"}"#, Some("unhealthy: connection refused")),
        (r#"{"status":"DOWN"}"#, Some("DOWN: -")),
        (r#"{"status":"error","detail":{"message":"no route"}}"#, Some("error: no route")),
        (r#"{"status":"healthy"}"#, None),
        (r#"{"status":200}"#, None),
    ] {
        let said = recognised(body).unwell;
        let said =
            said.map(|unwell| format!("{}: {}", unwell.status, unwell.words.as_deref().unwrap_or("-")));
        assert_eq!(said.as_deref(), expected, "{body}");
    }
}

/// What is answered, as what it is recognised, and the pool in it.
const METRICS: &[(&str, &str, &str)] = &[
    (
        "hikaricp_connections_active{pool=\"HikariPool-1\"} 4\nhikaricp_connections_idle{pool=\"HikariPool-1\"} 6\n\
             hikaricp_connections{pool=\"HikariPool-1\"} 10\nhikaricp_connections_max{pool=\"HikariPool-1\"} 10\n\
             hikaricp_connections_pending{pool=\"HikariPool-1\"} 2\nhikaricp_connections_timeout_total{pool=\"HikariPool-1\"} 3\n\
             hikaricp_connections_acquire_seconds_count{pool=\"HikariPool-1\"} 50\n\
             hikaricp_connections_acquire_seconds_sum{pool=\"HikariPool-1\"} 1.5\n\
             jdbc_connections_active{name=\"dataSource\"} 4\n",
        "HikariCP (Prometheus)",
        "HikariPool-1: used 4, idle 6, total 10, pending 2, max 10, timeouts 3, waits 50, wait_s 1.5",
    ),
    (
        "hikaricp_active_connections{pool=\"a\",} 1.0\nhikaricp_pending_threads{pool=\"a\",} 0.0\n\
             hikaricp_connection_acquired_nanos_sum{pool=\"a\",} 2.0E9\nhikaricp_connection_usage_millis_sum{pool=\"a\",} 2500\n",
        "HikariCP (Prometheus)",
        "a: used 1, pending 0, wait_s 2, use_s 2.5",
    ),
    (
        "HikariPool_1_pool_ActiveConnections 3\nHikariPool_1_pool_TotalConnections 5\n",
        "HikariCP (Prometheus)",
        "HikariPool_1: used 3, idle 2, total 5",
    ),
    (
        "go_sql_max_open_connections{db_name=\"shop\"} 0\ngo_sql_open_connections{db_name=\"shop\"} 3\n\
             go_sql_in_use_connections{db_name=\"shop\"} 1\ngo_sql_wait_duration_seconds_total{db_name=\"shop\"} 0.5\n\
             go_sql_max_idle_closed_total{db_name=\"shop\"} 2\ngo_sql_max_lifetime_closed_total{db_name=\"shop\"} 5\n",
        "database/sql (Prometheus)",
        "shop: used 1, idle 2, total 3, closed 7, wait_s 0.5",
    ),
    (
        "api_pgxpool_acquired_conns 2\napi_pgxpool_max_conns 4\napi_pgxpool_acquire_duration_ns 1e9\n",
        "pgxpool (Prometheus)",
        ": used 2, max 4, wait_s 1",
    ),
    (
        "r2dbc_pool_acquired_connections{name=\"cf\"} 2\nr2dbc_pool_max_allocated_connections{name=\"cf\"} 10\n",
        "r2dbc-pool (Prometheus)",
        "cf: used 2, max 10",
    ),
    (
        "db_pool_size_total 5\ndb_pool_checked_in_connections 2\ndb_pool_checked_out_connections 1\n\
             db_pool_overflow_connections -2\n",
        "SQLAlchemy (Prometheus)",
        ": used 1, idle 2, total 3, size 5, overflow -2",
    ),
    (
        "psycopg_pool_pool_size{pool=\"p\"} 4\npsycopg_pool_pool_available{pool=\"p\"} 1\n\
             psycopg_pool_requests_wait_ms{pool=\"p\"} 1500\n",
        "psycopg_pool (Prometheus)",
        "p: used 3, idle 1, total 4, wait_s 1.5",
    ),
    (
        "db_client_connection_count{db_client_connection_pool_name=\"p\",db_client_connection_state=\"used\"} 3\n\
             db_client_connection_count{db_client_connection_pool_name=\"p\",db_client_connection_state=\"idle\"} 2\n\
             db_client_connection_max{db_client_connection_pool_name=\"p\"} 10\n\
             db_client_connection_wait_time_seconds_sum{db_client_connection_pool_name=\"p\"} 0.25\n",
        "OpenTelemetry (Prometheus)",
        "p: used 3, idle 2, total 5, max 10, wait_s 0.25",
    ),
    (
        "{\"db.client.connection.count\",\"db.client.connections.pool.name\"=\"p\",\"db.client.connections.state\"=\"used\"} 3\n",
        "OpenTelemetry (Prometheus)",
        "p: used 3",
    ),
    (
        "db_client_connections_usage{pool_name=\"p\",state=\"used\"} 3\n\
             db_client_connections_usage{pool_name=\"p\",state=\"idle\"} 2\n\
             db_client_connections_wait_time_milliseconds_sum{pool_name=\"p\"} 250\n\
             db_client_connections_timeouts_total{pool_name=\"p\"} 4\n",
        "OpenTelemetry (Prometheus)",
        "p: used 3, idle 2, total 5, timeouts 4, wait_s 0.25",
    ),
    (
        "db_client_connection_count{db_client_connection_pool_name=\"p\",db_client_connection_state=\"used\"} 3\n\
             db_client_connection_npgsql_pending_requests{db_client_connection_pool_name=\"p\"} 7\n",
        "OpenTelemetry (Prometheus)",
        "p: used 3, pending 7",
    ),
    (
        "pgbouncer_pools_server_active_connections{database=\"shop\",user=\"app\"} 4\n\
             pgbouncer_pools_server_idle_connections{database=\"shop\",user=\"app\"} 1\n\
             pgbouncer_pools_server_used_connections{database=\"shop\",user=\"app\"} 2\n\
             pgbouncer_pools_client_waiting_connections{database=\"shop\",user=\"app\"} 9\n\
             pgbouncer_pools_client_maxwait_seconds{database=\"shop\",user=\"app\"} 1.5\n",
        "pgbouncer_exporter (Prometheus)",
        "pooler shop: used 4, idle 3, total 7, pending 9, max_wait_s 1.5",
    ),
    (
        "pgcat_pools_sv_active{pool=\"shop\",user=\"app\"} 4\npgcat_pools_maxwait{pool=\"shop\",user=\"app\"} 1\n\
             pgcat_pools_maxwait_us{pool=\"shop\",user=\"app\"} 500000\n\
             pgcat_databases_pool_size{database=\"shop0\",host=\"a\",pool=\"shop\",username=\"app\"} 10\n\
             pgcat_databases_pool_size{database=\"shop0\",host=\"b\",pool=\"shop\",username=\"app\"} 10\n",
        "PgCat (Prometheus)",
        "pooler shop: used 4, max 20, max_wait_s 1.5",
    ),
    (
        "supavisor_connections_active{tenant=\"t\",user=\"u\",mode=\"session\",type=\"single\",db_name=\"postgres\"} 12\n",
        "Supavisor (Prometheus)",
        "pooler t: used 12",
    ),
    (
        "db_client_connections_usage{db_system=\"redis\",pool_name=\"cache\",state=\"used\"} 3\n",
        "OpenTelemetry (Prometheus)",
        "redis cache: used 3",
    ),
];

#[test]
fn each_family_of_metrics_is_recognised() {
    for (body, shape, expected) in METRICS {
        let found = recognised(body);
        assert_eq!(&*found.shape, *shape, "{body}");
        assert_eq!(lines(&found), [*expected], "{body}");
    }
}

#[test]
fn pools_of_several_processes_stay_apart_and_those_that_cannot_be_told_apart_are_said() {
    let found = recognised(
        "db_pool_checked_out_connections{pid=\"7\"} 1\ndb_pool_checked_out_connections{pid=\"8\"} 2\n\
         db_pool_checked_in_connections{pid=\"7\"} 3\n",
    );
    assert_eq!(lines(&found), ["(pid 7): used 1, idle 3, total 4", "(pid 8): used 2"]);
    let found = recognised("db_pool_size{shade=\"red\"} 1\ndb_pool_size{shade=\"blue\"} 2\n");
    assert_eq!(lines(&found), [": size 1"]);
    assert_eq!(&*found.missing[0].what, "pools that share their labels");
    let found =
        recognised("db_pool_size{database=\"a\",user=\"x\"} 1\ndb_pool_size{database=\"a\",user=\"y\"} 2\n");
    assert_eq!(lines(&found), ["a/x: size 1", "a/y: size 2"]);
}

#[test]
fn a_process_is_known_by_what_it_says_of_itself_and_not_by_a_session_of_its_database() {
    let identity = |body: &str| recognised(body).identity;
    let first = identity(r#"{"pid":7,"size":1,"free":1,"used":0}"#);
    assert!(first.is_some());
    assert_ne!(first, identity(r#"{"pid":8,"size":1,"free":1,"used":0}"#));
    assert_eq!(first, identity(r#"{"pid":7,"size":2,"free":2,"used":0}"#));
    assert_eq!(identity(r#"{"database":{"pid":7}}"#), None);
    assert!(identity("process_start_time_seconds 1.7e9\ndb_pool_size 1\n").is_some());
    assert_eq!(
        identity("process_start_time_seconds{a=\"1\"} 1\nprocess_start_time_seconds{a=\"2\"} 2\n"),
        None
    );
}

#[test]
fn a_mapping_goes_before_the_shapes_and_reads_metrics_too() {
    let mapping = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(word, place)| ((*word).into(), (*place).into())).collect();
        Mapping::new(&pairs).unwrap()
    };
    let found = read(br#"{"size":10,"free":7,"used":3,"busy":2}"#, &mapping(&[("used", "busy")])).unwrap();
    assert_eq!((&*found.shape, lines(&found)), ("mapping (JSON)", vec![": used 2".to_owned()]));
    let found = read(
        b"my_busy{pool=\"a\"} 2\nmy_limit{pool=\"a\"} 9\n",
        &mapping(&[("used", "my_busy"), ("max", "my_limit")]),
    );
    assert_eq!(lines(&found.unwrap()), ["a: used 2, max 9"]);
}

#[test]
fn what_is_neither_json_nor_metrics_is_said_with_its_beginning() {
    for (body, part) in [
        (&b""[..], "it is empty"),
        (b"<!doctype html><h1>hello", "neither JSON nor metrics text: `<!doctype html>"),
        (b"{\"a\":", "it begins like JSON, but: EOF"),
        (b"\x1f\x8b\x08\x00", "neither JSON nor metrics text"),
    ] {
        let why = read(body, &Mapping::default()).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(recognised("42 is no metric\nup 1\n").pools, []);
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes(), &Mapping::default()).unwrap_err().contains("recursion limit"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let key = prop_oneof![
            proptest::sample::select(vec![
                "pool_size",
                "checked_in",
                "checked_out",
                "size",
                "free",
                "used",
                "active_connections",
                "overflow",
                "status",
                "error",
                "database_pools",
                "recommendations",
                "name",
                "pid",
                "redis",
            ])
            .prop_map(str::to_owned),
            ".{0,6}",
        ];
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(8, 128, 12, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Into::into),
                prop::collection::btree_map(key.clone(), inner, 0..12)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_json_makes_the_reader_stumble(value in json()) {
            let found = super::super::json::read(&value, &Mapping::default());
            prop_assert!(found.pools.len() <= super::super::recognised::MOST_POOLS);
            super::super::bounds::all(&value);
        }

        #[test]
        fn no_bytes_make_the_reader_stumble(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&body, &Mapping::default());
        }
    }
}
