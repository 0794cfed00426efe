//! What pools can open, and what the server has for them.

use serde::Serialize;

use super::draft::Draft;
use super::field::Field;

/// Connections of pooltop itself: one that samples, one for operations.
const POOLTOP: u64 = 2;
/// What people need when it burns: this many, or every twentieth connection where that is more.
const OPERATIONS: u64 = 5;

/// What of `max_connections` is for applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Usable {
    /// `max_connections`.
    pub max_connections: u64,
    /// `superuser_reserved_connections`.
    pub superuser_reserved: u64,
    /// `reserved_connections`.
    pub reserved: u64,
    /// For pooltop.
    pub pooltop: u64,
    /// For people: `max(5, 5 %)`.
    pub operations: u64,
    /// What is left.
    pub usable: u64,
}

impl Usable {
    /// Of a server with these settings.
    pub fn of(max_connections: u64, superuser_reserved: u64, reserved: u64) -> Self {
        let operations = max_connections.div_ceil(20).max(OPERATIONS);
        let taken = superuser_reserved + reserved + POOLTOP + operations;
        Self {
            max_connections,
            superuser_reserved,
            reserved,
            pooltop: POOLTOP,
            operations,
            usable: max_connections.saturating_sub(taken),
        }
    }

    /// The smallest `max_connections` that has `demand` connections for applications, the rest being as it is.
    pub(in crate::analysis) fn holding(self, demand: u64) -> u64 {
        let fixed = demand + self.superuser_reserved + self.reserved + self.pooltop;
        // A twentieth of the result is a nineteenth of the rest; rounded up it may be a little more than needed.
        let enough = fixed + fixed.div_ceil(19).max(OPERATIONS);
        let fits =
            |connections: u64| Self::of(connections, self.superuser_reserved, self.reserved).usable >= demand;
        (enough.saturating_sub(2)..=enough).find(|connections| fits(*connections)).unwrap_or(enough)
    }
}

/// Demand against what is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Pools that exist: pods × workers × pools × services.
    pub pools: u64,
    /// The most that one of them opens; `None` = unlimited.
    pub per_pool: Option<u64>,
    /// Connections through poolers.
    pub poolers: u64,
    /// Connections of everybody else.
    pub others: u64,
    /// The most that all of it opens; `None` = unlimited.
    pub demand: Option<u64>,
    /// What of the server is for it.
    #[serde(flatten)]
    pub usable: Usable,
    /// What is left at full demand; negative where it does not fit.
    pub headroom: Option<i64>,
    /// The most that one pool may open so that everything fits.
    pub cap_per_pool: u64,
    /// The smallest `max_connections` that would hold the demand; `None` where the present one does, or nothing would.
    pub max_connections_needed: Option<u64>,
}

impl Budget {
    /// Of what the draft says.
    pub fn of(draft: &Draft) -> Self {
        let usable = Usable::of(
            draft.count(Field::MaxConnections),
            draft.count(Field::SuperuserReserved),
            draft.count(Field::ReservedConnections),
        );
        let (poolers, others) = (draft.count(Field::Poolers), draft.count(Field::Reserved));
        let pools = draft.processes() * draft.count(Field::Pools);
        let per_pool = draft.bound();
        let demand = per_pool.map(|bound| pools * bound + poolers + others);
        let short = demand.filter(|demand| *demand > usable.usable);
        Self {
            pools,
            per_pool,
            poolers,
            others,
            demand,
            usable,
            headroom: demand.map(|demand| usable.usable.cast_signed() - demand.cast_signed()),
            cap_per_pool: usable.usable.saturating_sub(poolers + others) / pools.max(1),
            max_connections_needed: short.map(|demand| usable.holding(demand)),
        }
    }

    /// Whether everything fits at once.
    pub fn fits(&self) -> bool {
        self.headroom.is_some_and(|headroom| headroom >= 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::draft;
    use super::*;

    fn budget(text: &str) -> Budget {
        Budget::of(&draft(text))
    }

    #[test]
    fn demand_is_every_factor_and_not_a_few_of_them() {
        for (given, demand) in [
            // The guides' "workers x pool size x services + buffer" gives 60 here.
            ("workers=4 pool-size=5 max-overflow=10 services=2 reserved=20", Some(140)),
            ("pods=5 pool-size=20 max-overflow=20 reserved=10", Some(210)),
            ("pool-size=5 max-overflow=10", Some(15)),
            // "5 per worker, in total 5 x 4 = 20" forgets the overflow.
            ("workers=4 pool-size=5 max-overflow=10", Some(60)),
            ("workers=4 pool-size=3 max-overflow=7", Some(40)),
            // A table calls 100 connections enough for 4 workers on up to 4 nodes, 200 for 8 on 5.
            ("pods=4 workers=4", Some(240)),
            ("pods=5 workers=8", Some(600)),
            // Two asyncpg pools of at most 10 and 8, four workers: 72, not 18.
            ("workers=4 pool-size=10 max-overflow=8", Some(72)),
            ("pods=3 pool-size=80 max-overflow=20", Some(300)),
            ("pool-size=5 poolers=25 reserved=3", Some(43)),
            ("pool-size=0", None),
            ("max-overflow=-1", None),
        ] {
            assert_eq!(budget(given).demand, demand, "{given}");
        }
    }

    #[test]
    fn usable_leaves_out_what_is_reserved_pooltop_and_people() {
        for (max_connections, superuser, reserved, usable) in [
            (100, 3, 0, 90),
            (100, 3, 5, 85),
            (60, 3, 0, 50),
            (200, 3, 0, 185),
            (500, 3, 0, 470),
            (8, 3, 0, 0),
        ] {
            assert_eq!(Usable::of(max_connections, superuser, reserved).usable, usable, "{max_connections}");
        }
    }

    #[test]
    fn the_cap_is_what_every_pool_may_open_at_once() {
        for (given, headroom, cap) in [
            ("workers=4 services=2", -30, 11),
            ("workers=4 services=2 reserved=20", -50, 8),
            ("workers=4 services=2 pool-size=5 max-overflow=6", 2, 11),
            ("pods=5 pool-size=20 max-overflow=20 reserved=10 max-connections=250", 22, 44),
            ("pods=100 workers=4", -5_910, 0),
        ] {
            let budget = budget(given);
            assert_eq!((budget.headroom, budget.cap_per_pool), (Some(headroom), cap), "{given}");
        }
    }

    #[test]
    fn the_smallest_max_connections_that_fits_is_said_only_where_it_does_not() {
        let needed = |given| budget(given).max_connections_needed;
        assert_eq!(needed("pods=5 pool-size=20 max-overflow=20 reserved=10"), Some(227));
        assert_eq!(needed("pods=5 pool-size=20 max-overflow=20 reserved=10 max-connections=227"), None);
        assert_eq!(needed("pool-size=0"), None);
        for demand in 91..2_000 {
            let usable = Usable::of(100, 3, 0);
            let holds = |connections| Usable::of(connections, 3, 0).usable >= demand;
            let smallest = usable.holding(demand);
            assert!(holds(smallest) && !holds(smallest - 1), "{demand}: {smallest}");
        }
    }
}
