//! Some of the scenarios through the real source and the real analysis, live.

use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Moment, Settings};
use pooltop::collect::Target;
use pooltop::connect::{Conninfo, Environment};
use pooltop::model::clock::Clock;
use pooltop::model::finding::{Finding, Rule, Severity};
use pooltop::model::own::OwnSessions;
use pooltop::model::thresholds::Thresholds;
use pooltop::monitor::{Monitor, Plan, TargetPlan};
use pooltop::source::postgres::PostgresOpener;

use super::scenario::{self, Scenario};
use super::stage::World;
use super::{TIME_SCALE, mishaps, play};
use crate::support::wait_until;

/// What is played.
const PLAYED: [&str; 9] = [
    "L02_orm_autobegin",
    "L42_prepared_left_behind",
    "H48_two_phase_commit",
    "pg_dump",
    "H46_copy_to_slow_reader",
    "H47_replication_consumer",
    "H53_cursor_while_thinking",
    "L55_cancelled_and_kept",
    "H57_workers_with_advisory_locks",
];
/// Leaks of connections among them, by the name of their pools.
const LEAKS: [&str; 2] = ["l02_orm_autobegin", "l55_cancelled_and_kept"];
/// The least time that the others have to be silent in, s.
const LEAST: f64 = 20.0;
/// A prepared transaction of this age was left behind; the others end earlier.
const LEFT_BEHIND: Duration = Duration::from_millis(2500);
const PATIENCE: Duration = Duration::from_secs(60);

fn monitor(world: &World) -> Monitor {
    let own = OwnSessions::default();
    let (info, _) =
        Conninfo::resolve(&world.server.url("postgres", "postgres"), &Environment::empty()).unwrap();
    let opener = PostgresOpener::new("db1".into(), info, own.clone());
    let target = Target {
        name: "db1".into(),
        opener: Arc::new(opener),
        interval: Duration::from_millis(500),
        deadline: Duration::from_secs(5),
    };
    let scaled = Thresholds::default().scaled(TIME_SCALE);
    // They are read every half a minute, which is longer than all of this takes.
    let thresholds = Thresholds { prepared_transaction: LEFT_BEHIND, ..scaled };
    let settings = Settings { thresholds, interval: Duration::from_millis(500), ..Settings::default() };
    let targets = vec![TargetPlan { target, own, executor: None }];
    Monitor::start(
        Plan { targets, settings, history_bytes: 8 << 20, clock: Clock::real(), operations: None },
        None,
    )
}

/// Pools that are called a suspect or worse.
fn accused(moment: &Moment) -> impl Iterator<Item = (&Finding, String)> {
    let leaks = moment.findings.iter().filter(|one| one.rule.is_leak() && one.severity >= Severity::Warning);
    leaks.map(|one| (one, one.pool_name.as_ref().map(|name| name.to_lowercase()).unwrap_or_default()))
}

fn names(moment: &Moment, pool: &str) -> bool {
    accused(moment).any(|(_, name)| name.contains(pool))
}

fn left_behind(moment: &Moment) -> Option<&Finding> {
    moment.findings.iter().find(|one| one.rule == Rule::TransactionPrepared)
}

#[tokio::test(flavor = "multi_thread")]
async fn leaks_are_named_and_what_only_looks_like_one_is_not() {
    let world = World::start(120.0, 1).await;
    let scenarios: Vec<&Scenario> = scenario::all().filter(|one| PLAYED.contains(&one.name)).collect();
    assert_eq!(scenarios.len(), PLAYED.len());
    let playing = play(&world, &scenarios);
    let client = world.server.client().await;
    let old = format!("prepared < now() - interval '{} ms'", LEFT_BEHIND.as_millis());
    let old = format!("SELECT count(*) FROM pg_prepared_xacts WHERE {old}");
    let is_old = async || client.query_one(&old, &[]).await.unwrap().get::<_, i64>(0) > 0;
    wait_until("a transaction was left behind", is_old).await;
    let monitor = monitor(&world);
    let mut moments = monitor.moments();
    loop {
        let told = tokio::time::timeout(PATIENCE, moments.changed()).await;
        told.expect("samples come in").unwrap();
        let moment = moments.borrow_and_update().clone().unwrap();
        for (finding, name) in accused(&moment) {
            let right = LEAKS.iter().any(|leak| name.contains(leak));
            assert!(right, "{} is none: {:?}", finding.title, finding.evidence);
        }
        let prepared = left_behind(&moment);
        let now = world.clock.monotonic();
        if now.as_secs_f64() >= LEAST && LEAKS.iter().all(|leak| names(&moment, leak)) && prepared.is_some() {
            break;
        }
        assert!(now < PATIENCE, "found after a minute: {:?}", moment.findings);
    }
    let moment = moments.borrow().clone().unwrap();
    let prepared = left_behind(&moment).expect("still there");
    let said = prepared.evidence.first().map(ToString::to_string).unwrap_or_default();
    assert!(said.contains("'L42_prepared_left_behind-1' of app in shop"), "{said}");
    assert_eq!(mishaps(&world), Vec::<String>::new());
    drop((monitor, playing));
}
