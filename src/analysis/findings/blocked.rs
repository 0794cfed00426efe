//! `lock.chain`: sessions wait for each other's locks.

use super::{Check, Draft};
use crate::analysis::moment::ServerView;
use crate::analysis::scene::{Scene, ids};
use crate::model::finding::{Rule, Severity};
use crate::model::locks::{Blocker, BlockingRow};
use crate::text::span::{count, span, span_s};

/// So many waiters that a pool is likely to be stuck behind one lock.
pub(super) const MANY: usize = 5;
/// Waits longer than this many thresholds are critical.
pub(super) const FAR_PAST: u32 = 12;

/// Reads the blocking tree of each server.
pub(super) struct Blocked;

impl Check for Blocked {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let of =
            |(index, _, server)| chain(index, server, scene).or_else(|| unexplained(index, server, scene));
        scene.servers().filter_map(of).collect()
    }
}

fn chain(target: usize, server: &ServerView, scene: &Scene<'_>) -> Option<Draft> {
    let tree = &server.tree;
    let threshold = scene.settings.thresholds.lock_wait;
    let waiters = tree.rows.iter().filter(|row| row.waited_s.is_some()).count();
    let longest = tree.rows.iter().filter_map(|row| row.waited_s).fold(0.0, f64::max);
    let old = longest >= threshold.as_secs_f64();
    if tree.rows.is_empty() || !old && waiters < MANY && tree.cycles.is_empty() {
        return None;
    }
    let critical = waiters >= MANY && old || longest >= (threshold * FAR_PAST).as_secs_f64();
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let root = tree.rows.first()?;
    let title = format!("{}, {}", title_of(root, target, scene), wait(longest));
    let mut draft = Draft::new(Rule::LockChain, severity, scene.target(target), title);
    draft.backends = tree
        .rows
        .iter()
        .filter(|row| row.depth == 0)
        .filter_map(|row| Some(scene.row(target, pid(row)?)?.backend.id()))
        .collect();
    draft.since = Some(server.at.minus(std::time::Duration::try_from_secs_f64(longest).unwrap_or_default()));
    draft.evidence = evidence(target, server, scene);
    draft.suggestion = Some(suggestion(target, server, scene));
    Some(draft)
}

/// Sessions wait for locks, but who holds them could not be read.
fn unexplained(target: usize, server: &ServerView, scene: &Scene<'_>) -> Option<Draft> {
    let threshold = scene.settings.thresholds.lock_wait;
    let waiting: Vec<_> = scene
        .rows_of(target)
        .iter()
        .filter(|row| server.tree.rows.is_empty() && row.backend.waits_on_lock())
        .filter_map(|row| Some((server.at.age_of(row.backend.query_start?), row)))
        .filter(|(age, _)| *age >= threshold)
        .collect();
    let (longest, _) = waiting.iter().max_by_key(|(age, _)| *age)?;
    let sessions = count(waiting.len() as u64, "session");
    let title = format!("{sessions} blocked by locks, in statements up to {} old", span(*longest));
    let mut draft = Draft::new(Rule::LockChain, Severity::Warning, scene.target(target), title);
    draft.backends = ids(waiting.iter().map(|(_, row)| *row));
    draft.evidence.push("who holds the locks could not be read in this sample".to_owned());
    draft.alternative = Some("a lock that was given away since");
    draft.suggestion = Some(
        "SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'".to_owned(),
    );
    Some(draft)
}

fn wait(longest: f64) -> String {
    if longest > 0.0 { format!("the longest for {}", span_s(longest)) } else { "just now".to_owned() }
}

fn pid(row: &BlockingRow) -> Option<i32> {
    match row.who {
        Blocker::Backend(pid) => Some(pid),
        Blocker::Prepared => None,
    }
}

/// `pid 4711 (checkout-api)`, or what holds locks without a backend.
fn name(row: &BlockingRow, target: usize, scene: &Scene<'_>) -> String {
    let Some(pid) = pid(row) else { return "a prepared transaction".to_owned() };
    match scene.row(target, pid).map(|row| scene.label(row)) {
        Some(label) if !label.is_empty() => format!("pid {pid} ({label})"),
        _ => format!("pid {pid}"),
    }
}

fn title_of(root: &BlockingRow, target: usize, scene: &Scene<'_>) -> String {
    let blocks = root.blocks as u64;
    if root.in_cycle {
        return format!("{} wait for each other in a circle", count(blocks + 1, "session"));
    }
    format!("{} blocks {}", name(root, target, scene), count(blocks, "session"))
}

fn evidence(target: usize, server: &ServerView, scene: &Scene<'_>) -> Vec<String> {
    let roots = server.tree.rows.iter().filter(|row| row.depth == 0);
    let mut sentences: Vec<String> =
        roots.take(3).map(|root| root_sentence(root, target, server, scene)).collect();
    for circle in server.tree.cycles.iter().take(3) {
        let pids: Vec<String> = circle.iter().take(10).map(ToString::to_string).collect();
        sentences.push(format!(
            "pids {} wait in a circle: the server ends one after deadlock_timeout",
            pids.join(", ")
        ));
    }
    if let Some(queue) = server.tree.rows.iter().find(|row| row.cancel_first) {
        let behind = count(queue.blocks as u64, "session");
        sentences.push(format!("{} waits itself, and {behind} queue behind it", name(queue, target, scene)));
    }
    sentences
}

fn root_sentence(root: &BlockingRow, target: usize, server: &ServerView, scene: &Scene<'_>) -> String {
    let who = name(root, target, scene);
    let behind = count(root.blocks as u64, "session");
    let backend = pid(root).and_then(|pid| scene.row(target, pid)).map(|row| &row.backend);
    match backend.and_then(|backend| Some((backend, backend.state_change?))) {
        Some((backend, since)) => {
            let age = span(server.at.age_of(since));
            format!("{who} is {} for {age} and blocks {behind}", backend.state.as_str())
        }
        None => format!("{who} blocks {behind}"),
    }
}

fn suggestion(target: usize, server: &ServerView, scene: &Scene<'_>) -> String {
    let tree = &server.tree;
    if let Some(queue) = tree.rows.iter().find(|row| row.cancel_first) {
        let who = name(queue, target, scene);
        return format!("Cancel {who} first: those behind it run again; retry it with a short lock_timeout.");
    }
    let Some(root) = tree.rows.first() else { return String::new() };
    let idle = pid(root)
        .and_then(|pid| scene.row(target, pid))
        .is_some_and(|row| row.backend.state.is_idle_in_transaction());
    match (root.who, idle) {
        (Blocker::Prepared, _) => {
            "COMMIT PREPARED or ROLLBACK PREPARED what pg_prepared_xacts lists.".to_owned()
        }
        (_, true) => {
            format!("Terminate {}: a cancel does nothing to an idle transaction.", name(root, target, scene))
        }
        (_, false) => format!("Wait for {} or cancel its statement.", name(root, target, scene)),
    }
}
