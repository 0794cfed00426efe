//! PgBouncer's relatives: their answers are constructed from the columns that they have. No real one was asked.

use super::answer;
use crate::connect::Answer;
use crate::model::backend::Client;
use crate::model::pooler::{ClientState, ConsoleRight, PoolerFacts, PoolerPool, PoolerSockets};
use crate::model::target::TargetKind;
use crate::source::pgbouncer::dialect::{self, Dialect, Fact, Lists};
use crate::source::pgbouncer::facts::{self, Asker};
use crate::source::pgbouncer::{pairs, pgpool, pools, totals};
use crate::source::postgres::intern::Interner;

fn columns(list: &str) -> Vec<&str> {
    list.split_whitespace().collect()
}

fn pools_of(version: &str, list: &str, rows: &[&[(&str, &str)]]) -> Vec<PoolerPool> {
    pools::read(&answer(&columns(list), rows), dialect::of(version), &mut Interner::default()).unwrap()
}

fn paired(dialect: &Dialect, clients: &Answer, servers: &Answer) -> PoolerSockets {
    let Lists::Pair(names) = dialect.lists else { panic!("{:?} has a snapshot", dialect.kind) };
    pairs::read(clients, servers, names, dialect, &mut Interner::default()).unwrap()
}

const ODYSSEY_POOLS: &str = "database user cl_active cl_waiting sv_active sv_idle sv_used sv_tested sv_login maxwait \
    maxwait_us pool_mode";
const ODYSSEY_CLIENTS: &str = "type user database state storage_user addr port local_addr local_port connect_time \
    request_time wait wait_us id ptr coro remote_pid tls";
const ODYSSEY_SERVERS: &str = "type user database state addr port local_addr local_port connect_time request_time wait \
    wait_us ptr link remote_pid tls offline";

#[test]
fn odyssey_has_no_links_and_its_zeros_are_not_told() {
    let dialect = dialect::of("odyssey 1.5.1");
    let row: &[(&str, &str)] = &[
        ("database", "shop"),
        ("user", "app"),
        ("cl_active", "2"),
        ("cl_waiting", "5"),
        ("sv_active", "2"),
        ("sv_idle", "1"),
        ("sv_used", "0"),
        ("maxwait", "0"),
    ];
    let mut pools = pools_of("odyssey 1.5.1", ODYSSEY_POOLS, &[row]);
    let pool = &pools[0];
    assert_eq!(
        (pool.cl_active, pool.cl_waiting),
        (Some(7), None),
        "clients without a server do not all queue"
    );
    assert_eq!([pool.sv_used, pool.sv_tested, pool.sv_login], [None; 3]);
    assert_eq!((pool.max_wait_us, pool.sv_idle), (None, Some(1)));
    let missing = pools::absent(&answer(&columns(ODYSSEY_POOLS), &[row]), dialect, "odyssey").unwrap();
    assert_eq!(&*missing.what, "sv_used, sv_tested, sv_login, maxwait");

    let client = |state, id| -> Vec<(&str, &str)> {
        vec![
            ("type", "C"),
            ("user", "app"),
            ("database", "shop"),
            ("state", state),
            ("id", id),
            ("addr", "10.0.0.7"),
            ("port", "4711"),
        ]
    };
    let console: Vec<(&str, &str)> = vec![("database", "console"), ("user", "stat")];
    let rows = [client("active", "c1"), client("pending", "c2"), client("queue", "c3"), console];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let servers = answer(
        &columns(ODYSSEY_SERVERS),
        &[&[
            ("type", "S"),
            ("database", "shop"),
            ("user", "app"),
            ("state", "active"),
            ("remote_pid", "0"),
            ("ptr", "s1"),
        ]],
    );
    let sockets = paired(dialect, &answer(&columns(ODYSSEY_CLIENTS), &rows), &servers);
    let states: Vec<ClientState> = sockets.clients.iter().map(|client| client.state).collect();
    assert_eq!(states, [ClientState::Active, ClientState::Idle, ClientState::Waiting]);
    assert!(
        !sockets.linked && sockets.clients.iter().all(|client| client.killable && client.wait_us.is_none())
    );
    assert_eq!((sockets.consoles, sockets.servers[0].pid), (1, None));
    pairs::count_queued(&mut pools, &sockets);
    assert_eq!(pools[0].cl_waiting, Some(1), "counted among the clients");
}

#[test]
fn odyssey_bounds_the_clients_of_a_database_where_pgbouncer_bounds_its_servers() {
    let names = "name host port database force_user pool_size reserve_pool pool_mode max_connections \
        current_connections paused disabled";
    let row: &[(&str, &str)] = &[("name", "shop"), ("max_connections", "50"), ("current_connections", "9")];
    let mut facts = PoolerFacts::default();
    let asker = Asker { user: "stat".to_owned(), unix: false };
    let about = (dialect::of("odyssey"), &asker);
    let answer = answer(&columns(names), &[row]);
    facts::enter(&mut facts, Fact::Databases, &answer, about, &mut Interner::default()).unwrap();
    let shop = &facts.databases[0];
    assert_eq!((shop.max_clients, shop.current_clients), (Some(50), Some(9)));
    assert_eq!((shop.max_connections, shop.current_connections), (None, None));
}

const PGCAT_POOLS: &str = "database user pool_mode cl_idle cl_active cl_waiting cl_cancel_req sv_active sv_idle sv_used \
    sv_tested sv_login maxwait maxwait_us";
const PGCAT_CLIENTS: &str = "client_id database user application_name state transaction_count query_count error_count \
    age_seconds maxwait maxwait_us";
const PGCAT_SERVERS: &str = "server_id database_name user address_id application_name state transaction_count query_count \
    bytes_sent bytes_received age_seconds prepare_cache_hit";
const RELATIVES_STATS: &str = "instance database user total_xact_count total_query_count total_received total_sent \
    total_xact_time total_query_time total_wait_time total_errors avg_xact_count";

#[test]
fn pgcat_counts_idle_clients_apart_and_links_nothing() {
    let row: &[(&str, &str)] = &[
        ("database", "shop"),
        ("user", "app"),
        ("cl_idle", "4"),
        ("cl_active", "2"),
        ("cl_waiting", "1"),
        ("maxwait", "1"),
    ];
    let pool = &pools_of("PgCat 1.2.0", PGCAT_POOLS, &[row])[0];
    assert_eq!((pool.cl_active, pool.cl_waiting, pool.max_wait_us), (Some(6), Some(1), Some(1_000_000)));

    let clients = answer(
        &columns(PGCAT_CLIENTS),
        &[&[
            ("client_id", "0x1F"),
            ("database", "shop"),
            ("user", "app"),
            ("application_name", "web"),
            ("state", "waiting"),
            ("age_seconds", "9"),
            ("maxwait", "7"),
        ]],
    );
    let servers = answer(
        &columns(PGCAT_SERVERS),
        &[&[
            ("server_id", "0x2"),
            ("database_name", "shop"),
            ("user", "app"),
            ("state", "idle"),
            ("age_seconds", "60"),
        ]],
    );
    let sockets = paired(dialect::of("PgCat 1.2.0"), &clients, &servers);
    let client = &sockets.clients[0];
    assert_eq!((&*client.id, client.killable, client.age_s), ("0x1F", false, Some(9.0)));
    assert_eq!(
        (client.state, client.wait_us),
        (ClientState::Waiting, None),
        "its longest wait so far is not this one"
    );
    assert_eq!((&client.client, sockets.linked), (&Client::Unknown, false));
    assert_eq!((&*sockets.servers[0].database, sockets.servers[0].age_s), ("shop", Some(60.0)));
}

#[test]
fn pgcat_counts_per_server_and_query_time_in_milliseconds() {
    let of = |instance, queries, time| -> Vec<(&str, &str)> {
        vec![
            ("instance", instance),
            ("database", "shop"),
            ("user", "app"),
            ("total_query_count", queries),
            ("total_query_time", time),
            ("total_wait_time", "3000"),
            ("total_xact_time", "0"),
            ("total_errors", "1"),
        ]
    };
    let rows = [of("a", "10", "5"), of("b", "20", "7")];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let stats = answer(&columns(RELATIVES_STATS), &rows);
    let totals = totals::read(&stats, dialect::of("PgCat"), &mut Interner::default()).unwrap();
    let [total] = &totals[..] else { panic!("one pool behind two servers: {totals:?}") };
    assert_eq!((total.user.as_deref(), total.queries, total.errors), (Some("app"), Some(30), Some(2)));
    assert_eq!((total.query_us, total.wait_us, total.transaction_us), (Some(12_000), Some(6_000), None));
}

const PGDOG_POOLS: &str = "id database user addr port shard role cl_waiting sv_idle sv_active sv_idle_xact sv_total maxwait \
    maxwait_us pool_mode paused banned healthy errors re_synced out_of_sync force_closed online schema_admin";
const PGDOG_CLIENTS: &str = "id user database addr port state replication connect_time last_request queries transactions \
    transactions_2pc wait_time query_time transaction_time bytes_received bytes_sent errors application_name locked \
    prepared_statements";
const PGDOG_SERVERS: &str = "pool_id database user addr port state connect_time request_time remote_pid client_id \
    transactions queries rollbacks prepared_statements healthchecks errors bytes_received bytes_sent last_sent \
    last_received age application_name";

#[test]
fn pgdog_is_summed_over_its_shards() {
    let shard = |addr, waiting, active, paused, maxwait| -> Vec<(&str, &str)> {
        vec![
            ("database", "shop"),
            ("user", "app"),
            ("addr", addr),
            ("cl_waiting", waiting),
            ("sv_idle", "1"),
            ("sv_active", active),
            ("paused", paused),
            ("maxwait", maxwait),
            ("maxwait_us", "5"),
        ]
    };
    let rows = [shard("db1", "1", "2", "f", "1"), shard("db2", "0", "3", "t", "0")];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let pools = pools_of("PgDog v0.1.54", PGDOG_POOLS, &rows);
    let [pool] = &pools[..] else { panic!("{pools:?}") };
    assert_eq!(
        (pool.cl_active, pool.cl_waiting, pool.sv_active, pool.sv_idle),
        (None, Some(1), Some(5), Some(2))
    );
    assert_eq!((pool.max_wait_us, pool.paused, pool.sv_login), (Some(1_000_005), Some(true), None));
}

#[test]
fn pgdog_names_the_client_of_each_server_connection() {
    let client = |id, state| -> Vec<(&str, &str)> {
        vec![
            ("id", id),
            ("user", "app"),
            ("database", "shop"),
            ("state", state),
            ("wait_time", "88"),
            ("addr", "10.0.0.7"),
            ("port", "99"),
        ]
    };
    let clients = [client("7", "idle in transaction"), client("8", "waiting"), client("9", "idle")];
    let clients: Vec<&[(&str, &str)]> = clients.iter().map(Vec::as_slice).collect();
    let server = |addr, pid, client| -> Vec<(&str, &str)> {
        vec![
            ("database", "shop_0"),
            ("user", "app"),
            ("addr", addr),
            ("port", "5432"),
            ("state", "active"),
            ("remote_pid", pid),
            ("client_id", client),
            ("age", "30"),
        ]
    };
    let servers =
        [server("10.1.0.1", "100", "7"), server("10.1.0.2", "200", "7"), server("10.1.0.1", "101", "")];
    let servers: Vec<&[(&str, &str)]> = servers.iter().map(Vec::as_slice).collect();
    let sockets = paired(
        dialect::of("PgDog v0.1.54"),
        &answer(&columns(PGDOG_CLIENTS), &clients),
        &answer(&columns(PGDOG_SERVERS), &servers),
    );
    assert!(sockets.linked);
    let by: Vec<Option<u32>> = sockets.clients.iter().map(|client| client.server).collect();
    assert_eq!(by, [Some(0), None, None], "the first of its two shards");
    let of: Vec<Option<u32>> = sockets.servers.iter().map(|server| server.client).collect();
    assert_eq!(of, [Some(0), Some(0), None]);
    assert_eq!((sockets.servers[1].pid, &*sockets.servers[2].id), (Some(200), "101"));
    assert!(sockets.clients.iter().all(|client| client.wait_us.is_none() && !client.killable));
}

#[test]
fn pgdog_counts_all_times_in_milliseconds() {
    let stats = answer(
        &columns("database user addr port shard role total_xact_count total_xact_time total_wait_time"),
        &[&[("database", "shop"), ("user", "app"), ("total_xact_time", "2"), ("total_wait_time", "3")]],
    );
    let total = &totals::read(&stats, dialect::of("PgDog"), &mut Interner::default()).unwrap()[0];
    assert_eq!((total.transaction_us, total.wait_us, total.queries), (Some(2000), Some(3000), None));
}

#[test]
fn pgdog_writes_its_settings_with_units() {
    let settings = [("default_pool_size", "10"), ("checkout_timeout", "5s"), ("pooler_mode", "transaction")];
    let rows: Vec<[(&str, &str); 2]> =
        settings.iter().map(|(key, value)| [("name", *key), ("value", *value)]).collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(<[_; 2]>::as_slice).collect();
    let asker = Asker { user: "admin".to_owned(), unix: false };
    let mut facts = PoolerFacts::default();
    let about = (dialect::of("PgDog"), &asker);
    let answer = answer(&["name", "value"], &rows);
    facts::enter(&mut facts, Fact::Config, &answer, about, &mut Interner::default()).unwrap();
    assert_eq!((facts.config.default_pool_size, facts.config.query_wait_timeout_s), (Some(10), Some(5.0)));
    assert_eq!(
        (facts.config.pool_mode.as_deref(), facts.right),
        (Some("transaction"), ConsoleRight::Unknown)
    );
}

#[test]
fn only_what_a_relative_has_is_asked_of_it() {
    let asked = |version: &str| dialect::of(version).facts(&version.into()).collect::<Vec<_>>();
    assert_eq!(asked("odyssey 1.5.1"), [Fact::Databases, Fact::Lists]);
    assert_eq!(asked("PgCat 1.2.0"), [Fact::Databases]);
    assert_eq!(asked("PgDog v0.1.54"), [Fact::Config]);
    assert_eq!(dialect::PGPOOL.kind, TargetKind::Pgpool);
}

/// The columns of 4.7, of which only 4.3 was read for real.
const PGPOOL_4_7: &str = "pool_pid start_time client_connection_count pool_id backend_id database username \
    backend_connection_time client_connection_time client_disconnection_time client_idle_duration majorversion minorversion \
    pool_counter pool_backendpid pool_connected status load_balance_node client_host client_port statement";
/// Those of 4.0.
const PGPOOL_4_0: &str = "pool_pid start_time pool_id backend_id database username create_time majorversion minorversion \
    pool_counter pool_backendpid pool_connected";

#[test]
fn pgpool_shows_a_process_with_a_client_as_a_client_in_every_version() {
    for (list, is_new) in [(PGPOOL_4_7, true), (PGPOOL_4_0, false)] {
        let extra: &[(&str, &str)] = if is_new {
            &[("status", "Idle in transaction"), ("client_host", "10.0.0.7"), ("client_port", "4711")]
        } else {
            &[]
        };
        let row = |process, backend, pid, connected| -> Vec<(&str, &str)> {
            let of = [("database", "shop"), ("username", "app"), ("pool_id", "0")];
            let rest = [
                ("pool_pid", process),
                ("backend_id", backend),
                ("pool_backendpid", pid),
                ("pool_connected", connected),
            ];
            [&of[..], &rest, extra].concat()
        };
        let rows = [
            row("11", "0", "500", "1"),
            row("11", "1", "600", "1"),
            row("12", "0", "501", "0"),
            row("13", "0", "0", "0"),
            row("14", "0", "502", "1"),
        ];
        let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
        let nodes = answer(
            &["node_id", "hostname", "port"],
            &[
                &[("node_id", "0"), ("hostname", "db1"), ("port", "5432")],
                &[("node_id", "1"), ("hostname", "/tmp"), ("port", "5432")],
            ],
        );
        let mut texts = Interner::default();
        let nodes = pgpool::nodes(&nodes, &mut texts).unwrap();
        let sockets = pgpool::sockets(&answer(&columns(list), &rows), &nodes, 502, &mut texts).unwrap();
        assert_eq!((sockets.consoles, sockets.clients.len(), sockets.servers.len()), (1, 1, 4));
        let client = &sockets.clients[0];
        assert_eq!((&*client.id, client.state, client.server), ("11", ClientState::Active, Some(0)));
        assert_eq!(matches!(client.client, Client::Tcp { .. }), is_new);
        assert_eq!(&*client.word, if is_new { "Idle in transaction" } else { "" });
        let pids: Vec<Option<i32>> = sockets.servers.iter().map(|server| server.pid).collect();
        assert_eq!(pids, [Some(500), Some(600), Some(501), Some(502)]);
        let serves: Vec<Option<u32>> = sockets.servers.iter().map(|server| server.client).collect();
        assert_eq!(serves, [Some(0), Some(0), None, None]);
        assert_eq!(sockets.servers[0].server, Client::Tcp { addr: "db1".into(), port: 5432 });
        assert_eq!(sockets.servers[1].server, Client::Local);
        let pool = &pgpool::pools(&sockets)[0];
        assert_eq!(
            (pool.cl_active, pool.sv_active, pool.sv_idle, pool.cl_waiting),
            (Some(1), Some(3), Some(1), None)
        );
    }
}
