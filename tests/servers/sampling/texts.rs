//! Texts that are hostile, long, or in another encoding never fail a sample.

use tokio_postgres::SimpleQueryMessage;

use super::{Reader, row};
use crate::support::{Postgres, PostgresOptions, installations};

#[tokio::test]
async fn databases_in_any_encoding_are_read_from_databases_in_any_encoding() {
    for installation in installations() {
        let conf = vec!["track_activity_query_size = 100".into()];
        let options =
            PostgresOptions { version: Some(installation.major), conf, ..PostgresOptions::default() };
        let server = Postgres::start(&options);
        for (name, encoding) in [("latin", "LATIN1"), ("ascii", "SQL_ASCII"), ("sjis_like", "EUC_JP")] {
            server.execute(&format!("CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")).await;
        }
        // Each is ä in its own way; the last one is cut by the server in the middle of a character.
        let latin = server.hold_as(server.config("postgres", "latin"), "l", "SELECT 'caf\u{e9}'").await;
        let ascii = server.hold_as(server.config("postgres", "ascii"), "a", "SELECT 'caf\u{e9}'").await;
        let cut = format!("SELECT '{}'", "\u{6f22}".repeat(60));
        let cut = server.hold_as(server.config("postgres", "ascii"), "c", &cut).await;
        for database in ["postgres", "latin", "ascii", "sjis_like"] {
            let mut reader = Reader::open(&server.url("postgres", database)).await;
            let sample = reader.until("facts", |sample| sample.facts.known().is_some()).await;
            assert_eq!(row(&sample, latin.pid).query.as_deref(), Some("SELECT 'caf\\xe9'"), "{database}");
            assert_eq!(row(&sample, ascii.pid).query.as_deref(), Some("SELECT 'caf\u{e9}'"), "{database}");
            let query = row(&sample, cut.pid).query.clone().unwrap();
            assert!(query.starts_with("SELECT '\u{6f22}\u{6f22}"), "{database}: {query}");
        }
    }
}

#[tokio::test]
async fn hostile_names_and_texts_arrive_without_their_control_characters() {
    let server = Postgres::shared();
    let name = "app \x1b]0;owned\x07";
    let held = server.hold(name, "SELECT '\x1b[2J\u{202e}evil'").await;
    server.execute("DROP DATABASE IF EXISTS \"da\x1bta\u{200b}base\"").await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.postgres().await;
    let backend = row(&sample, held.pid);
    for text in [backend.query.as_ref().unwrap(), &backend.session.application_name] {
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[tokio::test]
async fn a_statement_of_a_megabyte_is_cut_and_costs_no_more() {
    let conf = vec!["track_activity_query_size = 1048576".into()];
    let server = Postgres::start(&PostgresOptions { conf, ..PostgresOptions::default() });
    let long = format!("SELECT '\\{}', \u{27}\u{e9}\u{27}", "x".repeat(900_000));
    let held = server.hold("long", &long).await;
    let mut reader = Reader::open(&server.url("postgres", "postgres")).await;
    let sample = reader.postgres().await;
    assert!(row(&sample, held.pid).query.as_deref() == Some(&long[..4096]), "the first 4096 bytes");
    let shown = held.client.simple_query("SELECT 1").await.unwrap();
    assert!(shown.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))));
}
