//! `pooltop check`: the line and the code that monitoring systems go by.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::program::Home;
use crate::support::{Postgres, PostgresOptions, eventually, free_port};

/// A home with a profile of this server that is judged by these thresholds.
fn home(server: &Postgres, thresholds: &str) -> Home {
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    let config = format!("[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"{url}\"\n{thresholds}");
    home.write(".config/pooltop/config.toml", &config);
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calm_server_is_ok_with_its_numbers() {
    let server = Postgres::start(&PostgresOptions { max_connections: 50, ..PostgresOptions::default() });
    let ran = home(&server, "").run(&["check", "shop", "--for", "1s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("POOLTOP OK - ") && ran.out.lines().count() == 1, "{ran:?}");
    // 50 slots, 3 of them reserved; nobody but pooltop is there. An alert comes at 80 and 95 % of 47.
    assert!(ran.out.contains("'db1 server_used'=1;37;44;0;50"), "{ran:?}");
    assert!(ran.out.contains("'findings_critical'=0;"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_a_warning_or_critical_and_hostile_names_end_no_line() {
    let server = Postgres::start(&PostgresOptions { max_connections: 20, ..PostgresOptions::default() });
    let mut held = Vec::new();
    for _ in 0..15 {
        held.push(server.hold("a'b=c|d\"e", "SELECT 1").await);
    }
    let ran = home(&server, "").run(&["check", "shop", "--for", "1s"]);
    // 16 of 17: nearly full.
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.starts_with("POOLTOP CRITICAL - "), "{ran:?}");
    assert_eq!((ran.out.lines().count(), ran.out.matches('|').count()), (1, 1), "{ran:?}");
    held.truncate(12);
    let held_by = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'a%'";
    let client = server.client().await;
    crate::support::wait_until("three are gone", async || {
        client.query_one(held_by, &[]).await.unwrap().get::<_, i64>(0) == 12
    })
    .await;
    // 14 of 17, of which at most 80 % are fine, and just three are free.
    let lenient = "[profiles.shop.thresholds]\nutilization = 0.9\n";
    let ran = home(&server, lenient).run(&["check", "shop", "--for", "1s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let strict = "[profiles.shop.thresholds]\nutilization = 0.7\n";
    let ran = home(&server, strict).run(&["check", "shop", "--for", "1s"]);
    assert!(matches!(ran.code, 1 | 2), "{ran:?}");
}

#[test]
fn where_nobody_answers_it_is_unknown_and_says_why() {
    let url = format!("postgres://127.0.0.1:{}/none", free_port());
    let ran = Home::new().run(&["check", &url, "--for", "0"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.starts_with("POOLTOP UNKNOWN - ") && ran.out.contains("refused"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_profiles_the_worst_counts_and_each_has_its_line() {
    let server = Postgres::shared();
    let home = Home::new();
    let config = format!(
        "[[profiles.one.postgres]]\nurl = \"{}\"\n[[profiles.two.postgres]]\nurl = \"postgres://127.0.0.1:{}/none\"\n",
        server.url("postgres", "postgres"),
        free_port()
    );
    home.write(".config/pooltop/config.toml", &config);
    let ran = home.run(&["check", "one", "two", "--for", "0"]);
    assert!(ran.code != 0 && ran.out.contains("profiles ok)"), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    assert!(lines[1].starts_with("one ") && lines[2].starts_with("two UNKNOWN: "), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_comes_every_so_often_until_a_signal_or_until_nobody_reads() {
    let server = Postgres::start(&PostgresOptions::default());
    let home = home(&server, "");
    let mut command = home.command(&["check", "shop", "--for", "0", "--every", "1s"]);
    let start = || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..2 {
            let line = lines.next().unwrap().unwrap();
            assert!(line.starts_with("POOLTOP OK - "), "{line}");
        }
        (child, lines)
    };
    let mut start = start;
    let (mut child, lines) = start();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "the code of the last line");
    drop(lines);
    let (mut child, lines) = start();
    drop(lines);
    eventually("it ends by itself", || child.try_wait().unwrap().is_some());
}
