//! The question before an operation on a pooler: whether it may be asked, what it would do.

use std::sync::Arc;

use crate::control::dialect::{Dialect, Part};
use crate::model::operation::{Aim, Operation, OperationKind, PoolScope, PoolerWords};
use crate::model::pooler::{ConsoleRight, PoolerClient, PoolerFacts};
use crate::model::target::{TargetKind, TargetName};
use crate::text::{Text, span};

use super::{Policy, Question, Why};

/// The console's own database, which no operation may be aimed at.
const CONSOLE: &str = "pgbouncer";

/// What is known about a pooler when a question is made.
#[derive(Clone, Debug)]
pub struct PoolerAround {
    /// Its name in the profile.
    pub target: TargetName,
    /// Which pooler it is.
    pub pooler: PoolerWords,
    /// Its slow facts, where they could be read.
    pub facts: Option<Arc<PoolerFacts>>,
    /// Its pools as far as they are known.
    pub pools: Vec<PoolLoad>,
}

/// How one pool of a pooler stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolLoad {
    /// As clients name it.
    pub database: Text,
    /// User.
    pub user: Text,
    /// Clients connected; `None` = not known.
    pub clients: Option<u32>,
    /// Server connections in use; `None` = not known.
    pub in_use: Option<u32>,
}

/// Why an operation on a pooler cannot be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotHere(pub String);

impl PoolerAround {
    /// On what of this pooler an operation may be aimed by what is known; the reason where it may not.
    ///
    /// A right that is not known is left to the console to judge: it says no plainly, and nothing happens.
    pub fn offers(&self, kind: OperationKind) -> Result<Part, NotHere> {
        let part = Dialect::of(&self.pooler).part(kind).map_err(NotHere)?;
        if self.facts.as_ref().is_some_and(|facts| facts.right == ConsoleRight::Stats) {
            let target = &self.target;
            return Err(NotHere(format!(
                "{target}: this user may only look (stats_users): {kind} needs one of admin_users"
            )));
        }
        Ok(part)
    }

    /// The question about pools.
    pub fn ask_pools(
        &self,
        kind: OperationKind,
        scope: PoolScope,
        policy: &Policy,
    ) -> Result<Question, NotHere> {
        self.offers(kind)?;
        Dialect::of(&self.pooler).on_pools(kind, &scope).map_err(NotHere)?;
        if scope.database.as_deref() == Some(CONSOLE) {
            return Err(NotHere("that is the console itself".to_owned()));
        }
        let (consequences, warnings) = (self.consequences(kind, &scope), self.warnings(kind, &scope));
        let aim = Aim::Pools(self.pooler.clone(), scope);
        self.ask(kind, aim, policy, (consequences, warnings))
    }

    /// The question about one client.
    pub fn ask_client(&self, client: Arc<PoolerClient>, policy: &Policy) -> Result<Question, NotHere> {
        let kind = OperationKind::KillClient;
        self.offers(kind)?;
        Dialect::of(&self.pooler).kill_client(&client).map_err(NotHere)?;
        if policy.protects(&client.user) {
            return Err(NotHere(Why::Protected(client.user.clone()).to_string()));
        }
        let mut consequences =
            vec![describe(&client), "its connection ends with an error (admin forced disconnect)".into()];
        if client.server.is_some() {
            consequences
                .push("the server connection that it uses is closed: its transaction rolls back".into());
        }
        let warnings = self.one_process().into_iter().collect();
        self.ask(kind, Aim::PooledClient(self.pooler.clone(), client), policy, (consequences, warnings))
    }

    fn ask(
        &self,
        kind: OperationKind,
        aim: Aim,
        policy: &Policy,
        (consequences, warnings): (Vec<Text>, Vec<Text>),
    ) -> Result<Question, NotHere> {
        let operation = Operation { kind, target: TargetName::clone(&self.target), aim, reason: None };
        Question::about(operation, policy, consequences, warnings).map_err(|why| NotHere(why.to_string()))
    }

    fn consequences(&self, kind: OperationKind, scope: &PoolScope) -> Vec<Text> {
        let dialect = Dialect::of(&self.pooler);
        let sentences = match kind {
            OperationKind::Pause => vec![
                format!("new queries of {} queue until RESUME", self.clients(scope)),
                self.queue_end(),
                if dialect.pause_waits() {
                    format!("transactions that are open finish first: {}", self.in_use(scope))
                } else {
                    "transactions that are open go on: this pooler does not wait for them".to_owned()
                },
            ],
            OperationKind::Resume => {
                vec![format!("queries that queue there run at once: {}", self.clients(scope))]
            }
            OperationKind::Reconnect => vec![
                "each server connection is closed once it is released, and opened anew".to_owned(),
                "no query is interrupted; in session mode a client keeps its own until it leaves".to_owned(),
            ],
            OperationKind::KillDatabase => vec![
                format!("{} are cut off at once (database removed)", self.clients(scope)),
                format!(
                    "its server connections are closed, open transactions roll back: {}",
                    self.in_use(scope)
                ),
                format!("it stays paused: new logins hang until RESUME; {}", self.queue_end()),
                format!("after RESUME a login may still stall for {}", self.login_retry()),
            ],
            _ => Vec::new(),
        };
        sentences.iter().map(|sentence| Text::line(sentence)).collect()
    }

    fn warnings(&self, kind: OperationKind, scope: &PoolScope) -> Vec<Text> {
        let dialect = Dialect::of(&self.pooler);
        let pauses = kind == OperationKind::Pause;
        let sentences = [
            self.one_process(),
            (pauses && dialect.pause_waits())
                .then(|| "pooltop waits for it for 5 s, then hangs up: that does not undo the pause".into()),
            (pauses && scope.database.is_none() && !dialect.shows_global_pause()).then(|| {
                Text::line(&format!(
                    "{} never shows that all of it is paused: only pooltop remembers it",
                    self.pooler.version
                ))
            }),
        ];
        sentences.into_iter().flatten().collect()
    }

    /// That another process of the same pooler is not reached.
    fn one_process(&self) -> Option<Text> {
        let several = self.facts.as_ref()?.one_of_several.as_ref()?;
        Some(Text::line(&format!("acts on one process only, and which one cannot be chosen: {several}")))
    }

    fn of<'a>(&'a self, scope: &'a PoolScope) -> impl Iterator<Item = &'a PoolLoad> {
        let fits = |wanted: &Option<Text>, name: &Text| wanted.as_ref().is_none_or(|wanted| wanted == name);
        self.pools
            .iter()
            .filter(move |pool| fits(&scope.database, &pool.database) && fits(&scope.user, &pool.user))
    }

    /// The sum of what is known of these pools. Where others are listed and none of these is, they are none.
    fn sum(&self, scope: &PoolScope, count: impl Fn(&PoolLoad) -> Option<u32>) -> Option<u32> {
        let known = self.of(scope).filter_map(&count).reduce(u32::saturating_add);
        let none = !self.pools.is_empty() && self.of(scope).next().is_none();
        known.or(none.then_some(0))
    }

    fn clients(&self, scope: &PoolScope) -> String {
        match self.sum(scope, |pool| pool.clients) {
            Some(many) => span::count(many, "client"),
            None => "its clients (how many is not known)".to_owned(),
        }
    }

    fn in_use(&self, scope: &PoolScope) -> String {
        match self.sum(scope, |pool| pool.in_use) {
            Some(many) => format!("{} in use", span::count(many, "server connection")),
            None => "how many are in use is not known".to_owned(),
        }
    }

    fn queue_end(&self) -> String {
        if self.pooler.kind != TargetKind::Pgbouncer {
            return "a client that waits too long may be sent away by the pooler's own time-out".to_owned();
        }
        match self.facts.as_ref().map(|facts| facts.config.query_wait_timeout_s) {
            Some(Some(limit)) => {
                format!("a client that waits longer than {limit} s is sent away (query_wait_timeout)")
            }
            Some(None) => "clients wait without end (query_wait_timeout is off)".to_owned(),
            None => "a client that waits longer than query_wait_timeout (by default 120 s) is sent away"
                .to_owned(),
        }
    }

    fn login_retry(&self) -> String {
        match self.facts.as_ref().and_then(|facts| facts.config.server_login_retry_s) {
            Some(limit) => format!("{limit} s (server_login_retry)"),
            None => "server_login_retry (by default 15 s)".to_owned(),
        }
    }
}

/// One line: who the client is.
fn describe(client: &PoolerClient) -> Text {
    let application = client.application_name.as_ref().filter(|name| !name.is_empty());
    let application = application.map(|name| format!("{name}, ")).unwrap_or_default();
    Text::line(&format!(
        "{application}user {} of database {} from {}, {}",
        client.user, client.database, client.client, client.word
    ))
}

impl Question {
    /// Compares with the clients that the pooler shows now: one that has left, or whose identifier is another's,
    /// leaves the question. Returns whether anything changed.
    pub fn refresh_pooled<'a>(&mut self, current: impl IntoIterator<Item = &'a PoolerClient>) -> bool {
        let Aim::PooledClient(_, seen) = self.aim() else { return false };
        let now = current.into_iter().find(|client| client.id == seen.id);
        let why = match now {
            None => Why::Ended,
            Some(now) if is_same(now, seen) => return false,
            Some(_) => Why::OtherClient,
        };
        let before = self.is_void();
        self.lose(why);
        !before
    }
}

fn is_same(now: &PoolerClient, seen: &PoolerClient) -> bool {
    (&now.client, &now.user, &now.database) == (&seen.client, &seen.user, &seen.database)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::confirm::{Access, Answer, AnswerError};
    use crate::model::backend::Client;
    use crate::model::pooler::{ClientState, PoolerConfig};

    fn policy() -> Policy {
        Policy {
            access: Access::Confirm,
            profile: "checkout".into(),
            bulk_limit: 20,
            protected_roles: vec!["billing".into()],
        }
    }

    fn around(kind: TargetKind, version: &str, facts: Option<PoolerFacts>) -> PoolerAround {
        let load = |database: &str, clients, in_use| PoolLoad {
            database: database.into(),
            user: "app".into(),
            clients,
            in_use,
        };
        PoolerAround {
            target: "bouncer-1".into(),
            pooler: PoolerWords { kind, version: version.into() },
            facts: facts.map(Arc::new),
            pools: vec![
                load("shop", Some(40), Some(14)),
                load("blog", Some(2), Some(1)),
                load("dark", None, None),
            ],
        }
    }

    fn old(facts: Option<PoolerFacts>) -> PoolerAround {
        around(TargetKind::Pgbouncer, "PgBouncer 1.18.0", facts)
    }

    fn on(database: Option<&str>) -> PoolScope {
        PoolScope { database: database.map(Text::from), user: None }
    }

    fn client(user: &str) -> Arc<PoolerClient> {
        Arc::new(PoolerClient {
            id: "17".into(),
            killable: true,
            database: "shop".into(),
            user: user.into(),
            application_name: Some("api".into()),
            client: Client::Tcp { addr: "10.0.0.9".into(), port: 40_000 },
            client_pid: None,
            state: ClientState::Active,
            word: "active".into(),
            wait_us: None,
            age_s: None,
            server: Some(0),
        })
    }

    fn said(question: &Question) -> String {
        let texts = question.consequences().iter().chain(question.warnings());
        texts.map(Text::as_str).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_question_tells_what_each_operation_does_with_the_numbers_that_are_known() {
        use OperationKind::{KillDatabase, Pause, Reconnect, Resume};
        let config = |timeout| PoolerConfig {
            query_wait_timeout_s: timeout,
            server_login_retry_s: Some(15.0),
            ..PoolerConfig::default()
        };
        let facts = |timeout| Some(PoolerFacts { config: config(timeout), ..PoolerFacts::default() });
        let shop = Some("shop");
        for (facts, kind, database, expected) in [
            (
                facts(Some(90.0)),
                Pause,
                shop,
                &["40 clients queue", "longer than 90 s", "14 server connections in use", "does not undo"][..],
            ),
            (facts(None), Pause, shop, &["clients wait without end"]),
            (
                None,
                Pause,
                Some("dark"),
                &["how many is not known", "by default 120 s", "in use is not known"],
            ),
            (None, Pause, Some("empty"), &["of 0 clients queue", "0 server connections in use"]),
            (None, Pause, None, &["42 clients", "never shows that all of it is paused"]),
            (None, Resume, shop, &["run at once"]),
            (None, Reconnect, shop, &["once it is released", "no query is interrupted"]),
            (
                facts(Some(90.0)),
                KillDatabase,
                shop,
                &[
                    "40 clients are cut off",
                    "roll back",
                    "stays paused",
                    "RESUME",
                    "15 s (server_login_retry)",
                ],
            ),
        ] {
            let question = old(facts).ask_pools(kind, on(database), &policy()).unwrap();
            let said = said(&question);
            for part in expected {
                assert!(said.contains(part), "{kind}: {part} is not in:\n{said}");
            }
        }
    }

    #[test]
    fn one_process_of_several_is_said_for_whatever_acts_on_one_only() {
        let several =
            PoolerFacts { one_of_several: Some("so_reuseport is on".into()), ..PoolerFacts::default() };
        let around = around(TargetKind::Pgbouncer, "PgBouncer 1.25.2", Some(several));
        let questions = [
            around.ask_pools(OperationKind::Pause, on(Some("shop")), &policy()),
            around.ask_pools(OperationKind::KillDatabase, on(Some("shop")), &policy()),
            around.ask_client(client("app"), &policy()),
        ];
        for question in questions {
            assert!(said(&question.unwrap()).contains("one process only"));
        }
    }

    #[test]
    fn what_cannot_be_asked_has_a_reason() {
        let right = |right| Some(PoolerFacts { right, ..PoolerFacts::default() });
        let new = |facts| around(TargetKind::Pgbouncer, "PgBouncer 1.24.0", facts);
        let pause =
            |around: &PoolerAround, database| around.ask_pools(OperationKind::Pause, on(database), &policy());
        let stats = new(right(ConsoleRight::Stats));
        let read_only = Policy { access: Access::ReadOnly, ..policy() };
        for (question, part) in [
            (pause(&stats, Some("shop")), "may only look"),
            (stats.ask_client(client("app"), &policy()), "may only look"),
            (pause(&new(None), Some("pgbouncer")), "the console itself"),
            (pause(&new(None), Some(&"x".repeat(99))), "longer than this console takes"),
            (new(None).ask_client(client("billing"), &policy()), "role billing is protected"),
            (old(None).ask_client(client("app"), &policy()), "has no KILL_CLIENT"),
            (new(None).ask_client(client("app"), &read_only), "checkout is read-only"),
            (pause(&around(TargetKind::Pgpool, "4.3.5", None), None), "has no command to pause"),
        ] {
            let why = question.unwrap_err().to_string();
            assert!(why.contains(part), "{part}: {why}");
        }
        for known in [ConsoleRight::Admin, ConsoleRight::Unknown] {
            assert!(new(right(known)).ask_client(client("app"), &policy()).is_ok(), "{known:?}");
        }
    }

    #[test]
    fn a_relative_that_does_not_wait_for_transactions_is_described_as_it_is() {
        let pgcat = around(TargetKind::Pgcat, "PgCat 1.2.0", None);
        let scope = PoolScope { database: Some("shop".into()), user: Some("app".into()) };
        let question = pgcat.ask_pools(OperationKind::Pause, scope, &policy()).unwrap();
        assert!(said(&question).contains("does not wait for them") && !said(&question).contains("5 s"));
    }

    #[test]
    fn a_client_that_left_is_out_of_the_question_and_a_confirmed_one_is_confirmed_once() {
        let ask =
            || around(TargetKind::Pgbouncer, "PgBouncer 1.24.0", None).ask_client(client("app"), &policy());
        let same = client("app");
        let moved = PoolerClient { client: Client::Local, ..(*same).clone() };
        for (now, lost) in
            [(vec![&*same], None), (vec![], Some(Why::Ended)), (vec![&moved], Some(Why::OtherClient))]
        {
            let mut question = ask().unwrap();
            assert_eq!(question.refresh_pooled(now), lost.is_some());
            assert_eq!((question.lost(), question.is_void()), (lost.as_ref(), lost.is_some()));
            let answered = question.answer(&Answer::Yes);
            match lost {
                Some(why) => assert_eq!(answered, Err(AnswerError::Lost(why))),
                None => assert!(answered.unwrap().is_some()),
            }
        }
        let mut question = ask().unwrap();
        assert!(question.answer(&Answer::Yes).unwrap().is_some());
        assert_eq!(question.answer(&Answer::Yes), Err(AnswerError::Answered));
    }
}
