//! Consoles of poolers that cannot be started here, as constructed transcripts over a real connection.

use std::sync::{Arc, Mutex};

use pooltop::model::target::TargetKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Reader;

/// What a statement is answered with: the names of the columns, and the only row.
type Script = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// A console that answers by a script, and whatever else it is asked with a severity that sounds like the end.
struct Scripted {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script, Arc::clone(&notes)));
            }
        });
        Self { port, asked }
    }
}

async fn converse(mut stream: TcpStream, script: Script, asked: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let length = stream.read_u32().await.ok()?;
    stream.read_exact(&mut vec![0; length as usize - 4]).await.ok()?;
    let greeting = [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x001.18.0/bouncer\0"),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
    ];
    stream.write_all(&greeting.concat()).await.ok()?;
    loop {
        let tag = stream.read_u8().await.ok()?;
        assert!(matches!(tag, b'Q' | b'X'), "a console is sent simple queries only, not {}", char::from(tag));
        let length = stream.read_u32().await.ok()?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await.ok()?;
        let statement = String::from_utf8(body).unwrap().trim_end_matches('\0').to_owned();
        let known = script.iter().find(|(known, _)| *known == statement);
        let answer = match known {
            Some((_, row)) => [table(row), message(b'C', b"SHOW\0")].concat(),
            None => message(b'E', b"SFATAL\0C58000\0MUnsupported SHOW query against the admin database\0\0"),
        };
        asked.lock().unwrap().push(statement);
        stream.write_all(&[answer, message(b'Z', b"I")].concat()).await.ok()?;
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
}

fn table(row: &[(&str, &str)]) -> Vec<u8> {
    let count = u16::try_from(row.len()).unwrap().to_be_bytes();
    let (mut names, mut cells) = (count.to_vec(), count.to_vec());
    for (name, value) in row {
        names.extend([name.as_bytes(), &[0; 19]].concat());
        cells.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        cells.extend(value.as_bytes());
    }
    [message(b'T', &names), message(b'D', &cells)].concat()
}

const PGCAT: Script = &[
    ("SHOW VERSION", &[("version", "PgCat 1.2.0")]),
    (
        "SHOW POOLS",
        &[("database", "shop"), ("user", "app"), ("cl_idle", "4"), ("cl_active", "2"), ("cl_waiting", "1")],
    ),
    ("SHOW CLIENTS", &[("client_id", "0x1"), ("database", "shop"), ("user", "app"), ("state", "active")]),
    (
        "SHOW SERVERS",
        &[("server_id", "0x2"), ("database_name", "shop"), ("user", "app"), ("state", "active")],
    ),
    ("SHOW STATS", &[("database", "shop"), ("user", "app"), ("total_query_time", "7")]),
];
const PGDOG: Script = &[
    ("SHOW VERSION", &[("version", "PgDog v0.1.54")]),
    ("SHOW POOLS", &[("database", "shop"), ("user", "app"), ("cl_waiting", "0"), ("sv_active", "1")]),
    ("SHOW CLIENTS", &[("id", "7"), ("database", "shop"), ("user", "app"), ("state", "active")]),
    (
        "SHOW SERVERS",
        &[
            ("database", "shop"),
            ("user", "app"),
            ("state", "active"),
            ("remote_pid", "9"),
            ("client_id", "7"),
        ],
    ),
    ("SHOW STATS", &[("database", "shop"), ("user", "app"), ("total_query_time", "7")]),
    ("SHOW CONFIG", &[("name", "default_pool_size"), ("value", "10")]),
];
const ODYSSEY: Script = &[
    ("SHOW VERSION", &[("version", "odyssey 1.5.1")]),
    (
        "SHOW POOLS",
        &[("database", "shop"), ("user", "app"), ("cl_active", "1"), ("cl_waiting", "3"), ("maxwait", "0")],
    ),
    ("SHOW CLIENTS", &[("database", "shop"), ("user", "app"), ("state", "queue"), ("id", "c1")]),
    ("SHOW SERVERS", &[("database", "shop"), ("user", "app"), ("state", "active"), ("ptr", "s1")]),
    ("SHOW STATS", &[("database", "shop"), ("total_query_time", "7")]),
    ("SHOW DATABASES", &[("name", "shop"), ("max_connections", "50")]),
    ("SHOW LISTS", &[("list", "used_clients"), ("items", "5")]),
];
/// An older PgBouncer that does not know STATE, and a user to whom everything else is refused.
const REFUSING: Script = &[("SHOW VERSION", &[("version", "PgBouncer 1.12.0")])];

#[tokio::test]
async fn relatives_are_recognised_and_asked_only_for_what_they_have() {
    for (script, kind, linked, statements) in [
        (PGCAT, TargetKind::Pgcat, false, "POOLS CLIENTS SERVERS STATS DATABASES"),
        (PGDOG, TargetKind::Pgdog, true, "POOLS CLIENTS SERVERS STATS CONFIG"),
        (ODYSSEY, TargetKind::Odyssey, false, "POOLS CLIENTS SERVERS STATS DATABASES LISTS"),
    ] {
        let console = Scripted::start(script).await;
        let url = format!("pgbouncer://stats@127.0.0.1:{}?sslmode=disable", console.port);
        let mut reader = Reader::console(&url).await;
        let sample = reader.pooler().await;
        assert_eq!(sample.kind, kind);
        let sockets = sample.sockets.known().unwrap();
        assert_eq!((sockets.linked, sockets.clients.len(), sockets.servers.len()), (linked, 1, 1), "{kind}");
        assert_eq!(sockets.clients[0].server, linked.then_some(0), "{kind}");
        let asked: Vec<String> = console.asked.lock().unwrap().clone();
        let expected: Vec<String> =
            ["VERSION"].into_iter().chain(statements.split(' ')).map(|name| format!("SHOW {name}")).collect();
        assert_eq!(asked, expected, "{kind}");
        let micros = if kind == TargetKind::Odyssey { 7 } else { 7_000 };
        assert_eq!(sample.totals.known().unwrap()[0].query_us, Some(micros), "{kind}");
    }
}

#[tokio::test]
async fn a_refusal_that_sounds_like_the_end_is_a_missing_part_with_its_reason() {
    let console = Scripted::start(REFUSING).await;
    let url = format!("pgbouncer://stats@127.0.0.1:{}?sslmode=disable", console.port);
    let mut reader = Reader::console(&url).await;
    for _ in 0..3 {
        let sample = reader.pooler().await;
        let missing = sample.sockets.missing().unwrap();
        assert!(missing.why.contains("Unsupported SHOW query"), "{missing:?}");
        assert!(missing.fix.as_ref().unwrap().contains("stats_users"), "{missing:?}");
        assert!(sample.pools.missing().is_some() && sample.totals.missing().is_some());
        assert!(sample.facts.missing().is_some(), "nothing of it was read");
    }
    assert!(!console.asked.lock().unwrap().iter().any(|statement| statement == "SHOW STATE"));
}
