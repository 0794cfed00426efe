//! E4: whole generations of connections that fell silent together and were replaced: their host died without
//! closing them, or each deployment forgets the pool of the one before.

use super::cohorts::{GAP, born, cohorts, last_moved};
use super::now::{Plight, PoolNow, Row, named, oldest};
use super::{Evidence, Weight};
use crate::model::leak::EvidenceKind;
use crate::model::time::Timestamp;
use crate::text::span::{count, span};

pub(super) const FIRST: f64 = 35.0;
pub(super) const EACH_MORE: f64 = 20.0;
pub(super) const CAP: f64 = 75.0;
/// A smaller generation is no pool.
const LEAST: usize = 3;
/// A smaller replacement neither.
const REPLACEMENT: usize = 2;

pub(super) struct Generations;

/// The rows before this index all fell silent before the later ones were opened.
struct Cuts {
    generations: usize,
    /// Rows of the silent generations, from the first.
    rows: usize,
    silent_since: Timestamp,
}

impl Evidence for Generations {
    fn weigh(&self, pool: &PoolNow<'_>, _before: &[Weight]) -> Option<Weight> {
        // Each silent generation is frozen, so without that many frozen ones there is none.
        if pool.frozen().count() < LEAST {
            return None;
        }
        let cuts = cuts(pool)?;
        let silent: Vec<&Row<'_>> =
            pool.rows[..cuts.rows].iter().filter(|row| row.plight != Plight::Excused).collect();
        let connections = count(silent.len() as u64, "connection");
        let generations = count(cuts.generations as u64, "earlier generation");
        Some(Weight {
            points: (FIRST + EACH_MORE * (cuts.generations - 1) as f64).min(CAP),
            claim: format!("{connections} of {generations} left behind"),
            sentences: vec![format!(
                "{connections} from {generations} went silent together and were replaced, the newest of them {} ago: \
                 their host probably died without closing them",
                span(pool.at.age_of(cuts.silent_since))
            )],
            backends: named(silent.iter().copied()),
            since: oldest(silent.iter().copied()),
            ..Weight::of(EvidenceKind::Generations)
        })
    }
}

/// The last clean cut and how many there are: everything before it fell silent no later than what came after it was
/// opened, a while ago, and what came after has worked since.
fn cuts(pool: &PoolNow<'_>) -> Option<Cuts> {
    let rows = &pool.rows;
    let cohorts = cohorts(rows);
    // When any of a cohort and those after it last did something.
    let mut later_moved: Vec<Option<Timestamp>> =
        cohorts.iter().map(|one| last_moved(&rows[one.clone()])).collect();
    for index in (1..later_moved.len()).rev() {
        later_moved[index - 1] = later_moved[index - 1].max(later_moved[index]);
    }
    let mut found: Option<Cuts> = None;
    let mut silent: Option<Timestamp> = None;
    for (pair, after) in cohorts.windows(2).zip(later_moved.iter().skip(1)) {
        let [cohort, next] = pair else { continue };
        let counted = rows[cohort.clone()].iter().filter(|row| row.plight != Plight::Excused);
        silent = silent.max(counted.filter_map(|row| row.backend.state_change).max());
        let (Some(silent_since), Some(opened)) = (silent, born(&rows[next.start])) else { continue };
        let clean = silent_since <= opened.plus(GAP)
            && pool.at.age_of(silent_since) >= pool.settings.thresholds.frozen
            && after.is_some_and(|moved| moved > silent_since);
        let whole = cohort.len() >= LEAST && rows.len() - cohort.end >= REPLACEMENT;
        if clean && whole && rows[cohort.clone()].iter().any(|row| row.member.used) {
            let generations = found.map_or(0, |cuts| cuts.generations) + 1;
            found = Some(Cuts { generations, rows: cohort.end, silent_since });
        }
    }
    found
}
