//! The pooled clients of a moment, and the way from each to its backend.

use std::collections::HashMap;
use std::sync::Arc;

use super::Parts;
use crate::analysis::Analyser;
use crate::analysis::join::{Past, Place, Pooled, Serving, Side, Sights, Window, pair, reasons, serves};
use crate::analysis::moment::{ClientRow, SeenClient, Via};
use crate::analysis::poolers::PoolerTracker;
use crate::history::History;
use crate::model::pool::Layer;
use crate::model::pooler::{ClientState, PoolerClient, PoolerSockets};
use crate::model::target::TargetStatus;
use crate::text::Text;

/// Two snapshots further apart than this many intervals prove nothing together.
const REACH: u32 = 5;

/// One pooler in the join: its connections, what was learned about it, and where they end.
struct Joining<'a> {
    target: usize,
    window: Window,
    tracker: &'a PoolerTracker,
    sockets: &'a Arc<PoolerSockets>,
    /// Where its clients went in the moment's list, by their place in the snapshot.
    clients: Vec<usize>,
    places: &'a [Option<Place>],
}

impl Analyser {
    /// Joins the clients of all poolers with the backends of all servers.
    pub(super) fn join<'a>(&'a self, parts: &mut Parts<'a>, history: &History, statuses: &[TargetStatus]) {
        let sides: Vec<Side<'_>> = statuses
            .iter()
            .enumerate()
            .filter(|(target, _)| parts.servers.get(*target).is_some_and(Option::is_some))
            .filter_map(|(target, status)| Side::new(target, history.latest(&status.name)?))
            .collect();
        let trackers = statuses.iter().enumerate().filter_map(|(target, status)| {
            let tracker = self.poolers.get(&status.name)?;
            Some((tracker.pooled(target)?, tracker))
        });
        let (poolers, trackers): (Vec<Pooled<'_>>, Vec<&PoolerTracker>) = trackers.unzip();
        let pairings = pair(&poolers, &sides);
        let pools = pools_by_owner(parts);
        for (index, (pooled, tracker)) in poolers.iter().zip(trackers).enumerate() {
            let Some((_, sockets)) = tracker.sockets() else { continue };
            let clients = add_clients(parts, pooled.target, sockets, &pools);
            let pairing = &pairings[index];
            let joining = Joining {
                target: pooled.target,
                window: pooled.window,
                tracker,
                sockets,
                clients,
                places: &pairing.places,
            };
            self.connect(parts, &joining, &sides);
            if let Some(view) = parts.poolers.get_mut(pooled.target).and_then(Option::as_mut) {
                view.joined = (pairing.settled, pairing.paired);
            }
            let sights = Sights { statuses, sides: &sides, poolers: &poolers };
            parts.missing[pooled.target].extend(reasons(index, pairing, &sights));
        }
    }

    /// Points the backends at the connections that end at them, and both at the clients.
    fn connect(&self, parts: &mut Parts<'_>, joining: &Joining<'_>, sides: &[Side<'_>]) {
        let past = joining.tracker.before(self.settings.interval * REACH);
        let past = past.map(|(window, sockets)| Past::new(window, sockets));
        for (index, (server, place)) in joining.sockets.servers.iter().zip(joining.places).enumerate() {
            let Some(place) = place else { continue };
            let side = &sides[place.side];
            let first = parts.rows.partition_point(|row| row.target < side.target);
            let Some(row) = parts.rows.get_mut(first + place.row) else { continue };
            let client = server.client.and_then(|client| joining.sockets.clients.get(client as usize));
            let linked = server.client.and_then(|client| joining.clients.get(client as usize).copied());
            let sure = client.is_some_and(|client| {
                let session_mode = joining.tracker.is_session_mode(&server.database, &server.user);
                let backend = &row.backend;
                let serving = Serving { server, client, backend, window: joining.window, session_mode };
                serves(&serving, side, past.as_ref())
            });
            row.via = Some(Via {
                pooler: joining.target,
                server: index,
                client: linked.filter(|_| sure),
                linked,
                proof: place.proof,
                lent: joining.tracker.lends(&server.database, &server.user),
            });
            if let Some(client) = linked.and_then(|linked| parts.clients.get_mut(linked)) {
                client.backend = Some(first + place.row);
            }
        }
    }
}

/// Index of a pooler's pool by target, database and user.
type Owners = HashMap<(usize, Text, Text), usize>;

fn pools_by_owner(parts: &Parts<'_>) -> Owners {
    let pools = parts.pools.iter().enumerate().filter(|(_, pool)| pool.track.pool.key.layer == Layer::Pooler);
    pools
        .filter_map(|(index, pool)| {
            let key = &pool.track.pool.key;
            Some(((pool.target, key.database.clone()?, key.user.clone()?), index))
        })
        .collect()
}

/// Adds the clients of one pooler, those that wait the longest first, and tells their pools who waits.
fn add_clients(
    parts: &mut Parts<'_>,
    target: usize,
    sockets: &Arc<PoolerSockets>,
    pools: &Owners,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sockets.clients.len()).collect();
    order.sort_by_key(|index| urgency(&sockets.clients[*index]));
    let mut places = vec![0; order.len()];
    parts.clients.reserve(order.len());
    // Most clients are of the pool of the one before.
    let mut last: Option<(&PoolerClient, Option<usize>)> = None;
    for index in order {
        let client = &sockets.clients[index];
        let pool = match last {
            Some((other, pool)) if other.database == client.database && other.user == client.user => pool,
            _ => pools.get(&(target, client.database.clone(), client.user.clone())).copied(),
        };
        last = Some((client, pool));
        places[index] = parts.clients.len();
        if let Some(scene) = pool.and_then(|pool| parts.pools.get_mut(pool)) {
            scene.clients.push(parts.clients.len());
        }
        let seen = SeenClient::Pooler(Arc::clone(sockets), index);
        parts.clients.push(ClientRow { target, pool, seen, backend: None });
    }
    places
}

/// Waiting first, the longest first; then those that are served.
fn urgency(client: &PoolerClient) -> (u8, std::cmp::Reverse<u64>) {
    let rank = match client.state {
        ClientState::Waiting => 0,
        ClientState::Active if client.server.is_some() => 1,
        ClientState::Active | ClientState::Other => 2,
        ClientState::Idle => 3,
    };
    (rank, std::cmp::Reverse(client.wait_us.filter(|_| rank == 0).unwrap_or(0)))
}
