//! Moments of a past of which only numbers were kept: pools, limits and curves; no backends, and nothing is judged.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::moment::{Moment, PoolRow, ServerView, StateSeries};
use crate::model::backfill::{
    BackendNumber, Backfill, Kept, LimitNumber, PoolName, PoolNumber, Traits, What,
};
use crate::model::limit::{Limit, LimitScope};
use crate::model::locks::BlockingTree;
use crate::model::pool::{Layer, Pool, PoolKey};
use crate::model::sample::{ServerIdentity, StateCounts};
use crate::model::target::{Overhead, TargetKind, TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;
use crate::model::verdict::{Verdict, VerdictKind};
use crate::text::Text;

/// Steps of a curve at most.
pub const CURVE: u32 = 120;

/// The moment at a step of what was kept, with the curves that lead to it; `None` where nothing was kept.
pub fn moment(kept: &Backfill, step: usize) -> Option<Moment> {
    if step >= kept.steps || !kept.is_known(step) {
        return None;
    }
    let view = View { kept, step, at: kept.at(step) };
    let names = view.targets();
    let targets: Vec<TargetStatus> = names.iter().map(|name| view.status(name)).collect();
    let servers = names.iter().zip(&targets).map(|(name, status)| view.server(name, status)).collect();
    let none = |_: &TargetName| None;
    Some(Moment {
        at: view.at,
        samples: 0,
        servers,
        poolers: names.iter().map(none).collect(),
        redis: names.iter().map(|_| None).collect(),
        apps: names.iter().map(|_| None).collect(),
        backends: Vec::new(),
        clients: Vec::new(),
        pools: view.pools(&names),
        layers: Vec::new(),
        limits: view.limits(),
        findings: Vec::new(),
        recommendations: Vec::new(),
        operations: Vec::new(),
        verdict: verdict(kept),
        events: Vec::new(),
        series: view.series(),
        targets,
    })
}

fn verdict(kept: &Backfill) -> Verdict {
    let every = crate::text::span::span(kept.step);
    let sentence =
        format!("From Prometheus: pools and limits only, every {every}; what was wrong then is not known");
    Verdict { kind: VerdictKind::Unknown, sentence: Text::line(&sentence), evidence: kept.notes.clone() }
}

/// What was kept, seen from one step.
struct View<'a> {
    kept: &'a Backfill,
    step: usize,
    at: Timestamp,
}

impl View<'_> {
    fn now(&self, kept: &Kept) -> Option<u32> {
        kept.values.get(self.step).copied().flatten()
    }

    /// The value of what is meant, of a target.
    fn value(&self, target: &TargetName, what: &What) -> Option<u32> {
        let mut found = self.kept.series.iter().filter(|kept| kept.target == *target && kept.what == *what);
        found.find_map(|kept| self.now(kept))
    }

    /// The values up to this step.
    fn curve(&self, kept: &Kept) -> Vec<Option<u32>> {
        let end = (self.step + 1).min(kept.values.len());
        kept.values.get(end.saturating_sub(CURVE as usize)..end).unwrap_or_default().to_vec()
    }

    /// Targets of which anything is known at this step.
    fn targets(&self) -> Vec<TargetName> {
        let known = self.kept.series.iter().filter(|kept| self.now(kept).is_some());
        let mut names: Vec<TargetName> = known.map(|kept| TargetName::clone(&kept.target)).collect();
        names.sort();
        names.dedup();
        names
    }

    fn status(&self, name: &TargetName) -> TargetStatus {
        let of_it = || self.kept.series.iter().filter(|kept| kept.target == *name);
        let kind = of_it().find_map(|kept| match kept.what {
            What::Is(kind) if self.now(kept).is_some() => Some(kind),
            _ => None,
        });
        let is_live = self.value(name, &What::Up) != Some(0);
        TargetStatus {
            name: TargetName::clone(name),
            kind: kind.unwrap_or(TargetKind::Postgres),
            endpoint: Text::default(),
            state: if is_live { TargetState::Live } else { TargetState::Down },
            age: is_live.then_some(Duration::ZERO),
            error: None,
            retry_in: None,
            needs_secret: false,
            version: None,
            role: None,
            privilege: None,
            wire: None,
            round_trip: None,
            replay_lag_s: None,
            overhead: Overhead::default(),
            dropped: 0,
            missing: Vec::new(),
            at: self.at,
        }
    }

    /// How many backends a server had, where that was kept: no more of it is known.
    fn server(&self, name: &TargetName, status: &TargetStatus) -> Option<ServerView> {
        if status.kind != TargetKind::Postgres {
            return None;
        }
        let counts = self.counts(self.step, Some(name))?;
        Some(ServerView {
            at: self.at,
            identity: ServerIdentity { postmaster_start: self.at, address: None, in_recovery: false },
            counts,
            own_sessions: 0,
            other_processes: Vec::new(),
            counts_only: true,
            facts: None,
            tree: BlockingTree::default(),
            statements: None,
        })
    }

    /// Backends by state at a step, of one target or of all; `None` where none was counted.
    fn counts(&self, step: usize, of: Option<&TargetName>) -> Option<StateCounts> {
        let mut counts = None;
        for kept in self.kept.series.iter().filter(|kept| of.is_none_or(|name| kept.target == *name)) {
            let What::Backends(number) = kept.what else { continue };
            let Some(value) = kept.values.get(step).copied().flatten() else { continue };
            let counts: &mut StateCounts = counts.get_or_insert_default();
            let slot = match number {
                BackendNumber::Active => &mut counts.active,
                BackendNumber::Idle => &mut counts.idle,
                BackendNumber::IdleInTransaction => &mut counts.idle_in_transaction,
                BackendNumber::Aborted => &mut counts.aborted,
                BackendNumber::Unknown => &mut counts.unknown,
                BackendNumber::Blocked => &mut counts.blocked,
            };
            *slot = slot.saturating_add(value);
        }
        counts
    }

    fn series(&self) -> StateSeries {
        let steps = (self.step + 1).saturating_sub(CURVE as usize)..=self.step;
        let queued = |step: usize| {
            let of_targets = self.kept.series.iter().filter(|kept| kept.what == What::Queued);
            let mut known = of_targets.filter_map(|kept| kept.values.get(step).copied().flatten()).peekable();
            known.peek()?;
            Some(known.fold(0, u32::saturating_add))
        };
        StateSeries {
            bucket_s: self.kept.step.as_secs_f64(),
            counts: steps.clone().map(|step| self.counts(step, None)).collect(),
            utilization: vec![None; steps.clone().count()],
            pending: steps.map(queued).collect(),
        }
    }

    /// Pools of which it is known how many connections they had, those that have clients waiting first.
    fn pools(&self, names: &[TargetName]) -> Vec<PoolRow> {
        let mut found: BTreeMap<(&TargetName, &PoolName), Vec<&Kept>> = BTreeMap::new();
        for kept in &self.kept.series {
            if let What::Pool(pool, _) | What::Traits(pool, _) = &kept.what
                && self.now(kept).is_some()
            {
                found.entry((&kept.target, pool)).or_default().push(kept);
            }
        }
        let mut rows: Vec<PoolRow> = found
            .into_iter()
            .filter_map(|((target, name), kept)| {
                self.pool(names.iter().position(|known| known == target)?, target, name, &kept)
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.pool.pending, row.pool.used, row.pool.total)));
        rows
    }

    fn pool(&self, place: usize, target: &TargetName, name: &PoolName, kept: &[&Kept]) -> Option<PoolRow> {
        let series = |number: PoolNumber| {
            let wanted = |kept: &&&Kept| matches!(&kept.what, What::Pool(_, found) if *found == number);
            kept.iter().find(wanted).copied()
        };
        let number = |of: PoolNumber| series(of).and_then(|kept| self.now(kept));
        let (used, idle) = (number(PoolNumber::Used), number(PoolNumber::Idle));
        let total = number(PoolNumber::Open).or_else(|| Some(used? + idle.unwrap_or(0)))?;
        let traits = kept.iter().find_map(|kept| match &kept.what {
            What::Traits(_, traits) => Some(traits),
            _ => None,
        });
        let curve = |of: PoolNumber| series(of).map(|kept| self.curve(kept)).unwrap_or_default();
        let trend = match curve(PoolNumber::Open) {
            open if open.is_empty() => curve(PoolNumber::Used),
            open => open,
        };
        let pool = Pool {
            used,
            idle,
            idle_in_transaction: number(PoolNumber::IdleInTransaction),
            aborted: number(PoolNumber::Aborted),
            active: number(PoolNumber::Active),
            pending: number(PoolNumber::Pending),
            max: number(PoolNumber::Max),
            peak: trend.iter().flatten().copied().max().unwrap_or(total).max(total),
            total,
            ..Pool::unknown(key(target, name, traits), name.name.clone(), self.at)
        };
        Some(PoolRow {
            pool,
            target: place,
            trend,
            idle_in_transaction_trend: curve(PoolNumber::IdleInTransaction),
            finding: None,
            finding_index: None,
            leak: None,
        })
    }

    /// Limits of which it is known what was used, the nearest to its ceiling first.
    fn limits(&self) -> Vec<Limit> {
        let mut limits: Vec<Limit> = Vec::new();
        for kept in &self.kept.series {
            let What::Limit(scope, name, LimitNumber::Used) = &kept.what else { continue };
            let Some(used) = self.now(kept) else { continue };
            limits.push(self.limit(&kept.target, (*scope, name), used));
        }
        let share = |limit: &Limit| limit.utilization().unwrap_or(-1.0);
        limits.sort_by(|left, right| share(right).partial_cmp(&share(left)).unwrap_or(Ordering::Equal));
        limits
    }

    fn limit(&self, target: &TargetName, (scope, name): (LimitScope, &Text), used: u32) -> Limit {
        let of = |number| self.value(target, &What::Limit(scope, name.clone(), number));
        Limit {
            scope,
            name: name.clone(),
            target: TargetName::clone(target),
            used,
            limit: of(LimitNumber::Max),
            reserved: of(LimitNumber::Reserved).unwrap_or(0),
            growth_per_min: None,
            exhausted_in_s: None,
        }
    }
}

/// What makes it this pool: a pool without an owner of its own is one that is known by its name.
fn key(target: &TargetName, name: &PoolName, traits: Option<&Traits>) -> PoolKey {
    let traits = traits.cloned().unwrap_or_default();
    let is_named = name.layer == Layer::Application
        || [&traits.application, &traits.user, &traits.database].into_iter().all(Option::is_none);
    PoolKey {
        target: TargetName::clone(target),
        layer: name.layer,
        declared: is_named.then(|| name.name.clone()),
        application_name: traits.application,
        user: traits.user,
        database: traits.database,
        client: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(what: What, values: &[Option<u32>]) -> Kept {
        Kept { target: "db1".into(), what, values: values.to_vec() }
    }

    fn pool(number: PoolNumber) -> What {
        What::Pool(PoolName { layer: Layer::Server, name: "checkout".into() }, number)
    }

    fn limit(number: LimitNumber) -> What {
        What::Limit(LimitScope::Server, "db1".into(), number)
    }

    /// Three steps, of which the second was not kept.
    fn past() -> Backfill {
        let series = vec![
            kept(pool(PoolNumber::Open), &[Some(5), None, Some(7)]),
            kept(pool(PoolNumber::Used), &[Some(3), None, Some(6)]),
            kept(pool(PoolNumber::Max), &[Some(20), None, None]),
            kept(limit(LimitNumber::Used), &[Some(9), None, Some(11)]),
            kept(limit(LimitNumber::Max), &[Some(100), None, Some(100)]),
            kept(limit(LimitNumber::Reserved), &[Some(3), None, Some(3)]),
            kept(What::Backends(BackendNumber::Active), &[Some(3), None, Some(6)]),
            kept(What::Backends(BackendNumber::Idle), &[Some(2), None, Some(1)]),
            kept(What::Queued, &[None, None, Some(4)]),
            kept(What::Up, &[Some(1), None, Some(1)]),
            kept(What::Is(TargetKind::Postgres), &[Some(1), None, Some(1)]),
        ];
        let from = Timestamp::from_micros(1_000_000_000);
        Backfill { from, step: Duration::from_secs(15), steps: 3, series, notes: vec!["partial".into()] }
    }

    #[test]
    fn a_moment_has_what_was_kept_and_nothing_else() {
        let moment = moment(&past(), 2).unwrap();
        assert_eq!(moment.at, Timestamp::from_micros(1_030_000_000));
        let row = &moment.pools[0];
        assert_eq!((row.pool.total, row.pool.used, row.pool.max, row.pool.idle), (7, Some(6), None, None));
        assert_eq!(row.trend, [Some(5), None, Some(7)], "a gap is a gap");
        let limit = &moment.limits[0];
        assert_eq!((limit.used, limit.usable()), (11, Some(97)));
        assert_eq!(moment.series.pending, [None, None, Some(4)]);
        let totals: Vec<_> = moment.series.counts.iter().map(|counts| counts.map(|it| it.total())).collect();
        assert_eq!(totals, [Some(5), None, Some(7)]);
        assert!(moment.servers[0].as_ref().is_some_and(|server| server.counts_only));
        assert!(moment.backends.is_empty() && moment.findings.is_empty());
        assert_eq!(moment.verdict.kind, VerdictKind::Unknown);
        assert!(
            moment.verdict.sentence.contains("pools and limits only, every 15"),
            "{}",
            moment.verdict.sentence
        );
        assert_eq!(&*moment.verdict.evidence[0], "partial");
    }

    #[test]
    fn where_nothing_was_kept_there_is_no_moment() {
        for (step, is) in [(0, true), (1, false), (2, true), (3, false)] {
            assert_eq!(moment(&past(), step).is_some(), is, "{step}");
        }
    }

    #[test]
    fn a_target_that_was_down_is_down_and_a_pool_without_a_size_is_none() {
        let mut past = past();
        past.series.retain(|kept| !matches!(kept.what, What::Pool(_, PoolNumber::Open | PoolNumber::Used)));
        past.series.iter_mut().filter(|kept| kept.what == What::Up).for_each(|kept| kept.values[0] = Some(0));
        let moment = moment(&past, 0).unwrap();
        assert_eq!(moment.targets[0].state, TargetState::Down);
        assert!(moment.pools.is_empty());
    }
}
