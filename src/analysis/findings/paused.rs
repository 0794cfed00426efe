//! `pool.paused`: a pooler, or one of its databases, is paused or disabled. Clients wait until somebody resumes it,
//! and nothing but a person does.

use std::time::Duration;

use super::{Check, Draft};
use crate::analysis::moment::PoolerView;
use crate::analysis::scene::{PoolScene, Scene};
use crate::model::finding::{Rule, Severity};
use crate::model::pool::Layer;
use crate::model::pooler::{PoolerDatabase, PoolerState};
use crate::model::target::TargetName;
use crate::text::span::count;

/// A pause of an ordinary switch-over is over by then.
pub(super) const BRIEF: Duration = Duration::from_secs(5);

/// Looks at what poolers say about themselves and their databases.
pub(super) struct Paused;

impl Check for Paused {
    fn check(&self, scene: &Scene<'_>) -> Vec<Draft> {
        let poolers = scene.poolers.iter().enumerate();
        poolers.filter_map(|(target, view)| stopped(target, view.as_ref()?, scene)).collect()
    }
}

/// Whether the clients of a pool wait for the end of a pause.
pub(super) fn is_paused(pool: &PoolScene<'_>, scene: &Scene<'_>) -> bool {
    let key = &pool.track.pool.key;
    let Some(view) = scene.poolers.get(pool.target).and_then(Option::as_ref) else { return false };
    let named = |database: &&PoolerDatabase| Some(&database.name) == key.database.as_ref();
    key.layer == Layer::Pooler
        && (pool.track.paused
            || whole(view).is_some()
            || view.facts.iter().flat_map(|facts| &facts.databases).find(named).is_some_and(|one| one.paused))
}

/// Whether a pause of the whole pooler would not be seen: before `PgBouncer` 1.19 it says so nowhere.
pub(super) fn hides_pauses(target: usize, scene: &Scene<'_>) -> bool {
    let view = scene.poolers.get(target).and_then(Option::as_ref);
    view.is_some_and(|view| view.facts.as_ref().is_none_or(|facts| facts.state.is_none()))
}

/// The word for a pooler that does not run as a whole.
fn whole(view: &PoolerView) -> Option<&'static str> {
    match view.facts.as_ref()?.state? {
        PoolerState::Active => None,
        PoolerState::Paused => Some("paused"),
        PoolerState::Suspended => Some("suspended"),
    }
}

fn stopped(target: usize, view: &PoolerView, scene: &Scene<'_>) -> Option<Draft> {
    let name = scene.target(target);
    let databases = view.facts.as_ref().map(|facts| facts.databases.as_slice()).unwrap_or_default();
    let named = |which: fn(&PoolerDatabase) -> bool| -> Vec<&str> {
        databases.iter().filter(|database| which(database)).map(|database| &*database.name).collect()
    };
    let pools: Vec<&PoolScene<'_>> =
        scene.pools.iter().filter(|pool| pool.target == target && is_paused(pool, scene)).collect();
    let (paused, disabled) = (named(|database| database.paused), named(|database| database.disabled));
    let waiting: u32 = pools.iter().filter_map(|pool| pool.track.pool.pending).fold(0, u32::saturating_add);
    let by_themselves = pools.iter().filter(|pool| pool.track.paused).map(|pool| &*pool.track.label);
    let what = match (whole(view), &paused[..]) {
        (Some(word), _) => format!("{name} is {word} as a whole"),
        (None, [_, ..]) => told(&name, "database", &paused, "paused"),
        (None, []) => match &by_themselves.collect::<Vec<_>>()[..] {
            [] if disabled.is_empty() => return None,
            [] => told(&name, "database", &disabled, "disabled: new clients are refused"),
            labels => told(&name, "pool", labels, "paused"),
        },
    };
    let queue = if waiting > 0 { format!("; {} wait", count(waiting, "client")) } else { String::new() };
    let severity = if waiting > 0 { Severity::Critical } else { Severity::Warning };
    let mut draft =
        Draft::new(Rule::PoolPaused, severity, TargetName::clone(&name), format!("{what}{queue}"));
    draft.sustained = BRIEF;
    draft.evidence.push(format!("the console says so: {what}"));
    if !disabled.is_empty() && !paused.is_empty() {
        draft.evidence.push(told(&name, "database", &disabled, "disabled: new clients are refused"));
    }
    draft.alternative =
        Some("a maintenance or switch-over that somebody is at; KILL leaves a database paused, too");
    draft.suggestion = Some(
        "Ask who paused it; RESUME (ENABLE for what is disabled) on its console ends it. Other processes of the \
         same pooler are paused and resumed each for itself."
            .to_owned(),
    );
    Some(draft)
}

/// `bouncer-1: databases shop, stock are paused`.
fn told(pooler: &str, noun: &str, names: &[&str], state: &str) -> String {
    match names {
        [one] => format!("{pooler}: {noun} {one} is {state}"),
        several => format!("{pooler}: {noun}s {} are {state}", several.join(", ")),
    }
}
