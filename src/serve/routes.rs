//! What is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::Profile;
use super::guard::{Guard, guard};
use super::negotiate::exposition;
use crate::analysis::Moment;
use crate::export::openmetrics::{Observed, Process, openmetrics};
use crate::export::{self, Listed, Meta, Page};
use crate::model::clock::Clock;
use crate::model::time::Timestamp;

/// Where it is said that the process lives; the one answer that needs no token.
pub(super) const HEALTH: &str = "/healthz";

/// What the answers are made of.
pub(super) struct Served {
    profiles: Vec<Profile>,
    clock: Clock,
    started: Timestamp,
    scrapes: AtomicU64,
}

/// Everything that can be asked for, behind its guard.
pub(super) fn router(profiles: Vec<Profile>, clock: Clock, admit: Guard) -> Router {
    let served = Served { started: clock.now(), profiles, clock, scrapes: AtomicU64::new(0) };
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/api/v1/snapshot", get(snapshot))
        .route(HEALTH, get(health))
        .fallback(|| async {
            (StatusCode::NOT_FOUND, "Not found. There are /, /metrics, /api/v1/snapshot and /healthz.\n")
        })
        .with_state(Arc::new(served))
        .layer(from_fn_with_state(admit, guard))
}

impl Profile {
    /// The newest moment. Taken, not waited for.
    fn newest(&self) -> Option<Arc<Moment>> {
        self.moments.borrow().clone()
    }
}

/// Alive; and not ready before each profile has been looked at. How its targets stand is no matter of this process.
async fn health(State(served): State<Arc<Served>>) -> Response {
    if served.profiles.iter().all(|profile| profile.newest().is_some()) {
        "ok\n".into_response()
    } else {
        early("starting\n")
    }
}

fn early(said: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], said).into_response()
}

async fn metrics(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let format = exposition(&headers);
    let observed = served
        .profiles
        .iter()
        .map(|profile| Observed { profile: (&*profile.name).into(), moment: profile.newest() });
    let observed = observed.collect();
    let process = Process {
        started: served.started,
        now: served.clock.now(),
        scrapes: served.scrapes.fetch_add(1, Ordering::Relaxed),
    };
    let made = away(move || openmetrics(observed, process, format).ok()).await;
    match made {
        Some(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn snapshot(State(served): State<Arc<Served>>, uri: Uri) -> Response {
    let index = match served.chosen(&uri) {
        Ok(index) => index,
        Err(refused) => return *refused,
    };
    match served.made(index, |moment, meta| export::json(&export::snapshot(moment, meta))).await {
        Some(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        None => early("nothing was read yet\n"),
    }
}

/// The page of a profile; of several, without a choice, the list of them.
async fn page(State(served): State<Arc<Served>>, uri: Uri) -> Response {
    let html = if asked_for(&uri).is_none() && served.profiles.len() > 1 {
        let served = Arc::clone(&served);
        away(move || Some(served.contents())).await.unwrap_or_default()
    } else {
        let index = match served.chosen(&uri) {
            Ok(index) => index,
            Err(refused) => return *refused,
        };
        let several = served.profiles.len() > 1;
        let page = Page::Live { every_s: export::REFRESH_S, several };
        let made = served.made(index, move |moment, meta| export::html(&export::report(moment, meta), page));
        match made.await {
            Some(html) => html,
            None => return early("nothing was read yet\n"),
        }
    };
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// Makes something that takes a while where nothing else waits for it.
async fn away<T: Send + 'static>(make: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(make).await.ok().flatten()
}

/// `NAME` of `?profile=NAME`.
fn asked_for(uri: &Uri) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{}", uri.query()?)).ok()?;
    url.query_pairs().find(|(key, _)| key == "profile").map(|(_, name)| name.into_owned())
}

/// `?profile=NAME`.
fn query(name: &str) -> String {
    reqwest::Url::parse_with_params("http://localhost/", [("profile", name)])
        .ok()
        .and_then(|url| url.query().map(|query| format!("?{query}")))
        .unwrap_or_default()
}

impl Served {
    /// The profile that a request is about.
    fn chosen(&self, uri: &Uri) -> Result<usize, Box<Response>> {
        let names = || -> Vec<&str> { self.profiles.iter().map(|profile| &*profile.name).collect() };
        match asked_for(uri) {
            None if self.profiles.len() == 1 => Ok(0),
            None => Err(Box::new(say(StatusCode::BAD_REQUEST, "say which: ?profile=NAME", &names()))),
            Some(name) => {
                let found = self.profiles.iter().position(|profile| *profile.name == *name);
                found.ok_or_else(|| Box::new(say(StatusCode::NOT_FOUND, "no such profile", &names())))
            }
        }
    }

    /// What is made of the newest moment, redacted.
    async fn made<T: Send + 'static>(
        self: &Arc<Self>,
        index: usize,
        make: impl FnOnce(&Moment, &Meta) -> T + Send + 'static,
    ) -> Option<T> {
        let served = Arc::clone(self);
        away(move || {
            let profile = served.profiles.get(index)?;
            let moment = profile.newest()?;
            let meta = Meta {
                profile: (&*profile.name).into(),
                window_s: moment.at.seconds_since(served.started).max(0.0),
                interval_s: profile.interval_s,
                redaction: export::Redaction::Literals,
                operations: (profile.operations)(served.started),
            };
            Some(make(&moment, &meta))
        })
        .await
    }

    fn contents(&self) -> String {
        let pages = self.profiles.iter().map(|profile| {
            let moment = profile.newest();
            Listed {
                name: (&*profile.name).into(),
                query: query(&profile.name),
                kind: moment.as_ref().map(|moment| moment.verdict.kind),
                sentence: moment.map(|moment| {
                    let redactor = export::redactor(&moment, export::Redaction::Literals);
                    redactor.sentence(&moment.verdict.sentence)
                }),
            }
        });
        export::contents(&pages.collect::<Vec<_>>())
    }
}

/// An error of the API with the names that would have been right.
fn say(status: StatusCode, error: &str, profiles: &[&str]) -> Response {
    let body = serde_json::json!({ "error": error, "profiles": profiles });
    (status, [(CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_profile_survives_the_way_through_a_link() {
        for name in ["checkout", "db1:5432/shop, db2", "a&b=c#d", "?profile=x", "ä/%20 +"] {
            let uri: Uri = format!("/{}", query(name)).parse().unwrap();
            assert_eq!(asked_for(&uri).as_deref(), Some(name));
        }
        assert_eq!(asked_for(&"/?other=1".parse().unwrap()), None);
        assert_eq!(asked_for(&"/".parse().unwrap()), None);
    }
}
