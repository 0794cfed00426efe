//! TLS against a real server: six modes, both certificates, channel binding, and what failures say.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pooltop::connect::{Connection, Console};
use pooltop::model::target::{TargetError, Wire};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::{connect, info};
use crate::support::{Auth, Postgres, PostgresOptions};

/// An authority with its file, and a second one that nobody trusts.
pub(crate) struct Authority {
    directory: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) root: PathBuf,
    pub(crate) stranger: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate().unwrap();
            let file = directory.path().join(format!("{name}.crt"));
            std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
            (Issuer::new(params, key), file)
        };
        let (issuer, root) = authority("root");
        let (_, stranger) = authority("stranger");
        Self { directory, issuer, root, stranger }
    }

    /// A certificate and its key, as PEM.
    pub(crate) fn certificate(&self, common_name: &str, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A certificate without version 3's extensions, as `openssl x509 -req` makes it by default.
    #[expect(clippy::print_stderr, reason = "what is skipped says so loudly")]
    fn version_1(&self, common_name: &str) -> Option<(String, String)> {
        let at = |name: &str| self.directory.path().join(name).display().to_string();
        std::fs::write(at("ca.key"), self.issuer.key().serialize_pem()).unwrap();
        let openssl = |arguments: &[&str]| {
            std::process::Command::new("openssl")
                .args(arguments)
                .output()
                .is_ok_and(|done| done.status.success())
        };
        let (key, request, done) = (at("v1.key"), at("v1.csr"), at("v1.crt"));
        let subject = format!("/CN={common_name}");
        let made = openssl(&[
            "req", "-new", "-nodes", "-newkey", "rsa:2048", "-keyout", &key, "-out", &request, "-subj",
            &subject,
        ]) && openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &at("root.crt"),
            "-CAkey",
            &at("ca.key"),
            "-CAcreateserial",
            "-out",
            &done,
        ]);
        if !made {
            eprintln!("SKIPPED: no openssl command to make a version 1 certificate");
            return None;
        }
        Some((std::fs::read_to_string(done).unwrap(), std::fs::read_to_string(key).unwrap()))
    }

    /// A file of ours with owner-only permissions.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let file = self.directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file
    }
}

/// Switches TLS on with a certificate.
async fn serve(server: &Postgres, authority: &Authority, (certificate, key): (String, String)) {
    server.write_file("server.crt", &certificate);
    server.write_file("server.key", &key);
    server.write_file("root.crt", &std::fs::read_to_string(&authority.root).unwrap());
    server.execute("ALTER SYSTEM SET ssl = on").await;
    server.execute("ALTER SYSTEM SET ssl_ca_file = 'root.crt'").await;
    server.restart("INT");
}

/// A server that takes TLS only, plain only, or either, by user; passwords by SCRAM, certificates for `cert_user`.
fn options() -> PostgresOptions {
    PostgresOptions {
        auth: Auth::Scram,
        hba: [
            "hostssl all tls_only 127.0.0.1/32 trust",
            "hostnossl all plain_only 127.0.0.1/32 trust",
            "hostssl all cert_user 127.0.0.1/32 cert",
            "host all either 127.0.0.1/32 trust",
            "host all tls_only,plain_only,cert_user 127.0.0.1/32 reject",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..PostgresOptions::default()
    }
}

const ROLES: &str = "CREATE ROLE tls_only LOGIN; CREATE ROLE plain_only LOGIN; CREATE ROLE cert_user LOGIN;
                     CREATE ROLE either LOGIN; CREATE ROLE scram LOGIN PASSWORD 'sécret'";

/// Connects as a user with further keys and tells whether it is encrypted.
async fn attempt(server: &Postgres, user: &str, keys: &str) -> Result<Connection, TargetError> {
    let dsn = format!("hostaddr=127.0.0.1 port={} dbname=postgres user={user} {keys}", server.port);
    connect(&dsn).await
}

#[tokio::test]
async fn every_mode_behaves_as_in_libpq() {
    let authority = Authority::new();
    let server = Postgres::start(&options());
    server.execute(ROLES).await;
    serve(&server, &authority, authority.certificate("db1", &["db1", "db1.internal"])).await;
    let root = format!("sslrootcert={}", authority.root.display());
    let stranger = format!("sslrootcert={}", authority.stranger.display());
    let (tls, plain) = (Some(true), Some(false));
    for (user, keys, encrypted) in [
        ("either", "host=db1 sslmode=disable".to_owned(), plain),
        ("either", "host=db1 sslmode=allow".to_owned(), plain),
        ("either", "host=db1 sslmode=prefer".to_owned(), tls),
        ("either", "host=db1 sslmode=require".to_owned(), tls),
        ("either", format!("host=other sslmode=require {root}"), tls),
        ("either", format!("host=db1 sslmode=require {stranger}"), None),
        ("either", format!("host=other sslmode=verify-ca {root}"), tls),
        ("either", format!("host=db1 sslmode=verify-ca {stranger}"), None),
        ("either", format!("host=db1 sslmode=verify-full {root}"), tls),
        ("either", format!("host=other sslmode=verify-full {root}"), None),
        ("either", "host=db1 sslmode=verify-full".to_owned(), None),
        ("either", "host=db1 sslrootcert=system".to_owned(), None),
        ("tls_only", "host=db1 sslmode=disable".to_owned(), None),
        ("tls_only", "host=db1 sslmode=allow".to_owned(), tls),
        ("tls_only", "host=db1 sslmode=prefer".to_owned(), tls),
        ("plain_only", "host=db1 sslmode=prefer".to_owned(), plain),
        ("plain_only", "host=db1 sslmode=require".to_owned(), None),
    ] {
        let outcome = attempt(&server, user, &keys).await;
        let got = outcome.as_ref().ok().map(Connection::is_encrypted);
        assert_eq!(got, encrypted, "{user} {keys}: {:?}", outcome.err());
    }
    let direct = attempt(&server, "tls_only", "sslmode=require").await.unwrap();
    assert_eq!(direct.wire(), Wire::Direct, "TLS changes nothing about the wire");
}

#[tokio::test]
async fn failures_of_tls_name_the_cause_and_the_cure() {
    let authority = Authority::new();
    let server = Postgres::start(&options());
    server.execute(ROLES).await;
    let root = authority.root.display();
    let hinted = async |keys: String, part: &str| {
        let error = attempt(&server, "either", &keys).await.expect_err(&keys);
        let hint = error.hint.clone().unwrap_or_default();
        assert!(hint.contains(part) || error.message.contains(part), "{keys}: {error:?}");
    };
    hinted("host=db1 sslmode=require".to_owned(), "does not offer it").await;
    serve(&server, &authority, authority.certificate("db1", &[])).await;
    hinted(format!("host=db1 sslmode=verify-full sslrootcert={root}"), "subjectAltName").await;
    hinted(
        format!("host=db1 sslmode=verify-ca sslrootcert={}", authority.stranger.display()),
        "no trusted authority",
    )
    .await;
    hinted("host=db1 sslmode=verify-full".to_owned(), "sslrootcert").await;
    hinted("host=db1 sslmode=verify-ca sslrootcert=/nowhere/root.crt".to_owned(), "/nowhere/root.crt").await;
    if let Some(version_1) = authority.version_1("db1") {
        serve(&server, &authority, version_1).await;
        hinted(format!("host=db1 sslmode=verify-ca sslrootcert={root}"), "X.509 v1").await;
        assert!(
            attempt(&server, "either", "sslmode=require").await.is_ok(),
            "require takes a version 1 certificate"
        );
    }
}

#[tokio::test]
async fn client_certificates_log_in_also_those_of_version_1() {
    let authority = Authority::new();
    let server = Postgres::start(&options());
    server.execute(ROLES).await;
    serve(&server, &authority, authority.certificate("db1", &["db1"])).await;
    let mut pairs = vec![("3", authority.certificate("cert_user", &[]))];
    pairs.extend(authority.version_1("cert_user").map(|pair| ("1", pair)));
    for (version, (certificate, key)) in pairs {
        let certificate = authority.file(&format!("client{version}.crt"), &certificate);
        let key = authority.file(&format!("client{version}.key"), &key);
        let keys = format!("sslmode=require sslcert={} sslkey={}", certificate.display(), key.display());
        let connection = attempt(&server, "cert_user", &keys).await;
        assert!(connection.is_ok_and(|connection| connection.is_encrypted()), "version {version}");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open_key = attempt(&server, "cert_user", &keys).await.unwrap_err();
        assert!(open_key.message.contains("permissions 0644"), "{open_key}");
    }
    let without = attempt(&server, "cert_user", "sslmode=require").await.unwrap_err();
    assert!(
        without.refused && without.hint.as_ref().is_some_and(|hint| hint.contains("sslcert")),
        "{without:?}"
    );
}

#[tokio::test]
async fn scram_binds_itself_to_the_channel() {
    let authority = Authority::new();
    let server = Postgres::start(&options());
    server.execute(ROLES).await;
    serve(&server, &authority, authority.certificate("db1", &["db1"])).await;
    for (keys, works) in [
        ("sslmode=require channel_binding=require", true),
        ("sslmode=require channel_binding=disable", true),
        ("sslmode=disable", true),
        ("sslmode=disable channel_binding=require", false),
    ] {
        let keys = format!("password=sécret {keys}");
        assert_eq!(attempt(&server, "scram", &keys).await.is_ok(), works, "session: {keys}");
        let dsn = format!("host=127.0.0.1 port={} dbname=postgres user=scram {keys}", server.port);
        assert_eq!(Console::open(&info(&dsn)).await.is_ok(), works, "console: {keys}");
    }
}
