//! The remedy for a pool that is too small, in the order that helps: end the leak, shorten what holds the connections, a
//! pooler, a larger pool within what the server has.

use super::given::{Given, Placed};
use crate::analysis::sizing::queue;
use crate::analysis::statements::StatementLoad;
use crate::model::pool::Layer;
use crate::text::fingerprint::fingerprint;

/// Statements that are named.
const NAMED: usize = 3;
/// A statement shorter than this share of all time is not worth shortening first.
const HEAVY: f64 = 0.2;

/// What to do, with its arithmetic.
pub(super) struct Remedy {
    pub(super) suggestion: String,
    pub(super) evidence: Vec<String>,
    pub(super) formula: Option<String>,
}

/// What to do about a pool whose connections are all in use.
pub(super) fn remedy(given: &Given<'_>, (place, pool): Placed<'_>) -> Remedy {
    if let Some(leak) = given.leak_of(place) {
        return Remedy {
            suggestion: "End the leak first: no size cures it, a larger pool is only full later".to_owned(),
            evidence: vec![leak.title.to_string()],
            formula: None,
        };
    }
    let target = given.server_of(place);
    let load = target.and_then(|target| given.server(target)?.statements.clone());
    let mut evidence: Vec<String> = load.as_deref().map(split).into_iter().flatten().collect();
    let cores = target.and_then(|target| given.machine(target)?.cores);
    evidence.extend(cores.map(|cores| {
        format!(
            "no more than 2 × {cores} cores = {} busy at once get more done",
            queue::ceiling(cores.into(), 0)
        )
    }));
    let (larger, formula) = larger(given, (place, pool), target);
    let shorter = load.as_deref().map_or(SHORTER, shorten);
    Remedy { suggestion: format!("{shorter}; {larger}"), evidence, formula }
}

const SHORTER: &str =
    "Shorten what holds the connections first (long statements, calls to others inside transactions)";

/// What of the time in which connections are held is whose.
fn shorten(load: &StatementLoad) -> &'static str {
    if load.application_share().is_some_and(|share| share > 0.5) {
        return "Shorten the transactions first: most of the held time is the application's own";
    }
    match load.rows.first().and_then(|row| row.share) {
        Some(share) if share >= HEAVY => "Shorten the heaviest statements first",
        _ => SHORTER,
    }
}

/// Little's split, and the statements with the largest part of it.
fn split(load: &StatementLoad) -> Vec<String> {
    let own = load.application_share().zip(load.held).zip(load.executing);
    let own = own.map(|((share, held), executing)| {
        format!(
            "{held:.1} connections held on average, {executing:.1} executing: {:.0} % of the held time is the application, \
             not the database",
            share * 100.0
        )
    });
    let heavy = load.rows.iter().take(NAMED).filter_map(|row| {
        let share = row.share.filter(|share| *share >= HEAVY / 4.0)?;
        Some(format!("{:.0} % of the statements' time: {}", share * 100.0, fingerprint(&row.query)))
    });
    own.into_iter().chain(heavy).collect()
}

/// The size that the load asks for, within what the server has.
fn larger(given: &Given<'_>, (_, pool): Placed<'_>, target: Option<usize>) -> (String, Option<String>) {
    let seen = &pool.track.pool;
    let instances = u64::from(pool.track.bounds.as_ref().map_or(1, |bounds| bounds.instances).max(1));
    let size = seen.size.or(seen.max).map(|size| u64::from(size) / instances);
    let usual = pool.track.busy.recent();
    let (Some(size), Some(usual)) = (size, usual) else {
        return ("make it larger only then, within what the server has".to_owned(), None);
    };
    let peak = u64::from(usual.p99).div_ceil(instances);
    let wanted = queue::for_peak(peak);
    let room = target.and_then(|target| room(given, pool.track.pool.total, target));
    let cap = room.map(|(usable, others)| usable.saturating_sub(others) / instances);
    let bound = wanted.min(cap.unwrap_or(wanted));
    let word = match seen.key.layer {
        Layer::Application => "pool_size",
        Layer::Pooler => "pool size (default_pool_size)",
        Layer::Server => "pool size",
    };
    let within = match room.zip(cap) {
        Some(((usable, others), cap)) if instances > 1 => {
            format!(", cap ({usable} usable − {others} others) / {instances} = {cap}")
        }
        Some(((usable, others), cap)) => format!(", cap {usable} usable − {others} others = {cap}"),
        None => String::new(),
    };
    let formula = format!("⌈1.25 × {peak}⌉ = {wanted}{within}");
    let text = if bound > size {
        let overflow =
            seen.max_overflow.and_then(|overflow| u64::try_from(overflow).ok()).filter(|more| *more > 0);
        // What is opened for a burst today is kept open from now on; the total grows only where it has to.
        let overflow =
            overflow.map(|most| format!(", max_overflow: {most} -> {}", (size + most).saturating_sub(bound)));
        format!("then {word}: {size} -> {bound}{}", overflow.unwrap_or_default())
    } else if wanted > size {
        "the server has no room for a larger pool: a pooler in transaction mode, then max_connections"
            .to_owned()
    } else {
        format!("a {word} of {size} is enough for what is in use at once")
    };
    (text, Some(formula))
}

/// What is usable of a server, and what of it others have open.
fn room(given: &Given<'_>, total: u32, target: usize) -> Option<(u64, u64)> {
    let usable = given.usable(target)?.usable;
    let name = &given.scene.statuses.get(target)?.name;
    let slots = given.slots(name)?;
    let own = given.server(target)?.own_sessions;
    Some((usable, slots.used.saturating_sub(total.saturating_add(own)).into()))
}
