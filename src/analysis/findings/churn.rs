//! `connection.churn`: a pool opens connections all the time. Each costs the server a process and the client tens
//! of milliseconds.

use super::{Check, Draft};
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};

/// Fewer connections opened in a minute than this are nothing, however small the pool.
const FEW: u32 = 60;

/// Compares what a pool opened in the last minute with its size.
pub(super) struct Churn;

impl Check for Churn {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        scene.pools.iter().filter_map(|pool| churning(pool, scene)).collect()
    }
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
