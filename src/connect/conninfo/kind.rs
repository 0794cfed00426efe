//! What kind of target a string names.

use super::{ConninfoError, uri};

/// What a target's string is, by its form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsnKind {
    /// `postgres://…` and its many spellings, or a libpq keyword string.
    Postgres,
    /// `pgbouncer://…`, `odyssey://…`, `pgcat://…`, `pgdog://…`, `pgpool://…`: the console of a pooler.
    Console,
    /// `redis://…` or `rediss://…`.
    Redis,
    /// `http://…` or `https://…`: an application's metrics.
    Http,
    /// None of these: the name of a profile.
    Name,
}

impl DsnKind {
    /// Tells a target's kind from its form; an address with a scheme of its own is an error that names the valid ones.
    pub fn of(dsn: &str) -> Result<Self, ConninfoError> {
        let scheme = dsn.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("redis" | "rediss") => Ok(Self::Redis),
            Some("http" | "https") => Ok(Self::Http),
            _ if uri::is_uri(dsn) => uri::scheme(dsn).map(|scheme| match scheme {
                uri::Scheme::Postgres => Self::Postgres,
                uri::Scheme::Console(_) => Self::Console,
            }),
            _ if dsn.contains('=') => Ok(Self::Postgres),
            _ => Ok(Self::Name),
        }
    }
}
