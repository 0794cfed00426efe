//! One sample through the detector: which connections are stranded, what speaks against each pool, and how far the
//! suspicion goes.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::endings::Shapes;
use super::now::{Plight, PoolNow, Row};
use super::reported::{ClientSide, Reported, Use};
use super::stranded::Judge;
use super::{Case, EVIDENCE, Weight};
use crate::analysis::Settings;
use crate::analysis::members::Member;
use crate::analysis::roster::{Roster, Tally, Track};
use crate::analysis::skew::Skew;
use crate::model::backend::{Backend, State};
use crate::model::facts::ServerFacts;
use crate::model::leak::{EvidenceKind, LeakState};
use crate::model::pool::PoolKey;
use crate::model::thresholds::Thresholds;
use crate::model::time::Timestamp;

/// The cap of what rests on things learned, as long as a pool is new to pooltop: it may be filling up.
pub(super) const WARM_UP_CAP: f64 = 30.0;

/// What the detector keeps about one target, besides what is remembered per pool and per connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::analysis) struct Detector {
    /// Found again by looking, and known by what statements say: not saved.
    #[serde(skip)]
    pub(in crate::analysis) shapes: Shapes,
    /// What was told about pools since the sample before.
    told: Vec<ClientSide>,
    reported: HashMap<PoolKey, Reported>,
    copies: Copies,
}

/// What one sample amounts to.
#[derive(Debug, Default)]
pub(in crate::analysis) struct Judged {
    /// What each member is doing; parallel to the members.
    pub(in crate::analysis) plights: Vec<Plight>,
    /// Pools that are suspects no longer, by slot.
    pub(in crate::analysis) cleared: Vec<usize>,
}

/// One sample of one target.
pub(in crate::analysis) struct Round<'a> {
    pub(in crate::analysis) members: &'a [Member],
    pub(in crate::analysis) backends: &'a [Arc<Backend>],
    pub(in crate::analysis) facts: Option<&'a ServerFacts>,
    pub(in crate::analysis) at: Timestamp,
    pub(in crate::analysis) skew: Skew,
    pub(in crate::analysis) settings: &'a Settings,
}

impl Detector {
    /// Takes in what the other ends of pools say, for the next sample.
    pub(in crate::analysis) fn tell(&mut self, sides: Vec<ClientSide>) {
        self.told = sides;
    }

    /// Judges every connection and every pool of the sample, and lets each pool read its tally.
    pub(in crate::analysis) fn run(
        &mut self,
        round: &Round<'_>,
        roster: &mut Roster,
        tallies: &mut [Tally],
    ) -> Judged {
        self.copies.read(round.facts);
        let thresholds = &round.settings.thresholds;
        self.reported.retain(|_, reported| !reported.is_stale(round.at, thresholds));
        let told = std::mem::take(&mut self.told);
        let slots = by_slot(round.members, tallies.len());
        let mut judged =
            Judged { plights: vec![Plight::default(); round.members.len()], cleared: Vec::new() };
        for (slot, tally) in tallies.iter_mut().enumerate() {
            let members = slots.of(slot);
            let Some(track) = roster.track_mut(slot) else { continue };
            let rows = self.rows(round, track, members);
            for row in &rows {
                judged.plights[row.index] = row.plight;
            }
            tally.stranded = number(rows.iter().filter(|row| row.plight.is_stranded()).count());
            track.read(tally, round.at);
            observe(track, &rows, tally, round);
            if let Some(side) = told.iter().find(|side| side.pool == track.pool.key) {
                let now = Use::of(&rows, thresholds.checked_out);
                self.reported.entry(side.pool.clone()).or_default().read(side, now, round.at);
            }
            let next = track.habits.recognition.next(rows.len()).map(|index| rows[index].backend);
            track.case = self.case(round, track, rows);
            if let Some(backend) = next.filter(|_| !track.case.weights.is_empty()) {
                let statement = backend.query.as_deref().unwrap_or_default();
                track.habits.recognition.look(&backend.session.application_name, statement);
            }
        }
        add_up_families(roster, round);
        judged.cleared = step_levels(roster, round);
        judged
    }

    fn rows<'a>(&mut self, round: &Round<'a>, track: &Track, members: &[usize]) -> Vec<Row<'a>> {
        let mut rows: Vec<Row<'a>> = members.iter().map(|index| round.row(*index)).collect();
        let judge = Judge {
            track,
            at: round.at,
            thresholds: &round.settings.thresholds,
            advisory: round.facts.and_then(|facts| facts.advisory.known()).map_or(&[], Vec::as_slice),
            copying: &self.copies.moving,
        };
        judge.judge(&mut rows, &mut self.shapes);
        rows
    }

    fn case(&self, round: &Round<'_>, track: &Track, rows: Vec<Row<'_>>) -> Case {
        // What is past the cap of pools is counted together and is no pool that could be judged.
        if track.pool.key.is_other() || rows.iter().all(|row| row.member.exempt) {
            return Case::default();
        }
        let reported = self.reported.get(&track.pool.key);
        let pool = PoolNow { track, rows, at: round.at, settings: round.settings, reported };
        let mut weights: Vec<Weight> = Vec::new();
        for evidence in EVIDENCE {
            let weight = evidence.weigh(&pool, &weights);
            weights.extend(weight.filter(|weight| !track.human || speaks_of_people(weight.kind)));
        }
        let score = score(&weights, is_young(track, round));
        Case { weights, score, judged: score, others: 0 }
    }
}

impl<'a> Round<'a> {
    fn row(&self, index: usize) -> Row<'a> {
        let (member, backend) = (&self.members[index], &*self.backends[index]);
        Row {
            index,
            member,
            backend,
            age: backend.state_change.map(|since| self.skew.span(since, self.at)),
            shape: None,
            plight: Plight::Fine,
            frozen: false,
        }
    }
}

/// The members of each pool.
struct Slots {
    starts: Vec<usize>,
    order: Vec<usize>,
}

impl Slots {
    fn of(&self, slot: usize) -> &[usize] {
        &self.order[self.starts[slot]..self.starts[slot + 1]]
    }
}

fn by_slot(members: &[Member], slots: usize) -> Slots {
    let mut starts = vec![0; slots + 1];
    for member in members {
        starts[member.slot + 1] += 1;
    }
    for slot in 0..slots {
        starts[slot + 1] += starts[slot];
    }
    let mut next = starts.clone();
    let mut order = vec![0; members.len()];
    for (index, member) in members.iter().enumerate() {
        order[next[member.slot]] = index;
        next[member.slot] += 1;
    }
    Slots { starts, order }
}

fn observe(track: &mut Track, rows: &[Row<'_>], tally: &Tally, round: &Round<'_>) {
    let others: Vec<&Row<'_>> = rows.iter().filter(|row| !row.frozen).collect();
    let busy = others.iter().filter(|row| row.backend.state != State::Idle).count();
    // One connection is no pool that could be said to be busy.
    let busy = if others.len() >= 2 { busy as f64 / others.len() as f64 } else { 0.0 };
    track.habits.observe(tally.moved > 0, busy, round.at, &round.settings.thresholds);
    let max = track.bounds.as_ref().and_then(|bounds| bounds.max);
    let exceeds = max.is_some_and(|max| track.pool.total > max);
    let since = track.habits.exceeded_since.unwrap_or(round.at);
    track.habits.exceeded_since = exceeds.then_some(since);
}

/// Where a person types, only these mean anything.
fn speaks_of_people(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::IdleInTransaction | EvidenceKind::Bound)
}

fn is_young(track: &Track, round: &Round<'_>) -> bool {
    round.at.age_of(track.pool.first_seen) < round.settings.thresholds.warm_up
}

/// The points together. A pool that was just discovered is watched and not accused for what was only just learned.
fn score(weights: &[Weight], young: bool) -> f64 {
    let sum = |learned_too: bool| -> f64 {
        weights.iter().filter(|weight| learned_too || !weight.learned).map(|weight| weight.points).sum()
    };
    let all = sum(true);
    if young { sum(false).max(all.min(WARM_UP_CAP)).min(100.0) } else { all.min(100.0) }
}

/// Pools of one application that differ in their client only are instances of the same code: one that strands a
/// connection on each of them leaks as surely as one that strands them all on one, so they are judged by what speaks
/// against them together. People at their keyboards are no instances of anything.
fn add_up_families(roster: &mut Roster, round: &Round<'_>) {
    let mut families: HashMap<_, Vec<usize>> = HashMap::new();
    for (slot, track) in roster.tracks() {
        if !track.human && !track.case.weights.is_empty() {
            let key = &track.pool.key;
            let family = (key.application_name.clone(), key.user.clone(), key.database.clone());
            families.entry(family).or_default().push(slot);
        }
    }
    for family in families.into_values().filter(|family| family.len() > 1) {
        let together = together(family.iter().filter_map(|slot| roster.track(*slot)), round);
        for slot in &family {
            if let Some(track) = roster.track_mut(*slot) {
                track.case.judged = track.case.score.max(together);
                track.case.others = family.len() - 1;
            }
        }
    }
}

/// Points of several pools: what accuses connections adds up to its cap, of the rest the strongest counts.
fn together<'a>(tracks: impl Iterator<Item = &'a Track>, round: &Round<'_>) -> f64 {
    let mut points: HashMap<EvidenceKind, f64> = HashMap::new();
    for track in tracks {
        let young = is_young(track, round);
        for weight in track.case.weights.iter().filter(|weight| !young || !weight.learned) {
            let sum = points.entry(weight.kind).or_default();
            *sum = match weight.kind.cap_of_sum() {
                Some(cap) => (*sum + weight.points).min(cap),
                None => sum.max(weight.points),
            };
        }
    }
    points.values().sum::<f64>().min(100.0)
}

/// Moves every pool's state on, and says which are suspects no longer.
fn step_levels(roster: &mut Roster, round: &Round<'_>) -> Vec<usize> {
    let thresholds: &Thresholds = &round.settings.thresholds;
    let mut cleared = Vec::new();
    for (slot, track) in roster.tracks_mut() {
        let before = track.level.state;
        let score = (!track.case.weights.is_empty()).then(|| (track.case.judged, track.case.certain()));
        track.level.step(score, round.at, thresholds);
        if before >= Some(LeakState::Suspect) && track.level.state.is_none() {
            cleared.push(slot);
        }
    }
    cleared
}

/// Which COPY commands move on, from one reading of the slow facts to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Copies {
    at: Option<Timestamp>,
    bytes: HashMap<i32, u64>,
    /// Sorted pids. One seen for the first time has the benefit of the doubt.
    moving: Vec<i32>,
}

impl Copies {
    fn read(&mut self, facts: Option<&ServerFacts>) {
        let Some(facts) = facts.filter(|facts| self.at != Some(facts.at)) else { return };
        self.at = Some(facts.at);
        let Some(copies) = facts.copies.known() else { return };
        let moves = |(pid, bytes): &&(i32, u64)| self.bytes.get(pid) != Some(bytes);
        self.moving = copies.iter().filter(moves).map(|(pid, _)| *pid).collect();
        self.moving.sort_unstable();
        self.bytes = copies.iter().copied().collect();
    }
}

fn number(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
