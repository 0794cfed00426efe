//! Why a session is left alone.

use std::fmt;

use crate::model::backend::{BackendKind, State};
use crate::model::operation::{OperationKind, Outcome, Victim};
use crate::text::Text;

use super::{Policy, Surroundings};

/// Why a session that was named is not asked about, or no longer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is one of pooltop's own connections.
    Own,
    /// Not a client backend; PostgreSQL's word for what it is.
    NotClient(Text),
    /// The role may not see when it began, so it could not be told from another session with its pid.
    Hidden,
    /// It is still authenticating: whose it will be is not known yet.
    Starting,
    /// It belongs to a protected role.
    Protected(Text),
    /// A cancel stops a statement, and none is running.
    NothingToCancel(State),
    /// More sessions than one operation may be aimed at; the oldest go first.
    OverLimit(usize),
    /// Marked, but hidden by the filter when the question was asked.
    Filtered,
    /// The session ended while the question was open.
    Ended,
    /// Its pid belongs to another session now.
    Replaced,
    /// The identifier of a client belongs to another one now.
    OtherClient,
    /// It no longer does what was seen; what it does now.
    MovedOn(State),
    /// The server was restarted, or another one answers: none of its sessions is one that was seen.
    OtherServer,
}

impl Why {
    /// The same in the words of a report.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Ended | Self::Replaced | Self::OtherClient => Outcome::Gone,
            Self::MovedOn(_) | Self::OtherServer => Outcome::Changed,
            _ => Outcome::Refused,
        }
    }

    /// Why a session is left alone whatever else is asked for; `None` if it may be asked about.
    pub(super) fn of(
        victim: &Victim,
        kind: OperationKind,
        policy: &Policy,
        around: &Surroundings,
    ) -> Option<Self> {
        let (session, state) = (&victim.seen.session, victim.seen.state);
        if around.own.contains(&session.id) {
            return Some(Self::Own);
        }
        if let Some(why) = Self::kind(&session.kind) {
            return Some(why);
        }
        if session.id.start.is_none() {
            return Some(Self::Hidden);
        }
        if state == State::Starting || session.user.is_empty() {
            return Some(Self::Starting);
        }
        if policy.protects(&session.user) {
            return Some(Self::Protected(session.user.clone()));
        }
        let runs = matches!(state, State::Active | State::Fastpath);
        (kind == OperationKind::Cancel && !runs).then_some(Self::NothingToCancel(state))
    }

    fn kind(kind: &BackendKind) -> Option<Self> {
        match kind {
            BackendKind::Client => None,
            BackendKind::Hidden => Some(Self::Hidden),
            BackendKind::ParallelWorker => Some(Self::NotClient("parallel worker".into())),
            BackendKind::WalSender => Some(Self::NotClient("walsender".into())),
            BackendKind::Other(word) => Some(Self::NotClient(word.clone())),
        }
    }
}

impl fmt::Display for Why {
    /// One line that also says what would help, where something would.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("one of pooltop's own connections"),
            Self::NotClient(word) => write!(f, "not a client backend but a {word}"),
            Self::Hidden => {
                f.write_str("hidden from this role, so its identity cannot be checked: GRANT pg_monitor")
            }
            Self::Starting => f.write_str("still authenticating, so its user is not known yet"),
            Self::Protected(user) => write!(f, "role {user} is protected"),
            Self::NothingToCancel(state) => nothing_to_cancel(*state, f),
            Self::OverLimit(limit) => {
                write!(f, "over the bulk limit of {limit}: the oldest go first, ask again for the rest")
            }
            Self::Filtered => f.write_str("marked, but hidden by the filter"),
            Self::Ended => f.write_str("ended in the meantime"),
            Self::Replaced => f.write_str("ended in the meantime; its pid is another session's now"),
            Self::OtherClient => f.write_str("ended in the meantime; its id is another client's now"),
            Self::MovedOn(now) => write!(f, "moved on since it was seen, now {}", now.as_str()),
            Self::OtherServer => f.write_str("the server was restarted, or another one answers now"),
        }
    }
}

fn nothing_to_cancel(state: State, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if matches!(state, State::Disabled | State::Unknown) {
        return f.write_str("it cannot be seen whether it runs a statement that a cancel could stop");
    }
    write!(f, "{}: it runs no statement that a cancel could stop", state.as_str())?;
    if state.is_idle_in_transaction() {
        f.write_str(", and the transaction would stay open; terminate ends it")?;
    }
    Ok(())
}
