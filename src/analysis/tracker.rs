//! What is learned about one PostgreSQL target, one sample after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::grouping::Grouping;
use super::leaks::stranded;
use super::limits::{self, Ceiling};
use super::members::{Member, Step, merge};
use super::names::normalise;
use super::roster::{Roster, Tally};
use crate::history::series::{Series, Timeline};
use crate::model::backend::{Backend, BackendId, Session};
use crate::model::event::{Event, EventKind};
use crate::model::facts::ServerFacts;
use crate::model::sample::{PostgresSample, Sample, ServerIdentity, StateCounts};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;

/// Two application names on one backend within this time make it a transaction pooler's.
const FLAP_WITHIN: Duration = Duration::from_secs(60);

/// A session younger than this may still be naming itself: drivers log in under their own name first.
const NAMING: Duration = Duration::from_secs(10);

/// The state of one PostgreSQL target.
#[derive(Debug)]
pub(super) struct Tracker {
    target: TargetName,
    pub(super) grouping: Grouping,
    pub(super) roster: Roster,
    /// Sorted by pid, parallel to the newest sample's backends.
    pub(super) members: Vec<Member>,
    pub(super) ceilings: Vec<Ceiling>,
    pub(super) facts: Option<Arc<ServerFacts>>,
    pub(super) counts: Series<StateCounts>,
    identity: Option<ServerIdentity>,
    /// When the sample before was received.
    last: Option<Timestamp>,
    /// Some of the members belong to other pools than was known when they came.
    regroup: bool,
}

impl Tracker {
    pub(super) fn new(target: &TargetName, settings: &Settings) -> Self {
        Self {
            target: TargetName::clone(target),
            grouping: Grouping::new(TargetName::clone(target), settings.pools.clone()),
            roster: Roster::new(TargetName::clone(target), settings.thresholds.window),
            members: Vec::new(),
            ceilings: Vec::new(),
            facts: None,
            counts: Series::new(|_, later| later),
            identity: None,
            last: None,
            regroup: false,
        }
    }

    /// Learns which backends of the sample that comes next are known to be poolers'.
    pub(super) fn own(&mut self, owned: &[BackendId], body: &PostgresSample) {
        let alive = |id: &BackendId| {
            let row = body.backends.binary_search_by_key(&id.pid, |backend| backend.pid());
            body.counts_only || row.is_ok_and(|row| body.backends[row].id() == *id)
        };
        self.regroup |= self.grouping.own(owned, alive);
    }

    /// Learns from the next sample. Returns the event that it amounts to, if it does.
    pub(super) fn absorb(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) -> Option<Event> {
        let body = sample.postgres()?;
        self.begin(body);
        let mut event = None;
        if body.counts_only {
            // Who is there cannot be seen; the members wait for the next full sample.
        } else {
            let mut tallies = self.follow(body, sample.at, settings);
            self.count(body, sample.at, settings, &mut tallies);
            event = self.jump(&tallies, sample, settings);
            self.publish(&tallies, sample, line);
        }
        self.counts.set(line, sample.received_at, state_counts(body));
        limits::measure(self, body, sample, settings);
        self.last = Some(sample.received_at);
        event
    }

    /// Another life of the server, or another server: what was counted about sessions ends here.
    fn begin(&mut self, body: &PostgresSample) {
        if self.identity.as_ref().is_some_and(|identity| *identity != body.identity) {
            for ceiling in &mut self.ceilings {
                ceiling.minima.clear();
            }
            for (_, track) in self.roster.tracks_mut() {
                track.floor.clear();
                track.stranded_floor.clear();
                track.longest_return = None;
            }
        }
        self.identity = Some(body.identity.clone());
        if let Some(facts) = body.facts.known() {
            self.facts = Some(Arc::clone(facts));
        }
    }

    /// Moves the members on to the sample's rows.
    fn follow(&mut self, body: &PostgresSample, at: Timestamp, settings: &Settings) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.roster.slots()];
        let old = std::mem::take(&mut self.members);
        let mut members = Vec::with_capacity(body.backends.len());
        let mut flapped = Vec::new();
        let mut births = HashMap::new();
        let count_births = self.last.is_some();
        merge(old, &body.backends, |step| match step {
            Step::Died(member) => tally(&mut tallies, member.slot).closed += 1,
            Step::Born(backend) => {
                let slot = self.slot_of(&backend.session, at);
                members.push(Member::new(backend, slot, at));
                if count_births {
                    tally(&mut tallies, slot).opened += 1;
                    note_birth(&mut births, slot, backend.id().start.unwrap_or(at));
                }
            }
            Step::Stayed(mut member, backend) => {
                if !Arc::ptr_eq(&member.session, &backend.session) {
                    if !self.grouping.is_pooled(&backend.session) {
                        flapped.extend(changed_name(&member, &backend.session, at));
                    }
                    member.slot = self.slot_of(&backend.session, at);
                }
                self.learn(&member, backend, at, settings);
                member.follow(backend, at);
                members.push(member);
            }
        });
        self.members = members;
        self.merge_flapped(&flapped, at);
        stranded::witness_births(&mut self.members, &births, settings);
        tallies.resize(self.roster.slots(), Tally::default());
        tallies
    }

    /// Learns from a session that came back from lying idle in its transaction.
    fn learn(&mut self, member: &Member, backend: &Backend, at: Timestamp, settings: &Settings) {
        let moved = member.state_change != backend.state_change;
        let Some(since) = member.state_change.filter(|_| moved && member.state.is_idle_in_transaction())
        else {
            return;
        };
        let until = backend.state_change.unwrap_or(at).min(at);
        let spell = until.age_of(since);
        if let Some(track) = self.roster.track_mut(member.slot) {
            track.learn_return(spell, at);
            if spell >= settings.thresholds.idle_in_transaction {
                track.returns.push_back(at);
                if track.returns.len() > 64 {
                    track.returns.pop_front();
                }
            }
        }
    }

    fn slot_of(&mut self, session: &Session, at: Timestamp) -> usize {
        let key = self.grouping.key(session);
        let bounds = self.grouping.bounds(&key);
        let via_pooler = Grouping::is_merged(&key);
        let slot = self.roster.slot(key, at, bounds);
        if via_pooler && let Some(track) = self.roster.track_mut(slot) {
            track.pool.via_pooler = true;
        }
        slot
    }

    /// Puts the applications that share backends into one pool, as soon as that is seen.
    fn merge_flapped(&mut self, flapped: &[(Arc<Session>, Arc<Session>)], at: Timestamp) {
        let mut news = std::mem::take(&mut self.regroup);
        for (before, after) in flapped {
            news |= self.grouping.merge(after, &before.application_name);
        }
        if !news {
            return;
        }
        let mut members = std::mem::take(&mut self.members);
        let mut left = Vec::new();
        for member in &mut members {
            let slot = self.slot_of(&member.session, at);
            if slot != member.slot {
                left.push(std::mem::replace(&mut member.slot, slot));
            }
        }
        left.sort_unstable();
        left.dedup();
        // Others may stay in a pool that a pooler's connections left.
        left.retain(|slot| !members.iter().any(|member| member.slot == *slot));
        for slot in left {
            self.roster.remove(slot);
        }
        self.members = members;
    }

    fn count(&mut self, body: &PostgresSample, at: Timestamp, settings: &Settings, tallies: &mut [Tally]) {
        for (member, backend) in self.members.iter_mut().zip(&body.backends) {
            let Some(tally) = tallies.get_mut(member.slot) else { continue };
            tally.add(backend);
            let track = self.roster.track(member.slot);
            member.stranded =
                track.is_some_and(|track| stranded::is_stranded(member, backend, track, at, settings));
            tally.stranded += u32::from(member.stranded);
        }
    }

    /// Many new connections at once are an event in the timeline, never a finding.
    fn jump(&self, tallies: &[Tally], sample: &Sample, settings: &Settings) -> Option<Event> {
        let (slot, most) = tallies.iter().enumerate().max_by_key(|(_, tally)| tally.opened)?;
        // What was opened during a gap was not opened at once.
        let step = sample.received_at.age_of(self.last?);
        if most.opened <= settings.thresholds.jump || step > settings.interval * 2 {
            return None;
        }
        let label = &self.roster.track(slot)?.label;
        let text = crate::text::Text::line(&format!("{label}: +{} connections in one sample", most.opened));
        Some(Event { at: sample.at, target: TargetName::clone(&self.target), kind: EventKind::Jump, text })
    }

    fn publish(&mut self, tallies: &[Tally], sample: &Sample, line: &Timeline) {
        for (slot, track) in self.roster.tracks_mut() {
            let tally = tallies.get(slot).copied().unwrap_or_default();
            track.read(&tally, sample.at);
            track.draw(line, sample.received_at);
        }
        self.roster.retire(sample.at);
        for key in self.grouping.declared_keys() {
            let bounds = self.grouping.bounds(&key);
            self.roster.slot(key, sample.at, bounds);
        }
    }

    /// Makes one bucket of two in every curve.
    pub(super) fn halve(&mut self) {
        self.counts.halve();
        for (_, track) in self.roster.tracks_mut() {
            track.halve();
        }
    }
}

/// Counts by state: from the rows, or as the server counted them.
pub(super) fn state_counts(body: &PostgresSample) -> StateCounts {
    body.counts.filter(|_| body.counts_only).unwrap_or_else(|| body.backends.iter().collect())
}

fn tally(tallies: &mut Vec<Tally>, slot: usize) -> &mut Tally {
    if slot >= tallies.len() {
        tallies.resize(slot + 1, Tally::default());
    }
    &mut tallies[slot]
}

fn note_birth(births: &mut HashMap<usize, Timestamp>, slot: usize, born: Timestamp) {
    let newest = births.entry(slot).or_insert(born);
    *newest = born.max(*newest);
}

/// The two faces of a backend that changed its application name the way a transaction pooler makes it.
fn changed_name(member: &Member, now: &Arc<Session>, at: Timestamp) -> Option<(Arc<Session>, Arc<Session>)> {
    let (before, seen) = member.named.as_ref()?;
    let settled = now.id.start.is_none_or(|start| at.age_of(start) >= NAMING);
    let flaps = settled
        && at.age_of(*seen) <= FLAP_WITHIN
        && !now.application_name.is_empty()
        && normalise(&before.application_name) != normalise(&now.application_name);
    flaps.then(|| (Arc::clone(before), Arc::clone(now)))
}
