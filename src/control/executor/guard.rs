//! The one statement that checks and signals.

use super::server::{Param, Server};
use super::watch::{index, starts};
use crate::connect::{Connection, RawText, Row, RowExt as _, Type};
use crate::control::confirm::{Policy, Why};
use crate::model::backend::State;
use crate::model::operation::{OperationKind, Victim};
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::text::Text;

/// What one session met.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Checked, and signalled; in a rehearsal it would have been.
    Signalled,
    /// Checked, but the process was away when the signal came.
    Vanished,
    /// Not signalled: the check found something else than what was seen.
    LeftAlone(Why),
    /// Not signalled: the statement was kept back on its way for too long.
    TooLate,
    /// Not signalled: the role has no right to, as far as the catalogs tell.
    Denied,
}

/// What to do with sessions that pass the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send the operation's signal to those whom the catalogs say we may signal.
    Signal,
    /// The same, but let the server say whether we may: its refusal fails the statement.
    SignalUnlessRefused,
    /// Send nothing.
    Rehearse,
}

/// What the statement needs to know besides the sessions.
pub(super) struct Guard<'a> {
    pub(super) kind: OperationKind,
    pub(super) server: &'a Server,
    pub(super) policy: &'a Policy,
    /// By the server's clock: a statement that arrives later signals nobody.
    pub(super) not_after: Timestamp,
}

impl Guard<'_> {
    /// Checks the sessions and signals those that pass; one verdict for each, in their order.
    ///
    /// After an error it is not known who was signalled.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        victims: &[&Victim],
        action: Action,
    ) -> Result<Vec<Verdict>, TargetError> {
        let pids: Vec<i32> = victims.iter().map(|victim| victim.id().pid).collect();
        let starts = starts(victims);
        let states: Vec<Option<&str>> = victims.iter().map(|victim| state_word(victim.seen.state)).collect();
        let changes = moments(victims, |victim| victim.seen.state_change);
        let transactions = moments(victims, |victim| victim.seen.xact_start);
        let strict: Vec<bool> = victims.iter().map(|victim| victim.strict).collect();
        let protected: Vec<&str> = self.policy.protected().collect();
        let foresee_refusal = action == Action::Signal;
        let not_after = self.not_after.to_jiff();
        let verb = if action == Action::Rehearse { "none" } else { self.kind.as_str() };
        let mut params: Vec<Param<'_>> = vec![
            (&pids, Type::INT4_ARRAY),
            (&starts, Type::TIMESTAMPTZ_ARRAY),
            (&states, Type::TEXT_ARRAY),
            (&changes, Type::TIMESTAMPTZ_ARRAY),
            (&transactions, Type::TIMESTAMPTZ_ARRAY),
            (&strict, Type::BOOL_ARRAY),
        ];
        params.extend(self.server.params());
        params.extend([
            (&protected as _, Type::TEXT_ARRAY),
            (&foresee_refusal as _, Type::BOOL),
            (&verb as _, Type::TEXT),
            (&not_after as _, Type::TIMESTAMPTZ),
        ]);
        let rows = connection.rows(include_str!("guard_120000.sql"), &params).await?;
        verdicts(&rows, victims)
    }
}

fn moments(victims: &[&Victim], of: impl Fn(&Victim) -> Option<Timestamp>) -> Vec<Option<jiff::Timestamp>> {
    victims.iter().map(|victim| of(victim).map(Timestamp::to_jiff)).collect()
}

/// PostgreSQL's word; where it shows none, none.
fn state_word(state: State) -> Option<&'static str> {
    (state != State::Unknown).then_some(state.as_str())
}

fn verdicts(rows: &[Row], victims: &[&Victim]) -> Result<Vec<Verdict>, TargetError> {
    let mut verdicts = vec![Verdict::LeftAlone(Why::Ended); victims.len()];
    for row in rows {
        let Some(place) = index(row.value("place")?) else { continue };
        if let (Some(verdict), Some(victim)) = (verdicts.get_mut(place), victims.get(place)) {
            *verdict = read(row, victim)?;
        }
    }
    Ok(verdicts)
}

fn read(row: &Row, victim: &Victim) -> Result<Verdict, TargetError> {
    let word = row.text("verdict")?;
    let signalled: Option<bool> = row.value("signalled")?;
    let state: Option<RawText<'_>> = row.value("state")?;
    let state = State::parse(state.and_then(|state| std::str::from_utf8(state.0).ok()));
    Ok(match &*word {
        "signal" if signalled == Some(false) => Verdict::Vanished,
        "signal" => Verdict::Signalled,
        "too late" => Verdict::TooLate,
        "denied" => Verdict::Denied,
        "gone" => Verdict::LeftAlone(Why::Ended),
        "hidden" => Verdict::LeftAlone(Why::Hidden),
        "replaced" => Verdict::LeftAlone(Why::Replaced),
        "moved on" => Verdict::LeftAlone(Why::MovedOn(state)),
        "other server" => Verdict::LeftAlone(Why::OtherServer),
        "own" => Verdict::LeftAlone(Why::Own),
        "protected" => Verdict::LeftAlone(Why::Protected(victim.seen.session.user.clone())),
        _ => Verdict::LeftAlone(Why::NotClient(Text::line("server process"))),
    })
}
