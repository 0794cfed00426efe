//! Which connections are stranded: held by somebody who does nothing with them.

use std::collections::HashMap;
use std::time::Duration;

use super::cohorts::spares;
use super::endings::{Ending, Shapes};
use super::now::{Plight, Row};
use crate::analysis::members::Member;
use crate::analysis::names;
use crate::analysis::roster::Track;
use crate::model::backend::State;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// Endings without the mark of a release after which a connection of a marking pool is somebody else's: it has been
/// through enough uses that were never given back that way.
const FOREIGN: u32 = 3;

/// What is asked of every connection of one pool in one sample.
pub(in crate::analysis) struct Judge<'a> {
    pub(in crate::analysis) track: &'a Track,
    pub(in crate::analysis) at: Timestamp,
    pub(in crate::analysis) thresholds: &'a Thresholds,
    /// Pids that hold advisory locks, sorted.
    pub(in crate::analysis) advisory: &'a [i32],
    /// Pids whose COPY moves on, sorted.
    pub(in crate::analysis) copying: &'a [i32],
}

impl Judge<'_> {
    /// Says of each row what it is doing. Where one is frozen, rows are then sorted by birth.
    pub(super) fn judge(&self, rows: &mut [Row<'_>], shapes: &mut Shapes) {
        let frozen_after = self.frozen_after();
        for row in rows.iter_mut() {
            let idle = row.backend.state == State::Idle && is_old(row, frozen_after);
            if idle || self.may_be_held(row) {
                row.shape = row.backend.query.as_ref().and_then(|query| shapes.of(query));
            }
            row.plight = self.plight(row, frozen_after);
            row.frozen = idle && row.plight != Plight::Excused;
        }
        if rows.iter().any(|row| row.frozen) {
            rows.sort_by_key(|row| (row.backend.id().start, row.index));
            for spare in spares(rows, self.thresholds.frozen, self.at) {
                (rows[spare].plight, rows[spare].frozen) = (Plight::Excused, false);
            }
        }
    }

    fn plight(&self, row: &Row<'_>, frozen_after: Duration) -> Plight {
        match row.backend.state {
            _ if row.member.exempt => Plight::Excused,
            State::IdleInTransaction | State::Aborted => {
                let patience = patience(row.backend.state, self.track, self.at, self.thresholds);
                if is_old(row, patience) { Plight::Stuck } else { Plight::Fine }
            }
            State::Active | State::Fastpath if self.is_unread(row) => Plight::Unread,
            State::Idle if self.is_excused(row) => Plight::Excused,
            State::Idle if self.is_checked_out(row) => Plight::CheckedOut,
            State::Idle if is_old(row, frozen_after) => self.frozen(row),
            _ => Plight::Fine,
        }
    }

    /// Listeners and lock holders do their work by being there.
    fn is_excused(&self, row: &Row<'_>) -> bool {
        let pid = row.backend.pid();
        row.member.listens
            || row.shape.is_some_and(|shape| shape.ending == Ending::Listen)
            || self.advisory.binary_search(&pid).is_ok()
    }

    /// Idle and used, in a pool that marks its releases, long enough to be looked at.
    fn may_be_held(&self, row: &Row<'_>) -> bool {
        row.backend.state == State::Idle
            && row.member.used
            && self.track.habits.marks_releases()
            && is_old(row, self.thresholds.checked_out)
    }

    fn is_checked_out(&self, row: &Row<'_>) -> bool {
        let unmarked = row.shape.is_some_and(|shape| shape.ending != Ending::Release);
        self.may_be_held(row) && unmarked && !self.is_foreign(row.member)
    }

    /// Used again and again without ever being released the way its pool does: another program under the same name.
    fn is_foreign(&self, member: &Member) -> bool {
        member.marked == 0
            && member.unmarked >= FOREIGN
            && member
                .state_change
                .is_some_and(|moved| moved.age_of(member.first_seen) >= self.thresholds.checked_out)
    }

    /// A frozen connection is abandoned where its pool opened others meanwhile, unless its last statement says that it
    /// was given back or its pool is no larger than it is declared to be at least.
    fn frozen(&self, row: &Row<'_>) -> Plight {
        let track = self.track;
        let floor = track.bounds.as_ref().and_then(|bounds| bounds.min);
        let ready = !row.member.used && floor.is_some_and(|floor| track.pool.total <= floor);
        if row.member.witnesses == 0 || row.is_released() || ready {
            Plight::Frozen
        } else {
            Plight::Abandoned
        }
    }

    /// A statement that has been waiting for its client in every sample for a while. A COPY that moves on, or that
    /// sends its rows to somebody slow, is a backup at work.
    fn is_unread(&self, row: &Row<'_>) -> bool {
        let patience = self.thresholds.client_wait;
        let bounds = self.track.bounds.as_ref();
        let allowed = bounds.and_then(|bounds| bounds.command_timeout_s);
        let allowed = allowed.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let waited = row.member.client_wait_since.is_some_and(|since| self.at.age_of(since) >= patience / 2);
        waited
            && is_old(row, patience.max(allowed.unwrap_or_default()))
            && self.copying.binary_search(&row.backend.pid()).is_err()
            && !sends_a_copy(row)
    }

    /// Nothing healthy survives its pool's own idle time-out.
    fn frozen_after(&self) -> Duration {
        let declared = self.track.bounds.as_ref().and_then(|bounds| bounds.idle_timeout_s);
        let declared = declared.and_then(|seconds| Duration::try_from_secs_f64(seconds * 1.2).ok());
        let unmarked = declared.filter(|_| !self.track.habits.marks_releases());
        self.thresholds.frozen.min(unmarked.unwrap_or(Duration::MAX))
    }
}

/// Backups, pooltop itself and monitors: long transactions and silence are their work.
pub(in crate::analysis) fn is_exempt(application: &str) -> bool {
    names::is_backup(application) || names::is_monitor(application)
}

fn is_old(row: &Row<'_>, patience: Duration) -> bool {
    row.age.is_some_and(|age| age >= patience)
}

fn sends_a_copy(row: &Row<'_>) -> bool {
    let writes = row.backend.wait.as_ref().is_some_and(|wait| &*wait.event == "ClientWrite");
    let query = row.backend.query.as_deref().unwrap_or_default().trim_start();
    writes && query.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("copy"))
}

/// How long a session of this pool may lie idle in its transaction: the threshold, or half as long again as the
/// longest spell that came to an end by itself, up to five times the threshold. An aborted transaction has no work left
/// to do, so nothing is learned for it.
pub(super) fn patience(state: State, track: &Track, at: Timestamp, thresholds: &Thresholds) -> Duration {
    let threshold = thresholds.idle_in_transaction;
    if state == State::Aborted {
        return threshold;
    }
    if track.bounds.as_ref().is_some_and(|bounds| bounds.holds_transactions) {
        return Duration::MAX;
    }
    let usual = track.habits.usual_idle_in_transaction(at).unwrap_or_default();
    threshold.max(usual.min(threshold * 5).mul_f64(1.5).min(threshold * 5))
}

/// Counts, for each idle member, that its pool opened a connection while it lay idle. `births` holds the newest
/// birth per pool since the sample before: several at once are a pool that fills up and count as one.
pub(in crate::analysis) fn witness_births(
    members: &mut [Member],
    births: &HashMap<usize, Timestamp>,
    thresholds: &Thresholds,
) {
    if births.is_empty() {
        return;
    }
    for member in members {
        let idle = member.state == State::Idle || member.state.is_idle_in_transaction();
        let Some(born) = births.get(&member.slot).filter(|_| idle) else { continue };
        if member.state_change.is_some_and(|since| since <= born.minus(thresholds.settled)) {
            member.witnesses += 1;
        }
    }
}
