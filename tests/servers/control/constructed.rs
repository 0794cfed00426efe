//! `KILL_CLIENT` on consoles that are constructed: scripted after what PgBouncer 1.24 and later answer. The PgBouncer
//! of the tests is older and has no such command.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pooltop::control::audit::Audit;
use pooltop::control::confirm::{Answer, Policy, PoolerAround};
use pooltop::control::executor::{SoloExecutor, SoloSetup};
use pooltop::model::audit::AuditPhase;
use pooltop::model::backend::Client;
use pooltop::model::clock::Clock;
use pooltop::model::operation::{Outcome, PoolerWords};
use pooltop::model::pooler::{ClientState, PoolerClient};
use pooltop::model::target::TargetKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::stage::{conninfo, policy};

/// What a constructed console answers.
#[derive(Clone, Debug)]
enum Say {
    /// A list of clients: id, user, address, port.
    Clients(&'static [[&'static str; 4]]),
    /// A command tag.
    Done(&'static str),
    /// An error in PgBouncer's way, then ready for more.
    Error(&'static str),
}

const SAME: [&str; 4] = ["17", "app", "10.0.0.9", "40000"];

/// Answers one console session with the script and keeps what it was asked. Returns its address.
async fn console(script: Vec<Say>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&heard);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = serve(&mut stream, script.into(), &asked).await;
    });
    (port, heard)
}

async fn serve(
    stream: &mut TcpStream,
    mut script: VecDeque<Say>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let length = stream.read_i32().await?;
    stream.read_exact(&mut vec![0; usize::try_from(length).unwrap() - 4]).await?;
    let mut hello = message(b'R', &0_i32.to_be_bytes());
    hello.extend(message(b'S', b"server_version\x001.24.1/bouncer\0"));
    hello.extend(message(b'Z', b"I"));
    stream.write_all(&hello).await?;
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_i32().await?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        stream.read_exact(&mut body).await?;
        if kind == b'X' {
            return Ok(());
        }
        assert_eq!(kind, b'Q', "only simple queries may reach a console");
        asked.lock().unwrap().push(String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned());
        let mut answer = match script.pop_front() {
            Some(Say::Clients(rows)) => clients(rows),
            Some(Say::Done(tag)) => message(b'C', format!("{tag}\0").as_bytes()),
            Some(Say::Error(text)) => message(b'E', format!("SERROR\0C08P01\0M{text}\0\0").as_bytes()),
            None => return Ok(()),
        };
        answer.extend(message(b'Z', b"I"));
        stream.write_all(&answer).await?;
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// `SHOW CLIENTS` with the columns that matter, in an order of our own.
fn clients(rows: &[[&str; 4]]) -> Vec<u8> {
    let columns = ["id", "user", "addr", "port", "database"];
    let mut head = i16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for column in columns {
        head.extend([column.as_bytes(), b"\0"].concat());
        head.extend([0; 18]);
    }
    let mut out = message(b'T', &head);
    for row in rows {
        let mut cells = i16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
        for cell in row.iter().chain(["shop"].iter()) {
            cells.extend(i32::try_from(cell.len()).unwrap().to_be_bytes());
            cells.extend(cell.as_bytes());
        }
        out.extend(message(b'D', &cells));
    }
    out.extend(message(b'C', b"SHOW\0"));
    out
}

/// The client 17 as the operator saw it is killed with a yes on a console with this script.
async fn kill(script: Vec<Say>, protected: &[&str]) -> (Outcome, String, Vec<String>) {
    let (port, heard) = console(script).await;
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion");
    let protected_roles = protected.iter().map(|role| (*role).into()).collect();
    let executor = SoloExecutor::new(SoloSetup {
        conninfo: conninfo(&format!("pgbouncer://admin@127.0.0.1:{port}/pgbouncer?sslmode=disable")),
        policy: Policy { protected_roles, ..policy() },
        audit: audit.clone(),
        clock: Clock::real(),
    })
    .unwrap();
    let client = PoolerClient {
        id: "17".into(),
        killable: true,
        database: "shop".into(),
        user: "app".into(),
        application_name: Some("api".into()),
        client: Client::Tcp { addr: "10.0.0.9".into(), port: 40_000 },
        client_pid: None,
        state: ClientState::Active,
        word: "active".into(),
        wait_us: None,
        age_s: None,
        server: None,
    };
    let around = PoolerAround {
        target: "bouncer-1".into(),
        pooler: PoolerWords { kind: TargetKind::Pgbouncer, version: "PgBouncer 1.24.1".into() },
        facts: None,
        pools: Vec::new(),
    };
    let mut question = around.ask_client(Arc::new(client), &policy()).unwrap();
    let confirmed = question.answer(&Answer::Yes).unwrap().unwrap();
    let report = executor.execute(confirmed, |_| {}).await;
    let records = audit.last(10, |_| true).unwrap();
    assert_eq!(
        records.iter().map(|record| record.phase).collect::<Vec<_>>(),
        [AuditPhase::Intent, AuditPhase::Outcome]
    );
    let told = &records[1];
    assert_eq!(
        (told.client_id.as_deref(), told.client.as_deref(), told.database.as_deref(), &*told.user, told.pid),
        (Some("17"), Some("10.0.0.9:40000"), Some("shop"), "app", None)
    );
    let asked = heard.lock().unwrap().clone();
    (report.outcomes[0].outcome, report.outcomes[0].message.to_string(), asked)
}

#[tokio::test]
async fn a_client_is_killed_only_if_its_id_still_has_the_address_user_and_database_that_were_seen() {
    let (list, kill_17) = ("SHOW CLIENTS", "KILL_CLIENT 17");
    let other: &[[&str; 4]] = &[["17", "app", "10.0.0.9", "40001"]];
    let another: &[[&str; 4]] = &[["17", "report", "10.0.0.9", "40000"]];
    for (script, outcome, part, asked) in [
        (
            vec![Say::Clients(&[SAME]), Say::Done("KILL_CLIENT"), Say::Clients(&[SAME]), Say::Clients(&[])],
            Outcome::Ended,
            "ended within",
            vec![list, kill_17, list, list],
        ),
        (vec![Say::Clients(&[])], Outcome::Gone, "ended in the meantime", vec![list]),
        (vec![Say::Clients(other)], Outcome::Gone, "another client's", vec![list]),
        (vec![Say::Clients(another)], Outcome::Gone, "another client's", vec![list]),
        (
            vec![Say::Clients(&[SAME]), Say::Error("client not found")],
            Outcome::Gone,
            "client not found",
            vec![list, kill_17],
        ),
        (
            vec![Say::Clients(&[SAME]), Say::Error("admin access needed")],
            Outcome::Denied,
            "admin access needed",
            vec![list, kill_17],
        ),
        (vec![Say::Clients(&[SAME])], Outcome::Unconfirmed, "the answer was lost", vec![list, kill_17]),
        (
            vec![Say::Clients(&[SAME]), Say::Done("KILL_CLIENT")],
            Outcome::Unconfirmed,
            "could not be seen",
            vec![list, kill_17, list],
        ),
    ] {
        let about = format!("{script:?}");
        let (found, message, heard) = kill(script, &[]).await;
        assert_eq!(
            (found, heard),
            (outcome, asked.iter().map(ToString::to_string).collect()),
            "{about}: {message}"
        );
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_client_of_a_protected_role_is_refused_by_the_executor_too() {
    let (outcome, message, asked) = kill(vec![Say::Clients(&[SAME])], &["app"]).await;
    assert_eq!((outcome, &*message, asked), (Outcome::Refused, "role app is protected", Vec::new()));
}
