//! Operations on poolers and on their clients, by keys.

use std::sync::Arc;

use super::*;
use crate::analysis::moment::{ClientRow, Proof, SeenClient, Via};
use crate::control::confirm::Why;
use crate::model::backend::Client;
use crate::model::operation::{Aim, AimId, OperationReport, Outcome, PoolScope, VictimOutcome};
use crate::model::pooler::{
    ClientState, ConsoleRight, PoolerClient, PoolerConfig, PoolerDatabase, PoolerFacts, PoolerSockets,
    PoolerState,
};
use crate::model::redis::RedisClient;

fn client(id: &str, server: Option<u32>) -> PoolerClient {
    PoolerClient {
        id: id.into(),
        killable: true,
        database: "shop".into(),
        user: "app".into(),
        application_name: Some("checkout-api".into()),
        client: Client::Tcp { addr: "10.0.0.9".into(), port: 40_000 },
        client_pid: None,
        state: ClientState::Active,
        word: "active".into(),
        wait_us: None,
        age_s: Some(60.0),
        server,
    }
}

/// The story of the demo with what a later version of it will show: databases, clients, and a way from a backend.
pub(in crate::ui) fn pooled(version: &str, right: ConsoleRight, paused: bool) -> Moment {
    let mut moment = leak();
    let place = moment.targets.iter().position(|status| &*status.name == "bouncer-1").unwrap();
    moment.targets[place].version = Some(version.into());
    let database = |name: &str| PoolerDatabase { name: name.into(), paused, ..PoolerDatabase::default() };
    let facts = PoolerFacts {
        databases: vec![database("shop")],
        config: PoolerConfig { query_wait_timeout_s: Some(120.0), ..PoolerConfig::default() },
        state: Some(PoolerState::Active),
        right,
        ..PoolerFacts::default()
    };
    let sockets = Arc::new(PoolerSockets {
        clients: vec![client("17", Some(0)), client("18", None)],
        ..PoolerSockets::default()
    });
    let view = moment.poolers[place].as_mut().unwrap();
    (view.facts, view.sockets) = (Some(Arc::new(facts)), Some(Arc::clone(&sockets)));
    let row = |index| ClientRow {
        target: place,
        pool: None,
        seen: SeenClient::Pooler(Arc::clone(&sockets), index),
        backend: (index == 0).then_some(0),
    };
    moment.clients = vec![row(0), row(1)];
    moment.backends[0].via = Some(Via {
        pooler: place,
        server: 0,
        client: Some(0),
        linked: Some(0),
        lent: true,
        proof: Proof::Wire,
    });
    moment
}

const NEW: &str = "PgBouncer 1.24.1";
const OLD: &str = "PgBouncer 1.18.0";

fn admin(version: &str) -> Robot {
    Robot::on(pooled(version, ConsoleRight::Admin, false))
}

impl Robot {
    /// What the open question is about.
    fn question(&self) -> String {
        match self.app.layers.last() {
            Some(Layer::Confirm(confirm)) => confirm.question.to_string(),
            other => panic!("no question but {other:?}; {}", self.toast()),
        }
    }

    fn aims(&mut self) -> Vec<(OperationKind, Aim)> {
        let executed = self.take().into_iter().filter_map(|effect| match effect {
            Effect::Execute(confirmed) => Some(confirmed.into_inner()),
            _ => None,
        });
        executed.map(|operation| (operation.kind, operation.aim)).collect()
    }

    /// Puts the cursor on the pool of the pooler.
    fn on_the_pooler(&mut self) -> &mut Self {
        self.press("<tab> <tab>");
        while self.app.pools.selected().unwrap().key.layer != crate::model::pool::Layer::Pooler {
            self.press("<down>");
        }
        self
    }

    fn report(&mut self, kind: OperationKind, scope: &PoolScope, outcome: Outcome) {
        let outcomes =
            vec![VictimOutcome { id: AimId::Pools(scope.clone()), outcome, message: "so it went".into() }];
        let report = OperationReport { kind, target: "bouncer-1".into(), outcomes, settled: true };
        self.event(Event::Input(Input::Report(report)));
    }
}

fn shop() -> PoolScope {
    PoolScope { database: Some("shop".into()), user: None }
}

#[test]
fn a_key_on_a_poolers_pool_asks_about_its_database_and_yes_is_what_acts() {
    for (key, kind, asks) in [
        ("P", OperationKind::Pause, "pause database shop on bouncer-1?"),
        ("R", OperationKind::Resume, "resume database shop on bouncer-1?"),
        ("N", OperationKind::Reconnect, "reconnect database shop on bouncer-1?"),
        ("D", OperationKind::KillDatabase, "kill database shop on bouncer-1?"),
    ] {
        let mut robot = admin(OLD);
        robot.on_the_pooler().press(key);
        assert_eq!(robot.question(), asks);
        robot.press("<enter>");
        assert!(robot.aims().is_empty(), "No has the focus");
        robot.press(&format!("{key} y"));
        assert!(
            matches!(&robot.aims()[..], [(found, Aim::Pools(_, scope))] if (*found, scope) == (kind, &shop()))
        );
        assert_eq!(robot.toast(), format!("{kind} on bouncer-1: sent, database shop"));
    }
}

#[test]
fn without_a_poolers_pool_under_the_cursor_a_choice_asks_on_what() {
    let mut robot = admin(OLD);
    robot.press("P");
    assert!(matches!(robot.app.layers.last(), Some(Layer::Choice(_))));
    robot.press("<down> <enter>");
    assert_eq!(robot.question(), "pause all databases on bouncer-1?");
    let mut robot = admin(OLD);
    robot.press("D");
    assert_eq!(robot.question(), "kill database shop on bouncer-1?", "the only one needs no choice");
}

#[test]
fn who_may_only_look_is_told_so_and_asked_nothing_and_an_unknown_right_is_asked() {
    for (key, command) in [("P", Command::Pause), ("N", Command::Reconnect), ("D", Command::KillDatabase)] {
        let mut robot = Robot::on(pooled(OLD, ConsoleRight::Stats, false));
        robot.on_the_pooler().press(key);
        assert!(robot.app.layers.is_empty() && robot.toast().contains("may only look"), "{}", robot.toast());
        assert_eq!(robot.app.unavailable(command).as_deref(), Some(&*robot.toast()));
        let mut robot = Robot::on(pooled(OLD, ConsoleRight::Unknown, false));
        robot.on_the_pooler().press(key);
        assert!(robot.question().contains("database shop"));
    }
    // From 1.24.0 to 1.25.1 the pooler itself would have let a stats user kill a client.
    let mut stats = pooled(NEW, ConsoleRight::Stats, false);
    stats.clients[0].backend = None;
    stats.backends[0].via = None;
    let mut robot = Robot::on(stats);
    robot.press("L");
    assert!(robot.app.layers.is_empty() && robot.toast().contains("may only look"), "{}", robot.toast());
}

#[test]
fn nothing_is_asked_in_read_only_or_where_no_pooler_answers() {
    let moment = pooled(NEW, ConsoleRight::Admin, false);
    let mut robot = Robot::with(moment, header(Access::ReadOnly, Feed::Live));
    let mut without = Robot::on(fixture::few());
    for key in ["P", "R", "N", "D", "L"] {
        robot.press(key);
        assert!(robot.app.layers.is_empty() && robot.toast().contains("read-only"), "{}", robot.toast());
        without.press(key);
        assert!(without.app.layers.is_empty(), "{key}");
        assert!(without.toast().contains("No pooler of this profile"), "{}", without.toast());
    }
}

#[test]
fn a_production_profile_wants_its_name_for_a_pause_too() {
    let moment = pooled(OLD, ConsoleRight::Admin, false);
    let mut robot = Robot::with(moment, header(Access::ConfirmName, Feed::Live));
    robot.on_the_pooler().press("P y <enter>");
    assert!(robot.aims().is_empty());
    let mut robot =
        Robot::with(pooled(OLD, ConsoleRight::Admin, false), header(Access::ConfirmName, Feed::Live));
    robot.on_the_pooler().press("P checkout <enter>");
    assert_eq!(robot.aims().len(), 1);
}

#[test]
fn the_client_behind_the_selected_connection_is_asked_about_and_leaves_the_question_when_it_leaves() {
    let mut robot = admin(NEW);
    let first = robot.app.moment().unwrap().backends[0].backend.pid();
    robot.press(&format!("/ pid:{first} <enter> L"));
    assert_eq!(robot.question(), "kill client 17 on bouncer-1?");
    let mut next = pooled(NEW, ConsoleRight::Admin, false);
    let other = PoolerClient { user: "other".into(), ..client("17", Some(0)) };
    let place = next.clients[0].target;
    let sockets = Arc::new(PoolerSockets { clients: vec![other], ..PoolerSockets::default() });
    next.poolers[place].as_mut().unwrap().sockets = Some(sockets);
    robot.show(next);
    let Some(Layer::Confirm(confirm)) = robot.app.layers.last() else { panic!("it stays open") };
    assert_eq!(confirm.question.lost(), Some(&Why::OtherClient));
    robot.press("y");
    assert!(robot.aims().is_empty());
}

#[test]
fn a_client_is_chosen_from_all_and_one_that_cannot_be_killed_leads_to_its_backend() {
    let mut robot = admin(NEW);
    robot.on_the_pooler().press("<tab> <tab>");
    robot.app.focus = Panel::Suspects;
    robot.press("L <down> <enter>");
    assert_eq!(robot.question(), "kill client 18 on bouncer-1?");
    robot.press("y");
    assert!(
        matches!(&robot.aims()[..], [(OperationKind::KillClient, Aim::PooledClient(_, client))] if &*client.id == "18")
    );

    let mut robot = admin(OLD);
    let pid = robot.app.moment().unwrap().backends[0].backend.pid();
    robot.app.ask_client(0);
    robot.press("<down> <enter>");
    assert_eq!(robot.asked(), [pid], "the backend that serves it is offered instead");
    robot.press("<esc>");
    robot.app.ask_client(1);
    assert!(
        robot.toast().contains("1.18.0 has no KILL_CLIENT") && robot.toast().contains("No backend serves")
    );
}

#[test]
fn a_redis_client_is_asked_about_by_its_row() {
    let mut moment = fixture::few();
    let redis = RedisClient {
        id: 7,
        client: Client::Tcp { addr: "10.0.0.9".into(), port: 50_000 },
        name: "cache".into(),
        user: "default".into(),
        flags: "N".into(),
        ..RedisClient::default()
    };
    let replica = RedisClient { id: 8, flags: "S".into(), ..redis.clone() };
    let clients = Arc::new(vec![redis, replica]);
    let row = |place| ClientRow {
        target: 0,
        pool: None,
        seen: SeenClient::Redis(Arc::clone(&clients), place),
        backend: None,
    };
    moment.clients = vec![row(0), row(1)];
    let mut robot = Robot::on(moment);
    robot.app.focus = Panel::Suspects;
    robot.press("L <enter>");
    assert_eq!(robot.question(), "kill client 7 on db1?");
    robot.press("y");
    assert!(
        matches!(&robot.aims()[..], [(OperationKind::KillClient, Aim::RedisClient(client))] if client.id == 7)
    );
    robot.app.ask_client(1);
    assert!(robot.toast().contains("never killed"), "{}", robot.toast());
}

#[test]
fn what_is_paused_stays_on_the_screen_until_it_is_resumed() {
    let mut robot = admin(OLD);
    assert_eq!(robot.app.banner(), None);
    robot.report(OperationKind::Pause, &shop(), Outcome::Denied);
    assert_eq!(robot.app.banner(), None, "nothing was paused");
    robot.report(OperationKind::Pause, &shop(), Outcome::Unconfirmed);
    assert_eq!(robot.app.banner().as_deref(), Some("bouncer-1: database shop"));
    assert!(robot.toast().contains("unconfirmed: so it went"), "{}", robot.toast());
    // The pooler's own newer list counts more than our memory.
    robot.show(pooled(OLD, ConsoleRight::Admin, true));
    assert_eq!(robot.app.banner().as_deref(), Some("bouncer-1: database shop"));
    robot.press("R");
    assert_eq!(
        robot.question(),
        "resume database shop on bouncer-1?",
        "what is paused is meant, wherever the cursor is"
    );
    robot.press("<esc>");
    robot.report(OperationKind::Resume, &shop(), Outcome::Signalled);
    assert_eq!(robot.app.banner(), None, "the list that still shows it is older than the RESUME");
    robot.show(pooled(OLD, ConsoleRight::Admin, true));
    assert!(robot.app.banner().is_some(), "somebody has paused it again");
    robot.show(pooled(OLD, ConsoleRight::Admin, false));
    assert_eq!(robot.app.banner(), None, "somebody else has resumed it");
}

#[test]
fn a_pause_of_everything_is_remembered_where_the_version_does_not_show_it() {
    let without_state = |paused| {
        let mut moment = pooled(OLD, ConsoleRight::Admin, paused);
        for view in moment.poolers.iter_mut().flatten() {
            let facts = view.facts.as_deref().cloned().unwrap();
            view.facts = Some(Arc::new(PoolerFacts { state: None, ..facts }));
        }
        moment
    };
    let mut robot = Robot::on(without_state(false));
    robot.report(OperationKind::Pause, &PoolScope::default(), Outcome::Signalled);
    robot.show(without_state(false));
    robot.show(without_state(true));
    assert_eq!(robot.app.banner().as_deref(), Some("bouncer-1: all databases, bouncer-1: database shop"));
    robot.report(OperationKind::Resume, &PoolScope::default(), Outcome::Signalled);
    robot.show(without_state(false));
    assert_eq!(robot.app.banner(), None);
}
