//! Slow facts, against the server's own answer.

use pooltop::model::facts::ServerFacts;
use pooltop::model::target::Privilege;

use super::Reader;
use crate::support::{Postgres, PostgresOptions, installations};

async fn facts(url: &str) -> ServerFacts {
    let mut reader = Reader::open(url).await;
    let sample = reader.postgres().await;
    assert_eq!(
        &*sample.facts.missing().unwrap().why,
        "not read yet",
        "the first sample waits for none of it"
    );
    let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
    ServerFacts::clone(sample.facts.known().unwrap())
}

#[tokio::test]
async fn settings_are_the_servers_and_not_those_of_our_own_session() {
    for installation in installations() {
        let conf = ["idle_in_transaction_session_timeout = '7min'", "superuser_reserved_connections = 4"];
        let conf = conf.map(str::to_owned).to_vec();
        let options = PostgresOptions {
            version: Some(installation.major),
            max_connections: 77,
            conf,
            ..PostgresOptions::default()
        };
        let server = Postgres::start(&options);
        let facts = facts(&server.url("postgres", "postgres")).await;
        let settings = &facts.settings;
        assert_eq!((settings.max_connections, settings.superuser_reserved), (77, 4));
        assert_eq!(settings.idle_in_transaction_timeout_ms, 420_000);
        assert_eq!((settings.statement_timeout_ms, settings.reserved), (0, 0));
        assert_eq!(settings.transaction_timeout_ms, (installation.major >= 17).then_some(0));
        assert_eq!(settings.idle_session_timeout_ms, (installation.major >= 14).then_some(0));
        assert_eq!((settings.track_activities, settings.track_activity_query_size), (true, 1024));
        assert_eq!(settings.max_prepared_transactions, 5);
        assert_eq!(facts.version_num / 10_000, installation.major);
        assert!(facts.version.starts_with(&installation.major.to_string()));
        assert_eq!(facts.own_role.privilege, Privilege::Superuser);
        assert!(facts.own_role.can_signal_others && facts.own_role.can_use_reserved);
        let postgres = facts.databases.iter().find(|database| &*database.name == "postgres").unwrap();
        assert_eq!((&*postgres.encoding, postgres.connection_limit), ("UTF8", None));
        assert_eq!(postgres.sessions.is_some(), installation.major >= 14);
    }
}

#[tokio::test]
async fn limits_and_time_limits_of_roles_and_databases_are_known() {
    let server = Postgres::start(&PostgresOptions::default());
    for sql in [
        "CREATE ROLE app LOGIN CONNECTION LIMIT 5",
        "CREATE ROLE plain LOGIN",
        "CREATE DATABASE shop CONNECTION LIMIT 7",
        "ALTER ROLE app SET idle_in_transaction_session_timeout = '5min'",
        "ALTER DATABASE shop SET idle_in_transaction_session_timeout = '10s'",
        "ALTER ROLE app IN DATABASE shop SET idle_in_transaction_session_timeout = 0",
        "ALTER ROLE plain SET work_mem = '8MB'",
        "GRANT pg_signal_backend TO plain",
    ] {
        server.execute(sql).await;
    }
    let facts = facts(&server.url("plain", "postgres")).await;
    let app = facts.roles.iter().find(|role| &*role.name == "app").unwrap();
    assert_eq!((app.connection_limit, app.superuser), (Some(5), false));
    assert_eq!(app.idle_in_transaction_timeout_ms, Some(300_000));
    let limits: Vec<_> = facts
        .overrides
        .iter()
        .map(|o| (o.database.as_deref(), o.role.as_deref(), o.idle_in_transaction_timeout_ms))
        .collect();
    assert_eq!(limits, [(Some("shop"), None, Some(10_000)), (Some("shop"), Some("app"), Some(0))]);
    let shop = facts.databases.iter().find(|database| &*database.name == "shop").unwrap();
    assert_eq!(shop.connection_limit, Some(7));
    assert_eq!(facts.own_role.privilege, Privilege::Limited);
    assert!(facts.own_role.can_signal_others && !facts.own_role.superuser);
    let missing = facts.statements.missing().unwrap();
    assert_eq!(missing.fix.as_deref(), Some("CREATE EXTENSION pg_stat_statements"));
}

#[tokio::test]
async fn top_statements_come_from_whatever_version_of_the_extension_is_there() {
    for installation in installations() {
        let conf = vec!["shared_preload_libraries = 'pg_stat_statements'".into()];
        let options =
            PostgresOptions { version: Some(installation.major), conf, ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        server.execute("CREATE SCHEMA \"My stats\"").await;
        server.execute("CREATE EXTENSION pg_stat_statements SCHEMA \"My stats\"").await;
        for _ in 0..3 {
            server.execute("SELECT pg_sleep(0.05)").await;
        }
        let facts = facts(&server.url("postgres", "postgres")).await;
        let top = facts.statements.known().unwrap_or_else(|| panic!("{:?}", facts.statements));
        let sleep = top.iter().find(|statement| statement.query.starts_with("SELECT pg_sleep")).unwrap();
        assert_eq!(sleep.calls, 3);
        assert!(sleep.total_ms >= 150.0 && (sleep.mean_ms * 3.0 - sleep.total_ms).abs() < 0.01);
    }
}

#[tokio::test]
async fn an_extension_that_is_not_loaded_is_missing_with_the_setting_that_loads_it() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE EXTENSION pg_stat_statements").await;
    let facts = facts(&server.url("postgres", "postgres")).await;
    let missing = facts.statements.missing().unwrap();
    assert!(missing.fix.as_deref().unwrap().contains("shared_preload_libraries"), "{missing:?}");
}

#[tokio::test]
async fn holders_of_advisory_locks_and_the_progress_of_copies_are_known() {
    for installation in installations() {
        let options = PostgresOptions { version: Some(installation.major), ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        let leader = server.hold("leader", "SELECT pg_advisory_lock(7)").await;
        let _other = server.hold("other", "SELECT 1").await;
        server.execute("CREATE TABLE t (line text)").await;
        let copying = server.client().await;
        let pid: i32 = copying.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let _copy = copying.copy_in::<_, &[u8]>("COPY t FROM STDIN").await.unwrap();
        let facts = facts(&server.url("postgres", "postgres")).await;
        assert_eq!(facts.advisory.known(), Some(&vec![leader.pid]), "{installation:?}");
        match facts.copies.known() {
            Some(copies) => assert_eq!(copies.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(), [pid]),
            None => assert!(installation.major < 14, "{:?}", facts.copies),
        }
    }
}
