//! A small HTTP server for the tests, by hand on blocking sockets: it can also do what a decent server would not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl HttpRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, headers and a body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// Nothing, until the client goes.
    Hang,
    /// The beginning of a body that never ends, one byte at a time, until the client goes.
    Dribble,
    /// A body without end, as fast as it is taken.
    Flood,
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
}

impl Reply {
    pub fn json(body: &str) -> Self {
        Self::of(200, "application/json", body)
    }

    pub fn of(status: u16, content_type: &str, body: &str) -> Self {
        Self::Answer(status, vec![("Content-Type".into(), content_type.into())], body.into())
    }

    pub fn redirect(to: &str) -> Self {
        Self::Answer(302, vec![("Location".into(), to.into())], Vec::new())
    }
}

/// A running server; it stops when dropped.
pub struct HttpServer {
    pub port: u16,
    /// The certificate that signed the server's, where it speaks TLS.
    pub authority: Option<String>,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
    stopped: Arc<AtomicBool>,
}

type Handler = Arc<dyn Fn(&HttpRequest) -> Reply + Send + Sync>;

impl HttpServer {
    pub fn start(handler: impl Fn(&HttpRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(handler), None)
    }

    /// The same with TLS and a certificate for `localhost` that only its own authority signed.
    pub fn start_tls(handler: impl Fn(&HttpRequest) -> Reply + Send + Sync + 'static) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let signed = authority.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(authority, key);
        let own_key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(own_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let mut server = Self::run(Arc::new(handler), Some(Arc::new(config)));
        server.authority = Some(signed.pem());
        server
    }

    fn run(handler: Handler, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, stopped) = (Arc::<Mutex<Vec<HttpRequest>>>::default(), Arc::<AtomicBool>::default());
        let (seen, ends) = (Arc::clone(&requests), Arc::clone(&stopped));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, seen, tls) = (Arc::clone(&handler), Arc::clone(&seen), tls.clone());
                thread::spawn(move || {
                    // A client that goes away in the middle is no failure of the server.
                    let _ = match tls {
                        Some(config) => {
                            rustls::ServerConnection::new(config).map_err(std::io::Error::other).and_then(
                                |session| serve(rustls::StreamOwned::new(session, socket), &*handler, &seen),
                            )
                        }
                        None => serve(socket, &*handler, &seen),
                    };
                });
            }
        });
        Self { port, authority: None, requests, stopped }
    }

    pub fn url(&self, path: &str) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}{path}", self.port),
            None => format!("http://127.0.0.1:{}{path}", self.port),
        }
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    mut stream: impl Read + Write,
    handler: &dyn Fn(&HttpRequest) -> Reply,
    seen: &Mutex<Vec<HttpRequest>>,
) -> std::io::Result<()> {
    let request = match read(&mut stream) {
        Ok(request) => request,
        Err(error) => return stream.write_all(b"HTTP/1.1 400 Said\r\n\r\n").and(Err(error)),
    };
    seen.lock().unwrap().push(request.clone());
    match handler(&request) {
        Reply::Answer(status, headers, body) => {
            write!(
                stream,
                "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n",
                body.len()
            )?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)?;
        }
        Reply::Hang => {
            let _ = stream.read(&mut [0]);
        }
        Reply::Dribble => {
            stream.write_all(b"HTTP/1.1 200 Said\r\nContent-Length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                stream.flush()?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        Reply::Flood => {
            stream.write_all(b"HTTP/1.1 200 Said\r\n\r\n")?;
            let lines = "up 1\n".repeat(100_000);
            loop {
                stream.write_all(lines.as_bytes())?;
            }
        }
        Reply::Raw(bytes) => stream.write_all(&bytes)?,
    }
    stream.flush()
}

fn read(stream: &mut impl Read) -> std::io::Result<HttpRequest> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
        if !head[0].is_ascii_uppercase() {
            // No method begins like this: it is TLS.
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok(HttpRequest {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
    })
}
