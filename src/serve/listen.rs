//! Where to listen: an address that can be bound, and that may be served without a token.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpListener, lookup_host};

/// Certificate and key in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No address.
    #[error("'{0}' is no address to listen on: write HOST:PORT, such as 127.0.0.1:9899 or [::1]:9899")]
    NoAddress(String),
    /// An address that others can reach, and no token.
    #[error(
        "{0} can be reached from other machines, which needs a token: --token-file FILE or POOLTOP_TOKEN"
    )]
    NoToken(SocketAddr),
    /// A token that can be guessed or not be sent.
    #[error(
        "the token must have at least {0} characters, all of them visible ASCII; `openssl rand -hex 32` makes one"
    )]
    BadToken(usize),
    /// The address cannot be bound.
    #[error("cannot listen on {at}: {why}")]
    Bind {
        /// Where.
        at: SocketAddr,
        /// Why, and what to try.
        why: String,
    },
    /// Certificate and key cannot be used.
    #[error("{0}")]
    Tls(String),
}

/// Binds the first address that `listen` stands for.
pub(super) async fn bind(listen: &str, has_token: bool) -> Result<TcpListener, ServeError> {
    let no_address = || ServeError::NoAddress(listen.to_owned());
    let mut addresses = lookup_host(listen).await.map_err(|_| no_address())?;
    let at = addresses.next().ok_or_else(no_address)?;
    if !at.ip().is_loopback() && !has_token {
        return Err(ServeError::NoToken(at));
    }
    TcpListener::bind(at).await.map_err(|error| ServeError::Bind { at, why: why(&error, at) })
}

fn why(error: &io::Error, at: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; --listen takes another port".to_owned(),
        io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}", at.ip()),
        io::ErrorKind::PermissionDenied => {
            format!("port {} is for privileged programs; take one from 1024 on", at.port())
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_served_is_refused_with_the_reason() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = taken.local_addr().unwrap().to_string();
        let held = std::net::TcpListener::bind(&taken).ok();
        for (listen, token, said) in [
            ("nonsense", false, "no address"),
            ("127.0.0.1:99999", false, "no address"),
            ("127.0.0.1", false, "no address"),
            ("0.0.0.0:0", false, "needs a token"),
            ("[::]:0", false, "needs a token"),
            ("192.0.2.1:9899", true, "this machine has no address 192.0.2.1"),
            (&taken, false, "another program listens there"),
        ] {
            let refused = bind(listen, token).await.map(drop);
            // Some machines have no IPv6; then the address is none.
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(said), "{listen}: {error}");
        }
        drop(held);
        assert!(bind("127.0.0.1:0", false).await.is_ok());
        assert!(bind("0.0.0.0:0", true).await.is_ok());
    }

    #[test]
    fn a_port_of_the_privileged_is_named() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(why(&error, ([127, 0, 0, 1], 80).into()).contains("port 80"));
    }
}
