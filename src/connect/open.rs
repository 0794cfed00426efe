//! Opening a connection: hosts in order, the wanted kind of server, one deadline for all of it.

use tokio::time::Instant;

use super::conninfo::{Conninfo, Host, SessionAttrs};
use super::error;
use super::link::Link;
use super::login::Sessions;
use super::notice::Notice;
use super::password;
use super::session::{Connection, Purpose};
use super::socket::{self, Address, Socket};
use super::tls::{self, Secured, Security};
use crate::model::secret::SecretString;
use crate::model::target::TargetError;
use crate::text::Text;

/// What every failure to connect begins with.
pub(super) const CONNECT: &str = "cannot connect to";

/// Opens one connection.
///
/// Names are resolved and the password is fetched now. Hosts are tried in order; the next one is tried when a host
/// cannot be reached, is starting up or is not of the wanted kind, as libpq does. All of this together ends within
/// the connect timeout (a password command has a limit of its own before that).
pub async fn open(info: &Conninfo, purpose: Purpose) -> Result<Connection, TargetError> {
    let wanted: &[SessionAttrs] = match info.attrs {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        ref other => std::slice::from_ref(other),
    };
    search(info, &Sessions(purpose), wanted).await
}

/// One attempt to get in at one address.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) info: &'a Conninfo,
    pub(super) host: &'a Host,
    pub(super) address: &'a Address,
    pub(super) wanted: SessionAttrs,
    pub(super) until: Instant,
    pub(super) password: Option<&'a SecretString>,
    pub(super) notices: &'a [Notice],
}

/// How a kind of session begins on a link that is ready for its first message.
pub(super) trait Entry: Sync {
    /// What comes out.
    type Session: Send;

    /// Logs in, and whatever belongs to that.
    fn enter(
        &self,
        attempt: &Attempt<'_>,
        endpoint: &Text,
        link: Link,
    ) -> impl Future<Output = Result<Self::Session, Failure>> + Send;
}

/// Why an attempt failed, and what may do better.
pub(super) struct Failure {
    pub(super) error: TargetError,
    /// Another address or host may.
    try_next: bool,
    /// The same address with TLS instead of without, or the other way round, may.
    try_other_security: bool,
}

impl Failure {
    /// The server answered, and its answer would be the same elsewhere.
    pub(super) fn last(error: TargetError) -> Self {
        Self { error, try_next: false, try_other_security: false }
    }

    /// Nobody answered here, or somebody unwanted did.
    pub(super) fn next(error: TargetError) -> Self {
        Self { error, try_next: true, try_other_security: false }
    }

    /// A login failed, and a passfile was not used: that is the likelier reason.
    fn with_reason(mut self, notices: &[Notice]) -> Self {
        if let (true, Some(notice)) = (self.error.authentication, notices.first()) {
            self.error.hint = Some(notice.text().clone());
        }
        self
    }

    fn of_tls(error: TargetError) -> Self {
        Self { error, try_next: true, try_other_security: true }
    }

    /// A server that starts up or shuts down may have a neighbour that does not; every other answer is final. A
    /// refusal that is about encryption (`pg_hba.conf`, a pooler's `client_tls_sslmode`) allows the other way.
    pub(super) fn of_login(error: TargetError) -> Self {
        let code = error.code.as_deref();
        let try_next = !error.refused || code == Some("57P03");
        let about_security = code == Some("28000") || error.message.contains("SSL required");
        Self { try_next, try_other_security: about_security, error }
    }
}

/// Searches for a server of the first wanted kind, then of the next; all kinds share the connect timeout.
pub(super) async fn search<E: Entry>(
    info: &Conninfo,
    entry: &E,
    wanted: &[SessionAttrs],
) -> Result<E::Session, TargetError> {
    let password = password::common(info).await?;
    let search = Search { info, entry, password };
    let until = Instant::now() + info.connect_timeout;
    let mut failures = Vec::new();
    for (index, kind) in wanted.iter().enumerate() {
        failures.clear();
        let until = share(until, wanted.len() - index);
        if let Some(session) = search.hosts(*kind, until, &mut failures).await? {
            return Ok(session);
        }
    }
    Err(summary(failures, info))
}

/// What stays the same for every host of one search.
struct Search<'a, E> {
    info: &'a Conninfo,
    entry: &'a E,
    password: Option<SecretString>,
}

impl<E: Entry> Search<'_, E> {
    /// Tries the hosts in order. Each gets its share of the time that is left, so that one black hole does not eat
    /// it all. `None`: all failed, each in its own way; an error: no other host would do better.
    async fn hosts(
        &self,
        wanted: SessionAttrs,
        until: Instant,
        failures: &mut Vec<TargetError>,
    ) -> Result<Option<E::Session>, TargetError> {
        let hosts = order(self.info);
        for (index, host) in hosts.iter().enumerate() {
            let until = share(until, hosts.len() - index);
            let found = match look_up(self.info, host, until).await {
                Ok(addresses) => self.host(host, &addresses, (wanted, until), failures).await?,
                Err(error) => {
                    failures.push(error);
                    None
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Tries one host's addresses in the same way.
    async fn host(
        &self,
        host: &Host,
        addresses: &[Address],
        (wanted, until): (SessionAttrs, Instant),
        failures: &mut Vec<TargetError>,
    ) -> Result<Option<E::Session>, TargetError> {
        let info = self.info;
        let mut notices = Vec::new();
        let password = match &self.password {
            Some(password) => Some(password.clone()),
            None => password::from_passfile(info, host, &mut notices),
        };
        for (index, address) in addresses.iter().enumerate() {
            let until = share(until, addresses.len() - index);
            let (password, notices) = (password.as_ref(), notices.as_slice());
            let attempt = Attempt { info, host, address, wanted, until, password, notices };
            match self.address(&attempt).await {
                Ok(session) => return Ok(Some(session)),
                Err(failure) if failure.try_next => failures.push(failure.error),
                Err(failure) => return Err(failure.with_reason(notices).error),
            }
        }
        Ok(None)
    }

    /// Tries one address, with and without TLS as `sslmode` says.
    async fn address(&self, attempt: &Attempt<'_>) -> Result<E::Session, Failure> {
        let endpoint = attempt.info.endpoint_of(attempt.host);
        let plan = tls::plan(attempt.info.ssl.mode, matches!(attempt.address, Address::Unix(_)));
        let (last, earlier) = plan.split_last().unwrap_or((&Security::Plain, &[]));
        for security in earlier {
            let link = match door(attempt, &endpoint, *security).await {
                Ok(link) => link,
                Err(failure) if failure.try_other_security => continue,
                Err(failure) => return Err(failure),
            };
            // A server that offers no TLS was asked in clear already; asking again changes nothing.
            let only_way = *security == Security::Offered && !link.is_encrypted();
            match self.entry.enter(attempt, &endpoint, link).await {
                Err(failure) if failure.try_other_security && !only_way => {}
                done => return done,
            }
        }
        let link = door(attempt, &endpoint, *last).await?;
        self.entry.enter(attempt, &endpoint, link).await
    }
}

/// A link to an address, ready for the first message.
async fn door(attempt: &Attempt<'_>, endpoint: &Text, security: Security) -> Result<Link, Failure> {
    let socket = within(attempt.until, endpoint, "no answer", Socket::connect(attempt.address))
        .await
        .map_err(Failure::next)?
        .map_err(|cause| Failure::next(error::system(CONNECT, endpoint, &cause)))?;
    if security == Security::Plain {
        return Ok(Link::Plain(socket));
    }
    // Redis has registered no name for its protocol, and proxies in front of it refuse names they do not know.
    let alpn = (!attempt.info.redis).then_some(&b"postgresql"[..]);
    let negotiated = tls::negotiate(socket, &attempt.info.ssl, attempt.host, security, alpn);
    match within(attempt.until, endpoint, "connected, but TLS was not negotiated", negotiated).await {
        Ok(Ok(Secured::Tls(stream))) => Ok(Link::Tls(stream)),
        Ok(Ok(Secured::Plain(socket))) => Ok(Link::Plain(socket)),
        Ok(Err(cause)) => Err(Failure::of_tls(error::tls(endpoint, &cause))),
        Err(overdue) => Err(Failure::next(overdue)),
    }
}

async fn look_up(info: &Conninfo, host: &Host, until: Instant) -> Result<Vec<Address>, TargetError> {
    let endpoint = info.endpoint_of(host);
    within(until, &endpoint, "the name server did not answer", socket::resolve(host))
        .await?
        .map_err(|error| error::system(CONNECT, &endpoint, &error))
}

/// Runs a step of connecting until the moment when its time is over.
pub(super) async fn within<T>(
    until: Instant,
    endpoint: &str,
    overdue: &str,
    step: impl Future<Output = T>,
) -> Result<T, TargetError> {
    tokio::time::timeout_at(until, step).await.map_err(|_| {
        let hint = "check host, port, firewall and VPN; connect_timeout sets the limit";
        error::down(CONNECT, endpoint, &format!("{overdue} in time"), Some(hint))
    })
}

/// The end of an equal share of the time that is left, for the first of `parts`.
fn share(until: Instant, parts: usize) -> Instant {
    let now = Instant::now();
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    now + until.saturating_duration_since(now) / parts
}

/// The hosts as given, or shuffled where `load_balance_hosts=random`.
fn order(info: &Conninfo) -> Vec<&Host> {
    let mut hosts: Vec<&Host> = info.hosts.iter().collect();
    if info.shuffle {
        use std::hash::{BuildHasher as _, RandomState};
        let random = RandomState::new();
        hosts.sort_by_cached_key(|host| random.hash_one(host.label()));
    }
    hosts
}

/// One error for several: a server's own answer says more than silence.
fn summary(mut failures: Vec<TargetError>, info: &Conninfo) -> TargetError {
    let count = failures.len();
    let best = failures.iter().position(|failure| failure.refused).unwrap_or(count.saturating_sub(1));
    if count == 0 {
        return error::down(CONNECT, &info.endpoint(), "no host is given", None);
    }
    let mut chosen = failures.swap_remove(best);
    if count > 1 {
        chosen.message = Text::line(&format!("{} ({count} addresses tried)", chosen.message));
    }
    chosen
}
