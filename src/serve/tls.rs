//! TLS from certificate files.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::listen::{ServeError, TlsFiles};

/// Reads the files.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let chain = chain(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unreadable(&files.key, "a private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ServeError::Tls(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unfit(files, &error))?;
    let mut config = config;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let what = "a certificate";
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(file, what, &error))?;
    let chain: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|error| unreadable(file, what, &error))?;
    if chain.is_empty() {
        return Err(unreadable(file, what, &pem::Error::NoItemsFound));
    }
    Ok(chain)
}

fn unreadable(file: &Path, what: &str, error: &pem::Error) -> ServeError {
    let why = match error {
        pem::Error::Io(error) => return ServeError::Tls(format!("cannot read {}: {error}", file.display())),
        pem::Error::NoItemsFound => format!("it holds no {}", what.trim_start_matches("a ")),
        other => other.to_string(),
    };
    ServeError::Tls(format!("{} is not {what} in PEM: {why}", file.display()))
}

fn unfit(files: &TlsFiles, error: &rustls::Error) -> ServeError {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    match error {
        rustls::Error::InconsistentKeys(_) => {
            ServeError::Tls(format!("the key in {key} is not that of the certificate in {certificate}"))
        }
        other => ServeError::Tls(format!("cannot use {certificate} with {key}: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let certificate = write("cert.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let foreign = write("other.pem", &other.serialize_pem());
        let empty = write("empty.pem", "");
        let cut = write("cut.pem", &made.cert.pem()[..120]);
        let missing = directory.path().join("missing.pem");
        for (certificate, key, said) in [
            (&missing, &key, "cannot read"),
            (&certificate, &missing, "cannot read"),
            (&empty, &key, "empty.pem is not a certificate in PEM: it holds no certificate"),
            (&cut, &key, "cut.pem is not a certificate in PEM"),
            (&certificate, &empty, "it holds no private key"),
            (&key, &key, "key.pem is not a certificate"),
            (&certificate, &foreign, "is not that of the certificate"),
        ] {
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
            let error = acceptor(&files).map(drop).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(acceptor(&TlsFiles { certificate, key }).is_ok());
    }
}
