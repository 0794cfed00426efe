//! What applications and poolers say about their pools, beside what the server sees.

use super::super::fixture::{
    POOLER, app_sample, joined_sample, pooled_client, pooler_facts, server_connection, sockets,
};
use super::*;
use crate::model::app::AppPool;
use crate::model::leak::{EvidenceKind, LeakEvidence};

/// Ten connections: two work, one was just given back, seven were last used before the story begins.
fn two_of_ten_work(now: f64) -> Vec<Row> {
    let left = (1..=7).map(|pid| row(pid, "api").idle(-20.0, "SELECT x FROM t"));
    let work = (8..=9).map(|pid| row(pid, "api").active(now - 0.5, "SELECT y FROM t"));
    left.chain(work).chain([row(10, "api").idle(now - 0.5, "SELECT y FROM t")]).collect()
}

fn out(used: u32) -> AppPool {
    AppPool { used: Some(used), max: Some(20), ..AppPool::default() }
}

/// A server sampled every second for so long beside an application that says this; `None`: it is not asked then.
fn beside(
    seconds: u32,
    rows: impl Fn(f64) -> Vec<Row>,
    says: impl Fn(u32) -> Option<(AppPool, bool)>,
) -> Vec<Moment> {
    let statuses = vec![status("db1", TargetKind::Postgres), status("api", TargetKind::App)];
    let mut stage = Stage::new(fast(), statuses);
    let facts = Arc::new(facts(100));
    let mut moments = Vec::new();
    for second in 1..=seconds {
        let now = f64::from(second);
        if let Some((pool, one_of_several)) = says(second) {
            let mut next = app_sample("api", now - 0.1, vec![pool]);
            let Body::App(body) = &mut next.body else { unreachable!() };
            body.one_of_several = one_of_several;
            stage.show(next);
        }
        let rows = rows(now).iter().map(Row::build).collect();
        moments.push(stage.show(sample("db1", now, rows, &facts)));
    }
    moments
}

/// The application answers every five seconds.
fn always(used: u32) -> impl Fn(u32) -> Option<(AppPool, bool)> {
    move |second| (second % 5 == 1).then(|| (out(used), false))
}

fn reported(moment: &Moment) -> Option<&LeakEvidence> {
    let evidence = moment.pools.iter().filter_map(|row| row.leak.as_ref()).flat_map(|leak| &leak.evidence);
    evidence.into_iter().find(|evidence| evidence.kind == EvidenceKind::Reported)
}

fn ever(moments: &[Moment]) -> bool {
    moments.iter().any(|moment| reported(moment).is_some())
}

#[test]
fn an_application_that_has_more_checked_out_than_does_anything_leaks_them() {
    let moments = beside(20, two_of_ten_work, always(9));
    let finding = leaks(&moments)[0];
    assert_eq!(finding.rule, Rule::LeakCheckedOut);
    assert_eq!(&*finding.title, "api: 6 connections checked out and idle, says api");
    let told: Vec<&str> = finding.evidence.iter().map(|sentence| &**sentence).collect();
    assert!(told.contains(&"api says 9 checked out, the database sees 2 working"), "{told:?}");
    assert!(told.contains(&"at least 6 of them did nothing for 6s or longer, in every reading"), "{told:?}");
    assert!(finding.severity >= Severity::Warning, "{finding:?}");
    assert!(!ever(&moments[..5]), "one reading may be of another moment than the server's");
}

#[test]
fn numbers_that_prove_nothing_are_no_evidence() {
    let once = beside(40, two_of_ten_work, |second| (second == 10).then(|| (out(9), false)));
    assert!(!ever(&once), "one reading only");
    assert!(!ever(&beside(40, two_of_ten_work, always(3))), "those that were used just now");
    assert!(!ever(&beside(40, two_of_ten_work, always(12))), "more than there are: it leads elsewhere, too");
    let turns = beside(40, two_of_ten_work, |second| (second % 5 == 1).then(|| (out(9), true)));
    assert!(!ever(&turns), "one process of several");
    let thinks = |now: f64| -> Vec<Row> {
        let since = |pid: i32| now - f64::from(pid) * 0.4;
        (1..=10).map(|pid| row(pid, "api").idle(since(pid), "SELECT x FROM t")).collect()
    };
    assert!(!ever(&beside(40, thinks, always(9))), "each of them is used again and again");
    let comes_back = beside(40, two_of_ten_work, |second| {
        let used = if second % 10 == 1 { 9 } else { 2 };
        (second % 5 == 1).then(|| (out(used), false))
    });
    assert!(!ever(&comes_back), "not in every reading");
}

#[test]
fn what_an_application_said_long_ago_is_forgotten() {
    let moments = beside(40, two_of_ten_work, |second| (second <= 6).then(|| (out(9), false)));
    assert!(reported(&moments[9]).is_some());
    assert!(reported(&moments[35]).is_none(), "{:?}", reported(&moments[35]));
}

#[test]
fn the_client_that_a_pooler_has_lent_a_silent_backend_to_is_named() {
    let with = |mode: &str| {
        let statuses = vec![status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
        let mut stage = Stage::new(fast(), statuses);
        let (own, facts) = (Arc::new(pooler_facts(20)), Arc::new(facts(100)));
        let mut moments = Vec::new();
        for second in 1..=30_u32 {
            let now = f64::from(second);
            let clients = vec![pooled_client(3, "api-1"), pooled_client(4, "api-2")];
            let links = sockets(clients, vec![server_connection(10), server_connection(11)], &[(0, 0)]);
            stage.show(joined_sample("bouncer", now - 0.2, mode, links, &own));
            let held = row(10, "api-1").from(POOLER).in_transaction(0.0, "SELECT x FROM t");
            let free = row(11, "api-2").from(POOLER).idle(now - 0.5, "COMMIT");
            let rows = [held, free].iter().map(Row::build).collect();
            moments.push(stage.show(sample("db1", now, rows, &facts)));
        }
        moments
    };
    let moments = with("transaction");
    let evidence = reported(moments.last().unwrap()).unwrap();
    let told: Vec<&str> = evidence.sentences.iter().map(|sentence| &**sentence).collect();
    assert!(told[0].starts_with("bouncer has lent out 1 backend that does nothing"), "{told:?}");
    assert_eq!(told[1], "pid 10 is lent to app@10.0.7.3:40003 (api-1) by bouncer");
    assert!(!ever(&moments[..5]), "not before it has been silent for long");
    assert!(!ever(&with("session")), "there each connection is its client's");
}
