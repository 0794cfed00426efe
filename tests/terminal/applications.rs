//! Real pools of real client libraries: the screen names the one that leaks, not the one that grows.

use super::stage::Stage;
use crate::support::{PythonApp, PythonOptions, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_names_the_pool_that_leaks_and_not_the_one_that_grows() {
    let stage = Stage::new();
    let Some(app) = PythonApp::start(&stage.server, &PythonOptions::default()) else { return };
    // A minute takes three seconds: longer than a request that a busy machine has delayed.
    stage.configure(&stage.profile("shop", "").replace("time_scale = 0.01", "time_scale = 0.05"));
    app.tell("load?pool=frontend");
    let terminal = stage.start();
    app.tell("leak?pool=orders&every=0.7");
    app.tell("grow?pool=frontend&n=10&seconds=5");
    wait_until("frontend has grown", async || stage.sessions("frontend").await == 10).await;

    // All that SQLAlchemy's pool has: pool_size 3 and max_overflow 2.
    terminal.wait_for("the leak", |screen| {
        let text = screen.contents();
        text.contains("orders leaks: 5 connections idle in transaction") && text.contains("Leak suspects 1")
    });
    assert_eq!(stage.sessions("frontend").await, 10, "asyncpg keeps what it has opened");
    let screen = terminal.text();
    assert!(!screen.contains("frontend leaks") && !screen.contains("frontend may leak"), "{screen}");

    app.tell("stop");
    app.tell("release?pool=orders");
    terminal.wait_for_text("Leak suspects 0");
    terminal.wait_until_gone("orders leaks");
}
