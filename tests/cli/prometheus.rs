//! A real Prometheus scrapes a real `pooltop serve` on a real server, and is asked what it has understood.

use std::time::Duration;

use pooltop::model::backfill::{BackendNumber, Backfill, LimitNumber, PoolNumber, What};
use pooltop::model::clock::Clock;
use pooltop::model::limit::LimitScope;
use pooltop::source::prometheus::Prometheus as Past;
use serde_json::Value;

use super::program::Home;
use super::serving::{Answer, Serving};
use crate::support::{Postgres, PostgresOptions, Prometheus, eventually, wait_until};

const TOKEN: &str = "a-token-that-is-long-enough";

/// The series of an instant query: labels and value.
fn query(prometheus: &Prometheus, expression: &str) -> Vec<(Value, f64)> {
    let url =
        reqwest::Url::parse_with_params("http://localhost/api/v1/query", [("query", expression)]).unwrap();
    let answer = ask(prometheus, &format!("{}?{}", url.path(), url.query().unwrap()));
    let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let series = document["data"]["result"].as_array().cloned().unwrap_or_default();
    let pair = |one: Value| Some((one["metric"].clone(), one["value"][1].as_str()?.parse().ok()?));
    series.into_iter().filter_map(pair).collect()
}

fn ask(prometheus: &Prometheus, path: &str) -> Answer {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", prometheus.port)).unwrap();
    // HTTP/1.0, so that the answer is not in chunks.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    Answer::of(&raw)
}

fn until(
    prometheus: &Prometheus,
    what: &str,
    expression: &str,
    holds: impl Fn(&[(Value, f64)]) -> bool,
) -> Vec<(Value, f64)> {
    let mut last = Vec::new();
    eventually(what, || {
        last = query(prometheus, expression);
        holds(&last)
    });
    last
}

/// The last seconds of a profile, as time travel reads them.
async fn read_back(past: &Past, profile: &str) -> Backfill {
    let (step, steps) = (Duration::from_secs(1), 5);
    let from = Clock::real().now().minus(step * 5);
    past.read(profile, from, (step, steps)).await.unwrap()
}

/// The newest value of the one series that says this.
fn newest(kept: &Backfill, is: impl Fn(&What) -> bool) -> Option<u32> {
    let mut found = kept.series.iter().filter(|series| is(&series.what));
    let value = found.next()?.values.iter().rev().find_map(|value| *value);
    assert!(found.next().is_none(), "one such series");
    value
}

/// What `serve` exports is what time travel asks Prometheus for, name by name.
async fn what_was_kept_is_read_back(prometheus: &Prometheus, hostile: &str) {
    let past = Past::new(&format!("http://127.0.0.1:{}", prometheus.port)).unwrap();
    let coverage = past.coverage("shop", Clock::real().now()).await.unwrap();
    assert!(coverage.oldest().is_some(), "{coverage:?}");
    let pool = |what: &What, name: &str, number: PoolNumber| matches!(what, What::Pool(pool, found) if *found == number && *pool.name == *name);
    let (api, hostile) = ("api postgres@postgres".to_owned(), format!("{hostile} postgres@postgres"));
    wait_until("what was kept is read back", async || {
        let kept = read_back(&past, "shop").await;
        assert_eq!(kept.notes, []);
        let limit = |number: LimitNumber| {
            newest(&kept, |what| matches!(what, What::Limit(LimitScope::Server, name, found) if **name == *"db1" && *found == number))
        };
        let backends = |number: BackendNumber| newest(&kept, |what| *what == What::Backends(number));
        let api = |number: PoolNumber| newest(&kept, |what| pool(what, &api, number));
        let application = kept.series.iter().any(|series| {
            matches!(&series.what, What::Traits(_, traits) if traits.application.as_deref() == Some("api"))
        });
        application
            && api(PoolNumber::Used) == Some(1)
            && api(PoolNumber::Open) == Some(2)
            && newest(&kept, |what| pool(what, &hostile, PoolNumber::Used)) == Some(1)
            && (limit(LimitNumber::Max), limit(LimitNumber::Used)) == (Some(60), Some(4))
            && backends(BackendNumber::IdleInTransaction) == Some(2)
            && newest(&kept, |what| *what == What::Up) == Some(1)
            && newest(&kept, |what| matches!(what, What::Is(_))) == Some(1)
    })
    .await;
    assert!(read_back(&past, "another").await.series.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_it_and_has_its_numbers_until_a_pool_is_gone() {
    let server = Postgres::start(&PostgresOptions { max_connections: 60, ..PostgresOptions::default() });
    let hostile = "x\"} 1\\ {y='z'|=<b>";
    let stays = [server.hold("api", "BEGIN").await, server.hold("api", "SELECT 1").await];
    let goes = server.hold(hostile, "BEGIN").await;
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    home.write(
        ".config/pooltop/config.toml",
        &format!("[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"{url}\"\n"),
    );
    let serving = Serving::start(&home, &["shop", "--interval", "200ms"], &[("POOLTOP_TOKEN", TOKEN)]);
    let with_token = format!("  authorization: {{ credentials: '{TOKEN}' }}\n");
    let Some(prometheus) = Prometheus::scraping(serving.port, &with_token) else { return };

    let up =
        until(&prometheus, "the scrape works", "up{job=\"pooltop\"}", |up| up.len() == 1 && up[0].1 > 0.0);
    assert_eq!(up.len(), 1, "{}", prometheus.log());
    let used = "db_client_connection_count{db_client_connection_state=\"used\"}";
    let pools = until(&prometheus, "both pools are there", used, |pools| pools.len() == 2);
    let named = |pools: &[(Value, f64)], name: &str| {
        let name = format!("{name} postgres@postgres");
        pools
            .iter()
            .find(|(labels, _)| labels["db_client_connection_pool_name"] == name)
            .map(|(_, value)| *value)
    };
    assert_eq!(named(&pools, "api"), Some(1.0), "{pools:?}");
    assert_eq!(named(&pools, hostile), Some(1.0), "{pools:?}");
    assert!(
        pools.iter().all(|(labels, _)| labels["profile"] == "shop" && labels["target"] == "db1"),
        "{pools:?}"
    );
    for (expression, expected) in [
        ("pooltop_limit_max{scope=\"server\"}", 60.0),
        // Three sessions of the applications and pooltop's own.
        ("pooltop_limit_used{scope=\"server\"}", 4.0),
        ("pooltop_target_up", 1.0),
        ("pooltop_backends{state=\"idle_in_transaction\"}", 2.0),
        ("sum(pooltop_verdict)", 1.0),
        ("pooltop_own_connections", 1.0),
    ] {
        until(&prometheus, expression, expression, |found| {
            found.len() == 1 && (found[0].1 - expected).abs() < 1e-9
        });
    }

    // What it was told beside the numbers is what only OpenMetrics tells.
    let metadata: Value = serde_json::from_str(&ask(&prometheus, "/api/v1/metadata").body).unwrap();
    assert_eq!(metadata["data"]["pooltop_target_sample_age_seconds"][0]["unit"], "seconds", "{metadata:#}");
    assert_eq!(metadata["data"]["pooltop_scrapes"][0]["type"], "counter");

    what_was_kept_is_read_back(&prometheus, hostile).await;

    let pid = goes.pid;
    drop(goes);
    server.end(pid).await;
    let open = "pooltop_pool_open_connections > 0";
    until(&prometheus, "the pool's series is gone", open, |pools| pools.len() == 1);
    server.stop("INT");
    until(&prometheus, "the server is down", "pooltop_target_up == 0", |down| down.len() == 1);
    for expression in ["pooltop_pool_open_connections", "pooltop_limit_used", "pooltop_backends"] {
        until(&prometheus, "its series are gone", expression, <[_]>::is_empty);
    }
    drop(stays);
}
