//! Connecting: what is proven direct, what a pooler's next client inherits (nothing), and what failures say.

mod console;
mod failures;
pub(crate) mod tls;
mod wire;

use pooltop::connect::{Connection, Conninfo, Environment, Purpose, RowExt, open};
use pooltop::model::target::{TargetError, Wire};

use crate::support::{PgBouncer, PgBouncerOptions, Postgres};

/// Settings from a string alone: nothing of the machine that runs the tests.
fn info(dsn: &str) -> Conninfo {
    let environment = Environment::empty().with_user("postgres");
    Conninfo::resolve(dsn, &environment).unwrap_or_else(|error| panic!("{dsn}: {error}")).0
}

async fn connect(dsn: &str) -> Result<Connection, TargetError> {
    open(&info(dsn), Purpose::Sampling).await
}

async fn setting(connection: &Connection, name: &str) -> String {
    let rows = connection.rows(&format!("SELECT current_setting('{name}') AS value"), &[]).await.unwrap();
    rows[0].text("value").unwrap().to_string()
}

#[tokio::test]
async fn a_tcp_connection_to_the_server_is_direct_and_carries_our_limits() {
    let server = Postgres::shared();
    let connection = connect(&server.url("postgres", "postgres")).await.unwrap();
    assert_eq!(connection.wire(), Wire::Direct);
    assert_eq!(connection.version_num() / 10_000, server.major);
    assert_eq!(connection.identity().address.as_deref(), Some(&*format!("127.0.0.1:{}", server.port)));
    for (name, value) in [
        ("statement_timeout", "2s"),
        ("lock_timeout", "100ms"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("client_encoding", "SQL_ASCII"),
        ("application_name", "pooltop"),
    ] {
        assert_eq!(setting(&connection, name).await, value, "{name}");
    }
    let own = "SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let start: jiff::Timestamp = connection.rows(own, &[]).await.unwrap()[0].value("backend_start").unwrap();
    assert_eq!(connection.backend().start, Some(start.into()));
}

#[tokio::test]
async fn through_a_transaction_pooler_the_limits_hold_for_one_statement_only() {
    let server = Postgres::shared();
    let options = PgBouncerOptions { pool_size: 1, ..PgBouncerOptions::default() };
    let Some(pooler) = PgBouncer::start(server, &options) else { return };
    let connection = connect(&pooler.url("postgres", "postgres")).await.unwrap();
    assert_eq!(connection.wire(), Wire::Pooled);
    assert_eq!(setting(&connection, "statement_timeout").await, "2s");
    assert_eq!(setting(&connection, "client_encoding").await, "SQL_ASCII");
    let next = pooler.client("postgres", "postgres").await;
    for (name, value) in [("statement_timeout", "0"), ("lock_timeout", "0"), ("client_encoding", "UTF8")] {
        let rows = next.query_typed(&format!("SELECT current_setting('{name}')"), &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, String>(0), value, "{name}");
    }
}
