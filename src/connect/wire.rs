//! Whether a connection ends at the server itself.
//!
//! A session-level setting made through a transaction pooler is inherited by the next application, so nothing but
//! proof counts. Over TCP the proof is that the server sees our own socket. On a Unix socket it is the name of the
//! process at the other end. A pooler proves itself when the process id that it announced is not the backend's.

use std::net::{IpAddr, SocketAddr};

use crate::model::target::Wire;

/// What this end and the server know about one connection.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// `pgbouncer=true` was given.
    pub(super) declared_pooled: bool,
    /// The process id that the other end announced when the session began.
    pub(super) announced_pid: i32,
    /// `pg_backend_pid()`.
    pub(super) backend_pid: i32,
    /// Our own end and the peer's, of a TCP connection.
    pub(super) ends: Option<(SocketAddr, SocketAddr)>,
    /// `inet_client_addr()`, `inet_client_port()`.
    pub(super) client: Option<(IpAddr, u16)>,
    /// `inet_server_port()`.
    pub(super) server_port: Option<u16>,
    /// The process at the other end of a Unix socket.
    pub(super) peer_process: Option<&'a str>,
}

/// Weighs the evidence.
pub(super) fn judge(evidence: &Evidence<'_>) -> Wire {
    if evidence.declared_pooled || evidence.announced_pid != evidence.backend_pid {
        return Wire::Pooled;
    }
    let proven = match evidence.ends {
        Some((own, peer)) => is_our_socket(own, peer, evidence),
        None => matches!(evidence.peer_process, Some("postgres" | "postmaster")),
    };
    if proven { Wire::Direct } else { Wire::Unproven }
}

/// The server sees our port, and at least one address or port that this end sees too. Address translation changes
/// one side at a time; that a pooler's own connection has our port *and* one of these in common does not happen.
fn is_our_socket(own: SocketAddr, peer: SocketAddr, evidence: &Evidence<'_>) -> bool {
    let Some((client, port)) = evidence.client else { return false };
    port == own.port()
        && (client.to_canonical() == own.ip().to_canonical() || evidence.server_port == Some(peer.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence<'static> {
        Evidence {
            declared_pooled: false,
            announced_pid: 77,
            backend_pid: 77,
            ends: Some(("10.0.0.2:40001".parse().unwrap(), "10.0.0.9:5432".parse().unwrap())),
            client: Some(("10.0.0.2".parse().unwrap(), 40001)),
            server_port: Some(5432),
            peer_process: None,
        }
    }

    #[test]
    fn only_our_own_socket_seen_by_the_server_is_direct() {
        let unix = || Evidence { ends: None, client: None, server_port: None, ..evidence() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (case, evidence, expected) in [
            ("same socket", evidence(), Wire::Direct),
            (
                "translated client address",
                Evidence { client: Some((ip("192.0.2.1"), 40001)), ..evidence() },
                Wire::Direct,
            ),
            ("translated server port", Evidence { server_port: Some(15432), ..evidence() }, Wire::Direct),
            (
                "mapped IPv6",
                Evidence { client: Some((ip("::ffff:10.0.0.2"), 40001)), server_port: None, ..evidence() },
                Wire::Direct,
            ),
            (
                "other client port",
                Evidence { client: Some((ip("10.0.0.2"), 40002)), ..evidence() },
                Wire::Unproven,
            ),
            (
                "same port by chance",
                Evidence { client: Some((ip("192.0.2.1"), 40001)), server_port: Some(6432), ..evidence() },
                Wire::Unproven,
            ),
            ("server on a Unix socket behind TCP", Evidence { client: None, ..evidence() }, Wire::Unproven),
            ("another process id", Evidence { announced_pid: 183_395_814, ..evidence() }, Wire::Pooled),
            ("declared", Evidence { declared_pooled: true, ..evidence() }, Wire::Pooled),
            ("Unix, postgres", Evidence { peer_process: Some("postgres"), ..unix() }, Wire::Direct),
            ("Unix, something else", Evidence { peer_process: Some("socat"), ..unix() }, Wire::Unproven),
            ("Unix, unknown", unix(), Wire::Unproven),
        ] {
            assert_eq!(judge(&evidence), expected, "{case}");
        }
    }
}
