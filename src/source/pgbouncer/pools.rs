//! `SHOW POOLS`.

use std::collections::HashMap;

use super::columns::{Column, Row, find, need};
use super::dialect::Dialect;
use crate::connect::Answer;
use crate::model::part::Missing;
use crate::model::pooler::PoolerPool;
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::Text;

/// The numbers that a pool has. PgBouncer has them all; some of its relatives lack some.
const NUMBERS: [&str; 8] =
    ["cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait"];

/// One row per database and user. Relatives have one per server or shard behind these, which are summed.
pub(super) fn read(
    answer: &Answer,
    dialect: &Dialect,
    texts: &mut Interner,
) -> Result<Vec<PoolerPool>, TargetError> {
    let reader = Reader::new(answer, dialect)?;
    let mut pools: Vec<PoolerPool> = Vec::with_capacity(answer.rows.len());
    let mut places: HashMap<(Text, Text), usize> = HashMap::new();
    for row in &answer.rows {
        let pool = reader.pool(row, texts);
        let place = *places.entry((pool.database.clone(), pool.user.clone())).or_insert(pools.len());
        match pools.get_mut(place) {
            Some(same) => add(same, &pool),
            None => pools.push(pool),
        }
    }
    Ok(pools)
}

/// Numbers that this pooler does not give, or only pretends to.
pub(super) fn absent(answer: &Answer, dialect: &Dialect, version: &str) -> Option<Missing> {
    let absent: Vec<&str> = NUMBERS
        .into_iter()
        .filter(|name| answer.column(name).is_none() || dialect.constant.contains(name))
        .collect();
    (!absent.is_empty())
        .then(|| Missing::new(&absent.join(", "), &format!("SHOW POOLS of {version} does not tell")))
}

/// Positions of everything in one answer.
struct Reader {
    key: [Column; 2],
    counts: [Column; 7],
    idle_clients: Column,
    cancels: [Column; 2],
    wait: [Column; 2],
    mode: Column,
    paused: Column,
    waiting_is_idle: bool,
}

impl Reader {
    fn new(answer: &Answer, dialect: &Dialect) -> Result<Self, TargetError> {
        let told = |name: &'static str| if dialect.constant.contains(&name) { "" } else { name };
        let [active, waiting, sv_active, idle, used, tested, login, wait] = NUMBERS.map(told);
        let [idle_clients, mode, paused] = find(answer, ["cl_idle", "pool_mode", "paused"]);
        Ok(Self {
            key: need(answer, "SHOW POOLS", ["database", "user"])?,
            counts: find(answer, [active, waiting, sv_active, idle, used, tested, login]),
            idle_clients,
            cancels: find(answer, ["sv_active_cancel", "sv_being_canceled"]),
            wait: find(answer, [wait, "maxwait_us"]),
            mode,
            paused,
            waiting_is_idle: dialect.waiting_is_idle && !idle_clients.exists(),
        })
    }

    fn pool(&self, row: &Row, texts: &mut Interner) -> PoolerPool {
        let [database, user] = self.key.map(|column| column.line(row, texts));
        let [active, waiting, sv_active, sv_idle, sv_used, sv_tested, sv_login] =
            self.counts.map(|column| column.count(row));
        let idle = if self.waiting_is_idle { waiting } else { self.idle_clients.count(row) };
        PoolerPool {
            database,
            user,
            cl_active: active.map(|active| active.saturating_add(idle.unwrap_or(0))),
            cl_waiting: waiting.filter(|_| !self.waiting_is_idle),
            sv_active,
            sv_idle,
            sv_used,
            sv_tested,
            sv_login,
            sv_cancel: self.cancels.map(|column| column.count(row)).into_iter().fold(None, sum),
            max_wait_us: micros(self.wait, row),
            pool_mode: self.mode.given(row, texts),
            paused: self.paused.exists().then(|| self.paused.is_on(row)),
        }
    }
}

/// A time in whole seconds and the rest of it in microseconds.
pub(super) fn micros([seconds, rest]: [Column; 2], row: &Row) -> Option<u64> {
    let whole = seconds.number(row)?.saturating_mul(1_000_000);
    Some(whole.saturating_add(rest.number(row).unwrap_or_default()))
}

fn add(pool: &mut PoolerPool, more: &PoolerPool) {
    pool.cl_active = sum(pool.cl_active, more.cl_active);
    pool.cl_waiting = sum(pool.cl_waiting, more.cl_waiting);
    pool.sv_active = sum(pool.sv_active, more.sv_active);
    pool.sv_idle = sum(pool.sv_idle, more.sv_idle);
    pool.sv_used = sum(pool.sv_used, more.sv_used);
    pool.sv_tested = sum(pool.sv_tested, more.sv_tested);
    pool.sv_login = sum(pool.sv_login, more.sv_login);
    pool.sv_cancel = sum(pool.sv_cancel, more.sv_cancel);
    pool.max_wait_us = pool.max_wait_us.max(more.max_wait_us);
    pool.paused = pool.paused.max(more.paused);
}

fn sum(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}
