//! R6, R7, R15: a server's slots, what its pools may open together, and the memory that connections take.

use super::Advice;
use super::given::Given;
use crate::analysis::findings::budget::{OWN, demand};
use crate::analysis::sizing::budget::Usable;
use crate::analysis::sizing::memory::Memory;
use crate::analysis::sizing::provider;
use crate::model::finding::{AdviceSeverity, Finding, Rule};
use crate::model::limit::LimitScope;

/// Share of the usable slots above which the next deploy meets the ceiling.
const NEARLY_FULL: f64 = 0.9;
/// So few free slots that the next connect may fail with 53300.
const FEW: u32 = 3;
/// Consumers that are named.
const NAMED: usize = 3;

/// R6: the slots of a server, or of a database or role on it, run out.
pub(super) fn exhausted(given: &Given<'_>) -> Vec<Advice> {
    given.of(Rule::ServerExhaustion).filter_map(|finding| running_out(given, finding)).collect()
}

fn running_out(given: &Given<'_>, finding: &Finding) -> Option<Advice> {
    let target = given.scene.statuses.iter().position(|status| status.name == finding.target)?;
    let kinds = [LimitScope::Server, LimitScope::Database, LimitScope::Role];
    // Fullest first.
    let limit = given
        .scene
        .limits
        .iter()
        .find(|limit| limit.target == finding.target && kinds.contains(&limit.scope))?;
    let share = limit.utilization()?;
    let free = limit.usable()?.saturating_sub(limit.used);
    let high = share > NEARLY_FULL || free <= FEW;
    let severity = if high { AdviceSeverity::High } else { AdviceSeverity::Medium };
    let leak = given.leak_on(&finding.target);
    let usable = given.usable(target)?;
    let processes = processes(given, target);
    let cap = usable.usable / processes;
    let suggestion = match (leak, limit.scope) {
        (Some(leak), _) => {
            format!("End the leak first: {}. A higher ceiling is only reached later", leak.title)
        }
        (None, LimitScope::Server) => format!(
            "Cap each process at {cap} connections, or put a pooler in transaction mode in front; only then max_connections: {}",
            provider::raise(
                given.provider(target),
                usable.holding(limit.used.into()).max(usable.max_connections + 1)
            )
        ),
        (None, scope) => format!(
            "Lower the pools of {} {}, or raise its CONNECTION LIMIT within the server's {} usable",
            scope.as_str(),
            limit.name,
            usable.usable
        ),
    };
    let mut advice = Advice::new(severity, suggestion);
    advice.share = share;
    advice.evidence.push(finding.title.to_string());
    if free <= FEW {
        advice.evidence.push(format!("{free} free: the next connects fail with 53300 (too many clients)"));
    }
    advice.evidence.push(format!("largest: {}", largest(given, target)));
    advice.formula = Some(format!("{} / {processes} = {cap}", arithmetic(usable)));
    Some(advice)
}

/// `(100 − 3 superuser − 2 pooltop − 5 operations)`.
fn arithmetic(usable: Usable) -> String {
    let reserved =
        if usable.reserved > 0 { format!(" − {} reserved", usable.reserved) } else { String::new() };
    format!(
        "({} − {} superuser{reserved} − {} pooltop − {} operations)",
        usable.max_connections, usable.superuser_reserved, usable.pooltop, usable.operations
    )
}

/// How many processes share a server: the declared instances, one for each pool that nobody declared.
fn processes(given: &Given<'_>, target: usize) -> u64 {
    let of_pool = |bounds: &crate::analysis::grouping::Bounds| u64::from(bounds.instances.max(1));
    let pools = given.pools_of(target).filter(|(_, pool)| pool.track.pool.total > 0 && !pool.track.human);
    pools.map(|(_, pool)| pool.track.bounds.as_ref().map_or(1, of_pool)).sum::<u64>().max(1)
}

fn largest(given: &Given<'_>, target: usize) -> String {
    let mut pools: Vec<_> = given.pools_of(target).map(|(_, pool)| pool.track).collect();
    pools.sort_by_key(|track| std::cmp::Reverse(track.pool.total));
    let named: Vec<String> =
        pools.iter().take(NAMED).map(|track| format!("{} {}", track.label, track.pool.total)).collect();
    named.join(", ")
}

/// R7: what the pools may open together is more than the server has, even while little is open.
pub(super) fn overcommitted(given: &Given<'_>) -> Vec<Advice> {
    given.of(Rule::ServerBudget).filter_map(|finding| too_large(given, finding)).collect()
}

fn too_large(given: &Given<'_>, finding: &Finding) -> Option<Advice> {
    let target = given.scene.statuses.iter().position(|status| status.name == finding.target)?;
    let limit = given.slots(&finding.target)?;
    let allowed = limit.usable()?;
    let total = given.pools_of(target).map(|(_, pool)| demand(pool)).fold(OWN, u32::saturating_add);
    let over = total.saturating_sub(allowed);
    let (_, worst) = given.pools_of(target).max_by_key(|(_, pool)| demand(pool))?;
    let instances = worst.track.bounds.as_ref().map_or(1, |bounds| bounds.instances).max(1);
    let each = demand(worst) / instances;
    let cut = each.saturating_sub(over.div_ceil(instances));
    let label = &worst.track.label;
    let lower = if cut > 0 {
        format!("Lower the bound of {label}: {each} -> {cut} per process")
    } else {
        format!("Lower the bounds by {over} together, {label} first")
    };
    let raise = if given.leak_on(&finding.target).is_some() {
        String::new()
    } else {
        let needed = given.usable(target)?.holding(total.into());
        format!("; else max_connections: {}", provider::raise(given.provider(target), needed))
    };
    let mut advice = Advice::new(
        AdviceSeverity::Medium,
        format!("{lower}, or put a pooler in transaction mode in front{raise}"),
    );
    advice.share = f64::from(total) / f64::from(allowed.max(1));
    advice.evidence.push(finding.title.to_string());
    advice.evidence.extend(finding.evidence.iter().map(ToString::to_string));
    advice.formula = Some(format!("{total} − {allowed} = {over} too many"));
    Some(advice)
}

/// R15: by the rule of thumb, connections take more than a quarter of the machine's memory. `work_mem` on top is not known
/// here.
pub(super) fn memory(given: &Given<'_>) -> Vec<Advice> {
    given.scene.servers().filter_map(|(target, status, _)| much_memory(given, target, &status.name)).collect()
}

fn much_memory(given: &Given<'_>, target: usize, name: &str) -> Option<Advice> {
    let bytes = given.machine(target)?.memory? as f64;
    let open = given.server(target)?.counts.total();
    let memory = Memory::of(open.into(), 0.0, Some(bytes));
    if !memory.is_much() {
        return None;
    }
    let suggestion = "Fewer connections: smaller pools, or a pooler in transaction mode";
    let share = memory.share.unwrap_or_default();
    let mut advice = Advice::new(AdviceSeverity::Low, suggestion);
    advice.share = share;
    advice.evidence.push(format!(
        "{name}: {open} connections take {:.1}–{:.1} GB (measured 1–12 MB each), work_mem comes on top",
        memory.least_bytes / 1e9,
        memory.most_bytes / 1e9
    ));
    advice.formula = Some(format!("{open} × 10 MB / {:.1} GB = {:.0} %", bytes / 1e9, share * 100.0));
    Some(advice)
}
