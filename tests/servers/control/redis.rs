//! `CLIENT KILL` on a real Redis.

use std::sync::Arc;

use pooltop::control::audit::Audit;
use pooltop::control::confirm::{Answer, ask_redis};
use pooltop::control::executor::{SoloExecutor, SoloSetup};
use pooltop::model::backend::Client;
use pooltop::model::clock::Clock;
use pooltop::model::operation::Outcome;
use pooltop::model::redis::RedisClient;
use pooltop::source::Opener as _;
use pooltop::source::redis::RedisOpener;

use super::stage::{conninfo, policy};
use crate::support::{Redis, RedisOptions};

struct Bench {
    redis: Redis,
    executor: SoloExecutor,
    audit: Audit,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn start(user: &str, conf: &[&str]) -> Option<Self> {
        let conf = conf.iter().map(ToString::to_string).collect();
        let redis = Redis::start(&RedisOptions { conf, ..RedisOptions::default() })?;
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().join("audit.jsonl"), "ada", "bastion");
        let executor = SoloExecutor::new(SoloSetup {
            conninfo: conninfo(&format!("redis://{user}127.0.0.1:{}", redis.port)),
            policy: policy(),
            audit: audit.clone(),
            clock: Clock::real(),
        })
        .unwrap();
        Some(Self { redis, executor, audit, _directory: directory })
    }

    /// The client of this name, as a sample shows it.
    async fn see(&self, name: &str) -> Option<RedisClient> {
        let mut source =
            RedisOpener::new("cache-1".into(), conninfo(&self.redis.url())).open(None).await.unwrap();
        let sample = source.sample().await.unwrap();
        let clients = sample.redis().unwrap().clients.known().unwrap();
        clients.iter().find(|client| &*client.name == name).cloned()
    }

    async fn kill(&self, client: RedisClient) -> (Outcome, String) {
        let mut question = ask_redis(&"cache-1".into(), Arc::new(client), &policy()).unwrap();
        let confirmed = question.answer(&Answer::Yes).unwrap().unwrap();
        let report = self.executor.execute(confirmed, |_| {}).await;
        (report.outcomes[0].outcome, report.outcomes[0].message.to_string())
    }
}

#[tokio::test]
async fn one_client_is_killed_and_nobody_else() {
    let Some(bench) = Bench::start("", &[]) else { return };
    let (_victim, mut other) =
        (bench.redis.hold(&["CLIENT SETNAME victim"]), bench.redis.hold(&["CLIENT SETNAME other"]));
    let _feed = bench.redis.hold(&["CLIENT SETNAME feed", "SUBSCRIBE news"]);
    let seen = bench.see("victim").await.unwrap();
    let (outcome, message) = bench.kill(seen.clone()).await;
    assert_eq!(outcome, Outcome::Ended, "{message}");
    assert!(bench.see("victim").await.is_none());
    other.send("PING");
    assert_eq!(other.line(), "+PONG");
    assert_eq!(bench.kill(seen.clone()).await, (Outcome::Gone, "ended in the meantime".to_owned()));
    let (outcome, message) = bench.kill(bench.see("feed").await.unwrap()).await;
    assert_eq!(outcome, Outcome::Ended, "a subscriber too: {message}");

    let record = &bench.audit.last(10, |_| true).unwrap()[1];
    assert_eq!(
        (record.client_id.as_deref(), record.outcome),
        (Some(&*seen.id.to_string()), Some(Outcome::Ended))
    );
    assert_eq!(record.client.as_deref(), Some(&*seen.client.to_string()));
}

#[tokio::test]
async fn an_id_that_has_another_address_or_another_kind_of_client_now_is_left_alone() {
    let Some(bench) = Bench::start("", &[]) else { return };
    let mut held = bench.redis.hold(&["CLIENT SETNAME held"]);
    let seen = bench.see("held").await.unwrap();
    let elsewhere = RedisClient { client: Client::Tcp { addr: "127.0.0.1".into(), port: 1 }, ..seen.clone() };
    let (outcome, message) = bench.kill(elsewhere).await;
    assert_eq!(outcome, Outcome::Gone, "{message}");
    assert!(message.contains("another client's"), "{message}");
    let subscribed = RedisClient { flags: "P".into(), ..seen };
    let (outcome, message) = bench.kill(subscribed).await;
    assert_eq!(outcome, Outcome::Changed, "{message}");
    held.send("PING");
    assert_eq!(held.line(), "+PONG");
}

#[tokio::test]
async fn a_user_without_the_right_is_denied() {
    let conf = ["user watcher on >secret ~* +@all -client|kill"];
    let Some(bench) = Bench::start("watcher:secret@", &conf) else { return };
    let mut held = bench.redis.hold(&["CLIENT SETNAME held"]);
    let (outcome, message) = bench.kill(bench.see("held").await.unwrap()).await;
    assert_eq!(outcome, Outcome::Denied, "{message}");
    assert!(message.contains("NOPERM"), "{message}");
    held.send("PING");
    assert_eq!(held.line(), "+PONG");
}
