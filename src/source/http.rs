//! One GET at a time: within two seconds where nothing else is said, up to 32 MiB, and never with a secret to another host than the one it is for.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::target::TargetError;
use crate::text::Text;

/// A metrics endpoint that takes longer has other troubles than ours.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// A metrics text of a large application has a few megabytes.
const MOST_BYTES: usize = 32 << 20;
const MOST_REDIRECTS: usize = 3;
const ACCEPTED: &str =
    "application/json, text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0, */*;q=0.5";
/// How much of an error's body is quoted.
const QUOTED: usize = 200;

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    /// Where it came from, if not from where it was asked for, and whether secrets were left out on the way.
    pub(super) redirected: Option<(String, bool)>,
}

/// How long an answer may take, and what to say when it does not come.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) limit: Duration,
    pub(super) hint: &'static str,
}

/// Of an application.
const APPLICATION: Patience = Patience {
    limit: TIMEOUT,
    hint: "an application whose pool is exhausted often does not answer: look at its sessions; it is asked again, less \
           and less often",
};

/// Sends requests with the secrets of one endpoint.
pub(super) struct Http {
    client: Client,
    /// Of the endpoint; the secrets are for its scheme, host and port alone.
    origin: Url,
    secrets: HeaderMap,
}

/// An address that can be asked; it should have been of this form. `Err` ends the sentence "the address is …", without
/// showing it.
pub(super) fn address(url: &str, form: &str) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("none: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("not of the form {form}"));
    }
    Ok(url)
}

/// Headers that hold secrets, checked. `Err`: which of them cannot be sent.
pub(super) fn secrets(
    bearer: Option<&SecretString>,
    headers: &[(String, SecretString)],
) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let key =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` cannot be a header"))?;
        map.insert(key, sensitive(value.expose_secret()).ok_or_else(|| unsendable(name))?);
    }
    if let Some(bearer) = bearer {
        let value = format!("Bearer {}", bearer.expose_secret().trim());
        map.insert(AUTHORIZATION, sensitive(&value).ok_or_else(|| unsendable("bearer"))?);
    }
    Ok(map)
}

fn unsendable(name: &str) -> String {
    format!("the value of `{name}` has a character that a header cannot carry")
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Http {
    pub(super) fn new(origin: Url, secrets: HeaderMap) -> Result<Self, TargetError> {
        let tls = crate::connect::system_tls().map_err(|why| failure(&origin, &why, None))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            // A proxy of the environment would see the secrets, and endpoints of applications are near.
            .no_proxy()
            // A connection that is kept would show one of several workers for ever, and the servers' idle time-outs are
            // as long as our interval.
            .pool_max_idle_per_host(0)
            .referer(false)
            .user_agent(concat!("pooltop/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failure(&origin, &root(&error), None))?;
        Ok(Self { client, origin, secrets })
    }

    /// The whole answer, within [`TIMEOUT`].
    pub(super) async fn get(&self, url: &Url) -> Result<Answer, TargetError> {
        self.get_within(url, APPLICATION).await
    }

    /// The whole answer, if it comes in time.
    pub(super) async fn get_within(&self, url: &Url, patience: Patience) -> Result<Answer, TargetError> {
        if let Ok(answer) = tokio::time::timeout(patience.limit, self.follow(url)).await {
            return answer;
        }
        Err(failure(url, &TargetError::no_answer(patience.limit), Some(patience.hint)))
    }

    async fn follow(&self, url: &Url) -> Result<Answer, TargetError> {
        let mut at = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&at).await.map_err(|error| unanswered(&at, &error))?;
            let Some(next) = next(&response, &at) else {
                let redirected = (at != *url).then(|| (endpoint(&at), !self.is_ours(&at)));
                return self.read(response, &at, redirected).await;
            };
            at = next;
        }
        let why = format!("redirects more than {MOST_REDIRECTS} times, last to {}", endpoint(&at));
        Err(failure(url, &why, Some("give the address where it ends")))
    }

    async fn send(&self, url: &Url) -> reqwest::Result<Response> {
        // User and password of the address go by the same rule as all secrets. Setting them fails only for addresses
        // that have no host, which are none of ours.
        let (user, password, secrets) = if self.is_ours(url) {
            (self.origin.username(), self.origin.password(), self.secrets.clone())
        } else {
            ("", None, HeaderMap::new())
        };
        let mut to = url.clone();
        let _ = to.set_username(user);
        let _ = to.set_password(password);
        self.client.get(to).header(ACCEPT, ACCEPTED).headers(secrets).send().await
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    async fn read(
        &self,
        mut response: Response,
        url: &Url,
        redirected: Option<(String, bool)>,
    ) -> Result<Answer, TargetError> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(url, &error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                let why = format!("the answer is larger than {} MiB", MOST_BYTES >> 20);
                return Err(failure(url, &why, Some("give the address of the pools' metrics alone")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body, redirected })
    }
}

/// Where a redirect leads.
fn next(response: &Response, from: &Url) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let to = from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    matches!(to.scheme(), "http" | "https").then_some(to)
}

/// An address without what may be secret in it: user, password, query.
pub(super) fn endpoint(url: &Url) -> String {
    let path = if url.path() == "/" { "" } else { url.path() };
    format!("{}{path}", url.origin().ascii_serialization())
}

/// What `status` means for a person, where it is no success.
pub(super) fn refusal(answer: &Answer, url: &Url, has_secret: bool) -> TargetError {
    let status = answer.status;
    let said = words(&answer.body).map_or_else(String::new, |words| format!(": {words}"));
    let hint = match (status, &answer.redirected) {
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some((to, true))) if has_secret => {
            Some(format!("it redirects to {to}, where the secret is not sent: give that address"))
        }
        (StatusCode::UNAUTHORIZED, _) if has_secret => {
            Some("it does not accept the secret: check `bearer` and `headers` in the profile".to_owned())
        }
        (StatusCode::UNAUTHORIZED, _) => {
            Some("it wants a secret: give it `bearer` or `headers` in a profile".to_owned())
        }
        (StatusCode::FORBIDDEN, _) => {
            Some("the secret does not allow this address, or our host is not let in".to_owned())
        }
        (StatusCode::NOT_FOUND, _) => Some("nothing is there: check the path".to_owned()),
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            Some("it is asked too often: raise the target's `interval`".to_owned())
        }
        _ => None,
    };
    TargetError {
        code: Some(Text::line(status.as_str())),
        message: Text::line(&format!("{}: HTTP {status}{said}", endpoint(url))),
        hint: hint.map(|hint| Text::line(&hint)),
        refused: true,
        authentication: status == StatusCode::UNAUTHORIZED,
    }
}

/// The words of an error's body: of JSON the message, of text its first line, of HTML nothing.
fn words(body: &[u8]) -> Option<String> {
    let text = crate::text::clean::decode_lossy(&body[..body.len().min(16 << 10)]);
    let said = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => ["error", "message", "detail"]
            .iter()
            .find_map(|key| value.get(key)?.as_str().map(str::to_owned))?,
        Err(_) => {
            text.lines().next().filter(|line| !line.trim_start().starts_with(['<', '{']))?.trim().to_owned()
        }
    };
    (!said.is_empty()).then(|| said.chars().take(QUOTED).collect())
}

/// Nobody answered as an endpoint does.
pub(super) fn failure(url: &Url, why: &str, hint: Option<&str>) -> TargetError {
    TargetError {
        code: None,
        message: Text::line(&format!("{}: {why}", endpoint(url))),
        hint: hint.map(Text::line),
        refused: false,
        authentication: false,
    }
}

fn unanswered(url: &Url, error: &reqwest::Error) -> TargetError {
    let words = root(error);
    let hint = HINTS.iter().find(|(part, _)| words.contains(part)).map(|(_, hint)| *hint);
    failure(url, words.split(" (os error").next().unwrap_or_default(), hint)
}

/// The cause at the bottom, which says what happened; those above it repeat the address, which may hold a secret.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::addr_eq(cause, std::ptr::from_ref(error)) {
        // Its own words end with the address.
        return error.to_string().split(" for url").next().unwrap_or_default().to_owned();
    }
    cause.to_string()
}

/// What to try, by a part of the cause's words.
const HINTS: &[(&str, &str)] = &[
    ("Connection refused", "nothing listens there: check host and port"),
    ("lookup address", "check the host's name and this machine's DNS"),
    ("UnknownIssuer", "no trusted authority signed its certificate: SSL_CERT_FILE names one more"),
    ("CaUsedAsEndEntity", "it shows an authority's certificate as its own: issue one for it"),
    ("not valid for name", "the certificate is for another name: give that one"),
    ("not valid for any names", "the certificate has no subjectAltName: issue it again"),
    ("certificate expired", "renew the certificate"),
    ("not valid yet", "the certificate is not valid yet: check the clocks"),
    ("corrupt message", "what answers does not speak TLS: try http://"),
    ("invalid HTTP", "what answers does not speak HTTP: check the port, or try https://"),
    ("message completed", "the other end closed the connection in the middle of its answer"),
    ("reset", "the other end closed the connection: a restart, a firewall or a load balancer"),
    ("unreachable", "there is no route: check the VPN and the address"),
];
