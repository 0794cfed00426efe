//! The console client, on a real PgBouncer and on a real PostgreSQL.

use std::time::Duration;

use pooltop::connect::Console;
use pooltop::model::target::TargetError;

use super::info;
use crate::support::{Auth, PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, wait_until};

async fn console(url: &str) -> Result<Console, TargetError> {
    Console::open(&info(url)).await
}

#[tokio::test]
async fn a_pooler_answers_with_columns_rows_and_tags() {
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &PgBouncerOptions::default()) else { return };
    let mut console = console(&pooler.console_url("admin")).await.unwrap();
    assert!(console.server_version().ends_with("/bouncer"), "{}", console.server_version());
    let version = console.query("SHOW VERSION").await.unwrap();
    assert_eq!(version.tag, "SHOW");
    assert!(version.text(&version.rows[0], "version").unwrap().starts_with("PgBouncer "));
    let pools = console.query("SHOW POOLS").await.unwrap();
    assert!(pools.column("cl_waiting").is_some() && pools.column("no_such_column").is_none());
    assert_eq!(pools.text(&pools.rows[0], "database").as_deref(), Some("pgbouncer"));
    let help = console.query("SHOW HELP").await.unwrap();
    assert!(help.rows.is_empty() && help.notices[0].contains("POOLS"), "{help:?}");
    let databases = console.query("SHOW DATABASES").await.unwrap();
    assert_eq!(databases.rows[0][databases.column("host").unwrap()], None, "NULL is not empty");
}

#[tokio::test]
async fn an_error_answer_keeps_the_console() {
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &PgBouncerOptions::default()) else { return };
    let mut console = console(&pooler.console_url("stats")).await.unwrap();
    for (sql, words, hint) in
        [("SHOW NONSENSE", "use SHOW HELP", None), ("PAUSE", "admin access needed", Some("admin_users"))]
    {
        let error = console.query(sql).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert_eq!(error.code.as_deref(), Some("08P01"));
        assert!(error.refused && !error.authentication);
        assert!(hint.is_none_or(|part| error.hint.as_ref().unwrap().contains(part)), "{error:?}");
    }
    assert_eq!(console.query("SHOW VERSION").await.unwrap().tag, "SHOW");
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_the_session_only_here() {
    let server = Postgres::shared();
    let mut console = console(&server.url("postgres", "postgres")).await.unwrap();
    let late = console.query_within("SELECT pg_sleep(60)", Duration::from_millis(50)).await.unwrap_err();
    assert!(late.message.contains("no answer within"), "{late}");
    assert!(console.is_closed());
    assert!(console.query("SELECT 1").await.unwrap_err().message.contains("has ended"));
}

#[tokio::test]
async fn a_server_is_asked_in_simple_queries() {
    let server = Postgres::shared();
    let dsn = format!(
        "host={} port={} user=postgres dbname=postgres",
        server.socket_directory().display(),
        server.port
    );
    for url in [server.url("postgres", "postgres"), dsn] {
        let mut console = console(&url).await.unwrap();
        let answer = console.query("SELECT 1 AS one, NULL AS none, 'ü' AS text").await.unwrap();
        assert_eq!(answer.columns, ["one", "none", "text"]);
        assert_eq!(answer.rows, [[Some("1".into()), None, Some("ü".into())]]);
        assert_eq!(answer.tag, "SELECT 1");
        let error = console.query("SELECT 1/0").await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("22012"));
        let several = console.query("SELECT 1 AS a; SELECT 2 AS b").await.unwrap();
        assert_eq!(several.columns, ["b"], "the last result set is the answer");
        assert_eq!(console.query("").await.unwrap().tag, "");
        let notice = console.query("DO $$BEGIN RAISE NOTICE 'caf%', chr(233); END$$").await.unwrap();
        assert_eq!(notice.notices[0].as_str(), "café");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = Postgres::shared();
    let mut console = console(&server.url("postgres", "postgres")).await.unwrap();
    let huge = "SELECT repeat('x', 1000000) FROM generate_series(1, 200)";
    let error = console.query_within(huge, Duration::from_secs(60)).await.unwrap_err();
    assert!(error.message.contains("64 MiB"), "{error}");
    assert!(console.is_closed());
}

#[tokio::test]
async fn every_password_method_logs_in_and_a_wrong_password_is_told() {
    let server = Postgres::start(&PostgresOptions {
        hba: ["md5", "password", "scram-sha-256"]
            .iter()
            .map(|method| {
                format!("host all {}_user 127.0.0.1/32 {method}", method.split('-').next().unwrap())
            })
            .collect(),
        auth: Auth::Scram,
        ..PostgresOptions::default()
    });
    server
        .execute(
            "SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD 'sécret';
             SET password_encryption = 'scram-sha-256';
             CREATE ROLE password_user LOGIN PASSWORD 'sécret'; CREATE ROLE scram_user LOGIN PASSWORD 'sécret'",
        )
        .await;
    for method in ["md5", "password", "scram"] {
        let dsn = |password: &str| format!("{} password={password}", dsn(&server, &format!("{method}_user")));
        assert!(console(&dsn("sécret")).await.is_ok(), "{method}");
        let wrong = console(&dsn("wrong")).await.err().unwrap();
        assert_eq!(wrong.code.as_deref(), Some("28P01"), "{method}: {wrong}");
        assert!(wrong.authentication && wrong.refused && !wrong.message.contains("wrong"), "{wrong:?}");
        let none = console(&dsn("''")).await.err().unwrap();
        assert!(none.authentication && none.message.contains("wants a password"), "{method}: {none:?}");
    }
}

fn dsn(server: &Postgres, user: &str) -> String {
    format!("host=127.0.0.1 port={} dbname=postgres user={user}", server.port)
}

#[tokio::test]
async fn a_console_admits_its_own_users_only() {
    let options = PgBouncerOptions { auth_type: "scram-sha-256", ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &options) else { return };
    let url = |user: &str| format!("pgbouncer://{user}@127.0.0.1:{}", pooler.port);
    assert!(console(&url("admin:admin")).await.is_ok());
    let wrong = console(&url("admin:nope")).await.err().unwrap();
    assert!(wrong.refused && wrong.message.contains("SASL authentication failed"), "{wrong:?}");
    assert!(wrong.authentication, "a wrong password on a pooler is one too: {wrong:?}");
}

#[tokio::test]
async fn a_dropped_console_says_goodbye() {
    let Some(pooler) = PgBouncer::start(Postgres::shared(), &PgBouncerOptions::default()) else { return };
    drop(console(&pooler.console_url("admin")).await.unwrap());
    wait_until("the pooler logs the end", async || {
        pooler.log().contains("admin@127.0.0.1") && pooler.log().contains("closing because")
    })
    .await;
    let log = pooler.log();
    assert!(log.contains("client close request") && !log.contains("unexpected eof"), "{log}");
}
