//! What is learned about one PostgreSQL target, one sample after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::Settings;
use super::busy::{Past, runs};
use super::grouping::Grouping;
use super::leaks::reported::ClientSide;
use super::leaks::{Detector, Round, stranded};
use super::limits::{self, Ceiling};
use super::members::{Member, Step, merge};
use super::names::normalise;
use super::roster::{Roster, Tally};
use super::skew::Skew;
use crate::history::series::{Series, Timeline};
use crate::model::backend::{Backend, BackendId, Session, State};
use crate::model::event::{Event, EventKind};
use crate::model::facts::ServerFacts;
use crate::model::sample::{PostgresSample, Sample, ServerIdentity, StateCounts};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;
use crate::text::span::span;

/// Two application names on one backend within this time make it a transaction pooler's.
const FLAP_WITHIN: Duration = Duration::from_secs(60);

/// A session younger than this may still be naming itself: drivers log in under their own name first.
const NAMING: Duration = Duration::from_secs(10);

/// Of several counts in one bucket the newest stands.
fn newest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Series<StateCounts>, D::Error> {
    Series::read(deserializer, later)
}

fn later(_: StateCounts, later: StateCounts) -> StateCounts {
    later
}

/// The state of one PostgreSQL target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tracker {
    target: TargetName,
    pub(super) grouping: Grouping,
    pub(super) roster: Roster,
    /// Sorted by pid, parallel to the newest sample's backends.
    pub(super) members: Vec<Member>,
    pub(super) ceilings: Vec<Ceiling>,
    pub(super) facts: Option<Arc<ServerFacts>>,
    #[serde(deserialize_with = "newest")]
    pub(super) counts: Series<StateCounts>,
    /// For advice.
    pub(super) past: Past,
    identity: Option<ServerIdentity>,
    /// When the sample before was taken, by the server's clock, and received, by ours.
    last: Option<(Timestamp, Timestamp)>,
    detector: Detector,
    skew: Skew,
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
            counts: Series::new(later),
            past: Past::default(),
            identity: None,
            last: None,
            detector: Detector::default(),
            skew: Skew::default(),
            regroup: false,
        }
    }

    /// Whether each member's pool is one that is known.
    pub(super) fn is_sound(&self) -> bool {
        self.members.iter().all(|member| member.slot < self.roster.slots())
    }

    /// Takes out of what is remembered what statements say.
    pub(super) fn redact(&mut self, redaction: Redaction) {
        self.facts = self.facts.as_ref().map(|facts| facts.redacted(redaction));
        if redaction == Redaction::Queries {
            self.roster.tracks_mut().for_each(|(_, track)| track.case.forget_statements());
        }
    }

    /// Takes in what the other ends of this target's pools say, for the next sample.
    pub(super) fn tell(&mut self, sides: Vec<ClientSide>) {
        self.detector.tell(sides);
    }

    /// Learns which backends of the sample that comes next are known to be poolers'.
    pub(super) fn own(&mut self, owned: &[BackendId], body: &PostgresSample) {
        let alive = |id: &BackendId| {
            let row = body.backends.binary_search_by_key(&id.pid, |backend| backend.pid());
            body.counts_only || row.is_ok_and(|row| body.backends[row].id() == *id)
        };
        self.regroup |= self.grouping.own(owned, alive);
    }

    /// Learns from the next sample. Returns the events that it amounts to.
    pub(super) fn absorb(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) -> Vec<Event> {
        let Some(body) = sample.postgres() else { return Vec::new() };
        self.begin(body);
        self.mind_the_clock(sample);
        let mut events = Vec::new();
        if body.counts_only {
            // Who is there cannot be seen; the members wait for the next full sample.
        } else {
            let Followed { mut tallies, returned } = self.follow(body, sample.at, settings);
            let cleared = self.judge(body, sample.at, settings, &mut tallies);
            events.extend(self.jump(&tallies, sample, settings));
            events.extend(self.recovered(&returned, &cleared, sample));
            self.publish(sample, line, settings);
            self.learn_past(body, sample, settings);
        }
        self.counts.set(line, sample.received_at, state_counts(body));
        limits::measure(self, body, sample, settings);
        self.last = Some((sample.at, sample.received_at));
        events
    }

    /// Another life of the server, or another server: what was counted about sessions ends here.
    fn begin(&mut self, body: &PostgresSample) {
        if self.identity.as_ref().is_some_and(|identity| *identity != body.identity) {
            for ceiling in &mut self.ceilings {
                ceiling.minima.clear();
            }
            self.forget_times();
        }
        self.identity = Some(body.identity.clone());
        if let Some(facts) = body.facts.known() {
            self.facts = Some(Arc::clone(facts));
        }
    }

    /// After a jump of the server's clock, what was learned about times does not hold any more.
    fn mind_the_clock(&mut self, sample: &Sample) {
        let jumped = |last| self.skew.compare(last, (sample.at, sample.received_at));
        if self.last.is_some_and(jumped) {
            self.forget_times();
        }
    }

    /// What was learned about the times of pools does not hold any more.
    fn forget_times(&mut self) {
        for (_, track) in self.roster.tracks_mut() {
            track.floor.clear();
            track.stranded_floor.clear();
            track.habits.restart();
        }
    }

    /// Moves the members on to the sample's rows.
    fn follow(&mut self, body: &PostgresSample, at: Timestamp, settings: &Settings) -> Followed {
        let mut followed =
            Followed { tallies: vec![Tally::default(); self.roster.slots()], returned: Vec::new() };
        let old = std::mem::take(&mut self.members);
        let mut members = Vec::with_capacity(body.backends.len());
        let mut flapped = Vec::new();
        let mut births = HashMap::new();
        let count_births = self.last.is_some();
        self.detector.shapes.begin();
        merge(old, &body.backends, |step| match step {
            Step::Died(member) => {
                tally(&mut followed.tallies, member.slot).closed += 1;
                self.learn_death(&member, at);
            }
            Step::Born(backend) => {
                let slot = self.slot_of(&backend.session, at);
                let mut member = Member::new(backend, slot, at);
                tally(&mut followed.tallies, slot).moved += u32::from(member.used);
                self.learn_ending(&mut member, backend);
                members.push(member);
                if count_births {
                    tally(&mut followed.tallies, slot).opened += 1;
                    note_birth(&mut births, slot, backend.id().start.unwrap_or(at));
                }
            }
            Step::Stayed(mut member, backend) => {
                if !member.has_session(&backend.session) {
                    if !self.grouping.is_pooled(&backend.session) {
                        flapped.extend(changed_name(&member, &backend.session, at));
                    }
                    member.slot = self.slot_of(&backend.session, at);
                }
                followed.returned.extend(self.learn_return(&member, backend, at));
                if member.follow(backend, at) {
                    tally(&mut followed.tallies, member.slot).moved += 1;
                    self.learn_ending(&mut member, backend);
                }
                members.push(member);
            }
        });
        self.members = members;
        self.merge_flapped(&flapped, at);
        stranded::witness_births(&mut self.members, &births, &settings.thresholds);
        followed.tallies.resize(self.roster.slots(), Tally::default());
        followed
    }

    /// Learns from a statement that left a session idle, in its transaction or outside.
    fn learn_ending(&mut self, member: &mut Member, backend: &Backend) {
        let in_transaction = backend.state.is_idle_in_transaction();
        if !member.used || !(in_transaction || backend.state == State::Idle) {
            return;
        }
        let Some(shape) = backend.query.as_ref().and_then(|query| self.detector.shapes.of(query)) else {
            return;
        };
        if !in_transaction {
            member.ended(shape.ending);
        }
        if let Some(track) = self.roster.track_mut(member.slot) {
            track.habits.learn_ending(shape, in_transaction);
        }
    }

    /// Learns from a session that is gone, if it was idle.
    fn learn_death(&mut self, member: &Member, at: Timestamp) {
        let since = member.state_change.filter(|_| member.state == State::Idle);
        if let (Some(since), Some(track)) = (since, self.roster.track_mut(member.slot)) {
            track.deaths.add(at, self.skew.span(since, at));
        }
    }

    /// Learns from a session that went on after a spell of doing nothing.
    fn learn_return(&mut self, member: &Member, backend: &Backend, at: Timestamp) -> Option<Returned> {
        let since = member.state_change.filter(|since| backend.state_change != Some(*since))?;
        let stranded = member.plight.is_stranded();
        if !stranded && !member.state.is_idle_in_transaction() {
            return None;
        }
        let spell = self.skew.span(since, backend.state_change.unwrap_or(at).min(at));
        let track = self.roster.track_mut(member.slot)?;
        if member.state.is_idle_in_transaction() {
            track.habits.learn_return(spell, at);
        }
        if stranded {
            track.habits.note_return(at);
        }
        (stranded && track.level.state.is_some()).then_some(Returned { slot: member.slot, spell })
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

    /// Judges the sample's connections and pools. Says which pools are suspects no longer.
    fn judge(
        &mut self,
        body: &PostgresSample,
        at: Timestamp,
        settings: &Settings,
        tallies: &mut [Tally],
    ) -> Vec<usize> {
        for (member, backend) in self.members.iter().zip(&body.backends) {
            if let Some(tally) = tallies.get_mut(member.slot) {
                tally.add(backend);
            }
        }
        let round = Round {
            members: &self.members,
            backends: &body.backends,
            facts: self.facts.as_deref(),
            at,
            skew: self.skew,
            settings,
        };
        let judged = self.detector.run(&round, &mut self.roster, tallies);
        for (member, plight) in self.members.iter_mut().zip(judged.plights) {
            member.plight = plight;
        }
        judged.cleared
    }

    /// Suspects that came back to life, and pools that are suspects no longer.
    fn recovered(&self, returned: &[Returned], cleared: &[usize], sample: &Sample) -> Vec<Event> {
        let event = |slot: usize, told: String| {
            let label = &self.roster.track(slot)?.label;
            let text = crate::text::Text::line(&format!("{label}: {told}"));
            let target = TargetName::clone(&self.target);
            Some(Event { at: sample.at, target, kind: EventKind::Recovered, text })
        };
        let mut spells: BTreeMap<usize, Vec<Duration>> = BTreeMap::new();
        for Returned { slot, spell } in returned {
            spells.entry(*slot).or_default().push(*spell);
        }
        let unleaked = spells.into_iter().filter_map(|(slot, spells)| {
            let longest = span(spells.iter().copied().max()?);
            event(
                slot,
                match spells.len() {
                    1 => format!("unleaked after {longest}"),
                    several => format!("{several} connections unleaked, the longest after {longest}"),
                },
            )
        });
        let cleared = cleared.iter().filter_map(|slot| event(*slot, "no suspect any more".to_owned()));
        unleaked.chain(cleared).collect()
    }

    /// Many new connections at once are an event in the timeline, never a finding.
    fn jump(&self, tallies: &[Tally], sample: &Sample, settings: &Settings) -> Option<Event> {
        let (slot, most) = tallies.iter().enumerate().max_by_key(|(_, tally)| tally.opened)?;
        // What was opened during a gap was not opened at once.
        let step = sample.received_at.age_of(self.last?.1);
        if most.opened <= settings.thresholds.jump || step > settings.interval * 2 {
            return None;
        }
        let label = &self.roster.track(slot)?.label;
        let text = crate::text::Text::line(&format!("{label}: +{} connections in one sample", most.opened));
        Some(Event { at: sample.at, target: TargetName::clone(&self.target), kind: EventKind::Jump, text })
    }

    /// Remembers what advice needs.
    fn learn_past(&mut self, body: &PostgresSample, sample: &Sample, settings: &Settings) {
        let running = body.backends.iter().filter(|backend| runs(backend)).count();
        let running = u32::try_from(running).unwrap_or(u32::MAX);
        self.past.running.add(sample.received_at, running, settings.interval, &settings.thresholds);
        let Some(facts) = body.facts.known().filter(|facts| self.past.lost_at != Some(facts.at)) else {
            return;
        };
        let lost = facts.databases.iter().map(|database| database.sessions_lost);
        if let Some(lost) = lost.sum::<Option<u64>>() {
            self.past.lost_at = Some(facts.at);
            self.past.lost.add(facts.at, lost, |old, new| new < old);
        }
    }

    fn publish(&mut self, sample: &Sample, line: &Timeline, settings: &Settings) {
        for (_, track) in self.roster.tracks_mut() {
            track.draw(line, sample.received_at);
            track.weigh(sample.received_at, settings);
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

/// What following the sample's rows brought up.
struct Followed {
    tallies: Vec<Tally>,
    returned: Vec<Returned>,
}

/// A stranded session of a watched pool that went on.
struct Returned {
    slot: usize,
    /// How long it had done nothing.
    spell: Duration,
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
