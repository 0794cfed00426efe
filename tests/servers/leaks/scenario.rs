//! What a scenario is, and the table of all of them.

use std::pin::Pin;

use super::stage::Stage;
use super::traffic::{Step, Steps};
use super::{further, healthy, leaking, unseen};

pub(super) type Play = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One application on the server, and whether it leaks. The label follows from what it does, not from what anybody
/// says about it.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    /// Its `application_name`, but for programs that choose their own.
    pub(super) name: &'static str,
    pub(super) leaks: bool,
    /// Why it is a leak, or none.
    pub(super) why: &'static str,
    pub(super) play: fn(Stage) -> Play,
}

pub(super) const fn leak(name: &'static str, play: fn(Stage) -> Play, why: &'static str) -> Scenario {
    Scenario { name, leaks: true, why, play }
}

pub(super) const fn fine(name: &'static str, play: fn(Stage) -> Play, why: &'static str) -> Scenario {
    Scenario { name, leaks: false, why, play }
}

pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    leaking::ALL.iter().chain(healthy::ALL).chain(unseen::ALL).chain(further::ALL)
}

/// Requests that several scenarios have in common, in the words of their client libraries.
pub(super) const READ: Steps = &[Step::Sql("SELECT pg_sleep({12ms}), total FROM orders WHERE id = {n}")];
/// An ORM on psycopg begins by itself and rolls back on return.
pub(super) const ORM_READ: Steps = &[
    Step::Sql("BEGIN"),
    Step::Sql("SELECT orders.id, orders.total, pg_sleep({10ms}) FROM orders WHERE orders.id = {n}"),
    Step::Sql("ROLLBACK"),
];
/// JDBC without autocommit.
pub(super) const JDBC_WRITE: Steps = &[
    Step::Sql("BEGIN"),
    Step::Sql("select o1_0.id, o1_0.state, o1_0.total from orders o1_0 where o1_0.id = {n}"),
    Step::Sql("insert into events (order_id) values ({n})"),
    Step::Sql("COMMIT"),
];
