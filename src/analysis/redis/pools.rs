//! Which pool a Redis client belongs to.

use serde::{Deserialize, Serialize};

use crate::analysis::grouping::Bounds;
use crate::analysis::names::normalise;
use crate::analysis::roster::Roster;
use crate::model::backend::Client;
use crate::model::pool::{DeclaredRedisPool, Layer, PoolKey};
use crate::model::redis::RedisClient;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::{Text, glob};

/// Finds the pool of each client of one target. Declared pools win, the first that matches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pools {
    target: TargetName,
    declared: Vec<DeclaredRedisPool>,
    /// The last answer: clients of one pool mostly stand together in the list.
    #[serde(skip)]
    last: Option<(Traits, usize)>,
}

/// What decides about a client's pool.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Traits {
    name: Text,
    user: Text,
    library: Option<Text>,
    addr: Option<Text>,
    normal: bool,
}

impl Pools {
    pub(super) fn new(target: TargetName, declared: Vec<DeclaredRedisPool>) -> Self {
        Self { target, declared, last: None }
    }

    /// The slot of a client's pool.
    pub(super) fn slot(&mut self, client: &RedisClient, at: Timestamp, roster: &mut Roster) -> usize {
        let traits = Traits {
            name: client.name.clone(),
            user: client.user.clone(),
            library: client.library.clone(),
            addr: addr(&client.client),
            normal: client.is_normal(),
        };
        if let Some((_, slot)) = self.last.as_ref().filter(|(last, _)| *last == traits)
            && roster.track(*slot).is_some_and(|track| track.last_seen == at)
        {
            return *slot;
        }
        let declared = self.declared.iter().find(|pool| matches(pool, &traits));
        let bounds = declared.map(bounds);
        let key = match declared {
            Some(pool) => self.declared_key(pool),
            None => self.found(&traits, client),
        };
        let slot = enter(key, at, bounds, roster);
        self.last = Some((traits, slot));
        slot
    }

    /// Declared pools are shown although nobody is connected.
    pub(super) fn enter_declared(&self, at: Timestamp, roster: &mut Roster) {
        for pool in &self.declared {
            enter(self.declared_key(pool), at, Some(bounds(pool)), roster);
        }
    }

    fn found(&self, traits: &Traits, client: &RedisClient) -> PoolKey {
        PoolKey {
            application_name: Some(application(traits, client)),
            user: Some(traits.user.clone()).filter(|user| !user.is_empty()),
            client: traits.addr.clone(),
            ..self.blank()
        }
    }

    fn declared_key(&self, pool: &DeclaredRedisPool) -> PoolKey {
        let globs = [&pool.name, &pool.library, &pool.user];
        let label = globs.into_iter().flatten().next().map(|glob| Text::line(glob));
        PoolKey { declared: Some(label.unwrap_or_default()), ..self.blank() }
    }

    fn blank(&self) -> PoolKey {
        PoolKey {
            target: TargetName::clone(&self.target),
            layer: Layer::Server,
            declared: None,
            application_name: None,
            user: None,
            database: None,
            client: None,
        }
    }
}

/// The slot of a pool, with the name that a Redis pool goes by.
fn enter(key: PoolKey, at: Timestamp, bounds: Option<Bounds>, roster: &mut Roster) -> usize {
    let label = key.declared.clone().or_else(|| key.application_name.clone());
    let slot = roster.slot(key, at, bounds);
    if let (Some(track), Some(label)) = (roster.track_mut(slot), label)
        && (track.pool.key.declared.is_some() || track.pool.key.application_name.is_some())
    {
        let key = &track.pool.key;
        let place = key.client.as_ref().map_or_else(String::new, |client| format!(" {client}"));
        if key.declared.is_none() {
            track.pool.name = Text::line(&format!("{label} on {}{place}", key.target));
        }
        track.label = label;
    }
    slot
}

/// Who a client says it is: its name, else its library, else what it does for the server, else nobody.
fn application(traits: &Traits, client: &RedisClient) -> Text {
    let role = [('S', "replica"), ('M', "master"), ('O', "monitor")];
    if let Some((_, role)) = role.into_iter().find(|(flag, _)| client.flags.contains(*flag)) {
        return role.into();
    }
    if !traits.name.is_empty() {
        return normalise(&traits.name);
    }
    let library = traits.library.as_ref().and_then(|library| library.split(' ').next());
    library.map_or_else(|| "(no name)".into(), |library| Text::line(&format!("({library})")))
}

fn matches(pool: &DeclaredRedisPool, traits: &Traits) -> bool {
    let fits = |pattern: &Option<String>, value: &str| {
        pattern.as_deref().is_none_or(|pattern| glob::matches(pattern, value))
    };
    traits.normal
        && fits(&pool.name, &traits.name)
        && fits(&pool.user, &traits.user)
        && fits(&pool.library, traits.library.as_deref().unwrap_or_default())
}

fn bounds(pool: &DeclaredRedisPool) -> Bounds {
    let instances = pool.instances.max(1);
    Bounds { max: pool.max.map(|max| max.saturating_mul(instances)), instances, ..Bounds::default() }
}

fn addr(client: &Client) -> Option<Text> {
    match client {
        Client::Unknown => None,
        Client::Local => Some("local".into()),
        Client::Tcp { addr, .. } => Some(addr.clone()),
    }
}
