//! Real pools of real client libraries on a real server: of two pools that grow, the one that leaks is named.

use serde_json::Value;

use super::program::Home;
use crate::support::{Postgres, PostgresOptions, PythonApp, PythonOptions, wait_until};

/// A profile whose minute takes three seconds: longer than a request that a busy machine has delayed.
fn profile(server: &Postgres) -> String {
    format!(
        "[profiles.shop]\ninterval = \"200ms\"\ntime_scale = 0.05\n[[profiles.shop.postgres]]\nname = \"db1\"\n\
         url = \"{}\"\n",
        server.url("postgres", "postgres")
    )
}

/// What a profile sees of an application in which one pool leaks and the other grows with its load and stays there.
async fn seen(leaking: &str, how: &str, growing: &str, full: i64) -> Option<Value> {
    let server = Postgres::start(&PostgresOptions::default());
    let app = PythonApp::start(&server, &PythonOptions::default())?;
    let home = Home::new();
    home.write(".config/pooltop/config.toml", &profile(&server));
    app.tell(&format!("leak?pool={leaking}&every=0.7&how={how}"));
    app.tell(&format!("load?pool={growing}"));
    until_leaked(&app, leaking).await;
    app.tell(&format!("grow?pool={growing}&n={full}&seconds=6"));
    let run = tokio::task::spawn_blocking(move || home.run(&["snapshot", "shop", "--for", "12s"]));
    let ran = run.await.unwrap();
    assert_eq!(ran.code, 0, "{ran:?}\n{}", app.log());
    assert_eq!(app.truth()["held"].get(growing), None, "the growing pool leaked nothing");
    Some(serde_json::from_str(&ran.out).unwrap())
}

/// Waits until the pool has lost two connections; it goes on to lose more.
async fn until_leaked(app: &PythonApp, pool: &str) {
    wait_until("two are leaked", async || app.truth()["held"][pool].as_u64() >= Some(2)).await;
}

/// The pool of an application, by its name in `application_name`.
fn pool<'a>(document: &'a Value, application: &str) -> &'a Value {
    let pools = document["pools"].as_array().unwrap();
    pools.iter().find(|pool| pool["application_name"] == application).unwrap_or_else(|| panic!("{pools:#?}"))
}

fn check(document: &Value, leaking: &str, growing: &str, full: i64) {
    let grown = pool(document, growing);
    assert!(grown["total"].as_i64() >= Some(full), "{growing} has grown: {grown:#}");
    let findings = document["findings"].as_array().unwrap();
    let leaks = |application: &str| {
        let name = &pool(document, application)["name"];
        let about = |finding: &&Value| finding["pool"] == *name;
        let rule = |finding: &&Value| finding["rule"].as_str().unwrap().starts_with("leak.");
        findings.iter().filter(about).filter(rule).cloned().collect::<Vec<_>>()
    };
    assert_eq!(leaks(growing), Vec::<Value>::new(), "{growing} only grows");
    let worst = leaks(leaking).into_iter().find(|finding| finding["severity"] == "critical");
    let worst = worst.unwrap_or_else(|| panic!("{leaking} leaks: {findings:#?}"));
    assert!(worst["pids"].as_array().unwrap().len() >= 2, "{worst:#}");
    assert_eq!(document["verdict"]["kind"], "leak", "{}", document["verdict"]);
    let text = document["verdict"]["sentence"].as_str().unwrap();
    assert!(text.contains(leaking) && !text.contains(growing), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaking_sqlalchemy_pool_is_named_and_a_growing_asyncpg_pool_is_not() {
    let Some(document) = seen("orders", "transaction", "frontend", 10).await else { return };
    check(&document, "orders", "frontend", 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asyncpg_pool_that_leaks_transactions_is_named_and_a_growing_sqlalchemy_pool_is_not() {
    let Some(document) = seen("frontend", "transaction", "orders", 3).await else { return };
    check(&document, "frontend", "orders", 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_application_under_load_that_grows_is_said_to_leak_nothing() {
    let server = Postgres::start(&PostgresOptions::default());
    let Some(app) = PythonApp::start(&server, &PythonOptions::default()) else { return };
    let home = Home::new();
    home.write(".config/pooltop/config.toml", &profile(&server));
    for pool in ["orders", "frontend", "background", "jobs"] {
        app.tell(&format!("load?pool={pool}"));
        app.tell(&format!("grow?pool={pool}&n=4&seconds=6"));
    }
    let run = tokio::task::spawn_blocking(move || home.run(&["snapshot", "shop", "--for", "12s"]));
    let document: Value = serde_json::from_str(&run.await.unwrap().out).unwrap();
    let rules = document["findings"].as_array().unwrap().iter();
    let leaks: Vec<_> = rules.filter(|one| one["rule"].as_str().unwrap().starts_with("leak.")).collect();
    assert_eq!(leaks, Vec::<&Value>::new());
    for application in ["orders", "frontend", "background", "jobs"] {
        assert!(pool(&document, application)["total"].as_i64() >= Some(3), "{document:#}");
    }
}

/// Outside of any transaction: what is left of it on the server is a connection that idles without asyncpg's reset.
#[tokio::test(flavor = "multi_thread")]
async fn an_asyncpg_pool_that_leaks_silently_is_named_and_a_growing_sqlalchemy_pool_is_not() {
    let Some(document) = seen("frontend", "silent", "orders", 3).await else { return };
    check(&document, "frontend", "orders", 3);
}
