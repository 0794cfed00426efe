//! What pools a profile expects.

use std::time::Duration;

use super::problem::Located;
use super::reader::Section;
use super::types::PoolSettings;
use crate::model::pool::{DeclaredPool, DeclaredRedisPool};

pub(super) fn pools(profile: &mut Section<'_>) -> Vec<PoolSettings> {
    let mut names: Vec<String> = Vec::new();
    let mut read = |mut section: Section<'_>| {
        let name = section.string("name");
        match &name {
            None if !section.has("name") => {
                section.findings().add(
                    section.span.clone(),
                    "`name` is missing",
                    "every expected pool has a name",
                );
            }
            Some(given) if names.contains(&given.value) => {
                let message = format!("a second pool named `{}`", given.value);
                section.findings().add(given.span.clone(), message, "names are unique within a profile");
            }
            _ => {}
        }
        let name = name.map(|given| given.value).unwrap_or_default();
        names.push(name.clone());
        let pool = pool(&name, &mut section);
        section.finish();
        pool
    };
    profile.sections("pools").into_iter().map(&mut read).collect()
}

fn pool(name: &str, section: &mut Section<'_>) -> PoolSettings {
    let mut settings = sizes(section);
    settings.pool_timeout = section.span("pool_timeout").map(|found| found.value);
    settings.recycle = recycle(section);
    settings.pre_ping = section.boolean("pre_ping");
    settings.max_queries = section.count("max_queries", 0);
    let mut glob = |key| section.string(key).map(|found| found.value);
    settings.declared = DeclaredPool {
        name: name.into(),
        application_name: glob("application_name"),
        user: glob("user"),
        database: glob("database"),
        client: glob("client"),
        min: section.count("min", 0),
        max: max(section, &settings),
        instances: instances(section, &settings),
        command_timeout_s: section.span("command_timeout").map(seconds),
        idle_timeout_s: section.span("idle_timeout").map(seconds),
        holds_transactions: section.boolean("holds_transactions").unwrap_or(false),
    };
    if let (Some(min), Some(max)) = (settings.declared.min, settings.declared.max)
        && min > max
    {
        let message = format!("`min` is {min} and `max` is {max}");
        section.findings().add(section.span.clone(), message, "`min` is at most `max`");
    }
    settings
}

fn sizes(section: &mut Section<'_>) -> PoolSettings {
    PoolSettings {
        pool_size: section.count("pool_size", 0),
        max_overflow: section.integer("max_overflow", -1..i64::from(u32::MAX)).map(|found| found.value),
        workers: section.count("workers", 1),
        pods: section.count("pods", 1),
        ..PoolSettings::default()
    }
}

/// The most that one instance opens: `max`, or `pool_size + max_overflow`, or `pool_size` alone.
/// `pool_size = 0` and `max_overflow = -1` mean no bound.
fn max(section: &mut Section<'_>, sizes: &PoolSettings) -> Option<u32> {
    let given = section.integer("max", 1..i64::from(u32::MAX));
    let worked_out = sizes.pool_size.is_some() || sizes.max_overflow.is_some();
    if let Some(given) = given {
        if worked_out {
            let help = "give either `max`, or `pool_size` and `max_overflow`";
            section.findings().add(given.span, "`max` is given twice", help);
        }
        return u32::try_from(given.value).ok();
    }
    let overflow = u32::try_from(sizes.max_overflow.unwrap_or(0)).ok()?;
    sizes.pool_size.filter(|size| *size > 0).map(|size| size.saturating_add(overflow))
}

/// How many such pools there are: `instances`, or `pods` × `workers`.
fn instances(section: &mut Section<'_>, sizes: &PoolSettings) -> u32 {
    let given = section.integer("instances", 1..i64::from(u32::MAX));
    let product = sizes.pods.unwrap_or(1).saturating_mul(sizes.workers.unwrap_or(1));
    match given {
        Some(given) if sizes.pods.is_some() || sizes.workers.is_some() => {
            let help = "give either `instances`, or `pods` and `workers`";
            section.findings().add(given.span, "`instances` is given twice", help);
            product
        }
        Some(given) => u32::try_from(given.value).unwrap_or(1),
        None => product,
    }
}

/// −1 stands for never, as in SQLAlchemy.
fn recycle(section: &mut Section<'_>) -> Option<Duration> {
    if section.is_minus_one("recycle") {
        return None;
    }
    section.span("recycle").map(|found| found.value)
}

#[expect(clippy::needless_pass_by_value, reason = "it is a link in a chain of maps")]
fn seconds(found: Located<Duration>) -> f64 {
    found.value.as_secs_f64()
}

pub(super) fn redis_pools(profile: &mut Section<'_>) -> Vec<DeclaredRedisPool> {
    let read = |mut section: Section<'_>| {
        let mut glob = |key| section.string(key).map(|found| found.value);
        let pool = DeclaredRedisPool {
            name: glob("name"),
            user: glob("user"),
            library: glob("library"),
            max: section.count("max", 1),
            instances: section.count("instances", 1).unwrap_or(1),
        };
        if pool.name.is_none() && pool.user.is_none() && pool.library.is_none() {
            let help = "give `name`, `user` or `library`, or it would match every client";
            section.findings().add(section.span.clone(), "a Redis pool of everything", help);
        }
        section.finish();
        pool
    };
    profile.sections("redis_pools").into_iter().map(read).collect()
}
