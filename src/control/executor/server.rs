//! The server that an operation is meant for, as parameters of our statements.

use std::net::IpAddr;

use crate::connect::{ToSql, Type};
use crate::model::sample::ServerIdentity;

/// One parameter with its type.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// A [`ServerIdentity`] in the server's own types, so that the server compares it with itself.
#[derive(Clone, Debug)]
pub(super) struct Server {
    postmaster_start: jiff::Timestamp,
    in_recovery: bool,
    address: Option<String>,
    port: Option<i32>,
}

impl Server {
    /// `None` where the address cannot be understood, so that nothing could be compared with it.
    pub(super) fn of(identity: &ServerIdentity) -> Option<Self> {
        let (address, port) = match identity.address.as_deref() {
            None => (None, None),
            Some(text) => {
                let (address, port) = text.rsplit_once(':')?;
                let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
                (Some(address.to_string()), Some(i32::from(port.parse::<u16>().ok()?)))
            }
        };
        let postmaster_start = identity.postmaster_start.to_jiff();
        Some(Self { postmaster_start, in_recovery: identity.in_recovery, address, port })
    }

    /// Start, recovery, address, port: in this order in every statement that asks.
    pub(super) fn params(&self) -> [Param<'_>; 4] {
        [
            (&self.postmaster_start, Type::TIMESTAMPTZ),
            (&self.in_recovery, Type::BOOL),
            (&self.address, Type::TEXT),
            (&self.port, Type::INT4),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn an_address_is_understood_or_nothing_is_compared() {
        for (text, expected) in [
            (None, Some((None, None))),
            (Some("10.0.0.1:5432"), Some((Some("10.0.0.1"), Some(5432)))),
            (Some("[2001:db8::1]:5433"), Some((Some("2001:db8::1"), Some(5433)))),
            (Some("::1:5432"), Some((Some("::1"), Some(5432)))),
            (Some("db1:5432"), None),
            (Some("10.0.0.1"), None),
            (Some("10.0.0.1:x"), None),
        ] {
            let identity = ServerIdentity {
                postmaster_start: Timestamp::from_micros(1),
                address: text.map(Into::into),
                in_recovery: false,
            };
            let server = Server::of(&identity);
            let found = server.as_ref().map(|server| (server.address.as_deref(), server.port));
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
