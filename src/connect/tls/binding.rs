//! `tls-server-end-point` (RFC 5929): what SCRAM binds itself to.

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_1_WITH_RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};

/// The certificate's hash, by the hash of its own signature (SHA-1 counts as SHA-256).
///
/// `None` for algorithms without a hash of their own (Ed25519) or with one in parameters (RSA-PSS): binding is not
/// defined or not agreed on for these.
pub(in crate::connect) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm: ObjectIdentifier = Certificate::from_der(certificate).ok()?.signature_algorithm.oid;
    match algorithm {
        SHA_1_WITH_RSA_ENCRYPTION | SHA_256_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_256 => {
            Some(Sha256::digest(certificate).to_vec())
        }
        SHA_384_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_384 => Some(Sha384::digest(certificate).to_vec()),
        SHA_512_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_512 => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}
