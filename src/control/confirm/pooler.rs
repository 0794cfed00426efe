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
        let mut consequences = vec![
            describe(&client),
            "its connection ends with an error (admin forced disconnect)".into(),
        ];
        if client.server.is_some() {
            consequences.push("the server connection that it uses is closed: its transaction rolls back".into());
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
                match dialect.pause_waits() {
                    true => format!("transactions that are open finish first: {}", self.in_use(scope)),
                    false => "transactions that are open go on: this pooler does not wait for them".to_owned(),
                },
            ],
            OperationKind::Resume => vec![format!("queries that queue there run at once: {}", self.clients(scope))],
            OperationKind::Reconnect => vec![
                "each server connection is closed once it is released, and opened anew".to_owned(),
                "no query is interrupted; in session mode a client keeps its own until it leaves".to_owned(),
            ],
            OperationKind::KillDatabase => vec![
                format!("{} are cut off at once (database removed)", self.clients(scope)),
                format!("its server connections are closed, open transactions roll back: {}", self.in_use(scope)),
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
                Text::line(&format!("{} never shows that all of it is paused: only pooltop remembers it", self.pooler.version))
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

    fn clients(&self, scope: &PoolScope) -> String {
        match sum(self.of(scope).map(|pool| pool.clients)) {
            Some(many) => span::count(many, "client"),
            None => "its clients (how many is not known)".to_owned(),
        }
    }

    fn in_use(&self, scope: &PoolScope) -> String {
        match sum(self.of(scope).map(|pool| pool.in_use)) {
            Some(many) => format!("{} in use", span::count(many, "server connection")),
            None => "how many are in use is not known".to_owned(),
        }
    }

    fn queue_end(&self) -> String {
        if self.pooler.kind != TargetKind::Pgbouncer {
            return "a client that waits too long may be sent away by the pooler's own time-out".to_owned();
        }
        match self.facts.as_ref().map(|facts| facts.config.query_wait_timeout_s) {
            Some(Some(limit)) => format!("a client that waits longer than {limit} s is sent away (query_wait_timeout)"),
            Some(None) => "clients wait without end (query_wait_timeout is off)".to_owned(),
            None => "a client that waits longer than query_wait_timeout (by default 120 s) is sent away".to_owned(),
        }
    }

    fn login_retry(&self) -> String {
        match self.facts.as_ref().and_then(|facts| facts.config.server_login_retry_s) {
            Some(limit) => format!("{limit} s (server_login_retry)"),
            None => "server_login_retry (by default 15 s)".to_owned(),
        }
    }
}

/// The sum of what is known; `None` where nothing is.
fn sum(counts: impl Iterator<Item = Option<u32>>) -> Option<u32> {
    counts.flatten().reduce(u32::saturating_add)
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
