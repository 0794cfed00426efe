//! The question and its answer.

use std::fmt;
use std::sync::Arc;

use crate::model::backend::{Backend, BackendId};
use crate::model::operation::{Aim, Operation, OperationKind, Victim};
use crate::model::sample::ServerIdentity;
use crate::model::target::TargetName;
use crate::text::Text;

use super::warning;
use super::{Access, Policy, ReadOnly, Why};

/// What is known around the sessions when the question is made. All of one target.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// pooltop's own sessions.
    pub own: Vec<BackendId>,
    /// Roles known to be superusers.
    pub superusers: Vec<Text>,
    /// The pools that the sessions belong to.
    pub pools: Vec<PoolShare>,
}

/// One pool, as far as an operation must know it.
#[derive(Clone, Debug)]
pub struct PoolShare {
    /// Its name for people.
    pub name: Text,
    /// The pids of all its backends, whether aimed at or not.
    pub members: Vec<i32>,
    /// It is a pooler's server side: clients of the pooler ride on its backends.
    pub via_pooler: bool,
}

/// A session that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The session as it was seen, and how strictly it must still be so.
    pub victim: Victim,
    /// What to say about it before the answer.
    pub warnings: Vec<Text>,
}

/// A session that was named but is left alone.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The session as it was seen.
    pub victim: Victim,
    /// Why it is left alone.
    pub why: Why,
}

/// An operation that waits for its answer: at what it is aimed, whom it leaves alone, and what to say first.
///
/// Sessions and clients only ever leave it. What is confirmed at the end is at most what stood here when it was shown.
/// It cannot be cloned, since a copy could be answered a second time.
#[derive(Debug, PartialEq)]
pub struct Question {
    operation: Operation,
    access: Access,
    profile: Text,
    asked: Vec<Asked>,
    left_out: Vec<LeftOut>,
    /// What it would do, where it is not aimed at sessions.
    consequences: Vec<Text>,
    warnings: Vec<Text>,
    /// Where it is not aimed at sessions: why nothing is left to do.
    over: Option<Over>,
}

/// Why an operation that is not aimed at sessions can no longer be confirmed.
#[derive(Clone, Debug, PartialEq)]
enum Over {
    /// It was confirmed.
    Answered,
    /// What it was aimed at is not there any more.
    Lost(Why),
}

/// What a person, or `--yes`, answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is done. The default everywhere.
    No,
    /// Do it.
    Yes,
    /// Do it; this is the profile's name as it was typed.
    Name(String),
}

/// Why an answer confirms nothing. The question stays open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A yes where the name is needed.
    #[error("this profile wants its name typed: {0}")]
    NameNeeded(Text),
    /// Another name, or another spelling of it.
    #[error("that is not the profile's name: {0}")]
    WrongName(Text),
    /// Everybody left the question before it was answered.
    #[error("none of these sessions is left to {0}")]
    NobodyLeft(OperationKind),
    /// The client left before it was answered.
    #[error("it {0}")]
    Lost(Why),
    /// It was answered before.
    #[error("this was answered already")]
    Answered,
}

/// Something that a person confirmed. Only [`Question::answer`] makes one, and it can be used up once.
///
/// Nobody else can, which is what keeps an unconfirmed operation from compiling:
///
/// ```compile_fail,E0451
/// use pooltop::control::confirm::Confirmed;
/// use pooltop::model::operation::Operation;
/// fn forge(operation: Operation) -> Confirmed<Operation> {
///     Confirmed { value: operation }
/// }
/// ```
///
/// and what keeps one yes from acting twice:
///
/// ```compile_fail,E0599
/// use pooltop::control::confirm::Confirmed;
/// use pooltop::model::operation::Operation;
/// fn twice(once: &Confirmed<Operation>) -> Confirmed<Operation> {
///     <Confirmed<Operation>>::clone(once)
/// }
/// ```
///
/// Looking at it and using it up are open to everyone:
///
/// ```
/// use pooltop::control::confirm::Confirmed;
/// use pooltop::model::operation::Operation;
/// fn use_up(confirmed: Confirmed<Operation>) -> Operation {
///     assert!(!confirmed.get().victims().is_empty());
///     confirmed.into_inner()
/// }
/// ```
#[derive(Debug, PartialEq)]
pub struct Confirmed<T> {
    value: T,
}

impl<T> Confirmed<T> {
    /// What was confirmed.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// What was confirmed, used up: it is plain data again.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl Question {
    /// Splits the sessions of an operation into those to ask about, the oldest first by `state_change`, and
    /// those that are left alone.
    pub fn new(mut operation: Operation, policy: &Policy, around: &Surroundings) -> Result<Self, ReadOnly> {
        if policy.access == Access::ReadOnly {
            return Err(ReadOnly { profile: policy.profile.clone() });
        }
        let mut victims = match &mut operation.aim {
            Aim::Sessions { victims, .. } => std::mem::take(victims),
            _ => Vec::new(),
        };
        victims.sort_by_key(|victim| (victim.seen.state_change.is_none(), victim.seen.state_change));
        let mut question = Self::blank(operation, policy);
        for victim in victims {
            question.place(victim, policy, around);
        }
        let pids: Vec<i32> = question.victims().map(|victim| victim.id().pid).collect();
        question.warnings = warning::on_pools(question.operation.kind, &pids, &around.pools);
        Ok(question)
    }

    fn blank(operation: Operation, policy: &Policy) -> Self {
        Self {
            operation,
            access: policy.access,
            profile: policy.profile.clone(),
            asked: Vec::new(),
            left_out: Vec::new(),
            consequences: Vec::new(),
            warnings: Vec::new(),
            over: None,
        }
    }

    /// The question about something else than sessions; whether it may be asked at all was found out before.
    pub(super) fn about(
        operation: Operation,
        policy: &Policy,
        consequences: Vec<Text>,
        warnings: Vec<Text>,
    ) -> Result<Self, ReadOnly> {
        if policy.access == Access::ReadOnly {
            return Err(ReadOnly { profile: policy.profile.clone() });
        }
        Ok(Self { consequences, warnings, ..Self::blank(operation, policy) })
    }

    fn place(&mut self, mut victim: Victim, policy: &Policy, around: &Surroundings) {
        if self.knows(victim.id()) {
            return;
        }
        let kind = self.operation.kind;
        // A cancel is meant for the statement that was seen, never for the next one.
        victim.strict |= kind == OperationKind::Cancel;
        let over = (self.asked.len() >= policy.bulk_limit).then_some(Why::OverLimit(policy.bulk_limit));
        if let Some(why) = Why::of(&victim, kind, policy, around).or(over) {
            self.left_out.push(LeftOut { victim, why });
        } else {
            let warnings = warning::on_session(kind, &victim, around);
            self.asked.push(Asked { victim, warnings });
        }
    }

    fn knows(&self, id: BackendId) -> bool {
        self.victims().chain(self.left_out.iter().map(|left| &left.victim)).any(|known| known.id() == id)
    }

    fn victims(&self) -> impl Iterator<Item = &Victim> {
        self.asked.iter().map(|asked| &asked.victim)
    }

    /// The same with sessions that were marked but are hidden by the filter: listed, and left alone.
    pub fn with_filtered(mut self, hidden: Vec<Victim>) -> Self {
        for victim in hidden {
            if !self.knows(victim.id()) {
                self.left_out.push(LeftOut { victim, why: Why::Filtered });
            }
        }
        self
    }

    /// What is asked about, as an operation: for looking at what it would do, not for doing it.
    pub fn operation(&self) -> Operation {
        let mut operation = self.operation.clone();
        if let Aim::Sessions { victims, .. } = &mut operation.aim {
            *victims = self.victims().cloned().collect();
        }
        operation
    }

    /// At what it is aimed; sessions are [`Question::asked`] instead.
    pub fn aim(&self) -> &Aim {
        &self.operation.aim
    }

    /// Whether a yes would reach nobody any more.
    pub fn is_void(&self) -> bool {
        match self.operation.aim {
            Aim::Sessions { .. } => self.asked.is_empty(),
            _ => self.over.is_some(),
        }
    }

    /// Why nothing is left to do, where it is not aimed at sessions.
    pub fn lost(&self) -> Option<&Why> {
        match &self.over {
            Some(Over::Lost(why)) => Some(why),
            _ => None,
        }
    }

    /// Takes the client out of the question: it is not there any more.
    pub(super) fn lose(&mut self, why: Why) {
        self.over.get_or_insert(Over::Lost(why));
    }

    /// What it would do, in sentences, where it is not aimed at sessions.
    pub fn consequences(&self) -> &[Text] {
        &self.consequences
    }

    /// On which target.
    pub fn target(&self) -> &TargetName {
        &self.operation.target
    }

    /// The verb.
    pub fn kind(&self) -> OperationKind {
        self.operation.kind
    }

    /// The sessions that a yes would reach, the oldest first.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// The sessions that were named and are left alone, with the reason.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// At what it is aimed, in words; empty for sessions.
    pub fn subject(&self) -> String {
        match &self.operation.aim {
            Aim::Sessions { .. } => String::new(),
            Aim::Pools(_, scope) => scope.to_string(),
            Aim::PooledClient(_, client) => client.id.to_string(),
            Aim::RedisClient(client) => client.id.to_string(),
        }
    }

    /// What to say about the whole of it before the answer.
    pub fn warnings(&self) -> &[Text] {
        &self.warnings
    }

    /// The name that must be typed, where a yes is not enough.
    pub fn name_to_type(&self) -> Option<&Text> {
        (self.access == Access::ConfirmName).then_some(&self.profile)
    }

    /// Compares with what the target shows now: who ended, was replaced or moved on is left out from here on.
    ///
    /// `current` is every backend of a full sample; a sample that holds only counts must not come here, since
    /// everyone would seem to have ended. Returns whether anything changed.
    pub fn refresh<'a>(
        &mut self,
        server: &ServerIdentity,
        current: impl IntoIterator<Item = &'a Arc<Backend>>,
    ) -> bool {
        let same_server = self.operation.identity() == Some(server);
        let current: std::collections::HashMap<i32, &Arc<Backend>> =
            current.into_iter().map(|backend| (backend.pid(), backend)).collect();
        let before = self.asked.len();
        for asked in std::mem::take(&mut self.asked) {
            let now = current.get(&asked.victim.id().pid).copied();
            let why = if same_server { moved_on(&asked.victim, now) } else { Some(Why::OtherServer) };
            match why {
                Some(why) => self.left_out.push(LeftOut { victim: asked.victim, why }),
                None => self.asked.push(asked),
            }
        }
        self.asked.len() != before
    }

    /// What the answer allows: nothing after a no, the operation after the right yes, else why not.
    ///
    /// This is the only place where a [`Confirmed`] is made. It takes the sessions out of the question, so
    /// that a second yes reaches nobody.
    pub fn answer(&mut self, answer: &Answer) -> Result<Option<Confirmed<Operation>>, AnswerError> {
        match answer {
            Answer::No => return Ok(None),
            Answer::Yes if self.access == Access::ConfirmName => {
                return Err(AnswerError::NameNeeded(self.profile.clone()));
            }
            Answer::Name(name) if name.is_empty() || **name != *self.profile => {
                return Err(AnswerError::WrongName(self.profile.clone()));
            }
            Answer::Yes | Answer::Name(_) => {}
        }
        match &self.over {
            Some(Over::Lost(why)) => return Err(AnswerError::Lost(why.clone())),
            Some(Over::Answered) => return Err(AnswerError::Answered),
            None if self.is_void() => return Err(AnswerError::NobodyLeft(self.operation.kind)),
            None => {}
        }
        let value = self.operation();
        self.asked.clear();
        if !matches!(value.aim, Aim::Sessions { .. }) {
            self.over = Some(Over::Answered);
        }
        Ok(Some(Confirmed { value }))
    }
}

/// Why a session is no longer the one that was seen, or no longer does what was seen.
fn moved_on(victim: &Victim, now: Option<&Arc<Backend>>) -> Option<Why> {
    let Some(now) = now else { return Some(Why::Ended) };
    let seen = &victim.seen;
    if now.id() != seen.id() {
        return Some(Why::Replaced);
    }
    let same =
        (now.state, now.state_change, now.xact_start) == (seen.state, seen.state_change, seen.xact_start);
    (victim.strict && !same).then_some(Why::MovedOn(now.state))
}

impl fmt::Display for Question {
    /// One line: `terminate 3 sessions on db1? 1 left out`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.operation.aim, Aim::Sessions { .. }) {
            let verb = match self.operation.kind {
                OperationKind::KillDatabase => "kill",
                other => other.as_str(),
            };
            return write!(f, "{verb} {} on {}?", self.subject(), self.operation.target);
        }
        let (many, left) = (self.asked.len(), self.left_out.len());
        let plural = if many == 1 { "" } else { "s" };
        write!(f, "{} {many} session{plural} on {}?", self.operation.kind, self.operation.target)?;
        if left > 0 {
            write!(f, " {left} left out")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backend::{BackendKind, Client, Session, State, Wait};
    use crate::model::operation::Outcome;
    use crate::model::time::Timestamp;

    type Change = Box<dyn FnOnce(&mut Backend, &mut Session)>;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_795_252_800_000_000 + second * 1_000_000)
    }

    fn server() -> ServerIdentity {
        ServerIdentity {
            postmaster_start: at(-1000),
            address: Some("10.0.0.1:5432".into()),
            in_recovery: false,
        }
    }

    /// A session of `app`, idle in transaction since second `pid`.
    fn backend(pid: i32) -> Backend {
        let session = Session {
            id: BackendId { pid, start: Some(at(0)) },
            kind: BackendKind::Client,
            application_name: "api".into(),
            user: "app".into(),
            database: "shop".into(),
            client: Client::Local,
            leader_pid: None,
        };
        Backend {
            session: Arc::new(session),
            state: State::IdleInTransaction,
            state_change: Some(at(i64::from(pid))),
            xact_start: Some(at(i64::from(pid))),
            query_start: Some(at(i64::from(pid))),
            wait: None,
            has_xid: false,
            has_xmin: false,
            query: Some("select 1".into()),
            query_id: None,
        }
    }

    fn with(pid: i32, change: impl FnOnce(&mut Backend, &mut Session)) -> Backend {
        let mut row = backend(pid);
        let mut session = (*row.session).clone();
        change(&mut row, &mut session);
        row.session = Arc::new(session);
        row
    }

    fn operation(kind: OperationKind, rows: Vec<Backend>) -> Operation {
        let victims = rows.into_iter().map(|row| Victim::from_seen(Arc::new(row))).collect();
        let aim = Aim::Sessions { identity: server(), victims };
        Operation { kind, target: "db1".into(), aim, reason: None }
    }

    fn policy() -> Policy {
        Policy {
            access: Access::Confirm,
            profile: "checkout".into(),
            bulk_limit: 20,
            protected_roles: vec!["billing".into()],
        }
    }

    fn ask(kind: OperationKind, rows: Vec<Backend>) -> Question {
        Question::new(operation(kind, rows), &policy(), &Surroundings::default()).unwrap()
    }

    fn pids(question: &Question) -> Vec<i32> {
        question.asked().iter().map(|asked| asked.victim.id().pid).collect()
    }

    fn reasons(question: &Question) -> Vec<Why> {
        question.left_out().iter().map(|left| left.why.clone()).collect()
    }

    #[test]
    fn nothing_is_asked_in_a_read_only_profile() {
        let policy = Policy { access: Access::ReadOnly, ..policy() };
        let operation = operation(OperationKind::Terminate, vec![backend(1)]);
        let refused = Question::new(operation, &policy, &Surroundings::default()).unwrap_err();
        assert!(refused.to_string().starts_with("checkout is read-only"), "{refused}");
    }

    #[test]
    fn a_session_that_must_be_left_alone_is_listed_with_the_reason() {
        use OperationKind::{Cancel, Terminate};
        let active = |row: &mut Backend, _: &mut Session| row.state = State::Active;
        let cases: Vec<(OperationKind, Change, Option<Why>)> = vec![
            (Terminate, Box::new(|_, _| {}), None),
            (Terminate, Box::new(active), None),
            (Terminate, Box::new(|row, _| row.state = State::Idle), None),
            (Terminate, Box::new(|_, s| s.id.pid = 99), Some(Why::Own)),
            (Terminate, Box::new(|_, s| s.kind = BackendKind::Hidden), Some(Why::Hidden)),
            (Terminate, Box::new(|_, s| s.id.start = None), Some(Why::Hidden)),
            (
                Terminate,
                Box::new(|_, s| s.kind = BackendKind::WalSender),
                Some(Why::NotClient("walsender".into())),
            ),
            (
                Terminate,
                Box::new(|_, s| s.kind = BackendKind::Other("autovacuum worker".into())),
                Some(Why::NotClient("autovacuum worker".into())),
            ),
            (Terminate, Box::new(|row, _| row.state = State::Starting), Some(Why::Starting)),
            (Terminate, Box::new(|_, s| s.user = "".into()), Some(Why::Starting)),
            (Terminate, Box::new(|_, s| s.user = "billing".into()), Some(Why::Protected("billing".into()))),
            (Terminate, Box::new(|_, s| s.user = "rdsadmin".into()), Some(Why::Protected("rdsadmin".into()))),
            (Terminate, Box::new(|_, s| s.user = "rdsadmin2".into()), None),
            (Cancel, Box::new(active), None),
            (Cancel, Box::new(|_, _| {}), Some(Why::NothingToCancel(State::IdleInTransaction))),
            (Cancel, Box::new(|row, _| row.state = State::Idle), Some(Why::NothingToCancel(State::Idle))),
            (
                Cancel,
                Box::new(|row, _| row.state = State::Disabled),
                Some(Why::NothingToCancel(State::Disabled)),
            ),
        ];
        let own = BackendId { pid: 99, start: Some(at(0)) };
        let around = Surroundings { own: vec![own], ..Surroundings::default() };
        for (kind, change, expected) in cases {
            let row = with(7, change);
            let shown = format!("{kind} {row:?}");
            let question = Question::new(operation(kind, vec![row]), &policy(), &around).unwrap();
            assert_eq!(question.left_out().first().map(|left| left.why.clone()), expected, "{shown}");
            assert_eq!(question.asked().len(), usize::from(expected.is_none()), "{shown}");
        }
    }

    #[test]
    fn an_own_pid_that_began_at_another_time_is_not_an_own_session() {
        let own = BackendId { pid: 7, start: Some(at(-5)) };
        let around = Surroundings { own: vec![own], ..Surroundings::default() };
        let operation = operation(OperationKind::Terminate, vec![backend(7)]);
        assert_eq!(pids(&Question::new(operation, &policy(), &around).unwrap()), [7]);
    }

    #[test]
    fn over_the_bulk_limit_the_oldest_by_state_change_go_first_and_protected_ones_do_not_count() {
        let policy = Policy { bulk_limit: 2, ..policy() };
        let mut rows: Vec<Backend> = [5, 3, 9, 4].into_iter().map(backend).collect();
        rows.push(with(1, |_, session| session.user = "billing".into()));
        let operation = operation(OperationKind::Terminate, rows);
        let question = Question::new(operation, &policy, &Surroundings::default()).unwrap();
        assert_eq!(pids(&question), [3, 4]);
        assert_eq!(
            reasons(&question),
            [Why::Protected("billing".into()), Why::OverLimit(2), Why::OverLimit(2)]
        );
        assert_eq!(question.to_string(), "terminate 2 sessions on db1? 3 left out");
    }

    #[test]
    fn a_session_that_is_named_twice_is_asked_about_once() {
        assert_eq!(pids(&ask(OperationKind::Terminate, vec![backend(3), backend(3)])), [3]);
    }

    #[test]
    fn marked_sessions_behind_the_filter_are_listed_and_left_alone() {
        let hidden = vec![Victim::from_seen(Arc::new(backend(4))), Victim::from_seen(Arc::new(backend(3)))];
        let question = ask(OperationKind::Terminate, vec![backend(3)]).with_filtered(hidden);
        assert_eq!((pids(&question), reasons(&question)), (vec![3], vec![Why::Filtered]));
    }

    #[test]
    fn whoever_changes_while_the_question_is_open_leaves_it_with_the_reason() {
        let later = Some(at(50));
        let active = with(8, |row, _| row.state = State::Active);
        let mut question = ask(
            OperationKind::Terminate,
            vec![backend(1), backend(2), backend(3), backend(4), backend(5), backend(6), active.clone()],
        );
        let now: Vec<Arc<Backend>> = [
            backend(1),
            with(3, |_, session| session.id.start = later),
            with(4, |row, _| row.state = State::Active),
            with(5, |row, _| row.state_change = later),
            with(6, |row, _| row.xact_start = None),
            with(8, |row, _| (row.state, row.state_change) = (State::Idle, later)),
        ]
        .map(Arc::new)
        .to_vec();
        assert!(question.refresh(&server(), &now));
        assert_eq!(pids(&question), [1, 8], "8 was active, so it is meant whatever it does now");
        assert_eq!(
            reasons(&question),
            [
                Why::Ended,
                Why::Replaced,
                Why::MovedOn(State::Active),
                Why::MovedOn(State::IdleInTransaction),
                Why::MovedOn(State::IdleInTransaction)
            ]
        );
        let outcomes: Vec<Outcome> = reasons(&question).iter().map(Why::outcome).collect();
        let changed = Outcome::Changed;
        assert_eq!(outcomes, [Outcome::Gone, Outcome::Gone, changed, changed, changed]);
        assert!(!question.refresh(&server(), &now), "nothing changes twice");
    }

    #[test]
    fn a_cancel_is_meant_for_the_statement_that_was_seen() {
        let running = with(1, |row, _| row.state = State::Active);
        let next = with(1, |row, _| (row.state, row.state_change) = (State::Active, Some(at(50))));
        let mut question = ask(OperationKind::Cancel, vec![running]);
        question.refresh(&server(), &[Arc::new(next)]);
        assert_eq!((pids(&question), reasons(&question)), (vec![], vec![Why::MovedOn(State::Active)]));
    }

    #[test]
    fn after_a_restart_or_a_failover_nobody_is_left() {
        let restarted = ServerIdentity { postmaster_start: at(1), ..server() };
        let promoted = ServerIdentity { in_recovery: true, ..server() };
        let elsewhere = ServerIdentity { address: Some("10.0.0.2:5432".into()), ..server() };
        for other in [restarted, promoted, elsewhere] {
            let mut question = ask(OperationKind::Terminate, vec![backend(1)]);
            question.refresh(&other, &[Arc::new(backend(1))]);
            assert_eq!(reasons(&question), [Why::OtherServer], "{other:?}");
            assert_eq!(question.answer(&Answer::Yes), Err(AnswerError::NobodyLeft(OperationKind::Terminate)));
        }
    }

    #[test]
    fn only_the_right_answer_confirms() {
        let name = |typed: &str| Answer::Name(typed.to_owned());
        let wrong = || Err(AnswerError::WrongName("checkout".into()));
        for (access, answer, expected) in [
            (Access::Confirm, Answer::No, Ok(false)),
            (Access::Confirm, Answer::Yes, Ok(true)),
            (Access::Confirm, name("checkout"), Ok(true)),
            (Access::Confirm, name("other"), wrong()),
            (Access::ConfirmName, Answer::No, Ok(false)),
            (Access::ConfirmName, Answer::Yes, Err(AnswerError::NameNeeded("checkout".into()))),
            (Access::ConfirmName, name(""), wrong()),
            (Access::ConfirmName, name("Checkout"), wrong()),
            (Access::ConfirmName, name("checkout "), wrong()),
            (Access::ConfirmName, name("checkout"), Ok(true)),
        ] {
            let policy = Policy { access, ..policy() };
            let operation = operation(OperationKind::Terminate, vec![backend(1)]);
            let mut question = Question::new(operation, &policy, &Surroundings::default()).unwrap();
            let confirmed = question.answer(&answer).map(|confirmed| confirmed.is_some());
            assert_eq!(confirmed, expected, "{access:?} {answer:?}");
        }
    }

    #[test]
    fn an_empty_name_never_confirms_even_where_the_profile_has_none() {
        let policy = Policy { access: Access::ConfirmName, profile: "".into(), ..policy() };
        let operation = operation(OperationKind::Terminate, vec![backend(1)]);
        let mut question = Question::new(operation, &policy, &Surroundings::default()).unwrap();
        assert!(question.answer(&Answer::Name(String::new())).is_err());
    }

    #[test]
    fn one_question_confirms_once_and_never_more_than_it_showed() {
        let mut question = ask(OperationKind::Terminate, vec![backend(2), backend(1)]);
        question.refresh(&server(), &[Arc::new(backend(2)), Arc::new(backend(77))]);
        let confirmed = question.answer(&Answer::Yes).unwrap().unwrap();
        let victims: Vec<i32> = confirmed.get().victims().iter().map(|victim| victim.id().pid).collect();
        assert_eq!(victims, [2]);
        assert!(question.answer(&Answer::Yes).is_err());
    }

    #[test]
    fn what_a_person_should_know_is_said_before_the_answer() {
        let wait = |event: &str| Some(Arc::new(Wait { class: "IPC".into(), event: event.into() }));
        let around = Surroundings {
            superusers: vec!["admin".into()],
            pools: vec![PoolShare { name: "api".into(), members: vec![1, 2, 3], via_pooler: true }],
            ..Surroundings::default()
        };
        for (row, expected) in [
            (with(9, |_, session| session.user = "admin".into()), "superuser"),
            (with(9, |row, _| row.wait = wait("SyncRep")), "committed locally"),
            (with(9, |row, _| row.state = State::Disabled), "track_activities"),
            (with(9, |row, _| row.state = State::Active), "whatever it does"),
            (backend(1), "other clients ride on it"),
        ] {
            let operation = operation(OperationKind::Terminate, vec![row]);
            let question = Question::new(operation, &policy(), &around).unwrap();
            let said = &question.asked()[0].warnings;
            assert!(said.len() == 1 && said[0].contains(expected), "{expected}: {said:?}");
        }
    }

    #[test]
    fn taking_more_than_half_of_a_pool_is_said_for_the_whole() {
        let pool = PoolShare { name: "api".into(), members: vec![1, 2, 3, 4], via_pooler: false };
        let around = Surroundings { pools: vec![pool], ..Surroundings::default() };
        for (count, warned) in [(1, false), (2, false), (3, true), (4, true)] {
            let operation = operation(OperationKind::Terminate, (1..=count).map(backend).collect());
            let question = Question::new(operation, &policy(), &around).unwrap();
            assert_eq!(!question.warnings().is_empty(), warned, "{count}: {:?}", question.warnings());
        }
    }
}
