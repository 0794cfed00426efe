//! `pooltop terminate` and `pooltop cancel`: dry by default, the same guards and the same audit as on the screen.

use super::program::{Home, Ran};
use crate::support::{Held, Postgres, PostgresOptions, wait_until};

async fn sessions(server: &Postgres) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'app-%' ORDER BY pid";
    server.client().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn until_left(server: &Postgres, held: &[&Held]) {
    let mut left: Vec<i32> = held.iter().map(|held| held.pid).collect();
    left.sort_unstable();
    wait_until("only those are left", async || sessions(server).await == left).await;
}

fn terminate(home: &Home, server: &Postgres, args: &[&str]) -> Ran {
    let url = server.url("postgres", "postgres");
    home.run(&[&["terminate", &url], args].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_without_yes_and_only_what_the_selectors_join_with_it() {
    let server = Postgres::start(&PostgresOptions::default());
    let home = Home::new();
    let a = server.hold("app-a", "BEGIN; SELECT 1").await;
    let b = server.hold("app-b", "BEGIN; SELECT 1").await;
    let idle = server.hold("app-b", "SELECT 1").await;
    let busy = server.hold("app-b", "").await;
    drop(busy.send("SELECT pg_sleep(600)"));

    let dry = terminate(&home, &server, &["--application", "app-*", "--idle-in-transaction-for", "0"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.err.contains("dry run: nothing was sent; --yes acts"), "{dry:?}");
    for (pid, named) in [(a.pid, true), (b.pid, true), (idle.pid, false), (busy.pid, false)] {
        assert_eq!(dry.out.contains(&format!("{pid}  would be signalled")), named, "{pid}: {}", dry.out);
    }
    until_left(&server, &[&a, &b, &idle, &busy]).await;

    let both = ["--application", "app-b", "--idle-in-transaction-for", "0", "--yes"];
    let ran = terminate(&home, &server, &both);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains(&format!("{}  ended", b.pid)), "{}", ran.out);
    until_left(&server, &[&a, &idle, &busy]).await;
    let audited = home.audited();
    let real: Vec<_> = audited.iter().filter(|record| record["dry_run"] == false).collect();
    assert_eq!(real.first().unwrap()["phase"], "intent");
    assert_eq!(real.last().unwrap()["outcome"], "ended");
    assert!(real.iter().all(|record| record["pid"] == b.pid), "{audited:#?}");

    let ran = terminate(&home, &server, &["--application", "app-b", "--yes"]);
    assert!(ran.code == 0 && ran.err.contains("active and left alone"), "{ran:?}");
    until_left(&server, &[&a, &busy]).await;
    let none = terminate(&home, &server, &["--application", "nobody", "--yes"]);
    assert!(none.code == 0 && none.err.contains("no session matches"), "{none:?}");
    let ran = terminate(&home, &server, &["--pid", &busy.pid.to_string(), "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    until_left(&server, &[&a]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_takes_the_oldest_and_cancel_takes_what_runs() {
    let server = Postgres::start(&PostgresOptions::default());
    let home = Home::new();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(server.hold("app-a", "BEGIN; SELECT 1").await);
    }
    let ran = terminate(&home, &server, &["--application", "app-a", "--limit", "1", "--yes"]);
    assert!(ran.out.contains("over the bulk limit of 1"), "{ran:?}");
    until_left(&server, &[&held[1], &held[2]]).await;

    let busy = server.hold("app-b", "").await;
    let running = busy.send("SELECT pg_sleep(600)");
    let client = server.client().await;
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'app-b' AND state = 'active'";
    wait_until("it runs", async || client.query_one(active, &[]).await.unwrap().get::<_, i64>(0) == 1).await;
    let url = server.url("postgres", "postgres");
    let pid = busy.pid.to_string();
    let ran = home.run(&["cancel", &url, "--pid", &pid, "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
    until_left(&server, &[&held[1], &held[2], &busy]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_production_profile_wants_its_name_and_a_read_only_one_sends_nothing() {
    let server = Postgres::start(&PostgresOptions::default());
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    let profile = |name: &str, line: &str| {
        format!("[profiles.{name}]\n{line}\n[[profiles.{name}.postgres]]\nname = \"db1\"\nurl = \"{url}\"\n")
    };
    let text = profile("shop", "production = true") + &profile("archive", "access = \"read-only\"");
    home.write(".config/pooltop/config.toml", &text);
    let held = server.hold("app-a", "BEGIN; SELECT 1").await;
    let pid = held.pid.to_string();
    for (args, code, said) in [
        (&["terminate", "shop", "--yes"][..], 2, "--confirm shop"),
        (&["terminate", "shop", "--yes", "--confirm", "archive"], 2, "shop"),
        (&["terminate", "archive", "--yes"], 2, "archive is read-only"),
    ] {
        let ran = home.run(&[args, &["--pid", &pid]].concat());
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(said), "{args:?}: {ran:?}");
    }
    until_left(&server, &[&held]).await;
    assert!(home.audited().iter().all(|record| record["dry_run"] == true), "nothing was meant to be sent");
    let ran = home.run(&["terminate", "shop", "--yes", "--confirm", "shop", "--pid", &pid]);
    assert_eq!(ran.code, 0, "{ran:?}");
    until_left(&server, &[]).await;
}
