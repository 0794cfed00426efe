//! What a doctor says about an application: as what its answer was recognised, its pools, and where nothing was
//! recognised, the numbers that are in it.

use serde_json::Value;

use super::http::Http;
use super::mapping::{numbers, proposal, written};
use super::{AppOpener, prometheus};
use crate::model::app::{AppPool, AppSample};
use crate::model::target::TargetError;
use crate::source::probe::{Check, Health};
use crate::text::{Text, clean, span};

/// Pools that are listed.
const MOST_POOLS: usize = 20;
/// Numbers of an unknown answer that are listed.
const MOST_NUMBERS: usize = 12;
/// Numbers among which a mapping is looked for.
const MOST_SEEN: usize = 2000;

/// Asks once, over a connection of its own.
pub(super) async fn all(target: AppOpener) -> Vec<Check> {
    match target.connect(None).await {
        Ok(mut source) => {
            let sample = source.first.take();
            sample.as_ref().and_then(|sample| sample.app()).map(recognised).unwrap_or_default()
        }
        // An answer that was there and not understood; its hint leads to where we are.
        Err(error) if error.refused && error.code.is_none() => {
            let mut checks = vec![Check::failed("application", &TargetError { hint: None, ..error })];
            checks.extend(unrecognised(&target).await);
            checks
        }
        Err(error) => vec![Check::failed("application", &error)],
    }
}

fn recognised(app: &AppSample) -> Vec<Check> {
    let took = app.round_trip_us as f64 / 1e3;
    let found = format!("{}, read in {took:.0} ms", app.shape);
    let mut checks = vec![Check::good("application", &found)];
    for pool in app.pools.iter().take(MOST_POOLS) {
        let name = if pool.name.is_empty() { "pool".to_owned() } else { format!("pool {}", pool.name) };
        checks.push(Check::good(&name, &line(pool)));
    }
    if let Some(more @ 1..) = app.pools.len().checked_sub(MOST_POOLS) {
        checks.push(Check::good("and", &span::count(more as u64, "further pool")));
    }
    checks.extend(app.missing.iter().map(Check::missing));
    checks
}

/// The numbers of a pool that are known.
fn line(pool: &AppPool) -> String {
    let number = |name: &str, value: Option<u32>| value.map(|value| format!("{name} {value}"));
    let parts = [
        number("used", pool.used),
        number("idle", pool.idle),
        number("open", pool.total),
        number("waiting", pool.pending),
        number("at most", pool.max),
        number("size", pool.size),
        pool.overflow.map(|overflow| format!("overflow {overflow}")),
        pool.own_probe.then(|| "without the reading's own connection".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "counters only".to_owned() } else { parts.join(", ") }
}

/// The numbers that an answer has, and a mapping made of those whose names give them away.
async fn unrecognised(target: &AppOpener) -> Option<Check> {
    let endpoint = &target.endpoint;
    let http = Http::new(endpoint.url.clone(), endpoint.secrets.clone()).ok()?;
    let answer = http.get(&endpoint.url).await.ok()?;
    let seen = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) => numbers(&value, MOST_SEEN),
        Err(_) => series(&clean::decode_lossy(&answer.body)),
    };
    let fix = proposal(&seen)?;
    let shown: Vec<String> =
        seen.iter().take(MOST_NUMBERS).map(|(path, value)| format!("{} = {value}", written(path))).collect();
    let more = if seen.len() > MOST_NUMBERS { ", …" } else { "" };
    let found = format!("{}{more}", shown.join(", "));
    Some(Check {
        what: "numbers in it".into(),
        health: Health::Limited,
        found: Text::line(&found),
        fix: Some(Text::line(&fix)),
    })
}

/// Metrics whose names say that they are about pools or connections.
fn series(text: &str) -> Vec<(Vec<String>, f64)> {
    let mut found: Vec<(Vec<String>, f64)> = Vec::new();
    let wanted = |name: &str| name.contains("pool") || name.contains("conn");
    prometheus::read(text, wanted, |series| {
        if found.len() < MOST_SEEN && !series.name.ends_with("_bucket") {
            found.push((vec![series.name.into_owned()], series.value));
        }
    });
    found
}
