//! Back beyond the minutes in memory, into what a real Prometheus has kept of the profile.

use pooltop::model::clock::Clock;

use super::stage::{Stage, rows};
use crate::support::{Backfilled, Points, PostgresOptions, eventually, free_port};

/// Two hours of a pool and of the server's limit, six hours ago, every fifteen seconds.
fn kept() -> Vec<Points> {
    let start = Clock::real().now().as_micros() / 1_000_000 / 3600 * 3600 - 6 * 3600;
    let series = |name: &str, value: fn(i64) -> i64| {
        let points = (0..480).map(|step| (start + step * 15, value(step) as f64));
        (format!("{name}}}"), points.collect())
    };
    let pool =
        r#"{profile="shop",target="db1",layer="server",db_client_connection_pool_name="checkout app@shop""#;
    let limit = r#"{profile="shop",target="db1",scope="server",name="db1""#;
    vec![
        series(r#"pooltop_targets_live{profile="shop""#, |_| 1),
        series(r#"pooltop_target_up{profile="shop",target="db1""#, |_| 1),
        series(r#"pooltop_backends{profile="shop",target="db1",state="idle""#, |step| 10 + step % 5),
        series(&format!("pooltop_pool_open_connections{pool}"), |step| 10 + step % 5),
        series(&format!(r#"db_client_connection_count{pool},db_client_connection_state="used""#), |_| 4),
        series(&format!("db_client_connection_max{pool}"), |_| 33),
        series(&format!("pooltop_limit_used{limit}"), |_| 77),
        series(&format!("pooltop_limit_max{limit}"), |_| 123),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_goes_on_into_what_prometheus_kept_and_leads_to_the_present_again() {
    let Some(prometheus) = Backfilled::start(&kept()) else { return };
    let stage = Stage::with(&PostgresOptions::default(), &format!("history = \"{}\"", prometheus.url()));
    let _here = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for("its row", |screen| !rows(screen).is_empty());
    // Until Prometheus has answered how far back it goes, the oldest is the oldest in memory.
    eventually("the oldest that was kept", || {
        terminal.send("<");
        terminal
            .look(|screen| screen.contents().contains("From Prometheus: pools and limits only, every 15s"))
    });
    terminal.wait_for("pools and limits of that time, and nobody's connections", |screen| {
        let text = screen.contents();
        text.contains("4/33") && text.contains("77/123") && text.contains("PAST") && rows(screen).is_empty()
    });
    let clock = |screen: &vt100::Screen| screen.rows(0, 120).next().unwrap();
    let first = terminal.look(clock);
    terminal.send(".");
    terminal.wait_for("a step on", |screen| {
        clock(screen) != first && screen.contents().contains("From Prometheus")
    });
    terminal.send(">");
    terminal.wait_for("the present", |screen| {
        !screen.contents().contains("From Prometheus") && !rows(screen).is_empty()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_does_not_answer_is_told_once_and_takes_nothing_away() {
    let history = format!("history = \"http://127.0.0.1:{}\"", free_port());
    let stage = Stage::with(&PostgresOptions::default(), &history);
    let _here = stage.leak("checkout", 1).await;
    let mut terminal = stage.start();
    terminal.wait_for_text("no history: http://127.0.0.1:");
    terminal.wait_for("its row", |screen| !rows(screen).is_empty());
    terminal.send("<");
    terminal.wait_for_text("PAST");
    terminal.send(">");
    terminal
        .wait_for("the present", |screen| !rows(screen).is_empty() && !screen.contents().contains(" PAST "));
}
