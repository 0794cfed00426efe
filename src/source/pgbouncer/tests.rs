//! Answers of every PgBouncer from 1.12 to 1.25, constructed from its lists of columns; 1.18 is read for real elsewhere.

use super::dialect::{self, Fact};
use super::facts::{self, Asker};
use super::{columns, pools, sockets, totals};
use crate::connect::Answer;
use crate::model::backend::Client;
use crate::model::pooler::{ClientState, ConsoleRight, PoolerFacts, PoolerState};
use crate::source::postgres::intern::Interner;

mod hostile;

/// An answer with these columns; of each row only some cells are named, the others are empty.
pub(super) fn answer(columns: &[&str], rows: &[&[(&str, &str)]]) -> Answer {
    let cell = |row: &[(&str, &str)], column: &&str| {
        let value = row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        Some(bytes::Bytes::copy_from_slice(value.as_bytes()))
    };
    for (name, _) in rows.iter().flat_map(|row| row.iter()) {
        assert!(columns.contains(name), "{name} is none of {columns:?}");
    }
    Answer {
        columns: columns.iter().map(ToString::to_string).collect(),
        rows: rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect(),
        ..Answer::default()
    }
}

/// A list of columns as version 1.`minor` has it: `name<19` until then, `name>=19` from then on.
fn of_version(list: &'static str, minor: u32) -> Vec<&'static str> {
    let has = |word: &'static str| {
        let (name, rule) = word.find(['<', '>']).map_or((word, ""), |at| word.split_at(at));
        let bound = |prefix: &str| rule.strip_prefix(prefix).and_then(|bound| bound.parse::<u32>().ok());
        let fits = bound(">=").is_none_or(|from| minor >= from)
            && bound("<").is_none_or(|until| rule.starts_with(">=") || minor < until);
        fits.then_some(name)
    };
    list.split_whitespace().filter_map(has).collect()
}

const POOLS: &str = "database user cl_active cl_waiting cl_active_cancel_req>=18 cl_waiting_cancel_req>=18 sv_active \
    sv_active_cancel>=18 sv_being_canceled>=18 sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode \
    load_balance_hosts>=24";
const SOCKETS: &str = "type user database replication>=23 state addr port local_addr local_port connect_time request_time \
    wait wait_us close_needed ptr link remote_pid tls application_name>=18 recv_pos pkt_pos pkt_remain send_pos \
    send_remain pkt_avail send_avail prepared_statements>=21 id>=24";
const STATS: &str = "database total_server_assignment_count>=23 total_xact_count total_query_count total_received \
    total_sent total_xact_time total_query_time total_wait_time total_client_parse_count>=24 avg_xact_count \
    avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time";
const DATABASES: &str = "name host port database force_user pool_size min_pool_size>=16 reserve_pool<24 \
    reserve_pool_size>=24 server_lifetime>=23 pool_mode load_balance_hosts>=24 max_connections current_connections \
    max_client_connections>=24 current_client_connections>=24 paused disabled";
const USERS: &str = "name pool_size>=23 reserve_pool_size>=24 pool_mode max_user_connections>=23 \
    current_connections>=23 max_user_client_connections>=24 current_client_connections>=24";
const CONFIG: &str = "key value default>=15 changeable";

fn versions() -> impl Iterator<Item = (u32, &'static dialect::Dialect)> {
    (12..=25).map(|minor| (minor, dialect::of(&format!("PgBouncer 1.{minor}.0"))))
}

#[test]
fn pools_are_read_from_the_columns_of_every_version() {
    for (minor, dialect) in versions() {
        let mut names = of_version(POOLS, minor);
        // Two versions had one column of their own.
        if (16..18).contains(&minor) {
            names.insert(4, "cl_cancel_req");
        }
        let cancels: &[(&str, &str)] =
            if minor >= 18 { &[("sv_active_cancel", "1"), ("sv_being_canceled", "2")] } else { &[] };
        let plain: &[(&str, &str)] = &[
            ("database", "shop"),
            ("user", "app"),
            ("cl_active", "5"),
            ("cl_waiting", "3"),
            ("sv_active", "4"),
            ("sv_idle", "0"),
            ("sv_used", "6"),
            ("sv_tested", "7"),
            ("sv_login", "1"),
            ("maxwait", "2"),
            ("maxwait_us", "250000"),
            ("pool_mode", "transaction"),
        ];
        let answer = answer(&names, &[&[plain, cancels].concat()]);
        let pools = pools::read(&answer, dialect, &mut Interner::default()).unwrap();
        let pool = &pools[0];
        assert_eq!(
            (&*pool.database, &*pool.user, pool.pool_mode.as_deref()),
            ("shop", "app", Some("transaction"))
        );
        assert_eq!((pool.cl_active, pool.cl_waiting), (Some(5), Some(3)), "1.{minor}");
        assert_eq!(
            [pool.sv_active, pool.sv_idle, pool.sv_used, pool.sv_tested, pool.sv_login],
            [Some(4), Some(0), Some(6), Some(7), Some(1)]
        );
        assert_eq!(pool.max_wait_us, Some(2_250_000));
        assert_eq!(pool.sv_cancel, (minor >= 18).then_some(3), "1.{minor}");
        assert_eq!(pool.paused, None);
        assert!(pools::absent(&answer, dialect, "PgBouncer").is_none());
    }
}

#[test]
fn an_answer_that_is_no_list_of_pools_names_the_column_that_is_missing() {
    let error = pools::read(&answer(&["a"], &[]), dialect::of(""), &mut Interner::default()).unwrap_err();
    assert!(error.message.contains("SHOW POOLS has no column `database`"), "{error}");
}

/// One waiting, one linked, one idle client; two server connections; two consoles.
fn snapshot(minor: u32) -> Answer {
    let id: &[(&str, &str)] = if minor >= 24 { &[("id", "901")] } else { &[] };
    let name: &[(&str, &str)] = if minor >= 18 { &[("application_name", "checkout")] } else { &[] };
    let tcp = [("addr", "10.0.0.7"), ("port", "4711"), ("user", "app"), ("database", "shop"), ("type", "C")];
    let unix = [("addr", "unix"), ("port", "6432"), ("user", "app"), ("database", "shop"), ("type", "C")];
    let console = [("type", "C"), ("database", "pgbouncer"), ("user", "stats"), ("state", "cl_active")];
    let server = [
        ("type", "S"),
        ("user", "app"),
        ("database", "shop"),
        ("local_addr", "10.0.0.9"),
        ("local_port", "50001"),
        ("connect_time", "2026-11-21 04:00:00 CET"),
        ("request_time", "2026-11-21 04:10:00 CET"),
    ];
    let rows: Vec<Vec<(&str, &str)>> = vec![
        [&tcp[..], &[("state", "cl_waiting"), ("wait", "3"), ("wait_us", "7"), ("ptr", "0xa")], id, name]
            .concat(),
        [&tcp[..], &[("state", "cl_active"), ("wait", "9"), ("ptr", "0xb"), ("link", "0xe")]].concat(),
        [&unix[..], &[("state", "cl_active"), ("ptr", "0xc"), ("remote_pid", "77")]].concat(),
        [&console[..], &[("request_time", "2026-11-21 04:10:01 CET")]].concat(),
        [&console[..], &[("request_time", "2026-11-21 04:10:05 CET")]].concat(),
        [
            &server[..],
            &[
                ("state", "sv_idle"),
                ("addr", "unix"),
                ("port", "5432"),
                ("ptr", "0xd"),
                ("close_needed", "1"),
            ],
        ]
        .concat(),
        [
            &server[..],
            &[
                ("state", "sv_active"),
                ("addr", "10.0.0.1"),
                ("port", "5432"),
                ("ptr", "0xe"),
                ("link", "0xb"),
            ],
        ]
        .concat(),
        [
            &server[..],
            &[("state", "sv_active"), ("addr", "?"), ("ptr", "0xf"), ("link", "0xb"), ("remote_pid", "4242")],
        ]
        .concat(),
    ];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    answer(&of_version(SOCKETS, minor), &rows)
}

#[test]
fn clients_are_read_from_one_snapshot_of_every_version() {
    for (minor, dialect) in versions() {
        let sockets = sockets::read(&snapshot(minor), dialect, &mut Interner::default()).unwrap();
        assert!(sockets.linked);
        assert_eq!((sockets.consoles, sockets.clients.len(), sockets.servers.len()), (2, 3, 3));
        let [waiting, active, idle] = &sockets.clients[..] else { panic!() };
        let newest = minor >= 24;
        assert_eq!(
            (&*waiting.id, waiting.killable),
            (if newest { "901" } else { "0xa" }, newest),
            "1.{minor}"
        );
        assert_eq!(waiting.application_name.as_deref(), (minor >= 18).then_some("checkout"), "1.{minor}");
        assert_eq!(
            (waiting.state, &*waiting.word, waiting.wait_us),
            (ClientState::Waiting, "waiting", Some(3_000_007))
        );
        assert_eq!(waiting.client, Client::Tcp { addr: "10.0.0.7".into(), port: 4711 });
        assert_eq!(
            (active.state, active.wait_us),
            (ClientState::Active, None),
            "the age of a query is no wait"
        );
        assert_eq!(
            (idle.state, &*idle.word),
            (ClientState::Idle, "active"),
            "active without a link wants nothing"
        );
        assert_eq!((&idle.client, idle.client_pid, active.client_pid), (&Client::Local, Some(77), None));
    }
}

#[test]
fn server_connections_are_read_with_their_ages_and_links_that_both_ends_name() {
    for (minor, dialect) in versions() {
        let sockets = sockets::read(&snapshot(minor), dialect, &mut Interner::default()).unwrap();
        let [idle, serving, other] = &sockets.servers[..] else { panic!() };
        assert_eq!((&*idle.state, &idle.server, idle.close_needed), ("idle", &Client::Local, true));
        assert_eq!(idle.local, Client::Tcp { addr: "10.0.0.9".into(), port: 50_001 });
        assert_eq!(
            (idle.age_s, idle.request_age_s),
            (Some(605.0), Some(5.0)),
            "by the console that asked last"
        );
        assert_eq!((serving.client, sockets.clients[1].server), (Some(1), Some(1)));
        assert_eq!(serving.server, Client::Tcp { addr: "10.0.0.1".into(), port: 5432 });
        assert_eq!((other.client, other.pid, &other.server), (None, Some(4242), &Client::Unknown));
        assert_eq!((idle.client, idle.pid), (None, None));
    }
}

#[test]
fn a_client_that_the_pooler_cannot_log_in_yet_has_no_wait() {
    let row: &[(&str, &str)] =
        &[("type", "C"), ("state", "cl_waiting"), ("wait", "0"), ("wait_us", "0"), ("ptr", "0xa")];
    let answer = answer(&of_version(SOCKETS, 18), &[row]);
    let sockets = sockets::read(&answer, dialect::of(""), &mut Interner::default()).unwrap();
    assert_eq!((sockets.clients[0].state, sockets.clients[0].wait_us), (ClientState::Waiting, None));
    assert_eq!(sockets.clients[0].age_s, None, "no console among the rows, no clock");
}

#[test]
fn totals_are_read_from_the_columns_of_every_version() {
    for (minor, dialect) in versions() {
        let assigned: &[(&str, &str)] =
            if minor >= 23 { &[("total_server_assignment_count", "8")] } else { &[] };
        let shop: &[(&str, &str)] = &[
            ("database", "shop"),
            ("total_xact_count", "10"),
            ("total_query_count", "12"),
            ("total_xact_time", "5000000000000"),
            ("total_query_time", "4000"),
            ("total_wait_time", "3000"),
            ("avg_wait_time", "4789094"),
        ];
        let rows =
            [&[("database", "pgbouncer"), ("total_query_count", "99")][..], &[shop, assigned].concat()];
        let totals =
            totals::read(&answer(&of_version(STATS, minor), &rows), dialect, &mut Interner::default())
                .unwrap();
        let [shop] = &totals[..] else { panic!("the console's own are left out: {totals:?}") };
        assert_eq!((&*shop.database, &shop.user), ("shop", &None));
        assert_eq!((shop.transactions, shop.queries, shop.errors), (Some(10), Some(12), None));
        assert_eq!(
            (shop.transaction_us, shop.query_us),
            (Some(5_000_000_000_000), Some(4000)),
            "microseconds"
        );
        assert_eq!(shop.wait_us, Some(3000), "the total, not the average");
        assert_eq!(shop.assignments, (minor >= 23).then_some(8), "1.{minor}");
    }
}

fn asker(user: &str, unix: bool) -> Asker {
    Asker { user: user.to_owned(), unix }
}

fn entered(given: &[(Fact, Answer)], asker: &Asker) -> PoolerFacts {
    let mut facts = PoolerFacts::default();
    for (fact, answer) in given {
        let about = (dialect::of("PgBouncer"), asker);
        facts::enter(&mut facts, *fact, answer, about, &mut Interner::default()).unwrap();
    }
    facts
}

#[test]
fn databases_are_read_from_the_columns_of_every_version() {
    for (minor, _) in versions() {
        let reserve = if minor >= 24 { "reserve_pool_size" } else { "reserve_pool" };
        let mut shop = vec![
            ("name", "shop"),
            ("host", "db1"),
            ("port", "5432"),
            ("database", "shop_prod"),
            ("pool_size", "20"),
            (reserve, "5"),
            ("max_connections", "0"),
            ("current_connections", "7"),
            ("paused", "1"),
            ("disabled", "0"),
        ];
        shop.extend((minor >= 16).then_some(("min_pool_size", "2")));
        shop.extend((minor >= 24).then_some(("max_client_connections", "50")));
        shop.extend((minor >= 24).then_some(("current_client_connections", "30")));
        let rows = [&[("name", "pgbouncer")][..], &shop];
        let given = (Fact::Databases, answer(&of_version(DATABASES, minor), &rows));
        let facts = entered(&[given], &asker("stats", false));
        let [shop] = &facts.databases[..] else { panic!("the console itself is none") };
        assert_eq!((&*shop.name, shop.host.as_deref(), shop.port), ("shop", Some("db1"), Some(5432)));
        assert_eq!(shop.server_database.as_deref(), Some("shop_prod"));
        assert_eq!((shop.pool_size, shop.reserve), (Some(20), Some(5)), "1.{minor}");
        assert_eq!(shop.min_pool_size, (minor >= 16).then_some(2), "1.{minor}");
        assert_eq!((shop.max_connections, shop.current_connections), (None, Some(7)), "zero is no bound");
        assert_eq!(shop.max_clients, (minor >= 24).then_some(50), "1.{minor}");
        assert_eq!((&shop.force_user, &shop.pool_mode), (&None, &None));
        assert!(shop.paused && !shop.disabled);
    }
}

#[test]
fn users_are_read_from_the_columns_of_every_version() {
    for (minor, _) in versions() {
        let mut app = vec![("name", "app")];
        app.extend((minor >= 23).then_some(("pool_size", "       12")));
        app.extend((minor >= 23).then_some(("max_user_connections", "40")));
        app.extend((minor >= 23).then_some(("current_connections", "3")));
        app.extend((minor >= 24).then_some(("max_user_client_connections", "0")));
        let rows = [&app[..], &[("name", "other")]];
        let given = (Fact::Users, answer(&of_version(USERS, minor), &rows));
        let facts = entered(&[given], &asker("stats", false));
        let user = &facts.users[0];
        assert_eq!(user.pool_size, (minor >= 23).then_some(12), "padded, 1.{minor}");
        assert_eq!(user.max_connections, (minor >= 23).then_some(40), "1.{minor}");
        assert_eq!((user.max_clients, &user.pool_mode), (None, &None));
        assert_eq!(facts.users[1].pool_size, None, "empty is not zero");
    }
}

#[test]
fn settings_are_read_from_the_columns_of_every_version() {
    for (minor, _) in versions() {
        let settings = [
            ("max_client_conn", "100"),
            ("default_pool_size", "20"),
            ("reserve_pool_size", "0"),
            ("max_db_connections", "0"),
            ("query_wait_timeout", "120"),
            ("server_idle_timeout", "0"),
            ("server_login_retry", "1.5"),
            ("pool_mode", "transaction"),
            ("so_reuseport", "0"),
            ("admin_users", ""),
        ];
        let rows: Vec<[(&str, &str); 2]> =
            settings.iter().map(|(key, value)| [("key", *key), ("value", *value)]).collect();
        let rows: Vec<&[(&str, &str)]> = rows.iter().map(<[_; 2]>::as_slice).collect();
        let given = (Fact::Config, answer(&of_version(CONFIG, minor), &rows));
        let facts = entered(&[given], &asker("stats", false));
        let config = &facts.config;
        assert_eq!((config.max_client_conn, config.default_pool_size), (Some(100), Some(20)), "1.{minor}");
        assert_eq!((config.reserve_pool_size, config.max_db_connections), (Some(0), None));
        assert_eq!((config.query_wait_timeout_s, config.server_idle_timeout_s), (Some(120.0), None));
        assert_eq!((config.server_login_retry_s, config.so_reuseport), (Some(1.5), Some(false)));
        assert_eq!(
            (config.pool_mode.as_deref(), config.max_prepared_statements),
            (Some("transaction"), None)
        );
        assert_eq!((facts.right, facts.one_of_several), (ConsoleRight::Unknown, None));
    }
}

fn list(names: [&str; 2], rows: &[(&str, &str)]) -> Answer {
    let rows: Vec<[(&str, &str); 2]> =
        rows.iter().map(|(key, value)| [(names[0], *key), (names[1], *value)]).collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(<[_; 2]>::as_slice).collect();
    answer(&names, &rows)
}

#[test]
fn what_a_user_may_do_is_found_in_the_lists_of_users() {
    let lists = [("admin_users", "root, \"Ops\""), ("stats_users", "stats,root")];
    for (user, unix, auth_type, right) in [
        ("root", false, "md5", ConsoleRight::Admin),
        ("Ops", false, "md5", ConsoleRight::Admin),
        ("stats", false, "md5", ConsoleRight::Stats),
        ("stat", false, "md5", ConsoleRight::Unknown),
        ("pgbouncer", true, "md5", ConsoleRight::Admin),
        ("pgbouncer", false, "md5", ConsoleRight::Unknown),
        ("anybody", false, "any", ConsoleRight::Stats),
    ] {
        let rows = [&lists[..], &[("auth_type", auth_type)]].concat();
        let given = (Fact::Config, list(["key", "value"], &rows));
        assert_eq!(entered(&[given], &asker(user, unix)).right, right, "{user} {unix} {auth_type}");
    }
}

#[test]
fn one_of_several_processes_and_a_pause_of_all_are_seen() {
    for (config, peers, words) in [
        (("so_reuseport", "1"), "0", Some("so_reuseport")),
        (("peer_id", "2"), "0", Some("peer_id")),
        (("peer_id", "0"), "3", Some("one of 3 peers")),
        (("peer_id", "0"), "0", None),
    ] {
        let given = [
            (Fact::Config, list(["key", "value"], &[config])),
            (Fact::Lists, list(["list", "items"], &[("used_clients", "12"), ("peers", peers)])),
        ];
        let facts = entered(&given, &asker("stats", false));
        assert_eq!(facts.used_clients, Some(12));
        assert!(
            match words {
                Some(words) => facts.one_of_several.as_ref().unwrap().contains(words),
                None => facts.one_of_several.is_none(),
            },
            "{facts:?}"
        );
    }
    for (paused, suspended, expected) in [
        ("yes", "no", Some(PoolerState::Paused)),
        ("no", "yes", Some(PoolerState::Suspended)),
        ("no", "no", Some(PoolerState::Active)),
    ] {
        let active = if expected == Some(PoolerState::Active) { "yes" } else { "no" };
        let rows = [("active", active), ("paused", paused), ("suspended", suspended)];
        let facts = entered(&[(Fact::State, list(["key", "value"], &rows))], &asker("stats", false));
        assert_eq!(facts.state, expected);
    }
}

#[test]
fn numbers_are_padded_or_decimal_or_not_there() {
    for (cell, number) in
        [("  12", Some(12)), ("3.7", Some(3)), ("", None), ("-1", None), ("x", None), ("0x1", None)]
    {
        assert_eq!(columns::number(cell.as_bytes()), number, "{cell:?}");
    }
}
