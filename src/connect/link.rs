//! A socket, plain or with TLS, ready for the first message of the protocol.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::socket::Socket;
use super::tap::Tap;
use super::tls;

/// The stream that the protocol runs on.
pub(super) enum Link {
    Plain(Socket),
    Tls(Box<tokio_rustls::client::TlsStream<Socket>>),
}

/// What is known about the way to the other end before anything is said on it.
pub(super) struct Path {
    /// Our own end and the peer's, of a TCP connection.
    pub(super) ends: Option<(SocketAddr, SocketAddr)>,
    /// The name of the process at the other end of a Unix socket.
    pub(super) peer_process: Option<String>,
}

impl Link {
    /// Where it leads.
    pub(super) fn path(&self) -> Path {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        };
        Path { ends: socket.ends(), peer_process: socket.peer_process() }
    }

    /// What SCRAM binds itself to, where there is TLS.
    pub(super) fn binding(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => {
                let certificates = stream.get_ref().1.peer_certificates()?;
                tls::server_end_point(certificates.first()?)
            }
        }
    }

    /// Whether it is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl TlsStream for Tap<Link> {
    fn channel_binding(&self) -> ChannelBinding {
        self.get_ref().binding().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// Tells the driver that the encrypted stream is there already: TLS is negotiated before the driver sees it.
pub(super) struct Secured;

impl TlsConnect<Tap<Link>> for Secured {
    type Stream = Tap<Link>;
    type Error = io::Error;
    type Future = Ready<io::Result<Tap<Link>>>;

    fn connect(self, stream: Tap<Link>) -> Self::Future {
        ready(Ok(stream))
    }
}
