//! Who may ask, and for what: the host that was meant, the method, no body, the token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST,
    REFERRER_POLICY, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::listen::ServeError;
use crate::model::secret::{ExposeSecret as _, SecretString};

/// How long an answer may take to be made.
const DEADLINE: Duration = Duration::from_secs(10);

/// Fewer characters can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// What every answer says about itself: it is not to be kept, not to be framed, and runs nothing.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// What a client has to know. Only its digest is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A token that can be sent in a header and not be guessed.
    pub fn new(secret: &SecretString) -> Result<Self, ServeError> {
        let token = secret.expose_secret();
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ServeError::BadToken(SHORTEST_TOKEN));
        }
        Ok(Self(digest(token.as_bytes())))
    }

    /// Whether it is the token. How long that takes says nothing about where a wrong one differs.
    fn is(&self, offered: &[u8]) -> bool {
        let offered = digest(offered);
        self.0.iter().zip(offered).fold(0, |differs, (ours, theirs)| differs | (ours ^ theirs)) == 0
    }

    /// `Bearer TOKEN`; or `Basic` with the token as the password, which is what a browser can ask its user for.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, offered)) =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '))
        else {
            return false;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(offered.trim().as_bytes());
        }
        let pair = base64(offered.trim()).filter(|_| scheme.eq_ignore_ascii_case("basic"));
        let password = pair.as_deref().and_then(|pair| pair.splitn(2, |byte| *byte == b':').nth(1));
        password.is_some_and(|password| self.is(password))
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What is behind base64, in its usual alphabet.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|one| *one == byte)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
        bits &= 0xffff;
    }
    Some(out)
}

/// Who is let in.
#[derive(Clone)]
pub(super) struct Guard {
    token: Option<Token>,
    /// Names by which a browser on this machine may mean us; `None`: any, because a token is needed.
    hosts: Option<Arc<[String]>>,
}

impl Guard {
    pub(super) fn new(token: Option<Token>, at: SocketAddr, typed: &str) -> Self {
        let address = match at.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let known = ["localhost", "127.0.0.1", "[::1]", &address, without_port(typed)];
        let hosts = known.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { token, hosts: at.ip().is_loopback().then_some(hosts) }
    }

    /// Why a request is not let through; `None`: it is.
    fn refusal(&self, request: &Request) -> Option<Response> {
        if !self.is_meant(request) {
            let said = "This address answers to localhost alone; a proxy has to send `Host: localhost`.\n";
            return Some((StatusCode::MISDIRECTED_REQUEST, said).into_response());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let said = "Nothing can be changed here.\n";
            return Some((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], said).into_response());
        }
        if has_body(request.headers()) {
            let said = "No request here has a body.\n";
            return Some((StatusCode::PAYLOAD_TOO_LARGE, [(CONNECTION, "close")], said).into_response());
        }
        let is_open = request.uri().path() == super::routes::HEALTH;
        match &self.token {
            Some(token) if !is_open && !token.is_in(request.headers()) => Some(unauthorized()),
            _ => None,
        }
    }

    /// Another site can let its name point at this machine and have a browser ask us; the browser then says its name.
    fn is_meant(&self, request: &Request) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        let known = |host: &str| {
            let host = without_port(host).trim_end_matches('.');
            hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
        };
        let mut named = request.headers().get_all(HOST).iter().peekable();
        // No browser leaves the host out; programs that speak HTTP/1.0 may.
        let is_named = named.peek().is_some() || request.version() == Version::HTTP_10;
        is_named
            && named.all(|host| host.to_str().is_ok_and(known))
            && request.uri().authority().is_none_or(|authority| known(authority.as_str()))
    }
}

/// `localhost` of `localhost:9899`, `[::1]` of `[::1]:9899`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    declared || headers.contains_key(TRANSFER_ENCODING)
}

fn unauthorized() -> Response {
    let mut response = (StatusCode::UNAUTHORIZED, "This needs the token.\n").into_response();
    for scheme in ["Bearer realm=\"pooltop\"", "Basic realm=\"pooltop\", charset=\"UTF-8\""] {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

/// Around every request.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let answered = match guard.refusal(&request) {
        Some(refused) => Ok(refused),
        None => tokio::time::timeout(DEADLINE, next.run(request)).await,
    };
    let mut response = answered.unwrap_or_else(|_| {
        let said = "The answer took too long to make.\n";
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], said).into_response()
    });
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::new(&"a-token-that-is-long".to_owned().into()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn loopback(token: Option<Token>) -> Guard {
        Guard::new(token, ([127, 0, 0, 1], 9899).into(), "127.0.0.1:9899")
    }

    fn ask(guard: &Guard, method: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri("/metrics");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        guard.refusal(&request).map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_answered() {
        let guard = loopback(None);
        for (host, status) in [
            ("localhost", 200),
            ("LOCALHOST:9899", 200),
            ("localhost.", 200),
            ("127.0.0.1:9899", 200),
            ("[::1]:9899", 200),
            ("[::1]", 200),
            ("evil.example", 421),
            ("evil.example:9899", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example:9899", 421),
            ("", 421),
            ("10.0.0.1", 421),
        ] {
            assert_eq!(ask(&guard, "GET", &[("host", host)]), status, "{host}");
        }
        assert_eq!(ask(&guard, "GET", &[]), 421, "HTTP/1.1 has a host");
        assert_eq!(ask(&guard, "GET", &[("host", "localhost"), ("host", "evil.example")]), 421);
        let foreign = Request::builder().uri("http://evil.example/metrics").header("host", "localhost");
        assert!(guard.refusal(&foreign.body(axum::body::Body::empty()).unwrap()).is_some());
        let anywhere = Guard::new(Some(token()), ([10, 0, 0, 1], 9899).into(), "10.0.0.1:9899");
        let right = ("authorization", "Bearer a-token-that-is-long");
        assert_eq!(ask(&anywhere, "GET", &[("host", "pooltop.example"), right]), 200);
    }

    #[test]
    fn only_reading_without_a_body_is_answered() {
        let guard = loopback(None);
        let host = ("host", "localhost");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "BREW"] {
            assert_eq!(ask(&guard, method, &[host]), 405, "{method}");
        }
        assert_eq!(ask(&guard, "HEAD", &[host]), 200);
        assert_eq!(ask(&guard, "GET", &[host, ("content-length", "0")]), 200);
        assert_eq!(ask(&guard, "GET", &[host, ("content-length", "1")]), 413);
        assert_eq!(ask(&guard, "GET", &[host, ("transfer-encoding", "chunked")]), 413);
    }

    #[test]
    fn the_token_is_asked_for_where_there_is_one() {
        let guard = loopback(Some(token()));
        // `printf 'ada:a-token-that-is-long' | base64`
        for (authorization, status) in [
            ("Bearer a-token-that-is-long", 200),
            ("bearer  a-token-that-is-long ", 200),
            ("Basic YWRhOmEtdG9rZW4tdGhhdC1pcy1sb25n", 200),
            ("Bearer a-token-that-is-lonG", 401),
            ("Bearer a-token-that-is-long-and-more", 401),
            ("Bearer", 401),
            ("Bearer ", 401),
            ("Basic a-token-that-is-long", 401),
            ("Basic YWRh", 401),
            ("Basic", 401),
            ("a-token-that-is-long", 401),
            ("", 401),
        ] {
            let headers = [("host", "localhost"), ("authorization", authorization)];
            assert_eq!(ask(&guard, "GET", &headers), status, "{authorization}");
        }
        assert_eq!(ask(&guard, "GET", &[("host", "localhost")]), 401);
        let challenges: Vec<_> = unauthorized().headers().get_all(WWW_AUTHENTICATE).iter().cloned().collect();
        assert_eq!(challenges.len(), 2);
    }

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        for bad in
            ["", "short", "with a blank in it, long", "nöt-ascii-but-long-enough", "line\nfeed-in-the-token"]
        {
            assert!(Token::new(&bad.to_owned().into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn base64_is_read_as_others_write_it() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("YQ==", Some(b"a")),
            ("YWI=", Some(b"ab")),
            ("YWJj", Some(b"abc")),
            ("YWJjZA", Some(b"abcd")),
            ("////", Some(b"\xff\xff\xff")),
            ("Y W", None),
            ("ä", None),
        ] {
            assert_eq!(base64(text).as_deref(), bytes, "{text}");
        }
    }
}
