//! How many sessions are in which state, for a server that is too slow for one row each.

use std::collections::BTreeMap;

use super::activity::{Server, process_name};
use super::cells::Positions;
use crate::connect::Row;
use crate::model::backend::{BackendKind, State};
use crate::model::sample::StateCounts;
use crate::model::target::TargetError;
use crate::text::Text;

const COLUMNS: [&str; 5] = ["backend_type", "state", "waits_on_lock", "has_owner", "processes"];

/// One reading of counts. Our own session of this statement is in none of them.
pub(super) struct Counts {
    pub(super) server: Server,
    pub(super) states: StateCounts,
    pub(super) others: Vec<(Text, u32)>,
}

pub(super) fn decode(rows: &[Row]) -> Result<Counts, TargetError> {
    let (server, first) = Server::find(rows)?;
    let positions = Positions::of(&rows[first], &COLUMNS)?;
    let mut states = StateCounts::default();
    let mut others = BTreeMap::<Text, u32>::new();
    for row in rows {
        let [kind, state, waits_on_lock, has_owner, processes] = positions.cells(row);
        let kind = BackendKind::parse(kind.word());
        let processes = processes.int8().and_then(|many| u32::try_from(many).ok()).unwrap_or_default();
        if kind == BackendKind::Client || (kind == BackendKind::Hidden && has_owner.is_true()) {
            add(&mut states, State::parse(state.word()), processes);
            states.blocked += if waits_on_lock.is_true() { processes } else { 0 };
        } else {
            *others.entry(process_name(&kind)).or_default() += processes;
        }
    }
    Ok(Counts { server, states, others: others.into_iter().collect() })
}

fn add(states: &mut StateCounts, state: State, many: u32) {
    let count = match state {
        State::Active | State::Fastpath => &mut states.active,
        State::Idle => &mut states.idle,
        State::IdleInTransaction => &mut states.idle_in_transaction,
        State::Aborted => &mut states.aborted,
        State::Disabled | State::Starting | State::Unknown => &mut states.unknown,
    };
    *count += many;
}
