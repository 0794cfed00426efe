//! Applications over real HTTP: what they answer, and all the ways in which they do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pooltop::model::app::AppSample;
use pooltop::model::secret::SecretString;
use pooltop::model::target::TargetError;
use pooltop::source::app::{AppOpener, Endpoint};
use pooltop::source::probe::Health;
use pooltop::source::{Opener as _, Source};

use crate::support::{HttpServer, Reply};

const HEALTH: &str =
    r#"{"status":"healthy","pool_size":5,"checked_in":1,"checked_out":4,"overflow":0,"total_connections":5}"#;

fn opener(endpoint: Endpoint) -> AppOpener {
    AppOpener::new("api".into(), endpoint, Duration::from_secs(5))
}

fn at(url: &str) -> AppOpener {
    opener(Endpoint::new(url).unwrap())
}

async fn open(opener: &AppOpener) -> Result<Box<dyn Source>, TargetError> {
    opener.open(None).await
}

async fn sample(source: &mut dyn Source) -> AppSample {
    source.sample().await.unwrap().app().unwrap().clone()
}

async fn error(url: &str) -> TargetError {
    match open(&at(url)).await {
        Ok(_) => panic!("{url} is understood"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn both_formats_are_recognised_whatever_their_content_type() {
    for (content_type, body, shape, used) in [
        ("application/json", HEALTH, "SQLAlchemy health (JSON)", 4),
        ("text/html", HEALTH, "SQLAlchemy health (JSON)", 4),
        ("text/plain; version=0.0.4", "db_pool_checked_out_connections 3\n", "SQLAlchemy (Prometheus)", 3),
        ("application/json", "db_pool_checked_out_connections 3\n", "SQLAlchemy (Prometheus)", 3),
    ] {
        let server = HttpServer::start(move |_| Reply::of(200, content_type, body));
        let mut source = open(&at(&server.url("/pool"))).await.unwrap();
        let app = sample(&mut *source).await;
        assert_eq!((&*app.shape, app.pools[0].used), (shape, Some(used)), "{content_type}");
        assert_eq!(source.describe().version.as_deref(), Some(shape));
        assert_eq!(app.missing, []);
        sample(&mut *source).await;
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "the answer to the opening is the first sample");
        assert!(requests.iter().all(|request| request.method == "GET"));
    }
}

/// A name for it, what is answered, the code, parts of message and hint, and whether somebody answered.
type Failure = (&'static str, Reply, Option<&'static str>, &'static str, &'static str, bool);

fn failures() -> Vec<Failure> {
    const UNHEALTHY: &str =
        r#"{"status":"unhealthy","error":"QueuePool limit of size 5 overflow 10 reached"}"#;
    let html = "<!doctype html><title>Hi</title>";
    vec![
        ("silence", Reply::Hang, None, "no answer within 2 s", "exhausted", false),
        ("a body that does not end", Reply::Dribble, None, "no answer within 2 s", "exhausted", false),
        ("a body without bound", Reply::Flood, None, "larger than 32 MiB", "alone", false),
        (
            "401",
            Reply::of(401, "text/plain", "who?"),
            Some("401"),
            "HTTP 401 Unauthorized: who?",
            "`bearer`",
            true,
        ),
        ("403", Reply::of(403, "text/html", html), Some("403"), "HTTP 403 Forbidden", "secret", true),
        ("404", Reply::of(404, "text/plain", ""), Some("404"), "HTTP 404", "path", true),
        ("500", Reply::of(500, "application/json", r#"{"detail":"oops"}"#), Some("500"), "oops", "", true),
        (
            "HTML",
            Reply::of(200, "text/html", html),
            None,
            "neither JSON nor metrics text",
            "pooltop doctor",
            true,
        ),
        ("no pool", Reply::json(r#"{"ok":true}"#), None, "no pool is recognised", "mapping", true),
        ("half of JSON", Reply::json(r#"{"pool_size":"#), None, "begins like JSON", "pooltop doctor", true),
        (
            "garbage",
            Reply::Raw(b"\x16\x03\x01\x00\x02garbage\r\n\r\n".to_vec()),
            None,
            "invalid HTTP",
            "does not speak HTTP",
            false,
        ),
        (
            "unhealthy with 200",
            Reply::json(UNHEALTHY),
            Some("200"),
            "unhealthy: QueuePool limit",
            "own words",
            false,
        ),
        (
            "unhealthy with 503",
            Reply::of(503, "x/y", UNHEALTHY),
            Some("503"),
            "unhealthy: QueuePool limit",
            "own words",
            false,
        ),
        ("a circle", Reply::redirect("/pool"), None, "redirects more than 3 times", "where it ends", false),
    ]
}

#[tokio::test]
async fn each_failure_is_said_in_words() {
    for (case, reply, code, message, hint, refused) in failures() {
        let server = HttpServer::start(move |_| reply.clone());
        let error = error(&server.url("/pool?token=hunter2")).await;
        assert_eq!(error.code.as_deref(), code, "{case}: {error:?}");
        assert!(error.message.contains(message), "{case}: {error:?}");
        assert!(error.message.contains(&format!("127.0.0.1:{}/pool", server.port)), "{case}: {error:?}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{case}: {error:?}");
        assert_eq!(error.refused, refused, "{case}: {error:?}");
        assert_eq!(error.authentication, code == Some("401"), "{case}");
        assert!(!format!("{error:?}").contains("hunter2"), "{case}: {error:?}");
    }
    let port = crate::support::free_port();
    let nobody = error(&format!("http://127.0.0.1:{port}/pool")).await;
    assert!(nobody.message.contains("Connection refused") && nobody.hint.is_some(), "{nobody:?}");
}

#[tokio::test]
async fn secrets_go_to_the_endpoint_and_to_no_other_host() {
    let other = HttpServer::start(|_| Reply::json(HEALTH));
    let elsewhere = other.url("/pool");
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/away" => Reply::redirect(&elsewhere),
        "/here" => Reply::redirect("/pool"),
        _ => Reply::json(HEALTH),
    });
    let bearer = SecretString::from("hunter2");
    let headers = [("X-Team".to_owned(), SecretString::from("hunter3"))];
    for path in ["/here", "/away"] {
        let url = server.url(path).replace("http://", "http://me:hunter4@");
        let endpoint = Endpoint::new(&url).unwrap().with_secrets(Some(&bearer), &headers).unwrap();
        open(&opener(endpoint)).await.unwrap();
    }
    let basic = server.url("/here").replace("http://", "http://me:hunter4@");
    open(&at(&basic)).await.unwrap();
    let requests = server.requests();
    assert_eq!(
        requests.iter().map(|r| r.path.as_str()).collect::<Vec<_>>(),
        ["/here", "/pool", "/away", "/here", "/pool"]
    );
    assert!(requests[..3].iter().all(|request| request.header("x-team") == Some("hunter3")));
    assert_eq!(requests[0].header("authorization"), Some("Bearer hunter2"));
    assert_eq!(requests[4].header("authorization"), Some("Basic bWU6aHVudGVyNA=="));
    let strange = other.requests();
    assert_eq!(strange.len(), 1);
    assert!(!format!("{strange:?}").contains("hunter"), "{strange:?}");
    assert_eq!(strange[0].header("authorization"), None);
}

#[tokio::test]
async fn a_secret_that_a_person_types_is_the_bearer_token() {
    let server = HttpServer::start(|request| match request.header("authorization") {
        Some("Bearer right") => Reply::json(HEALTH),
        _ => Reply::of(401, "text/plain", ""),
    });
    let wrong = SecretString::from("wrong");
    let endpoint = Endpoint::new(&server.url("/pool")).unwrap().with_secrets(Some(&wrong), &[]).unwrap();
    let opener = opener(endpoint);
    let error = open(&opener).await.err().unwrap();
    assert!(
        error.authentication && error.hint.unwrap().contains("does not accept"),
        "trying on would not help"
    );
    assert!(opener.open(Some(SecretString::from("right"))).await.is_ok());
}

#[tokio::test]
async fn a_base_address_is_read_as_the_three_of_a_pool_administration() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/stats" => Reply::json(
            r#"{"database_pools":{"main":{"active_connections":5,"peak_connections":12,"connections_created":15,
                "connections_closed":3,"average_wait_time":0.02,"pool_size":10,"overflow":2}},
                "redis_pools":{"cache":{"in_use_connections":2,"available_connections":8,"created_connections":10}},
                "recommendations":[{"pool":"main","issue":"High wait times","suggestion":"Increase pool_size to 15"}]}"#,
        ),
        "/health" => Reply::json(r#"{"status":"healthy"}"#),
        "/config" => {
            Reply::json(r#"{"database":{"pool_size":10,"max_overflow":20},"redis":{"max_connections":15}}"#)
        }
        _ => Reply::of(404, "text/plain", ""),
    });
    let mut source = open(&at(&server.url(""))).await.unwrap();
    let app = sample(&mut *source).await;
    let pools: Vec<_> = app.pools.iter().map(|pool| (&*pool.name, pool.used, pool.total, pool.max)).collect();
    assert_eq!(pools, [("main", Some(5), Some(12), Some(30)), ("cache", Some(2), Some(10), Some(15))]);
    assert_eq!(&*app.advice[0].suggestion, "Increase pool_size to 15");
    assert_eq!(app.missing, []);
    let again = sample(&mut *source).await;
    assert_eq!(again.pools, app.pools, "the bounds are remembered");
    let asked: Vec<String> =
        server.requests().into_iter().map(|request| request.method + " " + &request.path).collect();
    assert_eq!(asked, ["GET /stats", "GET /health", "GET /config", "GET /health", "GET /stats"]);
}

#[tokio::test]
async fn two_workers_that_take_turns_show_behind_a_base_address() {
    let turns = AtomicUsize::new(0);
    let server = HttpServer::start(move |request| {
        let worker = turns.fetch_add(1, Ordering::Relaxed) % 2;
        match request.path.as_str() {
            "/stats" => {
                Reply::json(&format!(r#"{{"worker_id":{worker},"size":5,"free":{worker},"used":1}}"#))
            }
            "/health" => Reply::json(r#"{"status":"healthy"}"#),
            _ => Reply::of(404, "text/plain", ""),
        }
    });
    let mut source = open(&at(&server.url(""))).await.unwrap();
    for _ in 0..4 {
        sample(&mut *source).await;
    }
    assert!(sample(&mut *source).await.one_of_several, "{:?}", server.requests());
}

#[tokio::test]
async fn a_base_address_with_metrics_alone_is_found_once_and_asked_there() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/metrics" => Reply::of(200, "text/plain", "db_pool_checked_out_connections 3\n"),
        "/health" => Reply::json(r#"{"status":"ok"}"#),
        _ => Reply::of(404, "text/plain", ""),
    });
    let mut source = open(&at(&server.url("/"))).await.unwrap();
    sample(&mut *source).await;
    sample(&mut *source).await;
    let asked: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/stats", "/health", "/metrics", "/metrics"]);
}

#[tokio::test]
async fn a_health_check_that_hangs_beside_numbers_is_missing_and_no_failure() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/stats" => Reply::json(
            r#"{"database_pools":{"main":{"active_connections":10,"pool_size":10,"overflow":0}}}"#,
        ),
        "/health" => Reply::Hang,
        _ => Reply::of(404, "text/plain", ""),
    });
    let app = sample(&mut *open(&at(&server.url(""))).await.unwrap()).await;
    assert_eq!(app.pools[0].used, Some(10));
    assert!(app.missing[0].why.contains("no answer within 2 s"), "{:?}", app.missing);
}

#[tokio::test]
async fn several_workers_behind_one_address_are_seen_as_such() {
    let turn = Arc::new(AtomicUsize::new(0));
    let server = HttpServer::start(move |_| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        let opened = if turn.is_multiple_of(2) { 100 + turn } else { 10 + turn };
        Reply::of(
            200,
            "text/plain",
            &format!(
                "hikaricp_connections_active{{pool=\"a\"}} 1\nhikaricp_connections_creation_seconds_count{{pool=\"a\"}} {opened}\n"
            ),
        )
    });
    let mut source = open(&at(&server.url("/metrics"))).await.unwrap();
    assert!(!sample(&mut *source).await.one_of_several, "one answer tells nothing");
    let mut last = sample(&mut *source).await;
    for _ in 0..6 {
        last = sample(&mut *source).await;
    }
    assert!(last.one_of_several);
    assert!(
        last.missing.iter().any(|missing| missing.why.contains("now from one process")),
        "{:?}",
        last.missing
    );
}

#[tokio::test]
async fn the_connection_of_the_reading_is_taken_off_where_the_profile_says_that_there_is_one() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/one" => Reply::json(HEALTH),
        _ => Reply::json(r#"{"a":{"size":2,"free":1,"used":1},"b":{"size":2,"free":1,"used":1}}"#),
    });
    let endpoint = |path: &str| Endpoint::new(&server.url(path)).unwrap().with_own_probe(true);
    let one = sample(&mut *open(&opener(endpoint("/one"))).await.unwrap()).await;
    let pool = &one.pools[0];
    assert_eq!((pool.used, pool.idle, pool.total, pool.own_probe), (Some(3), Some(2), Some(5), true));
    let two = sample(&mut *open(&opener(endpoint("/two"))).await.unwrap()).await;
    assert!(two.pools.iter().all(|pool| pool.used == Some(1) && !pool.own_probe));
    assert!(two.missing[0].why.contains("several pools"), "{:?}", two.missing);
}

#[tokio::test]
async fn a_certificate_that_no_authority_of_the_system_signed_is_refused_with_what_to_do() {
    let server = HttpServer::start_tls(|_| Reply::json(HEALTH));
    let error = error(&server.url("/pool")).await;
    assert!(error.message.contains("UnknownIssuer"), "{error:?}");
    assert!(error.hint.unwrap().contains("SSL_CERT_FILE"));
    let plain = HttpServer::start(|_| Reply::json(HEALTH));
    let error = self::error(&plain.url("/pool").replace("http:", "https:")).await;
    assert!(error.hint.as_deref().unwrap_or_default().contains("http://"), "{error:?}");
}

#[tokio::test]
async fn the_doctor_shows_the_pools_or_the_numbers_with_a_mapping_that_works() {
    let body = r#"{"stats":{"a":{"busy":3,"limit":9},"b":{"busy":1,"limit":4}}}"#;
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/known" => Reply::json(HEALTH),
        _ => Reply::json(body),
    });
    let known = at(&server.url("/known")).probe().await;
    let lines: Vec<_> = known.iter().map(|check| (&*check.what, check.health)).collect();
    assert_eq!(lines, [("application", Health::Good), ("pool", Health::Good)]);
    assert_eq!(&*known[1].found, "used 4, idle 1, open 5, size 5, overflow 0");
    let unknown = at(&server.url("/unknown")).probe().await;
    assert_eq!(unknown[0].health, Health::Failed);
    assert!(unknown[1].found.contains("stats.a.busy = 3"), "{unknown:?}");
    assert_eq!(
        unknown[1].fix.as_deref(),
        Some(r#"mapping = { used = "stats.*.busy", max = "stats.*.limit" }"#)
    );
    let mapping = [("used", "stats.*.busy"), ("max", "stats.*.limit")];
    let mapping = mapping.map(|(word, place)| (word.to_owned(), place.to_owned()));
    let mapped = Endpoint::new(&server.url("/unknown")).unwrap().with_mapping(&mapping).unwrap();
    let app = sample(&mut *open(&opener(mapped)).await.unwrap()).await;
    let pools: Vec<_> = app.pools.iter().map(|pool| (&*pool.name, pool.used, pool.max)).collect();
    assert_eq!(pools, [("a", Some(3), Some(9)), ("b", Some(1), Some(4))]);
}

#[tokio::test]
async fn an_application_that_dies_is_down_and_comes_back() {
    use pooltop::collect::{Mailbox, Target, spawn};
    use pooltop::model::clock::Clock;
    use pooltop::model::target::TargetState;
    let dead = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&dead);
    let server = HttpServer::start(move |_| match told.load(Ordering::SeqCst) {
        0 => Reply::json(HEALTH),
        _ => Reply::json(r#"{"status":"unhealthy","error":"no database"}"#),
    });
    let opener =
        AppOpener::new("api".into(), Endpoint::new(&server.url("/pool")).unwrap(), Duration::from_millis(50));
    let target = Target {
        name: "api".into(),
        opener: Arc::new(opener),
        interval: Duration::from_millis(50),
        deadline: Duration::from_secs(10),
    };
    let (mailbox, mut tasks) = (Mailbox::default(), tokio::task::JoinSet::new());
    spawn(target, Clock::real(), mailbox.clone(), &mut tasks);
    let until = async |state: TargetState| loop {
        let news = mailbox.take().await;
        if let Some(status) = news.statuses.into_values().find(|status| status.state == state) {
            return status;
        }
    };
    until(TargetState::Live).await;
    dead.store(1, Ordering::SeqCst);
    let down = until(TargetState::Down).await;
    assert!(down.error.unwrap().message.contains("unhealthy: no database"));
    dead.store(0, Ordering::SeqCst);
    assert_eq!(until(TargetState::Live).await.error, None);
}
