//! Choosing sessions by what they are, for the command line.

use std::sync::Arc;
use std::time::Duration;

use crate::model::backend::{Backend, State};
use crate::model::operation::Victim;
use crate::model::time::Timestamp;
use crate::text::glob;

/// What a session must be; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// One of these process ids; empty = any.
    pub pids: Vec<i32>,
    /// Idle in transaction, aborted included, for at least this long by `state_change`.
    pub idle_in_transaction_for: Option<Duration>,
    /// Glob on `application_name`.
    pub application: Option<String>,
    /// Glob on the user.
    pub user: Option<String>,
    /// Glob on the database.
    pub database: Option<String>,
    /// Glob on the client's address without port; `local` is a Unix socket.
    pub client: Option<String>,
    /// Sessions that run a statement count too. Without it they need their pid in `pids`.
    pub allow_active: bool,
    /// The most sessions to choose, the oldest first; `None` = all.
    pub limit: Option<usize>,
}

/// What a selector found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The sessions, the oldest first by `state_change`.
    pub victims: Vec<Victim>,
    /// Sessions that match but run a statement (or hide whether they do), and were not named by pid.
    pub active: Vec<Arc<Backend>>,
    /// How many more match beyond the limit.
    pub over_limit: usize,
    /// Pids that were named but belong to no client backend that can be seen.
    pub unknown_pids: Vec<i32>,
}

/// A selector that selects nothing in particular would select everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "say which sessions: --pid, --idle-in-transaction-for, --application, --user, --database or --client"
)]
pub struct NoSelector;

impl Selector {
    fn is_empty(&self) -> bool {
        self.pids.is_empty()
            && self.idle_in_transaction_for.is_none()
            && [&self.application, &self.user, &self.database, &self.client].into_iter().all(Option::is_none)
    }

    fn matches(&self, backend: &Backend, now: Timestamp) -> bool {
        let session = &backend.session;
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, text))
        };
        (self.pids.is_empty() || self.pids.contains(&session.id.pid))
            && fits(&self.application, &session.application_name)
            && fits(&self.user, &session.user)
            && fits(&self.database, &session.database)
            && fits(&self.client, &client_address(backend))
            && self.idle_in_transaction_for.is_none_or(|least| {
                backend.state.is_idle_in_transaction()
                    && backend.state_change.is_some_and(|since| now.age_of(since) >= least)
            })
    }

    /// Whether a session may be chosen although it runs a statement, or hides whether it does.
    fn takes(&self, backend: &Backend) -> bool {
        let rests = backend.state == State::Idle || backend.state.is_idle_in_transaction();
        rests || self.allow_active || self.pids.contains(&backend.pid())
    }
}

fn client_address(backend: &Backend) -> String {
    match backend.session.client.addr() {
        Some(addr) => addr.to_string(),
        None => backend.session.client.to_string(),
    }
}

/// Chooses among the backends of one target; `now` is its clock when they were sampled.
pub fn select(
    backends: &[Arc<Backend>],
    now: Timestamp,
    selector: &Selector,
) -> Result<Selection, NoSelector> {
    if selector.is_empty() {
        return Err(NoSelector);
    }
    let (mut chosen, active): (Vec<_>, Vec<_>) = backends
        .iter()
        .filter(|backend| selector.matches(backend, now))
        .cloned()
        .partition(|backend| selector.takes(backend));
    chosen.sort_by_key(|backend| (backend.state_change.is_none(), backend.state_change));
    let limit = selector.limit.unwrap_or(usize::MAX);
    let seen = |pid: &i32| backends.iter().any(|backend| backend.pid() == *pid);
    Ok(Selection {
        over_limit: chosen.len().saturating_sub(limit),
        victims: chosen.into_iter().take(limit).map(Victim::from_seen).collect(),
        active,
        unknown_pids: selector.pids.iter().copied().filter(|pid| !seen(pid)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backend::{BackendId, BackendKind, Client, Session};

    fn second(second: i64) -> Timestamp {
        Timestamp::from_micros(1_795_252_800_000_000 + second * 1_000_000)
    }

    fn tcp(addr: &str) -> Client {
        Client::Tcp { addr: addr.into(), port: 5000 }
    }

    /// A session in `state` since `since`.
    fn row(pid: i32, state: State, since: i64, (user, app, client): (&str, &str, Client)) -> Arc<Backend> {
        let session = Session {
            id: BackendId { pid, start: Some(second(-100)) },
            kind: BackendKind::Client,
            application_name: app.into(),
            user: user.into(),
            database: "shop".into(),
            client,
            leader_pid: None,
        };
        Arc::new(Backend {
            session: Arc::new(session),
            state,
            state_change: Some(second(since)),
            xact_start: None,
            query_start: None,
            wait: None,
            has_xid: false,
            has_xmin: false,
            query: None,
            query_id: None,
        })
    }

    fn rows() -> Vec<Arc<Backend>> {
        vec![
            row(1, State::IdleInTransaction, 30, ("app", "api", tcp("10.0.0.1"))),
            row(2, State::Aborted, 10, ("app", "api", tcp("10.0.0.2"))),
            row(3, State::Active, 0, ("app", "api-batch", tcp("10.0.0.2"))),
            row(4, State::Idle, 5, ("report", "psql", Client::Local)),
            row(5, State::IdleInTransaction, 55, ("report", "psql", Client::Unknown)),
            row(6, State::Disabled, 20, ("app", "quiet", tcp("::1"))),
        ]
    }

    fn chosen(selector: &Selector) -> Vec<i32> {
        let selection = select(&rows(), second(60), selector).unwrap();
        selection.victims.iter().map(|victim| victim.id().pid).collect()
    }

    #[test]
    fn no_selector_is_an_error_and_options_that_only_widen_are_none() {
        let widened = Selector { allow_active: true, limit: Some(3), ..Selector::default() };
        for selector in [Selector::default(), widened] {
            assert_eq!(select(&rows(), second(60), &selector), Err(NoSelector));
        }
    }

    #[test]
    fn every_selector_must_hold_and_the_oldest_come_first() {
        let some = |text: &str| Some(text.to_owned());
        let idle_for = |seconds| Some(Duration::from_secs(seconds));
        let none = Selector::default;
        for (selector, expected) in [
            (Selector { pids: vec![4, 1], ..none() }, vec![4, 1]),
            (Selector { pids: vec![3], ..none() }, vec![3]),
            (Selector { pids: vec![1, 2], user: some("report"), ..none() }, vec![]),
            (Selector { idle_in_transaction_for: idle_for(30), ..none() }, vec![2, 1]),
            (Selector { idle_in_transaction_for: idle_for(31), ..none() }, vec![2]),
            (Selector { idle_in_transaction_for: idle_for(0), user: some("report"), ..none() }, vec![5]),
            (Selector { pids: vec![4], idle_in_transaction_for: idle_for(0), ..none() }, vec![]),
            (Selector { application: some("api*"), ..none() }, vec![2, 1]),
            (Selector { application: some("api*"), allow_active: true, ..none() }, vec![3, 2, 1]),
            (Selector { application: some("api"), client: some("10.0.0.2"), ..none() }, vec![2]),
            (Selector { client: some("local"), ..none() }, vec![4]),
            (Selector { client: some("::1"), allow_active: true, ..none() }, vec![6]),
            (Selector { database: some("other"), ..none() }, vec![]),
            (Selector { database: some("shop"), limit: Some(2), ..none() }, vec![4, 2]),
        ] {
            assert_eq!(chosen(&selector), expected, "{selector:?}");
        }
    }

    #[test]
    fn what_was_not_chosen_is_told() {
        let selector = Selector { database: Some("shop".into()), limit: Some(1), ..Selector::default() };
        let selection = select(&rows(), second(60), &selector).unwrap();
        let active: Vec<i32> = selection.active.iter().map(|backend| backend.pid()).collect();
        assert_eq!((active, selection.over_limit), (vec![3, 6], 3));
        let selector = Selector { pids: vec![1, 777], ..Selector::default() };
        assert_eq!(select(&rows(), second(60), &selector).unwrap().unknown_pids, [777]);
    }

    #[test]
    fn a_session_that_runs_a_statement_is_meant_whatever_it_does_and_others_as_they_were_seen() {
        let selector = Selector { pids: vec![1, 3], ..Selector::default() };
        let selection = select(&rows(), second(60), &selector).unwrap();
        let strict: Vec<(i32, bool)> = selection.victims.iter().map(|v| (v.id().pid, v.strict)).collect();
        assert_eq!(strict, [(3, false), (1, true)]);
    }
}
