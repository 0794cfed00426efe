//! What every rule starts from: the scene, its findings by pool, which pools leak, and where a pool's connections lead.

use std::collections::HashMap;
use std::sync::Arc;

use crate::analysis::moment::ServerView;
use crate::analysis::scene::{PoolScene, Scene};
use crate::analysis::settings::Machine;
use crate::analysis::sizing::budget::Usable;
use crate::analysis::sizing::provider;
use crate::model::facts::ServerFacts;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::pool::{Layer, PoolKey};
use crate::model::target::TargetName;

/// One moment with its findings.
pub(super) struct Given<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) findings: &'a [Finding],
    places: HashMap<&'a PoolKey, usize>,
    /// Pools that leak, and the findings that say so.
    leaks: Vec<(usize, &'a Finding)>,
}

/// One pool with its place in the scene.
pub(super) type Placed<'a> = (usize, &'a PoolScene<'a>);

impl<'a> Given<'a> {
    pub(super) fn new(scene: &'a Scene<'a>, findings: &'a [Finding]) -> Self {
        let keys = scene.pools.iter().enumerate().map(|(place, pool)| (&pool.track.pool.key, place));
        let places: HashMap<&PoolKey, usize> = keys.collect();
        let leaks = findings
            .iter()
            .filter(|finding| is_leak(finding))
            .filter_map(|finding| Some((*places.get(finding.pool.as_ref()?)?, finding)))
            .collect();
        Self { scene, findings, places, leaks }
    }

    /// Every pool.
    pub(super) fn pools(&self) -> impl Iterator<Item = Placed<'a>> + use<'a> {
        self.scene.pools.iter().enumerate()
    }

    /// The pools of one server as it sees them.
    pub(super) fn pools_of(&self, target: usize) -> impl Iterator<Item = Placed<'a>> + use<'a> {
        self.pools()
            .filter(move |(_, pool)| pool.target == target && pool.track.pool.key.layer == Layer::Server)
    }

    /// The findings of a rule.
    pub(super) fn of(&self, rule: Rule) -> impl Iterator<Item = &'a Finding> + use<'a> {
        self.findings.iter().filter(move |finding| finding.rule == rule)
    }

    /// The findings of a rule that are about a pool, with it.
    pub(super) fn on_pools(&self, rule: Rule) -> Vec<(&'a Finding, Placed<'a>)> {
        self.of(rule).filter_map(|finding| Some((finding, self.placed(finding)?))).collect()
    }

    /// The finding of a rule on a pool.
    pub(super) fn on(&self, rule: Rule, pool: &PoolScene<'_>) -> Option<&'a Finding> {
        self.of(rule).find(|finding| finding.pool.as_ref() == Some(&pool.track.pool.key))
    }

    pub(super) fn placed(&self, finding: &Finding) -> Option<Placed<'a>> {
        let place = *self.places.get(finding.pool.as_ref()?)?;
        Some((place, self.scene.pools.get(place)?))
    }

    /// The leak of a pool, or of what its connections lead to or come from: in whichever layer it shows.
    pub(super) fn leak_of(&self, place: usize) -> Option<&'a Finding> {
        let same_line = |other: usize| {
            self.scene.layers.iter().any(|line| {
                let holds = |wanted| stages(line).any(|pool| pool == wanted);
                holds(place) && holds(other)
            })
        };
        let found = self.leaks.iter().find(|(leaking, _)| *leaking == place || same_line(*leaking));
        found.map(|(_, finding)| *finding)
    }

    /// The worst leak on a server.
    pub(super) fn leak_on(&self, target: &TargetName) -> Option<&'a Finding> {
        self.leaks.iter().map(|(_, finding)| *finding).find(|finding| finding.target == *target)
    }

    /// The index of the PostgreSQL target that a pool's connections end at, where that is known.
    pub(super) fn server_of(&self, place: usize) -> Option<usize> {
        let pool = self.scene.pools.get(place)?;
        if pool.track.pool.key.layer == Layer::Server {
            return Some(pool.target);
        }
        let line = self.scene.layers.iter().find(|line| stages(line).any(|other| other == place));
        let through = line.and_then(|line| line.server.as_ref()?.pools.first());
        let through = through.and_then(|pool| self.scene.pools.get(*pool)).map(|pool| pool.target);
        let mut servers = self.scene.servers().map(|(target, ..)| target);
        // With a single server there is no other.
        through.or_else(|| servers.next().filter(|_| servers.next().is_none()))
    }

    pub(super) fn server(&self, target: usize) -> Option<&'a ServerView> {
        self.scene.servers.get(target)?.as_ref()
    }

    pub(super) fn facts(&self, target: usize) -> Option<&'a Arc<ServerFacts>> {
        self.server(target)?.facts.as_ref()
    }

    /// What of a server's slots is for applications.
    pub(super) fn usable(&self, target: usize) -> Option<Usable> {
        let settings = &self.facts(target)?.settings;
        let (max, superuser, reserved) =
            (settings.max_connections, settings.superuser_reserved, settings.reserved);
        (max > 0).then(|| Usable::of(max.into(), superuser.into(), reserved.into()))
    }

    /// The slots of a server.
    pub(super) fn slots(&self, target: &TargetName) -> Option<&'a Limit> {
        self.scene.limits.iter().find(|limit| limit.scope == LimitScope::Server && limit.target == *target)
    }

    pub(super) fn machine(&self, target: usize) -> Option<&'a Machine> {
        self.scene.settings.machines.get(&self.scene.statuses.get(target)?.name)
    }

    /// Who runs a server: what the profile says, else what its roles give away.
    pub(super) fn provider(&self, target: usize) -> Option<&'static str> {
        let said = self.machine(target).and_then(|machine| provider::find(machine.provider.as_deref()?));
        let found = said.or_else(|| provider::detect(&self.facts(target)?.roles))?;
        provider::WORDS.get(found).copied()
    }
}

/// Suspects and worse. A broken bound alone is no leak.
fn is_leak(finding: &Finding) -> bool {
    finding.rule.is_leak() && finding.rule != Rule::PoolBoundExceeded && finding.severity >= Severity::Warning
}

fn stages(line: &crate::analysis::layers::LayerLine) -> impl Iterator<Item = usize> {
    let stages = [&line.application, &line.pooler, &line.server];
    stages.into_iter().flatten().flat_map(|stage| stage.pools.iter().copied())
}
