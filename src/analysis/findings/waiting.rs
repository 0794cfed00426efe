//! `pool.waiting`: clients are queued at a pooler, or requests in an application.

use std::time::Duration;

use super::paused::{hides_pauses, is_paused};
use super::{Check, Draft};
use crate::analysis::moment::ClientRow;
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::model::pool::Layer;
use crate::model::pooler::ClientState;
use crate::text::span::{count, span_s};

/// A client queued for this long is a warning, s.
pub(super) const LONG_S: f64 = 1.0;
/// A client queued for this long is critical, s.
pub(super) const TOO_LONG_S: f64 = 5.0;
/// A queue, however short its waits, is a notice after this.
pub(super) const STANDING: Duration = Duration::from_secs(5);
/// Clients that are named.
const NAMED: usize = 5;

/// Looks at the queues of poolers and applications.
pub(super) struct Waiting;

impl Check for Waiting {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        // Who waits for the end of a pause is told with the pause.
        let pools = scene.pools.iter().filter(|pool| !is_paused(pool, scene));
        pools.filter_map(|pool| locked_out(pool, scene).or_else(|| queued(pool, scene))).collect()
    }
}

fn queued(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let pending = seen.pending.filter(|pending| *pending > 0)?;
    let longest = seen.max_wait_s.unwrap_or(0.0);
    let severity = match longest {
        s if s >= TOO_LONG_S => Severity::Critical,
        s if s >= LONG_S => Severity::Warning,
        _ => Severity::Notice,
    };
    let of_application = seen.key.layer == Layer::Application;
    let waiters = count(pending, if of_application { "request" } else { "client" });
    let label = &pool.track.label;
    let told = seen.max_wait_s.map(|longest| format!(", the longest for {}", span_s(longest)));
    let title = format!("{label}: {waiters} queued{}", told.unwrap_or_default());
    let mut draft = Draft::on_pool(Rule::PoolWaiting, severity, pool, title);
    if severity == Severity::Notice {
        draft.sustained = STANDING;
    }
    draft.since = Some(pool.at.minus(Duration::try_from_secs_f64(longest).unwrap_or_default()));
    let (used, idle) = (seen.used.unwrap_or(0), seen.idle.unwrap_or(0));
    let what = if of_application { "connection of the application's pool" } else { "server connection" };
    draft.evidence.push(format!("{waiters} wait for a {what}: {used} in use, {idle} idle"));
    draft.evidence.extend(who(pool, scene));
    draft.alternative = Some("a burst of traffic that the pool is about to work off");
    draft.suggestion = Some(
        "First see whether the pool leaks or a statement holds it; then make it larger or the transactions shorter."
            .to_owned(),
    );
    Some(draft)
}

/// Clients wait and the pooler has no server connection at all, not even one that logs in: that is no queue.
fn locked_out(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let seen = &pool.track.pool;
    let pending = seen.pending.filter(|pending| *pending > 0)?;
    if seen.key.layer != Layer::Pooler || seen.total > 0 || seen.used.is_none() {
        return None;
    }
    let longest = seen.max_wait_s.filter(|wait| *wait > 0.0);
    let severity =
        if longest.is_some_and(|wait| wait >= TOO_LONG_S) { Severity::Critical } else { Severity::Warning };
    let clients = count(pending, "client");
    let title =
        format!("{}: {clients} wait and the pooler has no connection to the server", pool.track.label);
    let mut draft = Draft::on_pool(Rule::PoolWaiting, severity, pool, title);
    draft.sustained = STANDING;
    draft.since = longest.map(|wait| pool.at.minus(Duration::try_from_secs_f64(wait).unwrap_or_default()));
    draft.evidence.push(match longest {
        Some(wait) => {
            format!("{clients} wait, the longest for {}; no server connection is open", span_s(wait))
        }
        None => format!(
            "{clients} wait to log in, for which the pooler counts no time; no server connection is open"
        ),
    });
    draft.evidence.extend(who(pool, scene));
    let unseen = hides_pauses(pool.target, scene);
    draft.evidence.push(if unseen {
        "the server is unreachable, full or refuses the pooler; or the whole pooler is paused, which this version does not show".to_owned()
    } else {
        "the pooler is not paused: the server is unreachable, full or refuses the pooler's login".to_owned()
    });
    draft.alternative = Some("a server that has just been restarted");
    let pause = if unseen { "; if it was paused, RESUME on its console" } else { "" };
    draft.suggestion = Some(format!(
        "See the pooler's log for the server's answer, and try its login from the pooler's machine. It tries again \
         only after server_login_retry{pause}."
    ));
    Some(draft)
}

/// The clients that have waited the longest.
fn who(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<String> {
    let waiting: Vec<&ClientRow> = scene
        .clients(pool)
        .filter(|row| row.pooled().is_some_and(|client| client.state == ClientState::Waiting))
        .collect();
    let named: Vec<String> = waiting.iter().take(NAMED).filter_map(|row| told(row)).collect();
    let more = match waiting.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| format!("waiting: {}{more}", named.join(", ")))
}

/// `web-1 10.0.7.1:40001 for 3s`.
fn told(row: &ClientRow) -> Option<String> {
    let client = row.pooled()?;
    let name = client.application_name.as_deref().filter(|name| !name.is_empty());
    let name = name.map(|name| format!("{name} ")).unwrap_or_default();
    let wait = client.wait_us.filter(|wait| *wait > 0);
    let wait = wait.map(|wait| format!(" for {}", span_s(wait as f64 / 1e6))).unwrap_or_default();
    Some(format!("{name}{}{wait}", client.client))
}
