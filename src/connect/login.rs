//! One attempt at one address: socket, TLS, authentication, and a first look at who answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use futures_util::future::poll_fn;
use tokio::sync::{Mutex, watch};
use tokio_postgres::config::{ChannelBinding, SslMode as DriverSsl, SslNegotiation};
use tokio_postgres::{Client, Config, Row};

use super::conninfo::{Binding, SessionAttrs};
use super::error;
use super::link::{Link, Path, Secured};
use super::open::{Attempt, CONNECT, Entry, Failure, within};
use super::row::RowExt;
use super::session::{self, About, Connection, Inner, Purpose};
use super::tap::{KeyPid, Tap};
use super::wire::{self, Evidence};
use crate::model::backend::BackendId;
use crate::model::sample::ServerIdentity;
use crate::model::secret::ExposeSecret;
use crate::model::target::{TargetError, Wire};
use crate::model::time::Timestamp;
use crate::text::Text;

/// Who answered: read once, in a transaction that leaves nothing behind. A standby is in recovery, and a server is
/// read-only in the sense of `target_session_attrs` when it is one or when its default says so.
const FIRST_LOOK: &str = "
SELECT pg_catalog.pg_backend_pid() AS pid,
       (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()) AS backend_start,
       pg_catalog.host(pg_catalog.inet_client_addr()) AS client_address,
       pg_catalog.inet_client_port() AS client_port,
       pg_catalog.host(pg_catalog.inet_server_addr()) AS server_address,
       pg_catalog.inet_server_port() AS server_port,
       pg_catalog.pg_postmaster_start_time() AS postmaster_start,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.current_setting('default_transaction_read_only') = 'on' AS read_only,
       pg_catalog.current_setting('server_version') AS version,
       pg_catalog.current_setting('server_version_num')::int AS version_num";

/// A session that is logged in and not looked at yet.
struct LoggedIn {
    client: Client,
    ended: watch::Receiver<Option<TargetError>>,
    announced: KeyPid,
    encrypted: bool,
}

/// Opens sessions on servers.
pub(super) struct Sessions(pub(super) Purpose);

impl Entry for Sessions {
    type Session = Connection;

    /// Logs in, looks who answered, and sets what may be set.
    async fn enter(&self, attempt: &Attempt<'_>, endpoint: &Text, link: Link) -> Result<Connection, Failure> {
        let path = link.path();
        let session = log_in(attempt, endpoint, link).await?;
        let look = first_look(attempt, endpoint, &session.client, self.0).await?;
        if !is_wanted(&look, attempt.wanted) {
            return Err(Failure::next(unwanted(endpoint, attempt.wanted)));
        }
        let wire = wire::judge(&evidence(attempt, &path, &session, &look));
        if wire == Wire::Direct {
            let settings = session::session_settings(self.0, look.version_num);
            let set = session.client.batch_execute(&settings);
            within(attempt.until, endpoint, "logged in, but SET did not end", set)
                .await
                .map_err(Failure::next)?
                .map_err(|cause| {
                    Failure::last(error::driver("cannot set time limits on", endpoint, &cause))
                })?;
        }
        let about = about(attempt, endpoint, look, wire, session.encrypted);
        Ok(Connection::new(Inner {
            client: session.client,
            turn: Mutex::new(()),
            purpose: self.0,
            ended: session.ended,
            about,
        }))
    }
}

async fn log_in(attempt: &Attempt<'_>, endpoint: &Text, link: Link) -> Result<LoggedIn, Failure> {
    let encrypted = link.is_encrypted();
    let (tap, announced) = Tap::new(link);
    let config = config(attempt, encrypted);
    let overdue = "connected, but the server did not answer the login";
    let (client, driver) = within(attempt.until, endpoint, overdue, config.connect_raw(tap, Secured))
        .await
        .map_err(Failure::next)?
        .map_err(|cause| Failure::of_login(error::driver(CONNECT, endpoint, &cause)))?;
    if driver.parameter("server_version").is_some_and(|version| version.ends_with("/bouncer")) {
        let reason = "this is a pooler's console, not a database";
        return Err(Failure::last(error::down(CONNECT, endpoint, reason, Some("write pgbouncer://…"))));
    }
    let ended = drive(driver, endpoint.clone());
    Ok(LoggedIn { client, ended, announced, encrypted })
}

/// Only what no pooler refuses and none hands on: user and database (the driver adds `client_encoding`). `PgBouncer`
/// leaves our `application_name` on the server connection, where the next client without one would go by it.
fn config(attempt: &Attempt<'_>, encrypted: bool) -> Config {
    let info = attempt.info;
    let mut config = Config::new();
    config.user(&info.user).dbname(&info.database);
    config.channel_binding(match info.binding {
        Binding::Disable => ChannelBinding::Disable,
        Binding::Prefer => ChannelBinding::Prefer,
        Binding::Require => ChannelBinding::Require,
    });
    // TLS is there already or not wanted: `Direct` keeps the driver from asking for it again.
    if encrypted {
        config.ssl_mode(DriverSsl::Require).ssl_negotiation(SslNegotiation::Direct);
    } else {
        config.ssl_mode(DriverSsl::Disable);
    }
    if let Some(password) = attempt.password {
        config.password(password.expose_secret());
    }
    config
}

/// Runs the protocol in its own task; the receiver gets the reason when it ends.
fn drive(
    mut driver: tokio_postgres::Connection<Tap<Link>, Tap<Link>>,
    endpoint: Text,
) -> watch::Receiver<Option<TargetError>> {
    let (ended, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let reason = loop {
            match poll_fn(|cx| driver.poll_message(cx)).await {
                // Notices and notifications of our own session say nothing that anybody asked for.
                Some(Ok(_)) => {}
                Some(Err(cause)) => break error::driver("lost", &endpoint, &cause),
                None => break session::closed_here(&endpoint),
            }
        };
        ended.send_replace(Some(reason));
    });
    receiver
}

/// The first look's row.
struct Look {
    backend: BackendId,
    client: Option<(IpAddr, u16)>,
    server_port: Option<u16>,
    identity: ServerIdentity,
    read_only: bool,
    version: Text,
    version_num: u32,
}

async fn first_look(
    attempt: &Attempt<'_>,
    endpoint: &Text,
    client: &Client,
    purpose: Purpose,
) -> Result<Look, Failure> {
    let query = session::in_transaction(client, purpose.statement_timeout(), FIRST_LOOK, &[]);
    let row = within(attempt.until, endpoint, "logged in, but the first statement did not end", query)
        .await
        .map_err(Failure::next)?
        .map_err(|cause| Failure::last(error::driver("cannot read from", endpoint, &cause)))?
        .pop();
    let reason = "the first statement returned no row";
    let row = row.ok_or_else(|| Failure::last(error::down("cannot read from", endpoint, reason, None)))?;
    read_look(&row).map_err(Failure::last)
}

fn read_look(row: &Row) -> Result<Look, TargetError> {
    let start: Option<jiff::Timestamp> = row.value("backend_start")?;
    let postmaster_start: jiff::Timestamp = row.value("postmaster_start")?;
    let client_port = port(row.value("client_port")?);
    let server_port = port(row.value("server_port")?);
    let client_address: Option<IpAddr> = row.text("client_address")?.parse().ok();
    let address: Option<IpAddr> = row.text("server_address")?.parse().ok();
    let version_num: i32 = row.value("version_num")?;
    Ok(Look {
        backend: BackendId { pid: row.value("pid")?, start: start.map(Timestamp::from) },
        client: client_address.zip(client_port),
        server_port,
        identity: ServerIdentity {
            postmaster_start: postmaster_start.into(),
            address: address
                .zip(server_port)
                .map(|(address, port)| Text::line(&SocketAddr::new(address, port).to_string())),
            in_recovery: row.value("in_recovery")?,
        },
        read_only: row.value("read_only")?,
        version: row.text("version")?,
        version_num: u32::try_from(version_num).unwrap_or_default(),
    })
}

/// A port; -1 and NULL stand for a Unix socket.
fn port(value: Option<i32>) -> Option<u16> {
    value.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn is_wanted(look: &Look, wanted: SessionAttrs) -> bool {
    let standby = look.identity.in_recovery;
    match wanted {
        SessionAttrs::Any | SessionAttrs::PreferStandby => true,
        SessionAttrs::ReadWrite => !standby && !look.read_only,
        SessionAttrs::ReadOnly => standby || look.read_only,
        SessionAttrs::Primary => !standby,
        SessionAttrs::Standby => standby,
    }
}

fn unwanted(endpoint: &str, wanted: SessionAttrs) -> TargetError {
    let reason = format!("the server is not what target_session_attrs={} asks for", wanted.as_str());
    error::down(CONNECT, endpoint, &reason, Some("add the other hosts, or use target_session_attrs=any"))
}

fn evidence<'a>(attempt: &Attempt<'_>, path: &'a Path, session: &LoggedIn, look: &Look) -> Evidence<'a> {
    Evidence {
        declared_pooled: attempt.info.pooled,
        announced_pid: session.announced.load(Ordering::Relaxed),
        backend_pid: look.backend.pid,
        ends: path.ends,
        client: look.client,
        server_port: look.server_port,
        peer_process: path.peer_process.as_deref(),
    }
}

fn about(attempt: &Attempt<'_>, endpoint: &Text, look: Look, wire: Wire, encrypted: bool) -> About {
    About {
        endpoint: endpoint.clone(),
        wire,
        backend: look.backend,
        identity: look.identity,
        version: look.version,
        version_num: look.version_num,
        encrypted,
        notices: attempt.notices.to_vec(),
    }
}
