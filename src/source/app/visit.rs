//! One reading: a single address, or the three of an application's pool administration where only its base is given.

use reqwest::{StatusCode, Url};

use super::Endpoint;
use super::bounds::{self, Bound};
use super::http::{self, Answer, Http};
use super::recognised::{self, Recognised, complete};
use crate::model::part::Missing;
use crate::model::target::TargetError;
use crate::text::Text;

/// Readings after which the bounds are read again: they change with a deployment.
const BOUNDS_EVERY: u32 = 12;

/// What is known so far about where the answers are.
pub(super) struct Visit {
    place: Place,
    bounds: Vec<Bound>,
    readings: u32,
}

#[derive(Clone, PartialEq)]
enum Place {
    /// A base address of which it is not known yet what there is.
    Unknown,
    /// `/stats`, with `/health` and `/config` beside it.
    Administration,
    /// This one.
    At(Url),
}

/// What came of a reading.
pub(super) struct Seen {
    pub(super) found: Recognised,
    pub(super) requests: u32,
}

impl Visit {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let is_base = endpoint.url.path() == "/" && endpoint.url.query().is_none();
        let place = if is_base { Place::Unknown } else { Place::At(endpoint.url.clone()) };
        Self { place, bounds: Vec::new(), readings: 0 }
    }

    pub(super) async fn read(&mut self, http: &Http, endpoint: &Endpoint) -> Result<Seen, TargetError> {
        let seen = match self.place.clone() {
            Place::At(url) => {
                let found = one(http, &url, endpoint).await.map_err(|failed| failed.error)?;
                Seen { found, requests: 1 }
            }
            Place::Administration => {
                self.administration(http, endpoint).await.map_err(|failed| failed.error)?
            }
            Place::Unknown => self.search(http, endpoint).await?,
        };
        self.readings = self.readings.wrapping_add(1);
        Ok(seen)
    }

    /// Tries what an application may have below its base, until something is there.
    async fn search(&mut self, http: &Http, endpoint: &Endpoint) -> Result<Seen, TargetError> {
        match self.administration(http, endpoint).await {
            Err(failed) if failed.is_elsewhere => {}
            Err(failed) => return Err(failed.error),
            Ok(seen) => {
                self.place = Place::Administration;
                return Ok(seen);
            }
        }
        for path in ["/health", "/metrics", "/"] {
            let url = below(&endpoint.url, path);
            match one(http, &url, endpoint).await {
                Err(failed) if failed.is_elsewhere && path != "/" => {}
                Err(failed) => return Err(failed.error),
                Ok(found) => {
                    self.place = Place::At(url);
                    return Ok(Seen { found, requests: 1 });
                }
            }
        }
        Err(foreign(&endpoint.url, NO_POOL))
    }

    /// `/stats` for the numbers, `/health` for how the application is, and now and then `/config` for the bounds. Only
    /// the first must be there. Nothing is ever sent there but a GET, so nothing is reset or optimised.
    async fn administration(&mut self, http: &Http, endpoint: &Endpoint) -> Result<Seen, Failed> {
        let at = |path| below(&endpoint.url, path);
        let health = || async { http.get(&at("/health")).await };
        // Now the one first and now the other: behind two workers that take turns, the numbers would always be the same
        // one's, and it would not show that there are two.
        let early = if self.readings.is_multiple_of(2) { None } else { Some(health().await) };
        let mut found = one(http, &at("/stats"), endpoint).await?;
        let mut requests = 2;
        let health = match early {
            Some(answer) => answer,
            None => health().await,
        };
        match health {
            Ok(answer) => {
                if let Ok(health) = recognised::read(&answer.body, &endpoint.mapping) {
                    is_well(&health, &answer, &at("/health"))?;
                }
            }
            Err(error) => found.missing.push(Missing::new(HEALTH, &error.message)),
        }
        if self.readings.is_multiple_of(BOUNDS_EVERY) {
            requests += 1;
            match http.get(&at("/config")).await {
                Ok(answer) if answer.status.is_success() => {
                    let value = serde_json::from_slice(&answer.body).unwrap_or_default();
                    self.bounds = bounds::all(&value);
                }
                Ok(_) => {}
                Err(error) => found.missing.push(Missing::new("bounds of the pools", &error.message)),
            }
        }
        for pool in &mut found.pools {
            self.bounds.iter().for_each(|bound| bound.fill(pool));
            complete(pool);
        }
        Ok(Seen { found, requests })
    }
}

const HEALTH: &str = "the application's health";
const NO_POOL: &str = "no pool is recognised in the answer";

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(path);
    url
}

/// Why there is nothing at an address.
struct Failed {
    error: TargetError,
    /// Nothing is there, or something else is: the pools may be at another address.
    is_elsewhere: bool,
}

impl From<TargetError> for Failed {
    fn from(error: TargetError) -> Self {
        Self { error, is_elsewhere: false }
    }
}

/// What stands at one address. An answer without any pool is an error that says what to do.
async fn one(http: &Http, url: &Url, endpoint: &Endpoint) -> Result<Recognised, Failed> {
    let answer = http.get(url).await?;
    let status = answer.status;
    let read = recognised::read(&answer.body, &endpoint.mapping);
    if let Ok(found) = &read {
        is_well(found, &answer, url)?;
    }
    let mut found = match read {
        Ok(found) if !found.pools.is_empty() => found,
        _ if !status.is_success() => {
            let error = http::refusal(&answer, url, endpoint.has_secret());
            return Err(Failed { error, is_elsewhere: status == StatusCode::NOT_FOUND });
        }
        Ok(_) => return Err(Failed { error: foreign(url, NO_POOL), is_elsewhere: true }),
        Err(why) => return Err(Failed { error: foreign(url, &why), is_elsewhere: true }),
    };
    if !status.is_success() {
        let why = format!("it answers with HTTP {status} beside its numbers");
        found.missing.push(Missing::new(HEALTH, &why));
    }
    if let Some(unwell) = &found.unwell {
        found.missing.push(Missing::new(HEALTH, &format!("it calls itself {}", unwell.status)));
    }
    Ok(found)
}

fn foreign(url: &Url, why: &str) -> TargetError {
    let address = http::endpoint(url);
    let hint = format!("`pooltop doctor {address}` shows what it says, and a `mapping` to give it");
    TargetError { refused: true, ..http::failure(url, why, Some(&hint)) }
}

/// An application that says itself that it does not work is down, with whichever status it says so; unless it gives
/// numbers and no reason.
fn is_well(found: &Recognised, answer: &Answer, url: &Url) -> Result<(), TargetError> {
    let Some(unwell) = &found.unwell else { return Ok(()) };
    let why = match &unwell.words {
        Some(words) => format!("{}: {words}", unwell.status),
        None if found.pools.is_empty() => format!("it calls itself {}", unwell.status),
        None => return Ok(()),
    };
    let hint = "these are the application's own words: look whether it reaches its database";
    Err(TargetError {
        code: Some(Text::line(answer.status.as_str())),
        ..http::failure(url, &why, Some(hint))
    })
}
