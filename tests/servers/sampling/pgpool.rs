//! A real pgpool-II, and what answers where a console was expected.

use pooltop::model::backend::Client;
use pooltop::model::pooler::ClientState;
use pooltop::model::target::TargetKind;
use pooltop::source::Opener as _;
use pooltop::source::pgbouncer::PgbouncerOpener;

use super::{Reader, conninfo};
use crate::support::{PgBouncer, PgBouncerOptions, Pgpool, Postgres, PostgresOptions};

#[tokio::test]
async fn pgpool_is_recognised_whatever_it_is_called_and_names_the_backend_of_each_client() {
    let server = Postgres::start(&PostgresOptions::default());
    server.execute("CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN").await;
    let Some(pgpool) = Pgpool::start(&server, 6) else { return };
    let held = pgpool.client("app", "postgres").await;
    held.batch_execute("BEGIN").await.unwrap();
    let pid = held.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    for scheme in ["pgpool", "pgbouncer"] {
        let mut reader = Reader::console(&pgpool.url(scheme, "watcher", "postgres")).await;
        let sample = reader.pooler().await;
        assert_eq!(sample.kind, TargetKind::Pgpool);
        assert!(sample.version.starts_with("pgpool-II 4."), "{}", sample.version);
        let sockets = sample.sockets.known().unwrap();
        assert_eq!((sockets.consoles, sockets.clients.len()), (1, 1), "ours is not among them: {sockets:?}");
        let client = &sockets.clients[0];
        assert_eq!(
            (&*client.user, &*client.database, client.state),
            ("app", "postgres", ClientState::Active)
        );
        assert_eq!(&*client.word, "Idle in transaction");
        let link = &sockets.servers[usize::try_from(client.server.unwrap()).unwrap()];
        assert_eq!((link.pid, link.client), (Some(pid), Some(0)));
        assert_eq!(link.server, Client::Tcp { addr: "127.0.0.1".into(), port: server.port });
        let pools = sample.pools.known().unwrap();
        let pool = pools.iter().find(|pool| &*pool.user == "app").unwrap();
        assert_eq!((pool.cl_active, pool.sv_active, pool.sv_idle), (Some(1), Some(1), Some(0)));
        let facts = sample.facts.known().unwrap();
        assert_eq!(
            (facts.config.max_client_conn, facts.used_clients),
            (Some(5), Some(2)),
            "one of six is reserved"
        );
        assert!(sample.missing.iter().any(|missing| missing.what.contains("waiting")));
        let again = reader.sample().await;
        assert_eq!(again.overhead.statements_per_sample.to_bits(), 1f64.to_bits());
        let checks = PgbouncerOpener::new("p".into(), conninfo(&pgpool.url(scheme, "watcher", "postgres")))
            .probe()
            .await;
        assert!(checks[0].found.starts_with("pgpool-II"), "{checks:?}");
    }
}

#[tokio::test]
async fn a_server_or_its_pooled_port_is_no_console_and_that_is_said_with_the_way_out() {
    let server = Postgres::shared();
    let mut urls = vec![format!("pgbouncer://postgres@127.0.0.1:{}/postgres", server.port)];
    let pooler = PgBouncer::start(server, &PgBouncerOptions::default());
    urls.extend(
        pooler.iter().map(|pooler| format!("pgbouncer://postgres@127.0.0.1:{}/postgres", pooler.port)),
    );
    for url in urls {
        let opener = PgbouncerOpener::new("p".into(), conninfo(&url));
        let error = opener.open(None).await.err().unwrap();
        assert!(error.message.contains("no pooler's console: PostgreSQL"), "{error}");
        assert!(error.hint.as_ref().unwrap().contains("postgres://") && error.refused, "{error:?}");
    }
}
