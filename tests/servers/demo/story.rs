//! The demo's story as pooltop tells it: from samples through history and analysis to the verdict.

use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Moment, Settings};
use pooltop::collect::Target;
use pooltop::connect::{Conninfo, Environment};
use pooltop::demo::Demo;
use pooltop::model::clock::Clock;
use pooltop::model::own::OwnSessions;
use pooltop::model::secret::ExposeSecret;
use pooltop::model::verdict::VerdictKind;
use pooltop::monitor::{Monitor, Plan, TargetPlan};
use pooltop::source::Opener;
use pooltop::source::pgbouncer::PgbouncerOpener;
use pooltop::source::postgres::PostgresOpener;

use super::{PATIENCE, start};

fn target(name: &str, opener: Arc<dyn Opener>, own: OwnSessions) -> TargetPlan {
    let interval = Duration::from_millis(500);
    let target = Target { name: name.into(), opener, interval, deadline: Duration::from_secs(5) };
    TargetPlan { target, own, executor: None }
}

pub(super) fn plan(demo: &Demo) -> Plan {
    let info = |dsn: &str| Conninfo::resolve(dsn, &Environment::empty()).unwrap().0;
    let own = OwnSessions::default();
    let server = PostgresOpener::new("shop".into(), info(demo.dsn().expose_secret()), own.clone());
    let mut targets = vec![target("shop", Arc::new(server), own)];
    if let Some(dsn) = demo.pooler_dsn() {
        let pooler = PgbouncerOpener::new("bouncer".into(), info(dsn.expose_secret()));
        targets.push(target("bouncer", Arc::new(pooler), OwnSessions::default()));
    }
    let settings = Settings {
        thresholds: Demo::thresholds(),
        pools: Demo::declared_pools(),
        interval: Duration::from_millis(500),
        ..Settings::default()
    };
    Plan { targets, settings, history_bytes: 8 << 20, clock: Clock::real(), operations: None }
}

/// Waits for a moment of which `told` is true; after too long, says what was told instead.
pub(super) async fn until(monitor: &Monitor, what: &str, told: impl Fn(&Moment) -> bool) -> Arc<Moment> {
    let mut moments = monitor.moments();
    let wait = moments.wait_for(|moment| moment.as_deref().is_some_and(&told));
    if let Ok(moment) = tokio::time::timeout(PATIENCE, wait).await {
        return moment.unwrap().clone().unwrap();
    }
    let last = monitor.moments().borrow().clone().unwrap();
    let findings: Vec<_> = last.findings.iter().map(|finding| (finding.rule, &finding.title)).collect();
    panic!("never {what}: {:?} {} {findings:?}", last.verdict.kind, last.verdict.sentence);
}

pub(super) fn finds(moment: &Moment, rule: &str) -> bool {
    moment.findings.iter().any(|finding| finding.rule.as_str() == rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_health_to_a_leak_with_its_owner_and_a_lock_chain() {
    let demo = start(&mut Vec::new()).await;
    let monitor = Monitor::start(plan(&demo), None);
    let first = until(&monitor, "healthy", |moment| !moment.backends.is_empty()).await;
    assert_eq!(first.verdict.kind, VerdictKind::Healthy, "{}", first.verdict.sentence);

    let leak = until(&monitor, "a leak", |moment| moment.verdict.kind == VerdictKind::Leak).await;
    assert!(leak.verdict.sentence.contains("checkout"), "{}", leak.verdict.sentence);
    let chain = until(&monitor, "a lock chain", |moment| finds(moment, "lock.chain")).await;
    assert!(chain.backends.iter().any(|row| row.blocks_transitively >= 2), "a queue behind the migration");
    let suspects = leak.backends.iter().filter(|row| row.suspect.is_some());
    assert!(suspects.clone().all(|row| row.backend.session.application_name.contains("checkout")));
    assert!(suspects.count() > 0);
    drop(monitor);
    demo.stop().await;
}
