//! The one sentence: the first kind of trouble that applies, told with its numbers.

mod sight;

use std::fmt::Write as _;

use super::scene::Scene;
use crate::model::backend::BackendId;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::pool::Layer;
use crate::model::target::{TargetError, TargetName, TargetState, TargetStatus};
use crate::model::verdict::{Verdict, VerdictKind};
use crate::text::Text;
use crate::text::span::{count, roughly, span};

/// SQLSTATE of a server without a free slot.
pub(super) const TOO_MANY_CONNECTIONS: &str = "53300";

/// A forecast further away than this is no news, s.
const FORESEEABLE_S: f64 = 3600.0;

/// How many findings support a verdict at most; the rest stands in the list of findings.
const EVIDENCE: usize = 8;

/// Sums up what was found.
pub(super) fn verdict(scene: &Scene<'_>, findings: &[Finding]) -> Verdict {
    let doubts = sight::doubts(scene);
    let found = unreachable(scene)
        .or_else(|| exhausted(scene, findings))
        .or_else(|| leak(scene, findings))
        .or_else(|| titled(VerdictKind::Blocked, findings, is_blocked))
        .or_else(|| saturated(scene, findings))
        .or_else(|| titled(VerdictKind::Paused, findings, |finding| finding.rule == Rule::PoolPaused))
        .or_else(|| titled(VerdictKind::Slow, findings, |finding| finding.rule == Rule::QuerySlow));
    let (kind, sentence) = found.unwrap_or_else(|| calm(scene, findings, &doubts));
    let mut evidence: Vec<String> = findings
        .iter()
        .map(|finding| finding.title.to_string())
        .filter(|title| *title != sentence)
        .take(EVIDENCE)
        .collect();
    if kind != VerdictKind::Unknown {
        evidence.extend(doubts);
    }
    Verdict {
        kind,
        sentence: Text::line(&sentence),
        evidence: evidence.iter().map(|e| Text::line(e)).collect(),
    }
}

type Found = Option<(VerdictKind, String)>;

/// No target answers, or each says no for another reason than being full.
fn unreachable(scene: &Scene<'_>) -> Found {
    let lost = |status: &TargetStatus| matches!(status.state, TargetState::Down | TargetState::Refused);
    let first = scene.statuses.iter().find(|status| status.error.is_some())?;
    if !scene.statuses.iter().all(lost) || scene.statuses.iter().any(is_full) {
        return None;
    }
    let verb = if first.state == TargetState::Refused { "refuses" } else { "does not answer" };
    let error = first.error.as_ref().map(|error| error.message.to_string()).unwrap_or_default();
    let others = match scene.statuses.len() {
        1 => String::new(),
        all => format!("; none of {} can be seen", count(all as u64, "target")),
    };
    Some((VerdictKind::Unreachable, format!("{} {verb}: {error}{others}", first.name)))
}

/// Whether the server answers that it has no slot for us.
fn is_full(status: &TargetStatus) -> bool {
    status.state != TargetState::Live && status.error.as_ref().is_some_and(TargetError::says_full)
}

fn exhausted(scene: &Scene<'_>, findings: &[Finding]) -> Found {
    // A pooler whose connections log in is busy, not full.
    let of_server = |finding: &&Finding| finding.rule == Rule::ServerLogins && finding.pool.is_none();
    let logins = findings.iter().find(of_server);
    let full = scene.limits.iter().find(|limit| is_used_up(limit));
    let head = if let Some(finding) = logins {
        finding.title.to_string()
    } else if let Some(limit) = full {
        let what = match limit.scope {
            LimitScope::Server | LimitScope::Redis | LimitScope::Pooler => limit.name.to_string(),
            scope => format!("{} {} on {}", scope.as_str(), limit.name, limit.target),
        };
        format!("{what} is full: {} of {} slots used", limit.used, limit.usable().unwrap_or_default())
    } else {
        let status = scene.statuses.iter().find(|status| is_full(status))?;
        let error = status.error.as_ref().map(|error| error.message.to_string()).unwrap_or_default();
        format!("{} is full: {error}", status.name)
    };
    let cause = leak(scene, findings).map(|(_, sentence)| format!("; {sentence}")).unwrap_or_default();
    Some((VerdictKind::Exhausted, format!("{head}{cause}")))
}

fn is_used_up(limit: &Limit) -> bool {
    let shared = match limit.scope {
        LimitScope::Server | LimitScope::Database | LimitScope::Role | LimitScope::Redis => true,
        // The next client is refused; of a pooler's other bounds it waits.
        LimitScope::Pooler => *limit.name == *limit.target,
        LimitScope::Pool | LimitScope::Application => false,
    };
    shared && limit.usable().is_some_and(|usable| limit.used >= usable)
}

/// The worst leak, with those of the same application on other clients.
fn leak(scene: &Scene<'_>, findings: &[Finding]) -> Found {
    let is_leak = |finding: &&Finding| {
        finding.severity >= Severity::Warning
            && (finding.rule.is_leak() || finding.rule == Rule::TransactionPrepared)
    };
    let worst = findings.iter().find(is_leak)?;
    let label = label_of(worst, scene);
    let same: Vec<&Finding> = findings
        .iter()
        .filter(is_leak)
        .filter(|finding| finding.rule == worst.rule && label_of(finding, scene) == label)
        .collect();
    let mut sentence = match worst.rule {
        Rule::LeakIdleInTransaction => idle_in_transaction(worst, &same, label, scene),
        _ => worst.title.to_string(),
    };
    let others = findings.iter().filter(is_leak).count() - same.len();
    if others > 0 {
        let _ = write!(sentence, "; {} more", count(others as u64, "suspect"));
    }
    sentence.push_str(&consequences(scene, &worst.target));
    Some((VerdictKind::Leak, sentence))
}

/// What sentences call the pool of a finding.
fn label_of<'a>(finding: &Finding, scene: &'a Scene<'_>) -> &'a str {
    let pool = scene.pools.iter().find(|pool| Some(&pool.track.pool.key) == finding.pool.as_ref());
    pool.map_or("", |pool| &*pool.track.label)
}

fn idle_in_transaction(worst: &Finding, same: &[&Finding], label: &str, scene: &Scene<'_>) -> String {
    let idle = |finding: &Finding| {
        let target = scene.statuses.iter().position(|status| status.name == finding.target);
        let row = |id: &BackendId| target.and_then(|target| scene.row(target, id.pid));
        let rows = finding.backends.iter().filter_map(row);
        rows.filter(|row| row.backend.state.is_idle_in_transaction()).count() as u64
    };
    let connections: u64 = same.iter().map(|finding| idle(finding)).sum();
    let since = same.iter().map(|finding| finding.since).min().unwrap_or(worst.since);
    let verb = if worst.severity == Severity::Critical { "leaks" } else { "may leak" };
    let clients = match same.len() {
        1 => String::new(),
        several => format!(" from {several} clients"),
    };
    let statement = worst.evidence.iter().any(|sentence| sentence.starts_with("the same last statement"));
    let statement = if statement && same.len() == 1 { ", same last statement" } else { "" };
    format!(
        "{label} {verb}: {}{clients} idle in transaction since {}{statement}",
        count(connections, "connection"),
        scene.clock(since)
    )
}

/// Who suffers and when it ends.
fn consequences(scene: &Scene<'_>, target: &TargetName) -> String {
    let mut parts = String::new();
    // Clients at poolers alone: what waits inside an application may be the same work once more.
    let poolers = scene.pools.iter().filter(|pool| pool.track.pool.key.layer == Layer::Pooler);
    let queued: u64 = poolers.filter_map(|pool| pool.track.pool.pending).map(u64::from).sum();
    if queued > 0 {
        let _ = write!(parts, "; {} queued", count(queued, "client"));
    }
    let blocked: u32 = scene.servers().map(|(_, _, server)| server.counts.blocked).sum();
    if blocked > 0 {
        let _ = write!(parts, "; {} blocked", count(blocked, "session"));
    }
    parts.push_str(&forecast(scene, target));
    parts
}

/// `; full in about 3 min`, or `; pool checkout is full`, for the limit of a target that is reached first.
fn forecast(scene: &Scene<'_>, target: &TargetName) -> String {
    scene
        .limits
        .iter()
        .filter(|limit| limit.target == *target)
        .filter_map(|limit| Some((limit, limit.exhausted_in_s.filter(|left| *left <= FORESEEABLE_S)?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(limit, left)| match limit.scope {
            LimitScope::Server if left <= 0.0 => "; the server is full".to_owned(),
            LimitScope::Server => format!("; full in about {}", roughly(left)),
            scope if left <= 0.0 => format!("; {} {} is full", scope.as_str(), limit.name),
            scope => format!("; {} {} full in about {}", scope.as_str(), limit.name, roughly(left)),
        })
        .unwrap_or_default()
}

fn is_blocked(finding: &Finding) -> bool {
    finding.rule == Rule::LockChain
}

/// Nearly full, or clients already queue.
fn saturated(scene: &Scene<'_>, findings: &[Finding]) -> Found {
    let finding = findings.iter().find(|finding| {
        finding.severity >= Severity::Warning
            && matches!(
                finding.rule,
                Rule::ServerExhaustion
                    | Rule::PoolWaiting
                    | Rule::PoolUtilization
                    | Rule::PoolTimeouts
                    | Rule::RedisClients
            )
    })?;
    let forecast = forecast(scene, &finding.target);
    Some((VerdictKind::Saturated, format!("{}{forecast}", finding.title)))
}

fn titled(kind: VerdictKind, findings: &[Finding], which: impl Fn(&Finding) -> bool) -> Found {
    findings.iter().find(|finding| which(finding)).map(|finding| (kind, finding.title.to_string()))
}

/// Nothing was found: healthy if everything was seen, else what was not.
fn calm(scene: &Scene<'_>, findings: &[Finding], doubts: &[String]) -> (VerdictKind, String) {
    if let Some(first) = doubts.first() {
        let more = match doubts.len() {
            1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        return (VerdictKind::Unknown, format!("Cannot be judged: {first}{more}"));
    }
    let used: Vec<String> = scene
        .limits
        .iter()
        .filter(|limit| matches!(limit.scope, LimitScope::Server | LimitScope::Redis))
        .filter_map(|limit| Some(format!("{} {} of {} slots", limit.name, limit.used, limit.usable()?)))
        .take(3)
        .collect();
    let used = if used.is_empty() { String::new() } else { format!(": {}", used.join(", ")) };
    let watched = match findings.first() {
        Some(finding) => format!("; watching {}", finding.title),
        None => String::new(),
    };
    (VerdictKind::Healthy, format!("No alarm{used}{watched}"))
}

/// The age of a target's data in words.
fn age_of(status: &TargetStatus) -> String {
    status.age.map_or_else(|| "no sample yet".to_owned(), |age| format!("last sample {} ago", span(age)))
}
