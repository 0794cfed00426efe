//! `pooltop size`: the arithmetic by flags, env file, preset, questions' absence, and with a real server's limits.

use serde_json::Value;

use super::program::Home;
use crate::support::{Postgres, PostgresOptions};

fn json(home: &Home, args: &[&str]) -> Value {
    let ran = home.run(&[&["size", "--format", "json"], args].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}: {ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_worked_examples_come_out_of_the_flags() {
    let home = Home::new();
    let document = json(&home, &["--workers", "4", "--services", "2", "--reserved", "20"]);
    assert_eq!(document["schema"], "pooltop.size/1");
    let budget = &document["budget"];
    assert_eq!(
        (&budget["demand"], &budget["usable"], &budget["headroom"]),
        (&140.into(), &90.into(), &(-50).into())
    );
    assert_eq!(document["inputs"]["workers"], serde_json::json!({ "value": 4, "source": "given" }));
    assert_eq!(document["inputs"]["cores"], serde_json::json!({ "value": null, "source": null }));
    let document = json(&home, &["--pods", "3", "--rate", "300", "--hold", "100ms", "--cores", "8"]);
    assert_eq!((&document["load"]["staffing"], &document["load"]["shared"]), (&16.into(), &41.into()));
    assert_eq!(document["busy_ceiling"], 16);
    let document = json(&home, &["--max-overflow", "-1"]);
    assert_eq!(
        (&document["budget"]["demand"], &document["budget"]["headroom"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn the_text_says_it_in_a_sentence_and_gives_settings_and_what_misleads() {
    let home = Home::new();
    let ran =
        home.run(&["size", "--preset", "production", "--provider", "rds", "--rate", "30", "--hold", "100ms"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    for said in [
        "5 pools can open 210 connections, 90 of 100 are usable: 120 too many, at most 16 per pool fit.",
        "ParameterValue=227",
        "reboot-db-instance",
        "pool_timeout=30, pool_recycle=1800,",
        "maximumPoolSize=",
        "\"pool size = concurrent requests / query time\" gives 300; right: 3 busy connections.",
        "  preset   pods 5, pool-size 20, max-overflow 20, reserved 10, pool-recycle 30m",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
}

#[test]
fn an_env_files_variables_come_back_under_their_names() {
    let home = Home::new();
    home.write(
        ".env",
        "SECRET=hunter2\nexport DB_POOL_SIZE=5\nDB_MAX_OVERFLOW=10 # burst\nDB_POOL_PRE_PING=True\n",
    );
    let ran = home.run(&["size", "--env-file", ".env", "--workers", "4", "--services", "2"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(
        ran.out.contains("  DB_POOL_SIZE=5\n  DB_MAX_OVERFLOW=6\n  DB_POOL_PRE_PING=true\n"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("hunter2"));
    home.write("other.env", "PORT=80\n");
    let ran = home.run(&["size", "--env-file", "other.env"]);
    assert!(ran.code == 0 && ran.err.contains("none of the variables"), "{ran:?}");
}

#[test]
fn nonsense_ends_with_2_and_names_the_flag_and_what_is_valid() {
    let home = Home::new();
    home.write("bad.env", "DB_POOL_SIZE=500\n");
    for (args, said) in [
        (&["--pool-size", "101"][..], "'101' is no value for --pool-size: 1 to 100, or 0 = unlimited"),
        (&["--max-overflow", "-2"], "'-2' is no value for --max-overflow: 0 to 100, or -1 = unlimited"),
        (&["--pool-timeout", "0"], "--pool-timeout"),
        (&["--hold", "soon"], "--hold: a span of time such as 50ms"),
        (&["--pods", "1.5"], "--pods: 1 to 10000"),
        (&["--max-connections", "3"], "--max-connections: more than the 3"),
        (&["--preset", "huge"], "possible values: development, staging"),
        (&["--provider", "moon"], "possible values: self-hosted, rds"),
        (&["--pool", "api"], "TARGET"),
        (&["--env-file", "bad.env"], "'500' is no value for DB_POOL_SIZE: 1 to 100, or 0 = unlimited"),
        (&["--env-file", "none.env"], "cannot read none.env"),
        (&["pgbouncer://127.0.0.1:1"], "name one, a pooler's console does not tell it"),
        (&["nobody"], "nobody"),
    ] {
        let ran = home.run(&[&["size"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    let ran = home.run(&["size", "postgres://127.0.0.1:1/none", "--for", "0"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    assert!(ran.err.contains("leave TARGET out and give --max-connections"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_limits_and_use_are_its_own() {
    let options = PostgresOptions { max_connections: 60, ..PostgresOptions::default() };
    let server = Postgres::start(&options);
    let mut held = Vec::new();
    for name in ["api", "api", "api", "worker", "worker"] {
        held.push(server.hold(name, "SELECT 1").await);
    }
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    home.write(
        "pooltop.toml",
        &format!(
            "[profiles.shop]\n[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"{url}\"\ncores = 4\nprovider = \"azure\"\n\
             [[profiles.shop.pools]]\nname = \"api\"\napplication_name = \"api\"\npool_size = 8\nmax_overflow = 4\nworkers = 2\n"
        ),
    );
    let document = json(&home, &["shop", "--config", "pooltop.toml", "--for", "0", "--pool", "api*"]);
    let input =
        |name: &str| (document["inputs"][name]["value"].clone(), document["inputs"][name]["source"].clone());
    assert_eq!(input("max_connections"), (60.into(), "live".into()));
    assert_eq!(input("superuser_reserved_connections"), (3.into(), "live".into()));
    assert_eq!((input("cores").0, input("provider").0), (4.into(), "azure".into()));
    assert_eq!((input("pool_size"), input("workers").0), ((8.into(), "profile".into()), 2.into()));
    assert_eq!(input("reserved"), (2.into(), "live".into()), "the two of the worker");
    assert_eq!(document["live"]["used"], 6, "pooltop's own is one of them");
    assert_eq!(document["live"]["sized"]["total"], 3);
    assert_eq!(document["budget"]["usable"], 50);
    assert_eq!(document["budget"]["demand"], 26);

    let ran = home.run(&["size", &url, "--for", "0", "--pool", "nobody"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("'nobody' is no value for --pool") && ran.err.contains("worker"), "{}", ran.err);
}
