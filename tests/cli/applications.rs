//! Applications on the command line and in a profile.

use serde_json::Value;

use super::program::Home;
use crate::support::{HttpServer, Reply};

const HEALTH: &str = r#"{"status":"healthy","pool_size":5,"checked_in":1,"checked_out":4,"overflow":0}"#;

#[test]
fn the_doctor_looks_at_an_application_by_its_address() {
    let server = HttpServer::start(|_| Reply::json(HEALTH));
    let ran = Home::new().run(&["doctor", &server.url("/health")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("SQLAlchemy health (JSON)") && ran.out.contains("used 4, idle 1"), "{ran:?}");
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_its_file() {
    let server = HttpServer::start_tls(|_| Reply::json(HEALTH));
    let home = Home::new();
    let refused = home.run(&["doctor", &server.url("/health")]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.out.contains("SSL_CERT_FILE"), "{refused:?}");
    home.write("ca.pem", server.authority.as_deref().unwrap());
    let mut command = home.command(&["doctor", &server.url("/health")]);
    let ran =
        super::program::Ran::from(command.env("SSL_CERT_FILE", home.path().join("ca.pem")).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_profile_gives_the_secret_and_a_snapshot_shows_the_target_and_never_the_secret() {
    let server = HttpServer::start(|request| match request.header("authorization") {
        Some("Bearer hunter2") => Reply::json(HEALTH),
        _ => Reply::of(401, "text/plain", ""),
    });
    let dead = crate::support::free_port();
    let home = Home::new();
    home.write(
        ".config/pooltop/config.toml",
        &format!(
            "[[profiles.shop.apps]]\nname = \"api\"\nurl = \"{}\"\nbearer = \"hunter2\"\n\
             [[profiles.shop.apps]]\nname = \"dead\"\nurl = \"http://127.0.0.1:{dead}/health\"\n",
            server.url("/health")
        ),
    );
    let ran = home.run(&["snapshot", "shop", "--for", "0s", "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let target = |at: usize, key: &str| document["targets"][at][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (target(0, "name"), target(0, "kind"), target(0, "state")),
        ("api".into(), "app".into(), "live".into())
    );
    assert_eq!((target(1, "name"), target(1, "state")), ("dead".into(), "down".into()), "each fails alone");
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
    let shown = home.run(&["profiles", "test", "shop"]);
    assert!(shown.out.contains("api: ok, SQLAlchemy health (JSON)"), "{shown:?}");
    assert!(shown.err.contains("Connection refused"), "{shown:?}");
    let typed = home.run(&["doctor", &server.url("/health")]);
    assert!(typed.code == 3 && typed.out.contains("`bearer`"), "{typed:?}");
}
