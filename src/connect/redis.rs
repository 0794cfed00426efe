//! One connection to a Redis server: logged in, named, and asked one batch of commands at a time.
//!
//! The driver encodes and decodes. Names, sockets, TLS and passwords are those of every other target, and the bytes are
//! counted on the way, so that no answer can fill the memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, Value};
use tokio_util::task::AbortOnDropHandle;

use super::APPLICATION_NAME;
use super::conninfo::{Conninfo, SessionAttrs};
use super::link::Link;
use super::open::{self, Attempt, CONNECT, Entry, Failure};
use crate::model::secret::{ExposeSecret as _, SecretString};
use crate::model::target::TargetError;
use crate::text::Text;

mod metered;
mod words;

use metered::{Gauge, Metered};

/// The most bytes of one batch of answers: `CLIENT LIST` takes about 350 for each client.
const ANSWER_LIMIT: usize = 64 << 20;
/// How long a batch may take. The driver's own half second is too short: a server that runs a long script answers nobody
/// meanwhile, and `CLIENT LIST` of many thousand clients takes its time.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// What every failure to talk begins with.
const ASK: &str = "cannot read from";

/// What a command returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A string of bytes.
    Bytes(Vec<u8>),
    /// A number.
    Number(i64),
    /// Several replies.
    Many(Vec<Reply>),
    /// Nil, or something that no command of ours returns.
    Nothing,
}

impl Reply {
    /// The bytes of a string.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A number, also one written as a string.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            _ => None,
        }
    }

    fn of(value: Value, endpoint: &str) -> Result<Self, TargetError> {
        Ok(match value {
            Value::BulkString(bytes) => Self::Bytes(bytes),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Self::Bytes(text.into_bytes()),
            Value::Okay => Self::Bytes(b"OK".to_vec()),
            Value::Int(number) => Self::Number(number),
            Value::Array(values) => {
                let replies: Result<Vec<Self>, TargetError> =
                    values.into_iter().map(|value| Self::of(value, endpoint)).collect();
                Self::Many(replies?)
            }
            Value::ServerError(error) => {
                return Err(words::said(ASK, endpoint, error.code(), error.details().unwrap_or_default()));
            }
            _ => Self::Nothing,
        })
    }
}

/// An open connection to a Redis server. Dropping it ends the connection.
pub struct RedisConnection {
    connection: MultiplexedConnection,
    driver: AbortOnDropHandle<()>,
    gauge: Arc<Gauge>,
    endpoint: Text,
    encrypted: bool,
    client_id: Option<u64>,
    own_end: Option<SocketAddr>,
}

impl std::fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConnection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Opens connections to Redis servers.
struct RedisDoor;

impl Entry for RedisDoor {
    type Session = RedisConnection;

    async fn enter(
        &self,
        attempt: &Attempt<'_>,
        endpoint: &Text,
        link: Link,
    ) -> Result<RedisConnection, Failure> {
        let overdue = "connected, but the server did not answer the login";
        let login = RedisConnection::log_in(attempt.info, attempt.password, endpoint, link);
        let opened = open::within(attempt.until, endpoint, overdue, login).await.map_err(Failure::next)?;
        opened.map_err(|error| if error.refused { Failure::last(error) } else { Failure::next(error) })
    }
}

impl RedisConnection {
    /// Opens a connection within the connect timeout: name, TLS, password, database, and our name for others to see.
    pub async fn open(info: &Conninfo) -> Result<Self, TargetError> {
        open::search(info, &RedisDoor, &[SessionAttrs::Any]).await.map_err(words::for_redis)
    }

    /// Sends commands in one go and returns what became of each; an error is the connection's own.
    pub async fn ask(
        &mut self,
        commands: &[&[&str]],
    ) -> Result<Vec<Result<Reply, TargetError>>, TargetError> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for words in commands {
            for (index, word) in words.iter().enumerate() {
                if index == 0 {
                    pipeline.cmd(word)
                } else {
                    pipeline.arg(word)
                };
            }
        }
        self.gauge.allow(ANSWER_LIMIT);
        match self.connection.req_packed_commands(&pipeline, 0, commands.len()).await {
            Ok(values) if values.len() == commands.len() => {
                Ok(values.into_iter().map(|value| Reply::of(value, &self.endpoint)).collect())
            }
            Ok(_) => Err(words::garbled(ASK, &self.endpoint, "another number of answers than of questions")),
            Err(error) => Err(self.lost(ASK, &error)),
        }
    }

    /// Sends one command.
    pub async fn command(&mut self, words: &[&str]) -> Result<Reply, TargetError> {
        self.ask(&[words]).await?.pop().unwrap_or(Ok(Reply::Nothing))
    }

    /// `CLIENT ID` of this connection; `None` where the user may not ask.
    pub fn client_id(&self) -> Option<u64> {
        self.client_id
    }

    /// This end of the connection as this machine sees it; behind a proxy the server sees another.
    pub fn own_end(&self) -> Option<SocketAddr> {
        self.own_end
    }

    /// `host:port/database`, without any secret.
    pub fn endpoint(&self) -> &Text {
        &self.endpoint
    }

    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether it is known to be lost.
    pub fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    async fn log_in(
        info: &Conninfo,
        password: Option<&SecretString>,
        endpoint: &Text,
        link: Link,
    ) -> Result<Self, TargetError> {
        let (encrypted, own_end) = (link.is_encrypted(), link.path().ends.map(|(own, _)| own));
        let gauge = Arc::new(Gauge::default());
        gauge.allow(ANSWER_LIMIT);
        // What the driver would send by itself is left out: its errors hide the server's words.
        let plain = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_TIME));
        let stream = Metered::new(link, Arc::clone(&gauge));
        let opened = MultiplexedConnection::new_with_config(&plain, stream, config).await;
        let (connection, driver) = opened.map_err(|error| words::broken(CONNECT, endpoint, &error))?;
        let mut opened = Self {
            connection,
            driver: AbortOnDropHandle::new(tokio::spawn(driver)),
            gauge,
            endpoint: endpoint.clone(),
            encrypted,
            client_id: None,
            own_end,
        };
        opened.authenticate(info, password).await?;
        opened.introduce(info).await?;
        Ok(opened)
    }

    /// `AUTH`, where there is something to prove.
    async fn authenticate(
        &mut self,
        info: &Conninfo,
        password: Option<&SecretString>,
    ) -> Result<(), TargetError> {
        let is_default = info.user() == "default";
        let auth = match password {
            Some(password) if is_default => vec!["AUTH", password.expose_secret()],
            Some(password) => vec!["AUTH", info.user(), password.expose_secret()],
            None if is_default => return Ok(()),
            // A user without a password is let in with any.
            None => vec!["AUTH", info.user(), ""],
        };
        match self.command(&auth).await {
            Err(error) if password.is_none() && error.authentication => Err(words::no_password(&error)),
            answer => answer.map(drop).map_err(|error| words::of_login(&error)),
        }
    }

    /// Chooses the database, gives the connection its name and asks for its number. A user without the right to name
    /// itself goes on without a name.
    async fn introduce(&mut self, info: &Conninfo) -> Result<(), TargetError> {
        let mut commands: Vec<&[&str]> = vec![&["CLIENT", "SETNAME", APPLICATION_NAME], &["CLIENT", "ID"]];
        let select = ["SELECT", info.database()];
        if info.database() != "0" {
            commands.push(&select);
        }
        let mut answers = self.ask(&commands).await.map_err(|error| words::of_login(&error))?.into_iter();
        let (named, id, selected) = (answers.next(), answers.next(), answers.next());
        for answer in [&named, &id, &selected] {
            if let Some(Err(error)) = answer
                && error.code.as_deref() != Some(words::NO_PERMISSION)
            {
                return Err(words::of_login(error));
            }
        }
        let number = id.and_then(Result::ok).and_then(|reply| reply.number());
        self.client_id = number.and_then(|id| u64::try_from(id).ok());
        Ok(())
    }

    /// Why nothing came back: what the server said before it hung up says more than that it did.
    fn lost(&self, what: &str, error: &redis::RedisError) -> TargetError {
        match self.gauge.farewell() {
            Some(farewell) => words::refused(what, &self.endpoint, &farewell),
            None => words::broken(what, &self.endpoint, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a hostile server could make of the protocol.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            "[*$%~>|=!]-?[0-9]{1,19}\r\n".prop_map(String::into_bytes),
            "[+\\-:,#(_][ -~]{0,20}\r\n".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..30),
        ];
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(bytes in hostile()) {
            if let Ok(value) = redis::parse_redis_value(&bytes) {
                let reply = Reply::of(value, "cache:6379/0");
                prop_assert!(reply.is_ok() || reply.is_err_and(|error| error.refused));
            }
        }
    }

    #[test]
    fn arrays_within_arrays_end_somewhere() {
        let deep = "*1\r\n".repeat(100_000);
        assert!(redis::parse_redis_value(deep.as_bytes()).is_err());
    }
}
