//! What a connected server contributes: its limits, what is used of them, the pools that are seen there.

use serde::Serialize;

use super::SizingError;
use super::draft::{Draft, Source};
use super::field::Field;
use super::provider;
use crate::analysis::moment::ServerView;
use crate::analysis::{Moment, moment::PoolRow};
use crate::model::finding::{Finding, Severity};
use crate::model::pool::Layer;
use crate::model::target::{Role, TargetName};
use crate::text::{Text, glob};

/// A pool as the server sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenPool {
    /// Its name.
    pub name: Text,
    /// In use now: not idle.
    pub used: Option<u32>,
    /// Open now.
    pub total: u32,
    /// The most that were open at once since pooltop began to watch.
    pub peak: u32,
    /// Declared or reported bound over all instances.
    pub max: Option<u32>,
    /// Whether it is suspected of leaking.
    pub leaks: bool,
}

/// A server as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Live {
    /// Which target.
    pub target: TargetName,
    /// Client connections, pooltop's own included.
    pub used: u64,
    /// Of these: pooltop's.
    pub own: u64,
    /// Connections in use on average over `busy_span_s`; `None` where several servers are watched or nothing is known.
    pub busy: Option<f64>,
    /// Over how long, seconds.
    pub busy_span_s: f64,
    /// The pools, the largest first.
    pub pools: Vec<SeenPool>,
    /// The pool that is sized, if one was named.
    pub sized: Option<SeenPool>,
}

/// Fills a draft with what a moment knows of a server, the primary where there are several. `None` where no server told its limits yet.
///
/// `pool` is a glob on the pool that is sized: everybody else on the server then counts as reserved.
pub fn fill(draft: &mut Draft, moment: &Moment, pool: Option<&str>) -> Result<Option<Live>, SizingError> {
    let Some((place, server)) = pick(moment) else { return Ok(None) };
    let Some(facts) = &server.facts else { return Ok(None) };
    let settings = &facts.settings;
    for (field, value) in [
        (Field::MaxConnections, settings.max_connections),
        (Field::SuperuserReserved, settings.superuser_reserved),
        (Field::ReservedConnections, settings.reserved),
    ] {
        draft.set(field, Source::Live, value.into());
    }
    if draft.get(Field::Provider).is_none()
        && let Some(found) = provider::detect(&facts.roles)
    {
        draft.set(Field::Provider, Source::Live, found as f64);
    }
    let mut live = read(moment, place, server);
    draft.clear(Field::Reserved, Source::Live);
    if let Some(pattern) = pool {
        // A name may hold a star itself: that of a pool over a subnet does.
        let exactly = live.pools.iter().find(|pool| *pool.name == *pattern);
        let sized = exactly.or_else(|| live.pools.iter().find(|pool| glob::matches(pattern, &pool.name)));
        let sized = sized.cloned();
        let sized = sized.ok_or_else(|| unknown_pool(pattern, &live.pools))?;
        let others = live.used.saturating_sub(live.own + u64::from(sized.total));
        draft.set(Field::Reserved, Source::Live, others as f64);
        live.sized = Some(sized);
    }
    Ok(Some(live))
}

/// The target that [`fill`] would read.
pub fn target(moment: &Moment) -> Option<&TargetName> {
    pick(moment).and_then(|(place, _)| moment.targets.get(place)).map(|target| &target.name)
}

/// The first primary that told its settings, else the first server that did.
fn pick(moment: &Moment) -> Option<(usize, &ServerView)> {
    let servers = moment.servers.iter().enumerate();
    let told = servers.filter_map(|(place, server)| Some((place, server.as_ref()?)));
    let told: Vec<_> = told.filter(|(_, server)| server.facts.is_some()).collect();
    let is_primary = |(place, _): &&(usize, &ServerView)| {
        moment.targets.get(*place).is_some_and(|target| target.role == Some(Role::Primary))
    };
    told.iter().find(is_primary).or(told.first()).copied()
}

fn read(moment: &Moment, place: usize, server: &ServerView) -> Live {
    let here = |row: &&PoolRow| row.target == place && row.pool.key.layer == Layer::Server;
    let mut pools: Vec<SeenPool> = moment.pools.iter().filter(here).map(|row| seen(moment, row)).collect();
    pools.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    let alone = moment.servers.iter().flatten().count() == 1;
    let (busy, counted) = busy(moment);
    Live {
        target: moment.targets.get(place).map(|target| target.name.clone()).unwrap_or_default(),
        used: u64::from(server.counts.total() + server.own_sessions),
        own: server.own_sessions.into(),
        busy: busy.filter(|_| alone),
        busy_span_s: counted,
        pools,
        sized: None,
    }
}

fn seen(moment: &Moment, row: &PoolRow) -> SeenPool {
    let pool = &row.pool;
    let leaks = |finding: &Finding| {
        finding.rule.is_leak()
            && finding.severity >= Severity::Warning
            && finding.pool.as_ref() == Some(&pool.key)
    };
    SeenPool {
        name: pool.name.clone(),
        used: pool.used,
        total: pool.total,
        peak: pool.peak,
        max: pool.max,
        leaks: moment.findings.iter().any(leaks),
    }
}

/// The mean of what is not idle over the series, and the seconds that it counts.
fn busy(moment: &Moment) -> (Option<f64>, f64) {
    let series = &moment.series;
    let known: Vec<f64> =
        series.counts.iter().flatten().map(|counts| f64::from(counts.total() - counts.idle)).collect();
    let many = known.len() as f64;
    ((many > 0.0).then(|| known.iter().sum::<f64>() / many), many * series.bucket_s)
}

fn unknown_pool(pattern: &str, pools: &[SeenPool]) -> SizingError {
    let names: Vec<&str> = pools.iter().take(8).map(|pool| &*pool.name).collect();
    let seen = if names.is_empty() { "none is seen".to_owned() } else { names.join(", ") };
    SizingError::new(None, "--pool", pattern, format!("a pool that is seen now, with * and ?: {seen}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture;

    #[test]
    fn the_servers_limits_and_use_replace_defaults_but_not_what_was_typed() {
        let mut draft = Draft::default();
        draft.read(Field::SuperuserReserved, Source::Typed, "10", "it").unwrap();
        let live = fill(&mut draft, &fixture::few(), None).unwrap().unwrap();
        assert_eq!(draft.said(Field::MaxConnections), (Some(100.0), Some(Source::Live)));
        assert_eq!(draft.get(Field::SuperuserReserved), Some(10.0));
        assert_eq!(draft.said(Field::Reserved), (Some(0.0), None));
        assert_eq!((live.used, live.own, live.pools.len()), (6, 1, 3));
        assert_eq!(live.busy, Some(2.0));
        assert!(live.busy_span_s > 0.0);
    }

    #[test]
    fn everybody_but_the_pool_that_is_sized_is_reserved() {
        let mut draft = Draft::default();
        let live = fill(&mut draft, &fixture::few(), Some("web*")).unwrap().unwrap();
        assert_eq!(live.sized.map(|pool| pool.total), Some(3));
        assert_eq!(draft.said(Field::Reserved), (Some(2.0), Some(Source::Live)));
        let error = fill(&mut draft, &fixture::few(), Some("nobody")).unwrap_err().to_string();
        assert!(error.contains("'nobody' is no value for --pool") && error.contains("worker"), "{error}");
    }

    #[test]
    fn a_pool_that_leaks_is_known_as_one() {
        let live = fill(&mut Draft::default(), &fixture::checkout_leak(), None).unwrap().unwrap();
        let leaking: Vec<&str> =
            live.pools.iter().filter(|pool| pool.leaks).map(|pool| &*pool.name).collect();
        assert_eq!(leaking.len(), 1, "{leaking:?}");
        assert!(leaking[0].contains("checkout-api"), "{leaking:?}");
    }

    #[test]
    fn a_server_that_told_nothing_yet_contributes_nothing() {
        let mut draft = Draft::default();
        for moment in [fixture::connecting(), fixture::refused()] {
            assert_eq!(fill(&mut draft, &moment, None), Ok(None));
            assert_eq!(target(&moment), None);
        }
        assert_eq!(draft, Draft::default());
    }
}
