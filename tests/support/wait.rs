//! Waiting for a condition instead of sleeping.

use std::future::Future;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

/// How long anything may take before the test fails: long, because the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Polls an async condition until it holds; panics with `what` after a minute.
pub async fn wait_until<F, T>(what: &str, mut condition: F)
where
    F: FnMut() -> T,
    T: Future<Output = bool>,
{
    let polled = async {
        while !condition().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, polled).await.is_ok(), "waited a minute in vain: {what}");
}

/// The same for a blocking condition outside a runtime.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..DEADLINE.as_millis() / PAUSE.as_millis() {
        if condition() {
            return;
        }
        sleep(PAUSE);
    }
    panic!("waited a minute in vain: {what}");
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    listener.local_addr().expect("its address").port()
}
