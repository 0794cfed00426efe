//! A real Prometheus whose past is made up, read back.

use std::time::Duration;

use pooltop::cli::backfill::Past;
use pooltop::model::backfill::{BackendNumber, Backfill, LimitNumber, PoolNumber, What};
use pooltop::model::clock::Clock;
use pooltop::model::limit::LimitScope;
use pooltop::model::secret::SecretString;
use pooltop::model::time::Timestamp;
use pooltop::model::track::{Track, Travel};
use pooltop::source::prometheus::Prometheus;

use crate::support::{Backfilled, HttpServer, Points, Reply};

const STEP: i64 = 15;
/// Steps that were kept, then a gap, then steps again.
const FIRST: std::ops::Range<i64> = 0..240;
const SECOND: std::ops::Range<i64> = 320..400;

/// Now, to the second.
fn now_s() -> i64 {
    Clock::real().now().as_micros() / 1_000_000
}

/// Six hours ago, to the second.
fn start() -> i64 {
    now_s() - 6 * 3600
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

/// In use at a step.
fn used(step: i64) -> i64 {
    3 + step % 7
}

fn series(name: &str, start: i64, value: impl Fn(i64) -> i64) -> Points {
    let steps = FIRST.chain(SECOND);
    (name.to_owned(), steps.map(|step| (start + step * STEP, value(step) as f64)).collect())
}

/// What `pooltop serve` would have exported of a profile `shop`, and of another one.
pub(super) fn kept(start: i64) -> Vec<Points> {
    let pool =
        r#"profile="shop",target="db1",layer="server",db_client_connection_pool_name="checkout app@shop""#;
    let hostile =
        r#"profile="shop",target="db1",layer="server",db_client_connection_pool_name="\u001b[2J\"\\}{ evil""#
            .replace("\\u001b", "\u{1b}");
    let limit = r#"profile="shop",target="db1",scope="server",name="db1""#;
    vec![
        series(r#"pooltop_targets_live{profile="shop",instance="a"}"#, start, |_| 1),
        series(r#"pooltop_targets_live{profile="other"}"#, start, |_| 1),
        series(r#"pooltop_target_up{profile="shop",target="db1"}"#, start, |_| 1),
        series(
            r#"pooltop_target_info{profile="shop",target="db1",kind="postgres",version="15.5"}"#,
            start,
            |_| 1,
        ),
        series(
            &format!(
                r#"db_client_connection_count{{{pool},db_client_connection_state="used",instance="a"}}"#
            ),
            start,
            used,
        ),
        series(
            &format!(
                r#"db_client_connection_count{{{pool},db_client_connection_state="used",instance="b"}}"#
            ),
            start,
            |step| used(step) - 1,
        ),
        series(
            &format!(r#"db_client_connection_count{{{pool},db_client_connection_state="idle"}}"#),
            start,
            |_| 2,
        ),
        series(&format!("db_client_connection_max{{{pool}}}"), start, |_| 20),
        series(&format!("pooltop_pool_open_connections{{{pool}}}"), start, |step| used(step) + 2),
        series(
            &format!(r#"pooltop_pool_info{{{pool},application="checkout",user="app",database="shop"}}"#),
            start,
            |_| 1,
        ),
        series(&format!("pooltop_pool_open_connections{{{hostile}}}"), start, |_| 1),
        series(&format!("pooltop_limit_used{{{limit}}}"), start, |step| used(step) + 2),
        series(&format!("pooltop_limit_max{{{limit}}}"), start, |_| 100),
        series(&format!("pooltop_limit_reserved{{{limit}}}"), start, |_| 3),
        series(r#"pooltop_backends{profile="shop",target="db1",state="active"}"#, start, used),
        series(r#"pooltop_backends{profile="shop",target="db1",state="idle"}"#, start, |_| 2),
        series(r#"pooltop_backends{profile="shop",target="db1",state="idle_in_transaction"}"#, start, |_| 0),
        series(
            r#"pooltop_limit_used{profile="other",target="db9",scope="server",name="db9"}"#,
            start,
            |_| 77,
        ),
        series("up", start, |_| 1),
    ]
}

fn of(kept: &Backfill, is: impl Fn(&What) -> bool) -> Vec<Option<u32>> {
    let mut found = kept.series.iter().filter(|kept| is(&kept.what));
    let values = found.next().expect("such a series").values.clone();
    assert!(found.next().is_none(), "one such series");
    values
}

#[tokio::test]
async fn what_prometheus_kept_is_read_back_with_its_gaps() {
    let start = start();
    let Some(server) = Backfilled::start(&kept(start)) else { return };
    let prometheus = Prometheus::new(&server.url()).unwrap();
    let coverage = prometheus.coverage("shop", at(now_s())).await.unwrap();
    assert_eq!(coverage.interval, Duration::from_secs(15));
    let oldest = coverage.oldest().unwrap();
    assert!(oldest <= at(start) && oldest >= at(start - 3600), "{oldest:?}");
    assert!((2..=4).contains(&coverage.hours.len()), "{coverage:?}");

    let kept = prometheus.read("shop", at(start), (Duration::from_secs(15), 420)).await.unwrap();
    assert_eq!(kept.notes, []);
    assert!(kept.series.iter().all(|kept| &*kept.target == "db1"), "nothing of another profile");
    let name = |what: &What| match what {
        What::Pool(pool, _) | What::Traits(pool, _) => Some(pool.name.to_string()),
        _ => None,
    };
    let checkout = |what: &What| name(what).as_deref() == Some("checkout app@shop");
    let in_use = of(&kept, |what| checkout(what) && matches!(what, What::Pool(_, PoolNumber::Used)));
    for step in 0..420_i64 {
        let found = in_use[usize::try_from(step).unwrap()];
        let last = match step {
            step if FIRST.contains(&step) || SECOND.contains(&step) => Some(step),
            // A missed scrape is bridged by what was seen up to two steps before; no more.
            240 | 241 if found.is_some() => Some(FIRST.end - 1),
            400 | 401 if found.is_some() => Some(SECOND.end - 1),
            _ => None,
        };
        assert_eq!(found, last.map(|step| u32::try_from(used(step)).unwrap()), "{step}");
    }
    let limit = of(&kept, |what| matches!(what, What::Limit(LimitScope::Server, _, LimitNumber::Max)));
    assert_eq!((limit[10], limit[300]), (Some(100), None));
    assert_eq!(of(&kept, |what| *what == What::Backends(BackendNumber::Idle))[5], Some(2));
    assert_eq!(of(&kept, |what| *what == What::Up)[5], Some(1));
    let traits = kept.series.iter().find_map(|kept| match &kept.what {
        What::Traits(pool, traits) if &*pool.name == "checkout app@shop" => Some(traits.clone()),
        _ => None,
    });
    assert_eq!(traits.unwrap().application.as_deref(), Some("checkout"));
    let names: Vec<String> = kept.series.iter().filter_map(|kept| name(&kept.what)).collect();
    assert!(names.iter().any(|name| name.contains("evil")), "{names:?}");
    assert!(names.iter().all(|name| !name.contains(char::is_control)), "{names:?}");
}

#[tokio::test]
async fn a_profile_that_was_never_kept_has_no_past() {
    let Some(server) = Backfilled::start(&kept(start())) else { return };
    let prometheus = Prometheus::new(&server.url()).unwrap();
    let now = at(now_s());
    for profile in ["nobody", "shop\"} or up{x=\""] {
        let coverage = prometheus.coverage(profile, now).await.unwrap();
        assert_eq!((coverage.oldest(), coverage.hours.len()), (None, 0), "{profile}");
        let kept = prometheus
            .read(profile, now.minus(Duration::from_secs(3600)), (Duration::from_secs(15), 9999))
            .await;
        let kept = kept.unwrap();
        assert!(kept.series.is_empty() && kept.steps == 2_000, "asked for no more than it may");
    }
    // The server's own refusal, word for word: an interval without length.
    let error = prometheus.read("shop", now, (Duration::ZERO, 5)).await.unwrap_err();
    assert!(error.message.contains("HTTP 400"), "{error:?}");
}

/// Constructed: answers that a real server does not give when it is asked to.
#[tokio::test]
async fn refusals_garbage_and_floods_are_errors_in_words() {
    let json = |status, text: &str| Reply::Answer(status, Vec::new(), text.as_bytes().to_vec());
    let too_many = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#;
    let cases: Vec<(Reply, &[&str])> = vec![
        (json(401, "no token"), &["HTTP 401", "no token", "give it `bearer`"]),
        (json(422, too_many), &["HTTP 422", "would load too many samples"]),
        (json(503, "starting up"), &["HTTP 503", "starting up"]),
        (json(404, "<html>"), &["HTTP 404", "check the path"]),
        (json(200, "<html>Grafana</html>"), &["does not speak Prometheus' API", "without /api/v1"]),
        (json(200, "[1, 2"), &["does not speak Prometheus' API"]),
        (Reply::Answer(200, Vec::new(), vec![b' '; 33 << 20]), &["larger than 32 MiB"]),
    ];
    for (reply, parts) in cases {
        let reply = std::sync::Mutex::new(Some(reply));
        let server = HttpServer::start(move |_| {
            reply.lock().unwrap().take().unwrap_or(Reply::Answer(500, Vec::new(), Vec::new()))
        });
        let prometheus = Prometheus::new(&format!("http://me:hunter2@127.0.0.1:{}", server.port)).unwrap();
        let error = prometheus.coverage("shop", at(1_800_000_000)).await.unwrap_err();
        let said = format!("{} {}", error.message, error.hint.as_deref().unwrap_or_default());
        for part in parts {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("hunter2") && said.contains(&server.port.to_string()), "{said}");
    }
}

/// Constructed: what a server that stands behind a tenant's header and a token sees.
#[tokio::test]
async fn the_token_and_the_tenant_are_sent_and_the_path_is_kept() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let sink = std::sync::Arc::clone(&seen);
    let server = HttpServer::start(move |request| {
        *sink.lock().unwrap() = Some((request.path.clone(), request.headers.clone()));
        let body = r#"{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[]}}"#;
        Reply::Answer(200, Vec::new(), body.as_bytes().to_vec())
    });
    let token = SecretString::from("t0ken");
    let headers = [("X-Scope-OrgID".to_owned(), SecretString::from("team-a"))];
    let prometheus =
        Prometheus::new(&format!("http://127.0.0.1:{}/select/0/prometheus/", server.port)).unwrap();
    let prometheus = prometheus.with_secrets(Some(&token), &headers).unwrap();
    let kept = prometheus.read("shop", at(1_800_000_000), (Duration::from_secs(15), 10)).await.unwrap();
    assert!(kept.notes[0].contains("partial"));
    let (path, headers) = seen.lock().unwrap().take().unwrap();
    assert!(path.starts_with("/select/0/prometheus/api/v1/query_range?query="), "{path}");
    let sent = |name: &str| {
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    };
    assert_eq!((sent("authorization"), sent("x-scope-orgid")), (Some("Bearer t0ken"), Some("team-a")));
}

/// The time of a step in seconds after the first one, and what was in use then.
fn shown(moment: Option<std::sync::Arc<pooltop::analysis::Moment>>, start: i64) -> Option<(i64, u32)> {
    let moment = moment?;
    let pool = moment.pools.iter().find(|row| &*row.pool.name == "checkout app@shop").unwrap();
    Some(((moment.at.as_micros() / 1_000_000) - start, pool.pool.used.unwrap()))
}

#[tokio::test]
async fn the_past_goes_on_where_memory_begins_and_gaps_are_stepped_over() {
    // Blocks of steps begin at multiples of their length; so the steps of the server's past do.
    let start = start() / STEP * STEP;
    let Some(server) = Backfilled::start(&kept(start)) else { return };
    let past = Past::new(Prometheus::new(&server.url()).unwrap(), "shop".into(), Clock::real());
    let (ring, second) = (at(start + 5 * 3600), |step: i64| step * STEP);
    for (from, travel, expected) in [
        (ring, Travel::Step(-1), Some(399..=401)),
        (at(start + second(399)), Travel::Step(-1), Some(398..=398)),
        (at(start + second(320)), Travel::Step(-1), Some(239..=241)),
        (at(start + second(241)), Travel::Step(1), Some(320..=320)),
        (at(start + second(100)), Travel::Step(3), Some(103..=103)),
        (at(start + second(100)), Travel::Step(-30_000), Some(0..=0)),
        (ring, Travel::Oldest, Some(0..=0)),
        (ring, Travel::To(at(start + second(300))), Some(239..=241)),
        (ring, Travel::To(at(start + second(7) + 3)), Some(7..=7)),
        (ring, Travel::To(at(start - 86_400)), Some(0..=0)),
        // Memory has these, or knows better.
        (ring, Travel::Newest, None),
        (ring, Travel::Step(1), None),
        (ring, Travel::To(at(start + 5 * 3600 + 1)), None),
        (at(start + second(400)), Travel::Step(50), None),
    ] {
        let moment = past.travel(ring, from, travel).await.unwrap();
        let found = shown(moment, start);
        match expected {
            None => assert_eq!(found, None, "{travel:?} from {from:?}"),
            Some(steps) => {
                let (seconds, in_use) = found.unwrap_or_else(|| panic!("{travel:?} from {from:?}"));
                assert!(steps.contains(&(seconds / STEP)) && seconds % STEP == 0, "{travel:?}: {seconds}");
                let step = (seconds / STEP).min(399).min(if seconds < second(320) { 239 } else { 399 });
                assert_eq!(i64::from(in_use), used(step), "{travel:?}");
            }
        }
    }
    let track = Track { oldest: ring, newest: at(start + 6 * 3600), gaps: Vec::new(), marks: Vec::new() };
    let longer = past.extend(&track).await.unwrap();
    assert!(longer.oldest <= at(start) && longer.newest == track.newest);
    assert!(longer.gaps.iter().all(|(from, to)| from < to && *to <= ring), "{longer:?}");
    assert!(!longer.gaps.is_empty(), "between what was kept and memory nothing is known");
}
