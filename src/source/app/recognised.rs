//! What an answer was recognised as.

use super::{json, mapping::Mapping, metrics};
use crate::model::app::{AppAdvice, AppPool, AppPoolKind};
use crate::model::part::Missing;
use crate::text::{Text, clean};

/// Pools of one answer; more is a misunderstanding.
pub(super) const MOST_POOLS: usize = 512;
/// JSON takes many times its size in memory while it is read, so it is allowed less than a metrics text.
const MOST_JSON: usize = 4 << 20;
/// How much of a foreign answer is quoted.
const QUOTED: usize = 60;

/// An answer that holds pools, or at least says something about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recognised {
    /// What it is, for people.
    pub(super) shape: Text,
    pub(super) pools: Vec<AppPool>,
    pub(super) advice: Vec<AppAdvice>,
    pub(super) missing: Vec<Missing>,
    /// Which process answered, where it says so: equal for equal processes.
    pub(super) identity: Option<u64>,
    /// The application says that it is not well.
    pub(super) unwell: Option<Unwell>,
}

/// How an application says that it is not well.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unwell {
    /// `unhealthy`
    pub(super) status: Text,
    /// What it says about it.
    pub(super) words: Option<Text>,
}

/// Reads an answer, whatever its content type says. `Err`: why it is neither of the formats.
pub(super) fn read(body: &[u8], mapping: &Mapping) -> Result<Recognised, String> {
    let text = clean::decode_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut found = if text.starts_with(['{', '[']) {
        match json(text, mapping) {
            Ok(found) => found,
            // Metrics whose names need quotes begin with a brace too.
            Err(why) => metrics::read(text, mapping).ok_or(why)?,
        }
    } else {
        metrics::read(text, mapping).ok_or_else(|| foreign(text))?
    };
    found.pools.iter_mut().for_each(complete);
    Ok(found)
}

fn json(text: &str, mapping: &Mapping) -> Result<Recognised, String> {
    if text.len() > MOST_JSON {
        return Err(format!(
            "JSON of {} MiB is more than the {} MiB that are read",
            text.len() >> 20,
            MOST_JSON >> 20
        ));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(json::read(&value, mapping)),
        Err(error) => Err(format!("it begins like JSON, but: {error}")),
    }
}

fn foreign(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return "it is empty".to_owned();
    }
    let end = line.char_indices().nth(QUOTED).map_or(line.len(), |(at, _)| at);
    format!("it is neither JSON nor metrics text: `{}`", &line[..end])
}

/// Works out the numbers that follow from others.
pub(super) fn complete(pool: &mut AppPool) {
    if pool.total.is_none()
        && let (Some(size), Some(overflow)) = (pool.size, pool.overflow)
    {
        // SQLAlchemy counts its overflow from minus the size.
        pool.total = u32::try_from(i64::from(size) + overflow).ok();
    }
    match (pool.used, pool.idle, pool.total) {
        (Some(used), Some(idle), None) => pool.total = Some(used.saturating_add(idle)),
        (Some(used), None, Some(total)) if pool.kind != AppPoolKind::Pooler => {
            pool.idle = total.checked_sub(used);
        }
        (None, Some(idle), Some(total)) => pool.used = total.checked_sub(idle),
        _ => {}
    }
    if pool.max.is_none()
        && let (Some(size @ 1..), Some(more @ 0..)) = (pool.size, pool.max_overflow)
    {
        pool.max = u32::try_from(i64::from(size) + more).ok();
    }
}
