//! How many connections: demand against what the server has, what a load needs, and ready settings. Pure arithmetic.
//!
//! [`size`] takes a [`Draft`] (what is known, and who said it) and, where a server is connected, what it is like now
//! ([`live`]). Popular formulas that mislead with the very numbers at hand are named beside what is right ([`popular`]).

pub mod budget;
pub mod draft;
pub mod field;
pub mod live;
pub mod memory;
pub mod popular;
pub mod preset;
pub mod provider;
pub mod queue;
pub mod report;
pub mod settings;
pub mod variables;

use serde::Serialize;

use budget::Budget;
use draft::Draft;
use field::Field;
use live::Live;
use memory::Memory;
use popular::Popular;
use settings::Settings;

/// A value that makes no sense. Names what it was given for and what is valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is no value for {name}: {valid}")]
pub struct SizingError {
    /// Which field, where it is one.
    pub field: Option<Field>,
    name: String,
    value: String,
    valid: String,
}

impl SizingError {
    fn new(field: Option<Field>, name: &str, value: &str, valid: String) -> Self {
        // What was typed may be anything.
        let value = crate::text::Text::line(value).to_string();
        Self { field, name: name.to_owned(), value, valid }
    }
}

/// Pools that could open any number are given `SQLAlchemy`'s default, 5 + 10.
const UNLIMITED: u64 = 15;

/// What a load needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Requests a second.
    pub rate_per_s: f64,
    /// Little's L: connections in use on average, over all pools. Also the offered load in Erlang.
    pub busy: f64,
    /// The same for one of the pools, the load being spread evenly.
    pub busy_per_pool: f64,
    /// Square-root staffing of one pool.
    pub staffing: u64,
    /// The share of requests that wait there.
    pub waiting_at_staffing: f64,
    /// The fewest connections of one pool at which at most 5 % wait.
    pub comfortable: u64,
    /// The share that waits in a pool as it is; `None` where that is unlimited.
    pub waiting_now: Option<f64>,
    /// The fewest connections of one pool for everybody at which at most 5 % wait.
    pub shared: u64,
}

/// What a pool should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Connections that it keeps.
    pub pool_size: u64,
    /// Connections beyond.
    pub max_overflow: u64,
    /// Where the numbers come from.
    pub why: String,
}

/// A variable of the env file with the value that it should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it should be.
    pub value: String,
}

/// Everything that follows from a draft.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sizing {
    /// Demand against what is usable.
    pub budget: Budget,
    /// What the load needs, where arrival rate and hold time are known.
    pub load: Option<Load>,
    /// `2 × cores + spindles`: more busy connections than this do not get more done. Guidance.
    pub busy_ceiling: Option<u64>,
    /// The least that one pool needs so that nested checkouts cannot lock each other out.
    pub pool_locking: Option<u64>,
    /// Memory of the connections.
    pub memory: Memory,
    /// `None`: not even one connection per pool fits.
    pub proposal: Option<Proposal>,
    /// How `max_connections` would be raised here, where the demand asks for it.
    pub raise_max_connections: Option<String>,
    /// What else has to be said.
    pub notes: Vec<String>,
    /// Settings that can be pasted.
    pub settings: Vec<Settings>,
    /// The env file's variables.
    pub variables: Vec<Variable>,
    /// Popular formulas that mislead here.
    pub popular: Vec<Popular>,
    /// The connected server.
    pub live: Option<Live>,
}

/// What follows from a draft, and from the server as it is.
pub fn size(draft: &Draft, live: Option<Live>) -> Result<Sizing, SizingError> {
    let budget = Budget::of(draft);
    check_server(&budget)?;
    let load = load(draft, &budget)?;
    let pool_locking =
        draft.whole(Field::Threads).map(|threads| queue::locking(threads, draft.count(Field::Nested)));
    let mut sizing = Sizing {
        load,
        busy_ceiling: draft
            .whole(Field::Cores)
            .map(|cores| queue::ceiling(cores, draft.count(Field::Spindles))),
        pool_locking,
        memory: Memory::of(
            budget.demand.unwrap_or(budget.usable.max_connections),
            draft.get(Field::WorkMem).unwrap_or_default(),
            draft.get(Field::Memory),
        ),
        proposal: propose(draft, &budget, load.as_ref(), pool_locking),
        raise_max_connections: budget
            .max_connections_needed
            .map(|needed| provider::raise(draft.choice(Field::Provider).as_deref(), needed)),
        budget,
        notes: Vec::new(),
        settings: Vec::new(),
        variables: Vec::new(),
        popular: Vec::new(),
        live,
    };
    sizing.settings = settings::of(draft, &sizing);
    sizing.variables = draft.variables.iter().filter_map(|name| variable(name, draft, &sizing)).collect();
    sizing.popular = popular::misleading(draft, &sizing);
    sizing.notes = notes(draft, &sizing);
    Ok(sizing)
}

/// A server that keeps more for some than it has for all does not start.
fn check_server(budget: &Budget) -> Result<(), SizingError> {
    let usable = &budget.usable;
    let kept = usable.superuser_reserved + usable.reserved;
    if kept < usable.max_connections {
        return Ok(());
    }
    let valid = format!(
        "more than the {kept} that superuser_reserved_connections and reserved_connections keep, or the server does \
         not start"
    );
    let value = usable.max_connections.to_string();
    Err(SizingError::new(Some(Field::MaxConnections), "--max-connections", &value, valid))
}

fn load(draft: &Draft, budget: &Budget) -> Result<Option<Load>, SizingError> {
    let (Some(rate), Some(hold)) = (draft.get(Field::Rate), draft.get(Field::Hold)) else { return Ok(None) };
    let busy = queue::little(rate, hold);
    if busy > queue::MOST {
        let valid = format!(
            "at {} requests a second it would keep {busy:.0} connections busy at once, which no server does; check \
             the units",
            popular::number(rate)
        );
        return Err(SizingError::new(Some(Field::Hold), "--hold", &Field::Hold.show(hold), valid));
    }
    let busy_per_pool = busy / budget.pools.max(1) as f64;
    let staffing = queue::staffing(busy_per_pool);
    Ok(Some(Load {
        rate_per_s: rate,
        busy,
        busy_per_pool,
        staffing,
        waiting_at_staffing: queue::waiting(staffing, busy_per_pool),
        comfortable: queue::fewest(busy_per_pool, queue::COMFORTABLE),
        waiting_now: budget.per_pool.map(|bound| queue::waiting(bound, busy_per_pool)),
        shared: queue::fewest(busy, queue::COMFORTABLE),
    }))
}

/// What a pool needs, or is, within what the server has for it.
fn propose(draft: &Draft, budget: &Budget, load: Option<&Load>, locking: Option<u64>) -> Option<Proposal> {
    let (asked, reason) = match (load, budget.per_pool) {
        (Some(load), _) => (load.comfortable, "at most 5 % of the requests wait"),
        (None, Some(bound)) => (bound, "the pools as they are"),
        (None, None) => (UNLIMITED, "a bound where there was none"),
    };
    let floor = locking.unwrap_or(1);
    let wanted = asked.max(floor);
    let cap = budget.cap_per_pool;
    let bound = wanted.min(cap);
    let why = if cap < wanted {
        format!("{wanted} would be wanted ({reason}), but no more than {cap} fit")
    } else if floor > asked {
        format!("nested checkouts need {floor}")
    } else {
        reason.to_owned()
    };
    // A load decides the size itself; else the pool keeps its size, and the overflow gives way.
    let size = draft.whole(Field::PoolSize).filter(|size| *size > 0 && load.is_none());
    let pool_size = size.unwrap_or(if load.is_some() { bound } else { UNLIMITED / 3 }).min(bound);
    (bound > 0).then(|| Proposal { pool_size, max_overflow: bound - pool_size, why })
}

fn variable(name: &'static str, draft: &Draft, sizing: &Sizing) -> Option<Variable> {
    let field = variables::field(name)?;
    let knows_overflow =
        draft.variables.iter().any(|name| variables::field(name) == Some(Field::MaxOverflow));
    let one_bound = name == "POOL_SIZE" && !knows_overflow;
    let value = match (field, &sizing.proposal) {
        (Field::PoolSize, proposal) => {
            let proposal = proposal.as_ref()?;
            let overflow = if one_bound { proposal.max_overflow } else { 0 };
            (proposal.pool_size + overflow).to_string()
        }
        (Field::MaxOverflow, proposal) => proposal.as_ref()?.max_overflow.to_string(),
        (Field::PoolTimeout | Field::PoolRecycle, _) => format!("{:.0}", draft.get(field)?),
        (field, _) => draft.choice(field)?,
    };
    Some(Variable { name, value })
}

fn notes(draft: &Draft, sizing: &Sizing) -> Vec<String> {
    let budget = &sizing.budget;
    let mut notes = Vec::new();
    notes.extend(draft.preset.map(|preset| preset.note().to_owned()).filter(|note| !note.is_empty()));
    let sized = sizing.live.as_ref().and_then(|live| live.sized.as_ref());
    if let Some(pool) = sized.filter(|pool| pool.leaks) {
        notes.push(format!("{} leaks: no size cures that, a larger pool is only full later", pool.name));
    }
    // Nobody said whose the other connections are.
    if let Some(live) = sizing.live.as_ref().filter(|live| live.sized.is_none())
        && live.used > live.own
        && budget.others == 0
    {
        notes.push(format!(
            "{} connections are open now: those that are not of these pools belong into reserved",
            live.used - live.own
        ));
    }
    if sizing.proposal.is_none() {
        notes.push(format!(
            "not even one connection for each of {} pools fits: fewer processes, or a pooler",
            budget.pools
        ));
    }
    if let Some(locking) = sizing.pool_locking.filter(|locking| *locking > budget.cap_per_pool) {
        notes.push(format!(
            "nested checkouts need {locking} connections per pool and {} fit: tasks can lock each other out; take one \
             connection per task",
            budget.cap_per_pool
        ));
    }
    let load = sizing.load.as_ref();
    if let (Some(load), Some(ceiling)) = (load, sizing.busy_ceiling.filter(|ceiling| *ceiling > 0))
        && load.busy > ceiling as f64
    {
        notes.push(format!(
            "the load keeps {} connections busy, the server can usefully work on {ceiling}: shorten what they do",
            popular::number(load.busy)
        ));
    }
    if sizing.memory.is_much() {
        let share = popular::percent(sizing.memory.share.unwrap_or_default());
        notes.push(format!("connections would take {share} of the server's memory; a pooler needs fewer"));
    }
    if let Some(redis) = draft.whole(Field::RedisPoolSize) {
        notes.push(redis_note(redis, draft.processes()));
    }
    notes
}

/// `maxclients` of Redis where nobody changed it.
const REDIS_CLIENTS: u64 = 10_000;

fn redis_note(size: u64, processes: u64) -> String {
    let clients = size * processes;
    let fits = if clients > REDIS_CLIENTS { "more than" } else { "within" };
    format!(
        "Redis: {processes} x {size} = {clients} clients, {fits} its default maxclients of {REDIS_CLIENTS}"
    )
}

#[cfg(test)]
mod tests {
    use super::draft::Source;
    use super::*;

    /// A draft of `flag=value` words.
    pub(super) fn draft(given: &str) -> Draft {
        let mut draft = Draft::default();
        for word in given.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap();
            draft.read(Field::find(name).unwrap(), Source::Typed, value, name).unwrap();
        }
        draft
    }

    fn proposal(given: &str) -> Option<(u64, u64)> {
        size(&draft(given), None).unwrap().proposal.map(|found| (found.pool_size, found.max_overflow))
    }

    #[test]
    fn a_pool_is_proposed_that_fits_and_that_the_load_needs() {
        for (given, proposed) in [
            // 8 processes on 100 connections: 11 each, 5 of them kept.
            ("workers=4 services=2", Some((5, 6))),
            ("workers=4", Some((5, 10))),
            ("workers=4 pool-size=20 max-overflow=20", Some((20, 2))),
            ("workers=9 pool-size=20 max-overflow=20", Some((10, 0))),
            // 10 busy per pod: 17, not the 80 + 20 of the guides.
            ("pods=3 pool-size=80 max-overflow=20 rate=300 hold=100ms", Some((17, 0))),
            // 100 users x 3 queries / 10 s x 50 ms.
            ("rate=30 hold=50ms", Some((5, 0))),
            ("pool-size=0", Some((5, 10))),
            ("max-overflow=-1 pool-size=8", Some((8, 7))),
            ("threads=20 nested=2 pool-size=5 max-overflow=0", Some((5, 16))),
            ("pods=100", None),
        ] {
            assert_eq!(proposal(given), proposed, "{given}");
        }
    }

    #[test]
    fn a_load_is_worked_out_for_one_pool_and_for_a_shared_one() {
        let sizing = size(&draft("pods=3 rate=300 hold=100ms pool-size=5 max-overflow=6"), None).unwrap();
        let load = sizing.load.unwrap();
        assert!((load.busy - 30.0).abs() < 1e-9 && (load.busy_per_pool - 10.0).abs() < 1e-9);
        assert_eq!((load.staffing, load.comfortable, load.shared), (16, 17, 41));
        assert!((load.waiting_at_staffing - 0.0573).abs() < 5e-5);
        assert!(load.waiting_now.unwrap() > 0.6, "{:?}", load.waiting_now);
        let saturated = size(&draft("pool-size=1 max-overflow=0 rate=20 hold=100ms"), None).unwrap();
        assert_eq!(saturated.load.unwrap().waiting_now, Some(1.0));
        assert_eq!(size(&draft("rate=300"), None).unwrap().load, None);
    }

    #[test]
    fn the_ceiling_is_the_servers_and_the_floor_is_the_pools() {
        for (given, ceiling, floor) in [
            ("cores=4 spindles=1", Some(9), None),
            ("cores=4", Some(8), None),
            ("threads=3 nested=4", None, Some(10)),
            ("threads=8", None, Some(1)),
        ] {
            let sizing = size(&draft(given), None).unwrap();
            assert_eq!((sizing.busy_ceiling, sizing.pool_locking), (ceiling, floor), "{given}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_flag_and_the_reason() {
        for (given, said) in [
            (
                "max-connections=3",
                "'3' is no value for --max-connections: more than the 3 that superuser_reserved",
            ),
            ("max-connections=10 reserved-connections=7", "more than the 10"),
            (
                "rate=1000000 hold=1h",
                "'1h' is no value for --hold: at 1000000 requests a second it would keep",
            ),
        ] {
            let error = size(&draft(given), None).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn what_has_to_be_said_is_said() {
        for (given, said) in [
            ("pods=100", "not even one connection for each of 100 pools fits"),
            ("threads=50 nested=3 pods=4", "tasks can lock each other out"),
            ("rate=1000 hold=100ms cores=4", "keeps 100 connections busy, the server can usefully work on 8"),
            ("pods=5 memory=1GiB", "connections would take 69.8 % of the server's memory"),
            ("workers=4 redis-pool-size=10", "Redis: 4 x 10 = 40 clients, within its default maxclients"),
            ("pods=400 workers=4 redis-pool-size=10", "16000 clients, more than its default"),
        ] {
            let notes = size(&draft(given), None).unwrap().notes;
            assert!(notes.iter().any(|note| note.contains(said)), "{given}: {notes:?}");
        }
        assert_eq!(size(&draft(""), None).unwrap().notes, Vec::<String>::new());
    }

    #[test]
    fn a_leak_and_connections_of_nobody_knows_whom_are_pointed_out() {
        use crate::analysis::fixture;
        let notes = |pool: Option<&str>| {
            let mut draft = Draft::default();
            let live = live::fill(&mut draft, &fixture::checkout_leak(), pool).unwrap();
            size(&draft, live).unwrap().notes
        };
        let leaks = notes(Some("checkout-api*"));
        assert!(leaks.iter().any(|note| note.contains("leaks: no size cures that")), "{leaks:?}");
        let open = notes(None);
        assert!(open.iter().any(|note| note.contains("62 connections are open now")), "{open:?}");
    }

    #[test]
    fn variables_come_back_under_their_names_with_the_proposal() {
        let from = |lines: &[(&str, &str)], given: &str| {
            let mut draft = draft(given);
            let found: Vec<_> = lines.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            variables::read(&mut draft, &found).unwrap();
            let variables = size(&draft, None).unwrap().variables;
            variables.iter().map(|found| format!("{}={}", found.name, found.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            from(
                &[
                    ("DB_POOL_SIZE", "5"),
                    ("DB_MAX_OVERFLOW", "10"),
                    ("DB_POOL_TIMEOUT", "30"),
                    ("DB_POOL_RECYCLE", "-1"),
                    ("DB_POOL_PRE_PING", "True"),
                ],
                "workers=4 services=2"
            ),
            [
                "DB_POOL_SIZE=5",
                "DB_MAX_OVERFLOW=6",
                "DB_POOL_TIMEOUT=30",
                "DB_POOL_RECYCLE=-1",
                "DB_POOL_PRE_PING=true"
            ]
        );
        assert_eq!(
            from(&[("POOL_SIZE", "50"), ("POOL_MODE", "transaction")], "workers=4"),
            ["POOL_SIZE=22", "POOL_MODE=transaction"]
        );
        assert_eq!(from(&[("REDIS_MAX_CONNECTIONS", "50")], ""), ["REDIS_MAX_CONNECTIONS=50"]);
    }
}
