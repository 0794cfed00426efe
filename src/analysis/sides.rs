//! What applications and poolers say about the pools of a server, out of a moment, for the server's next sample.
//!
//! Nothing is guessed here: an application counts where its pools lead to one pool of one server alone, and a pooler
//! where it lends its connections out and the join proves who has the one at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::layers::{LayerLine, Stage};
use super::leaks::reported::ClientSide;
use super::moment::{Moment, PoolRow};
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;

/// An answer of an application older than this says nothing about now: three readings at the usual interval. Real time,
/// as the interval of applications is.
const FRESH: Duration = Duration::from_secs(15);

/// What the other ends say, by the server that it is about.
pub(super) fn sides(moment: &Moment) -> BTreeMap<TargetName, Vec<ClientSide>> {
    let mut sides: BTreeMap<TargetName, Vec<ClientSide>> = BTreeMap::new();
    let applications = moment.layers.iter().filter_map(|line| application(line, moment));
    for side in applications.chain(poolers(moment)) {
        sides.entry(TargetName::clone(&side.pool.target)).or_default().push(side);
    }
    sides
}

/// What an application counts that reaches one pool of a server, and nothing in between.
fn application(line: &LayerLine, moment: &Moment) -> Option<ClientSide> {
    let application = line.application.as_ref().filter(|stage| !stage.one_of_several)?;
    let server = line.server.as_ref().filter(|stage| !stage.shared && line.pooler.is_none())?;
    let [pool] = pools(server, moment)?[..] else { return None };
    let reported = pools(application, moment)?;
    let checked_out = application.used?;
    // More than the server has: some of it leads elsewhere.
    let open = reported.iter().map(|row| row.pool.total).fold(checked_out, u32::max);
    if pool.pool.via_pooler || open > pool.pool.total {
        return None;
    }
    let names: BTreeSet<&str> = reported.iter().map(|row| &*row.pool.key.target).collect();
    let said: Option<Vec<Timestamp>> = reported.iter().map(|row| said_at(row, moment)).collect();
    Some(ClientSide {
        pool: pool.pool.key.clone(),
        source: Text::line(&names.into_iter().collect::<Vec<_>>().join(" and ")),
        said: said?.into_iter().min()?,
        checked_out: Some(checked_out),
        linked: Vec::new(),
    })
}

fn pools<'a>(stage: &Stage, moment: &'a Moment) -> Option<Vec<&'a PoolRow>> {
    stage.pools.iter().map(|pool| moment.pools.get(*pool)).collect()
}

/// When the application of a pool answered, if that is not too long ago.
fn said_at(row: &PoolRow, moment: &Moment) -> Option<Timestamp> {
    let at = moment.apps.get(row.target)?.as_ref()?.at;
    (moment.at.age_of(at) <= FRESH).then_some(at)
}

/// The backends that poolers have lent to clients. In session mode a connection belongs to its client for good, so that
/// one which idles says nothing.
fn poolers(moment: &Moment) -> Vec<ClientSide> {
    let mut lent: BTreeMap<usize, (BTreeSet<usize>, Vec<i32>)> = BTreeMap::new();
    for row in &moment.backends {
        let Some(via) = row.via.filter(|via| via.lent && via.client.is_some()) else { continue };
        let (poolers, pids) = lent.entry(row.pool).or_default();
        poolers.insert(via.pooler);
        pids.push(row.backend.pid());
    }
    let side = |(pool, (poolers, linked)): (usize, (BTreeSet<usize>, Vec<i32>))| {
        let names: Vec<&str> =
            poolers.iter().filter_map(|target| Some(&*moment.targets.get(*target)?.name)).collect();
        let times = poolers.iter().filter_map(|target| Some(moment.poolers.get(*target)?.as_ref()?.at));
        Some(ClientSide {
            pool: moment.pools.get(pool)?.pool.key.clone(),
            source: Text::line(&names.join(" and ")),
            said: times.min()?,
            checked_out: None,
            linked,
        })
    };
    lent.into_iter().filter_map(side).collect()
}
