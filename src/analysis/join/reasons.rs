//! In words: what could not be joined, and why.

use std::collections::HashSet;

use super::{Pairing, Pooled, Side};
use crate::analysis::moment::Proof;
use crate::model::backend::Client;
use crate::model::part::Missing;
use crate::model::target::{TargetKind, TargetStatus};
use crate::text::span::count;

/// What is missing where a pooler's connections cannot be followed to a server.
const WHAT: &str = "the backends behind its server connections";

/// Everything that could be joined.
pub(in super::super) struct Sights<'a> {
    pub(in super::super) statuses: &'a [TargetStatus],
    pub(in super::super) sides: &'a [Side<'a>],
    pub(in super::super) poolers: &'a [Pooled<'a>],
}

/// Why the join of a pooler is not complete; empty when it is.
pub(in super::super) fn reasons(index: usize, pairing: &Pairing, sights: &Sights<'_>) -> Vec<Missing> {
    let Some(pooled) = sights.poolers.get(index) else { return Vec::new() };
    let mut missing = Vec::new();
    if !pooled.sockets.linked {
        missing.push(Missing::new(
            "which server connection serves which client",
            "this pooler does not tell; its clients and its backends are shown side by side",
        ));
    }
    missing.extend(unpaired(pooled, pairing, sights));
    let weak = pairing.places.iter().flatten().filter(|place| place.proof < Proof::Wire);
    if let Some(weakest) = weak.min_by_key(|place| place.proof) {
        missing.push(weaker(weakest.proof, &sights.sides[weakest.side], sights.statuses));
    }
    missing
}

/// Why connections found no backend.
fn unpaired(pooled: &Pooled<'_>, pairing: &Pairing, sights: &Sights<'_>) -> Option<Missing> {
    let servers = &pooled.sockets.servers;
    if servers.is_empty() || pairing.settled > 0 && pairing.paired == pairing.settled {
        return None;
    }
    let is_server =
        |status: &&TargetStatus| status.kind == TargetKind::Postgres && status.round_trip.is_none();
    if !sights.statuses.iter().any(|status| is_server(&status)) {
        let why = "the profile has no PostgreSQL target to look for them";
        return Some(Missing::new(WHAT, why).with_fix("add the server behind it to the profile"));
    }
    if servers.iter().all(|server| server.pid.is_none_or(|pid| pid <= 0)) {
        return Some(Missing::new(WHAT, "this pooler does not tell their process ids"));
    }
    if sights.sides.is_empty() {
        return Some(Missing::new(WHAT, "no PostgreSQL target of the profile shows its sessions now"));
    }
    (pairing.settled > 0).then(|| Missing::new(WHAT, &why(pooled, pairing, sights)))
}

/// Why settled connections found no backend on the servers that were read.
fn why(pooled: &Pooled<'_>, pairing: &Pairing, sights: &Sights<'_>) -> String {
    let left = pairing.settled - pairing.paired;
    let head = format!("{left} of {} not found", count(pairing.settled, "server connection"));
    if let Some(next) = pooler_behind(pooled, sights) {
        return format!("{head}: they end at {next}, a pooler itself, which makes process ids up");
    }
    if pairing.doubled > 0 {
        return format!("{head}: they are those of a pooler target before it, so both are the same pooler");
    }
    if pairing.contradicted > 0 {
        return format!(
            "{head}: their process ids exist, but address and port differ: another host, or translated on the way"
        );
    }
    if pairing.ambiguous > 0 {
        return format!("{head} for certain: several backends have the same process id");
    }
    format!(
        "{head}: no backend of the profile's servers has their process ids: another server, or a pooler between"
    )
}

/// The pooler target of the profile at which the connections end.
fn pooler_behind<'a>(pooled: &Pooled<'_>, sights: &Sights<'a>) -> Option<&'a str> {
    let ends: HashSet<&Client> = pooled.sockets.servers.iter().map(|server| &server.local).collect();
    let others = sights.poolers.iter().filter(|other| other.target != pooled.target);
    let mut behind = others.filter(|other| {
        let tcp = |client: &Client| matches!(client, Client::Tcp { .. });
        other.sockets.clients.iter().any(|client| tcp(&client.client) && ends.contains(&client.client))
    });
    sights.statuses.get(behind.next()?.target).map(|status| &*status.name)
}

fn weaker(proof: Proof, side: &Side<'_>, statuses: &[TargetStatus]) -> Missing {
    const WHAT: &str = "proof by address and port of which backend is whose";
    let server = statuses.get(side.target).map_or("the server", |status| &*status.name);
    if proof == Proof::Port {
        return Missing::new(
            WHAT,
            "addresses are translated on the way; joined by process id, port, user and database",
        );
    }
    if side.hides_ports() {
        let why = format!("{server} hides them from our role; joined by process id, user and database only");
        return Missing::new(WHAT, &why).with_fix("GRANT pg_monitor to the role that pooltop uses there");
    }
    Missing::new(
        WHAT,
        "there are none to compare (Unix socket); joined by process id, user, database and age",
    )
}
