//! `pooltop serve`: what it answers, to whom, and what it does not put up with.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::program::Home;
use super::serving::{Answer, Serving};
use crate::support::{HttpServer, Postgres, PostgresOptions, Reply, Scheme, dump_dom, free_port, screenshot};

const HEALTH: &str = r#"{"status":"healthy","pool_size":5,"checked_in":1,"checked_out":4,"overflow":0}"#;
const TOKEN: &str = "a-token-that-is-long-enough";

/// An application as a target, which needs no database.
fn application() -> HttpServer {
    HttpServer::start(|_| Reply::json(HEALTH))
}

/// A served application that has been read.
fn served(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> (HttpServer, Serving) {
    let app = application();
    let url = app.url("/health");
    let serving = Serving::start(home, &[&[&*url], args].concat(), variables);
    crate::support::eventually("it is ready", || serving.get("/healthz").status == 200);
    (app, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_what_the_server_has_and_no_literal() {
    let server = Postgres::start(&PostgresOptions::default());
    let _held = [
        server.hold("checkout-api", "BEGIN; SELECT 'hunter2', 4711").await,
        server.hold("<script>alert(1)</script>\"'|=", "BEGIN; SELECT 'hunter2'").await,
    ];
    let home = Home::new();
    let serving = Serving::start(&home, &[&server.url("postgres", "postgres"), "--interval", "200ms"], &[]);
    let backends = "pooltop_backends{";
    let old = serving.metrics_with("the sessions are seen", |text| {
        text.lines().any(|line| {
            line.starts_with(backends) && line.contains("\"idle_in_transaction\"") && line.ends_with(" 2")
        }) && text.contains("pooltop_limit_max{")
    });
    assert!(old.contains("db_client_connection_pool_name=\"checkout-api postgres@postgres\""), "{old}");
    assert!(old.contains("<script>alert(1)</script>\\\"'|= postgres@postgres\""), "{old}");
    let new = serving.ask("GET", "/metrics", &[("Accept", "application/openmetrics-text; version=1.0.0")]);
    assert_eq!(
        new.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(new.body.ends_with("# EOF\n"));
    let json = serving.get("/api/v1/snapshot");
    let document: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(
        (&document["schema"], &document["redaction"]),
        (&"pooltop.snapshot/1".into(), &"literals".into())
    );
    assert_eq!(document["backends"].as_array().unwrap().len(), 2);
    let page = serving.get("/");
    assert!(page.body.contains("checkout-api") && page.body.contains("&#60;script&#62;"), "{}", page.body);
    assert!(!page.body.contains("<script"), "{}", page.body);
    for answer in [&json, &page, &new] {
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("hunter2") && !answer.body.contains("4711"), "{}", answer.body);
        for (name, part) in [
            ("content-security-policy", "default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert!(answer.header(name).is_some_and(|value| value.contains(part)), "{name}: {answer:?}");
        }
    }
    // Three were asked for their scrapes: nothing is counted twice.
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooltop'";
    let own: i64 = server.client().await.query_one(sessions, &[]).await.unwrap().get(0);
    assert_eq!(own, 1, "a scrape opens no connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page_and_runs_nothing_of_a_hostile_name() {
    let server = Postgres::start(&PostgresOptions::default());
    let hostile = "<img src=x onerror=\"document.title='HACKED'\">";
    let _held = [
        server.hold(hostile, "BEGIN").await,
        server.hold("</pre><script>document.title='HACKED'</script>", "").await,
    ];
    let home = Home::new();
    let serving = Serving::start(&home, &[&server.url("postgres", "postgres"), "--interval", "200ms"], &[]);
    assert!(serving.said.iter().any(|line| line.contains(&serving.url)), "{:?}", serving.said);
    serving.metrics_with("the sessions are seen", |text| {
        text.contains("onerror") && text.contains("pooltop_limit_max{")
    });
    let dom = dump_dom(&serving.url, Scheme::Light);
    assert!(dom.contains("&lt;img src=x") && dom.contains("Limits"), "{dom}");
    assert!(!dom.contains("<img") && !dom.contains("<script") && !dom.contains("<title>HACKED"), "{dom}");
    for scheme in [Scheme::Light, Scheme::Dark] {
        assert!(screenshot(&serving.url, scheme, (1000, 800)).starts_with(b"\x89PNG"));
    }
}

#[test]
fn what_is_not_there_and_what_would_change_something_is_refused() {
    let home = Home::new();
    let (_app, serving) = served(&home, &[], &[]);
    assert_eq!(serving.get("/healthz").body, "ok\n");
    assert_eq!(serving.get("/favicon.ico").status, 404);
    assert_eq!(serving.get("/metrics/").status, 404);
    let head = serving.ask("HEAD", "/metrics", &[]);
    assert_eq!((head.status, &*head.body), (200, ""));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = serving.ask(method, "/api/v1/snapshot", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for host in ["evil.example", "evil.example:9899", "localhost.evil.example"] {
        assert_eq!(serving.ask("GET", "/metrics", &[("Host", host)]).status, 421, "{host}");
    }
    let old = serving.raw(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!((old.status, &*old.body), (200, "ok\n"));
    assert_eq!(serving.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").status, 421);
}

#[test]
fn a_request_that_is_too_large_or_none_at_all_is_turned_away() {
    let home = Home::new();
    let (_app, serving) = served(&home, &[], &[]);
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(500));
    let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000));
    for (bytes, statuses) in [
        (long.as_bytes(), &[431, 0][..]),
        (many.as_bytes(), &[431, 0]),
        (path.as_bytes(), &[431, 414, 0]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[400, 0]),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n", &[400, 0]),
        (b"GET\r\n\r\n", &[400, 0]),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", &[413]),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", &[413]),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            &[413],
        ),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", &[405]),
    ] {
        let answer = serving.raw(bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(statuses.contains(&answer.status), "{shown:?}: {answer:?}");
    }
    assert_eq!(serving.get("/healthz").status, 200);
}

#[test]
fn clients_that_dawdle_or_come_in_masses_are_dropped_and_the_others_answered() {
    let home = Home::new();
    let (_app, serving) = served(&home, &[], &[]);
    let mut slow: Vec<_> = (0..70).map(|_| serving.connect()).collect();
    for stream in &mut slow {
        // One too many may be closed already.
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc");
    }
    crate::support::eventually("one is too many", || matches!(serving.get("/healthz").status, 503 | 0));
    // They never finish, so each is dropped when its time is over, and there is room again.
    let mut rest = Vec::new();
    for stream in &mut slow {
        let _ = stream.read_to_end(&mut rest);
    }
    crate::support::eventually("there is room again", || serving.get("/healthz").status == 200);
}

#[test]
fn the_token_is_needed_everywhere_but_for_the_sign_of_life() {
    let home = Home::new();
    home.write("token", &format!("{TOKEN}\n"));
    let bearer = format!("Bearer {TOKEN}");
    for (args, variables) in [(&["--token-file", "token"][..], &[][..]), (&[], &[("POOLTOP_TOKEN", TOKEN)])] {
        let (_app, serving) = served(&home, args, variables);
        for path in ["/", "/metrics", "/api/v1/snapshot", "/nothing"] {
            let refused = serving.get(path);
            assert_eq!(refused.status, 401, "{path}");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"pooltop\""));
            assert!(!refused.body.contains(TOKEN));
            let wrong = serving.ask("GET", path, &[("Authorization", "Bearer a-token-that-is-long-enougH")]);
            assert_eq!(wrong.status, 401, "{path}");
        }
        for path in ["/", "/metrics", "/api/v1/snapshot"] {
            assert_eq!(serving.ask("GET", path, &[("Authorization", &bearer)]).status, 200, "{path}");
        }
        assert_eq!(serving.get("/healthz").status, 200);
    }
}

#[test]
fn what_cannot_be_served_is_said_before_anything_is() {
    let home = Home::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.write("cert.pem", &made.cert.pem());
    home.write("key.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    home.write("short", "secret\n");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().map(|at| (at.to_string(), taken)).unwrap();
    let app = application();
    let url = app.url("/health");
    for (args, said) in [
        (&["--listen", "0.0.0.0:0"][..], "needs a token"),
        (&["--listen", "here"], "no address to listen on"),
        (&["--listen", &taken.0], "another program listens there"),
        (&["--token-file", "missing"], "cannot read the token in missing"),
        (&["--token-file", "short"], "at least 16 characters"),
        (&["--tls-cert", "cert.pem"], "--tls-key"),
        (&["--tls-cert", "cert.pem", "--tls-key", "missing.pem"], "cannot read missing.pem"),
        (&["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "is not that of the certificate"),
        (&["--token", "x"], "--token"),
    ] {
        let ran = home.run(&[&["serve", &url], args].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.err.contains(said) && !ran.err.contains("secret"), "{args:?}: {ran:?}");
    }
}

#[test]
fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let home = Home::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.write("cert.pem", &made.cert.pem());
    home.write("key.pem", &made.signing_key.serialize_pem());
    let app = application();
    let args = [&*app.url("/health"), "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let serving = Serving::start(&home, &args, &[]);
    assert!(serving.url.starts_with("https://127.0.0.1:"), "{}", serving.url);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(session, serving.connect());
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    let answer = Answer::of(&raw);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("pooltop_build_info{"), "{answer:?}");
    assert_eq!(serving.get("/metrics").status, 0, "in clear nothing is said");
    // Who connects and says nothing is dropped.
    let mut silent = serving.connect();
    let mut rest = Vec::new();
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(silent.read_to_end(&mut rest).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_delays_no_scrape_and_its_numbers_are_gone() {
    let server = Postgres::start(&PostgresOptions::default());
    let _held = server.hold("api", "BEGIN").await;
    let app = application();
    let home = Home::new();
    let args = [&*server.url("postgres", "postgres"), &*app.url("/health"), "--interval", "200ms"];
    let serving = Serving::start(&home, &args, &[]);
    let server_pool = "layer=\"server\"";
    serving.metrics_with("both are seen", |text| {
        text.contains(server_pool) && text.contains("layer=\"application\"")
    });
    server.freeze();
    let target = format!("127.0.0.1:{}", server.port);
    let down = serving.metrics_with("its numbers are gone", |text| {
        let up = |line: &str| line.starts_with("pooltop_target_up{") && line.contains(&target);
        text.lines().any(|line| up(line) && line.ends_with(" 0")) && !text.contains(server_pool)
    });
    assert!(down.contains("layer=\"application\""), "the others stay: {down}");
    let age = |text: &str| -> f64 {
        let age =
            |line: &&str| line.starts_with("pooltop_target_sample_age_seconds{") && line.contains(&target);
        text.lines().find(age).and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap()
    };
    let before = age(&down);
    serving.metrics_with("its age goes on", |text| age(text) > before);
    assert_eq!(serving.get("/healthz").status, 200, "it is not the target's health");
    server.thaw();
    serving.metrics_with("it is back", |text| text.contains(server_pool));
}

#[test]
fn a_signal_ends_it_with_its_number_and_keeps_nobody_waiting() {
    let home = Home::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (_app, mut serving) = served(&home, &[], &[]);
        let mut idle = serving.connect();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut first = [0; 12];
        idle.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        assert_eq!(serving.end(signal), Some(code));
        assert_eq!(serving.rest(), "");
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).unwrap();
    }
}

/// Answers on one connection, each with as many bytes as it says that it has; `None` where one is cut.
fn whole_answers(raw: &[u8]) -> Option<usize> {
    let (mut rest, mut answers) = (raw, 0);
    while !rest.is_empty() {
        let head = rest.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let length: usize = Answer::of(&rest[..head]).header("content-length")?.parse().ok()?;
        rest = rest.get(head + length..)?;
        answers += 1;
    }
    Some(answers)
}

#[test]
fn an_answer_that_is_on_its_way_comes_to_its_end() {
    const ASKED: usize = 2_000;
    let home = Home::new();
    let (_app, mut serving) = served(&home, &[], &[]);
    let mut stream = serving.connect();
    // More answers than any buffer holds, so that one is half written when the signal comes.
    stream.write_all("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(ASKED).as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    serving.signal(Signal::TERM);
    let mut raw = first.to_vec();
    // What was asked and is not answered is dropped, which a socket may call a reset.
    let _ = stream.read_to_end(&mut raw);
    let answers = whole_answers(&raw);
    assert!(
        answers.is_some_and(|answers| (1..ASKED).contains(&answers)),
        "{answers:?} in {} bytes",
        raw.len()
    );
    assert_eq!(serving.ended(), Some(143));
}

#[test]
fn several_profiles_are_listed_and_each_is_asked_for_by_name() {
    let app = application();
    let home = Home::new();
    let dead = free_port();
    home.write(
        ".config/pooltop/config.toml",
        &format!(
            "[[profiles.one.apps]]\nname = \"api\"\nurl = \"{}\"\n\
             [[profiles.two.apps]]\nname = \"dead\"\nurl = \"http://127.0.0.1:{dead}/health\"\n",
            app.url("/health")
        ),
    );
    let serving = Serving::start(&home, &["one", "two"], &[]);
    crate::support::eventually("both are ready", || serving.get("/healthz").status == 200);
    let list = serving.get("/").body;
    assert!(list.contains("href=\"/?profile=one\"") && list.contains("href=\"/?profile=two\""), "{list}");
    let document: Value = serde_json::from_str(&serving.get("/api/v1/snapshot?profile=two").body).unwrap();
    assert_eq!(document["profile"], "two");
    let page = serving.get("/?profile=two").body;
    assert!(page.contains("<title>") && page.contains("two"), "{page}");
    for (path, status) in
        [("/api/v1/snapshot", 400), ("/api/v1/snapshot?profile=three", 404), ("/?profile=three", 404)]
    {
        let answer = serving.get(path);
        let said: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status, &said["profiles"]),
            (status, &serde_json::json!(["one", "two"])),
            "{path}"
        );
    }
    let metrics = serving.get("/metrics").body;
    assert!(metrics.contains("profile=\"one\"") && metrics.contains("profile=\"two\""), "{metrics}");
}
