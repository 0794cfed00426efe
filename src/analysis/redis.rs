//! What is learned about one Redis server: its pools, its ceilings, and what its counters say over time.
//!
//! Redis does not know pools, and checking out even less: a pool here is the clients of one name (or, without one, library),
//! user and address. Which of them are in use is told by [`RedisClient::is_idle`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::limits::{self, Ceiling};
use super::moment::{ClientRow, SeenClient};
use super::roster::{Roster, Tally, Track};
use crate::history::series::Timeline;
use crate::model::limit::{Limit, LimitScope};
use crate::model::part::Missing;
use crate::model::redis::{RedisClient, RedisCounters, RedisSample};
use crate::model::sample::Sample;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

mod pools;
mod recent;

use pools::Pools;
use recent::Recent;

/// The state of one Redis target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RedisTracker {
    target: TargetName,
    pools: Pools,
    pub(super) roster: Roster,
    /// Slots of the newest sample's clients, parallel to them.
    slots: Vec<usize>,
    /// Ids and slots of its clients, by id.
    members: Vec<(u64, usize)>,
    /// What the newest sample says about each slot.
    crowds: HashMap<usize, Crowd>,
    pub(super) ceilings: Vec<Ceiling>,
    /// Clients without a name in the newest sample.
    pub(super) nameless: u32,
    counters: Option<RedisCounters>,
    pub(super) rejected: Recent,
    pub(super) evicted: Recent,
    pub(super) received: Recent,
    unseen: Option<Missing>,
    seen_before: bool,
}

/// The clients of one pool in one sample.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Crowd {
    total: u32,
    idle: u32,
    /// Waiting in a blocking command.
    pub(super) blocked: u32,
    /// Subscribed.
    pub(super) pubsub: u32,
    /// Idle for longer than the threshold of `idle_in_transaction`.
    pub(super) long_idle: u32,
    /// The longest idle of them, s.
    pub(super) longest_idle_s: u64,
    /// The largest output buffer of a subscriber and of another client, bytes.
    pub(super) largest_output: (u64, u64),
    opened: u32,
    closed: u32,
}

impl RedisTracker {
    pub(super) fn new(target: &TargetName, settings: &Settings) -> Self {
        Self {
            target: TargetName::clone(target),
            pools: Pools::new(TargetName::clone(target), settings.redis_pools.clone()),
            roster: Roster::new(TargetName::clone(target), settings.thresholds.window),
            slots: Vec::new(),
            members: Vec::new(),
            crowds: HashMap::new(),
            ceilings: Vec::new(),
            nameless: 0,
            counters: None,
            rejected: Recent::default(),
            evicted: Recent::default(),
            received: Recent::default(),
            unseen: None,
            seen_before: false,
        }
    }

    /// Learns from the next sample. What could not be read leaves a gap.
    pub(super) fn absorb(
        &mut self,
        body: &RedisSample,
        sample: &Sample,
        line: &Timeline,
        settings: &Settings,
    ) {
        self.unseen = body.clients.missing().or(body.counters.missing()).cloned();
        if let Some(counters) = body.counters.known() {
            self.count_up(counters, sample.at);
        }
        if let Some(clients) = body.clients.known() {
            self.follow(clients, sample.at, settings);
            self.publish(sample, line);
        }
        let ceilings = self.limits(sample);
        limits::remember(&mut self.ceilings, ceilings, sample, settings.thresholds.window);
    }

    /// Counters grow while the server lives. A smaller uptime or count is another life, and begins anew.
    fn count_up(&mut self, now: &RedisCounters, at: Timestamp) {
        let before = self.counters.replace(*now);
        let restarted = before.is_some_and(|before| {
            before.uptime_s.zip(now.uptime_s).is_some_and(|(before, now)| now < before)
                || before.received.zip(now.received).is_some_and(|(before, now)| now < before)
        });
        if restarted {
            self.begin();
        }
        let known = before.filter(|_| !restarted);
        for (recent, of) in [
            (&mut self.rejected, (|counters| counters.rejected) as fn(&RedisCounters) -> Option<u64>),
            (&mut self.evicted, |counters| counters.evicted),
            (&mut self.received, |counters| counters.received),
        ] {
            let more = known.as_ref().and_then(of).zip(of(now)).map_or(0, |(a, b)| b.saturating_sub(a));
            recent.add(at, more);
        }
    }

    /// Another life of the server: ids start again, and so does what was counted.
    fn begin(&mut self) {
        (self.members, self.seen_before) = (Vec::new(), false);
        for recent in [&mut self.rejected, &mut self.evicted, &mut self.received] {
            *recent = Recent::default();
        }
        for ceiling in &mut self.ceilings {
            ceiling.minima.clear();
        }
        for (_, track) in self.roster.tracks_mut() {
            track.floor.clear();
            track.stranded_floor.clear();
        }
    }

    fn follow(&mut self, clients: &[RedisClient], at: Timestamp, settings: &Settings) {
        let long = settings.thresholds.idle_in_transaction;
        self.crowds.clear();
        self.slots.clear();
        self.nameless = 0;
        let mut members = Vec::with_capacity(clients.len());
        for client in clients {
            let slot = self.pools.slot(client, at, &mut self.roster);
            self.slots.push(slot);
            self.nameless += u32::from(client.is_normal() && client.name.is_empty());
            self.crowds.entry(slot).or_default().add(client, long);
            members.push((client.id, slot));
        }
        let before = std::mem::replace(&mut self.members, members);
        if std::mem::replace(&mut self.seen_before, true) {
            self.compare(&before);
        }
    }

    /// Who came and who went. Ids are never given again while the server lives.
    fn compare(&mut self, before: &[(u64, usize)]) {
        let is_in =
            |members: &[(u64, usize)], id: u64| members.binary_search_by_key(&id, |(id, _)| *id).is_ok();
        for (_, slot) in self.members.iter().filter(|(id, _)| !is_in(before, *id)) {
            self.crowds.entry(*slot).or_default().opened += 1;
        }
        for (_, slot) in before.iter().filter(|(id, _)| !is_in(&self.members, *id)) {
            self.crowds.entry(*slot).or_default().closed += 1;
        }
    }

    fn publish(&mut self, sample: &Sample, line: &Timeline) {
        for (slot, track) in self.roster.tracks_mut() {
            let crowd = self.crowds.get(&slot).copied().unwrap_or_default();
            read(track, &crowd, sample.at);
            track.draw(line, sample.received_at);
        }
        self.roster.retire(sample.at);
        self.pools.enter_declared(sample.at, &mut self.roster);
    }

    /// `maxclients`, and the bounds of declared pools. Which connections of a pool are checked out cannot be seen, so its
    /// bound counts those that are open.
    fn limits(&self, sample: &Sample) -> Vec<Limit> {
        let counters = self.counters.as_ref();
        let server = counters.and_then(|counters| Some((counters.held()?, counters.max_clients)));
        let server = server.map(|(held, ceiling)| {
            limits::limit(LimitScope::Redis, Text::line(&self.target), sample, held, ceiling)
        });
        let pools = self.roster.tracks().filter_map(|(_, track)| {
            let pool = &track.pool;
            Some(limits::limit(LimitScope::Pool, pool.name.clone(), sample, pool.total, Some(pool.max?)))
        });
        server.into_iter().chain(pools).collect()
    }

    /// What the newest sample could not see, if it matters for a verdict.
    pub(super) fn unseen(&self) -> Option<&Missing> {
        self.unseen.as_ref()
    }

    /// What the newest sample says about a pool's clients.
    pub(super) fn crowd(&self, track: &Track) -> Crowd {
        let slot = self.roster.tracks().find(|(_, other)| other.pool.key == track.pool.key);
        slot.and_then(|(slot, _)| self.crowds.get(&slot)).copied().unwrap_or_default()
    }

    /// What counts against `maxclients` now.
    pub(super) fn held(&self) -> Option<u32> {
        self.counters.as_ref().and_then(RedisCounters::held)
    }

    /// Clients over all pools that were idle for longer than the threshold.
    pub(super) fn long_idle(&self) -> u32 {
        self.crowds.values().map(|crowd| crowd.long_idle).sum()
    }

    /// The clients of the newest sample; `shown` says where each slot's pool went.
    pub(super) fn clients<'a>(
        &'a self,
        target: usize,
        clients: &'a Arc<Vec<RedisClient>>,
        shown: &'a [usize],
    ) -> impl Iterator<Item = ClientRow> + 'a {
        (0..clients.len()).map(move |index| ClientRow {
            target,
            pool: self.slots.get(index).and_then(|slot| shown.get(*slot)).copied(),
            seen: SeenClient::Redis(Arc::clone(clients), index),
            backend: None,
        })
    }

    pub(super) fn halve(&mut self) {
        self.roster.tracks_mut().for_each(|(_, track)| track.halve());
    }
}

impl Crowd {
    fn add(&mut self, client: &RedisClient, long: Duration) {
        self.total += 1;
        self.blocked += u32::from(client.is_blocked());
        self.pubsub += u32::from(client.is_pubsub());
        let largest =
            if client.is_pubsub() { &mut self.largest_output.0 } else { &mut self.largest_output.1 };
        *largest = client.output_bytes.max(*largest);
        if client.is_idle() {
            self.idle += 1;
            self.long_idle += u32::from(client.idle_s as f64 >= long.as_secs_f64());
            self.longest_idle_s = self.longest_idle_s.max(client.idle_s);
        }
    }
}

fn read(track: &mut Track, crowd: &Crowd, at: Timestamp) {
    let pool = &mut track.pool;
    pool.total = crowd.total;
    pool.idle = Some(crowd.idle);
    pool.used = Some(crowd.total - crowd.idle);
    pool.peak = pool.peak.max(pool.total);
    pool.opened = Some(pool.opened.unwrap_or(0) + u64::from(crowd.opened));
    pool.closed = Some(pool.closed.unwrap_or(0) + u64::from(crowd.closed));
    if crowd.total > 0 {
        track.last_seen = at;
    }
    // The floor of clients that were idle for long stands where a server's pool has its stranded connections.
    track.remember(&Tally { stranded: crowd.long_idle, opened: crowd.opened, ..Tally::default() }, at);
}
