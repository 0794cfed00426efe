//! Reaching a server: connection strings, secrets, TLS, the console client.
//!
//! [`Conninfo`] merges what libpq would merge; [`open`] turns it into one [`Connection`], which knows whether it
//! ends at the server itself or rides through a pooler, and keeps its settings from leaking accordingly.

pub mod conninfo;
pub mod console;
pub mod env_file;
pub mod environment;
pub mod notice;
pub mod redis;
pub mod row;
pub mod session;

mod error;
mod link;
mod login;
mod open;
mod passfile;
mod password;
mod socket;
mod tap;
mod tls;
mod wire;

pub use conninfo::{Conninfo, ConninfoError, DsnKind};
pub use console::{Answer, Console, ROW_LIMIT};
pub use env_file::EnvFile;
pub use environment::Environment;
pub use notice::Notice;
pub use open::open;
pub use redis::{RedisConnection, Reply};
pub use row::{RawText, RowExt};
pub use session::{Connection, Purpose};
pub use tls::system_tls;
pub use tokio_postgres::Row;
pub use tokio_postgres::types::{ToSql, Type};

/// The name that every session of pooltop carries, but for those that may run through a pooler to a server: there the next
/// client would inherit it.
pub const APPLICATION_NAME: &str = "pooltop";
