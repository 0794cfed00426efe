//! Connections: how many, how long, how large; and their end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::guard::{Guard, Token};
use super::listen::{ServeError, bind};
use super::{Options, Profile, routes, tls};

/// Connections at once. Scrapers and a few people; each holds one answer at most.
const CONNECTIONS: usize = 64;
/// Bytes of a request's line and headers. Nothing asked here needs a tenth of it.
const HEAD_BYTES: usize = 16 << 10;
/// Headers of a request.
const HEADERS: usize = 64;
/// How long a client may take to say what it wants; also how long an idle connection is kept.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long TLS may take to come about.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection lives. It ends between two requests; a client that does not take its answer ends with it.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long an answer that is on its way may go on when the connection is to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait where the machine has no file descriptor for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// What is said to one connection too many.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Bound and ready to answer.
pub struct Server {
    listener: TcpListener,
    at: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
}

impl Server {
    /// Listens. Nobody is answered before [`Server::run`].
    pub async fn bind(options: Options, profiles: Vec<Profile>) -> Result<Self, ServeError> {
        let token = options.token.as_ref().map(Token::new).transpose()?;
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = bind(&options.listen, token.is_some()).await?;
        let at = listener
            .local_addr()
            .map_err(|error| ServeError::NoAddress(format!("{}: {error}", options.listen)))?;
        let guard = Guard::new(token, at, &options.listen);
        let router = routes::router(profiles, options.clock, guard);
        Ok(Self { listener, at, tls, router })
    }

    /// Where it is found.
    pub fn url(&self) -> String {
        format!("{}://{}/", if self.tls.is_some() { "https" } else { "http" }, self.at)
    }

    /// Whether what it says, and the token, can be read by others on the way.
    pub fn is_exposed(&self) -> bool {
        self.tls.is_none() && !self.at.ip().is_loopback()
    }

    /// Answers until `stop`, and then those answers to their end that have begun.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let (places, mut tasks) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
        let mut stop = pin!(stop);
        loop {
            let socket = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            match (socket, Arc::clone(&places).try_acquire_owned()) {
                (Ok((socket, _)), Ok(place)) => {
                    let (tls, router, stopped) = (self.tls.clone(), self.router.clone(), stopped.clone());
                    tasks.spawn(async move {
                        answer(socket, tls, router, stopped).await;
                        drop(place);
                    });
                }
                (Ok((socket, _)), Err(_)) => refuse(socket, self.tls.is_some()),
                (Err(_), _) => sleep(BREATH).await,
            }
        }
        drop(self.listener);
        let _ = stopping.send(true);
        let rest = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(GRACE * 2, rest).await;
    }
}

/// One connection too many. What its socket does not take at once it does not get.
fn refuse(socket: TcpStream, tls: bool) {
    if !tls && let Ok(mut socket) = socket.into_std() {
        let _ = socket.write(BUSY);
    }
}

async fn answer(socket: TcpStream, tls: Option<TlsAcceptor>, router: Router, stopped: watch::Receiver<bool>) {
    let _ = socket.set_nodelay(true);
    match tls {
        None => converse(socket, router, stopped).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(socket)).await {
                converse(stream, router, stopped).await;
            }
        }
    }
}

/// Requests and answers on one connection, until the client goes, its time is over, or the program stops. An error is the
/// client's: there is nobody to tell.
async fn converse<S>(stream: S, router: Router, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(LIFETIME) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, connection).await;
}
