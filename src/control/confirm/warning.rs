//! What a person should know before saying yes, as far as the rows themselves tell.

use crate::model::backend::State;
use crate::model::operation::{OperationKind, Victim};
use crate::text::Text;

use super::{PoolShare, Surroundings};

/// To say about a session in SyncRep wait.
pub(in crate::control) const COMMITTED_LOCALLY: &str =
    "has committed locally and waits for a standby: the commit stands, only the wait ends";

const POOLED: &str = "a pooler's server connection: its client gets an error, and other clients ride on it";
const UNTRACKED: &str = "track_activities is off there: whether it works now cannot be seen";
const RUNNING: &str = "it runs a statement: it is ended whatever it does by then";

/// To say about a superuser's session.
pub(in crate::control) fn superuser(role: &str) -> Text {
    Text::line(&format!("role {role} is a superuser: only a superuser may signal it"))
}

/// What to say about one session.
pub(super) fn on_session(kind: OperationKind, victim: &Victim, around: &Surroundings) -> Vec<Text> {
    let (seen, session) = (&victim.seen, &victim.seen.session);
    let ends = kind == OperationKind::Terminate;
    let pooled = around.pools.iter().any(|pool| pool.via_pooler && pool.members.contains(&session.id.pid));
    let syncing = seen.wait.as_ref().is_some_and(|wait| &*wait.event == "SyncRep");
    let sentences = [
        around.superusers.contains(&session.user).then(|| superuser(&session.user)),
        (ends && pooled).then(|| POOLED.into()),
        syncing.then(|| COMMITTED_LOCALLY.into()),
        (ends && seen.state == State::Disabled).then(|| UNTRACKED.into()),
        (ends && !victim.strict).then(|| RUNNING.into()),
        (seen.state == State::Active)
            .then(|| maintenance(seen.query.as_deref().unwrap_or_default()))
            .flatten()
            .map(Text::line),
    ];
    sentences.into_iter().flatten().collect()
}

/// What would be left behind if a statement of this kind were stopped, by its first words.
pub(in crate::control) fn maintenance(query: &str) -> Option<&'static str> {
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .take(8)
        .map(str::to_ascii_uppercase)
        .collect();
    let has = |word: &str| words.iter().any(|known| known == word);
    match words.first().map(String::as_str)? {
        "CREATE" | "REINDEX" | "DROP" if has("CONCURRENTLY") => Some(
            "an index is being built or dropped concurrently: stopping it leaves an invalid index behind",
        ),
        "CREATE" if has("INDEX") => Some("an index is being built: the work is lost"),
        "REINDEX" => Some("an index is being rebuilt: the work is lost"),
        "VACUUM" => Some("a VACUUM is running: its unfinished work is lost"),
        "CLUSTER" => Some("a table is being rewritten: the work is lost"),
        "COPY" => Some("a COPY is running: what it loaded is lost"),
        _ => None,
    }
}

/// What to say where an operation takes more than half of a pool at once.
pub(super) fn on_pools(kind: OperationKind, pids: &[i32], pools: &[PoolShare]) -> Vec<Text> {
    if kind != OperationKind::Terminate {
        return Vec::new();
    }
    pools
        .iter()
        .filter_map(|pool| {
            let hit = pool.members.iter().filter(|pid| pids.contains(pid)).count();
            (pids.len() > 1 && hit * 2 > pool.members.len()).then(|| {
                Text::line(&format!(
                    "{hit} of the {} connections of pool {} end at once: the pool opens them again, which does \
                     not mend a leak",
                    pool.members.len(),
                    pool.name
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_lost_or_left_behind_is_known_by_its_first_words() {
        for (query, expected) in [
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "an invalid index"),
            ("reindex table concurrently t", "an invalid index"),
            ("create index i on t (a)", "being built: the work is lost"),
            ("REINDEX TABLE t", "being rebuilt"),
            ("vacuum (verbose) t", "VACUUM"),
            ("COPY t FROM stdin", "COPY"),
        ] {
            assert!(maintenance(query).is_some_and(|said| said.contains(expected)), "{query}: {expected}");
        }
        for query in ["", "select 'CREATE INDEX'", "create table index_of (a int)", "update t set a = 1"] {
            assert_eq!(maintenance(query), None, "{query}");
        }
    }
}
