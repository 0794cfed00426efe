//! What samples weigh, with every shared allocation counted once.
//!
//! A row that did not change is the same `Arc<Backend>` as in the target's sample before, and both samples list
//! their rows by pid, so a merge of the two finds what a sample adds, without any table of rows. Sessions, waits
//! and texts are shared across rows and samples; those are counted by address, and there are few of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::app::AppPool;
use crate::model::backend::Backend;
use crate::model::locks::LockEdge;
use crate::model::pooler::{
    PoolerClient, PoolerDatabase, PoolerPool, PoolerServer, PoolerTotals, PoolerUser,
};
use crate::model::redis::RedisClient;
use crate::model::sample::{Body, PostgresSample, Sample};

/// Counts bytes. [`Scale::add`] and [`Scale::remove`] must see the samples of one target in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Scale {
    bytes: usize,
    shared: HashMap<usize, Shared>,
}

#[derive(Clone, Copy, Debug)]
struct Shared {
    uses: u32,
    bytes: u32,
}

impl Scale {
    /// Bytes counted, with the table of shared allocations itself.
    pub(super) fn bytes(&self) -> usize {
        // hashbrown: one control byte per bucket, at most 7/8 of them full.
        self.bytes + self.shared.capacity() * 8 / 7 * (size_of::<(usize, Shared)>() + 1)
    }

    /// Bytes of the samples alone.
    #[cfg(test)]
    pub(super) fn content_bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what `sample` holds and `before`, the target's sample before it, does not.
    pub(super) fn add(&mut self, sample: &Sample, before: Option<&Sample>) {
        self.bytes += own_bytes(sample);
        for_each_new(rows(sample), before.map_or(&[], rows), |backend| {
            self.bytes += heap::<Backend>();
            for_each_part(backend, |address, bytes| self.hold(address, bytes));
        });
        for_each_slow_part(sample, |address, bytes| self.hold(address, bytes));
    }

    /// Takes away what `sample`, the oldest of its target, holds and `next`, the one after it, does not.
    pub(super) fn remove(&mut self, sample: &Sample, next: Option<&Sample>) {
        self.bytes = self.bytes.saturating_sub(own_bytes(sample));
        for_each_new(rows(sample), next.map_or(&[], rows), |backend| {
            self.bytes = self.bytes.saturating_sub(heap::<Backend>());
            for_each_part(backend, |address, _| self.release(address));
        });
        for_each_slow_part(sample, |address, _| self.release(address));
    }

    fn hold(&mut self, address: usize, bytes: usize) {
        let entry = self.shared.entry(address).or_insert(Shared { uses: 0, bytes: 0 });
        if entry.uses == 0 {
            entry.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.bytes += bytes;
        }
        entry.uses += 1;
    }

    fn release(&mut self, address: usize) {
        let Some(entry) = self.shared.get_mut(&address) else { return };
        entry.uses -= 1;
        if entry.uses == 0 {
            self.bytes = self.bytes.saturating_sub(entry.bytes as usize);
            self.shared.remove(&address);
        }
    }
}

/// Calls `new` for each row of `rows` that is not the very same allocation in `other`. Both are sorted by pid.
fn for_each_new(rows: &[Arc<Backend>], other: &[Arc<Backend>], mut new: impl FnMut(&Backend)) {
    let mut others = other.iter().peekable();
    for row in rows {
        while others.next_if(|other| other.pid() < row.pid()).is_some() {}
        if !others.peek().is_some_and(|other| Arc::ptr_eq(other, row)) {
            new(row);
        }
    }
}

/// The allocations behind one row that other rows may share.
fn for_each_part(backend: &Backend, mut part: impl FnMut(usize, usize)) {
    let session = &backend.session;
    part(address(session), heap_of(size_of_val(&**session)));
    if let Some(wait) = &backend.wait {
        part(address(wait), heap_of(size_of_val(&**wait)));
        part(wait.class.allocation(), heap_of(wait.class.len()));
        part(wait.event.allocation(), heap_of(wait.event.len()));
    }
    let texts = [
        Some(&session.application_name),
        Some(&session.user),
        Some(&session.database),
        session.client.addr(),
        backend.query.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        part(text.allocation(), heap_of(text.len()));
    }
}

/// The allocations that samples share until they are read again: lock picture and slow facts.
fn for_each_slow_part(sample: &Sample, mut part: impl FnMut(usize, usize)) {
    if let Some(facts) = sample.pooler().and_then(|pooler| pooler.facts.known()) {
        let lists = facts.databases.len() * (size_of::<PoolerDatabase>() + 96)
            + facts.users.len() * (size_of::<PoolerUser>() + 32);
        part(address(facts), heap_of(size_of_val(&**facts) + lists));
    }
    let Some(postgres) = sample.postgres() else { return };
    if let Some(locks) = postgres.locks.known() {
        let bytes = size_of_val(&**locks)
            + locks.edges.capacity() * size_of::<LockEdge>()
            + locks.wait_start.capacity() * 16;
        part(address(locks), heap_of(bytes));
    }
    if let Some(facts) = postgres.facts.known() {
        // Facts are few and read once a minute: their texts are estimated, not walked.
        let pids = facts.advisory.known().map_or(0, Vec::len) + facts.copies.known().map_or(0, Vec::len);
        let lists = facts.databases.len() * 160 + facts.roles.len() * 96 + pids * 16;
        let statements = facts
            .statements
            .known()
            .map_or(0, |list| list.iter().map(|statement| 80 + statement.query.len()).sum::<usize>());
        part(address(facts), heap_of(size_of_val(&**facts) + lists + statements));
    }
}

/// What a sample holds for itself alone.
fn own_bytes(sample: &Sample) -> usize {
    let body = match &sample.body {
        Body::Postgres(postgres) => {
            postgres.backends.capacity() * size_of::<Arc<Backend>>()
                + postgres.other_processes.capacity() * 64
                + postgres.missing.capacity() * 256
        }
        Body::Pooler(pooler) => {
            pooler.pools.known().map_or(0, |pools| pools.capacity() * (size_of::<PoolerPool>() + 64))
                + pooler.totals.known().map_or(0, |rows| rows.capacity() * (size_of::<PoolerTotals>() + 64))
                // New with every sample; names and addresses are mostly shared, hence an estimate.
                + pooler.sockets.known().map_or(0, |sockets| {
                    sockets.clients.capacity() * (size_of::<PoolerClient>() + 32)
                        + sockets.servers.capacity() * (size_of::<PoolerServer>() + 32)
                })
                + pooler.missing.capacity() * 256
        }
        Body::Probe(probe) => probe.version.len(),
        Body::Redis(redis) => {
            redis.clients.known().map_or(0, |rows| rows.capacity() * (size_of::<RedisClient>() + 32))
                + redis.missing.capacity() * 256
        }
        Body::App(app) => {
            app.pools.capacity() * (size_of::<AppPool>() + 64)
                + app.advice.capacity() * 256
                + app.missing.capacity() * 256
        }
    };
    heap::<Sample>() + heap_of(body)
}

fn rows(sample: &Sample) -> &[Arc<Backend>] {
    sample.postgres().map_or(&[], |postgres: &PostgresSample| &postgres.backends)
}

fn address<T>(shared: &Arc<T>) -> usize {
    Arc::as_ptr(shared).cast::<u8>() as usize
}

/// Bytes of an `Arc<T>`'s allocation.
fn heap<T>() -> usize {
    heap_of(size_of::<T>())
}

/// Bytes of a reference-counted allocation of `size`: two counters, the allocator's header, rounded to 16.
fn heap_of(size: usize) -> usize {
    (size + 16 + 8).next_multiple_of(16)
}
