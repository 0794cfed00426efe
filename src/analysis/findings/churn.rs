//! `connection.churn`: a pool opens connections all the time. Each costs the server a process and the client tens
//! of milliseconds.

use super::{Check, Draft};
use crate::analysis::redis::RedisTracker;
use crate::analysis::scene::{PoolScene, Scene, is_current};
use crate::model::finding::{Rule, Severity};
use crate::model::target::{TargetName, TargetStatus};

/// Fewer connections opened in a minute than this are nothing, however small the pool.
pub(super) const FEW: u32 = 60;

/// Compares what a pool opened in the last minute with its size.
pub(super) struct Churn;

impl Check for Churn {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let pools = scene.pools.iter().filter_map(|pool| churning(pool, scene));
        let servers = scene.redis().filter_map(|(_, status, tracker)| short_lived(status, tracker, scene));
        pools.chain(servers).collect()
    }
}

/// A Redis server counts every connection that it takes, also those too short for any sample.
fn short_lived(status: &TargetStatus, tracker: &RedisTracker, scene: &Scene<'_>) -> Option<Draft> {
    let (received, held) = (tracker.received.sum(), tracker.held().unwrap_or(0));
    if !is_current(status) || received <= u64::from(FEW.max(held)) {
        return None;
    }
    let name = TargetName::clone(&status.name);
    let title = format!("{name}: {received} connections opened in the last minute");
    let mut draft = Draft::new(Rule::ConnectionChurn, Severity::Notice, name, title);
    draft.sustained = scene.settings.thresholds.sustained;
    draft
        .evidence
        .push(format!("{received} received in a minute (total_connections_received), {held} open now"));
    draft.alternative = Some("health checks that connect each time");
    draft.suggestion = Some("Keep one pool per process instead of a connection per request.".to_owned());
    Some(draft)
}

fn churning(pool: &PoolScene<'_>, scene: &Scene<'_>) -> Option<Draft> {
    let opened = pool.track.opened_last_minute();
    let size = pool.track.pool.peak;
    if opened <= FEW.max(size) {
        return None;
    }
    let title = format!("{}: {opened} connections opened in the last minute", pool.track.label);
    let mut draft = Draft::on_pool(Rule::ConnectionChurn, Severity::Notice, pool, title);
    draft.sustained = scene.settings.thresholds.sustained;
    draft.evidence.push(format!("{opened} opened in a minute by a pool of at most {size}"));
    draft.alternative = Some("an application that is restarting");
    draft.suggestion = Some(
        "Keep connections open (pool, persistent connections, larger minimum), or recycle them less often."
            .to_owned(),
    );
    Some(draft)
}
