//! Opening a connection: hosts in order, the wanted kind of server, one deadline for all of it.

use tokio::time::Instant;

use super::conninfo::{Conninfo, Host, SessionAttrs};
use super::error;
use super::login;
use super::notice::Notice;
use super::password;
use super::session::{Connection, Purpose};
use super::socket::{self, Address};
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
    let password = password::common(info).await?;
    let search = Search { info, purpose, password };
    let start = Instant::now();
    let until = start + info.connect_timeout;
    match info.attrs {
        SessionAttrs::PreferStandby => {
            let halfway = start + info.connect_timeout / 2;
            match search.run(SessionAttrs::Standby, halfway).await {
                Ok(connection) => Ok(connection),
                Err(_) => search.run(SessionAttrs::Any, until).await,
            }
        }
        wanted => search.run(wanted, until).await,
    }
}

/// What stays the same for every host of one search.
struct Search<'a> {
    info: &'a Conninfo,
    purpose: Purpose,
    password: Option<SecretString>,
}

/// One attempt to log in at one address.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) info: &'a Conninfo,
    pub(super) host: &'a Host,
    pub(super) address: &'a Address,
    pub(super) purpose: Purpose,
    pub(super) wanted: SessionAttrs,
    pub(super) until: Instant,
    pub(super) password: Option<&'a SecretString>,
    pub(super) notices: &'a [Notice],
}

/// Why an attempt failed, and whether another host may do better.
pub(super) struct Failure {
    pub(super) error: TargetError,
    pub(super) try_next: bool,
}

impl Failure {
    /// The server answered, and its answer would be the same elsewhere.
    pub(super) fn last(error: TargetError) -> Self {
        Self { error, try_next: false }
    }

    /// Nobody answered here, or somebody unwanted did.
    pub(super) fn next(error: TargetError) -> Self {
        Self { error, try_next: true }
    }
}

impl Search<'_> {
    /// Tries the hosts in order. Each gets its share of the time that is left, so that one black hole does not eat
    /// it all.
    async fn run(&self, wanted: SessionAttrs, until: Instant) -> Result<Connection, TargetError> {
        let mut failures = Vec::new();
        let hosts = order(self.info);
        for (index, host) in hosts.iter().enumerate() {
            let until = share(until, hosts.len() - index);
            match self.host(host, wanted, until).await {
                Ok(connection) => return Ok(connection),
                Err(failure) if failure.try_next => failures.push(failure.error),
                Err(failure) => return Err(failure.error),
            }
        }
        Err(summary(failures, self.info))
    }

    /// Tries one host's addresses in the same way.
    async fn host(&self, host: &Host, wanted: SessionAttrs, until: Instant) -> Result<Connection, Failure> {
        let (info, purpose) = (self.info, self.purpose);
        let addresses = look_up(info, host, until).await.map_err(Failure::next)?;
        let mut notices = Vec::new();
        let password = match &self.password {
            Some(password) => Some(password.clone()),
            None => password::from_passfile(info, host, &mut notices),
        };
        let mut failures = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            let until = share(until, addresses.len() - index);
            let (password, notices) = (password.as_ref(), notices.as_slice());
            let attempt = Attempt { info, host, address, purpose, wanted, until, password, notices };
            match login::attempt(&attempt).await {
                Err(failure) if failure.try_next => failures.push(failure.error),
                done => return done,
            }
        }
        Err(Failure::next(summary(failures, info)))
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

/// One error for several: a server's own answer says more than silence; the others are named.
fn summary(mut failures: Vec<TargetError>, info: &Conninfo) -> TargetError {
    let best =
        failures.iter().position(|failure| failure.refused).unwrap_or(failures.len().saturating_sub(1));
    if failures.is_empty() {
        return error::down(CONNECT, &info.endpoint(), "no host is given", None);
    }
    let mut chosen = failures.swap_remove(best);
    if !failures.is_empty() {
        let count = failures.len() + 1;
        chosen.message = Text::line(&format!("{} (the last of {count} addresses tried)", chosen.message));
    }
    chosen
}
