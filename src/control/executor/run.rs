//! One operation under way: what the server's answers mean for its sessions.

use std::time::Duration;

use super::guard::{Action, Verdict};
use super::server::Server;
use super::tally::Tally;
use crate::model::operation::{Operation, Outcome};
use crate::model::target::TargetError;

/// One operation under way.
pub(super) struct Run<'a> {
    pub(super) operation: &'a Operation,
    pub(super) server: Server,
    pub(super) tally: Tally,
    /// Places of sessions that were signalled, or may have been.
    pub(super) watched: Vec<usize>,
}

impl<'a> Run<'a> {
    /// Nobody was reached yet.
    pub(super) fn new(operation: &'a Operation, server: Server, tally: Tally) -> Self {
        Self { operation, server, tally, watched: Vec::new() }
    }
}

impl Run<'_> {
    /// Takes down verdicts; returns the places that the catalogs deny.
    pub(super) fn take_down(
        &mut self,
        verdicts: impl Iterator<Item = (usize, Verdict)>,
        action: Action,
    ) -> Vec<usize> {
        let mut denied = Vec::new();
        for (place, verdict) in verdicts {
            match verdict {
                Verdict::Signalled if action == Action::Rehearse => {
                    self.tally.set(place, Outcome::Signalled, "would be signalled");
                }
                Verdict::Signalled => {
                    self.tally.set(place, Outcome::Signalled, "signalled");
                    self.watched.push(place);
                }
                Verdict::Vanished => self.tally.set(place, Outcome::Gone, "ended before the signal came"),
                Verdict::TooLate => self.tally.set(
                    place,
                    Outcome::Refused,
                    "not signalled: the network kept it back too long",
                ),
                Verdict::LeftAlone(why) => self.tally.set(place, why.outcome(), &why.to_string()),
                Verdict::Denied => {
                    self.tally.set(
                        place,
                        Outcome::Denied,
                        "this role may not signal it: GRANT pg_signal_backend",
                    );
                    denied.push(place);
                }
            }
        }
        denied
    }

    /// The server refused the statement for lack of rights: one session alone was denied; among several it is not
    /// known which, so each is to be asked about alone.
    pub(super) fn refused(&mut self, places: &[usize], error: &TargetError, action: Action) -> Vec<usize> {
        for place in places {
            self.tally.set(*place, Outcome::Denied, &error.to_string());
        }
        if action == Action::Signal { places.to_vec() } else { Vec::new() }
    }

    /// The statement was sent, and what came of it is not known.
    pub(super) fn lost(&mut self, places: &[usize], error: &TargetError, action: Action) -> Vec<usize> {
        for place in places {
            if action == Action::Rehearse {
                self.tally.set(*place, Outcome::Refused, &format!("could not be checked: {error}"));
            } else {
                let message = format!("sent, but the answer was lost: {error}");
                self.tally.set(*place, Outcome::Unconfirmed, &message);
                self.watched.push(*place);
            }
        }
        Vec::new()
    }

    /// Takes down who has gone; returns whether anybody has.
    pub(super) fn gone(&mut self, still_there: &[usize], elapsed: Duration) -> bool {
        let before = self.watched.len();
        for place in std::mem::replace(&mut self.watched, still_there.to_vec()) {
            if !still_there.contains(&place) {
                self.tally.amend(place, Outcome::Ended, &format!("ended within {} ms", elapsed.as_millis()));
            }
        }
        self.watched.len() != before
    }
}
