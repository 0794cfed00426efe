//! TLS in libpq's terms: whether to ask for it, whom to trust, who we are.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::conninfo::{Host, Place, Ssl, SslMode};
use super::socket::Socket;

mod binding;
mod trust;

pub(super) use binding::server_end_point;

/// Whether one attempt uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// In clear.
    Plain,
    /// With TLS where the server offers it.
    Offered,
    /// With TLS or not at all.
    Required,
}

/// The attempts that an `sslmode` stands for, in order. A Unix socket never has TLS.
pub(super) fn plan(mode: SslMode, unix: bool) -> &'static [Security] {
    match mode {
        _ if unix => &[Security::Plain],
        SslMode::Disable => &[Security::Plain],
        SslMode::Allow => &[Security::Plain, Security::Required],
        SslMode::Prefer => &[Security::Offered, Security::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Security::Required],
    }
}

/// Why TLS did not come about.
pub(super) enum TlsError {
    /// A file or a name of ours cannot be used.
    Settings(String),
    /// The server does not offer it.
    NotOffered,
    /// The handshake failed.
    Handshake(io::Error),
}

/// `SSLRequest`: length 8, code 1234.5679.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What came of asking for TLS.
pub(super) enum Secured {
    Tls(Box<TlsStream<Socket>>),
    /// The server said no, and plain will do.
    Plain(Socket),
}

/// Asks the server for TLS (unless it is to begin at once) and shakes hands.
pub(super) async fn negotiate(
    mut socket: Socket,
    ssl: &Ssl,
    host: &Host,
    security: Security,
    alpn: Option<&[u8]>,
) -> Result<Secured, TlsError> {
    if !ssl.direct {
        socket.write_all(&REQUEST).await.map_err(TlsError::Handshake)?;
        match socket.read_u8().await.map_err(TlsError::Handshake)? {
            b'S' => {}
            b'N' if security == Security::Offered => return Ok(Secured::Plain(socket)),
            b'N' => return Err(TlsError::NotOffered),
            // Servers older than TLS, and whatever else listens there.
            _ => {
                return Err(TlsError::Handshake(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "no answer to SSLRequest",
                )));
            }
        }
    }
    let config = config(ssl, alpn).map_err(TlsError::Settings)?;
    let name = server_name(host).map_err(TlsError::Settings)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket);
    stream.await.map(|stream| Secured::Tls(Box::new(stream))).map_err(TlsError::Handshake)
}

/// The name that the certificate must carry; the host as it was written.
fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    let name = match &host.place {
        Place::Name(name) => name.as_str(),
        Place::Default | Place::Unix(_) => "localhost",
    };
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("`{name}` is not a name that a certificate can carry"))
}

/// The configuration of one handshake. Files are read every time: certificates are renewed while pooltop runs.
fn config(ssl: &Ssl, alpn: Option<&[u8]>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = trust::verifier(ssl, &provider)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity(ssl, &provider)? {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
    config.enable_sni = ssl.sni;
    Ok(config)
}

/// What other protocols than PostgreSQL's trust: the system's authorities (or those of `SSL_CERT_FILE`), names checked.
///
/// A system without any is no error here: it is one where a certificate has to be checked.
pub fn system_tls() -> Result<ClientConfig, String> {
    let (roots, _) = trust::system();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Our own certificate and key, where they are given. Made by hand, because the usual way refuses the X.509 v1
/// certificates that `openssl x509 -req` makes without an extensions file.
fn identity(ssl: &Ssl, provider: &CryptoProvider) -> Result<Option<Arc<dyn ResolvesClientCert>>, String> {
    let (certificate, key) = match (&ssl.certificate, &ssl.key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(certificate), None) => {
            return Err(format!("there is a certificate {} but no key; give sslkey", certificate.display()));
        }
        (None, _) => return Ok(None),
    };
    let chain = certificates(certificate)?;
    check_permissions(key)?;
    let key_error = |cause: String| format!("cannot use key {}: {cause}", key.display());
    let der = PrivateKeyDer::from_pem_file(key).map_err(|cause| key_error(pem_problem(&cause)))?;
    let key = provider.key_provider.load_private_key(der).map_err(|cause| key_error(cause.to_string()))?;
    Ok(Some(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)))))
}

/// Every certificate of a PEM file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let problem = |cause: &str| format!("cannot read certificate {}: {cause}", file.display());
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|cause| problem(&pem_problem(&cause)))?.collect();
    match found {
        Ok(certificates) if certificates.is_empty() => Err(problem("there is none in it")),
        Ok(certificates) => Ok(certificates),
        Err(cause) => Err(problem(&pem_problem(&cause))),
    }
}

fn pem_problem(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(cause) => cause.to_string(),
        Error::NoItemsFound => {
            "nothing usable in it (a key with a passphrase must be decrypted first)".to_owned()
        }
        other => other.to_string(),
    }
}

/// libpq's rule: a key is for its owner, or for root's and a group's eyes.
fn check_permissions(key: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let about =
            std::fs::metadata(key).map_err(|cause| format!("cannot read key {}: {cause}", key.display()))?;
        let mode = about.permissions().mode() & 0o777;
        let allowed = if about.uid() == 0 { 0o640 } else { 0o600 };
        if mode & !allowed & 0o077 != 0 {
            return Err(format!("key {} has permissions {mode:04o}; chmod 600 it", key.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_its_attempts() {
        use Security::{Offered, Plain, Required};
        for (mode, expected) in [
            (SslMode::Disable, &[Plain][..]),
            (SslMode::Allow, &[Plain, Required]),
            (SslMode::Prefer, &[Offered, Plain]),
            (SslMode::Require, &[Required]),
            (SslMode::VerifyCa, &[Required]),
            (SslMode::VerifyFull, &[Required]),
        ] {
            assert_eq!(plan(mode, false), expected, "{mode:?}");
            assert_eq!(plan(mode, true), [Plain], "{mode:?} on a Unix socket");
        }
    }
}
