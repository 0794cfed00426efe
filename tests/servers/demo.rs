//! The demo: its story on a real server, and that nothing of it stays behind.

mod failures;
mod recording;
mod story;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pooltop::connect::{Conninfo, Console, Environment};
use pooltop::demo::{Demo, Options, Progress};
use pooltop::model::clock::Clock;
use pooltop::model::secret::ExposeSecret;
use tokio_postgres::{Client, NoTls};

use crate::support::installations;

/// The longest that a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options {
        path: std::env::var_os("PATH").unwrap_or_default(),
        temporary: std::env::temp_dir(),
        binaries: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_installed_version_can_be_the_throwaway_server() {
    for installation in installations() {
        let options = Options { binaries: Some(installation.bin.clone()), ..options() };
        let demo = Demo::start(&options, &Clock::real(), &mut |_| {}).await.unwrap();
        let client = connect(&demo).await;
        until(&client, 4, "application_name = 'storefront'").await;
        let version: String = client.query_one("SHOW server_version", &[]).await.unwrap().get(0);
        assert!(version.starts_with(&installation.major.to_string()), "{version}");
        let statements = "SELECT count(*) FROM pg_stat_statements(false)";
        assert!(client.query_one(statements, &[]).await.unwrap().get::<_, i64>(0) > 0, "{version}");
        demo.stop().await;
    }
}

async fn start(said: &mut Vec<Progress>) -> Demo {
    Demo::start(&options(), &Clock::real(), &mut |step| said.push(step)).await.unwrap()
}

async fn connect(demo: &Demo) -> Client {
    let (client, connection) = tokio_postgres::connect(demo.dsn().expose_secret(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn count(client: &Client, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE {condition}");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

/// Waits until at least `least` backends fulfil `condition`.
async fn until(client: &Client, least: i64, condition: &str) {
    let reached = async {
        while count(client, condition).await < least {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("never {least} with {condition}"));
}

const LEAKED: &str = "application_name = 'checkout' AND state = 'idle in transaction' \
    AND query LIKE 'UPDATE orders%' AND state_change < clock_timestamp() - interval '2 s'";

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_leaks_queues_survives_its_rescue_and_goes_without_a_trace() {
    let mut said = Vec::new();
    let demo = start(&mut said).await;
    assert_eq!(said.first(), Some(&Progress::CreatingCluster));
    assert_eq!(said.last(), Some(&Progress::OpeningShop));
    let client = connect(&demo).await;
    until(&client, 4, "application_name = 'storefront'").await;
    until(&client, 1, "application_name = 'worker'").await;
    watch_pooler(&demo).await;
    until(&client, 2, LEAKED).await;
    until(&client, 1, "application_name = 'reports' AND state = 'active'").await;
    until(&client, 1, "application_name = 'migrations' AND wait_event_type = 'Lock'").await;
    until(&client, 2, "application_name = 'inventory' AND wait_event_type = 'Lock'").await;

    let log = std::fs::read_to_string(demo.directory().join("log")).unwrap();
    assert!(!log.contains("ERROR:") && !log.contains("WARNING:"), "the shop's statements work: {log}");

    let sql = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {LEAKED}");
    client.query_one(&sql, &[]).await.unwrap();
    until(&client, 1, "application_name = 'checkout' AND backend_start > clock_timestamp() - interval '3 s'")
        .await;
    until(&client, 4, "application_name = 'storefront'").await;

    let directory = demo.directory().to_owned();
    let port = port(&demo);
    demo.stop().await;
    assert!(!directory.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// Where PgBouncer is installed, the worker's clients are seen in its pool.
async fn watch_pooler(demo: &Demo) {
    let Some(dsn) = demo.pooler_dsn() else { return };
    let (info, _) = Conninfo::resolve(dsn.expose_secret(), &Environment::empty()).unwrap();
    let mut console = Console::open(&info).await.unwrap();
    let pools = console.query("SHOW POOLS").await.unwrap();
    let shop = pools.rows.iter().find(|row| pools.text(row, "database").as_deref() == Some("shop")).unwrap();
    assert_eq!(pools.text(shop, "user").as_deref(), Some("web"));
    let number = |name| pools.text(shop, name).unwrap().parse::<u32>().unwrap();
    assert!(number("cl_active") + number("cl_waiting") > 0);
}

fn port(demo: &Demo) -> u16 {
    let config: tokio_postgres::Config = demo.dsn().expose_secret().parse().unwrap();
    config.get_ports()[0]
}

/// Not a test: the process that the next one kills. Runs a demo until its end.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by after_sigkill_nothing_stays_behind"]
async fn a_demo_that_waits_to_be_killed() {
    let demo = start(&mut Vec::new()).await;
    let line = format!("\nDEMO {} {}\n", port(&demo), demo.directory().display());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    std::future::pending::<()>().await;
}

/// Starts the process above, as `uid` where one is given, and reads where its demo is.
fn victim(uid: Option<u32>) -> (Child, u16, PathBuf) {
    // Someone else may not be able to enter the directory of this program.
    let program = tempfile::tempdir().unwrap();
    let mut executable = std::env::current_exe().unwrap();
    if uid.is_some() {
        std::fs::set_permissions(program.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(executable, program.path().join("demo")).unwrap();
        executable = program.path().join("demo");
    }
    let mut command = Command::new(executable);
    command.args(["--exact", "demo::a_demo_that_waits_to_be_killed", "--ignored", "--nocapture"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    if let Some(uid) = uid {
        command.uid(uid).gid(uid).env("TMPDIR", "/tmp").env_remove("HOME");
    }
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("DEMO ")).expect("the demo starts");
    let (port, directory) = line["DEMO ".len()..].split_once(' ').unwrap();
    (child, port.parse().unwrap(), directory.into())
}

fn gone(directory: &Path, port: u16) -> bool {
    !directory.exists() && TcpStream::connect(("127.0.0.1", port)).is_err()
}

fn killed_without_a_trace(uid: Option<u32>) {
    let (mut child, port, directory) = victim(uid);
    assert!(directory.exists() && TcpStream::connect(("127.0.0.1", port)).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    let clock = Clock::real();
    while !gone(&directory, port) {
        assert!(clock.monotonic() < PATIENCE, "{} stays behind", directory.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn after_sigkill_nothing_stays_behind() {
    killed_without_a_trace(None);
}

/// Only root can become someone else; for everyone else the test above is this one.
#[test]
fn an_ordinary_user_runs_the_demo_as_well() {
    let nobody = 65534;
    if rustix::process::geteuid().is_root() {
        killed_without_a_trace(Some(nobody));
    }
}
