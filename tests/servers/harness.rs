//! The harness itself: whatever it starts is gone afterwards.

use std::process::{Command, Stdio};

use crate::support::{
    PgBouncer, PgBouncerOptions, Postgres, PostgresOptions, PythonApp, PythonOptions, eventually,
};

#[tokio::test]
async fn a_client_reaches_the_server_directly_and_through_the_pooler() {
    let server = Postgres::shared();
    let client = server.client().await;
    let row = client.query_one("SELECT current_setting('port')", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), server.port.to_string());
    if let Some(pooler) = PgBouncer::start(server, &PgBouncerOptions::default()) {
        let through = pooler.client("postgres", "postgres").await;
        let row = through.query_typed("SELECT current_setting('port')", &[]).await.unwrap();
        assert_eq!(row[0].get::<_, String>(0), server.port.to_string());
    }
}

#[tokio::test]
async fn a_session_is_held_until_dropped() {
    let server = Postgres::shared();
    let held = server.hold("harness", "BEGIN; SELECT 1").await;
    let client = server.client().await;
    let state = "SELECT state FROM pg_stat_activity WHERE pid = $1";
    let row = client.query_one(state, &[&held.pid]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "idle in transaction");
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_directory() {
    let server = Postgres::start(&PostgresOptions::default());
    let (pid, root) = (server.pid(), server.socket_directory().to_owned());
    server.freeze();
    drop(server);
    assert!(!root.exists(), "{} is removed", root.display());
    assert!(!runs(pid), "the server is stopped");
}

#[test]
fn a_killed_test_process_leaves_neither_process_nor_directory() {
    let marks = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::waits_to_be_killed", "--ignored", "--nocapture"])
        .env("POOLTOP_TEST_MARKS", marks.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = String::new();
    eventually("the child tells its server", || {
        told = std::fs::read_to_string(marks.path()).unwrap();
        told.ends_with('\n')
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let (pid, root) = told.trim().split_once(' ').unwrap();
    let pid = pid.parse().unwrap();
    eventually("the guardian cleans up", || !runs(pid) && !std::path::Path::new(root).exists());
}

/// Not a test: what the test above starts and kills.
#[test]
#[ignore = "started by a_killed_test_process_leaves_neither_process_nor_directory"]
fn waits_to_be_killed() {
    let Some(marks) = std::env::var_os("POOLTOP_TEST_MARKS") else { return };
    let server = Postgres::shared();
    std::fs::write(marks, format!("{} {}\n", server.pid(), server.socket_directory().display())).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_dropped_application_ends_with_all_its_workers() {
    let server = Postgres::start(&PostgresOptions::default());
    let options = PythonOptions { workers: 2, ..PythonOptions::default() };
    let Some(app) = PythonApp::start(&server, &options) else { return };
    let workers = [app.truth(), app.truth()].map(|truth| truth["worker"].as_i64().unwrap());
    assert_ne!(workers[0], workers[1], "they answer in turn");
    assert!(workers.contains(&i64::from(app.pid())));
    drop(app);
    let pids = workers.map(|pid| i32::try_from(pid).unwrap());
    eventually("both are gone", || !pids.into_iter().any(runs));
}

fn runs(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
