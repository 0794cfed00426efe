//! Exit codes, and what a shell or a packager asks for.

use super::program::Home;
use crate::support::{Auth, Postgres, PostgresOptions, free_port};

#[test]
fn mistakes_of_the_command_line_and_the_configuration_end_with_2_and_say_what() {
    let home = Home::new();
    home.write("bad.toml", "default_profile = \"none\"\nintervall = \"1s\"\n");
    home.write("ok.toml", "[profiles.shop]\n[[profiles.shop.postgres]]\nurl = \"postgres://db1/shop\"\n");
    let url = "postgres://127.0.0.1:1/none";
    for (args, said) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["snapshot", url, "--format", "yaml"], "yaml"),
        (&["snapshot", url, "--for", "soon"], "not a span of time"),
        (&["snapshot", url, "--format", "csv", "--table", "nothing"], "no table 'nothing'; known: "),
        (&["snapshot", "nobody", "--config", "ok.toml"], "nobody"),
        (&["snapshot", "shop", url, "--config", "ok.toml"], "cannot be mixed"),
        (&["snapshot", url, "--config", "missing.toml"], "missing.toml does not exist"),
        (&["snapshot", url, "--config", "bad.toml"], "intervall"),
        (&["config", "check", "--config", "bad.toml"], "intervall"),
        (&["terminate", url], "say which sessions"),
        (&["cancel", url, "--yes"], "say which sessions"),
        (&["snapshot", "postgres://127.0.0.1:1/none?sslmode=perhaps"], "sslmode"),
        (&[url], "the dashboard needs a terminal"),
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_target_answers_it_ends_with_3_and_says_why() {
    let options = PostgresOptions { auth: Auth::Scram, ..PostgresOptions::default() };
    let server = Postgres::start(&options);
    server.execute("CREATE ROLE watcher LOGIN PASSWORD 'right'").await;
    let nobody = format!("postgres://127.0.0.1:{}/none", free_port());
    let wrong = server.url("watcher:hunter2", "postgres");
    let home = Home::new();
    for (url, said) in [(&nobody, "refused"), (&wrong, "28P01")] {
        for command in
            [&["snapshot", "--for", "0"][..], &["terminate", "--pid", "1"], &["cancel", "--pid", "1"]]
        {
            let args = [&[command[0], url.as_str()], &command[1..]].concat();
            let ran = home.run(&args);
            assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
            assert!(ran.err.to_lowercase().contains(&said.to_lowercase()), "{args:?}: {}", ran.err);
            assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{ran:?}");
            if command[0] == "snapshot" {
                let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
                assert_ne!(document["targets"][0]["state"], "live");
                assert!(document["targets"][0]["error"]["message"].is_string(), "{document:#}");
            }
        }
    }
}

#[test]
fn what_packagers_ask_for_is_produced() {
    let home = Home::new();
    for (args, contains) in [
        (&["--help"][..], "Usage: pooltop"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["snapshot", "--help"], "--redact"),
        (&["size", "--help"], "--superuser-reserved-connections"),
        (&["terminate", "--help"], "--idle-in-transaction-for"),
        (&["man"], ".TH pooltop"),
        (&["completions", "bash"], "complete -F _pooltop"),
        (&["completions", "zsh"], "#compdef pooltop"),
        (&["completions", "fish"], "complete -c pooltop"),
        (&["config", "example"], "[profiles."),
        (&["themes"], "dark"),
    ] {
        let ran = home.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        assert!(ran.out.contains(contains) && ran.err.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_profile_is_added_shown_and_removed_without_its_password() {
    let home = Home::new();
    let run = |args: &[&str], code: i32| {
        let ran = home.run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        ran.out + &ran.err
    };
    run(&["profiles", "add", "shop", "postgres://ada@db1/shop", "--label", "LIVE", "--production"], 0);
    assert!(run(&["profiles", "list"], 0).contains("LIVE"));
    assert!(run(&["profiles", "show", "shop"], 0).contains("db1"));
    assert!(run(&["config", "path"], 0).contains("config.toml"));
    run(&["config", "check"], 0);
    let said = run(&["profiles", "add", "secret", "postgres://ada:hunter2@db1/shop"], 2);
    assert!(!said.contains("hunter2"), "{said}");
    run(&["profiles", "remove", "shop"], 0);
    run(&["profiles", "remove", "shop"], 2);
    let file = std::fs::read_to_string(home.path().join(".config/pooltop/config.toml")).unwrap();
    assert!(!file.contains("hunter2") && !file.contains("db1"), "{file}");
}
