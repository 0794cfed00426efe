//! Connection settings: read from a string, a service file and the environment, merged, typed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::notice::Notice;
use crate::model::secret::SecretString;
use crate::text::Text;

mod foreign;
mod keys;
mod keyword;
mod kind;
mod merge;
mod redis;
mod service;
mod typed;
mod uri;

pub use kind::DsnKind;

/// A connection string, service file or variable that cannot be understood. Never shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {hint}")]
pub struct ConninfoError {
    /// What is wrong, naming the key and where it was found.
    pub message: Text,
    /// What to write instead.
    pub hint: Text,
}

impl ConninfoError {
    pub(super) fn new(message: &str, hint: &str) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// The port's value is not shown: in an address with an unencoded password it may be a part of the password.
fn bad_port() -> ConninfoError {
    ConninfoError::new(
        "the port is not a number from 1 to 65535",
        "in an address, encode / ? # and @ of a password as %2F %3F %23 %40",
    )
}

/// Where one host of the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing was said: the first default Unix socket that exists when connecting, else `localhost`.
    Default,
    /// A directory that holds `.s.PGSQL.<port>`.
    Unix(PathBuf),
    /// A name or an address, resolved at every connect.
    Name(String),
}

/// One host of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Where it is; also the name that a certificate and the passfile are checked with.
    pub(super) place: Place,
    /// `hostaddr`: connect there without resolving the name.
    pub(super) address: Option<IpAddr>,
    /// The port.
    pub(super) port: u16,
}

impl Host {
    /// `db1:5432`, `[::1]:5432`, `/run/postgresql:5432`.
    pub(super) fn label(&self) -> String {
        match &self.place {
            Place::Default => format!("localhost:{}", self.port),
            Place::Unix(directory) => format!("{}:{}", directory.display(), self.port),
            Place::Name(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Place::Name(name) => format!("{name}:{}", self.port),
        }
    }
}

/// Which server of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl SessionAttrs {
    /// libpq's word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }
}

/// How much TLS is wanted, in libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RootCert {
    /// The system's store.
    System,
    /// A file that was named.
    File(PathBuf),
    /// `~/.postgresql/root.crt`, used where it exists.
    Default(Option<PathBuf>),
}

/// TLS settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ssl {
    pub(super) mode: SslMode,
    /// `sslnegotiation=direct`: TLS from the first byte, without asking.
    pub(super) direct: bool,
    pub(super) root: RootCert,
    /// Client certificate: a named file must exist, the default one may be missing.
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) revoked: Option<PathBuf>,
    /// Whether the server's name is sent in clear.
    pub(super) sni: bool,
}

/// Whether SCRAM must be bound to the TLS channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Disable,
    Prefer,
    Require,
}

/// Merged and typed settings of one target.
///
/// Holds what is known before connecting; names are resolved and passwords fetched at every connect, because
/// both change while pooltop runs. Cloning is cheap enough for one clone per connection attempt. `Debug` masks
/// secrets.
#[derive(Clone, Debug)]
pub struct Conninfo {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) secrets: Secrets,
    pub(super) ssl: Ssl,
    pub(super) binding: Binding,
    pub(super) attrs: SessionAttrs,
    /// `load_balance_hosts=random`.
    pub(super) shuffle: bool,
    /// For names, every host, TLS and authentication together.
    pub(super) connect_timeout: Duration,
    /// `pgbouncer=true` was given: treat the wire as pooled without asking.
    pub(super) pooled: bool,
    /// `redis://` or `rediss://`: the database is a number, and TLS begins at once.
    pub(super) redis: bool,
}

/// Where a password may come from, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// Given by a person just now.
    pub(super) prompted: Option<SecretString>,
    /// A program and its arguments, run at every connect.
    pub(super) command: Option<Command>,
    /// From the connection string, service file or `PGPASSWORD`.
    pub(super) given: Option<SecretString>,
    /// Read at every connect.
    pub(super) passfile: Option<PathBuf>,
}

/// A program with arguments; `Debug` shows the program only, because an argument may be a token.
#[derive(Clone)]
pub(super) struct Command(pub(super) Vec<String>);

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({:?}, …)", self.0.first())
    }
}

impl Conninfo {
    /// Reads a connection string (address, keyword string or `""`) on top of the service file, the environment
    /// and the defaults, in this order.
    ///
    /// Keys that belong to other tools are ignored; the notices say which, and what else is worth knowing.
    pub fn resolve(dsn: &str, env: &Environment) -> Result<(Self, Vec<Notice>), ConninfoError> {
        let mut notices = Vec::new();
        if let Some(info) = redis::resolve(dsn, &mut notices) {
            return Ok((info?, notices));
        }
        let merged = merge::merge(dsn, env, &mut notices)?;
        let info = typed::build(&merged, env)?;
        if info.ssl.direct && info.ssl.mode < SslMode::Require {
            return Err(ConninfoError::new(
                "sslnegotiation=direct needs TLS",
                "add sslmode=require, verify-ca or verify-full",
            ));
        }
        Ok((info, notices))
    }

    /// `host:port/database` of every host, without any secret.
    pub fn endpoint(&self) -> Text {
        let hosts: Vec<String> = self.hosts.iter().map(Host::label).collect();
        Text::line(&format!("{}/{}", hosts.join(","), self.database))
    }

    /// The role that connects.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database (of a pooler's console: its own name for itself).
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The limit for one attempt to connect, everything included.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Whether it is known beforehand that a pooler is in between: `pgbouncer=true`, or a profile that says so.
    pub fn is_pooled(&self) -> bool {
        self.pooled
    }

    /// Whether a Redis server is meant.
    pub fn is_redis(&self) -> bool {
        self.redis
    }

    /// The same, known to lead through a pooler.
    pub fn through_pooler(mut self) -> Self {
        self.pooled = true;
        self
    }

    /// The same, asking a program for the password at every connect. No shell is involved.
    pub fn with_password_command(mut self, argv: Vec<String>) -> Self {
        self.secrets.command = (!argv.is_empty()).then_some(Command(argv));
        self
    }

    /// The same with a password that a person has just typed; it goes before every other one.
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.secrets.prompted = Some(password);
        self
    }

    /// The same with another limit for one attempt to connect.
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// The settings of one host only, for messages about it.
    pub(super) fn endpoint_of(&self, host: &Host) -> Text {
        Text::line(&format!("{}/{}", host.label(), self.database))
    }
}

/// Values by libpq's key, while they are merged.
#[derive(Default)]
struct Merged {
    values: BTreeMap<&'static str, String>,
    console: bool,
    pooled: bool,
}

impl Merged {
    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a key that no earlier layer has set.
    fn fill(&mut self, key: &'static str, value: String) {
        if self.get(key).is_none() {
            self.values.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests;
