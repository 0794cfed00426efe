//! What ending a session would undo, and whom it would free.

use std::collections::{BTreeSet, HashMap};

use super::server::Param;
use super::watch::starts;
use crate::connect::{Connection, RawText, Row, RowExt as _, Type};
use crate::control::confirm::{Policy, Why, warning};
use crate::model::locks::{Blocker, LockEdge, LockPicture};
use crate::model::operation::{BlastRadius, Operation, Victim};
use crate::model::target::TargetError;
use crate::text::Text;

/// Reads what the sessions hold; one entry for each, in their order.
pub(super) async fn read(
    connection: &Connection,
    operation: &Operation,
    policy: &Policy,
) -> Result<Vec<BlastRadius>, TargetError> {
    let victims: Vec<&Victim> = operation.victims().iter().collect();
    let pids: Vec<i32> = victims.iter().map(|victim| victim.id().pid).collect();
    let starts = starts(&victims);
    let params: [Param<'_>; 2] = [(&pids, Type::INT4_ARRAY), (&starts, Type::TIMESTAMPTZ_ARRAY)];
    let rows = connection.rows(include_str!("inspect_120000.sql"), &params).await?;
    rows.iter().map(|row| radius(row, policy)).collect()
}

fn radius(row: &Row, policy: &Policy) -> Result<BlastRadius, TargetError> {
    let pid: i32 = row.value("pid")?;
    if !row.value::<bool>("still_there")? {
        let refused = Some(Text::line(&Why::Ended.to_string()));
        return Ok(BlastRadius { pid, refused, ..BlastRadius::default() });
    }
    let relations: Vec<RawText<'_>> = row.value("relations")?;
    Ok(BlastRadius {
        pid,
        locks: u32::try_from(row.value::<i32>("locks")?).ok(),
        relations: relations.into_iter().map(RawText::line).collect(),
        advisory_locks: u32::try_from(row.value::<i32>("advisory")?).ok(),
        frees: Vec::new(),
        may_have_written: row.value("may_have_written")?,
        holds_snapshot: row.value("holds_snapshot")?,
        warnings: warnings(row)?,
        refused: refusal(row, policy)?,
    })
}

/// In the words of the question's own warnings, so that the same thing is said once.
fn warnings(row: &Row) -> Result<Vec<Text>, TargetError> {
    let mut warnings = Vec::new();
    if row.value("owned_by_superuser")? {
        warnings.push(warning::superuser(&row.text("owner")?));
    }
    if row.value("waits_for_standby")? {
        warnings.push(warning::COMMITTED_LOCALLY.into());
    }
    let maintenance = row.text("maintenance")?;
    warnings.extend(warning::maintenance(&maintenance).map(Text::line));
    Ok(warnings)
}

fn refusal(row: &Row, policy: &Policy) -> Result<Option<Text>, TargetError> {
    let (owner, own_role) = (row.text("owner")?, row.text("own_role")?);
    if policy.protects(&owner) {
        return Ok(Some(Text::line(&Why::Protected(owner).to_string())));
    }
    if row.value("may_signal")? {
        return Ok(None);
    }
    let reason = if row.value("owned_by_superuser")? {
        format!("role {own_role} may not signal a superuser's session")
    } else {
        format!("role {own_role} may not signal sessions of {owner}: GRANT pg_signal_backend TO {own_role}")
    };
    Ok(Some(Text::line(&reason)))
}

/// Fills in whom each session keeps waiting.
pub(super) fn fill_frees(radii: &mut [BlastRadius], locks: &LockPicture) {
    for radius in radii {
        radius.frees = frees(&locks.edges, radius.pid);
    }
}

/// Everyone who waits for `pid`, directly or through others, by pid. They go on only if nobody else blocks them.
pub fn frees(edges: &[LockEdge], pid: i32) -> Vec<i32> {
    let mut waiters: HashMap<i32, Vec<i32>> = HashMap::new();
    for edge in edges {
        if let Blocker::Backend(blocker) = edge.blocker {
            waiters.entry(blocker).or_default().push(edge.waiter);
        }
    }
    let (mut found, mut next) = (BTreeSet::new(), vec![pid]);
    while let Some(blocker) = next.pop() {
        for waiter in waiters.get(&blocker).into_iter().flatten() {
            if *waiter != pid && found.insert(*waiter) {
                next.push(*waiter);
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(waiter: i32, blocker: i32) -> LockEdge {
        LockEdge { waiter, blocker: Blocker::Backend(blocker), soft: false }
    }

    #[test]
    fn whoever_waits_is_counted_once_also_through_others_and_in_a_circle() {
        let chain = [edge(2, 1), edge(3, 2), edge(4, 2), edge(4, 3), edge(9, 8)];
        let circle = [edge(2, 1), edge(1, 2), edge(3, 2)];
        let prepared = [LockEdge { waiter: 2, blocker: Blocker::Prepared, soft: false }];
        for (edges, pid, expected) in [
            (&chain[..], 1, vec![2, 3, 4]),
            (&chain[..], 2, vec![3, 4]),
            (&chain[..], 4, vec![]),
            (&circle[..], 1, vec![2, 3]),
            (&prepared[..], 1, vec![]),
            (&[][..], 1, vec![]),
        ] {
            assert_eq!(frees(edges, pid), expected, "{pid} in {edges:?}");
        }
    }
}
