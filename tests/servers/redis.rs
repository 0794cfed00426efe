//! Samples of a real Redis: its clients, its ceiling, its refusals.

use std::time::Duration;

use pooltop::analysis::Settings;
use pooltop::analysis::fixture::{Stage, status};
use pooltop::connect::{Conninfo, Environment, RedisConnection, Reply};
use pooltop::model::finding::{Rule, Severity};
use pooltop::model::limit::LimitScope;
use pooltop::model::pool::DeclaredRedisPool;
use pooltop::model::redis::{RedisClient, RedisSample};
use pooltop::model::target::{TargetError, TargetKind};
use pooltop::model::verdict::VerdictKind;
use pooltop::source::redis::RedisOpener;
use pooltop::source::{Opener as _, Source};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::connect::tls::Authority;
use crate::support::{Redis, RedisOptions, wait_until};

fn info(url: &str) -> Conninfo {
    Conninfo::resolve(url, &Environment::empty()).unwrap().0
}

async fn open(url: &str) -> Result<Box<dyn Source>, TargetError> {
    RedisOpener::new("cache-1".into(), info(url)).open(None).await
}

async fn sample(source: &mut Box<dyn Source>) -> RedisSample {
    source.sample().await.unwrap().redis().unwrap().clone()
}

fn named<'a>(sample: &'a RedisSample, name: &str) -> Vec<&'a RedisClient> {
    sample.clients.known().unwrap().iter().filter(|client| &*client.name == name).collect()
}

fn with(conf: &[&str]) -> Option<Redis> {
    let conf = conf.iter().map(ToString::to_string).collect();
    Redis::start(&RedisOptions { conf, ..RedisOptions::default() })
}

#[tokio::test]
async fn clients_are_seen_with_what_they_do_and_our_own_connection_is_not() {
    let Some(redis) = with(&[]) else { return };
    let _idle = redis.hold(&["CLIENT SETNAME web-1", "SELECT 3"]);
    let mut blocked = redis.hold(&["CLIENT SETNAME jobs"]);
    blocked.send("BLPOP queue 0");
    let _subscribed = redis.hold(&["CLIENT SETNAME feed", "SUBSCRIBE news"]);
    let _multi = redis.hold(&["CLIENT SETNAME cart", "MULTI"]);
    let _nameless = redis.hold(&["PING"]);
    let mut source = open(&redis.url()).await.unwrap();
    let seen = async {
        loop {
            let sample = sample(&mut source).await;
            if named(&sample, "jobs").iter().any(|client| client.is_blocked()) {
                return sample;
            }
        }
    };
    let sample = timeout(Duration::from_secs(60), seen).await.expect("BLPOP blocks");
    assert_eq!(sample.clients.known().unwrap().len(), 5, "our own is left out");
    assert_eq!((named(&sample, "web-1")[0].db, named(&sample, "web-1")[0].is_idle()), (3, false));
    assert!(named(&sample, "feed")[0].is_pubsub() && !named(&sample, "feed")[0].is_blocked());
    assert!(named(&sample, "cart")[0].flags.contains('x'));
    assert_eq!(&*named(&sample, "")[0].user, "default");
    let counters = sample.counters.known().unwrap();
    assert_eq!((counters.connected, counters.blocked, counters.rejected), (Some(6), Some(1), Some(0)));
    assert!(counters.max_clients.is_some_and(|ceiling| ceiling > 1000), "{counters:?}");
    assert!(counters.received.is_some() && counters.uptime_s.is_some() && counters.evicted == Some(0));
    let missing: Vec<&str> = sample.missing.iter().map(|missing| &*missing.what).collect();
    assert_eq!(missing, ["pools of clients without a name"]);
    assert!(sample.version.starts_with(|c: char| c.is_ascii_digit()));
}

#[tokio::test]
async fn five_hundred_clients_are_counted_one_by_one() {
    let Some(redis) = with(&["maxclients 600"]) else { return };
    let held: Vec<_> = (0..500).map(|n| redis.hold(&[&format!("CLIENT SETNAME web-{}", n % 3)])).collect();
    let mut source = open(&redis.url()).await.unwrap();
    let first = sample(&mut source).await;
    let ids: Vec<u64> = first.clients.known().unwrap().iter().map(|client| client.id).collect();
    assert_eq!(ids.len(), 500);
    assert!(ids.is_sorted());
    let counters = first.counters.known().unwrap();
    assert_eq!((counters.held(), counters.max_clients), (Some(501), Some(600)));
    drop(held);
    let gone = async { while !sample(&mut source).await.clients.known().unwrap().is_empty() {} };
    timeout(Duration::from_secs(60), gone).await.expect("all are seen to go");
}

#[tokio::test]
async fn a_full_server_is_refused_in_its_words_and_counts_the_rejections() {
    let Some(redis) = with(&["maxclients 12"]) else { return };
    let mut source = open(&redis.url()).await.unwrap();
    let held: Vec<_> = (0..11).map(|_| redis.hold(&["PING"])).collect();
    for _ in 0..20 {
        let error = open(&redis.url()).await.err().expect("there is no slot");
        assert!(error.says_full() && error.refused && !error.authentication, "{error:?}");
        assert!(error.message.contains("max number of clients reached"), "{error:?}");
        assert!(error.hint.is_some());
    }
    let full = sample(&mut source).await;
    let counters = full.counters.known().unwrap();
    assert_eq!((counters.held(), counters.max_clients, counters.rejected), (Some(12), Some(12), Some(20)));
    drop(held);
    wait_until("a slot is free again", || async { open(&redis.url()).await.is_ok() }).await;
}

#[tokio::test]
async fn passwords_and_users_are_right_wrong_or_missing() {
    let conf = ["requirepass secret", "user app on >pa:ss/word ~* +@all", "user open on nopass ~* +@all"];
    let Some(redis) = with(&conf) else { return };
    let host = format!("127.0.0.1:{}", redis.port);
    for (userinfo, code) in [
        (":secret@", None),
        ("default:secret@", None),
        ("app:pa%3Ass%2Fword@", None),
        ("open@", None),
        (":wrong@", Some("WRONGPASS")),
        ("app:wrong@", Some("WRONGPASS")),
        ("nobody:secret@", Some("WRONGPASS")),
        ("app@", Some("WRONGPASS")),
        ("", Some("NOAUTH")),
    ] {
        let opened = open(&format!("redis://{userinfo}{host}")).await;
        let error = opened.err();
        assert_eq!(error.as_ref().and_then(|error| error.code.as_deref()), code, "{userinfo}: {error:?}");
        if let Some(error) = error {
            assert!(error.authentication && error.refused && error.hint.is_some(), "{userinfo}: {error:?}");
            assert!(!error.message.contains("secret") && error.message.starts_with("cannot connect to"));
        }
    }
    let commanded =
        info(&format!("redis://{host}")).with_password_command(vec!["echo".into(), "secret".into()]);
    assert!(RedisConnection::open(&commanded).await.is_ok(), "a command may print the password");
    let typed = RedisOpener::new("cache-1".into(), info(&format!("redis://{host}")));
    assert!(typed.open(Some("secret".to_owned().into())).await.is_ok(), "a person may type it");
    let database = open(&format!("redis://:secret@{host}/99")).await.err().unwrap();
    assert!(database.message.contains("DB index") && !database.authentication, "{database:?}");
}

#[tokio::test]
async fn what_an_acl_forbids_is_a_missing_part_with_the_line_that_allows_it() {
    let conf = [
        "user none on >x ~* -@all",
        "user info on >x ~* -@all +info",
        "user list on >x ~* -@all +client|list",
        "user full on >x ~* -@all +info +client|list +client|id +client|setname",
    ];
    let Some(redis) = with(&conf) else { return };
    let _other = redis.hold(&["CLIENT SETNAME web"]);
    for (user, clients, counters) in
        [("none", false, false), ("info", false, true), ("list", true, false), ("full", true, true)]
    {
        let mut source = open(&format!("redis://{user}:x@127.0.0.1:{}", redis.port)).await.unwrap();
        let sample = sample(&mut source).await;
        let seen = (sample.clients.known().is_some(), sample.counters.known().is_some());
        assert_eq!(seen, (clients, counters), "{user}: {sample:?}");
        let fix = format!("ACL SETUSER {user} +client|list +client|id +client|setname +info");
        let fixes = sample.missing.iter().filter(|gap| gap.fix.as_deref() == Some(&*fix)).count();
        assert_eq!(fixes, usize::from(!clients) + usize::from(!counters), "{user}: {:?}", sample.missing);
        assert_eq!(source.describe().missing, sample.missing, "{user}");
    }
    let admin = &mut RedisConnection::open(&info(&redis.url())).await.unwrap();
    let set = ["ACL", "SETUSER", "none", "+client|list", "+client|id", "+client|setname", "+info"];
    admin.command(&set).await.unwrap();
    let mut source = open(&format!("redis://none:x@127.0.0.1:{}", redis.port)).await.unwrap();
    let after = sample(&mut source).await;
    assert!(after.clients.known().is_some() && after.counters.known().is_some(), "the fix fixes it");
}

#[tokio::test]
async fn tls_is_checked_against_the_authority_and_the_name() {
    let authority = Authority::new();
    let (certificate, key) = authority.certificate("cache", &["localhost"]);
    let root = std::fs::read_to_string(&authority.root).unwrap();
    let tls = Some((certificate, key, root));
    let Some(redis) = Redis::start(&RedisOptions { tls, ..RedisOptions::default() }) else { return };
    let (port, root, stranger) = (redis.port, authority.root.display(), authority.stranger.display());
    for (url, works) in [
        (format!("rediss://localhost:{port}?sslrootcert={root}"), true),
        (format!("rediss://localhost:{port}?ssl_ca_certs={root}"), true),
        (format!("rediss://127.0.0.1:{port}?sslrootcert={root}"), false),
        (format!("rediss://127.0.0.1:{port}?sslrootcert={root}&sslmode=verify-ca"), true),
        (format!("rediss://127.0.0.1:{port}?ssl_cert_reqs=none"), true),
        (format!("rediss://localhost:{port}?sslrootcert={stranger}"), false),
        (format!("rediss://localhost:{port}"), false),
        (format!("redis://localhost:{port}?connect_timeout=5"), false),
    ] {
        let opened = RedisConnection::open(&info(&url)).await;
        assert_eq!(opened.is_ok(), works, "{url}: {:?}", opened.err());
        match opened {
            Ok(connection) => assert!(connection.is_encrypted()),
            Err(error) => assert!(error.hint.is_some() && !error.refused, "{url}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn tls_to_a_port_without_it_and_other_protocols_are_told_apart() {
    let Some(redis) = with(&[]) else { return };
    let url = format!("rediss://localhost:{}?ssl_cert_reqs=none&connect_timeout=5", redis.port);
    let error = open(&url).await.err().unwrap();
    assert!(!error.refused, "{error:?}");
    let nobody = open("redis://127.0.0.1:1").await.err().unwrap();
    assert!(nobody.hint.as_ref().is_some_and(|hint| hint.contains("bind")), "{nobody:?}");
}

#[tokio::test]
async fn a_busy_server_is_waited_for_and_its_late_answer_is_nobody_else_s() {
    let Some(redis) = with(&[]) else { return };
    let mut source = open(&redis.url()).await.unwrap();
    sample(&mut source).await;
    let pid = Pid::from_raw(redis.pid).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    assert!(timeout(Duration::from_millis(700), source.sample()).await.is_err(), "no answer, and no error");
    assert!(source.timed_out(), "a silence is no reason to give the slot up");
    kill_process(pid, Signal::CONT).unwrap();
    let _later = redis.hold(&["CLIENT SETNAME later"]);
    let after = sample(&mut source).await;
    assert_eq!(named(&after, "later").len(), 1, "the answer belongs to the newest question");
}

#[tokio::test]
async fn a_restart_ends_the_connection_with_words_and_counters_begin_anew() {
    let Some(mut redis) = with(&[]) else { return };
    let mut source = open(&redis.url()).await.unwrap();
    sample(&mut source).await;
    redis.restart();
    let error = source.sample().await.unwrap_err();
    assert!(!source.survives(&error) && !error.refused, "{error:?}");
    assert!(error.message.starts_with("cannot read from"), "{error:?}");
    let mut source = open(&redis.url()).await.unwrap();
    let counters = *sample(&mut source).await.counters.known().unwrap();
    assert!(counters.received.is_some_and(|received| received < 10), "{counters:?}");
}

#[tokio::test]
async fn a_connection_answers_single_commands_with_their_errors() {
    let Some(redis) = with(&[]) else { return };
    let mut held = redis.hold(&["CLIENT SETNAME victim"]);
    held.send("CLIENT ID");
    let id = held.line().trim_start_matches(':').to_owned();
    let mut connection = RedisConnection::open(&info(&redis.url())).await.unwrap();
    assert_eq!(connection.command(&["CLIENT", "KILL", "ID", &id]).await, Ok(Reply::Number(1)));
    assert_eq!(connection.command(&["CLIENT", "KILL", "ID", &id]).await, Ok(Reply::Number(0)));
    let unknown = connection.command(&["NO", "SUCH"]).await.unwrap_err();
    assert!(unknown.refused && unknown.code.as_deref() == Some("ERR"), "{unknown:?}");
    let pair = connection.command(&["CONFIG", "GET", "maxclients"]).await.unwrap();
    assert!(matches!(pair, Reply::Many(ref pair) if pair[1].number().is_some()), "{pair:?}");
    assert_eq!(held.line(), "", "the victim is gone");
}

#[tokio::test]
async fn doctor_tells_what_it_sees_and_what_is_missing() {
    let Some(redis) = with(&["user blind on >x ~* -@all +info"]) else { return };
    let found = |url: String| async move { RedisOpener::new("cache-1".into(), info(&url)).probe().await };
    let all: Vec<String> = found(redis.url()).await.iter().map(|check| check.what.to_string()).collect();
    assert_eq!(all, ["connection", "clients", "maxclients"]);
    let blind = found(format!("redis://blind:x@127.0.0.1:{}", redis.port)).await;
    assert!(blind.iter().any(|check| check.fix.as_ref().is_some_and(|fix| fix.contains("+client|list"))));
}

#[tokio::test]
async fn a_full_server_is_judged_by_its_own_numbers_beside_the_declared_pool() {
    let Some(redis) = with(&["maxclients 16"]) else { return };
    let declared = DeclaredRedisPool {
        name: Some("cache-*".to_owned()),
        max: Some(5),
        instances: 3,
        ..DeclaredRedisPool::default()
    };
    let settings = Settings { redis_pools: vec![declared], ..Settings::default() };
    let mut stage = Stage::new(settings, vec![status("cache-1", TargetKind::Redis)]);
    let mut source = open(&redis.url()).await.unwrap();
    stage.show(source.sample().await.unwrap());
    let _held: Vec<_> = (0..15).map(|n| redis.hold(&[&format!("CLIENT SETNAME cache-{}", n % 3)])).collect();
    for _ in 0..4 {
        assert!(open(&redis.url()).await.is_err(), "there is no slot");
    }
    let moment = stage.show(source.sample().await.unwrap());
    let limit = |scope| {
        let limit = moment.limits.iter().find(|limit| limit.scope == scope).unwrap();
        (limit.name.to_string(), limit.used, limit.limit)
    };
    assert_eq!(limit(LimitScope::Redis), ("cache-1".to_owned(), 16, Some(16)));
    assert_eq!(limit(LimitScope::Pool), ("cache-*".to_owned(), 15, Some(15)));
    let finding = moment.findings.iter().find(|finding| finding.rule == Rule::RedisClients).unwrap();
    assert_eq!(finding.severity, Severity::Critical);
    let all = finding
        .evidence
        .iter()
        .chain([&finding.title])
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    assert!(all.contains("4 connections rejected") && all.contains("16 of 16"), "{all}");
    assert!(all.contains("cache-* 15"), "{all}");
    assert_eq!(moment.verdict.kind, VerdictKind::Exhausted, "{:?}", moment.verdict);
    assert_eq!(moment.clients.len(), 15);
}

#[tokio::test]
async fn whatever_answers_in_place_of_redis_is_an_error_in_time() {
    let endless = "a".repeat(1 << 20).repeat(70);
    let payloads = [
        "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
        "*9223372036854775807\r\n:1\r\n".to_owned(),
        format!("$9223372036854775807\r\n{}", "x".repeat(100_000)),
        "*1\r\n".repeat(10_000),
        format!("+{endless}"),
        String::new(),
    ];
    for payload in payloads {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown: String = payload.chars().take(30).collect();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(payload.as_bytes()).await;
            std::future::pending::<()>().await;
        });
        let url = format!("redis://127.0.0.1:{port}?connect_timeout=2");
        let opened = timeout(Duration::from_secs(60), RedisConnection::open(&info(&url))).await;
        assert!(opened.is_ok_and(|opened| opened.is_err()), "{shown}");
        server.abort();
    }
}
