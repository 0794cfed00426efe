//! Makes a sample share what it has in common with the one before.
//!
//! A source shares by itself; samples read from a recording come with an allocation per row and text.

use std::sync::Arc;

use crate::model::backend::Backend;
use crate::model::part::Part;
use crate::model::sample::{Body, PostgresSample, Sample};

/// `sample`, with every row, session, text and slow fact that equals the one of `before` replaced by it.
/// The very same `Arc` comes back when there is nothing to share that is not shared already.
pub(super) fn with_previous(sample: Arc<Sample>, before: Option<&Sample>) -> Arc<Sample> {
    let Some(old) = before.and_then(Sample::postgres) else { return sample };
    let Some(new) = sample.postgres() else { return sample };
    let rows = shared_rows(&new.backends, &old.backends);
    let facts = shared_part(&new.facts, &old.facts);
    let locks = shared_part(&new.locks, &old.locks);
    if rows.is_none() && facts.is_none() && locks.is_none() {
        return sample;
    }
    let mut own = Arc::unwrap_or_clone(sample);
    if let Body::Postgres(body) = &mut own.body {
        replace(body, rows, facts, locks);
    }
    Arc::new(own)
}

fn replace(
    body: &mut PostgresSample,
    rows: Option<Vec<Arc<Backend>>>,
    facts: Option<Arc<crate::model::facts::ServerFacts>>,
    locks: Option<Arc<crate::model::locks::LockPicture>>,
) {
    if let Some(rows) = rows {
        body.backends = rows;
    }
    if let Some(facts) = facts {
        body.facts = Part::Known(facts);
    }
    if let Some(locks) = locks {
        body.locks = Part::Known(locks);
    }
}

/// The old allocation, where it says the same as the new one.
fn shared_part<T: PartialEq>(new: &Part<Arc<T>>, old: &Part<Arc<T>>) -> Option<Arc<T>> {
    let (new, old) = (new.known()?, old.known()?);
    (!Arc::ptr_eq(new, old) && new == old).then(|| Arc::clone(old))
}

/// The rows with the old allocations where those say the same; `None` when nothing changes by it.
fn shared_rows(new: &[Arc<Backend>], old: &[Arc<Backend>]) -> Option<Vec<Arc<Backend>>> {
    let mut olds = old.iter().peekable();
    let mut shared: Option<Vec<Arc<Backend>>> = None;
    for (index, row) in new.iter().enumerate() {
        while olds.next_if(|old| old.pid() < row.pid()).is_some() {}
        let better = olds.peek().filter(|old| old.pid() == row.pid()).and_then(|old| shared_row(row, old));
        match (&mut shared, better) {
            (Some(rows), better) => rows.push(better.unwrap_or_else(|| Arc::clone(row))),
            (None, None) => {}
            (none, Some(better)) => {
                let mut rows = Vec::with_capacity(new.len());
                rows.extend(new[..index].iter().cloned());
                rows.push(better);
                *none = Some(rows);
            }
        }
    }
    shared
}

/// The old row itself if it equals the new one; else the new one with the old session and text where those do.
fn shared_row(new: &Arc<Backend>, old: &Arc<Backend>) -> Option<Arc<Backend>> {
    if Arc::ptr_eq(new, old) {
        return None;
    }
    if new == old {
        return Some(Arc::clone(old));
    }
    let session = !Arc::ptr_eq(&new.session, &old.session) && new.session == old.session;
    let query = match (&new.query, &old.query) {
        (Some(new), Some(old)) => !new.shares_allocation_with(old) && new == old,
        _ => false,
    };
    (session || query).then(|| {
        let mut row = Backend::clone(new);
        if session {
            row.session = Arc::clone(&old.session);
        }
        if query {
            row.query.clone_from(&old.query);
        }
        Arc::new(row)
    })
}
