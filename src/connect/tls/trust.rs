//! Whom to trust, by `sslmode`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificates;
use crate::connect::conninfo::{RootCert, Ssl, SslMode};

/// The verifier for one `sslmode`.
///
/// As in libpq, `require` checks the authority (not the name) where a root certificate is present, and weaker modes
/// check nothing.
pub(super) fn verifier(
    ssl: &Ssl,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let roots = roots(ssl)?;
    let (check, roots) = match (ssl.mode, roots) {
        (SslMode::Require | SslMode::VerifyCa, Some(roots)) => (Check::Authority, roots),
        (SslMode::VerifyFull, Some(roots)) => (Check::Everything, roots),
        (SslMode::VerifyCa | SslMode::VerifyFull, None) => {
            return Err(
                "there is no root certificate to check the server's with; give sslrootcert=FILE, or \
                        sslrootcert=system for a public authority"
                    .to_owned(),
            );
        }
        (_, _) => {
            return Ok(Arc::new(Unchecked(provider.signature_verification_algorithms.supported_schemes())));
        }
    };
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(file) = &ssl.revoked {
        builder = builder.with_crls(revoked(file)?).allow_unknown_revocation_status();
    }
    let chain = builder.build().map_err(|error| error.to_string())?;
    Ok(Arc::new(Checked { chain, check }))
}

fn revoked(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let problem = |cause| format!("cannot read revocation list {}: {cause}", file.display());
    CertificateRevocationListDer::pem_file_iter(file)
        .map_err(problem)?
        .collect::<Result<_, _>>()
        .map_err(problem)
}

/// The trusted authorities; `None` where none are configured and none are needed.
fn roots(ssl: &Ssl) -> Result<Option<RootCertStore>, String> {
    if ssl.mode < SslMode::Require {
        return Ok(None);
    }
    let mut store = RootCertStore::empty();
    match &ssl.root {
        RootCert::System => {
            let (system, added) = system();
            if added == 0 {
                return Err("this system has no certificate store; give sslrootcert=FILE".to_owned());
            }
            store = system;
        }
        // As in libpq: a missing file is an error only where the mode promises a check.
        RootCert::File(file) if ssl.mode == SslMode::Require && !file.exists() => return Ok(None),
        RootCert::Default(file) => match file.as_ref().filter(|file| file.exists()) {
            Some(file) => add(&mut store, file)?,
            None => return Ok(None),
        },
        RootCert::File(file) => add(&mut store, file)?,
    }
    Ok(Some(store))
}

/// The system's authorities, and how many they are.
pub(super) fn system() -> (RootCertStore, usize) {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (store, added)
}

fn add(store: &mut RootCertStore, file: &Path) -> Result<(), String> {
    for certificate in certificates(file)? {
        store
            .add(certificate)
            .map_err(|error| format!("cannot use root certificate {}: {error}", file.display()))?;
    }
    Ok(())
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// That a trusted authority signed it: `verify-ca`.
    Authority,
    /// That it also carries the host's name: `verify-full`.
    Everything,
}

/// Checks the chain, and the name where that is asked for.
#[derive(Debug)]
struct Checked {
    chain: Arc<WebPkiServerVerifier>,
    check: Check,
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is checked last, so everything else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Accepts every certificate: encryption without authentication, which is all that `require` promises. The
/// signature is accepted too, because checking it would refuse X.509 v1 certificates and prove nothing.
#[derive(Debug)]
struct Unchecked(Vec<SignatureScheme>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
