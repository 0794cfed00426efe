//! Who is joined with whom, and who is not; on constructed samples.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::fixture::{
    POOLER, Row, Stage, at, facts, joined_sample, pooled_client, pooler_facts, queued_client, row, sample,
    server_connection, sockets, status,
};
use super::super::moment::Proof;
use super::super::{Moment, Settings};
use crate::model::backend::{Backend, Client};
use crate::model::part::Missing;
use crate::model::pooler::{PoolerClient, PoolerServer, PoolerSockets};
use crate::model::sample::{Body, Sample};
use crate::model::target::TargetKind;

fn stage(servers: &[&str]) -> Stage {
    let mut statuses: Vec<_> = servers.iter().map(|name| status(name, TargetKind::Postgres)).collect();
    statuses.push(status("bouncer", TargetKind::Pgbouncer));
    Stage::new(Settings::default(), statuses)
}

fn server(second: f64, rows: &[Row]) -> Sample {
    sample("db1", second, rows.iter().map(Row::build).collect(), &Arc::new(facts(100)))
}

fn pooler(second: f64, mode: &str, sockets: PoolerSockets) -> Sample {
    joined_sample("bouncer", second, mode, sockets, &Arc::new(pooler_facts(20)))
}

/// One connection that serves one client, and one that is idle; a third client waits.
fn two_connections(first: PoolerServer, second: PoolerServer) -> PoolerSockets {
    let clients =
        vec![pooled_client(1, "web-1"), queued_client(2, "web-2", 3000), pooled_client(3, "worker")];
    sockets(clients, vec![first, second], &[(2, 0)])
}

fn missing(moment: &Moment) -> Vec<&Missing> {
    let target = moment.targets.iter().find(|target| &*target.name == "bouncer").unwrap();
    target.missing.iter().collect()
}

fn proofs(moment: &Moment) -> Vec<Option<Proof>> {
    moment.backends.iter().map(|row| row.via.map(|via| via.proof)).collect()
}

#[test]
fn a_transaction_that_began_before_the_pooler_was_read_belongs_to_the_client_linked_then() {
    let mut stage = stage(&["db1"]);
    stage.show(pooler(10.0, "transaction", two_connections(server_connection(7), server_connection(8))));
    let rows = [row(7, "worker").from(POOLER).in_transaction(5.0, "UPDATE t"), row(8, "web").from(POOLER)];
    let moment = stage.show(server(10.2, &rows));
    assert_eq!(proofs(&moment), [Some(Proof::Wire), Some(Proof::Wire)]);
    let path = moment.path(&moment.backends[0]).unwrap();
    assert_eq!(path.client.unwrap().application_name.as_deref(), Some("worker"));
    assert!(path.certain);
    assert_eq!(moment.path(&moment.backends[1]).unwrap().client, None);
    assert_eq!(missing(&moment), [] as [&Missing; 0]);
    let first = &moment.clients[0];
    assert_eq!((&*first.pooled().unwrap().id, first.backend), ("c2", None), "who waits comes first");
    let pool = first.pool.unwrap();
    assert_eq!(moment.waiting(pool).count(), 1);
    assert_eq!(&*moment.pools[pool].pool.name, "shop/app");
    let served = moment.clients.iter().find(|client| client.backend == Some(0)).unwrap();
    assert!(moment.path_of_client(served).unwrap().certain);
}

#[test]
fn a_transaction_that_began_after_the_pooler_was_read_is_nobodys_yet() {
    let mut stage = stage(&["db1"]);
    stage.show(pooler(10.0, "transaction", two_connections(server_connection(7), server_connection(8))));
    let moment = stage.show(server(10.2, &[row(7, "x").from(POOLER).in_transaction(10.1, "UPDATE t")]));
    let via = moment.backends[0].via.unwrap();
    assert_eq!((via.client, via.linked.is_some()), (None, true));
    assert!(!moment.path(&moment.backends[0]).unwrap().certain);
}

#[test]
fn an_idle_backend_is_a_client_s_only_in_session_mode() {
    for (mode, held) in [("transaction", false), ("statement", false), ("session", true)] {
        let mut stage = stage(&["db1"]);
        stage.show(pooler(10.0, mode, two_connections(server_connection(7), server_connection(8))));
        let moment = stage.show(server(10.2, &[row(7, "x").from(POOLER).idle(4.0, "SELECT 1")]));
        assert_eq!(moment.backends[0].via.unwrap().client.is_some(), held, "{mode}");
    }
}

#[test]
fn a_pooler_that_was_read_after_the_server_proves_by_its_rest_or_by_two_snapshots() {
    let with_request_age = |age| {
        let mut connection = server_connection(7);
        connection.request_age_s = Some(age);
        two_connections(connection, server_connection(8))
    };
    let backend = [row(7, "x").from(POOLER).in_transaction(9.0, "UPDATE t")];
    for (age, sure) in [(0.0, false), (2.0, false), (3.0, true)] {
        let mut stage = stage(&["db1"]);
        stage.show(server(12.0, &backend));
        let moment = stage.show(pooler(12.3, "transaction", with_request_age(age)));
        assert_eq!(moment.backends[0].via.unwrap().client.is_some(), sure, "{age} s since the last request");
    }
    let mut stage = stage(&["db1"]);
    stage.show(pooler(11.3, "transaction", with_request_age(0.0)));
    stage.show(server(12.0, &backend));
    let moment = stage.show(pooler(12.3, "transaction", with_request_age(0.0)));
    assert!(moment.backends[0].via.unwrap().client.is_some(), "the same client before and after");
    let mut moved = with_request_age(0.0);
    (moved.servers[0].client, moved.clients[2].server) = (Some(0), None);
    moved.clients[0].server = Some(0);
    let moment = stage.show(pooler(13.3, "transaction", moved));
    assert_eq!(moment.backends[0].via.unwrap().client, None, "another client before than after");
}

#[test]
fn a_process_id_alone_is_no_match() {
    let other_port = |port| {
        let mut connection = server_connection(7);
        connection.local = Client::Tcp { addr: POOLER.into(), port };
        connection
    };
    let local = |end: Client, at: Client| {
        let mut connection = server_connection(7);
        (connection.local, connection.server) = (end, at);
        connection
    };
    let tcp = || Client::Tcp { addr: "10.0.0.5".into(), port: 5432 };
    let mapped = {
        let mut connection = server_connection(7);
        connection.local = Client::Tcp { addr: "::ffff:10.0.0.6".into(), port: 50_007 };
        connection
    };
    let translated = {
        let mut connection = server_connection(7);
        connection.local = Client::Tcp { addr: "172.17.0.3".into(), port: 50_007 };
        connection
    };
    let aged = |age| {
        let mut connection = local(Client::Local, Client::Local);
        connection.age_s = Some(age);
        connection
    };
    let over_tcp = row(7, "x").from(POOLER);
    let over_socket = row(7, "x").from("").born(-300.0);
    for (what, connection, backend, expected) in [
        ("both ends agree", server_connection(7), &over_tcp, Some(Proof::Wire)),
        ("the same address in its other form", mapped, &over_tcp, Some(Proof::Wire)),
        ("translated, but the port is the same", translated.clone(), &over_tcp, Some(Proof::Port)),
        ("translated, and another user", translated, &over_tcp.clone().owner("anna", "shop"), None),
        ("another port", other_port(50_008), &over_tcp, None),
        ("one end says Unix socket", local(Client::Local, Client::Local), &over_tcp, None),
        ("the other end says so", server_connection(7), &over_socket, None),
        ("Unix socket, to a server elsewhere", local(Client::Local, tcp()), &over_socket, None),
        ("Unix socket, as old as each other", aged(310.0), &over_socket, Some(Proof::Pid)),
        ("Unix socket, and much younger", aged(10.0), &over_socket, None),
        ("Unix socket, another database", aged(310.0), &over_socket.clone().owner("app", "x"), None),
        ("Unix socket, began after", aged(0.0), &over_socket.clone().born(10.1), None),
        ("hidden, as it may be", server_connection(7), &over_tcp.clone().hidden(), Some(Proof::Pid)),
        ("hidden, another user", server_connection(7), &over_tcp.clone().owner("b", "shop").hidden(), None),
    ] {
        let mut stage = stage(&["db1"]);
        let alone = sockets(vec![pooled_client(1, "web")], vec![connection], &[(0, 0)]);
        stage.show(pooler(10.0, "transaction", alone));
        let moment = stage.show(server(10.2, &[backend.clone(), row(9, "direct")]));
        assert_eq!(proofs(&moment), [expected, None], "{what}");
    }
}

#[test]
fn pairs_without_an_address_count_when_most_connections_to_that_server_have_one() {
    let unix = |pid| {
        let mut connection = server_connection(pid);
        (connection.local, connection.server) = (Client::Local, Client::Local);
        connection.age_s = Some(310.0);
        connection
    };
    let connections = |known: i32, unknown: i32| {
        let servers = (0..known).map(|n| unix(10 + n)).chain((0..unknown).map(|n| unix(500 + n)));
        sockets(vec![pooled_client(1, "web")], servers.collect(), &[(0, 0)])
    };
    for (known, unknown, expected) in [(1, 0, 1), (3, 1, 3), (2, 2, 0), (1, 5, 0)] {
        let mut stage = stage(&["db1"]);
        stage.show(pooler(10.0, "transaction", connections(known, unknown)));
        let rows: Vec<Row> = (0..known).map(|n| row(10 + n, "x").from("").born(-300.0)).collect();
        let moment = stage.show(server(10.2, &rows));
        assert_eq!(proofs(&moment).iter().flatten().count(), expected, "{known} and {unknown}");
    }
}

#[test]
fn of_two_servers_with_the_same_process_id_the_one_that_the_pooler_is_connected_to_is_it() {
    let hidden = |name: &str, address: Option<&str>| {
        let rows = vec![row(7, "x").hidden().build()];
        let mut sample = sample(name, 10.2, rows, &Arc::new(facts(100)));
        if let Body::Postgres(body) = &mut sample.body {
            body.identity.address = address.map(Into::into);
        }
        sample
    };
    for (other, expected) in [(Some("10.0.0.9:5432"), 1), (Some("10.0.0.5:5432"), 0), (None, 1)] {
        let mut stage = stage(&["db1", "db2"]);
        let alone = sockets(vec![pooled_client(1, "web")], vec![server_connection(7)], &[(0, 0)]);
        stage.show(pooler(10.0, "transaction", alone));
        stage.show(hidden("db1", Some("10.0.0.5:5432")));
        let moment = stage.show(hidden("db2", other));
        let found = proofs(&moment);
        assert_eq!(found.iter().flatten().count(), expected, "{other:?}: {found:?}");
        assert!(found[1].is_none());
    }
}

#[test]
fn where_it_cannot_be_joined_the_reason_is_told() {
    let told = |stage: &mut Stage, sockets: PoolerSockets, rows: &[Row]| {
        stage.show(pooler(10.0, "transaction", sockets));
        let moment = stage.show(server(10.2, rows));
        missing(&moment).iter().map(|missing| missing.why.to_string()).collect::<Vec<_>>().join("; ")
    };
    let plain = || two_connections(server_connection(7), server_connection(8));
    let chained = {
        let mut sockets = plain();
        for server in &mut sockets.servers {
            server.pid = server.pid.map(|pid| pid + 183_395_807);
        }
        sockets
    };
    let why = told(&mut stage(&["db1"]), chained.clone(), &[row(7, "x").from(POOLER)]);
    assert!(why.contains("another server, or a pooler between"), "{why}");

    let mut two = stage(&["db1"]);
    two.statuses.push(status("inner", TargetKind::Pgbouncer));
    let mut inner = sockets(vec![pooled_client(1, "x")], vec![server_connection(7)], &[(0, 0)]);
    inner.clients[0].client = chained.servers[0].local.clone();
    two.show(joined_sample("inner", 10.0, "transaction", inner, &Arc::new(pooler_facts(5))));
    let why = told(&mut two, chained, &[row(7, "x").from(POOLER)]);
    assert!(why.contains("they end at inner, a pooler itself"), "{why}");

    let why = told(&mut stage(&["db1"]), plain(), &[row(7, "x").from("10.9.9.9"), row(8, "x").from("")]);
    assert!(why.is_empty() || why.contains("address and port differ") || why.contains("translated"), "{why}");

    let mut unlinked = plain();
    unlinked.linked = false;
    unlinked.servers.iter_mut().for_each(|server| (server.pid, server.client) = (None, None));
    let why = told(&mut stage(&["db1"]), unlinked, &[row(7, "x")]);
    assert!(why.contains("does not tell;") && why.contains("does not tell their process ids"), "{why}");

    let rows = [row(7, "x").hidden(), row(8, "x").hidden()];
    let why = told(&mut stage(&["db1"]), plain(), &rows);
    assert!(why.contains("joined by process id, user and database only"), "{why}");

    let moment = stage(&[]).show(pooler(10.0, "transaction", plain()));
    assert!(missing(&moment)[0].why.contains("no PostgreSQL target"), "{:?}", missing(&moment));
}

#[test]
fn the_same_pooler_twice_joins_once_and_says_so() {
    let mut twice = stage(&["db1"]);
    twice.statuses.insert(1, status("again", TargetKind::Pgbouncer));
    let plain = || two_connections(server_connection(7), server_connection(8));
    twice.show(joined_sample("again", 10.0, "transaction", plain(), &Arc::new(pooler_facts(20))));
    twice.show(pooler(10.0, "transaction", plain()));
    let moment = twice.show(server(10.2, &[row(7, "x").from(POOLER), row(8, "x").from(POOLER)]));
    assert!(moment.backends.iter().all(|row| row.via.is_some_and(|via| via.pooler == 1)));
    assert!(missing(&moment)[0].why.contains("both are the same pooler"), "{:?}", missing(&moment));
}

// What truly happens at one pooler, in milliseconds.

/// A client has a server connection from one moment until before another.
#[derive(Clone, Copy, Debug)]
struct Hold {
    client: u32,
    from: i64,
    to: i64,
    /// Its last request.
    asked: i64,
}

#[derive(Clone, Debug)]
struct Truth {
    session_mode: bool,
    /// Per connection, one after the other.
    holds: Vec<Vec<Hold>>,
    /// How far the server's clock is ahead of ours.
    skew: i64,
}

fn holds(slot: u32) -> impl Strategy<Value = Vec<Hold>> {
    let one = (1..400_i64, 4..1500_i64, 0..4_u32, 0..1000_i64);
    prop::collection::vec(one, 1..12).prop_map(move |steps| {
        let mut clock = 0;
        let step = |(gap, length, client, asked): (i64, i64, u32, i64)| {
            let (from, to) = (clock + gap, clock + gap + length);
            clock = to;
            Hold { client: slot * 4 + client, from, to, asked: from + asked * (length - 2) / 1000 }
        };
        steps.into_iter().map(step).collect()
    })
}

fn truth() -> impl Strategy<Value = Truth> {
    let holds = (holds(0), holds(1), holds(2)).prop_map(|(a, b, c)| vec![a, b, c]);
    (any::<bool>(), holds, -5000..5000_i64).prop_map(|(session_mode, holds, skew)| Truth {
        session_mode,
        holds,
        skew,
    })
}

impl Truth {
    fn hold(&self, slot: usize, now: i64) -> Option<Hold> {
        self.holds[slot].iter().copied().find(|hold| hold.from <= now && now < hold.to)
    }

    fn sockets(&self, now: i64) -> PoolerSockets {
        let mut clients: Vec<PoolerClient> = (0..12).map(|number| pooled_client(number, "web")).collect();
        let servers = (0..3).map(|slot| self.connection(slot, now)).collect();
        let links: Vec<(usize, usize)> =
            (0..3).filter_map(|slot| Some((self.hold(slot, now)?.client as usize, slot))).collect();
        for (client, slot) in &links {
            clients[*client].client = self.end(*slot, now).unwrap();
        }
        sockets(clients, servers, &links)
    }

    /// The end of the client that has a connection. In session mode it is another one with each session, while the
    /// pooler uses its identifiers again.
    fn end(&self, slot: usize, now: i64) -> Option<Client> {
        let hold = self.hold(slot, now)?;
        let session = if self.session_mode { hold.from % 20_000 } else { i64::from(hold.client) };
        Some(Client::Tcp { addr: "10.0.7.1".into(), port: 40_000 + u16::try_from(session).unwrap() })
    }

    fn connection(&self, slot: usize, now: i64) -> PoolerServer {
        let mut connection = server_connection(10 + i32::try_from(slot).unwrap());
        let before = |moment: i64| (moment <= now).then_some(moment);
        let asked = self.holds[slot].iter().filter_map(|hold| before(hold.asked).or(before(hold.from)));
        // Whole seconds at both ends, as PgBouncer has it.
        let asked = asked.max().unwrap_or(0);
        connection.request_age_s = Some(((now.div_euclid(1000)) - asked.div_euclid(1000)) as f64);
        connection
    }

    /// What the server shows: in a transaction from its first request, idle after it.
    fn backend(&self, slot: usize, now: i64) -> Arc<Backend> {
        let server = |moment: i64| (moment + self.skew) as f64 / 1000.0;
        let one = row(10 + i32::try_from(slot).unwrap(), "web").from(POOLER);
        let last_end =
            self.holds[slot].iter().filter(|hold| hold.to - 1 <= now).map(|hold| hold.to - 1).max();
        match self.hold(slot, now).filter(|hold| hold.from < now && now < hold.to - 1) {
            // In session mode every other 50 ms is a rest.
            Some(hold) if self.session_mode && (now / 50) % 2 == 0 => {
                one.idle(server((now / 50 * 50).max(hold.from)), "COMMIT")
            }
            Some(hold) if self.session_mode => {
                one.in_transaction(server((now / 50 * 50).max(hold.from)), "x")
            }
            Some(hold) => {
                one.in_transaction(server(hold.asked.min(now)), "x").transaction_since(server(hold.from))
            }
            None => one.idle(server(last_end.unwrap_or(-60_000)), "COMMIT"),
        }
        .build()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_ever_named_for_another_ones_transaction(
        truth in truth(),
        reads in prop::collection::vec((any::<bool>(), 4..400_i64), 4..30),
    ) {
        let mut stage = stage(&["db1"]);
        let mode = if truth.session_mode { "session" } else { "transaction" };
        let facts = Arc::new(facts(100));
        let (mut clock, mut server_read, mut pooler_read) = (0, None, None);
        for (of_pooler, pause) in reads {
            clock += pause;
            // A sample is complete a little after the moment that it shows.
            let (now, received) = (clock - 1, clock as f64 / 1000.0);
            let next = if of_pooler {
                pooler_read = Some(now);
                let mut next = pooler(received, mode, truth.sockets(now));
                next.overhead.server_ms_per_sample = 2.0;
                next
            } else {
                server_read = Some(now);
                let rows = (0..3).map(|slot| truth.backend(slot, now)).collect();
                let mut next = sample("db1", received, rows, &facts);
                next.at = at((now + truth.skew) as f64 / 1000.0);
                next
            };
            let moment = stage.show(next);
            for (slot, row) in moment.backends.iter().enumerate() {
                let Some(via) = row.via else { continue };
                prop_assert_eq!((via.proof, via.server), (Proof::Wire, slot));
                let end = |client: usize| moment.clients[client].pooled().unwrap().client.clone();
                prop_assert_eq!(via.linked.map(end), truth.end(slot, pooler_read.unwrap()), "as the pooler said");
                if let Some(named) = via.client.map(end) {
                    let owner = truth.end(slot, server_read.unwrap());
                    prop_assert_eq!(Some(named), owner, "connection {} at {}", slot, clock);
                }
            }
        }
    }
}
