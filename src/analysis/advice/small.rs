//! R18: a small instance whose few slots applications take directly.

use super::Advice;
use super::given::Given;
use crate::model::finding::AdviceSeverity;

/// Up to so many slots every process counts.
const SMALL: u64 = 60;
/// A pool of so many behind the pooler is enough for most.
const BEHIND: (u32, u32) = (10, 15);

pub(super) fn direct(given: &Given<'_>) -> Vec<Advice> {
    given.scene.servers().filter_map(|(target, status, _)| few_slots(given, target, &status.name)).collect()
}

fn few_slots(given: &Given<'_>, target: usize, name: &str) -> Option<Advice> {
    let usable = given.usable(target)?;
    let supabase = given.provider(target) == Some("supabase");
    let is_small = usable.max_connections <= SMALL || supabase;
    let direct = |(_, pool): &super::given::Placed<'_>| {
        let seen = &pool.track.pool;
        seen.total > 0 && !seen.via_pooler && !pool.track.human
    };
    let mut pools: Vec<_> = given.pools_of(target).filter(direct).map(|(_, pool)| pool.track).collect();
    if !is_small || pools.is_empty() {
        return None;
    }
    pools.sort_by_key(|track| std::cmp::Reverse(track.pool.total));
    let open: u32 = pools.iter().map(|track| track.pool.total).sum();
    let (least, most) = BEHIND;
    let suggestion = if supabase {
        format!(
            "Connect applications through port 6543 (transaction mode) with a pool of {least}–{most}; keep 5432 for migrations"
        )
    } else {
        format!("A pooler in transaction mode in front, with {least}–{most} connections per application")
    };
    let mut advice = Advice::new(AdviceSeverity::Low, suggestion);
    advice.share = f64::from(open) / usable.usable.max(1) as f64;
    let named: Vec<String> =
        pools.iter().take(5).map(|track| format!("{} {}", track.label, track.pool.total)).collect();
    advice.evidence.push(format!("{name}: {open} direct of {} usable: {}", usable.usable, named.join(", ")));
    advice.formula = Some(format!(
        "{} − {} reserved − {} pooltop − {} operations = {} usable",
        usable.max_connections,
        usable.superuser_reserved + usable.reserved,
        usable.pooltop,
        usable.operations,
        usable.usable
    ));
    Some(advice)
}
