//! What an application says about its own pools, over HTTP: JSON or a metrics text, recognised by its shape.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};

use super::probe::Check;
use super::{Description, Opener, Reading, Source, http};
use crate::model::app::{AppPool, AppPoolKind, AppSample};
use crate::model::clock::Clock;
use crate::model::part::Missing;
use crate::model::sample::{Body, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, TargetError, TargetKind, TargetName};
use crate::text::Text;

mod bounds;
mod checks;
mod json;
mod mapping;
mod metrics;
mod names;
mod prometheus;
mod recognised;
mod several;
mod shapes;
#[cfg(test)]
mod tests;
mod visit;

use http::Http;
use mapping::Mapping;
use several::Several;
use visit::{Seen, Visit};

/// Time between two readings, where the profile does not say otherwise: each takes a connection of the application's
/// own pool where its endpoint looks whether the database answers.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// The pools of an answer that was got by other means, and what it was recognised as. `Err`: why it was not.
pub fn understood(answer: &[u8]) -> Result<(Text, Vec<AppPool>), String> {
    recognised::read(answer, &Mapping::default()).map(|found| (found.shape, found.pools))
}

/// An address with everything that is needed to ask there and to understand the answer.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: Url,
    secrets: HeaderMap,
    mapping: Mapping,
    own_probe: bool,
}

impl Endpoint {
    /// Checks an address. `Err` ends the sentence "the address is …", without showing it.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = http::address(url, "http://host:port/path")?;
        Ok(Self { url, secrets: HeaderMap::new(), mapping: Mapping::default(), own_probe: false })
    }

    /// The same with a bearer token and further headers, all of them secret.
    pub fn with_secrets(
        mut self,
        bearer: Option<&SecretString>,
        headers: &[(String, SecretString)],
    ) -> Result<Self, String> {
        self.secrets = http::secrets(bearer, headers)?;
        Ok(self)
    }

    /// The same with the places of the numbers: our words, their paths or metrics.
    pub fn with_mapping(mut self, mapping: &[(String, String)]) -> Result<Self, String> {
        self.mapping = Mapping::new(mapping)?;
        Ok(self)
    }

    /// The same, where answering takes a connection of the very pool that is reported.
    pub fn with_own_probe(mut self, own_probe: bool) -> Self {
        self.own_probe = own_probe;
        self
    }

    /// `http://host:port/path`, without any secret.
    pub fn endpoint(&self) -> Text {
        Text::line(&http::endpoint(&self.url))
    }

    fn has_secret(&self) -> bool {
        !self.secrets.is_empty() || self.url.password().is_some()
    }

    /// A secret that travels in clear over a network.
    fn exposed(&self) -> Option<Missing> {
        let host = self.url.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let is_near = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        let secure = format!("https://{}", self.endpoint().trim_start_matches("http://"));
        (self.url.scheme() == "http" && !is_near && self.has_secret()).then(|| {
            Missing::new("secrecy of the token", &format!("http:// sends it to {host} in clear"))
                .with_fix(&secure)
        })
    }
}

/// How one application is asked.
#[derive(Clone, Debug)]
pub struct AppOpener {
    name: TargetName,
    endpoint: Endpoint,
    interval: Duration,
    clock: Clock,
    /// Outlives a lost connection, so that what was found out stays found out.
    several: Arc<Mutex<Several>>,
}

impl AppOpener {
    /// An application under its name in the profile, asked this often.
    pub fn new(name: TargetName, endpoint: Endpoint, interval: Duration) -> Self {
        Self { name, endpoint, interval, clock: Clock::real(), several: Arc::default() }
    }

    /// What a doctor finds out.
    pub async fn probe(&self) -> Vec<Check> {
        checks::all(self.clone()).await
    }

    async fn connect(&self, secret: Option<SecretString>) -> Result<AppSource, TargetError> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            let typed = http::secrets(Some(&secret), &[]);
            let typed = typed.map_err(|why| http::failure(&target.endpoint.url, &why, None))?;
            target.endpoint.secrets.remove(AUTHORIZATION);
            target.endpoint.secrets.extend(typed);
        }
        let http = Http::new(target.endpoint.url.clone(), target.endpoint.secrets.clone())?;
        let visit = Visit::new(&target.endpoint);
        let mut source = AppSource { target, http, visit, first: None, description: Description::default() };
        // There is no connection to be had but by asking, and an answer is worth keeping.
        source.first = Some(source.read().await?);
        Ok(source)
    }
}

impl Opener for AppOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::App
    }

    fn endpoint(&self) -> Text {
        self.endpoint.endpoint()
    }

    fn shortest_wait(&self) -> Duration {
        self.interval
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async move { Ok(Box::new(self.connect(secret).await?) as Box<dyn Source>) })
    }
}

/// An application that has answered.
struct AppSource {
    target: AppOpener,
    http: Http,
    visit: Visit,
    /// The answer to the request with which the source was opened.
    first: Option<Sample>,
    description: Description,
}

impl AppSource {
    async fn read(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        let Seen { mut found, requests } = self.visit.read(&self.http, &self.target.endpoint).await?;
        let took = self.target.clock.monotonic().saturating_sub(started);
        if self.target.endpoint.own_probe {
            found.missing.extend(take_off_own(&mut found.pools));
        }
        found.missing.extend(self.target.endpoint.exposed());
        let one_of_several = {
            let mut several = self.target.several.lock().unwrap_or_else(PoisonError::into_inner);
            several.observe(found.identity, &found.pools)
        };
        if one_of_several {
            let why = "answers come now from one process and now from another: each shows its own pools only";
            found.missing.push(Missing::new("the pools of all processes at once", why));
        }
        self.description = Description {
            kind: Some(TargetKind::App),
            version: Some(found.shape.clone()),
            missing: found.missing.clone(),
            ..Description::default()
        };
        let now = self.target.clock.now();
        Ok(Sample {
            target: Arc::clone(&self.target.name),
            at: now,
            received_at: now,
            overhead: Overhead {
                connections: 0,
                statements_per_sample: f64::from(requests),
                server_ms_per_sample: took.as_secs_f64() * 1e3,
            },
            body: Body::App(AppSample {
                shape: found.shape,
                pools: found.pools,
                advice: found.advice,
                round_trip_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                one_of_several,
                missing: found.missing,
            }),
        })
    }
}

impl Source for AppSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(async move {
            match self.first.take() {
                Some(first) => Ok(first),
                None => self.read().await,
            }
        })
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }
}

/// Takes the connection over which the endpoint looks at its database off the pool's; only where there is one pool that
/// it can be a connection of.
fn take_off_own(pools: &mut [AppPool]) -> Option<Missing> {
    let mut databases = pools.iter_mut().filter(|pool| pool.kind == AppPoolKind::Database);
    match (databases.next(), databases.next()) {
        (Some(pool), None) => {
            if let Some(used @ 1..) = pool.used {
                pool.own_probe = true;
                pool.used = Some(used - 1);
                pool.idle = pool.idle.map(|idle| idle.saturating_add(1));
            }
            None
        }
        _ => Some(Missing::new(
            "the connection of the reading itself",
            "own_probe is set, but there are several pools and it is not known whose it is",
        )),
    }
}
