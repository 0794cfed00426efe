//! Which pool a backend belongs to.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::names::normalise;
use crate::model::backend::{BackendId, Client, Session};
use crate::model::pool::{DeclaredPool, Layer, PoolKey};
use crate::model::target::TargetName;
use crate::text::{Text, glob};

/// Who shares a transaction pooler: one user on one database from one address.
type Origin = (Text, Text, Option<Text>);

/// Finds the pool of each session of one target.
///
/// Declared pools win. The others are told apart by user, database, client address and normalised application
/// name, unless a transaction pooler was seen to lend the same backends to several applications.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Grouping {
    target: TargetName,
    declared: Vec<DeclaredPool>,
    merged: HashMap<Origin, HashSet<Text>>,
    /// Backends that are known to be a pooler's, whatever application they serve now.
    pooled: HashSet<BackendId>,
}

/// What a profile declares about a pool, over all its instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// Floor; `None` = not declared.
    pub(crate) min: Option<u32>,
    /// Ceiling; `None` = not declared.
    pub(crate) max: Option<u32>,
    /// Instances, for the sentence that prints the arithmetic.
    pub(crate) instances: u32,
    /// Longest that one statement may run, s.
    pub(crate) command_timeout_s: Option<f64>,
    /// After which it closes an idle connection, s.
    pub(crate) idle_timeout_s: Option<f64>,
    /// An idle transaction is ordinary here.
    pub(crate) holds_transactions: bool,
}

impl Grouping {
    pub(super) fn new(target: TargetName, declared: Vec<DeclaredPool>) -> Self {
        Self { target, declared, merged: HashMap::new(), pooled: HashSet::new() }
    }

    /// The pool of a session.
    pub(super) fn key(&self, session: &Session) -> PoolKey {
        // The name on a pooler's connection is that of its last client, so no declaration can go by it.
        let pooled = self.is_pooled(session);
        let may_match = |pool: &&DeclaredPool| !pooled || pool.application_name.is_none();
        let matching: Vec<&DeclaredPool> =
            self.declared.iter().filter(may_match).filter(|pool| matches(pool, session)).collect();
        if matching.is_empty() { self.found(session) } else { self.declared_key(&matching) }
    }

    /// Keys and bounds of the declared pools as they stand in the profile, for those without any backend.
    pub(super) fn declared_keys(&self) -> Vec<PoolKey> {
        self.declared.iter().map(|pool| self.declared_key(&[pool])).collect()
    }

    /// What is declared about a pool. Several declarations that match the same backends are judged together.
    pub(super) fn bounds(&self, key: &PoolKey) -> Option<Bounds> {
        let label = key.declared.as_ref()?;
        let pools: Vec<&DeclaredPool> =
            self.declared.iter().filter(|pool| label.split(JOINT).any(|name| name == &*pool.name)).collect();
        let sum = |of: fn(&DeclaredPool) -> Option<u32>| -> Option<u32> {
            pools.iter().map(|pool| of(pool).map(|bound| bound * pool.instances.max(1))).sum()
        };
        Some(Bounds {
            min: sum(|pool| pool.min),
            max: sum(|pool| pool.max),
            instances: pools.iter().map(|pool| pool.instances.max(1)).sum(),
            command_timeout_s: pools.iter().filter_map(|pool| pool.command_timeout_s).max_by(f64::total_cmp),
            // Known only where each of them has one.
            idle_timeout_s: pools
                .iter()
                .map(|pool| pool.idle_timeout_s)
                .reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)))
                .flatten(),
            holds_transactions: pools.iter().any(|pool| pool.holds_transactions),
        })
    }

    /// Learns which backends are poolers'. `true` when that was news. Whose a connection is does not change while it
    /// lives.
    pub(super) fn own(&mut self, owned: &[BackendId], alive: impl Fn(&BackendId) -> bool) -> bool {
        self.pooled.retain(|id| id.start.is_some() && alive(id));
        owned.iter().fold(false, |news, id| self.pooled.insert(*id) | news)
    }

    /// Whether a pooler of the profile owns the session.
    pub(super) fn is_pooled(&self, session: &Session) -> bool {
        self.pooled.contains(&session.id)
    }

    /// Learns that a transaction pooler lent one backend to both applications. `true` when that was news.
    pub(super) fn merge(&mut self, session: &Session, other_name: &str) -> bool {
        let names = self.merged.entry(origin(session)).or_default();
        let fresh = [normalise(&session.application_name), normalise(other_name)];
        fresh.into_iter().fold(false, |news, name| names.insert(name) | news)
    }

    /// Whether a pool is the server side of a transaction pooler.
    pub(super) fn is_merged(key: &PoolKey) -> bool {
        key.declared.is_none() && key.application_name.is_none() && key.user.is_some()
    }

    fn found(&self, session: &Session) -> PoolKey {
        let name = normalise(&session.application_name);
        let (user, database, client) = origin(session);
        let origin = (user, database, client);
        let merged =
            self.is_pooled(session) || self.merged.get(&origin).is_some_and(|names| names.contains(&name));
        let (user, database, client) = origin;
        PoolKey {
            target: TargetName::clone(&self.target),
            layer: Layer::Server,
            declared: None,
            application_name: (!merged).then_some(name),
            user: Some(user),
            database: Some(database),
            client,
        }
    }

    fn declared_key(&self, pools: &[&DeclaredPool]) -> PoolKey {
        let names: Vec<&str> = pools.iter().map(|pool| &*pool.name).collect();
        let literal = |of: fn(&DeclaredPool) -> &Option<String>| -> Option<Text> {
            let pattern = of(pools.first()?).as_deref().filter(|pattern| !pattern.contains(['*', '?']))?;
            pools.iter().all(|pool| of(pool).as_deref() == Some(pattern)).then(|| Text::line(pattern))
        };
        PoolKey {
            target: TargetName::clone(&self.target),
            layer: Layer::Server,
            declared: Some(Text::line(&names.join(JOINT))),
            application_name: literal(|pool| &pool.application_name),
            user: literal(|pool| &pool.user),
            database: literal(|pool| &pool.database),
            client: literal(|pool| &pool.client),
        }
    }
}

/// Between the names of declared pools that cannot be told apart.
const JOINT: &str = " + ";

fn matches(pool: &DeclaredPool, session: &Session) -> bool {
    let fits = |pattern: &Option<String>, value: &str| {
        pattern.as_deref().is_none_or(|pattern| glob::matches(pattern, value))
    };
    fits(&pool.application_name, &session.application_name)
        && fits(&pool.user, &session.user)
        && fits(&pool.database, &session.database)
        && fits(&pool.client, client(session).as_deref().unwrap_or_default())
}

/// Whether a pooler's client is of a declared pool. A declaration that names nothing of it fits every client, and
/// one by the client's address is about the server's side.
pub(super) fn fits_client(pool: &DeclaredPool, application: &str, user: &str, database: &str) -> bool {
    let fits = |pattern: &Option<String>, value: &str| {
        pattern.as_deref().is_none_or(|pattern| glob::matches(pattern, value))
    };
    let names = pool.application_name.is_some() || pool.user.is_some() || pool.database.is_some();
    names
        && pool.client.is_none()
        && fits(&pool.application_name, application)
        && fits(&pool.user, user)
        && fits(&pool.database, database)
}

fn origin(session: &Session) -> Origin {
    (session.user.clone(), session.database.clone(), client(session))
}

/// The client address without port; `None` where the role may not see it.
fn client(session: &Session) -> Option<Text> {
    match &session.client {
        Client::Unknown => None,
        Client::Local => Some("local".into()),
        Client::Tcp { addr, .. } => Some(addr.clone()),
    }
}

/// A pool's name for people: the declared name, else `application user@database client`.
pub(super) fn full_name(key: &PoolKey) -> Text {
    if let Some(declared) = &key.declared {
        return declared.clone();
    }
    let mut name = short_name(key).to_string();
    if let (Some(user), Some(database)) = (&key.user, &key.database)
        && key.application_name.as_ref().is_some_and(|name| !name.is_empty())
    {
        let _ = write!(name, " {user}@{database}");
    }
    if let Some(client) = &key.client {
        let _ = write!(name, " {client}");
    }
    Text::line(&name)
}

/// A pool's name inside a sentence: the declared name, else the application, else `user@database`.
pub(super) fn short_name(key: &PoolKey) -> Text {
    let application = key.application_name.as_ref().filter(|name| !name.is_empty());
    if let Some(name) = key.declared.as_ref().or(application) {
        return name.clone();
    }
    match (&key.user, &key.database) {
        (Some(user), Some(database)) if key.application_name.is_some() => {
            Text::line(&format!("{user}@{database}"))
        }
        (Some(user), Some(database)) => Text::line(&format!("{user}@{database} via pooler")),
        _ => "other".into(),
    }
}
